"""The ledger is gone: at a press, at a grant, and when access is due to end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from jit.access import Request, State
from jit.embedded import EmbeddedPostgres
from jit.facts import EndCause, Ended, Granted, GrantIntent, RevokeIntent
from tests.house import House, house
from tests.servers import postgres_18

pytestmark = [pytest.mark.fault, pytest.mark.real]

NOT_RECORDED = (
    "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
)


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """The ledger's own."""
    with postgres_18() as running:
        yield running


def test_ledger_gone_at_a_press_decides_nothing_and_says_so(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with house(tmp_path, ledger_url=server.dsn()) as it:
        bob, alice = it.stage.bob, it.stage.alice
        pending = it.ask(alice, "orders-db/read 30m INC-1 stuck orders")
        active = it.granted(alice, "orders-db/write 30m INC-1 mend an order")
        asked, given = it.card(bob, pending, "Approve"), it.card(alice, active, "Release")
        server.kill()
        assert it.told(bob, lambda: bob.press(asked, "Approve")) == NOT_RECORDED
        assert it.told(alice, lambda: alice.press(given, "Release")) == NOT_RECORDED
        assert it.told(alice, lambda: alice.press(asked, "Withdraw")) == NOT_RECORDED
        assert it.told(bob, lambda: bob.press(asked, "Deny")) == NOT_RECORDED
        assert not it.holds("alice", "orders_read")
        server.start()
        it.settled()
        assert it.now(pending).state is State.PENDING
        assert it.now(active).state is State.ACTIVE
        assert "Approved." in it.told(bob, lambda: bob.press(asked, "Approve"))
        it.reaches(pending, State.ACTIVE)
        it.settled()


def test_ledger_gone_at_grant_gives_nothing(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with house(tmp_path, ledger_url=server.dsn()) as it:
        for point, access in (("before-intent", "orders-db/read"), ("before-lock", "orders-db/write")):
            request = it.ask(it.stage.alice, f"{access} 30m INC-2 stuck orders")
            it.pause(point)
            it.approve(it.stage.bob, request)
            it.paused()
            server.kill()
            it.go_on(point)
            it.until(lambda: it.log_lines("grant.put_off", request_id=request.id))  # noqa: B023  called at once
            assert not it.gives(request)
            server.start()
            it.reaches(request, State.ACTIVE, within=40)
            assert len(it.facts(GrantIntent, request)) == len(it.facts(Granted, request)) == 1
        it.settled()


def end_is_spooled(it: House, request: Request) -> bool:
    """Its outcome, which is written a moment after the access is gone."""
    spool = it.stage.folder / "spool" / "spool.jsonl"
    lines = spool.read_text().splitlines() if spool.exists() else []
    return any(request.id in line and '"kind":"ended"' in line for line in lines)


def test_ledger_gone_at_expiry_ends_access_and_is_told_later(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """First by the timekeeper alone, then by a worker with its signed order alone."""
    with house(tmp_path, ledger_url=server.dsn()) as it:
        alice = it.stage.alice
        by_timekeeper = it.granted(alice, "orders-db/read 30m INC-3 stuck orders")
        by_order = it.granted(alice, "orders-db/write 1h INC-3 mend an order")
        it.settled()
        it.kill("worker-1")
        server.kill()
        it.pass_time(timedelta(minutes=30))
        it.until(lambda: end_is_spooled(it, by_timekeeper))
        assert not it.gives(by_timekeeper)
        assert it.gives(by_order)

        it.kill("timekeeper")
        it.start("worker-1")
        it.pass_time(timedelta(minutes=30))
        it.until(lambda: end_is_spooled(it, by_order), 40)
        assert not it.holds("alice", "orders_write")

        server.start()
        it.start("timekeeper")
        it.reaches(by_timekeeper, State.ENDED)
        it.reaches(by_order, State.ENDED)
        it.settled()
        for request, process in ((by_timekeeper, "timekeeper"), (by_order, "worker")):
            for kind in (RevokeIntent, Ended):
                [fact] = it.facts(kind, request)
                assert fact.spooled
                assert fact.cause is EndCause.EXPIRED
                assert fact.source.value == process
        assert not (tmp_path / "spool.unreadable").exists()


def test_ledger_gone_between_effect_and_outcome_ends_in_time_all_the_same(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    """What was given is there, and its outcome cannot be written until its time is over."""
    with house(tmp_path, ledger_url=server.dsn()) as it:
        request = it.ask(it.stage.alice, "orders-db/read 30m INC-4 stuck orders")
        it.pause("after-effect")
        it.approve(it.stage.bob, request)
        it.paused()
        assert it.gives(request)
        server.kill()
        it.go_on("after-effect")
        it.until(lambda: it.log_lines("grant.put_off", request_id=request.id))
        it.pass_time(timedelta(minutes=30))
        it.until(lambda: not it.gives(request), 40)
        server.start()
        it.reaches(request, State.ENDED)
        it.settled()
        assert not it.facts(Granted, request)


def test_record_that_cannot_be_written_gives_nothing_and_ends_what_is_due(tmp_path: Path) -> None:
    """A SQLite ledger that another connection keeps locked: it can be read, and not be written."""
    with house(tmp_path) as it:
        alice, bob = it.stage.alice, it.stage.bob
        due = it.granted(alice, "orders-db/write 30m INC-5 mend an order")
        asked = it.ask(alice, "orders-db/read 30m INC-5 stuck orders")
        card = it.card(bob, asked, "Approve")
        it.settled()
        with locked(tmp_path / "ledger.db"):
            assert it.told(bob, lambda: bob.press(card, "Approve")) == NOT_RECORDED
        assert it.now(asked).state is State.PENDING

        it.pause("before-intent")
        it.approve(bob, asked)
        it.paused()
        with locked(tmp_path / "ledger.db"):
            it.go_on("before-intent")
            it.until(lambda: it.log_lines("grant.put_off", request_id=asked.id))
            assert not it.gives(asked)
        it.reaches(asked, State.ACTIVE)

        with locked(tmp_path / "ledger.db"):
            it.pass_time(timedelta(minutes=30))
            it.until(lambda: not it.gives(due))
            it.until(lambda: not it.gives(asked))
        for request in (due, asked):
            it.reaches(request, State.ENDED)
            it.until(lambda: [fact.existed for fact in it.facts(Ended, request)].count(True) == 1)  # noqa: B023  called at once
            it.until(lambda: any(fact.spooled for fact in it.facts(RevokeIntent, request)))  # noqa: B023  as above
        it.settled()


@contextmanager
def locked(ledger: Path) -> Iterator[None]:
    with closing(sqlite3.connect(ledger, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
