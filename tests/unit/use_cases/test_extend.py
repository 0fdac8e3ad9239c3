"""More time for access that one has: asked for, and decided as a request is."""

from datetime import timedelta
from functools import partial

import pytest

from jit.facts import Escalated, ExtensionEscalated, RefusalReason, Source
from jit.ledger import Conflict
from jit.requests.decision import Outcome, before_effect
from jit.requests.due import Action, next_action
from jit.requests.lifecycle import State
from jit.requests.messages import sentence
from jit.requests.shares import WITHDRAWN_AT_MOST
from jit.testing import ALICE, BOB, CAROL, EVE, T0
from jit.use_cases.deny import deny
from jit.use_cases.extend import extend, may_extend
from jit.use_cases.narrow import LessForm
from jit.use_cases.withdraw import withdraw
from tests.unit.use_cases.test_races import at_once, reasons
from tests.world.base import RULES, SAM
from tests.world.office import Office, actor

READ = "    grants: [orders_read]\n    max_duration: 8h\n"
EXTEND = f"{READ}    extend: {{each: 1h, ceiling: 2h}}\n"
WHY = "not done yet: two orders left"
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def office(tmp_path):
    return with_rules(tmp_path, EXTEND)


def with_rules(tmp_path, extend):
    assert READ in RULES
    return Office(tmp_path, rules=RULES.replace(READ, extend, 1).replace("max_duration: 8h", "max_duration: 2h"))


def active(office):
    request = office.approved()
    office.give(request)
    office.queue.grants.clear()
    return office.request(request.id)


def more(office, request, duration="30m", by=ALICE, why=WHY):
    return extend(office.core, by=actor(by), request_id=request.id, duration=duration, reason=why)


def no(office, request, digest, by=BOB, why="it can wait"):
    return deny(office.core, by=actor(by), request_id=request.id, digest=digest, reason=why)


def carried_out(office, request):
    """As a worker does."""
    story = office.story(request.id)
    story.extending()
    story.extended()
    return office.request(request.id)


def check(office, request):
    return before_effect(request.undecided, office.policies, office.directory, office.clock.now())


def test_it_waits_for_those_who_decide_and_the_end_stays(office):
    request = more(office, active(office))
    waiting = request.extension
    assert (waiting.state, waiting.duration, waiting.why) == (State.PENDING, HALF_HOUR, WHY)
    assert waiting.longest_end == request.ends_at + HALF_HOUR
    assert (request.state, request.ends_at) == (State.ACTIVE, T0 + HALF_HOUR)
    assert office.queue.grants == []
    assert check(office, request).reason is RefusalReason.NOT_POSSIBLE_NOW


def test_it_is_decided_by_the_rule_of_the_access_and_workers_are_told(office):
    request = more(office, active(office))
    result = office.use_cases.approve(actor(BOB), request.id, request.extension.digest)
    assert result.decision.outcome is Outcome.HOLDS
    assert result.request.extension.state is State.APPROVED
    assert office.queue.grants == [request.id]
    assert check(office, result.request).outcome is Outcome.HOLDS
    assert office.kinds(request.id)[-3:] == ["extension.asked", "extension.approval", "extension.approved"]


def test_without_a_duration_it_is_as_much_as_the_rules_allow(office):
    request = more(office, active(office), "")
    assert request.extension.duration == timedelta(hours=1)
    office.approve(request.undecided, BOB)
    request = carried_out(office, request)
    assert more(office, request, "").extension.duration == HALF_HOUR  # up to the ceiling


def test_a_rule_of_its_own_decides(tmp_path):
    office = with_rules(tmp_path, EXTEND.replace("2h}", "2h, approve: [{automatic: true, name: at work}]}"))
    request = more(office, active(office))
    assert (request.extension.state, request.extension.by_rule) == (State.APPROVED, "at work")
    assert office.queue.grants == [request.id]
    assert check(office, request).outcome is Outcome.HOLDS
    office.rules(("name: at work", "name: other"), text=office.policy_file.read_text())
    assert check(office, request).reason is RefusalReason.RULES_CHANGED


@pytest.mark.parametrize("by", [BOB, CAROL])
def test_a_no_leaves_the_access_until_its_end_and_another_may_be_asked_for(office, by):
    request = more(office, active(office))
    after = no(office, request, request.extension.digest, by=by)
    assert (after.state, after.extension, after.ends_at) == (State.ACTIVE, None, T0 + HALF_HOUR)
    assert more(office, after, "10m").extension.duration == timedelta(minutes=10)


