"""Nobody decides in time: others are asked as well, by the rules, on the record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jit.facts import Escalated, RefusalReason, Source
from jit.ledger import Conflict
from jit.requests.decision import Outcome, before_effect, rules_for
from jit.requests.due import Action, action_at, next_action
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, EVE
from tests.world.base import RULES, SAM
from tests.world.office import ADMIN, LessForm, Office, actor

AFTER = timedelta(minutes=15)
LEADS = (
    "  security: [U03CAROL0, U05SAM000]\n",
    "  security: [U03CAROL0, U05SAM000]\n  leads: [U04EVE000, U01ALICE0]\n",
)
READ_RULE = "      - all_of: [{from: [group:dba]}]\n  orders-db/admin"
ESCALATE = "    escalate: {after: 15m, to: [group:leads]}\n"


def with_escalation(text=RULES, escalate=ESCALATE):
    text = text.replace(*LEADS)
    return text.replace(READ_RULE, READ_RULE.replace("\n  orders", f"\n{escalate}  orders")).replace(
        "    incident: 'INC-[0-9]+'\n", f"    incident: 'INC-[0-9]+'\n{escalate}"
    )


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path, rules=with_escalation())


def escalate(office, request, **more):
    request = office.request(request.id)
    signed = {"at": office.clock.now(), "actor": "timekeeper@test", "source": Source.TIMEKEEPER} | more
    fact = Escalated.about(request, **signed, escalation=request.escalation)
    return office.ledger.append([fact], expect={request.id: request.version}).requests[request.id]


def escalated_of(office, request):
    office.clock.move(minutes=15)
    return escalate(office, request)


def test_it_is_due_after_its_time_and_only_while_nobody_has_decided(office):
    request = office.asked()
    assert next_action(request) == (request.asked_at + AFTER, Action.ESCALATE)
    assert action_at(request, request.asked_at + AFTER) is Action.ESCALATE
    assert action_at(request, request.pending_until) is Action.LAPSE
    after = escalated_of(office, request)
    assert next_action(after) == (request.pending_until, Action.LAPSE)
    assert action_at(office.approve(after, BOB), office.clock.now()) is not Action.ESCALATE


def test_who_is_asked_then_decides_from_then_on_and_not_before(office):
    request = office.asked()
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, EVE), about=request)
    after = escalated_of(office, request)
    assert [need.label for need in after.needs] == ["dba or leads"]
    decided = office.approve(after, EVE)
    assert (decided.state, decided.counted[0].quorum) == (State.APPROVED, "dba or leads")
    decision = before_effect(decided, office.policies, office.directory, office.clock.now())
    assert decision.outcome is Outcome.HOLDS


def test_those_who_were_asked_first_still_decide_by_the_card_they_have(office):
    request = office.asked()
    after = escalated_of(office, request)
    assert after.digest == request.digest
    assert office.approve(request, BOB).state is State.APPROVED


def test_an_approval_of_before_counts_after_it(office):
    after = escalated_of(office, office.approve(office.asked(ADMIN), BOB))
    assert after.approvals[0].quorums == ("dba or leads",)
    decided = office.approve(after, SAM)
    decision = before_effect(decided, office.policies, office.directory, office.clock.now())
    assert (decided.state, decision.outcome) == (State.APPROVED, Outcome.HOLDS)


def test_the_requester_does_not_count_though_the_next_group_holds_them(office):
    after = escalated_of(office, office.asked())
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(after, ALICE), about=after)


def test_one_of_the_next_group_fills_one_place_alone(office):
    """Who is asked instead of two groups is not both of them."""
    request = office.asked(ADMIN)
    assert len(request.needs) == 2
    after = escalated_of(office, request)
    once = office.approve(after, EVE)
    assert once.state is State.PENDING
    assert office.approve(once, SAM).state is State.APPROVED


def test_a_forged_escalation_before_its_time_lets_nobody_decide(office):
    request = office.asked()
    office.clock.move(minutes=5)
    after = escalate(office, request)
    assert rules_for(after, office.policies, office.clock.now()) is RefusalReason.RULES_CHANGED


def test_nor_does_one_that_is_dated_ahead(office):
    """As whoever has the workers' login can record it."""
    request = office.asked()
    office.clock.move(minutes=1)
    after = escalate(office, request, at=request.asked_at + AFTER)
    for attempt in (
        lambda: office.approve(after, EVE),
        lambda: office.use_cases.deny(actor(EVE), after.id, after.digest, "not today"),
        lambda: office.use_cases.narrow(actor(EVE), after.id, after.digest, LessForm("5m", after.permissions)),
    ):
        office.refused(RefusalReason.RULES_CHANGED, attempt, about=after)
    office.clock.time = after.escalated_at
    assert office.approve(after, EVE).state is State.APPROVED


def test_what_was_approved_by_one_that_is_dated_later_is_not_given(office):
    request = office.request(escalated_of(office, office.asked()).id)
    decided = office.approve(request, EVE)
    forged = replace(decided, escalated_at=decided.approved_at + timedelta(minutes=1))
    office.clock.move(minutes=2)
    decision = before_effect(forged, office.policies, office.directory, office.clock.now())
    assert decision.reason is RefusalReason.RULES_CHANGED


def test_a_forged_one_names_nobody_whom_the_rules_do_not(office):
    request = office.asked()
    office.clock.move(minutes=15)
    wider = request.escalation.model_copy(update={"to": ("group:leads", "group:security")})
    signed = {"at": office.clock.now(), "actor": "timekeeper@test", "source": Source.TIMEKEEPER}
    after = office.ledger.append([Escalated.about(request, **signed, escalation=wider)]).requests[request.id]
    assert after.needs[0].who == ("group:dba", "group:leads")


def test_it_happens_once_and_never_where_the_rules_ask_nobody_else(office):
    after = escalated_of(office, office.asked())
    with pytest.raises(Conflict):
        escalate(office, after)


def test_rules_that_ask_others_then_are_other_rules(office):
    request = office.asked()
    office.rules(text=with_escalation(escalate="    escalate: {after: 15m, to: [group:security]}\n"))
    assert rules_for(request, office.policies, office.clock.now()) is RefusalReason.RULES_CHANGED


def test_who_left_the_next_group_since_they_approved_lets_nothing_be_given(office):
    decided = office.approve(escalated_of(office, office.asked()), EVE)
    text = with_escalation().replace("leads: [U04EVE000, U01ALICE0]", "leads: [U05SAM000, U01ALICE0]")
    office.rules(text=text)
    decision = before_effect(decided, office.policies, office.directory, office.clock.now())
    assert decision.reason is RefusalReason.QUORUM_GONE


@pytest.mark.parametrize("first", ["narrowed", "escalated"])
def test_less_may_be_given_before_it_is_escalated_and_after(office, first):
    request = office.asked(ADMIN)
    if first == "escalated":
        request = escalated_of(office, request)
    less = LessForm("10m", request.permissions)
    request = office.use_cases.narrow(actor(BOB), request.id, request.digest, less).request
    if first == "narrowed":
        request = escalated_of(office, request)
    after = office.approve(request, EVE)
    assert after.state is State.APPROVED
    assert before_effect(after, office.policies, office.directory, office.clock.now()).outcome is Outcome.HOLDS
