"""What every kind of target must do, as tests to inherit.

```python
class TestDoors(TargetTests):
    @pytest.fixture
    def case(self, doors):
        return TargetCase(
            target=DoorsTarget("office", url=doors.url),
            anew=lambda: DoorsTarget("office", url=doors.url),
            ...
        )
```

They run under pytest, against a real system, and expect it empty of grants before each. With
`pytest.register_assert_rewrite("jit.testing.targets")` in conftest.py a failure shows the values.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jit.ports import (
    EndsMany,
    Grant,
    Held,
    Holder,
    ListsRights,
    RevokeResult,
    Target,
    TargetError,
    TargetRefused,
    TargetUnreachable,
)

ENDS_AT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class TargetCase:
    """A system with two people and two permissions, which nobody has.

    Whatever is asked of the system besides the target goes another way than the target's code.
    """

    target: Target
    anew: Callable[[], Target]
    """The same target, opened by another process: it knows nothing that the first one remembers."""
    unreachable: Target
    """As the first, in a place where nobody answers."""
    permissions: tuple[str, str]
    principals: tuple[str, str]
    has: Callable[[str, str], bool]
    """Whether this principal has this permission in the system."""
    give_by_hand: Callable[[str, str], None]
    """Gives this principal this permission as an administrator does, who does not know jit."""
    take_by_hand: Callable[[str, str], None]
    no_names: tuple[str, ...]
    """What is the name of nobody and nothing there, missing and impossible ones."""
    secret: str = ""
    """Of the unreachable one: what nobody may be told."""

    def grant(
        self, request_id: str = "R-7F3K", *permissions: str, principal: str | None = None, ends_at: datetime = ENDS_AT
    ) -> Grant:
        whose = self.principals[0] if principal is None else principal
        return Grant(request_id, whose, permissions or self.permissions[:1], ends_at)


class NotDue(Exception):
    """What a test says under the target's lock."""


def still_due() -> None:
    """The decision still holds."""


def no_more() -> None:
    raise NotDue