class TestWhatIsRefused:
    def test_is_said_in_words(self, office):
        request, bad = active(office), RefusalReason.BAD_INPUT
        for duration, reason, words in (
            ("90m", bad, "Between 1 min and 1 h more at a time."),
            ("10s", bad, "Between 1 min and 1 h more at a time."),
            ("soon", bad, "Write a duration"),
        ):
            refusal = office.refused(reason, lambda d=duration: more(office, request, d), about=request)
            assert words in sentence(refusal)
        secret = "password=hunter22"
        for why in ("  ", secret):
            office.refused(bad, lambda w=why: more(office, request, why=w), why.strip(), about=request)
        for why in (".", "asdf", "just a test", "orders-db/read"):
            refusal = office.refused(bad, lambda w=why: more(office, request, why=w), about=request)
            assert "Say why" in sentence(refusal), why

    def test_past_the_ceiling_says_how_much_is_left(self, office):
        request = more(office, active(office), "60m")
        office.approve(request.undecided, BOB)
        request = carried_out(office, request)
        refusal = office.refused(RefusalReason.PAST_CEILING, lambda: more(office, request, "45m"), about=request)
        assert "held for 2 h in all: 30 min more can be asked for" in sentence(refusal)
        more(office, request, "30m")
        office.approve(office.request(request.id).undecided, BOB)
        request = carried_out(office, request)
        refusal = office.refused(RefusalReason.PAST_CEILING, lambda: more(office, request, ""), about=request)
        assert "no more time can be added" in sentence(refusal)

    def test_another_while_one_waits(self, office):
        request = more(office, active(office))
        office.refused(RefusalReason.EXTENSION_WAITS, lambda: more(office, request), about=request)
        office.approve(request.undecided, BOB)
        office.refused(RefusalReason.EXTENSION_WAITS, lambda: more(office, request), about=request)

    def test_what_the_rules_do_not_let_anybody_extend(self, tmp_path):
        office = with_rules(tmp_path, READ)
        request = active(office)
        office.refused(RefusalReason.NO_EXTENSION, lambda: more(office, request), about=request)
        office.refused(
            RefusalReason.NO_EXTENSION,
            lambda: may_extend(office.core, by=actor(ALICE), request_id=request.id),
            about=request,
        )

    def test_somebody_elses(self, office):
        request = active(office)
        office.refused(RefusalReason.NOT_YOURS, lambda: more(office, request, by=EVE), about=request)

    def test_what_is_not_active_or_over(self, office):
        request = office.asked()
        words = office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: more(office, request), about=request)
        assert "Nothing was given yet" in sentence(words)
        office.approve(request, BOB)
        office.give(request)
        office.clock.time = T0 + HALF_HOUR
        over = office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: more(office, request), about=request)
        assert "Too late" in sentence(over)
        office.story(request.id).ended()
        ended = office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: more(office, request), about=request)
        assert "has ended" in sentence(ended)

    def test_who_may_not_ask_any_more(self, office):
        request = active(office)
        office.rules(("request: [U01ALICE0, ", "request: ["), text=office.policy_file.read_text())
        office.directory.members = dict.fromkeys(office.directory.members, frozenset())
        office.refused(RefusalReason.NOT_ALLOWED_TO_ASK, lambda: more(office, request), about=request)

    def test_what_the_rules_give_otherwise_now(self, office):
        request = active(office)
        old = "grants: [orders_read]\n    max_duration: 2h\n    extend"
        office.rules((old, old.replace("orders_read", "all")), text=office.policy_file.read_text())
        office.refused(RefusalReason.RULES_CHANGED, lambda: more(office, request), about=request)


