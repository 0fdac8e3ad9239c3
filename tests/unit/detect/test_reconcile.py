"""What differs between the ledger and a target, kind by kind; and in words that nobody can bend."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from jit.detect.reconcile import Drift, Expected, Kind, compare, seen_twice
from jit.detect.words import sentence
from jit.facts import Counted
from jit.policy.model import StandingAccess
from jit.ports import Held, Inventory, Right
from jit.requests.lifecycle import Request, State
from jit.testing import BOB, T0, InMemoryLedger, ManualClock, Story
from jit.testing.story import DBA, SECURITY

NOW = T0 + timedelta(minutes=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def request_() -> Request:
    """Active, given to alice for half an hour."""
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock)
    story.active()
    return story.request


def held(request: Request, **changes: object) -> Held:
    assert request.ends_at is not None
    return replace(Held(request.id, request.principal, request.permissions, request.ends_at), **changes)


def found(request: Request | None, *grants: Held, rights=(), moved=(), standing=(), now: datetime = NOW) -> list[Drift]:
    requests = {request.id: request} if request else {}
    inventory = Inventory(grants, tuple(rights), len(grants) + len(rights))
    return list(compare("orders-db", Expected(requests, moved), inventory, standing, now).differs)


def kinds(drifts: list[Drift]) -> list[tuple[Kind, str]]:
    return [(each.kind, each.how) for each in drifts]


def test_what_is_held_as_it_was_granted_differs_in_nothing(request_):
    assert found(request_, held(request_)) == []


@pytest.mark.parametrize(
    ("changes", "kind", "how"),
    [
        ({"permissions": ("orders_read", "orders_admin")}, Kind.MORE, "permissions"),
        ({"permissions": ()}, Kind.LESS, "permissions"),
        ({"principal": "mallory"}, Kind.MORE, "principal"),
        ({"ends_at": T0 + 60 * MINUTE}, Kind.MORE, "end"),
        ({"ends_at": T0 + 5 * MINUTE}, Kind.LESS, "end"),
    ],
)
def test_what_is_held_otherwise_is_more_or_less_than_was_approved(request_, changes, kind, how):
    assert kinds(found(request_, held(request_, **changes))) == [(kind, how)]


def test_of_what_was_narrowed_what_was_given_counts_and_not_what_was_asked():
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock, "R-7F3K", {"permissions": ("orders_read", "orders_write")})
    story.asked()
    story.narrowed(duration=timedelta(minutes=10), permissions=("orders_read",))
    story.approval()
    story.approved()
    story.intent()
    story.granted()
    request = story.request
    assert found(request, held(request, permissions=("orders_read",))) == []
    (drift,) = found(request, held(request, permissions=("orders_read", "orders_write")))
    assert (drift.kind, drift.permission) == (Kind.MORE, "orders_write")
    later = T0 + timedelta(minutes=30)
    assert kinds(found(request, held(request, permissions=("orders_read",), ends_at=later))) == [(Kind.MORE, "end")]


def test_what_is_to_begin_later_is_nothing_yet_and_held_before_it_has_no_decision():
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock, "R-7F3K", {"start_at": T0 + timedelta(hours=2)})
    story.asked()
    story.approval()
    story.approved()
    assert found(story.request) == []
    ends_at = T0 + timedelta(hours=3)
    early = Held(story.id, story.request.principal, story.request.permissions, ends_at)
    (drift,) = found(story.request, early)
    assert (drift.kind, drift.how) == (Kind.UNDECIDED, "not_begun")
    assert "its decision does not hold: no worker has begun it" in sentence(drift)
    begun = replace(story.request, state=State.ACTIVE, intent_at=NOW, ends_at=NOW + story.request.duration)
    assert (Kind.UNDECIDED, "lapsed") in kinds(found(begun, replace(early, ends_at=begun.ends_at)))


def test_an_extension_that_is_only_asked_for_hides_no_later_end(request_):
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock)
    story.active()
    story.extension_asked(30)
    longer = held(request_, ends_at=request_.ends_at + 30 * MINUTE)
    assert kinds(found(story.request, longer)) == [(Kind.MORE, "end")]
    story.extension_approved()
    assert found(story.request, longer) == []


def test_what_is_active_and_not_held_has_vanished(request_):
    assert kinds(found(request_)) == [(Kind.VANISHED, "")]


def test_what_is_held_and_nobody_knows_or_is_another_targets_was_granted_by_nobody(request_):
    assert kinds(found(None, held(request_))) == [(Kind.UNGRANTED, "grant")]
    assert kinds(found(replace(request_, target="else"), held(request_))) == [(Kind.UNGRANTED, "grant")]


@pytest.mark.parametrize("state", [State.ENDED, State.FAILED, State.DENIED, State.LAPSED])
def test_what_is_held_of_a_request_that_gives_nothing_has_outlived_it(request_, state):
    assert kinds(found(replace(request_, state=state), held(request_))) == [(Kind.OUTLIVED, "")]


def test_what_is_held_of_a_request_that_was_not_begun_has_no_decision(request_):
    for state in (State.PENDING, State.APPROVED):
        assert kinds(found(replace(request_, state=state), held(request_))) == [(Kind.UNDECIDED, "not_begun")]


def test_what_is_held_past_its_end_has_outlived_it_by_more_than_clocks_may_differ(request_):
    end = request_.ends_at
    assert found(request_, held(request_), now=end + timedelta(seconds=1)) == []
    assert kinds(found(request_, held(request_), now=end + timedelta(seconds=3))) == [(Kind.OUTLIVED, "")]


@pytest.mark.parametrize("state", [State.GRANTING, State.ENDING])
def test_what_is_on_its_way_may_be_held_or_not(request_, state):
    assert found(replace(request_, state=state), held(request_)) == []
    assert found(replace(request_, state=state)) == []


def test_what_moved_while_both_were_read_is_not_judged(request_):
    for state in State:
        for grants in ((), (held(request_),)):
            assert found(replace(request_, state=state), *grants, moved={request_.id}) == []
    assert found(None, held(request_), moved={request_.id}) == []
    right = Right("mallory", "jit_r_7f3k", grant=request_.id)
    assert found(request_, held(request_), rights=[right], moved={request_.id}) == []


@pytest.mark.parametrize(
    ("skipped", "fault"),
    [
        ({"counted": ()}, "quorum_gone"),
        ({"counted": (Counted(approval=uuid4(), approver=BOB, quorum="dba"),)}, "card_changed"),
        ({"why": "another reason than was shown"}, "card_changed"),
        ({"requester": BOB}, "card_changed"),
        ({"needs": ()}, "card_changed"),
        ({"approved_at": None}, "lapsed"),
        ({"begin_by": T0 - MINUTE}, "lapsed"),
        ({"ends_at": T0 + 600 * MINUTE}, "lapsed"),
    ],
)
def test_a_skipped_check_is_seen_in_the_facts_of_the_request(request_, skipped, fault):
    request = replace(request_, **skipped)
    assert (Kind.UNDECIDED, fault) in kinds(found(request, held(request)))


def test_nobody_decides_on_their_own_request_however_it_is_recorded():
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock)
    story.asked()
    story.approval(by=story.request.requester)
    story.approved()
    story.intent()
    story.granted()
    assert kinds(found(story.request, held(story.request))) == [(Kind.UNDECIDED, "quorum_gone")]


def test_where_different_people_were_asked_for_one_is_not_enough_for_two_quorums():
    for different, faults in ((False, []), (True, [(Kind.UNDECIDED, "quorum_gone")])):
        clock = ManualClock()
        story = Story(InMemoryLedger(clock), clock, "R-7F3K", {"needs": (DBA, SECURITY), "different_people": different})
        story.asked()
        story.approval(quorum="dba")
        story.approval(quorum="security")
        story.approved()
        story.intent()
        story.granted()
        assert kinds(found(story.request, held(story.request))) == faults


def standing(**changes: object) -> StandingAccess:
    accepted = StandingAccess("orders-db", "reporting", "orders_read", "member", "Carol", "reports", date(2030, 1, 1))
    return replace(accepted, **changes)


def test_standing_access_differs_unless_it_is_listed_exactly_and_its_review_is_to_come():
    right = Right("reporting", "orders_read")
    assert found(None, rights=[right], standing=[standing()]) == []
    for other in ({"target": "else"}, {"principal": "mallory"}, {"permission": "x"}, {"how": "owner"}):
        assert kinds(found(None, rights=[right], standing=[standing(**other)])) == [(Kind.UNGRANTED, "member")]
    due = standing(review=NOW.date())
    assert found(None, rights=[right], standing=[due]) == []
    (drift,) = found(None, rights=[right], standing=[due], now=NOW + timedelta(days=1))
    assert drift.kind is Kind.REVIEW_DUE


def test_what_is_listed_as_standing_never_covers_what_hangs_on_a_grant():
    right = Right("reporting", "orders_read", grant="R-7F3K")
    assert kinds(found(None, rights=[right], standing=[standing()])) == [(Kind.MORE, "member")]


def test_an_id_stays_for_as_long_as_it_is_the_same_thing():
    one, other = (Drift("orders-db", Kind.LASTING, "alice", "tables", "owner", detail=text) for text in ("a", "b"))
    assert one.id == other.id
    assert len({replace(one, principal=name).id for name in ("alice", "alice2", "alice\n", "")}) == 4
    assert [each.detail for each in seen_twice([one], [other])] == ["b"]
    assert seen_twice([replace(one, principal="x")], [other]) == []


@pytest.mark.parametrize(
    ("permission", "how", "said"),
    [
        ("orders_read", "member", "eve has orders_read on orders-db (member), and nobody granted it."),
        ("SUPERUSER", "attribute", "eve has SUPERUSER on orders-db (attribute), and nobody granted it."),
        ("tables in schema x", "SELECT", "eve has SELECT of tables in schema x on orders-db, and nobody granted it."),
        ("tables in schema x", "owner", "eve owns tables in schema x on orders-db, and nobody granted it."),
        ("objects of pg_policy", "named", "eve is named by objects of pg_policy on orders-db, and nobody granted it."),
    ],
)
def test_what_nobody_granted_is_said_as_it_is_had(permission, how, said):
    assert sentence(Drift("orders-db", Kind.UNGRANTED, "eve", permission, how)) == said


HOSTILE = ["\x00\x1b[31mroot\r\n", "a" * 10_000, "\u202eadmin", "<!channel> *x* `y` <@U01ALICE0>", "\ud800", " ", ""]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", Kind)
def test_a_name_that_a_holder_chose_breaks_no_sentence(name, kind):
    drift = Drift("orders-db", kind, name, name, name[:60], "R-7F3K", detail=name)
    says = sentence(drift)
    assert says.isprintable()
    assert len(says) < 700
    says.encode()