class TargetTests:
    """A subclass has a fixture ``case``."""

    def test_it_says_what_it_is_and_takes_the_names_that_are_there(self, case: TargetCase) -> None:
        first, other = case.target, case.anew()
        assert (first.name, first.kind, first.capabilities) == (other.name, other.kind, other.capabilities)
        assert first.name
        assert first.kind
        problem: Callable[[str], str | None] = getattr(first, "name_problem", lambda _: None)
        assert [problem(name) for name in (*case.permissions, *case.principals)] == [None] * 4

    def test_what_is_given_is_there_and_is_read_back(self, case: TargetCase) -> None:
        target, grant = case.target, case.grant()
        held = target.grant(grant, still_due)
        assert held == Held(grant.request_id, grant.principal, grant.permissions, ENDS_AT)
        assert case.has(grant.principal, case.permissions[0])
        assert not case.has(grant.principal, case.permissions[1])
        assert not case.has(case.principals[1], case.permissions[0])
        assert target.held(grant.request_id) == held
        assert target.list_grants() == [held]

    def test_several_permissions_are_one_grant(self, case: TargetCase) -> None:
        held = case.target.grant(case.grant("R-7F3K", *case.permissions), still_due)
        assert set(held.permissions) == set(case.permissions)
        assert all(case.has(case.principals[0], permission) for permission in case.permissions)
        assert case.target.revoke("R-7F3K", case.principals[0]).existed
        assert not any(case.has(case.principals[0], permission) for permission in case.permissions)

    def test_giving_again_is_no_change_and_more_time_moves_the_deadline(self, case: TargetCase) -> None:
        first = case.target.grant(case.grant(), still_due)
        assert case.target.grant(case.grant(), still_due) == first
        assert case.anew().grant(case.grant(ends_at=ENDS_AT + HOUR), still_due).ends_at == ENDS_AT + HOUR
        assert [held.ends_at for held in case.target.list_grants()] == [ENDS_AT + HOUR]
        assert case.target.revoke("R-7F3K", case.principals[0]).existed
        assert not case.has(case.principals[0], case.permissions[0])

    def test_a_deadline_is_not_moved_when_that_is_no_longer_due(self, case: TargetCase) -> None:
        """As an extension finds it that was overtaken by an end. What is given stays as it is."""
        case.target.grant(case.grant("R-7F3K", *case.permissions), still_due)
        with raises(NotDue):
            case.anew().grant(case.grant("R-7F3K", *case.permissions, ends_at=ENDS_AT + HOUR), no_more)
        assert [held.ends_at for held in case.target.list_grants()] == [ENDS_AT]
        assert all(case.has(case.principals[0], permission) for permission in case.permissions)

    def test_a_deadline_can_be_put_back_and_moves_alone(self, case: TargetCase) -> None:
        for request_id in ("R-AAAA", "R-BBBB"):
            case.target.grant(case.grant(request_id), still_due)
        for ends_at in (ENDS_AT + HOUR, ENDS_AT - HOUR):
            given = case.anew().grant(case.grant("R-AAAA", ends_at=ends_at), still_due)
            assert given == case.target.held("R-AAAA")
            assert given.ends_at == ends_at
            others = case.target.held("R-BBBB")
            assert others is not None
            assert others.ends_at == ENDS_AT

    def test_what_is_no_longer_due_is_not_given(self, case: TargetCase) -> None:
        with raises(NotDue):
            case.target.grant(case.grant(), no_more)
        assert case.target.held("R-7F3K") is None
        assert not case.has(case.principals[0], case.permissions[0])
        case.target.grant(case.grant(), still_due)

    def test_an_end_takes_it_and_a_second_one_finds_nothing(self, case: TargetCase) -> None:
        target, grant = case.target, case.grant()
        target.grant(grant, still_due)
        taken = target.revoke(grant.request_id, grant.principal)
        assert (taken.existed, taken.left_behind) == (True, ())
        assert target.capabilities.cuts_sessions or taken.sessions == 0
        assert not case.has(grant.principal, case.permissions[0])
        assert target.held(grant.request_id) is None
        assert target.list_grants() == []
        assert not target.revoke(grant.request_id, grant.principal).existed

    def test_ending_what_was_never_given_finds_nothing(self, case: TargetCase) -> None:
        for principal in (case.principals[0], *case.no_names[:1]):
            assert not case.target.revoke("R-NONE", principal).existed
        assert case.target.held("R-NONE") is None

    def test_rights_that_were_taken_first_are_part_of_the_end(self, case: TargetCase) -> None:
        case.target.grant(case.grant(), still_due)
        if (take_rights := getattr(case.target, "take_rights", None)) is not None:
            take_rights("R-7F3K", case.principals[0])
            assert not case.has(case.principals[0], case.permissions[0])
        assert case.target.revoke("R-7F3K", case.principals[0]).existed

    def test_what_ends_together_ends_as_if_each_did_by_itself(self, case: TargetCase) -> None:
        """What was never given, and whatever the target leaves out, is ended one by one."""
        ends = dict(zip(("R-AAAA", "R-BBBB", "R-NONE"), (*case.principals, case.principals[0]), strict=True))
        for request_id, principal in [*ends.items()][:2]:
            case.target.grant(case.grant(request_id, principal=principal), still_due)
        done: dict[str, RevokeResult] = {}
        if isinstance(case.target, EndsMany):
            for request_id in case.target.take_rights_of_many(ends):
                assert not case.has(ends[request_id], case.permissions[0])
            done |= case.target.revoke_many(ends)
        for request_id in ends.keys() - done.keys():
            done[request_id] = case.target.revoke(request_id, ends[request_id])
        assert {request_id: taken.existed for request_id, taken in done.items()} == {
            request_id: request_id != "R-NONE" for request_id in ends
        }
        assert case.anew().list_grants() == []
        assert not any(case.has(principal, case.permissions[0]) for principal in case.principals)

    def test_of_two_grants_of_the_same_the_end_of_one_leaves_the_other(self, case: TargetCase) -> None:
        for request_id in ("R-AAAA", "R-BBBB"):
            case.target.grant(case.grant(request_id), still_due)
        assert {held.request_id for held in case.target.list_grants()} == {"R-AAAA", "R-BBBB"}
        case.anew().revoke("R-AAAA", case.principals[0])
        assert case.has(case.principals[0], case.permissions[0])
        assert [held.request_id for held in case.target.list_grants()] == ["R-BBBB"]
        case.target.revoke("R-BBBB", case.principals[0])
        assert not case.has(case.principals[0], case.permissions[0])

    def test_the_end_of_one_persons_grant_leaves_anothers(self, case: TargetCase) -> None:
        for request_id, principal in zip(("R-AAAA", "R-BBBB"), case.principals, strict=True):
            case.target.grant(case.grant(request_id, principal=principal), still_due)
        case.target.revoke("R-AAAA", case.principals[0])
        assert not case.has(case.principals[0], case.permissions[0])
        assert case.has(case.principals[1], case.permissions[0])

    def test_what_somebody_had_before_stays_and_is_no_grant(self, case: TargetCase) -> None:
        (principal, _), (permission, _) = case.principals, case.permissions
        case.give_by_hand(principal, permission)
        try:
            assert case.target.list_grants() == []
            case.target.grant(case.grant(), still_due)
            assert set(case.target.holders(permission)) == {Holder(principal), Holder(principal, "R-7F3K")}
            assert case.target.revoke("R-7F3K", principal).existed
            assert case.has(principal, permission)
            assert case.target.holders(permission) == [Holder(principal)]
        finally:
            case.take_by_hand(principal, permission)
        assert not case.has(principal, permission)

    def test_what_was_taken_by_hand_can_still_be_ended(self, case: TargetCase) -> None:
        case.target.grant(case.grant(), still_due)
        case.take_by_hand(case.principals[0], case.permissions[0])
        case.target.revoke("R-7F3K", case.principals[0])
        assert case.target.list_grants() == []
        assert not case.has(case.principals[0], case.permissions[0])

    def test_who_holds_a_permission_is_known_by_grant(self, case: TargetCase) -> None:
        first, second = case.principals
        case.target.grant(case.grant("R-AAAA"), still_due)
        case.target.grant(case.grant("R-BBBB", *case.permissions, principal=second), still_due)
        assert set(case.anew().holders(case.permissions[0])) == {Holder(first, "R-AAAA"), Holder(second, "R-BBBB")}
        assert case.target.holders(case.permissions[1]) == [Holder(second, "R-BBBB")]

    def test_what_was_given_by_hand_is_told_from_what_was_granted(self, case: TargetCase) -> None:
        """One that lists it can take it away, unless its giver alone can; what was granted stays."""
        (first, second), (permission, _) = case.principals, case.permissions
        case.target.grant(case.grant(), still_due)
        case.give_by_hand(second, permission)
        try:
            target = case.anew()
            assert set(target.holders(permission)) == {Holder(first, "R-7F3K"), Holder(second)}
            if isinstance(target, ListsRights):
                found = target.inventory(case.permissions, case.principals)
                assert [held.request_id for held in found.grants] == ["R-7F3K"]
                (right,) = [each for each in found.rights if each.permission == permission and each.principal == second]
                assert (right.grant, right.how, right.lasting, right.changed) == (None, "member", False, False)
                with suppress(TargetRefused):
                    target.remove(right)
                    assert not case.has(second, permission)
            assert case.has(first, permission)
        finally:
            case.take_by_hand(second, permission)

    def test_another_process_knows_what_is_given_until_when_and_ends_it(self, case: TargetCase) -> None:
        given = case.target.grant(case.grant(), still_due)
        other = case.anew()
        assert other.list_grants() == [given]
        assert other.held("R-7F3K") == given
        assert other.revoke("R-7F3K", case.principals[0]).existed
        assert case.target.held("R-7F3K") is None

    def test_names_that_are_none_are_refused_and_nothing_is_given(self, case: TargetCase) -> None:
        for number, name in enumerate(case.no_names):
            first, second, third = (f"R-{kind}{kind}{number:02}" for kind in "ABC")
            for grant in (
                case.grant(first, principal=name),
                case.grant(second, name),
                case.grant(third, *case.permissions, name),
            ):
                with raises(TargetRefused):
                    case.target.grant(grant, still_due)
                assert case.target.list_grants() == [], name
                assert not case.has(case.principals[0], case.permissions[0]), name

    def test_a_grant_of_nothing_and_an_id_that_is_none_are_refused(self, case: TargetCase) -> None:
        for grant in (Grant("R-7F3K", case.principals[0], (), ENDS_AT), case.grant("7f3k; *")):
            with raises(TargetRefused):
                case.target.grant(grant, still_due)
        assert case.target.list_grants() == []

    def test_many_at_once_do_not_get_into_each_others_way(self, case: TargetCase) -> None:
        ids = [f"R-AA{number:02}" for number in range(6)]
        targets = [case.target, case.anew()]
        with ThreadPoolExecutor(len(ids)) as pool:
            given = pool.map(lambda each: targets[each[0] % 2].grant(case.grant(each[1]), still_due), enumerate(ids))
            assert [held.request_id for held in given] == ids
            taken = pool.map(lambda request_id: case.target.revoke(request_id, case.principals[0]), ids[1:])
            assert all(each.existed for each in taken)
        assert [held.request_id for held in case.target.list_grants()] == ids[:1]
        assert case.has(case.principals[0], case.permissions[0])

    def test_a_check_finds_nothing_wrong_here_and_names_what_is_missing(self, case: TargetCase) -> None:
        good = case.target.check(case.permissions, case.principals)
        assert [finding.what for finding in good if not finding.ok] == []
        for name in case.no_names:
            for found in (case.target.check([*case.permissions, name]), case.target.check((), [name])):
                assert any(not finding.ok for finding in found), name
        assert case.target.list_grants() == []

    def test_words_for_people_name_the_grant_and_the_person_and_no_secret(self, case: TargetCase) -> None:
        for target in (case.target, case.unreachable):
            told = target.description_of("R-7F3K"), target.how_to_connect(case.principals[0])
            assert "7f3k" in told[0].lower()
            assert case.principals[0] in told[1]
            assert not case.secret or case.secret not in " ".join(told)
        assert case.target.description_of("R-AAAA") != case.target.description_of("R-BBBB")

    def test_of_one_that_cannot_be_reached_nothing_is_claimed(self, case: TargetCase) -> None:
        target, grant = case.unreachable, case.grant()
        calls: list[Callable[[], object]] = [
            lambda: target.grant(grant, still_due),
            lambda: target.revoke(grant.request_id, grant.principal),
            lambda: target.held(grant.request_id),
            target.list_grants,
            lambda: target.holders(case.permissions[0]),
        ]
        for call in calls:
            with raises(TargetUnreachable) as said:
                call()
            assert not case.secret or case.secret not in str(said)
        found = target.check(case.permissions, case.principals)
        assert any(not finding.ok for finding in found)
        assert not case.secret or case.secret not in repr((target, found))


@contextmanager
def raises(kind: type[Exception]) -> Iterator[list[str]]:
    """What it said is in the list afterwards."""
    said: list[str] = []
    try:
        yield said
    except kind as raised:
        said.append(str(raised))
    except TargetError as other:
        raise AssertionError(f"{type(other).__name__} instead of {kind.__name__}: {other}") from other
    else:
        raise AssertionError(f"{kind.__name__} was not raised")