class TestWhoDecides:
    def test_is_nobody_on_their_own(self, office):
        request = more(office, active(office))
        digest = request.extension.digest
        office.refused(
            RefusalReason.OWN_REQUEST,
            lambda: office.use_cases.approve(actor(ALICE), request.id, digest),
            about=request,
        )

    def test_is_no_stranger(self, office):
        request = more(office, active(office))
        digest = request.extension.digest
        for by in (SAM, EVE):
            office.refused(
                RefusalReason.NOT_ALLOWED_TO_DECIDE,
                lambda by=by: office.use_cases.approve(actor(by), request.id, digest),
                about=request,
            )

    def test_does_so_by_what_is_shown_of_this_extension(self, office):
        request = active(office)
        old = more(office, request)
        no(office, request, old.extension.digest)
        digest = old.extension.digest
        approve = office.use_cases.approve
        office.refused(RefusalReason.CARD_CHANGED, lambda: approve(actor(BOB), request.id, digest), about=request)
        new = more(office, request)
        for stale in (request.digest, old.extension.digest):
            office.refused(
                RefusalReason.CARD_CHANGED,
                lambda stale=stale: office.use_cases.approve(actor(BOB), request.id, stale),
                about=request,
            )
            office.refused(RefusalReason.CARD_CHANGED, lambda s=stale: no(office, request, s), about=request)
        assert office.use_cases.approve(actor(BOB), request.id, new.extension.digest).request.extension.approvers

    def test_cannot_once_it_is_over(self, office):
        request = more(office, active(office))
        office.clock.time = request.ends_at
        office.refused(
            RefusalReason.LAPSED,
            lambda: office.use_cases.approve(actor(BOB), request.id, request.extension.digest),
            about=request,
        )

    def test_cannot_when_the_ceiling_came_down_meanwhile(self, office):
        request = more(office, active(office), "1h")
        office.rules(("{each: 1h, ceiling: 2h}", "{each: 30m, ceiling: 2h}"), text=office.policy_file.read_text())
        refusal = office.refused(
            RefusalReason.RULES_CHANGED,
            lambda: office.use_cases.approve(actor(BOB), request.id, request.extension.digest),
            about=request,
        )
        assert "goes on until its end" in sentence(refusal)
        assert more(office, request).extension.duration == HALF_HOUR  # what nobody can approve is in nobody's way

    def test_is_asked_again_before_the_effect(self, office):
        request = more(office, active(office))
        after = office.approve(request.undecided, BOB)
        office.rules(("dba: [U02BOB000, ", "dba: ["), text=office.policy_file.read_text())
        assert check(office, after).reason is RefusalReason.QUORUM_GONE


class TestAtOnce:
    def test_of_two_extensions_one_is_asked_for(self, office):
        request = active(office)
        outcomes = at_once(office, *[lambda d=d: more(office, request, d) for d in ("10m", "20m")])
        assert reasons(outcomes) == [RefusalReason.EXTENSION_WAITS]
        assert office.kinds(request.id).count("extension.asked") == 1

    def test_extend_and_release(self, office):
        request = active(office)
        outcomes = at_once(
            office,
            lambda: more(office, request),
            lambda: office.use_cases.release(actor(ALICE), request.id),
        )
        assert office.request(request.id).state is State.ENDING
        assert office.request(request.id).extension is None
        assert reasons(outcomes) in ([], [RefusalReason.NOT_POSSIBLE_NOW])

    def test_yes_and_no(self, office):
        request = more(office, active(office))
        digest = request.extension.digest
        outcomes = at_once(
            office,
            lambda: office.use_cases.approve(actor(BOB), request.id, digest),
            lambda: no(office, request, digest, by=CAROL),
        )
        assert len(reasons(outcomes)) == 1


def by_timekeeper(office):
    return {"at": office.clock.now(), "actor": "timekeeper@test", "source": Source.TIMEKEEPER}


def escalate(office, request):
    """As the timekeeper does."""
    said = by_timekeeper(office) | {"escalation": request.undecided.escalation}
    fact = ExtensionEscalated.about(request.undecided, **said)
    return office.ledger.append([fact], expect={request.id: request.version}).requests[request.id]


def test_an_extension_that_waits_is_escalated_as_a_request_is_and_approvals_of_before_count(tmp_path):
    rules = f"{EXTEND}    escalate: {{after: 15m, to: [{EVE}]}}\n"
    office = with_rules(tmp_path, rules)
    request = more(office, active(office))
    digest = request.extension.digest
    assert next_action(request) == (request.undecided.asked_at + timedelta(minutes=15), Action.ESCALATE_EXTENSION)
    late = partial(office.use_cases.approve, actor(EVE), request.id, digest)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, late, about=request.extension)
    of_a_request = by_timekeeper(office) | {"escalation": request.extension.escalation}
    with pytest.raises(Conflict):
        office.ledger.append([Escalated.about(request, **of_a_request)])
    office.clock.move(minutes=15)
    request = escalate(office, request)
    assert next_action(request) == (request.ends_at, Action.END)
    with pytest.raises(Conflict):
        escalate(office, request)
    assert late().decision.outcome is Outcome.HOLDS
    assert check(office, office.request(request.id)).outcome is Outcome.HOLDS


def test_escalated_before_its_time_nobody_else_decides(tmp_path):
    office = with_rules(tmp_path, f"{EXTEND}    escalate: {{after: 15m, to: [{EVE}]}}\n")
    request = escalate(office, more(office, active(office)))
    press = partial(office.use_cases.approve, actor(EVE), request.id, request.extension.digest)
    office.refused(RefusalReason.RULES_CHANGED, press, about=request.extension)


