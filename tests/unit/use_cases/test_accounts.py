"""Who somebody is: a changed e-mail, two accounts of one person, accounts that people share."""

from dataclasses import replace

import pytest

from jit.facts import RefusalReason
from jit.ports import DirectoryUnavailable
from jit.requests.decision import Outcome, before_effect
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.narrow import LessForm
from tests.world.base import RULES, SAM
from tests.world.office import ADMIN, READ, WHY, Office, actor

AUTOMATIC = ("      - all_of: [{from: [group:dba]}]\n  orders-db/admin", "      - automatic: true\n  orders-db/admin")


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path)
    for person in (ALICE, BOB, CAROL, EVE, SAM):
        email(office, person, f"{person.lower()}@example.com")
    return office


def email(office, person, now, first=None):
    office.directory.change(person, email=now, first_email=first or now)


def before(office, request):
    return before_effect(office.request(request.id), office.policies, office.directory, office.clock.now())


def test_somebody_whose_email_changed_decides_nothing(office):
    request = office.asked()
    email(office, BOB, "mallory@example.com", first="bob@example.com")
    for what in ("approve", "deny"):
        refusal = office.refused(RefusalReason.EMAIL_CHANGED, office.acts(request, actor(BOB))[what], about=request)
        assert "mallory" not in str(refusal)
    assert office.approve(request, CAROL).state is State.APPROVED


def test_another_letter_case_or_stray_blanks_are_no_change(office):
    email(office, BOB, " Bob@Example.COM ", first="bob@example.com")
    assert office.approved().state is State.APPROVED


def test_an_email_that_changes_between_the_press_and_the_effect_gives_nothing(office):
    request = office.approved()
    assert before(office, request).outcome is Outcome.HOLDS
    email(office, BOB, "mallory@example.com", first="bob@example.com")
    assert before(office, request).reason is RefusalReason.QUORUM_GONE


def test_whose_email_changed_may_ask_people_and_no_rule_decides_for_them_alone(office):
    """People see who asks, and can ask back; a rule cannot."""
    email(office, ALICE, "mallory@example.com", first="alice@example.com")
    assert office.approved().state is State.APPROVED


def test_no_rule_decides_alone_for_whose_email_changed(office):
    office.rules(AUTOMATIC)
    email(office, ALICE, "mallory@example.com", first="alice@example.com")
    with pytest.raises(Exception, match="email_changed"):
        office.asked()
    email(office, ALICE, "alice@example.com")
    request = office.asked()
    assert request.state is State.APPROVED
    email(office, ALICE, "mallory@example.com", first="alice@example.com")
    assert before(office, request).reason is RefusalReason.EMAIL_CHANGED


@pytest.mark.parametrize("same", ["alice@example.com", "ALICE@example.com", " alice@example.com "])
def test_nobody_approves_for_themselves_by_a_second_account(office, same):
    email(office, ALICE, "alice@example.com")
    email(office, BOB, same)
    request = office.asked()
    for what in ("approve", "deny"):
        office.refused(RefusalReason.OWN_REQUEST, office.acts(request, actor(BOB))[what], about=request)


def test_an_approval_by_what_turns_out_to_be_the_requesters_account_gives_nothing(office):
    request = office.approved()
    email(office, ALICE, f"{BOB.lower()}@example.com")
    assert before(office, request).reason is RefusalReason.QUORUM_GONE


def test_an_account_that_was_the_requesters_by_its_first_email_is_theirs(office):
    """The trace is not lost by another e-mail, whoever said that it is theirs."""
    email(office, ALICE, "new@example.com", first="alice@example.com")
    email(office, BOB, "alice@example.com")
    request = office.asked()
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(request, BOB), about=request)


THIRD = "U09ALICE3"


def linked_by_a_third(office):
    """Bob's account has the e-mail of a third one, which has a name of Alice's: nothing ties it to hers otherwise."""
    office.directory.people[THIRD] = replace(office.directory.people[ALICE], id=THIRD)
    email(office, THIRD, "third@example.com")
    email(office, BOB, "third@example.com")
    names = f"  U01ALICE0: {{fake: alice, icalendar: alice}}\n  {THIRD}: {{fake: third, icalendar: Alice}}\n"
    schedules = 'schedules: {primary: {kind: icalendar, url: "file:primary.ics"}}\ntargets:\n'
    office.rules(("  U01ALICE0: {fake: alice}\n", names), ("targets:\n", schedules))


