"""Whether a decision still holds: asked of facts that may have been forged, of rules and people that change."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from jit.clock import SKEW_LIMIT
from jit.facts import BEGIN_WITHIN, Approval, Approved, Counted, RefusalReason, Source
from jit.people.person import GROUPS_FRESH_FOR
from jit.requests.decision import Outcome, before_effect, evaluate, rules_for
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import ON_CALL, RULES, SAM
from tests.world.office import ADMIN, NIGHT, Office


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def check(office, request):
    assert judged(office, request).outcome is Outcome.HOLDS


def judged(office, request):
    return before_effect(request, office.policies, office.directory, office.clock.now())


def fails(office, request, reason, outcome=Outcome.INVALID, case=""):
    decision = judged(office, request)
    assert (decision.outcome, decision.reason) == (outcome, reason), case or request


def yes(office, request, by=BOB, **changes):
    about = {"approver": by, "digest": request.digest, "quorums": ("dba",), "groups_as_of": None}
    about |= {"at": office.clock.now(), "actor": by, "source": Source.SLACK} | changes
    return Approval.about(request, **about)


def decision(office, request, *counted, **changes):
    now = office.clock.now()
    about = {"at": now, "actor": BOB, "source": Source.SLACK, "digest": request.digest, "begin_by": now + BEGIN_WITHIN}
    return Approved.about(request, counted=counted, **(about | changes))


def count(approval, quorum="dba"):
    return Counted(approval=approval.id, approver=approval.approver, quorum=quorum)


def forge(office, request, *facts):
    """Somebody who can write to the ledger, but not make others approve."""
    office.ledger.append(facts)
    return office.request(request.id)


def begun(office, request):
    """With its intent of now on record."""
    now = office.clock.now()
    return replace(request, state=State.GRANTING, intent_at=now, ends_at=now + request.duration)


def test_a_true_decision_holds(office):
    request = office.approved()
    check(office, request)
    check(office, begun(office, request))


def test_nothing_holds_in_another_state(office):
    request = office.approved()
    for state in set(State) - {State.APPROVED, State.GRANTING}:
        fails(office, replace(request, state=state), RefusalReason.NOT_POSSIBLE_NOW)


def test_a_decision_without_approvals_does_not_hold(office):
    request = office.asked()
    fails(office, forge(office, request, decision(office, request)), RefusalReason.QUORUM_GONE)


def test_a_decision_that_counts_nobody_does_not_hold_though_somebody_approved(office):
    request = office.asked()
    fails(office, forge(office, request, yes(office, request), decision(office, request)), RefusalReason.QUORUM_GONE)


def test_a_decision_that_counts_an_approval_that_is_not_there_does_not_hold(office):
    request = office.asked()
    made_up = Counted(approval=uuid4(), approver=BOB, quorum="dba")
    fails(office, forge(office, request, decision(office, request, made_up)), RefusalReason.CARD_CHANGED)


def test_a_decision_that_lends_an_approval_to_somebody_else_does_not_hold(office):
    request = office.asked()
    mine = yes(office, request, by=EVE)
    lent = Counted(approval=mine.id, approver=BOB, quorum="dba")
    fails(office, forge(office, request, mine, decision(office, request, lent)), RefusalReason.CARD_CHANGED)


def test_an_approval_of_another_card_does_not_hold(office):
    request = office.asked()
    other = yes(office, request, digest="0" * 64)
    fails(office, forge(office, request, other, decision(office, request, count(other))), RefusalReason.CARD_CHANGED)


def test_an_approval_of_another_request_does_not_hold(office):
    first = office.approved(ADMIN)
    request = office.asked()
    taken = count(first.approvals[0])
    fails(office, forge(office, request, decision(office, request, taken)), RefusalReason.CARD_CHANGED)


@pytest.mark.parametrize("who", [ALICE, EVE, SAM])
def test_an_approval_of_somebody_who_does_not_count_does_not_hold(office, who):
    request = office.asked()
    mine = yes(office, request, by=who)
    fails(office, forge(office, request, mine, decision(office, request, count(mine))), RefusalReason.QUORUM_GONE)


def test_one_of_two_quorums_does_not_hold_however_often_it_is_counted(office):
    request = office.asked(ADMIN)
    mine = yes(office, request)
    twice = (count(mine), count(mine, "security"))
    fails(office, forge(office, request, mine, decision(office, request, *twice)), RefusalReason.QUORUM_GONE)


def test_a_decision_not_begun_in_time_does_not_hold(office):
    request = office.approved()
    office.clock.move(minutes=14, seconds=59)
    check(office, request)
    in_time = begun(office, request)
    office.clock.move(seconds=1)
    fails(office, request, RefusalReason.LAPSED)
    check(office, in_time)
    fails(office, begun(office, request), RefusalReason.LAPSED)


def test_an_intent_that_gives_itself_longer_does_not_hold(office):
    request = begun(office, office.approved())
    check(office, request)
    fails(office, replace(request, ends_at=request.ends_at + timedelta(microseconds=1)), RefusalReason.LAPSED)
    fails(office, replace(request, intent_at=None), RefusalReason.LAPSED)
    fails(office, replace(request, ends_at=None), RefusalReason.LAPSED)


def test_an_intent_dated_before_its_approval_does_not_hold(office):
    request = office.approved()
    office.clock.time -= SKEW_LIMIT
    check(office, begun(office, request))
    office.clock.move(microseconds=-1)
    fails(office, begun(office, request), RefusalReason.LAPSED)


def test_a_decision_cannot_give_itself_longer(office):
    request = office.asked()
    mine = yes(office, request)
    late = decision(office, request, count(mine), begin_by=office.clock.now() + timedelta(days=1))
    request = forge(office, request, mine, late)
    check(office, request)
    office.clock.move(minutes=15)
    fails(office, request, RefusalReason.LAPSED)


def test_a_decision_dated_ahead_does_not_hold(office):
    request = office.approved()
    office.clock.time -= SKEW_LIMIT
    check(office, request)
    office.clock.move(microseconds=-1)
    fails(office, request, RefusalReason.LAPSED)


CHANGES = {
    "gives more": ("grants: [orders_read]", "grants: [orders_read, orders_write]"),
    "gives for less time": ("max_duration: 8h", "max_duration: 10m"),
    "means somebody else": ("{fake: alice}", "{fake: root}"),
    "lies elsewhere": (
        "describe: Read every table of orders",
        "describe: Read every table of orders\n    target: other-db",
    ),
    "wants an incident": (
        "describe: Read every table of orders",
        "describe: Read every table of orders\n    incident: 'CHG-[0-9]+'",
    ),
    "is riskier": ("describe: Read every table of orders", "describe: Read every table of orders\n    risk: critical"),
    "wants others": ("all_of: [{from: [group:dba]}]", "all_of: [{from: [group:dba, U04EVE000]}]"),
    "is gone": ("orders-db/read:", "orders-db/look:"),
}


def test_a_change_of_the_rules_before_the_effect_undoes_the_decision(office):
    with_other = RULES.replace("orders-db: {kind: fake}", "orders-db: {kind: fake}\n  other-db: {kind: fake}")
    office.rules(text=with_other)
    request = office.approved()
    for case, change in CHANGES.items():
        office.rules(change, text=with_other)
        fails(office, request, RefusalReason.RULES_CHANGED, case=case)


def test_what_a_card_does_not_show_may_change(office):
    request = office.approved()
    office.rules(("max_duration: 8h", "max_duration: 7h"), ("C0ACCESS1", "C0ACCESS2"))
    check(office, request)


def test_an_approver_who_left_the_group_before_the_effect_does_not_count(office):
    request = office.approved()
    office.rules(("dba: [U02BOB000, U03CAROL0]", "dba: [U03CAROL0]"))
    fails(office, request, RefusalReason.QUORUM_GONE)


def test_an_approver_who_left_the_slack_group_before_the_effect_does_not_count(office):
    request = office.approve(office.asked(NIGHT), SAM)
    check(office, request)
    office.directory.members[ON_CALL] = frozenset()
    fails(office, request, RefusalReason.QUORUM_GONE)


def test_people_who_lost_their_standing_before_the_effect(office):
    request = office.approved()
    for how in ("deleted", "bot", "guest", "external"):
        for person, reason in ((BOB, RefusalReason.QUORUM_GONE), (ALICE, RefusalReason.NOT_ALLOWED_TO_ASK)):
            office.directory.change(person, **{how: True})
            fails(office, request, reason, case=how)
            office.directory.change(person, **{how: False})
    check(office, request)


def test_a_requester_who_may_not_ask_any_more_gets_nothing(office):
    request = office.approved()
    office.rules(
        ("describe: Read every table of orders", "describe: Read every table of orders\n    deny: [U01ALICE0]")
    )
    fails(office, request, RefusalReason.NOT_ALLOWED_TO_ASK)


def test_what_cannot_be_told_now_may_be_told_later(office):
    request = office.approve(office.asked(NIGHT), SAM)
    office.directory.groups_age = GROUPS_FRESH_FOR + timedelta(microseconds=1)
    fails(office, request, RefusalReason.STALE_GROUPS, Outcome.UNKNOWN)
    office.directory.groups_age = timedelta(0)
    office.directory.gone = True
    fails(office, request, RefusalReason.CANNOT_LOOK_UP, Outcome.UNKNOWN)
    office.directory.gone = False
    office.rules(("kind: fake", "knid: fake"))
    office.policies.last_good = None
    fails(office, request, RefusalReason.POLICY_BROKEN, Outcome.UNKNOWN)
    office.rules()
    check(office, request)


def test_approvals_of_nobody_weigh_nothing(office):
    request = office.asked()
    rules = rules_for(request, office.policies, office.clock.now())
    for approvers, outcome in (((), Outcome.INVALID), ((ALICE,), Outcome.INVALID), ((CAROL,), Outcome.HOLDS)):
        decision = evaluate(request, approvers, rules, office.directory, office.clock.now())
        assert decision.outcome is outcome, approvers
        assert decision.quorum_status.complete is (outcome is Outcome.HOLDS), approvers


def test_a_decision_says_what_it_rests_on(office):
    request = office.approved()
    decision = judged(office, request)
    assert decision.at == office.clock.now()
    assert decision.rules.policy.version == office.policies.current().version
    assert decision.groups_as_of == office.directory.groups().as_of
    assert [(quorum.label, people) for quorum, people in decision.quorum_status.parts] == [("dba", (BOB,))]


def test_a_decision_that_was_not_come_to_counts_nobody(office):
    request = office.approved()
    office.rules(("kind: fake", "knid: fake"))
    office.policies.last_good = None
    decision = judged(office, request)
    assert (decision.rules, decision.quorum_status.complete) == (None, False)
