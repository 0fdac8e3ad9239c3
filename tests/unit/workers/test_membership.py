"""Grants where the system only knows who is in which group, and what comes between their steps."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from jit.ports import Capabilities, Finding, Grant, Held, Holder, RevokeResult, TargetRefused, TargetUnreachable
from jit.testing import ManualClock
from jit.testing.targets import ENDS_AT, TargetCase, TargetTests, still_due
from workers.targets.membership import WATCHED, Membership, Note

PEOPLE = ("alice", "eve")
GROUPS = ("orders-read", "orders-write")


@dataclass
class Rooms:
    """The groups of a system in memory. ``before`` is called before each change, with its name."""

    inside: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in GROUPS})
    kept: dict[str, Note] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=lambda: defaultdict(lambda: lambda: None))
    gone: bool = False

    def member_of(self, principal: str) -> str:
        self._asked("")
        if principal not in PEOPLE:
            raise TargetRefused(f"rooms: there is no {principal!r}")
        return f"member {principal}"

    def principal_of(self, member: str) -> str:
        return member.removeprefix("member ")

    def members(self, permission: str) -> Sequence[str]:
        self._asked("")
        return sorted(self.inside.get(permission, ()))

    def is_member(self, permission: str, member: str) -> bool:
        return member in self.members(permission)

    def add(self, permission: str, member: str) -> None:
        self._asked("add")
        if permission not in self.inside:
            raise TargetRefused(f"rooms: there is no {permission!r}")
        self.inside[permission].add(member)

    def remove(self, permission: str, member: str) -> None:
        self._asked("remove")
        self.inside.get(permission, set()).discard(member)

    def notes(self) -> Sequence[Note]:
        self._asked("")
        return [*self.kept.values()]

    def note(self, request_id: str) -> Note | None:
        self._asked("")
        return self.kept.get(request_id)

    def make_note(self, note: Note) -> bool:
        self._asked("make")
        if note.request_id in self.kept:
            return False
        self.kept[note.request_id] = Note.read(note.write())
        return True

    def change_note(self, old: Note, new: Note) -> bool:
        self._asked("change")
        if self.kept.get(old.request_id) != old:
            return False
        self.kept[old.request_id] = Note.read(new.write())
        return True

    def drop_note(self, request_id: str) -> None:
        self.kept.pop(request_id, None)

    def _asked(self, change: str) -> None:
        if self.gone:
            raise TargetUnreachable("rooms: nobody answers")
        self.before.pop(change, lambda: None)()


class RoomsTarget(Membership):
    name, kind = "rooms", "rooms"
    capabilities = Capabilities()

    def __init__(self, rooms: Rooms, clock: ManualClock) -> None:
        super().__init__("rooms", rooms, clock)
        self._rooms = rooms

    def how_to_connect(self, principal: str) -> str:
        return f"walk in as {principal}"

    def description_of(self, request_id: str) -> str:
        return f"the note {request_id}"

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        if self._rooms.gone:
            return [Finding(ok=False, what="rooms: nobody answers")]
        there = {*PEOPLE, *self._rooms.inside}
        return [Finding(ok=name in there, what=name) for name in (*permissions, *principals)]


class TestRooms(TargetTests):
    @pytest.fixture
    def case(self) -> TargetCase:
        rooms, clock = Rooms(), ManualClock()
        return TargetCase(
            target=RoomsTarget(rooms, clock),
            anew=lambda: RoomsTarget(rooms, clock),
            unreachable=RoomsTarget(Rooms(gone=True), clock),
            permissions=GROUPS,
            principals=PEOPLE,
            has=lambda principal, permission: f"member {principal}" in rooms.inside[permission],
            give_by_hand=lambda principal, permission: rooms.inside[permission].add(f"member {principal}"),
            take_by_hand=lambda principal, permission: rooms.inside[permission].discard(f"member {principal}"),
            no_names=("nobody", ""),
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
def target(rooms: Rooms, clock: ManualClock) -> RoomsTarget:
    return RoomsTarget(rooms, clock)


def grant(request_id: str = "R-AAAA") -> Grant:
    return Grant(request_id, "alice", ("orders-read",), ENDS_AT)


def test_two_ends_at_once_do_not_leave_what_each_saw_the_other_need(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant("R-AAAA"), still_due)
    target.grant(grant("R-BBBB"), still_due)
    rooms.before["change"] = lambda: target.revoke("R-BBBB", "alice") and None
    assert target.revoke("R-AAAA", "alice").existed
    assert rooms.inside["orders-read"] == set()


def test_an_end_while_it_is_given_takes_what_is_added_after_it(rooms: Rooms, target: RoomsTarget) -> None:
    rooms.before["add"] = lambda: target.revoke("R-AAAA", "alice") and None
    with pytest.raises(TargetRefused, match="was ended while it was given"):
        target.grant(grant(), still_due)
    assert rooms.inside["orders-read"] == set()


def test_a_worker_that_slept_over_the_end_and_its_note_takes_what_it_then_adds(
    rooms: Rooms, target: RoomsTarget, clock: ManualClock
) -> None:
    def forgotten() -> None:
        target.revoke("R-AAAA", "alice")
        clock.time += WATCHED + timedelta(seconds=1)
        target.list_grants()

    rooms.inside["orders-write"].add("member alice")
    rooms.before["add"] = forgotten
    with pytest.raises(TargetRefused, match="was ended while it was given"):
        target.grant(Grant("R-AAAA", "alice", GROUPS, ENDS_AT), still_due)
    assert rooms.inside == {"orders-read": set(), "orders-write": {"member alice"}}


def test_what_a_worker_added_late_before_it_died_is_found_and_taken(
    rooms: Rooms, target: RoomsTarget, clock: ManualClock
) -> None:
    target.grant(grant(), still_due)
    target.revoke("R-AAAA", "alice")
    rooms.inside["orders-read"].add("member alice")
    clock.time += WATCHED + timedelta(seconds=1)
    late = Held("R-AAAA", "alice", ("orders-read",), ENDS_AT)
    assert (target.held("R-AAAA"), target.list_grants()) == (late, [late])
    assert target.holders("orders-read") == [Holder("alice", "R-AAAA")]
    assert target.revoke("R-AAAA", "alice") == RevokeResult(existed=True)
    assert rooms.inside["orders-read"] == set()


def test_what_has_ended_or_was_ended_before_it_was_given_cannot_be_given(target: RoomsTarget) -> None:
    target.grant(grant("R-AAAA"), still_due)
    for request_id in ("R-AAAA", "R-BBBB"):
        target.revoke(request_id, "alice")
        with pytest.raises(TargetRefused, match="has ended"):
            target.grant(grant(request_id), still_due)


def test_a_grant_that_found_it_there_keeps_it_when_the_other_ends_meanwhile(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant("R-AAAA"), still_due)
    rooms.before["remove"] = lambda: target.grant(grant("R-BBBB"), still_due) and None
    target.revoke("R-AAAA", "alice")
    assert target.held("R-BBBB") is not None
    assert target.revoke("R-BBBB", "alice").existed
    assert rooms.inside["orders-read"] == set()


def test_what_another_grant_gives_is_nothing_that_was_there_before(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant("R-AAAA"), still_due)
    target.grant(grant("R-BBBB"), still_due)
    assert [note.had for note in rooms.notes()] == [(), ()]
    rooms.inside["orders-write"].add("member alice")
    target.grant(Grant("R-CCCC", "alice", GROUPS, ENDS_AT), still_due)
    assert rooms.kept["R-CCCC"].had == ("orders-write",)


def test_more_time_does_not_undo_an_end_that_came_between(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant(), still_due)
    later = Grant("R-AAAA", "alice", ("orders-read",), ENDS_AT + timedelta(hours=1))
    rooms.before["change"] = lambda: target.revoke("R-AAAA", "alice") and None
    with pytest.raises(TargetRefused, match="has ended"):
        target.grant(later, still_due)
    assert rooms.inside["orders-read"] == set()


def test_an_end_while_more_time_is_given_is_an_end(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant(), still_due)
    later = Grant("R-AAAA", "alice", ("orders-read",), ENDS_AT + timedelta(hours=1))
    rooms.before["change"] = lambda: target.grant(later, still_due) and None
    assert target.revoke("R-AAAA", "alice").existed
    assert rooms.inside["orders-read"] == set()


def test_more_time_that_the_system_refuses_leaves_what_was_given_as_it_was(rooms: Rooms, target: RoomsTarget) -> None:
    given = target.grant(Grant("R-AAAA", "alice", GROUPS, ENDS_AT), still_due)

    def refuse() -> None:
        raise TargetRefused("rooms: not now")

    rooms.before["add"] = refuse
    with pytest.raises(TargetRefused):
        target.grant(Grant("R-AAAA", "alice", GROUPS, ENDS_AT + timedelta(hours=1)), still_due)
    assert target.held("R-AAAA") == given
    assert target.revoke("R-AAAA", "alice").existed


def test_a_note_is_dropped_when_it_was_watched_for_long_enough(
    rooms: Rooms, target: RoomsTarget, clock: ManualClock
) -> None:
    target.grant(grant(), still_due)
    target.revoke("R-AAAA", "alice")
    target.list_grants()
    assert [*rooms.kept] == ["R-AAAA"]
    clock.time += WATCHED + timedelta(seconds=1)
    assert target.list_grants() == []
    assert rooms.kept == {}


def test_a_group_that_is_gone_keeps_no_end_from_being_proven(rooms: Rooms, target: RoomsTarget) -> None:
    target.grant(grant(), still_due)
    del rooms.inside["orders-read"]
    assert target.revoke("R-AAAA", "alice").existed
    assert target.list_grants() == []
