"""The end of the ledger watched once for a process: who follows is woken by what is recorded, on both databases."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import event, text

from jit.ledger import Leases, Ledger, Notes, connect
from jit.ledger import tail as tails
from jit.ledger.rows import recording
from jit.ledger.tail import Tail
from jit.testing import T0, ManualClock
from tests.world.facts import started
from tests.world.waiting import HUNG, wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    engine = connect(ledger_url)
    yield Ledger(engine, ManualClock())
    engine.dispose()


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    stop = threading.Event()
    yield stop
    stop.set()


@pytest.fixture
def tail(ledger: Ledger, stop: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tail]:
    """Watched by a thread, and still."""
    monkeypatch.setattr(tails, "AGAIN_AFTER", 0.01)
    tail = Tail(ledger.engine)
    watching = threading.Thread(target=tail.keep_watching, args=(stop,))
    watching.start()
    wait_until(lambda: tail.changes)
    yield tail
    stop.set()
    watching.join(HUNG)
    assert not watching.is_alive()


def record(ledger: Ledger) -> None:
    ledger.append([started(T0)])


def by_another_process(ledger_url: str) -> Ledger:
    return Ledger(connect(ledger_url), ManualClock())


def test_who_waits_is_woken_by_what_another_process_records(tail, ledger_url, stop):
    wait, woken = tail.waiter(stop), threading.Event()
    wait(0.0)
    waiting = threading.Thread(target=lambda: (wait(HUNG), woken.set()))
    waiting.start()
    other = by_another_process(ledger_url)
    record(other)
    assert woken.wait(HUNG)
    waiting.join(HUNG)
    other.engine.dispose()


def test_what_was_recorded_while_nobody_waited_is_not_missed(tail, ledger, stop):
    wait = tail.waiter(stop)
    before = tail.changes
    record(ledger)
    wait_until(lambda: tail.has_changed(before))
    returned = threading.Event()
    threading.Thread(target=lambda: (wait(HUNG), returned.set()), daemon=True).start()
    assert returned.wait(HUNG / 2)


def test_what_a_follower_notes_wakes_the_others(tail, ledger):
    before = tail.changes
    Notes(ledger.engine, "homes").put({"changed:U01ALICE0": "now"})
    wait_until(lambda: tail.has_changed(before))


def test_a_lease_that_is_renewed_wakes_nobody(tail, ledger):
    leases, told = Leases(ledger.engine, ledger.clock), []
    wait_until(lambda: settled(tail, told))
    before = tail.changes
    for _ in range(20):
        leases.hold("bot.followers", "me")
    threading.Event().wait(tails.FILE_LOOK_EVERY * 4)  # a real clock: nothing comes
    assert not tail.has_changed(before)


def settled(tail: Tail, told: list[int]) -> bool:
    told.append(tail.changes)
    threading.Event().wait(tails.FILE_LOOK_EVERY * 2)
    return tail.changes == told[-1]


def test_who_waits_is_woken_by_the_stop(tail, stop):
    wait, answers = tail.waiter(stop), []
    wait(0.0)
    waiting = threading.Thread(target=lambda: answers.append(wait(HUNG)))
    waiting.start()
    stop.set()
    waiting.join(HUNG)
    assert answers[-1] is True


def test_nothing_is_asked_of_the_database_while_nothing_happens(tail, ledger, monkeypatch):
    asked: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    wait_until(lambda: settled(tail, []))
    asked.clear()
    threading.Event().wait(tails.FILE_LOOK_EVERY * 10)  # a real clock: nothing comes
    assert len(asked) <= 1


class TestOnPostgres:
    @pytest.fixture(autouse=True)
    def only_there(self, ledger_url):
        if ledger_url.startswith("sqlite"):
            pytest.skip("a file has no connection to lose")

    def test_a_connection_that_is_cut_is_made_again(self, tail, ledger, ledger_url):
        with ledger.engine.connect() as admin:
            cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
            assert admin.execute(cut).scalars().all() == [True]
        wait_until(lambda: self.hears(tail, ledger))

    def hears(self, tail, ledger):
        before = tail.changes
        record(ledger)
        return threading.Event().wait(0.02) or tail.has_changed(before)

    @pytest.fixture
    def looking_often(self, monkeypatch):
        monkeypatch.setattr(tails, "LOOK_EVERY", 0.05)

    def test_what_is_recorded_by_an_older_version_is_found_by_a_look(self, looking_often, tail, ledger, monkeypatch):
        monkeypatch.setattr("jit.ledger.append.RECORD", recording(says="''"))
        before = tail.changes
        record(ledger)
        wait_until(lambda: tail.has_changed(before))
