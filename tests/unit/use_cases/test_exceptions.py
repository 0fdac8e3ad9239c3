"""An exception: asked for longer than the access is given for, and decided by a rule of its own."""

from datetime import timedelta

import pytest

from bot import answers, forms
from bot.views import card
from bot.views.line import lines
from jit.facts import RefusalReason, Requested
from jit.requests.decision import before_effect, room_to_extend, rules_in
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State, apply
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL
from jit.use_cases.extend import extend
from jit.use_cases.narrow import LessForm
from tests.world.base import RULES, SAM
from tests.world.office import READ, WHY, Office, actor

MAX = "    grants: [orders_read]\n    max_duration: 8h\n"
EXCEPTION = "    exception: {max_duration: 24h, approve: [{all_of: [{from: [group:security]}]}]}\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def office(tmp_path):
    assert MAX in RULES
    return Office(tmp_path, rules=RULES.replace(MAX, MAX + EXCEPTION, 1))


def ask(office, duration="12h", start=""):
    return office.use_cases.request(actor(ALICE), RequestForm(READ, duration, WHY, "", start))


def edit(office, old, new):
    text = office.policy_file.read_text()
    assert old in text
    office.policy_file.write_text(text.replace(old, new, 1))
    office.clock.move(seconds=1)


def effect(office, request):
    request = office.request(request.id).undecided
    return before_effect(request, office.policies, office.directory, office.clock.now()).reason


def names(who):
    return {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", SAM: "Sam"}.get(who, who)


def refused(act):
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


def test_what_is_longer_than_the_access_is_given_for_is_decided_by_the_exceptions_own_rule(office):
    request = ask(office)
    assert request.basis == "exception"
    assert [need.label for need in request.needs] == ["security"]
    assert refused(lambda: office.approve(request, BOB)).reason is RefusalReason.NOT_ALLOWED_TO_DECIDE
    assert office.approve(request, SAM).state is State.APPROVED
    assert effect(office, request) is None


def test_what_is_as_long_as_the_access_is_given_for_is_none(office):
    request = ask(office, "8h")
    assert (request.basis, [need.label for need in request.needs]) == ("rule", ["dba"])
    assert refused(lambda: office.approve(request, SAM)).reason is RefusalReason.NOT_ALLOWED_TO_DECIDE


def test_longer_than_the_exception_is_the_error_it_always_was_and_so_is_all_without_one(office):
    assert refused(lambda: ask(office, "1441m")).problems == {"duration": f"At most 1 d for {READ}."}
    edit(office, EXCEPTION, "")
    told = refused(lambda: ask(office, "481m"))
    assert (told.reason, told.problems) == (RefusalReason.BAD_INPUT, {"duration": f"At most 8 h for {READ}."})


def test_it_is_told_apart_on_the_card_in_the_answer_in_the_record_and_in_the_audit_channel(office):
    request = ask(office)
    assert card.draw(request, names).text.startswith("*Exception* · *Alice* asks for")
    assert answers.asked(request, names).startswith("Asked, as an exception. R-")
    office.approve(request, SAM)
    office.give(request)
    request = office.request(request.id)
    assert card.draw(request, names).text.startswith("*Exception* · Active until")
    entries = office.ledger.history(request.id)
    assert "exception · approved by Sam (security, 1/1)" in lines(entries[-1:], names, office.ledger.request)[0]
    assert entries[0].fact.basis == "exception"
    assert "an exception" in str(entries[0].fact.told())


def test_of_what_is_none_nothing_of_it_is_said(office):
    usual = ask_and_give(office, "8h")
    told = lines(office.ledger.history(usual.id), names, office.ledger.request)
    assert "xception" not in f"{card.draw(usual, names)} {told}"


def test_an_approver_who_shortens_it_does_not_make_it_less_of_an_exception(office):
    request = ask(office)
    less = LessForm("2h", request.permissions)
    by_a_dba = refused(lambda: office.use_cases.narrow(actor(BOB), request.id, request.digest, less))
    assert by_a_dba.reason is RefusalReason.NOT_ALLOWED_TO_DECIDE
    narrowed = office.use_cases.narrow(actor(SAM), request.id, request.digest, less).request
    assert (narrowed.basis, narrowed.duration, narrowed.state) == ("exception", 2 * HOUR, State.APPROVED)
    assert effect(office, narrowed) is None
    edit(office, EXCEPTION, "")
    assert effect(office, narrowed) is RefusalReason.RULES_CHANGED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (EXCEPTION, ""),
        ("max_duration: 24h", "max_duration: 11h"),
        ("max_duration: 8h\n    exception: {max_duration: 24h", "max_duration: 12h\n    exception: {max_duration: 24h"),
        (
            "approve: [{all_of: [{from: [group:security]}]}]",
            "approve: [{all_of: [{from: [group:security], count: 2}]}]",
        ),
        ("approve: [{all_of: [{from: [group:security]}]}]", "approve: [{all_of: [{from: [group:dba]}]}]"),
    ],
    ids=["gone", "shorter", "no exception any more", "two of them", "others"],
)
def test_rules_that_changed_are_seen_at_the_press_and_before_the_effect(office, old, new):
    waiting, before = ask(office), office.policy_file.read_text()
    edit(office, old, new)
    assert refused(lambda: office.approve(waiting, SAM)).reason is RefusalReason.RULES_CHANGED
    office.policy_file.write_text(before)
    office.clock.move(seconds=1)
    approved = office.approve(waiting, SAM)
    assert effect(office, approved) is None
    edit(office, old, new)
    assert effect(office, approved) is RefusalReason.RULES_CHANGED


