"""Break-glass: who gets in at once, on what that rests, and the review that cannot be forgotten."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from jit.facts import EndCause, RefusalReason, Revoked
from jit.ledger import Question, ReviewOpen
from jit.people.answers import Because
from jit.people.person import Person
from jit.requests.decision import before_effect
from jit.requests.intake import RequestForm
from jit.requests.leaving import by_rules
from jit.requests.lifecycle import State
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.requests.reviews import review_due, review_open, unreviewed
from jit.testing import ALICE, BOB, CAROL, EVE, WORKSPACE
from jit.use_cases.extend import extend
from jit.use_cases.narrow import LessForm
from tests.world.base import SAM
from tests.world.break_glass import ADMIN, ALICE_TOO, READ, RULES
from tests.world.office import WHY, Office, actor


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path, rules=RULES)
    office.directory.on_call = {"sre": frozenset({ALICE})}
    office.directory.people[ALICE_TOO] = Person(id=ALICE_TOO, team=WORKSPACE, name="alice2")
    office.incidents.open = {"INC-42": True, "INC-41": False}
    return office


def break_glass(office, by=ALICE, access=ADMIN, **typed):
    form = {"duration": "30m", "reason": WHY, "incident": "INC-42"} | typed
    return office.use_cases.break_glass(actor(by), RequestForm(access, **form))


def nothing(_office):
    """All is as the fixture has it."""


def changed(*changes):
    return lambda office: office.rules(*changes, text=RULES)


NO_GLASS = ('    break_glass: {who: ["oncall:sre"', '    # {who: ["oncall:sre"')
DENIED = ("request: [group:eng", "deny: [U01ALICE0]\n    request: [group:eng")
LISTED = 'who: ["oncall:sre", U04EVE000]'


def given(office, by=ALICE, access=ADMIN):
    request = break_glass(office, by, access)
    office.give(request)
    return office.request(request.id)


def review(office, request, by=SAM, verdict="justified", reason="the database was down"):
    return office.use_cases.review(actor(by), request.id, verdict, reason)


def decision(office, request):
    return before_effect(request, office.policies, office.directory, office.clock.now()).reason


def test_a_second_account_breaks_no_glass_while_the_review_of_the_first_is_open(office):
    office.directory.on_call = {"sre": frozenset({ALICE, ALICE_TOO})}
    given(office)
    second = break_glass(office, by=ALICE_TOO)
    assert second.state is State.PENDING
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(second, ALICE), about=second)


def test_another_account_with_the_same_e_mail_breaks_no_glass_either(office):
    """The rules have two names for her; the review of one account did not keep the other from a second break-glass."""
    for account in (ALICE, EVE):
        office.directory.change(account, email="alice@example.com")
    given(office)
    second = break_glass(office, by=EVE)
    assert second.state is State.PENDING
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(second, ALICE), about=second)


def test_of_whom_slack_tells_nothing_the_names_tell_and_hold_up_no_emergency(office):
    given(office)
    del office.directory.people[ALICE]
    assert break_glass(office, by=EVE).state is State.APPROVED


def test_who_is_listed_gets_in_at_once_for_an_open_incident(office):
    request = break_glass(office)
    assert request.state is State.APPROVED
    assert (request.basis, request.rule, request.by_rule) == (
        "emergency",
        "break-glass",
        "break-glass: INC-42 open, on call for sre",
    )
    assert [quorum.label for quorum in request.emergency.skipped] == ["dba"]
    assert office.kinds() == ["requested", "approved", "alert"]
    assert (office.alerts()[0].name, office.alerts()[0].request_id) == ("break_glass", request.id)
    assert office.queue.grants == [request.id]
    assert decision(office, request) is None


@pytest.mark.parametrize(
    ("otherwise", "typed", "reason"),
    [
        (lambda office: office.directory.on_call.update(sre=frozenset({BOB})), {}, RefusalReason.NOT_LISTED),
        (lambda office: office.directory.on_call.clear(), {}, RefusalReason.NOT_LISTED),
        (changed(DENIED), {},
         RefusalReason.NOT_LISTED),
        (nothing, {"by": BOB}, RefusalReason.NOT_LISTED),
        (nothing, {"access": "orders-db/none"}, RefusalReason.NOT_LISTED),
        (nothing, {"incident": ""}, RefusalReason.BAD_INPUT),
        (nothing, {"incident": "soon"}, RefusalReason.BAD_INPUT),
        (nothing, {"incident": "INC-41"}, RefusalReason.NO_OPEN_INCIDENT),
        (nothing, {"incident": "INC-7"}, RefusalReason.NO_OPEN_INCIDENT),
        (nothing, {"duration": "31m"}, RefusalReason.BAD_INPUT),
        (nothing, {"reason": " "}, RefusalReason.BAD_INPUT),
        (nothing, {"access": READ, "incident": " "}, RefusalReason.BAD_INPUT),
        (lambda office: office.directory.change(ALICE, deleted=True), {}, RefusalReason.BAD_STANDING),
        (lambda office: office.directory.change(ALICE, guest=True), {}, RefusalReason.BAD_STANDING),
        (lambda office: setattr(office.directory, "gone", True), {}, RefusalReason.CANNOT_LOOK_UP),
        (lambda office: office.rules(("{fake: alice, icalendar: alice}", "{other: alice}"),
                                     ("orders-db: {kind: fake}", "orders-db: {kind: fake}\n  other: {kind: other}"),
                                     text=RULES), {}, RefusalReason.NO_PRINCIPAL),
        (changed(NO_GLASS),
         {}, RefusalReason.NOT_LISTED),
    ],
)  # fmt: skip
def test_nobody_else_does_and_not_without_an_open_incident_or_for_longer(office, otherwise, typed, reason):
    otherwise(office)
    with pytest.raises(Refusal) as refused:
        break_glass(office, **typed)
    assert refused.value.reason is reason
    assert sentence(refused.value)
    assert office.kinds() == ["refused"]
    assert office.queue.grants == []


@pytest.mark.parametrize("silent", [Because.NO_ANSWER, Because.UNREACHABLE, Because.BUSY, Because.ERROR])
def test_it_works_while_the_on_call_provider_is_down_by_what_was_known_last(office, silent):
    office.directory.on_call_age = timedelta(hours=23)
    office.directory.silent = {"sre": silent}
    office.incidents.gone = True
    request = break_glass(office)
    assert request.state is State.APPROVED
    assert request.by_rule == (
        "break-glass: INC-42 not checked: the provider did not answer in time, "
        "on call for sre as last known 2026-11-20 15:00 UTC"
    )
    assert decision(office, request) is None


def test_an_old_answer_that_nothing_came_after_counts_as_well(office):
    office.directory.on_call_age = timedelta(hours=23)
    assert break_glass(office).state is State.APPROVED


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda office: setattr(office.directory, "on_call_age", timedelta(hours=24, seconds=1)),
        lambda office: office.directory.silent.update(sre=Because.NOBODY),
        lambda office: office.directory.silent.update(sre=Because.BOUND_TWICE),
        lambda office: office.directory.on_call.clear(),
    ],
    ids=["too old", "nobody is on call", "a name of two", "never answered"],
)
def test_what_the_provider_never_said_or_took_back_lets_nobody_in(office, otherwise):
    office.directory.on_call_age = timedelta(hours=23)
    otherwise(office)
    with pytest.raises(Refusal) as refused:
        break_glass(office)
    assert refused.value.reason is RefusalReason.NOT_LISTED
    assert break_glass(office, EVE).state is State.APPROVED  # whom the rules name needs no provider


def test_who_is_on_call_counts_so_for_break_glass_alone(office):
    changed(("request: [group:engineering]", 'request: ["oncall:sre"]'))(office)
    office.directory.on_call_age = timedelta(hours=23)
    with pytest.raises(Refusal) as refused:
        office.use_cases.request(actor(ALICE), RequestForm(ADMIN, "30m", WHY, "INC-42"))
    assert refused.value.reason is RefusalReason.STALE_GROUPS


def test_deny_that_hangs_on_a_silent_provider_is_not_passed_over(office):
    changed((LISTED, "who: [U01ALICE0]"), ("    request", '    deny: ["oncall:sre"]\n    request'))(office)
    office.directory.silent = {"sre": Because.NO_ANSWER}
    with pytest.raises(Refusal) as refused:
        break_glass(office)
    assert refused.value.reason is RefusalReason.STALE_GROUPS


@pytest.mark.parametrize(
    ("otherwise", "reason"),
    [
        (lambda office: office.directory.on_call.update(sre=frozenset()), RefusalReason.NOT_ALLOWED_TO_ASK),
        (lambda office: office.directory.change(ALICE, deleted=True), RefusalReason.NOT_ALLOWED_TO_ASK),
        (changed(("max_duration: 30m", "max_duration: 20m")), RefusalReason.RULES_CHANGED),
        (changed(NO_GLASS),
         RefusalReason.RULES_CHANGED),
        (changed(("[orders_admin]", "[orders_owner]")), RefusalReason.RULES_CHANGED),
        (lambda office: office.clock.move(minutes=16), RefusalReason.LAPSED),
    ],
    ids=["rotated", "account gone", "shorter now", "no break-glass any more", "gives something else", "not begun"],
)  # fmt: skip
def test_it_is_weighed_again_before_the_effect(office, otherwise, reason):
    request = break_glass(office)
    otherwise(office)
    assert decision(office, request) is reason


def test_it_stands_beside_an_ordinary_request_and_only_once(office):
    ordinary = office.use_cases.request(actor(ALICE), RequestForm(ADMIN, "30m", WHY, "INC-42"))
    with capture_logs() as logged:
        first = break_glass(office)
    assert "readmodel.put_right" not in {line["event"] for line in logged}
    assert {ordinary.state, first.state} == {State.PENDING, State.APPROVED}
    with pytest.raises(Refusal) as refused:
        break_glass(office)
    assert (refused.value.reason, refused.value.request.id) == (RefusalReason.ALREADY_OPEN, first.id)
    office.approve(ordinary, BOB)
    assert [each.basis for each in office.ledger.requests(Question(requester=ALICE))] == ["emergency", "rule"]


def test_while_a_review_is_open_the_next_one_waits_for_a_co_signer(office):
    first = given(office, access=READ)
    second = break_glass(office)
    assert second.state is State.PENDING
    assert [(need.label, need.count) for need in second.needs] == [("co-signer", 1)]
    assert second.pending_until == office.clock.now() + timedelta(minutes=15)
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(second, ALICE), about=second)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(second, ALICE_TOO), about=second)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(second, SAM), about=second)
    decided = office.approve(second, EVE)
    assert decided.state is State.APPROVED
    assert (decided.by_rule, [each.approver for each in decided.counted]) == (
        "break-glass: INC-42 open, on call for sre",
        [EVE],
    )
    assert decision(office, decided) is None
    office.directory.change(EVE, deleted=True)
    assert decision(office, decided) is RefusalReason.QUORUM_GONE
    assert review_open(first)


def test_a_co_signer_may_be_one_of_those_who_decide_otherwise_and_has_15_minutes(office):
    given(office)
    second = break_glass(office, access=READ)
    assert office.approve(second, BOB).state is State.APPROVED
    third = break_glass(office, EVE)
    office.give(third)
    waits = break_glass(office, EVE, READ)
    office.clock.move(minutes=15)
    office.refused(RefusalReason.LAPSED, lambda: office.approve(waits, BOB), about=waits)


def test_a_verdict_opens_the_way_again(office):
    first = given(office)
    review(office, first)
    assert break_glass(office, access=READ).state is State.APPROVED


def test_before_anything_is_given_the_next_one_waits_for_a_co_signer_too(office):
    """`tests/real/test_break_glass_at_once.py` has two at the same moment."""
    assert break_glass(office).state is State.APPROVED
    assert break_glass(office, access=READ).state is State.PENDING
    with pytest.raises(ReviewOpen):
        office.ledger.append([office.facts("requested")[0].model_copy(update={"request_id": "R-8888", "access": READ})])


def test_nothing_given_leaves_no_review(office):
    request = break_glass(office)
    assert unreviewed(request)
    assert not review_open(request)
    office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: review(office, request), about=request)
    office.use_cases.withdraw(actor(ALICE), request.id)
    again = break_glass(office)
    story = office.story(again.id)
    story.intent()
    story.failed()
    assert break_glass(office, access=READ).state is State.APPROVED


def test_the_review_is_for_those_named_never_for_who_took_part_and_once(office):
    first = given(office)
    office.rules(
        ("review_by: [group:security]", "review_by: [group:security, U01ALICE0, U04EVE000, U09ALICE2]"), text=RULES
    )
    for person in (ALICE, ALICE_TOO):
        office.refused(
            RefusalReason.OWN_REVIEW, lambda by=person: review(office, first, by), "the database", about=first
        )
    office.refused(RefusalReason.NOT_ALLOWED_TO_REVIEW, lambda: review(office, first, BOB), about=first)
    office.refused(RefusalReason.BAD_INPUT, lambda: review(office, first, SAM, reason=" "), about=first)
    second = break_glass(office, access=READ)
    office.approve(second, CAROL)
    office.give(second)
    office.refused(RefusalReason.OWN_REVIEW, lambda: review(office, second, CAROL), about=second)
    reviewed = review(office, second, SAM, "not_justified", "there was time to ask")
    assert (reviewed.reviewed.verdict, reviewed.reviewed.reviewer) == ("not_justified", SAM)
    office.refused(RefusalReason.ALREADY_REVIEWED, lambda: review(office, second, SAM), about=second)


def email(office, person, now, first=None):
    office.directory.change(person, email=now, first_email=first or now)


def test_whose_email_changed_breaks_the_glass_with_a_co_signer_alone(office):
    email(office, ALICE, "mallory@example.com", first="alice@example.com")
    request = break_glass(office)
    assert (request.state, [need.label for need in request.needs]) == (State.PENDING, ["co-signer"])
    email(office, EVE, "mallory@example.com", first="eve@example.com")
    office.refused(RefusalReason.EMAIL_CHANGED, lambda: office.approve(request, EVE), about=request)
    email(office, BOB, "alice@example.com")
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(request, BOB), about=request)
    assert office.approve(request, CAROL).state is State.APPROVED


def test_an_email_that_changes_after_the_glass_was_broken_lets_nobody_in(office):
    request = break_glass(office)
    email(office, ALICE, "mallory@example.com", first="alice@example.com")
    assert decision(office, request) is RefusalReason.EMAIL_CHANGED


def test_whose_email_changed_or_is_that_of_who_took_part_reviews_nothing(office):
    email(office, ALICE, "alice@example.com")
    request = given(office)
    email(office, SAM, "mallory@example.com", first="sam@example.com")
    office.refused(RefusalReason.EMAIL_CHANGED, lambda: review(office, request, SAM), about=request)
    email(office, SAM, "Alice@example.com")
    office.refused(RefusalReason.OWN_REVIEW, lambda: review(office, request, SAM), about=request)
    assert review(office, request, CAROL).reviewed.reviewer == CAROL


def test_a_shared_account_neither_breaks_the_glass_nor_reviews_whatever_group_it_is_in(office):
    first = given(office)
    office.directory.members["S0SHARED1"] = frozenset({SAM, EVE})
    by_group = RULES.replace(f", {SAM}]", ", slack:S0SHARED1]").replace(f", {EVE}]", ", slack:S0SHARED1]")
    office.rules(text=f"shared: [{SAM}, {EVE}]\n" + by_group.replace(f"  {EVE}: {{fake: eve}}\n", ""))
    with pytest.raises(Refusal) as refused:
        break_glass(office, by=EVE)
    assert refused.value.reason is RefusalReason.SHARED_ACCOUNT
    office.refused(RefusalReason.SHARED_ACCOUNT, lambda: review(office, first, SAM), about=first)
    assert review(office, first, CAROL).reviewed.reviewer == CAROL


def test_a_break_glass_is_never_narrowed_and_never_begins_later(office):
    given(office, access=READ)
    second = break_glass(office)
    said = (second.id, second.digest, LessForm("10m", second.permissions))
    office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: office.use_cases.narrow(actor(CAROL), *said), about=second)
    with pytest.raises(Refusal) as refused:
        break_glass(office, by=EVE, start="22:00")
    assert refused.value.problems == {"start": "A break-glass begins at once, or not at all."}
    assert not [fact for fact in office.facts() if fact.kind == "requested" and fact.start_at]


def test_only_a_break_glass_is_reviewed(office):
    ordinary = office.use_cases.request(actor(ALICE), RequestForm(READ, "30m", WHY, ""))
    office.approve(ordinary, BOB)
    office.give(ordinary)
    office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: review(office, ordinary), about=ordinary)


def test_no_verdict_stands_on_a_reason_that_says_nothing(office):
    request = given(office)
    for verdict in ("justified", "not_justified"):
        for why in (".", "asdf", "n/a", ADMIN):
            attempt = partial(review, office, request, SAM, verdict, why)
            refusal = office.refused(RefusalReason.BAD_INPUT, attempt, about=request)
            assert "Say why" in sentence(refusal), why
    assert office.request(request.id).reviewed is None


def test_of_two_reviewers_at_once_one_verdict_stands(office):
    first = given(office)

    def faster(_person):
        office.directory.meanwhile = lambda _: None
        review(office, first, CAROL, "not_justified", "no")

    office.directory.meanwhile = faster
    with pytest.raises(Refusal) as refused:
        review(office, first, SAM)
    assert refused.value.reason is RefusalReason.ALREADY_REVIEWED
    assert office.request(first.id).reviewed.verdict == "not_justified"


def test_the_review_stands_open_after_the_end_and_where_the_rules_have_no_break_glass_any_more(office):
    first = given(office)
    story = office.story(first.id)
    story.ending(EndCause.EXPIRED)
    story.ended()
    office.rules(('    break_glass: {who: ["oncall:sre"', '    # {who: ["oncall:sre"'), text=RULES)
    assert [each.id for each in office.ledger.requests(Question(unreviewed=True))] == [first.id]
    assert review_due(office.request(first.id)) == first.granted_at + timedelta(hours=24)
    review(office, first)
    assert office.ledger.requests(Question(unreviewed=True)) == []


def test_those_who_were_skipped_may_end_it_and_the_holder_may_not_revoke(office):
    first = given(office)
    assert office.use_cases.revoke(actor(BOB), first.id, "stop").state is State.ENDING
    assert isinstance(office.facts()[-1], Revoked)
    second = break_glass(office, EVE)
    office.refused(
        RefusalReason.NOT_ALLOWED_TO_END, lambda: office.use_cases.revoke(actor(ALICE), second.id, "stop"), about=second
    )


def test_a_rule_may_ask_whether_a_break_glass_is_not_reviewed(office):
    asked = office.use_cases.request(actor(EVE), RequestForm(READ, "30m", WHY, ""))
    assert [need.label for need in asked.needs] == ["dba"]
    office.use_cases.withdraw(actor(EVE), asked.id)
    given(office, EVE)
    asked = office.use_cases.request(actor(EVE), RequestForm(READ, "30m", WHY, ""))
    assert [need.label for need in asked.needs] == ["security"]


@pytest.mark.parametrize(
    ("otherwise", "against"),
    [
        (lambda office: office.directory.on_call.update(sre=frozenset()), None),
        (lambda office: office.directory.silent.update(sre=Because.NO_ANSWER), None),
        (changed((LISTED, "who: [U04EVE000]")), "left_rules"),
        (changed(DENIED), "left_rules"),
    ],
    ids=["the shift is over", "provider silent", "not listed any more", "denied"],
)  # fmt: skip
def test_what_was_given_ends_when_the_rules_let_them_no_more_but_not_with_their_shift(office, otherwise, against):
    first = given(office)
    otherwise(office)
    now = office.clock.now()
    assert by_rules(first, office.policies.current(), office.directory.groups(), now) == against


def test_whom_the_rules_named_loses_it_when_they_name_them_no_more(office):
    first = given(office, EVE)
    changed((LISTED, 'who: ["oncall:sre"]'))(office)
    now = office.clock.now()
    assert by_rules(first, office.policies.current(), office.directory.groups(), now) == "left_rules"


def test_an_emergency_and_a_request_of_the_same_words_have_another_digest(office):
    emergency = break_glass(office)
    ordinary = replace(emergency, basis="rule", emergency=None)
    assert len({emergency.digest, ordinary.digest, replace(ordinary, basis="exception").digest}) == 3


ACTS = st.tuples(
    st.sampled_from(["break", "break", "approve", "give", "review"]),
    st.sampled_from([ALICE, EVE, BOB, SAM]),
    st.sampled_from([ADMIN, READ]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(ACTS, min_size=4, max_size=12))
def test_whatever_the_order_of_presses_one_review_stands_open_without_a_co_signer_and_nobody_judges_themselves(
    tmp_path, acts
):
    office = Office(tmp_path, rules=RULES)
    office.directory.on_call = {"sre": frozenset({ALICE})}
    office.incidents.open = {"INC-42": True}
    for what, person, access in acts:
        newest = next(iter(office.ledger.requests(Question(access=access))), None)
        with suppress(Refusal):
            if what == "break":
                break_glass(office, person, access)
            elif newest is not None and what == "approve":
                office.approve(newest, person)
            elif newest is not None and what == "give" and newest.state is State.APPROVED:
                office.give(newest)
            elif newest is not None and what == "review":
                review(office, newest, person)
        everything = office.ledger.requests(Question())
        alone = [each.requester for each in everything if unreviewed(each) and not each.counted]
        assert len(alone) == len(set(alone))
        for each in everything:
            took_part = {each.requester, *(counted.approver for counted in each.counted)}
            assert each.requester not in {counted.approver for counted in each.counted}
            assert each.reviewed is None or each.reviewed.reviewer not in took_part


class TestMoreTime:
    """Break-glass lets in at once; more time than that is asked for as everybody asks, where the rules have it."""

    def more(self, office, request):
        return extend(office.core, by=actor(ALICE), request_id=request.id, duration="20m", reason=WHY)

    def test_is_there_only_where_the_rules_extend_the_access(self, office):
        request = given(office)
        office.refused(RefusalReason.NO_EXTENSION, lambda: self.more(office, request), about=request)

    def test_is_decided_by_people_and_its_review_stays(self, office):
        office.rules(("    break_glass:", "    extend: {each: 30m, ceiling: 8h}\n    break_glass:"), text=RULES)
        request = given(office)
        waiting = self.more(office, request)
        assert (waiting.extension.state, waiting.extension.emergency) == (State.PENDING, None)
        assert waiting.digest == request.digest
        after = office.approve(waiting.undecided, BOB)
        assert decision(office, after.undecided) is None
        story = office.story(request.id)
        story.extending()
        story.extended()
        after = office.request(request.id)
        assert after.ends_at == request.ends_at + timedelta(minutes=20)
        assert (after.emergency, after.by_rule) == (request.emergency, request.by_rule)
        assert review_open(after)
        assert review(office, after).reviewed.verdict == "justified"
