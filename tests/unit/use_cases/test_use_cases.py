"""The use cases: what each records, what asking is refused for, and what an outage leaves undone."""

from datetime import timedelta
from functools import partial

import pytest

from jit.facts import BEGIN_WITHIN, Approval, Approved, Denied, EndCause, RefusalReason, Released, Requested
from jit.ledger import LedgerUnavailable
from jit.requests.decision import Outcome, before_effect
from jit.requests.intake import RequestForm, trouble_with
from jit.requests.lifecycle import State
from jit.requests.messages import SAYS, sentence
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.refuse import refuse
from tests.world.base import SAM
from tests.world.office import ADMIN, ASK, LONE, NIGHT, READ, TERMINAL, WHY, Office, actor
from tests.world.raised import raised


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_asking_records_exactly_what_was_asked(office):
    request = office.asked(ADMIN)
    [fact] = office.facts()
    assert isinstance(fact, Requested)
    assert request == office.request(request.id)
    assert (fact.requester, fact.principal, fact.why, fact.incident) == (ALICE, "alice", WHY, "INC-42")
    assert fact.permissions == ("orders_admin",)
    assert fact.duration == timedelta(minutes=30)
    assert [(need.label, need.count) for need in fact.needs] == [("dba", 1), ("security", 1)]
    assert fact.pending_until == office.clock.now() + timedelta(hours=8)
    assert fact.policy_version == office.policies.current().version


def test_one_approval_decides_where_one_is_needed(office):
    request = office.approve(office.asked(), BOB)
    _, approval, decision = office.facts()
    assert isinstance(approval, Approval)
    assert isinstance(decision, Approved)
    assert (approval.approver, approval.quorums, approval.digest) == (BOB, ("dba",), request.digest)
    assert [(each.approval, each.approver, each.quorum) for each in decision.counted] == [(approval.id, BOB, "dba")]
    assert decision.begin_by == office.clock.now() + BEGIN_WITHIN
    assert request.state is State.APPROVED
    assert request == office.request(request.id)
    assert office.queue.grants == [request.id]


def test_two_quorums_want_two_presses(office):
    request = office.asked(ADMIN)
    first = office.use_cases.approve(actor(BOB), request.id, request.digest)
    assert first.decision.outcome is Outcome.INVALID
    assert [missing.quorum.label for missing in first.decision.quorum_status.missing] == ["security"]
    assert first.request.state is State.PENDING
    assert office.queue.grants == []
    second = office.use_cases.approve(actor(SAM), request.id, request.digest)
    assert second.decision.outcome is Outcome.HOLDS
    assert office.kinds() == ["requested", "approval", "approval", "approved"]
    assert {(each.approver, each.quorum) for each in second.request.counted} == {(BOB, "dba"), (SAM, "security")}
    assert office.queue.grants == [request.id]


def test_somebody_in_both_groups_counts_once_in_each(office):
    request = office.approve(office.asked(ADMIN), CAROL)
    assert {(each.approver, each.quorum) for each in request.counted} == {(CAROL, "dba"), (CAROL, "security")}


def test_saying_yes_twice_counts_once(office):
    request = office.asked(ADMIN)
    office.approve(request, BOB)
    office.refused(RefusalReason.ALREADY_APPROVED, lambda: office.approve(request, BOB), about=request)
    assert office.request(request.id).state is State.PENDING


def test_denying_says_why(office):
    request = office.asked()
    after = office.use_cases.deny(actor(BOB), request.id, request.digest, "Use the replica: it has all of it")
    fact = office.facts()[-1]
    assert isinstance(fact, Denied)
    assert (fact.approver, fact.reason, after.state) == (BOB, "Use the replica: it has all of it", State.DENIED)
    assert office.queue.grants == []


def test_withdrawing_ends_it_before_anything_was_given(office):
    for ask in (office.asked, office.approved):
        request = ask()
        assert office.use_cases.withdraw(actor(ALICE), request.id).state is State.WITHDRAWN
        assert office.kinds()[-1] == "withdrawn"
        decision = before_effect(office.request(request.id), office.policies, office.directory, office.clock.now())
        assert decision.reason is RefusalReason.NOT_POSSIBLE_NOW


def test_releasing_gives_active_access_back(office):
    request = office.approved()
    office.give(request)
    after = office.use_cases.release(actor(ALICE), request.id)
    assert isinstance(office.facts()[-1], Released)
    assert (after.state, after.end_cause) == (State.ENDING, EndCause.RELEASED)
    assert office.queue.revokes == [request.id]


