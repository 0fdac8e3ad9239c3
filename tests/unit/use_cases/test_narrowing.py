"""Approving less than was asked: what is recorded, who is asked again, and what is given. Narrowing never widens."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.facts import Approval, Approved, GrantIntent, Life, Narrowed, RefusalReason, Source
from jit.requests.decision import before_effect, rules_for
from jit.requests.intake import BadInput
from jit.requests.less import PERMISSIONS, read_less
from jit.requests.lifecycle import CannotFollow, Request, State, apply, replay
from jit.requests.terms import Terms
from jit.testing import ALICE, BOB, CAROL
from jit.use_cases.narrow import LessForm, may_narrow
from tests.unit.requests.test_lifecycle import asked
from tests.world.office import READ, WHY, Office, RequestForm, actor
from tests.world.raised import raised

THREE = ("orders_read", "orders_write", "orders_all")
HALF_HOUR, TWO_HOURS = timedelta(minutes=30), timedelta(hours=2)


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path)
    edit(office, "grants: [orders_read]", f"grants: [{', '.join(THREE)}]")
    return office


def edit(office, old, new):
    text = office.policy_file.read_text()
    assert old in text
    office.policy_file.write_text(text.replace(old, new, 1))
    office.clock.move(seconds=2)


def two_of_them(office):
    edit(office, "all_of: [{from: [group:dba]}]", "all_of: [{from: [group:dba], count: 2}]")


def ask(office, duration="2h"):
    return office.use_cases.request(actor(ALICE), RequestForm(READ, duration, WHY))


def narrow(office, request, by=BOB, *, duration="30m", permissions=("orders_read",), reason="the tables are enough"):
    return office.use_cases.narrow(
        actor(by), request.id, request.digest, LessForm(duration, permissions, reason)
    ).request


def test_the_record_says_asked_and_given(office):
    request = ask(office)
    after = narrow(office, request, permissions=("orders_all", "orders_read"))
    assert office.kinds() == ["requested", "narrowed", "approval", "approved"]
    _, narrowed, approval, approved = office.facts()
    assert isinstance(narrowed, Narrowed)
    assert (narrowed.actor, narrowed.digest, narrowed.reason) == (BOB, request.digest, "the tables are enough")
    assert (narrowed.duration, narrowed.asked_duration) == (HALF_HOUR, TWO_HOURS)
    assert (narrowed.permissions, narrowed.asked_permissions) == (("orders_read", "orders_all"), THREE)
    assert after.digest != request.digest
    assert (approval.digest, approved.digest) == (after.digest, after.digest)
    assert approval.permissions == approved.permissions == after.permissions == ("orders_read", "orders_all")
    assert (after.duration, after.asked.duration, after.asked.permissions) == (HALF_HOUR, TWO_HOURS, THREE)
    assert (after.state, after) == (State.APPROVED, office.request(request.id))
    assert office.queue.grants == [request.id]


def test_a_reason_is_not_needed(office):
    narrow(office, ask(office), reason=" ")
    assert office.facts()[1].reason is None


def test_who_said_yes_to_more_is_asked_again(office):
    two_of_them(office)
    request = ask(office)
    office.approve(request, BOB)
    after = narrow(office, request, CAROL)
    assert (after.state, after.approvers, after.approved_more) == (State.PENDING, (CAROL,), (BOB,))
    office.refused(RefusalReason.CARD_CHANGED, lambda: office.approve(request, BOB), about=after)
    with_old_card = LessForm("5m", after.permissions)
    pressed = (actor(BOB), request.id, request.digest, with_old_card)
    office.refused(RefusalReason.CARD_CHANGED, lambda: office.use_cases.narrow(*pressed), about=after)
    decided = office.approve(after, BOB)
    assert decided.state is State.APPROVED
    assert {each.approver for each in decided.counted} == {BOB, CAROL}
    assert before_effect(decided, office.policies, office.directory, office.clock.now()).reason is None


def test_a_decision_that_counts_a_yes_to_more_is_no_decision(office):
    """Whoever recorded it."""
    two_of_them(office)
    request = ask(office)
    office.approve(request, BOB)
    narrow(office, request, CAROL)
    yes = next(fact for fact in office.facts() if isinstance(fact, Approval) and fact.actor == BOB)
    story = office.story(request.id)
    story.approved()
    forged = office.request(request.id)
    counted = (*forged.counted, forged.counted[0].model_copy(update={"approval": yes.id, "approver": BOB}))
    forged = replay_with(office, request.id, Approved, counted=counted)
    found = before_effect(forged, office.policies, office.directory, office.clock.now())
    assert found.reason is RefusalReason.CARD_CHANGED


def replay_with(office, request_id, kind, **changes):
    """The request as it would be if the fact of this kind said something else."""
    facts = [fact for fact in office.facts() if isinstance(fact, Life) and fact.request_id == request_id]
    return replay(fact.model_copy(update=changes) if isinstance(fact, kind) else fact for fact in facts)


def test_an_intent_that_gives_itself_what_was_asked_is_not_believed(office):
    request = narrow(office, ask(office))
    office.story(request.id).intent()
    now = office.clock.now()
    assert before_effect(office.request(request.id), office.policies, office.directory, now).reason is None
    longer = replay_with(office, request.id, GrantIntent, ends_at=now + TWO_HOURS)
    assert before_effect(longer, office.policies, office.directory, now).reason is RefusalReason.LAPSED


def test_nobody_opens_the_form_who_may_not_decide(office):
    request = ask(office)
    for by, reason in ((ALICE, RefusalReason.OWN_REQUEST), ("U04EVE000", RefusalReason.NOT_ALLOWED_TO_DECIDE)):
        opening = {"by": actor(by), "request_id": request.id, "digest": request.digest}
        office.refused(reason, lambda opening=opening: may_narrow(office.core, **opening), about=request)
    assert may_narrow(office.core, by=actor(BOB), request_id=request.id, digest=request.digest) == request


@pytest.mark.parametrize(
    ("duration", "permissions", "reason", "wrong", "says"),
    [
        ("3h", THREE[:1], "", "duration", "At most 2 h"),
        ("3h", THREE, "", "duration", "At most 2 h"),
        ("soon", THREE[:1], "", "duration", "30m"),
        ("2h", THREE, "", "duration", "all that was asked"),
        ("1h", (), "", "permissions", "Leave at least one"),
        ("1h", ("postgres",), "", "permissions", "More than was asked"),
        ("1h", (*THREE, "postgres"), "", "permissions", "More than was asked"),
        ("1h", THREE, "password: hunter2hunter2", "reason", "leave it out"),
        ("1h", THREE, ".", "reason", "Say why"),
        ("1h", THREE, "asdfqwer", "reason", "Say why"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(duration, permissions, reason, wrong, says):
    with pytest.raises(BadInput) as caught:
        read_less(duration, permissions, reason, Terms(TWO_HOURS, THREE))
    assert list(caught.value.problems) == [wrong]
    assert says in caught.value.problems[wrong]
    assert caught.value.slip


def test_a_fact_that_would_widen_is_none(office):
    """Neither is it appended, nor believed of a ledger that somebody wrote."""
    request = ask(office)
    wide = {"digest": request.digest, "asked_duration": TWO_HOURS, "asked_permissions": THREE}
    signed = {"at": office.clock.now(), "actor": BOB, "source": Source.SLACK}
    for duration, permissions in (
        (TWO_HOURS * 2, THREE),
        (TWO_HOURS, THREE),
        (HALF_HOUR, (*THREE, "postgres")),
        (HALF_HOUR, ("postgres",)),
        (HALF_HOUR, ()),
        (HALF_HOUR, THREE[::-1]),
        (HALF_HOUR, THREE[:1] * 2),
        (timedelta(0), THREE),
        (-HALF_HOUR, THREE),
    ):
        fact = Narrowed.about(request, **signed, **wide, duration=duration, permissions=permissions)
        assert raised(CannotFollow, apply, request, fact), (duration, permissions)
    lie = wide | {"asked_duration": TWO_HOURS * 2}
    fact = Narrowed.about(request, **signed, **lie, duration=HALF_HOUR, permissions=THREE)
    assert raised(CannotFollow, apply, request, fact), "it says that another thing was asked"


NAMES = ["a", "b", "c", "d"]
durations = st.integers(-10, 600).map(lambda minutes: timedelta(minutes=minutes))
terms = st.tuples(durations, st.lists(st.sampled_from(NAMES), max_size=5).map(tuple))


@given(st.integers(1, 600), st.lists(terms, max_size=6))
def test_narrowing_never_widens(minutes, attempts):
    """Whatever is recorded, by whoever, as often as they like."""
    first = apply(None, asked(duration=timedelta(minutes=minutes), permissions=tuple(NAMES)))
    request, digests = first, {first.digest}
    for duration, permissions in attempts:
        after = after_narrowing(request, duration, permissions)
        assert after.duration <= request.duration <= first.duration
        assert set(after.permissions) <= set(request.permissions) <= set(first.permissions)
        assert after.duration > timedelta(0)
        assert after.permissions
        assert after.asked == first.asked
        if after is not request:
            assert after.digest not in digests  # no yes to anything else counts for it
            assert after.approvals == ()
        digests.add(after.digest)
        request = after


def after_narrowing(request: Request, duration: timedelta, permissions: tuple[str, ...]) -> Request:
    asked_for = {"asked_duration": request.asked.duration, "asked_permissions": request.asked.permissions}
    more = {"digest": request.digest, **asked_for}
    signed = {"at": request.asked_at, "actor": BOB, "source": Source.SLACK}
    try:
        return apply(request, Narrowed.about(request, **signed, **more, duration=duration, permissions=permissions))
    except CannotFollow:
        return request


@given(st.integers(1, 600), st.integers(0, 700), st.sets(st.sampled_from([*NAMES, "root"])))
def test_what_is_typed_is_less_or_refused(minutes, typed, chosen):
    more = Terms(timedelta(minutes=minutes), tuple(NAMES))
    if bad := raised(BadInput, read_less, f"{typed}m", chosen, "", more):
        assert bad.problems.keys() <= {"duration", PERMISSIONS}
        return
    less = read_less(f"{typed}m", chosen, "", more)
    assert less.is_less_than(more)
    assert set(less.permissions) == chosen


def test_the_rule_stays_that_of_what_was_asked(office):
    """A rule for less time does not decide what was asked for longer: nobody halves what they have to ask for."""
    automatic = """- {when: 'duration <= duration("1h")', automatic: true}\n      - """
    edit(office, "- all_of: [{from: [group:dba]}]", automatic + "all_of: [{from: [group:dba], count: 2}]")
    after = narrow(office, ask(office))
    assert after.state is State.PENDING
    assert rules_for(after, office.policies, office.clock.now()).rule.automatic is None
    assert json.loads(after.inputs)["duration"] == "PT2H"
    assert office.approve(after, CAROL).state is State.APPROVED
