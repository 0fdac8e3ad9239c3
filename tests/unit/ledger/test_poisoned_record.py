"""Entries that nobody can read, put in by some login past our code, keep no access alive."""

import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4, uuid5

import pytest
from sqlalchemy import Connection, insert, text

from jit.facts import SAME, Alert, AlertName, EndCause, Lapsed, Revoked, RevokeFailed, Source
from jit.ledger import Leases, TamperedEntry
from jit.ledger.entry import LONGEST, NO_ENTRY, hash_of
from jit.ledger.kept import AT_ONCE
from jit.ledger.privacy.people import is_closed
from jit.ledger.schema import entries
from jit.ledger.spool_files import put_aside_in, waiting_in
from jit.ports import Held, RevokeResult, TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, T0, InMemoryDirectory
from jit.use_cases.actor import Actor
from jit.use_cases.core import Core
from jit.use_cases.revoke import revoke
from tests.world.hands import Hands
from tests.world.tamper import past_the_guards
from workers.provision import watchlist
from workers.provision.revoke import Revoker
from workers.provision.watchlist import Watchlist
from workers.queue.job import Payload

PROMISED = 5
"""Seconds after its end at which access is gone, whatever happens."""


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def put_in(house: Hands, kind: str = "revoked", *, many: int = 1, **fields: object) -> None:
    """An entry in its place, with its hash, whose fact has no field of a request but its id; or ``many``."""
    with house.engine.begin() as connection:
        for _ in range(many):
            put_in_one(house, connection, kind, fields)


def put_in_one(house: Hands, connection: Connection, kind: str, fields: dict[str, object]) -> None:
    row = connection.execute(text('SELECT "index", hash FROM entries ORDER BY "index" DESC LIMIT 1')).first()
    index, previous = (row.index + 1, row.hash) if row else (1, NO_ENTRY)
    fact = {"id": str(uuid4()), "kind": kind, "at": "2026-01-01T00:00:00Z", "actor": "cli:x@y", "source": "cli"}
    fact = fact | {"request_id": "R-TEST"} | fields
    about = {"index": index, "recorded_at": house.clock.now().isoformat(), "previous": previous}
    body = json.dumps({**about, "fact": fact}).encode()
    columns = {"id": fact["id"], "kind": kind, "request_id": fact["request_id"], "hash": hash_of(body)}
    connection.execute(insert(entries).values(index=index, recorded_at=house.clock.now(), body=body, **columns))


def take_key(house: Hands, person: str = ALICE) -> None:
    with house.engine.begin() as connection:
        done = connection.execute(text("DELETE FROM person_keys WHERE person = :person"), {"person": person})
        assert done.rowcount == 1
    house.ledger.ring.forget()


def spoil(house: Hands, kind: str, old: str, new: str) -> None:
    with house.engine.begin() as connection, past_the_guards(connection):
        query = text('SELECT "index", body FROM entries WHERE kind = :kind')
        for row in connection.execute(query, {"kind": kind}).all():
            body = bytes(row.body).replace(old.encode(), new.encode())
            change = {"body": body, "index": row.index}
            connection.execute(text('UPDATE entries SET body = :body WHERE "index" = :index'), change)


def sweep_until(house: Hands, seconds: float, *, step: float = 0.2) -> float | None:
    """Sweeps from a moment before the end. Seconds after the end at which nothing was held any more."""
    house.clock.time = T0 + timedelta(minutes=30) - timedelta(seconds=3)
    gone = None
    for _ in range(round((seconds + 3) / step)):
        house.timekeeper.sweep()
        if gone is None and not house.target.gives:
            gone = (house.clock.now() - T0 - timedelta(minutes=30)).total_seconds()
        house.clock.move(seconds=step)
    return gone


def silent() -> list[Held]:
    raise TargetUnreachable("no route")


def unreachable(*_: object) -> RevokeResult:
    raise TargetUnreachable("no route")


def broken(*_: object) -> None:
    raise TamperedEntry(1, "it cannot be read any more")


def alerts(house: Hands) -> list[Alert]:
    facts = [entry.fact for entry in house.ledger.read(limit=1000, skip_unreadable=True)]
    return [fact for fact in facts if isinstance(fact, Alert)]


def spooled(house: Hands) -> int:
    folder = house.folder / "spool"
    return waiting_in(folder) + put_aside_in(folder)