def test_no_exception_is_made_of_a_request_that_was_none_when_it_was_asked(office):
    """A shorter maximum would have it decided by others."""
    request = ask(office, "8h")
    edit(office, "max_duration: 8h\n    exception", "max_duration: 1h\n    exception")
    assert refused(lambda: office.approve(request, BOB)).reason is RefusalReason.RULES_CHANGED


@pytest.mark.parametrize(
    "claimed",
    [
        {"basis": "exception", "duration": HOUR},
        {"basis": "rule", "duration": 12 * HOUR},
        {"basis": "exception", "duration": 25 * HOUR},
        {"basis": "exception", "duration": 12 * HOUR, "needs": ()},
    ],
    ids=["a short one by those of exceptions", "a long one by those of the access", "too long", "by nobody"],
)
def test_a_record_that_claims_a_basis_that_the_rules_do_not_give_is_not_believed(office, claimed):
    asked = ask(office, "12h" if claimed["basis"] == "exception" else "1h")
    of = office.ledger.history(asked.id)[0].fact
    inputs = of.inputs.replace(str(of.duration.total_seconds()), str(claimed["duration"].total_seconds()))
    forged = apply(None, Requested.model_validate(of.model_dump() | claimed | {"inputs": inputs}))
    assert rules_in(office.policies.current(), forged) is None
    assert rules_in(office.policies.current(), apply(None, of)) is not None


SAME = "exception: {max_duration: 24h, approve: [{all_of: [{from: [group:dba]}]}]}"


@pytest.mark.parametrize("claimed", ["rule", "exception"])
def test_a_claimed_basis_is_not_believed_though_the_same_people_decide_on_both(office, claimed):
    edit(office, EXCEPTION.strip(), SAME)
    honest = office.ledger.history(ask(office, "1h" if claimed == "exception" else "12h").id)[0].fact
    policy = office.policies.current()
    assert rules_in(policy, apply(None, honest)) is not None
    assert rules_in(policy, apply(None, honest.model_copy(update={"basis": claimed}))) is None


def test_rules_by_which_it_is_none_any_more_are_seen_though_the_same_people_decide(office):
    edit(office, EXCEPTION.strip(), SAME)
    approved = office.approve(ask(office), BOB)
    assert effect(office, approved) is None
    edit(office, "max_duration: 8h\n    exception", "max_duration: 12h\n    exception")
    assert effect(office, approved) is RefusalReason.RULES_CHANGED


