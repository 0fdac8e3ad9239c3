"""Ends that a target carries out together: what it leaves out, or cannot do so, is ended one by one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from jit.ports import RevokeResult, TargetError, TargetRefused, TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing import InMemoryTarget
from tests.unit.workers.test_rights_first import MORE
from tests.world.base import in_a_file
from tests.world.hands import RULES, Hands

IDS = [f"R-AA{number:02}" for number in range(12)]


class TogetherTarget(InMemoryTarget):
    """Ends together all but what is ``left_out``; either call raises its ``fault``. ``asked`` has what each was given,
    and ``stuck`` what does not end one by one, too.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.left_out: frozenset[str] = frozenset()
        self.stuck: frozenset[str] = frozenset()
        self.faults: dict[str, Exception] = {}
        self.asked: list[tuple[str, frozenset[str]]] = []
        self.taken: set[str] = set()

    def take_rights(self, request_id: str, principal: str) -> None:
        self._ask("take_rights", request_id)
        self.taken.add(request_id)

    def take_rights_of_many(self, principals: Mapping[str, str]) -> frozenset[str]:
        taken = self._together("take_rights_of_many", principals)
        self.taken |= taken
        return taken

    def revoke_many(self, principals: Mapping[str, str]) -> dict[str, RevokeResult]:
        return {one: self.revoke(one, principals[one]) for one in sorted(self._together("revoke_many", principals))}

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        if request_id in self.stuck:
            raise TargetRefused(f"{self.name}: access is taken away, but session 4711 does not end")
        return super().revoke(request_id, principal)

    def _together(self, call: str, principals: Mapping[str, str]) -> frozenset[str]:
        self.asked.append((call, frozenset(principals)))
        if (fault := self.faults.get(call)) is not None:
            raise fault
        return frozenset(principals) - self.left_out - self.stuck


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    rules = RULES + "".join(MORE.format(number=number) for number in range(len(IDS)))
    made = Hands(tmp_path, rules=rules, ledger=in_a_file(tmp_path))
    made.targets["orders-db"] = TogetherTarget("orders-db")
    for number, request_id in enumerate(IDS):
        made.active(request_id, access=f"orders-db/read{number}", minutes=30)
    made.clock.move(minutes=30)
    return made


@pytest.fixture
def target(house: Hands) -> TogetherTarget:
    found = house.targets["orders-db"]
    assert isinstance(found, TogetherTarget)
    return found


def states(house: Hands) -> set[State]:
    return {house.request(request_id).state for request_id in IDS}


def one_by_one(target: TogetherTarget, call: str) -> set[str]:
    return {about for done, about in target.calls if done == call}


def test_what_is_due_at_once_is_asked_for_together(house: Hands, target: TogetherTarget) -> None:
    house.timekeeper.sweep()
    assert states(house) == {State.ENDED}
    assert {call for call, _ in target.asked} == {"take_rights_of_many", "revoke_many"}
    assert frozenset().union(*(asked for _, asked in target.asked)) == {*IDS}
    assert one_by_one(target, "take_rights") == set()
    assert target.taken == {*IDS}


def test_what_is_left_out_is_ended_by_itself(house: Hands, target: TogetherTarget) -> None:
    target.left_out = frozenset(IDS[:2])
    house.timekeeper.sweep()
    assert states(house) == {State.ENDED}
    assert one_by_one(target, "take_rights") == {*IDS[:2]}


@pytest.mark.parametrize("fault", [TargetRefused("no"), TargetUnreachable("silent"), ValueError("of ours")])
@pytest.mark.parametrize("call", ["take_rights_of_many", "revoke_many"])
def test_a_fault_in_what_is_done_together_keeps_nothing_alive(
    house: Hands, target: TogetherTarget, call: str, fault: TargetError | ValueError
) -> None:
    target.faults[call] = fault
    house.timekeeper.sweep()
    assert states(house) == {State.ENDED}
    assert target.taken == {*IDS}


def test_one_that_does_not_end_is_none_that_has_ended_and_holds_up_no_other(
    house: Hands, target: TogetherTarget
) -> None:
    target.stuck = frozenset(IDS[:1])
    house.timekeeper.sweep()
    assert house.request(IDS[0]).state is State.ENDING
    assert {house.request(request_id).state for request_id in IDS[1:]} == {State.ENDED}
    target.stuck = frozenset()
    house.clock.move(minutes=1)
    house.timekeeper.sweep()
    assert states(house) == {State.ENDED}


def test_one_alone_is_ended_by_itself(house: Hands, target: TogetherTarget) -> None:
    assert house.revoker.end([house.request(IDS[0])]) == {IDS[0]}
    assert target.asked == []


def test_what_was_ended_together_is_on_the_record_before_another_is_waited_for(
    house: Hands, target: TogetherTarget
) -> None:
    recorded: list[set[State]] = []
    target.left_out = frozenset(IDS[:1])
    revoke = target.revoke

    def watched(request_id: str, principal: str) -> RevokeResult:
        if request_id == IDS[0]:
            recorded.append({house.request(other).state for other in IDS[1:]})
        return revoke(request_id, principal)

    target.revoke = watched  # type: ignore[method-assign]
    house.revoker.end([house.request(request_id) for request_id in IDS])
    assert recorded == [{State.ENDED}]


def test_who_ends_one_without_the_ledger_meanwhile_does_not_record_it_once_more(
    house: Hands, target: TogetherTarget
) -> None:
    """With the ledger slow for two seconds, 25 of 500 ends stood there twice."""
    revoke_many = target.revoke_many

    def watched(principals: Mapping[str, str]) -> dict[str, RevokeResult]:
        done = revoke_many(principals)
        about = house.request(IDS[0])
        assert house.revoker.end_unrecorded(about, about.ends_at)
        return done

    target.revoke_many = watched  # type: ignore[method-assign]
    house.revoker.end([house.request(request_id) for request_id in IDS])
    house.timekeeper.sweep()
    assert house.kinds(IDS[0]).count("ended") == 1
