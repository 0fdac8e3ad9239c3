"""However many requests there are, few statements read those that are shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from jit.ledger import Notes, Question
from jit.ledger.database import writing
from jit.requests.lifecycle import State
from jit.testing import EVE
from tests.world.base import SAM
from tests.world.face import Face
from tests.world.tamper import past_the_guards


@pytest.fixture
def face(tmp_path) -> Face:
    return Face(tmp_path)


def asked(face: Face, many: int, **fields: str) -> None:
    for number in range(many):
        face.clock.move(seconds=1)
        face.story(f"R-{1000 + number}", access=f"orders-db/{number}", **fields).asked()


@contextmanager
def statements(face: Face) -> Iterator[list[str]]:
    seen: list[str] = []

    def executed(_connection, _cursor, statement, *_) -> None:
        seen.append(statement)

    event.listen(face.engine, "before_cursor_execute", executed)
    yield seen
    event.remove(face.engine, "before_cursor_execute", executed)


def counted(face: Face, work: Callable[[], object]) -> int:
    face.ledger.ring.forget()
    with statements(face) as seen:
        work()
    return len(seen)


def test_thirty_requests_are_read_by_as_many_statements_as_two(face):
    asked(face, 30)
    few, many = (counted(face, lambda most=most: face.ledger.requests(Question(limit=most))) for most in (2, 30))
    assert few == many


def test_of_many_that_are_open_security_loads_those_that_are_shown(face, monkeypatch):
    asked(face, 40, requester=EVE)
    loaded: list[str] = []
    load = face.ledger.requests_by_id
    monkeypatch.setattr(face.ledger, "requests_by_id", lambda ids: loaded.extend(ids) or load(ids))
    others = face.visibility().others(SAM, (), 5)
    assert others.number == 40
    assert [request.id for request in others.first] == loaded == [f"R-{1039 - number}" for number in range(5)]


def test_what_waits_for_security_is_not_told_as_of_others_as_well(face):
    asked(face, 3)
    pending = face.ledger.requests(Question(states=frozenset({State.PENDING})))
    assert face.visibility().others(SAM, pending[:2], 5).first == pending[2:]


def test_one_changed_request_takes_none_of_the_others_from_a_list(face):
    asked(face, 9)
    with writing(face.engine) as connection, past_the_guards(connection):
        connection.execute(text("UPDATE entries SET hash = 'x' WHERE request_id = 'R-1004'"))
    found = [request.id for request in face.ledger.requests(Question())]
    assert found == [f"R-{1008 - number}" for number in range(9) if number != 4]


def test_notes_are_found_by_how_their_keys_begin_and_nothing_else(face):
    notes = Notes(face.engine, "cards")
    notes.put(
        {key: key for key in ("card:R-1", "card:\U0010ffff", "car", "card;", "CARD:R-1", "cards", "card%", "carded:")}
    )
    assert set(notes.all("card:")) == {"card:R-1", "card:\U0010ffff"}
    assert len(notes.all()) == 8