def test_nobody_approves_for_themselves_by_an_account_that_a_third_one_ties_to_theirs(office):
    linked_by_a_third(office)
    request = office.asked()
    for what in ("approve", "deny", "narrow"):
        office.refused(RefusalReason.OWN_REQUEST, office.acts(request, actor(BOB))[what], about=request)
    assert office.approve(request, CAROL).state is State.APPROVED


def test_whose_third_account_cannot_be_looked_up_does_not_decide_and_one_that_is_nobodys_holds_up_nothing(office):
    linked_by_a_third(office)
    request = office.asked()

    def silent(person):
        if person == THIRD:
            raise DirectoryUnavailable(person)

    office.directory.meanwhile = silent
    office.refused(RefusalReason.CANNOT_LOOK_UP, lambda: office.approve(request, BOB), about=request)
    del office.directory.people[THIRD]
    assert office.approve(request, CAROL).state is State.APPROVED


def test_two_accounts_of_one_person_count_once(office):
    office.rules(
        (
            "    approve:\n      - all_of: [{from: [group:dba]}]\n  orders-db/admin",
            "    approve:\n      - all_of: [{from: [group:dba], count: 2}]\n  orders-db/admin",
        )
    )
    request = office.asked()
    email(office, CAROL, f"{BOB.lower()}@example.com")
    request = office.approve(request, BOB)
    office.refused(RefusalReason.ALREADY_APPROVED, lambda: office.approve(request, CAROL), about=request)


def test_two_accounts_of_one_person_fill_two_quorums_no_more_than_one_account_does(office):
    request = office.approve(office.asked(ADMIN), BOB)
    email(office, SAM, f"{BOB.lower()}@example.com")
    office.refused(RefusalReason.ALREADY_APPROVED, lambda: office.approve(request, SAM), about=request)
    assert office.approve(request, CAROL).state is State.APPROVED


def test_two_accounts_of_one_person_deny_once(office):
    office.rules(
        (
            "      - all_of: [{from: [group:dba]}]\n  orders-db/admin",
            "      - {all_of: [{from: [group:dba]}], denials_needed: 2}\n  orders-db/admin",
        )
    )
    request = office.asked()
    email(office, CAROL, f"{BOB.lower()}@example.com")
    assert office.use_cases.deny(actor(BOB), request.id, request.digest, "not now, please").state is State.PENDING
    office.refused(RefusalReason.ALREADY_DENIED, office.acts(request, actor(CAROL))["deny"], about=request)


def test_whoever_asks_is_told_if_the_only_approver_is_their_own_second_account(office):
    email(office, ALICE, "alice@example.com")
    for person in (BOB, CAROL):
        email(office, person, "alice@example.com")
    office.refused(RefusalReason.NOBODY_COULD_APPROVE, office.asked)


def test_where_slack_tells_no_email_nothing_is_blocked(office):
    for person in (ALICE, BOB):
        email(office, person, "")
    assert office.approved().state is State.APPROVED


def test_a_shared_account_neither_asks_nor_decides_whatever_group_it_is_in(office):
    office.rules(text=f"shared: [{SAM}, {EVE}]\n" + RULES.replace("[U03CAROL0, U05SAM000]", "[U03CAROL0]"))
    with pytest.raises(Exception, match="shared_account"):
        office.use_cases.request(actor(EVE), RequestForm(READ, "30m", WHY))
    request = office.asked("orders-db/night")
    office.refused(RefusalReason.SHARED_ACCOUNT, lambda: office.approve(request, SAM), about=request)
    policy, groups, now = office.policies.current(), office.directory.groups(), office.clock.now()
    assert policy.askable(EVE, groups, now) == []
    assert SAM not in policy.members(["slack:S0ONCALL1"], groups, now)


def test_whose_email_changed_or_is_the_requesters_gives_nothing_less_either(office):
    request = office.asked()
    said = (request.id, request.digest, LessForm("10m", request.permissions))
    email(office, BOB, "mallory@example.com", first="bob@example.com")
    office.refused(RefusalReason.EMAIL_CHANGED, lambda: office.use_cases.narrow(actor(BOB), *said), about=request)
    email(office, BOB, f"{ALICE.lower()}@example.com")
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.use_cases.narrow(actor(BOB), *said), about=request)
    assert office.use_cases.narrow(actor(CAROL), *said).request.state is State.APPROVED