def test_any_number_of_entries_that_nobody_can_read_hides_nothing_that_comes_after_them(house: Hands) -> None:
    """By 500 of them in a row, which the smallest login could write at once, every reader stood still: cards, messages,
    those who leave, and the timekeeper's memory.
    """
    watch, read = Watchlist(), 0
    watch.refresh(house.ledger)
    put_in(house, "alert", many=501, request_id=None)
    house.active(minutes=30)
    watch.refresh(house.ledger)
    assert watch.get("R-TEST") is not None
    while news := house.ledger.read(read, limit=3, skip_unreadable=True):
        read = news[-1].index
    assert read == house.ledger.last_index()


def test_entries_as_long_as_there_may_be_are_read_a_few_at_once(house: Hands) -> None:
    """300 of them, which the smallest login could write, took a gigabyte of memory and 6 s of whoever read on."""
    put_in(house, "alert", many=20, request_id=None, says="x" * 1_000_000, name="end_late")
    house.active(minutes=30)
    sizes: list[int] = []
    read = 0
    while news := house.ledger.read(read):
        sizes.append(sum(len(entry.body) for entry in news))
        read = news[-1].index
    assert max(sizes) <= AT_ONCE + LONGEST
    assert read == house.ledger.last_index()


class TestAnEntryThatNobodyCanRead:
    @pytest.mark.parametrize("restarted", [False, True])
    def test_keeps_no_access_alive(self, house: Hands, *, restarted: bool) -> None:
        house.active(minutes=30)
        if not restarted:
            house.timekeeper.sweep()
        put_in(house)
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED
        assert house.ledger.request_as_written("R-TEST").state is State.ENDED  # type: ignore[union-attr]
        assert [alert.name for alert in alerts(house)] == [AlertName.RECORD_BROKEN] * restarted
        assert spooled(house) == 0

    @pytest.mark.parametrize("kind", ["requested", "granted", "lapsed", "ended", "nothing"])
    def test_of_any_kind_keeps_no_access_alive(self, house: Hands, kind: str) -> None:
        house.active(minutes=30)
        put_in(house, kind)
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED

    def test_that_hides_it_from_a_new_timekeeper_keeps_no_access_alive_whose_target_tells_nothing(
        self, house: Hands
    ) -> None:
        house.active(minutes=30)
        put_in(house, "ended")
        house.target.list_grants = silent  # type: ignore[method-assign]
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED

    def test_over_which_every_duty_fails_leaves_it_to_the_targets_own_note(
        self, house: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.active(minutes=30)
        monkeypatch.setattr("workers.timekeeper.timekeeper.action_at", broken)
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED

    @pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
    def test_dated_outside_all_years_stops_no_reader(self, house: Hands, at: str) -> None:
        house.active(minutes=30)
        put_in(house, "revoke.failed", at=at)
        assert len(house.ledger.read(skip_unreadable=True)) == 5
        with pytest.raises(TamperedEntry):
            house.ledger.request("R-TEST")

    def test_is_passed_over_only_where_access_is_taken_away(self, house: Hands) -> None:
        house.active(minutes=30)
        put_in(house)
        with pytest.raises(TamperedEntry):
            house.ledger.request("R-TEST")
        with pytest.raises(TamperedEntry):
            house.ledger.history("R-TEST")
        assert house.ledger.request_as_written("R-TEST").state is State.ACTIVE  # type: ignore[union-attr]
        assert len(house.ledger.history("R-TEST", skip_unreadable=True)) == 5

    def test_leaves_what_the_signed_order_ended_on_the_record(self, house: Hands) -> None:
        house.active(minutes=30)
        put_in(house)
        house.clock.move(minutes=30, seconds=1)
        (_, order) = house.queue.ends[-1]
        assert house.jobs.perform(Payload("end", order)) is None
        house.timekeeper.sweep()
        assert house.target.gives == {}
        kinds = [entry.fact.kind for entry in house.ledger.history("R-TEST", skip_unreadable=True)]
        assert kinds.count("ended") == 1

    def test_with_moments_nobody_can_reckon_with_keeps_nobody_elses_access_alive(self, house: Hands) -> None:
        house.approved("R-FAR")
        with house.engine.begin() as connection, past_the_guards(connection):
            body = connection.execute(text("SELECT body FROM entries WHERE kind = 'approved'")).scalar_one()
            body = re.sub(rb'"at":"[^"]*"', b'"at":"9999-12-31T23:59:59.999999Z"', bytes(body))
            change = {"body": body, "hash": hash_of(body)}
            connection.execute(text("UPDATE entries SET body = :body, hash = :hash WHERE kind = 'approved'"), change)
        house.active("R-BOOK", access="ledger-db/read", minutes=30)
        house.timekeeper.sweep()
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        assert house.request("R-BOOK").state is State.ENDED


def test_a_fault_of_ours_in_recording_an_end_keeps_no_access_alive(
    house: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.active(minutes=30)

    def fault(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Revoker, "end", fault)
    gone = sweep_until(house, PROMISED)
    assert gone is not None
    assert 0 <= gone <= PROMISED


class TestAKeyTakenFromTheRequester:
    @pytest.mark.parametrize("restarted", [False, True])
    def test_keeps_no_access_alive(self, house: Hands, *, restarted: bool) -> None:
        house.active(minutes=30)
        if not restarted:
            house.timekeeper.sweep()
        take_key(house)
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED
        assert spooled(house) == 0

    def test_leaves_the_target_to_say_whose_it_is(self, house: Hands) -> None:
        house.active(minutes=30)
        take_key(house)
        request = house.ledger.request_as_written("R-TEST")
        assert request is not None
        assert is_closed(request.principal)
        asked: list[str] = []
        revoke = house.target.revoke
        house.target.revoke = lambda about, principal: asked.append(principal) or revoke(about, principal)  # type: ignore[method-assign, func-returns-value]
        house.revoker.end([request])
        assert asked == ["alice"]

    def test_and_put_back_as_another_keeps_no_access_alive(self, house: Hands) -> None:
        house.active(minutes=30)
        with house.engine.begin() as connection:
            connection.execute(text("UPDATE person_keys SET key = :key"), {"key": b"x" * 32})
        house.ledger.ring.forget()
        gone = sweep_until(house, PROMISED)
        assert gone is not None
        assert 0 <= gone <= PROMISED


class TestARequestOfWhichNothingLegibleIsLeft:
    @pytest.mark.parametrize("restarted", [False, True])
    def test_ends_on_time_once_and_is_spooled_once(self, house: Hands, *, restarted: bool) -> None:
        house.active(minutes=30)
        if not restarted:
            house.timekeeper.sweep()
        spoil(house, "requested", '"kind":"requested"', '"kind":"requestex"')
        gone = sweep_until(house, 30, step=0.5)
        assert gone is not None
        assert 0 <= gone <= PROMISED
        assert house.target.calls.count(("revoke", "R-TEST")) <= 2
        assert spooled(house) <= 4


def test_an_end_that_is_forged_over_one_already_read_keeps_no_access_alive(house: Hands) -> None:
    """The watchlist has read past the entry, and holds it for live."""
    house.active(minutes=30)
    house.timekeeper.sweep()
    put_in(house, "nothing")
    house.timekeeper.sweep()
    with house.engine.begin() as connection, past_the_guards(connection):
        row = connection.execute(text("SELECT body FROM entries WHERE kind = 'grant.intent'")).one()
        fact = json.loads(bytes(row.body))
        kept = {"kind", "id", "at", "actor", "source", "request_id", "requester", "access", "target", "permissions"}
        kept |= {"principal", "why", "incident", "policy_version"}
        ended = {name: value for name, value in fact["fact"].items() if name in kept}
        ended |= {"kind": "ended", "cause": "expired", "existed": True, "sessions": 0, "left_behind": []}
        body = json.dumps(fact | {"fact": ended}, separators=(",", ":")).encode()
        change = {"body": body}
        connection.execute(text("UPDATE entries SET body = :body, kind = 'ended' WHERE kind = 'grant.intent'"), change)
    gone = sweep_until(house, PROMISED)
    assert gone is not None
    assert 0 <= gone <= PROMISED


class TestAnEndThatCannotBeRecorded:
    def test_is_neither_done_nor_spooled_again_and_again(self, house: Hands) -> None:
        house.active(minutes=30)
        house.timekeeper.sweep()
        house.ledger.cut_before = frozenset({"revoke.intent", "ended"})
        house.clock.move(minutes=30)
        for _ in range(150):
            house.timekeeper.sweep()
            house.ledger.cut = False
            house.clock.move(seconds=0.2)
        assert house.target.gives == {}
        assert house.target.calls.count(("revoke", "R-TEST")) == 1
        assert house.target.calls.count(("held", "R-TEST")) <= 10
        assert waiting_in(house.folder / "spool") == 2

    def test_is_recorded_once_when_it_can_be(self, house: Hands) -> None:
        house.active(minutes=30)
        house.timekeeper.sweep()
        house.ledger.cut_before = frozenset({"revoke.intent", "ended"})
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        house.ledger.cut, house.ledger.cut_before = False, frozenset()
        house.clock.move(seconds=1)
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        assert house.kinds()[-2:] == ["revoke.intent", "ended"]
        assert house.request().state is State.ENDED


class TestALeaseThatSomebodyElseHolds:
    def hold(self, house: Hands) -> None:
        """As a login that may write `leases` can, again and again."""
        Leases(house.engine, house.clock).hold("timekeeper", "x")

    def sweep(self, house: Hands, seconds: float) -> None:
        for _ in range(round(seconds / 0.2)):
            self.hold(house)
            house.timekeeper.sweep()
            house.clock.move(seconds=0.2)

    def test_keeps_no_access_alive_and_is_told(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        self.sweep(house, PROMISED + 0.2)
        assert house.target.gives == {}
        assert house.request().end_cause is EndCause.EXPIRED
        (alert,) = house.alerts()
        assert alert.name is AlertName.END_NOT_BEGUN
        assert "lease" in alert.says

    def test_keeps_no_order_to_end_from_being_carried_out(self, house: Hands) -> None:
        request = house.active(minutes=30)
        self.sweep(house, 1)
        house.ledger.append([Revoked.about(request, at=T0, actor=BOB, source=Source.SLACK, reason="stop")])
        self.sweep(house, 2 + PROMISED + 0.2)
        assert house.target.gives == {}

    def test_is_not_accused_by_a_timekeeper_that_has_just_started(self, house: Hands) -> None:
        """After an outage of all, what is overdue is nobody's neglect: two start, and one of them leads."""
        house.active(minutes=30)
        house.clock.move(minutes=40)
        house.timekeeper = house.make_timekeeper("just started")
        self.sweep(house, 1)
        assert house.alerts() == []
        self.sweep(house, PROMISED)
        assert house.target.gives == {}
        assert [alert.name for alert in house.alerts()] == [AlertName.END_NOT_BEGUN]

    def test_leaves_the_end_to_its_holder_at_first(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        self.sweep(house, 2.8)
        assert "R-TEST" in house.target.gives
        assert house.alerts() == []


def test_security_can_order_the_end_of_a_request_whose_record_is_broken(house: Hands) -> None:
    house.active(minutes=30)
    house.timekeeper.sweep()
    put_in(house)
    request = house.ledger.request_as_written("R-TEST")
    assert request is not None
    order = Revoked.about(request, at=T0, actor=BOB, source=Source.SLACK, reason="stop")
    house.ledger.append([order], expect={"R-TEST": request.version})
    house.timekeeper.sweep()
    assert house.target.gives == {}
    ended = house.ledger.request_as_written("R-TEST")
    assert ended is not None
    assert ended.end_cause is EndCause.REVOKED
    assert house.ledger.history("R-TEST", skip_unreadable=True)[-1].fact.closes


def test_an_order_is_taken_to_end_what_has_a_broken_record(house: Hands) -> None:
    house.active(minutes=30)
    put_in(house)
    directory = InMemoryDirectory(house.clock, ALICE, BOB)
    core = Core(ledger=house.ledger, policies=house.policies, directory=directory, queue=house.queue, clock=house.clock)
    revoke(core, by=Actor("cli:eve@desk", None, Source.CLI), request_id="R-TEST", reason="stop")
    house.timekeeper.sweep()
    assert house.target.gives == {}


@pytest.mark.parametrize("skip_unreadable", [True, False])
def test_what_waits_and_has_a_broken_record_lapses_in_its_time_so_that_it_can_be_asked_for_again(
    house: Hands, *, skip_unreadable: bool
) -> None:
    """With an order to end what was not approved yet, from a login that may record one, nobody could decide or close
    the request, and whoever had asked could never ask for that access again.
    """
    told = Revoked.about(house.asked(), at=T0, actor="cli:x@y", source=Source.CLI, reason="stop")
    put_in(house, **(told.model_dump(mode="json", exclude={"id", "kind"}) if skip_unreadable else {}))
    house.timekeeper.sweep()
    house.clock.move(hours=8)
    house.timekeeper.sweep()
    assert house.asked("R-NEXT").state is State.PENDING
    assert house.ledger.unsettled() == ["R-NEXT"]


def test_a_request_of_which_much_was_written_is_looked_at_once(house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 100,000 entries about one request, from one login, each page of them had all of them read again."""
    request = house.active(minutes=30)
    failed = RevokeFailed.about(request, at=T0, actor="x", source=Source.CLI, reason="x", attempts=1)
    looked: list[str] = []
    ask = watchlist.read_requests
    monkeypatch.setattr(watchlist, "read_requests", lambda ledger, ids: looked.extend(ids) or ask(ledger, ids))
    watch = Watchlist()
    watch.refresh(house.ledger)
    house.ledger.append([failed.model_copy(update={"id": uuid4()}) for _ in range(1100)])
    looked.clear()
    watch.refresh(house.ledger)
    assert looked == ["R-TEST"]


class TestAnAlertThatSomebodyForesaw:
    """The end is late, as the target does not answer. Each login of the ledger may record one kind or another."""

    def tells(self, house: Hands) -> list[str]:
        house.clock.time = T0 + timedelta(minutes=30)
        house.target.revoke = unreachable  # type: ignore[method-assign]
        for _ in range(2 * PROMISED):
            house.timekeeper.sweep()
            house.clock.move(seconds=1)
        told = [alert for alert in alerts(house) if alert.name is AlertName.END_LATE and alert.says != "a drill"]
        assert spooled(house) == 0
        return [alert.says for alert in told]

    def test_is_told_though_another_fact_has_its_id(self, house: Hands) -> None:
        """It went to the spool, as the ledger did not take it, and from there nowhere, as its id was known."""
        request = house.active(minutes=30)
        assert request.ends_at is not None
        name = f"{AlertName.END_LATE} R-TEST {request.ends_at.isoformat()} 0"
        put_in(house, "nothing", id=str(uuid5(SAME, name)))
        (says,) = self.tells(house)
        assert "could not be taken away" in says

    def test_is_told_though_one_like_it_is_dated_in_years_to_come(self, house: Hands) -> None:
        house.clock.time = T0 - timedelta(hours=1)
        house.active(minutes=90)
        put_in(house, "alert", name="end_late", says="a drill", at="9999-01-01T00:00:00Z")
        assert len(self.tells(house)) == 1


class TestAClosingThatCannotFollow:
    """Somebody has ordered the end, and a login that may close requests says of one with access that it has lapsed, was
    denied or failed, and takes it out of what wakes the timekeeper.
    """

    def ordered(self, house: Hands, kind: str, *, restarted: bool = False) -> None:
        request = house.active(minutes=30)
        if not restarted:
            house.timekeeper.sweep()
        house.ledger.append([Revoked.about(request, at=T0, actor=BOB, source=Source.SLACK, reason="stop")])
        told = Lapsed.about(request, at=T0, actor="bot@x", source=Source.BOT, because="unanswered")
        more = {"denied": {"approver": BOB, "digest": "", "reason": ""}, "grant.failed": {"reason": ""}}
        fields = told.model_dump(mode="json", exclude={"id", "kind"} | ({"because"} if kind != "lapsed" else set()))
        put_in(house, kind, **fields, **more.get(kind, {}))
        with house.engine.begin() as connection:
            connection.execute(text("UPDATE requests SET state = 'lapsed', wakes_at = NULL"))

    @pytest.mark.parametrize("kind", ["lapsed", "withdrawn", "denied", "grant.failed"])
    @pytest.mark.parametrize("restarted", [False, True])
    def test_keeps_no_order_to_end_from_being_carried_out(self, house: Hands, kind: str, *, restarted: bool) -> None:
        self.ordered(house, kind, restarted=restarted)
        for _ in range(PROMISED * 5):
            house.timekeeper.sweep()
            house.clock.move(seconds=0.2)
        assert house.target.gives == {}
        assert AlertName.RECORD_BROKEN in [alert.name for alert in alerts(house)]

    def test_nor_where_the_target_tells_nothing(self, house: Hands) -> None:
        house.target.list_grants = silent  # type: ignore[method-assign]
        self.ordered(house, "lapsed", restarted=True)
        house.timekeeper.sweep()
        assert house.target.gives == {}

    def test_nor_by_a_worker(self, house: Hands) -> None:
        self.ordered(house, "lapsed")
        house.jobs.perform(Payload("revoke", "R-TEST"))
        assert house.target.gives == {}

    def test_nor_where_only_the_target_still_tells_of_it(self, house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(house.ledger, "unsettled", list)
        self.ordered(house, "lapsed", restarted=True)
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        assert house.target.gives == {}

    def test_leaves_it_among_what_the_doctor_finds_overdue(self, house: Hands) -> None:
        self.ordered(house, "lapsed")
        assert house.ledger.unsettled() == ["R-TEST"]