def test_nobody_lets_themselves_in_by_a_long_time_where_a_rule_decides_short_ones_by_itself(office):
    edit(office, "      - all_of: [{from: [group:dba]}]\n", "      - automatic: true\n")
    at_once = ask(office, "8h")
    assert at_once.state is State.APPROVED
    office.use_cases.withdraw(actor(ALICE), at_once.id)
    request = ask(office, "481m")
    assert (request.state, request.by_rule, request.basis) == (State.PENDING, "", "exception")


def test_nobody_else_is_asked_for_an_exception_however_late_it_is(office):
    edit(office, EXCEPTION, f"{EXCEPTION}    escalate: {{after: 15m, to: [{BOB}, {SAM}]}}\n")
    usual = ask(office, "8h")
    assert usual.escalation is not None
    office.use_cases.withdraw(actor(ALICE), usual.id)
    assert ask(office).escalation is None


def test_it_may_begin_later_and_is_weighed_again_then(office):
    request = ask(office, start="22:00 UTC")
    assert request.basis == "exception"
    office.approve(request, SAM)
    assert effect(office, request) is RefusalReason.NOT_YET
    office.clock.move(seconds=(request.start_at - office.clock.now()).total_seconds())
    assert effect(office, request) is None
    edit(office, EXCEPTION, "")
    assert effect(office, request) is RefusalReason.RULES_CHANGED


def test_its_extension_goes_to_its_own_longest_time_and_is_decided_by_its_own_rule(office):
    edit(office, EXCEPTION, f"{EXCEPTION}    extend: {{each: 10h, ceiling: 48h}}\n")
    request = ask_and_give(office, "20h", by=SAM)
    assert room_to_extend(request, office.policies.current()) == 4 * HOUR
    told = refused(lambda: more(office, request, "5h"))
    assert told.problems == {"duration": "It may be held for 1 d in all: 4 h more can be asked for."}
    more(office, request, "4h")
    waiting = office.request(request.id)
    assert [need.label for need in waiting.extension.needs] == ["security"]
    digest = waiting.undecided.digest
    assert refused(lambda: office.approve(request, BOB, digest)).reason is RefusalReason.NOT_ALLOWED_TO_DECIDE
    office.approve(request, SAM, digest)
    assert effect(office, request) is None
    edit(office, "max_duration: 24h", "max_duration: 23h")
    assert effect(office, request) is RefusalReason.RULES_CHANGED


def test_what_is_none_is_extended_as_ever(office):
    edit(office, EXCEPTION, f"{EXCEPTION}    extend: {{each: 1h, ceiling: 9h}}\n")
    request = ask_and_give(office, "8h")
    more(office, request, "1h")
    assert [need.label for need in office.request(request.id).extension.needs] == ["dba"]


def test_an_exception_that_the_rules_do_not_know_any_more_is_not_extended(office):
    edit(office, EXCEPTION, f"{EXCEPTION}    extend: {{each: 10h, ceiling: 48h}}\n")
    request = ask_and_give(office, "12h", by=SAM)
    edit(office, EXCEPTION, "")
    assert room_to_extend(request, office.policies.current()) is None
    assert refused(lambda: more(office, request, "1h")).reason is RefusalReason.NO_EXTENSION


def test_the_form_says_how_long_an_exception_may_be_and_who_decides_on_it(office):
    access = office.policies.current().accesses[READ]
    assert forms.duration_hint(access, forms.decided_by(access)) == (
        "At most 8 h · decided by 1 of dba · up to 1 d as an exception, decided by 1 of security"
    )


def more(office, request, duration):
    return extend(office.core, by=actor(ALICE), request_id=request.id, duration=duration, reason=WHY)


def ask_and_give(office, duration, by=BOB):
    request = ask(office, duration)
    office.approve(request, by)
    office.give(request)
    return office.request(request.id)