@pytest.mark.parametrize("who", [actor(SAM), actor(BOB), TERMINAL])
def test_security_an_approver_and_the_terminal_can_revoke(office, who):
    request = office.approved()
    office.give(request)
    after = office.use_cases.revoke(who, request.id, "This looks wrong")
    assert (after.end_cause, after.closed_by, after.closed_because) == (EndCause.REVOKED, who.id, "This looks wrong")
    assert office.kinds()[-1] == "revoked"
    assert office.queue.revokes == [request.id]


def test_an_approver_can_revoke_while_slack_groups_are_not_known(office):
    request = office.approved(NIGHT)
    office.directory.groups_age = timedelta(hours=1)
    assert office.use_cases.revoke(actor(BOB), request.id, "This looks wrong").state is State.ENDING


BAD_FORMS = {
    "access": RequestForm("orders-db/nothing", "30m", WHY),
    "duration": RequestForm(READ, "9h", WHY),
    "reason": RequestForm(READ, "30m", "my password: hunter2hunter2"),
    "incident": RequestForm(ADMIN, "30m", WHY, "CHG-1 hunter2"),
}


def test_a_wrong_field_is_named_and_what_was_typed_is_kept_nowhere(office):
    for field, asked in BAD_FORMS.items():
        attempt = partial(office.use_cases.request, actor(ALICE), asked)
        reason = RefusalReason.NOT_ALLOWED_TO_ASK if field == "access" else RefusalReason.BAD_INPUT
        refusal = office.refused(reason, attempt, asked.reason, asked.incident, "nothing")
        assert set(refusal.problems) == {field}
        assert "hunter2" not in sentence(refusal), field


def test_an_access_that_one_may_not_have_looks_like_one_that_is_not_there(office):
    def said(access, *typed):
        attempt = partial(office.use_cases.request, actor(EVE), RequestForm(access, "400d", WHY, "x"))
        return office.refused(RefusalReason.NOT_ALLOWED_TO_ASK, attempt, *typed).problems

    assert said(ADMIN) == said("orders-db/nothing", "orders-db/nothing")
    assert [fact.access for fact in office.facts("refused")] == [ADMIN, None]


def test_asking_is_refused_where_it_would_lead_nowhere(office):
    office.refused(RefusalReason.NOBODY_COULD_APPROVE, lambda: office.asked(LONE))
    office.refused(RefusalReason.NO_PRINCIPAL, lambda: office.use_cases.request(actor(EVE), ASK))
    open_already = office.asked()
    office.refused(RefusalReason.ALREADY_OPEN, office.asked, about=open_already)
    office.directory.groups_age = timedelta(seconds=31)
    office.refused(RefusalReason.STALE_GROUPS, lambda: office.asked(NIGHT))
    office.rules(("kind: fake", "knid: fake"))
    office.policies.last_good = None
    office.refused(RefusalReason.POLICY_BROKEN, office.asked)


def test_asking_is_refused_where_those_who_could_approve_are_nobody_here(office):
    """An id that is nobody's, or an account that is deactivated."""
    office.directory.change(BOB, deleted=True)
    assert office.asked().state is State.PENDING
    del office.directory.people[CAROL]
    refusal = office.refused(RefusalReason.NOBODY_COULD_APPROVE, lambda: office.asked(ADMIN))
    assert "full member" in sentence(refusal)
    office.directory.people[CAROL] = office.directory.people[SAM]
    assert office.asked(ADMIN).state is State.PENDING


def test_asking_goes_on_where_it_cannot_be_told_who_could_approve(office):
    office.directory.people.pop(CAROL)
    office.directory.meanwhile = lambda _person: setattr(office.directory, "gone", True)  # after who asks
    assert office.asked().state is State.PENDING


def test_a_request_that_the_rules_have_left_behind_is_in_nobodys_way(office):
    for settle in (lambda request: request, lambda request: office.approve(request, BOB)):
        office.rules()
        before = settle(office.asked())
        office.rules(("max_duration: 8h", "max_duration: 7h"), ("grants: [orders_read]", "grants: [orders_more]"))
        after = office.asked()
        assert (after.state, after.permissions) == (State.PENDING, ("orders_more",))
        closed = office.request(before.id)
        assert (closed.state, closed.closed_because) == (State.LAPSED, "rules_changed")
        office.use_cases.withdraw(actor(ALICE), after.id)


def test_a_request_that_can_still_be_decided_is_asked_for_once(office):
    before = office.asked()
    office.rules(("max_duration: 8h", "max_duration: 7h"))
    office.refused(RefusalReason.ALREADY_OPEN, office.asked, about=before)


