"""The ledger on both of its databases."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import inspect, text

from jit.facts import Denied, EndCause, Ended, Lapsed, Quorum, Refused, Requested, Source, Withdrawn
from jit.ledger import (
    AlreadyOpen,
    ClockSkew,
    Conflict,
    Leases,
    Ledger,
    LedgerMisconfigured,
    LedgerUnavailable,
    Notes,
    Question,
    Spool,
    TakenIn,
    check_chain,
    connect,
    create_tables,
)
from jit.ledger.entry import LONGEST
from jit.ledger.unavailable import NotTaken
from jit.requests.lifecycle import Request, State
from jit.requests.together import asked_together
from jit.testing import EVE, T0, ManualClock
from tests.world.at_once import at_once
from tests.world.facts import late, refused, started
from tests.world.spooling import SIGNED, rows_in

pytestmark = pytest.mark.real


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    engine = connect(ledger_url)
    yield Ledger(engine, clock)
    engine.dispose()


def asked(request_id: str = "R-7F3K", **changes: object) -> Requested:
    fields: dict[str, object] = {
        "at": T0,
        "actor": "U01ALICE0",
        "source": Source.SLACK,
        "request_id": request_id,
        "requester": "U01ALICE0",
        "access": "orders-db/read",
        "target": "orders-db",
        "permissions": ("orders_read",),
        "principal": "alice",
        "why": 'INC-42: <!channel>\n"quoted" 🚒 \u202eright to left',
        "incident": None,
        "policy_version": "v1",
        "duration": timedelta(minutes=30),
        "channel": "C0ACCESS1",
        "risk": "medium",
        "needs": (Quorum(label="dba", who=("group:dba",), count=1),),
        "pending_until": T0 + timedelta(hours=8),
    }
    return Requested(**(fields | changes))


def press(**changes: object) -> Refused:
    return refused(T0, **changes)


def recorded(ledger: Ledger, fact: Requested) -> Request:
    """The request that it makes."""
    return ledger.append([fact], expect={fact.request_id: 0}).requests[fact.request_id]


def test_an_append_tells_the_requests_as_they_are_now(ledger: Ledger):
    told = ledger.append([asked(), press(), asked("R-2222", access="orders-db/write")])
    assert [entry.fact.kind for entry in told.entries] == ["requested", "refused", "requested"]
    assert told.requests == {each: ledger.request(each) for each in ("R-7F3K", "R-2222")}
    taken_back = Withdrawn.about(told.requests["R-7F3K"], at=T0, actor="U01ALICE0", source=Source.SLACK)
    [after] = ledger.append([taken_back], expect={"R-7F3K": 1}).requests.values()
    assert after == ledger.request("R-7F3K")
    assert (after.state, after.version) == (State.WITHDRAWN, 2)
    assert ledger.append([press()]).requests == {}


def test_tables_are_made_once_and_found_again(ledger: Ledger):
    ledger.append([press()])
    create_tables(ledger.engine)
    assert ledger.last_index() == 1


@pytest.mark.parametrize(
    "other", ["UPDATE made_by SET version = version + 1", "DROP TABLE made_by"], ids=["newer", "older than versions"]
)
def test_a_database_of_another_version_is_refused_and_left_as_it_is(ledger: Ledger, other: str):
    with ledger.engine.begin() as connection:
        connection.execute(text(other))
        connection.execute(text("DROP TABLE notes"))
    before = set(inspect(ledger.engine).get_table_names())
    with pytest.raises(LedgerMisconfigured, match=r"another version of jit .* JIT_LEDGER_URL"):
        create_tables(ledger.engine)
    inspect(ledger.engine).clear_cache()
    assert set(inspect(ledger.engine).get_table_names()) == before


def test_what_was_typed_is_kept_byte_for_byte(ledger: Ledger):
    fact = asked()
    recorded(ledger, fact)
    [entry] = ledger.read()
    assert entry.fact == fact
    request = ledger.request(fact.request_id)
    assert request is not None
    assert request.why == fact.why


def test_entries_follow_each_other(ledger: Ledger):
    ledger.append([press(), press()])
    ledger.append([press()])
    entries = ledger.read()
    assert [entry.index for entry in entries] == [1, 2, 3]
    assert check_chain(entries) == 3
    assert ledger.last_index() == 3


def test_an_entry_that_is_too_long_is_refused_before_it_is_kept(ledger: Ledger):
    """Found when the signer took one for tampering, and would sign no more."""
    with pytest.raises(NotTaken, match=f"{LONGEST} bytes"):
        ledger.append([started(T0, policy_version="x" * LONGEST)])
    assert ledger.last_index() == 0


def test_the_slower_of_two_decisions_loses_and_leaves_nothing(ledger: Ledger):
    request = recorded(ledger, asked())
    no = Denied.about(request, at=T0, actor="B", source=Source.SLACK, approver="B", digest="d", reason="no")
    ledger.append([no], expect={request.id: request.version})
    with pytest.raises(Conflict):
        ledger.append([no.model_copy(update={"id": uuid4()})], expect={request.id: request.version})
    assert ledger.last_index() == 2


def test_refusals_do_not_make_a_decision_stale(ledger: Ledger):
    recorded(ledger, asked("R-AAAA"))
    ledger.append([press(request_id="R-AAAA") for _ in range(5)])
    assert ledger.request("R-AAAA").version == 1
    assert len(ledger.history("R-AAAA")) == 6


def test_one_open_request_per_person_and_access(ledger: Ledger):
    first = recorded(ledger, asked("R-AAAA"))
    with pytest.raises(AlreadyOpen):
        recorded(ledger, asked("R-BBBB"))
    recorded(ledger, asked("R-CCCC", requester=EVE))
    ledger.append([Withdrawn.about(first, at=T0, actor="U01ALICE0", source=Source.SLACK)], expect={"R-AAAA": 1})
    recorded(ledger, asked("R-DDDD"))
    assert check_chain(ledger.read()) == 4


def test_requests_asked_together_are_recorded_all_or_none_by_the_login_that_asks(logins, clock: ManualClock):
    engine = connect(logins("jit_bot"))
    ledger, ids = Ledger(engine, clock), ("R-AAAA", "R-BBBB", "R-CCCC")
    facts = [asked(each, access=each, together=ids) for each in ids]
    made = ledger.append(facts, expect=dict.fromkeys(ids, 0)).requests
    assert asked_together(made["R-BBBB"], ledger.request) == tuple(made.values())
    again = [asked("R-DDDD", access="new"), asked("R-EEEE", access="R-AAAA")]
    with pytest.raises(AlreadyOpen):
        ledger.append(again, expect={"R-DDDD": 0, "R-EEEE": 0})
    assert ledger.request("R-DDDD") is None
    engine.dispose()


def test_an_end_that_was_spooled_twice_is_recorded_once(ledger: Ledger, tmp_path: Path):
    request = recorded(ledger, asked())
    end = Ended.about(
        request, at=T0, actor="t", source=Source.TIMEKEEPER, cause=EndCause.EXPIRED, existed=True, sessions=1,
        left_behind=(),
    )  # fmt: skip
    spool = Spool(tmp_path / "spool")
    spool.write([end])
    spool.write([end])
    assert spool.take_in(ledger, SIGNED) == TakenIn(recorded=1)
    assert spool.take_in(ledger, SIGNED) == TakenIn()
    ended = ledger.request("R-7F3K")
    assert ended is not None
    assert ended.state is State.ENDED
    assert [entry.fact.kind for entry in ledger.read()] == ["requested", "ended", "spool.taken"]
    assert ledger.read()[1].fact.spooled


def test_the_spool_waits_while_the_ledger_is_away(tmp_path: Path):
    away = Ledger(connect("postgresql://nobody@127.0.0.1:1/none"), ManualClock())
    spool = Spool(tmp_path)
    spool.write([late(T0)])
    with pytest.raises(LedgerUnavailable):
        spool.take_in(away, SIGNED)
    assert len(rows_in(tmp_path / "spool.db")) == 1


def test_waking_tells_what_is_due_and_not_a_moment_before(ledger: Ledger):
    request = recorded(ledger, asked())
    due = T0 + timedelta(hours=8)
    assert ledger.waking(due - timedelta(microseconds=1)) == []
    assert ledger.waking(due) == ["R-7F3K"]
    ledger.append([Lapsed.about(request, at=due, actor="t", source=Source.TIMEKEEPER, because="unanswered")])
    assert ledger.waking(due) == []


def test_questions_find_requests(ledger: Ledger):
    recorded(ledger, asked("R-AAAA"))
    recorded(ledger, asked("R-BBBB", requester=EVE))
    found = ledger.requests(Question(requester=EVE))
    assert [request.id for request in found] == ["R-BBBB"]
    assert ledger.requests(Question(states=frozenset({State.ACTIVE}))) == []


def test_recorded_times_never_run_backwards(ledger: Ledger, clock: ManualClock):
    ledger.append([press()])
    clock.time = T0 - timedelta(seconds=1)
    ledger.append([press()])
    first, second = ledger.read()
    assert second.recorded_at == first.recorded_at


def test_a_lease_has_one_holder_until_it_runs_out(ledger: Ledger, clock: ManualClock):
    leases = Leases(ledger.engine, clock)
    assert leases.hold("cards", "a")
    assert not leases.hold("cards", "b")
    assert leases.hold("cards", "a")
    clock.time += timedelta(seconds=6)
    assert leases.hold("cards", "b")
    assert not leases.hold("cards", "a")
    leases.let_go("cards", "b")
    assert leases.hold("cards", "a")


def test_notes_are_remembered_together(ledger: Ledger):
    notes = Notes(ledger.engine, "mirror")
    notes.put({"cursor": "7", "a_b": "1"})
    notes.put({"cursor": "8", "axb": "2"})
    assert notes.cursor == 8
    assert notes.all("a_") == {"a_b": "1"}
    notes.put({"a_b": None})
    assert notes.get("a_b") is None


def write_many(url: str, _together: object) -> None:
    ledger = Ledger(connect(url), ManualClock())
    for _ in range(25):
        ledger.append([press()])


def test_many_writers_leave_no_gap(ledger_url: str, ledger: Ledger):
    seen = 0
    with at_once(ledger_url, *[write_many] * 4) as writers:
        while any(writer.is_alive() for writer in writers) or seen < ledger.last_index():
            seen = check_chain(ledger.read(seen), after=seen, previous=_hash_at(ledger, seen))
    assert check_chain(ledger.read()) == 100


def _hash_at(ledger: Ledger, index: int) -> str:
    return ledger.read(index - 1, limit=1)[0].hash if index else "0" * 64


def test_clocks_far_apart_are_noticed(ledger: Ledger):
    if ledger.engine.dialect.name == "sqlite":
        ledger.require_clocks_agree()
        return
    with pytest.raises(ClockSkew, match="NTP"):
        ledger.require_clocks_agree()


def test_a_ledger_that_is_away_says_so_without_its_password(tmp_path: Path):
    away = Ledger(connect("postgresql://jit:hunter22@127.0.0.1:1/none"), ManualClock())
    with pytest.raises(LedgerUnavailable) as gone:
        away.append([press()])
    assert "hunter22" not in str(gone.value)
