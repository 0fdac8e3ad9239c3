"""Rights go first, for all that is due; waiting for somebody's sessions holds up nobody else's end."""

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from jit.facts import AlertName
from jit.ledger import Conflict
from jit.ledger.privacy.people import ERASED_TEXT
from jit.ledger.store import Recorded
from jit.ports import RevokeResult, TargetRefused
from jit.requests.lifecycle import State
from jit.testing import InMemoryTarget
from tests.world.base import in_a_file
from tests.world.hands import RULES, Hands
from tests.world.waiting import HUNG, wait_until
from workers.timekeeper import end_runner
from workers.timekeeper.lanes import THREADS

MORE = """
  orders-db/read{number}:
    describe: Read orders, too
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{{from: [U02BOB000]}}]
"""
DUE, AT_ONCE = 60, 10
"""More than the threads of one target take together, if each takes so many at once."""


class WaitingTarget(InMemoryTarget):
    """What it gives goes by `take_rights`; `revoke` waits for sessions until ``over``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.over = Event()
        self.stuck: frozenset[str] = frozenset()

    def take_rights(self, request_id: str, principal: str) -> None:
        self._ask("take_rights", principal)
        self.gives.pop(request_id, None)

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        self._ask("revoke of", principal)
        if request_id in self.stuck:
            raise TargetRefused(f"{self.name}: access is taken away, but session 4711 does not end")
        assert self.over.wait(HUNG)
        super().revoke(request_id, principal)
        return RevokeResult(existed=True)


def house_of(folder: Path) -> tuple[Hands, WaitingTarget]:
    rules = RULES + "".join(MORE.format(number=number) for number in range(DUE))
    house = Hands(folder, rules=rules, ledger=in_a_file(folder))
    target = WaitingTarget("orders-db")
    house.targets["orders-db"] = target
    return house, target


def test_all_that_is_due_loses_its_rights_before_any_session_is_waited_for(tmp_path: Path) -> None:
    """Somebody else's access was gone 9.8 s after its end, for two sessions of one person did not end."""
    house, target = house_of(tmp_path)
    ids = [f"R-AA{number:02}" for number in range(DUE)]
    for number, request_id in enumerate(ids):
        house.active(request_id, access=f"orders-db/read{number}", minutes=30)
    house.clock.move(minutes=30)
    house.timekeeper.ask_ledger()
    wait_until(lambda: not target.gives)
    assert {house.request(request_id).state for request_id in ids} == {State.ENDING}
    target.over.set()
    house.timekeeper.sweep()
    assert {house.request(request_id).state for request_id in ids} == {State.ENDED}


def test_what_another_ended_while_it_waited_for_a_thread_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch with one of those was refused, and then each of its ends recorded by itself."""
    monkeypatch.setattr(end_runner, "MOST", AT_ONCE)
    house, target = house_of(tmp_path)
    ids = [f"R-AA{number:02}" for number in range(DUE)]
    for number, request_id in enumerate(ids):
        house.active(request_id, access=f"orders-db/read{number}", minutes=30)
    house.clock.move(minutes=30)
    first_of_each_batch, waiting, goes_on = ids[::AT_ONCE][:THREADS], set[str](), Event()
    take_rights = target.take_rights

    def wait(request_id: str, principal: str) -> None:
        if request_id in first_of_each_batch:
            waiting.add(request_id)
            assert goes_on.wait(HUNG)
        take_rights(request_id, principal)

    target.take_rights = wait  # type: ignore[method-assign]
    target.over.set()
    house.timekeeper.ask_ledger()
    wait_until(lambda: len(waiting) == THREADS)
    house.revoker.end([house.request(ids[-1])])
    conflicts = conflicts_over(house, ids[-1])
    house.timekeeper.ask_ledger()
    goes_on.set()
    house.timekeeper.sweep()
    assert conflicts == []
    assert {house.request(request_id).state for request_id in ids} == {State.ENDED}


def conflicts_over(house: Hands, request_id: str) -> list[Conflict]:
    """Every append from now on that comes too late for this request."""
    conflicts: list[Conflict] = []
    append = house.ledger.append

    def watched(*what: Any, **how: Any) -> Recorded:
        try:
            return append(*what, **how)
        except Conflict as lost:
            if request_id in str(lost):
                conflicts.append(lost)
            raise

    house.ledger.append = watched  # type: ignore[method-assign]
    return conflicts


def test_an_access_whose_session_does_not_end_is_none_that_has_ended(tmp_path: Path) -> None:
    """Its rights are gone, which is no proof: it is tried again, and people are told when it is late."""
    house, target = house_of(tmp_path)
    target.over.set()
    target.stuck = frozenset({"R-TEST"})
    house.active(minutes=30)
    house.active("R-AA00", access="orders-db/read0", minutes=30)
    house.clock.move(minutes=30)
    for _ in range(3):
        house.timekeeper.sweep()
        house.clock.move(seconds=3)
    assert (house.request().state, house.request("R-AA00").state) == (State.ENDING, State.ENDED)
    (alert,) = [fact for fact in house.facts() if getattr(fact, "name", None) is AlertName.END_LATE]
    assert "session 4711 does not end" in alert.says
    target.stuck = frozenset()
    house.clock.move(minutes=1)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED


def test_while_the_ledger_is_silent_rights_that_are_gone_are_no_proof_either(tmp_path: Path) -> None:
    house, target = house_of(tmp_path)
    target.over.set()
    target.stuck = frozenset({"R-TEST"})
    about = house.active(minutes=30)
    house.clock.move(minutes=30)
    assert not house.revoker.end_unrecorded(about, about.ends_at)
    target.gives.clear()
    assert not house.revoker.end_unrecorded(about, about.ends_at)
    target.stuck = frozenset()
    assert house.revoker.end_unrecorded(about, about.ends_at)
    assert house.revoker.end_unrecorded(about, about.ends_at)


def test_whose_an_access_is_stays_known_when_its_rights_are_gone_and_the_person_is_erased(tmp_path: Path) -> None:
    """The target alone says so, and only as long as it holds something."""
    house, target = house_of(tmp_path)
    target.over.set()
    target.stuck = frozenset({"R-TEST"})
    erased = replace(house.active(minutes=30), principal=ERASED_TEXT)
    assert house.revoker.end([erased]) == frozenset()
    house.clock.move(seconds=5)
    again = replace(house.request(), principal=ERASED_TEXT)
    assert house.revoker.end([again]) == frozenset()
    assert [about for call, about in target.calls if call == "revoke of"] == ["alice", "alice"]