def test_who_asks_for_more_of_what_they_hold_is_told_how_to_get_more_time(office):
    request = office.asked()

    def told():
        return sentence(office.refused(RefusalReason.ALREADY_OPEN, office.asked, about=request))

    assert "waits for an answer" in told()
    assert "withdraw" in told()
    office.approve(request, BOB)
    assert "approved" in told()
    office.give(request)
    assert "You have this access" in told()
    assert "release" in told()
    assert "open request" not in told()
    office.use_cases.release(actor(ALICE), request.id)
    assert office.asked().id != request.id


def test_access_that_was_given_under_other_rules_is_asked_for_once(office):
    before = office.approved()
    office.give(before)
    office.rules(("grants: [orders_read]", "grants: [orders_more]"))
    office.refused(RefusalReason.ALREADY_OPEN, office.asked, about=before)


def test_the_form_is_told_what_the_desk_would_say_without_a_record(office):
    rules, groups, now = office.policies.current(), office.directory.groups(), office.clock.now()
    wrong = [*((form, ALICE) for form in BAD_FORMS.values()), (ASK, EVE), (RequestForm(LONE, "30m", WHY), ALICE)]
    told = [trouble_with(asked, rules, person, groups, now) for asked, person in wrong]
    says_all = {RefusalReason.NO_PRINCIPAL, RefusalReason.NOBODY_COULD_APPROVE}
    assert trouble_with(ASK, rules, ALICE, groups, now) is None
    assert office.facts() == []
    for (asked, person), bad in zip(wrong, told, strict=True):
        refusal = raised(Refusal, office.use_cases.request, actor(person), asked)
        assert refusal.problems == bad.problems, asked
        assert bool(bad.problems) is (bad.reason not in says_all), asked
        assert refusal.reason is bad.reason, asked


def test_a_decision_stands_when_the_queue_is_gone(office):
    office.queue.gone = True
    request = office.approved()
    assert office.request(request.id).state is State.APPROVED
    assert office.use_cases.revoke(actor(SAM), request.id, "This looks wrong").state is State.ENDING


def test_nothing_is_decided_off_the_record(office):
    request = office.asked()
    other = RequestForm(ADMIN, "30m", WHY, "INC-42")
    attempts = [*office.acts(request, actor(CAROL)).values(), lambda: office.use_cases.request(actor(ALICE), other)]
    before = office.facts()
    office.ledger.cut = True
    for attempt in attempts:
        with pytest.raises(LedgerUnavailable):
            attempt()
    office.ledger.cut = False
    assert office.facts() == before
    assert office.queue.grants == office.queue.revokes == []


def test_a_refusal_that_cannot_be_recorded_is_still_no_approval(office):
    request = office.asked()
    office.ledger.cut_before = frozenset({"refused"})
    with pytest.raises(LedgerUnavailable):
        office.approve(request, EVE)
    office.ledger.cut = False
    assert office.request(request.id).approvals == ()


def test_a_decision_is_told_though_the_ledger_goes_right_after_it(office):
    request = office.asked()
    ledger, append = office.ledger, office.ledger.append

    def append_and_go(facts, *, expect=None, counted=()):
        sealed = append(facts, expect=expect, counted=counted)
        ledger.cut = True
        return sealed

    ledger.append = append_and_go
    assert office.approve(request, BOB).state is State.APPROVED
    assert office.queue.grants == [request.id]


def test_a_press_that_never_reached_the_desk_is_recorded_too(office):
    request = office.asked()
    for reason in (RefusalReason.MALFORMED, RefusalReason.BUSY):
        attempt = partial(refuse, office.core, by=actor(EVE), attempted="approve", reason=reason, request_id=request.id)
        office.refused(reason, attempt, about=request)


def test_the_desk_turns_people_away_with_words_for_every_reason():
    assert set(SAYS) == set(RefusalReason)
    assert {sentence(Refusal(reason, attempted="approve")) for reason in RefusalReason} == set(SAYS.values())


def test_a_use_case_reads_its_request_once_and_not_after_it_recorded(office, monkeypatch):
    request, reads = office.asked(), []
    for name in ("request", "request_as_written"):
        read = getattr(office.ledger, name)
        monkeypatch.setattr(
            office.ledger, name, lambda request_id, read=read: (reads.append(request_id), read(request_id))[1]
        )
    after = office.approve(request, BOB)
    assert reads == [request.id]
    assert office.use_cases.revoke(TERMINAL, request.id, "This looks wrong").version == after.version + 1
    assert reads == [request.id] * 2
