"""What is read before an append, and changed by somebody else before it is recorded."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from jit.clock import SystemClock
from jit.facts import EndCause, Ended, Source, Withdrawn
from jit.ledger import Conflict, Ledger, check_chain, connect, store
from jit.ledger.append import give_place
from jit.ledger.guard.roles import LOGINS
from jit.ledger.privacy.erasing import erase
from jit.requests.lifecycle import Request, State
from jit.testing import ALICE, EVE, Story
from tests.real.test_ledger_form import BENT
from tests.world.facts import late, refused
from tests.world.next_entry import Next, append, as_json, count, rest_of
from tests.world.servers import LedgerDatabase

pytestmark = pytest.mark.real


@pytest.fixture
def single_url(ledger_url: str) -> str:
    if ledger_url.startswith("sqlite"):
        pytest.skip("there the lock is taken first")
    return ledger_url


@pytest.fixture
def ledger(single_url: str) -> Iterator[Ledger]:
    engine = connect(single_url)
    yield Ledger(engine, SystemClock())
    engine.dispose()


@pytest.fixture
def other(single_url: str) -> Iterator[Ledger]:
    engine = connect(single_url)
    yield Ledger(engine, SystemClock())
    engine.dispose()


@pytest.fixture
def meanwhile(monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Has something done between the reading and the recording of the next append of `store`, once."""

    def does(what: Callable[[], object]) -> None:
        def late_place(*given):
            monkeypatch.setattr(store, "give_place", give_place)
            what()
            return give_place(*given)

        monkeypatch.setattr(store, "give_place", late_place)

    return does


def withdrawn(request: Request) -> Withdrawn:
    return Withdrawn.about(request, at=SystemClock().now(), actor=ALICE, source=Source.SLACK)


def test_a_step_of_somebody_elses_in_between_is_seen_and_the_slower_loses(ledger, other, meanwhile) -> None:
    request = Story(ledger, SystemClock()).asked() and ledger.request("R-7F3K")
    meanwhile(lambda: other.append([withdrawn(request)], expect={request.id: 1}))
    with pytest.raises(Conflict):
        ledger.append([withdrawn(request)], expect={request.id: 1})
    assert [entry.fact.kind for entry in ledger.read()] == ["requested", "withdrawn"]


def test_what_is_no_step_in_between_changes_nothing(ledger, other, meanwhile) -> None:
    request = Story(ledger, SystemClock()).asked() and ledger.request("R-7F3K")
    meanwhile(lambda: other.append([refused(SystemClock().now(), request_id=request.id)]))
    after = ledger.append([withdrawn(request)], expect={request.id: 1}).requests[request.id]
    assert after.state is State.WITHDRAWN
    assert check_chain(ledger.read()) == 3


def test_a_key_of_somebody_who_is_erased_in_between_closes_nothing(ledger, other, meanwhile) -> None:
    """Else nothing would ever erase what it closed: its id is recorded as deleted."""
    press = lambda: refused(SystemClock().now(), actor=EVE)  # noqa: E731  one line
    ledger.append([press()])
    meanwhile(lambda: erase(other, EVE, legal_basis="Art. 17", actor="cli:admin@host"))
    ledger.append([press()])
    first, _, last = Ledger(other.engine, other.clock).read()
    assert (first.fact.actor[:7], last.fact.actor) == ("erased:", EVE)


def test_an_alert_that_another_tells_in_between_is_told_once(ledger, other, meanwhile) -> None:
    alert = late(SystemClock().now())
    meanwhile(lambda: other.append([alert]))
    assert ledger.append([alert]).entries == ()
    assert ledger.last_index() == 1


def test_who_records_steps_of_a_request_without_end_keeps_no_end_of_it_from_being_recorded(
    ledger, single_url, monkeypatch
) -> None:
    """It was *overtaken* each time, and so a conflict, as if somebody else had recorded that end."""
    story = Story(ledger, SystemClock())
    story.asked()
    request = ledger.request("R-7F3K")
    how = {"cause": EndCause.EXPIRED, "existed": True, "sessions": 0, "left_behind": ()}
    taken = Ended.about(request, at=SystemClock().now(), actor="worker@host", source=Source.WORKER, **how)

    def place_behind_another(*given):
        with psycopg.connect(single_url, autocommit=True) as session:
            if session.execute("SELECT pg_try_advisory_lock(6973812)").fetchone() == (True,):
                append(session, Next(session).body("revoked", request_id=request.id))
        return give_place(*given)

    monkeypatch.setattr(store, "give_place", place_behind_another)
    assert [entry.fact for entry in ledger.append([taken]).entries] == [taken]


def test_the_call_asks_of_each_fact_what_is_asked_of_an_entry(guarded: LedgerDatabase) -> None:
    with guarded.login("jit_bot") as session:
        good = as_json(Next(session).fact | {"kind": "alert"} | rest_of("alert"))
        bent = [good.replace(old, new, 1) for old, new in BENT.values()]
        bent += [good.replace(f'"{name}":', '"x":', 1) for name in ("id", "kind", "at", "actor", "says")]
        bent += [good.replace("}", ',"more":1}'), good.replace('"says":"x"', '"says":7'), "{}", "[]", ""]
        bent += [good.replace('"says":"x"', f'"says":"{"x" * 2**20}"')]
        for fact in (None, b"\xff", *(each.encode() for each in bent)):
            assert refusal(session, fact) == refusal(session, good.encode(), fact) == "JIT01", fact
        for kind in ("granted", "Alert"):
            assert refusal(session, good.replace('"alert"', f'"{kind}"').encode()) == "JIT02"
        assert refusal(session, good.encode(), good.encode()) == "JIT03"
        assert refusal(session) == "JIT01"


def refusal(session: psycopg.Connection[Any], *facts: bytes | None) -> str | None:
    """The SQLSTATE with which these are refused; nothing of them is recorded."""
    before = count(session)
    with pytest.raises(psycopg.Error) as refused:
        session.execute("SELECT * FROM public.jit_record(%b::bytea[], 0, '{}', '{}', '[]')", [list(facts)])
    assert count(session) == before
    return refused.value.sqlstate


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.name)
def test_the_call_writes_no_row_that_its_login_could_not_write(guarded: LedgerDatabase, opened, login) -> None:
    """It runs with its owner's rights, and writes rows of the read model."""
    bot = opened("jit_bot")
    if bot.request("R-CALL") is None:
        Story(bot, SystemClock(), id="R-CALL", fields={"requester": "U0CALL001"}).asked()
    with guarded.login() as dba:
        dba.execute("UPDATE requests SET state = 'pending' WHERE id = 'R-CALL'")
        row = dba.execute("SELECT to_jsonb(r) FROM requests AS r WHERE id = 'R-CALL'").fetchone()[0]
    kind = min(login.kinds - {"person.erased"}, default="person.erased")
    for change in ({"state": "ended"}, {"id": "R-OTHER", "state": "ended"}):
        with guarded.login(login.name) as session:
            fact = as_json(Next(session).fact | {"kind": kind} | rest_of(kind)).encode()
            before = count(session)
            call = "SELECT * FROM public.jit_record(%s, 0, '{}', '{}', %s)"
            if login.name in {"jit_bot", "jit_hands"}:  # whose work it is
                session.execute(call, [[fact], Jsonb([row | change])])
                continue
            with pytest.raises(psycopg.Error) as tried:
                session.execute(call, [[fact], Jsonb([row | change])])
            assert tried.value.sqlstate == "JIT02"
            assert count(session) == before