def test_the_rules_of_extensions_alone_may_escalate(tmp_path):
    own = "extend: {each: 1h, ceiling: 2h, approve: [{all_of: [{from: [group:dba]}], escalate: {after: 5m, to: [%s]}}]}"
    office = with_rules(tmp_path, f"{READ}    {own % EVE}\n")
    request = active(office)
    assert request.escalation is None
    assert more(office, request).extension.escalation.to == (EVE,)


class TestWithdraw:
    def test_takes_back_what_waits_and_the_access_goes_on(self, office):
        request = more(office, active(office))
        digest = request.extension.digest
        after = withdraw(office.core, by=actor(ALICE), request_id=request.id, digest=digest)
        assert (after.state, after.extension, after.ends_at) == (State.ACTIVE, None, request.ends_at)
        assert office.kinds(request.id)[-1] == "extension.withdrawn"
        press = partial(office.use_cases.approve, actor(BOB), request.id, digest)
        assert office.refused(RefusalReason.CARD_CHANGED, press, about=after)
        assert more(office, after).extension is not None

    def test_is_for_whoever_asked_alone_and_for_what_the_button_showed(self, office):
        request = more(office, active(office))
        for person, digest, reason in (
            (BOB, request.extension.digest, RefusalReason.NOT_YOURS),
            (EVE, request.digest, RefusalReason.NOT_YOURS),
            (ALICE, request.digest, RefusalReason.NOT_POSSIBLE_NOW),
            (ALICE, "", RefusalReason.NOT_POSSIBLE_NOW),
        ):
            press = partial(withdraw, office.core, by=actor(person), request_id=request.id, digest=digest)
            office.refused(reason, press, about=request)

    def test_over_and_over_it_calls_nobody_any_more(self, office):
        """Each that is asked for mentions those who decide."""
        request = active(office)
        for _ in range(WITHDRAWN_AT_MOST):
            digest = more(office, request).extension.digest
            request = withdraw(office.core, by=actor(ALICE), request_id=request.id, digest=digest)
        office.refused(RefusalReason.TOO_MANY, lambda: more(office, request), about=request)
        office.clock.move(minutes=11)
        assert more(office, request).extension is not None

    def test_and_a_yes_at_once_are_one_outcome(self, office):
        request = more(office, active(office))
        digest = request.extension.digest
        outcomes = at_once(
            office,
            partial(office.use_cases.approve, actor(BOB), request.id, digest),
            partial(withdraw, office.core, by=actor(ALICE), request_id=request.id, digest=digest),
        )
        assert len(reasons(outcomes)) == 1
        kinds = office.kinds(request.id)
        assert ("extension.approved" in kinds) != ("extension.withdrawn" in kinds)


def test_narrowed_access_is_extended_as_it_was_given_and_an_extension_is_not_narrowed(tmp_path):
    office = with_rules(tmp_path, EXTEND.replace("[orders_read]", "[orders_read, orders_write]"))
    request = office.asked()
    office.use_cases.narrow(actor(BOB), request.id, request.digest, LessForm("20m", ("orders_read",)))
    office.give(request)
    request = more(office, office.request(request.id))
    assert request.ends_at == T0 + timedelta(minutes=20)
    assert request.extension.permissions == ("orders_read",)
    said = (request.id, request.extension.digest, LessForm("10m", ("orders_read",)))
    office.refused(RefusalReason.NOT_POSSIBLE_NOW, lambda: office.use_cases.narrow(actor(BOB), *said), about=request)
    after = office.use_cases.approve(actor(BOB), request.id, request.extension.digest).request
    assert check(office, after).outcome is Outcome.HOLDS
    assert carried_out(office, after).permissions == ("orders_read",)
    assert office.request(request.id).ends_at == T0 + timedelta(minutes=50)


@pytest.mark.parametrize("duration", ["30m", "17m", ""])
def test_narrowed_access_is_extended_by_another_time_than_was_asked_at_first(tmp_path, duration):
    office = with_rules(tmp_path, EXTEND)
    request = office.asked()
    office.use_cases.narrow(actor(BOB), request.id, request.digest, LessForm("20m", request.permissions))
    office.give(request)
    request = more(office, office.request(request.id), duration)
    assert request.extension.asked == request.extension.terms
    after = office.use_cases.approve(actor(BOB), request.id, request.extension.digest).request
    assert check(office, after).outcome is Outcome.HOLDS
