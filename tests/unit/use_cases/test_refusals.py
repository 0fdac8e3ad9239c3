"""Who may not act on a request, and when: each attempt is one fact, and changes nothing."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from jit.facts import RefusalReason, Source
from jit.people.person import Person
from jit.requests.lifecycle import State
from jit.requests.messages import sentence
from jit.testing import ALICE, BOB, CAROL, EVE, WORKSPACE
from jit.use_cases.refuse import refuse
from tests.world.base import ENGINEERS, ON_CALL, SAM
from tests.world.office import ADMIN, ASK, NIGHT, READ, TERMINAL, Office, actor


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


BAD_STANDINGS = {
    "deleted": {"deleted": True},
    "bot": {"bot": True},
    "guest": {"guest": True},
    "external": {"external": True},
    "of another team": {"team": "T0OTHER01"},
}


ACTS = ("approve", "deny", "withdraw", "release", "revoke")


def whose(act):
    """Somebody who could, if nothing else were in the way."""
    return ALICE if act in {"withdraw", "release"} else CAROL


def test_only_full_members_act(office):
    request, people = office.asked(), dict(office.directory.people)
    for fault, act in (*((fault, "approve") for fault in BAD_STANDINGS), *(("guest", act) for act in ACTS)):
        office.directory.change(whose(act), **BAD_STANDINGS[fault])
        attempt = office.acts(request, actor(whose(act)))[act]
        assert office.refused(RefusalReason.BAD_STANDING, attempt, about=request), (fault, act)
        office.directory.people = dict(people)


def test_who_cannot_be_placed_does_not_act(office):
    request = office.asked()
    for act in ACTS:
        for team in ("T0OTHER01", "", None):
            attempt = office.acts(request, actor(whose(act), team))[act]
            assert office.refused(RefusalReason.WRONG_WORKSPACE, attempt, about=request), (act, team)
    office.directory.gone = True
    for act in ACTS:
        attempt = office.acts(request, actor(whose(act)))[act]
        assert office.refused(RefusalReason.CANNOT_LOOK_UP, attempt, about=request), act


def test_nobody_of_elsewhere_asks(office):
    for team in ("T0OTHER01", "", None):
        office.refused(RefusalReason.WRONG_WORKSPACE, partial(office.use_cases.request, actor(ALICE, team), ASK))


def test_nobody_acts_before_the_workspace_is_known(office):
    office.directory.workspace = ""
    office.directory.people[ALICE] = Person(id=ALICE, team="", name="Alice")
    office.refused(RefusalReason.BAD_STANDING, lambda: office.use_cases.request(actor(ALICE, ""), ASK))


def test_the_terminal_only_ends_access(office):
    request = office.asked()
    for who in (TERMINAL, actor(BOB, WORKSPACE, Source.CLI), actor(ALICE, WORKSPACE, Source.CLI)):
        for act in ("approve", "deny", "withdraw", "release"):
            assert office.refused(RefusalReason.WRONG_WORKSPACE, office.acts(request, who)[act], about=request), (
                who,
                act,
            )
    office.refused(RefusalReason.WRONG_WORKSPACE, lambda: office.use_cases.request(TERMINAL, ASK))


def test_a_request_that_is_not_there(office):
    stranger = actor(EVE, "T0OTHER01")
    odd = ("", "R-7F3K\x00", "\ud800", "' OR 1=1 --", "R-" + "A" * 5000)
    for act, request_id in (*((act, "R-2222") for act in ACTS), *(("approve", request_id) for request_id in odd)):
        named = SimpleNamespace(id=request_id, digest="0" * 64)
        assert office.refused(RefusalReason.UNKNOWN_REQUEST, office.acts(named, actor(BOB))[act]), (act, request_id)
        office.refused(RefusalReason.WRONG_WORKSPACE, office.acts(named, stranger)[act])
        attempt = partial(
            refuse, office.core, by=stranger, attempted="approve", reason=RefusalReason.MALFORMED, request_id=request_id
        )
        office.refused(RefusalReason.MALFORMED, attempt)


def test_only_those_who_may_decide_do(office):
    request = office.asked()
    for act in ("approve", "deny"):
        office.refused(RefusalReason.OWN_REQUEST, office.acts(request, actor(ALICE))[act], about=request)
        office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, office.acts(request, actor(SAM))[act], about=request)
    for act in ("withdraw", "release"):
        office.refused(RefusalReason.NOT_YOURS, office.acts(request, actor(BOB))[act], about=request)
    for person in (ALICE, EVE):
        office.refused(RefusalReason.NOT_ALLOWED_TO_END, office.acts(request, actor(person))["revoke"], about=request)


def test_a_requester_among_the_approvers_does_not_decide(office):
    office.rules(("dba: [U02BOB000,", "dba: [U01ALICE0, U02BOB000,"))
    request = office.asked()
    office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(request, ALICE), about=request)


def test_the_words_of_a_denial_or_revocation_are_checked_after_who_says_them(office):
    request, secret = office.asked(), "token = abcdefghijklm"
    for person, reason in ((BOB, RefusalReason.BAD_INPUT), (EVE, RefusalReason.NOT_ALLOWED_TO_DECIDE)):
        by = actor(person)
        attempt = partial(office.use_cases.deny, by, request.id, request.digest, secret)
        office.refused(reason, attempt, secret, about=request)
    office.approve(request, BOB)
    for person, reason in ((BOB, RefusalReason.BAD_INPUT), (EVE, RefusalReason.NOT_ALLOWED_TO_END)):
        by = actor(person)
        attempt = partial(office.use_cases.revoke, by, request.id, secret)
        office.refused(reason, attempt, secret, about=request)


@pytest.mark.parametrize("why", [".", "asdf", "test", READ])
def test_no_denial_stands_on_a_reason_that_says_nothing_and_no_wording_holds_up_an_end(office, why):
    request = office.asked()
    deny = partial(office.use_cases.deny, actor(BOB), request.id, request.digest, why)
    refusal = office.refused(RefusalReason.BAD_INPUT, deny, about=request)
    assert "Say why" in sentence(refusal)
    office.give(office.approve(request, BOB))
    assert office.use_cases.revoke(actor(BOB), request.id, why).state is State.ENDING


def test_what_comes_too_late_or_too_early_is_said(office):
    tried = {
        "pending": (("release", ALICE), ("revoke", CAROL)),
        "approved": (("approve", CAROL), ("release", ALICE)),
        "active": (("deny", CAROL), ("withdraw", ALICE)),
        "denied": (("approve", CAROL), ("withdraw", ALICE), ("revoke", CAROL)),
    }
    pending = office.asked()
    denied = office.asked(ADMIN)
    office.use_cases.deny(actor(BOB), denied.id, denied.digest, "Not today")

    def refuses(step, request):
        for act, person in tried[step]:
            attempt = office.acts(request, actor(person))[act]
            refusal = office.refused(RefusalReason.NOT_POSSIBLE_NOW, attempt, about=request)
            assert "cannot be done" not in sentence(refusal), (step, act)

    refuses("pending", pending)
    refuses("denied", denied)
    office.approve(pending, BOB)
    refuses("approved", pending)
    office.give(pending)
    refuses("active", pending)


def test_who_orders_an_end_that_was_ordered_is_not_told_that_they_come_too_late(office):
    """Whoever wants it gone wants to know whether it is going, and where to look if it does not go."""
    request = office.approved()
    office.give(request)
    office.use_cases.revoke(actor(CAROL), request.id, "laptop stolen")
    for act, person in (("revoke", CAROL), ("release", ALICE)):
        attempt = office.acts(request, actor(person))[act]
        says = sentence(office.refused(RefusalReason.NOT_POSSIBLE_NOW, attempt, about=request))
        assert says == "This access is ending already; its card says when it is gone, and what is in the way.", act


def test_what_was_not_answered_in_time_is_not_decided(office):
    request = office.asked()
    office.clock.move(hours=8)
    for act in ("approve", "deny"):
        office.refused(RefusalReason.LAPSED, office.acts(request, actor(BOB))[act], about=request)


def test_a_press_counts_only_for_what_its_card_showed(office):
    request = office.asked()
    for digest in ("0" * 64, "", "\ud800é", "A" * 5000):
        for attempt in (
            partial(office.use_cases.approve, actor(BOB), request.id, digest),
            partial(office.use_cases.deny, actor(BOB), request.id, digest, "Not today"),
        ):
            office.refused(RefusalReason.CARD_CHANGED, attempt, digest[:64], about=request)


def test_the_button_of_another_card_does_not_approve(office):
    harmless = office.asked(READ)
    office.use_cases.withdraw(actor(ALICE), harmless.id)
    again, risky = office.asked(READ), office.asked(ADMIN)
    for other in (harmless, risky):
        attempt = partial(office.approve, again, BOB, other.digest)
        office.refused(RefusalReason.CARD_CHANGED, attempt, about=again)


CHANGES = {
    "gives more": ("grants: [orders_read]", "grants: [orders_read, orders_write]"),
    "gives for less time": ("max_duration: 8h", "max_duration: 10m"),
    "means somebody else": ("{fake: alice}", "{fake: root}"),
    "wants an incident": (
        "describe: Read every table of orders",
        "describe: Read every table of orders\n    incident: 'CHG-[0-9]+'",
    ),
    "is riskier": ("describe: Read every table of orders", "describe: Read every table of orders\n    risk: critical"),
    "wants others": ("all_of: [{from: [group:dba]}]", "all_of: [{from: [group:dba, U04EVE000]}]"),
    "wants more": ("all_of: [{from: [group:dba]}]", "all_of: [{from: [group:dba], count: 2}]"),
    "is gone": ("orders-db/read:", "orders-db/look:"),
}


def test_what_the_card_showed_must_still_be_the_rule(office):
    request = office.asked()
    for case, change in CHANGES.items():
        office.rules(change)
        for act in ("approve", "deny"):
            attempt = office.acts(request, actor(BOB))[act]
            assert office.refused(RefusalReason.RULES_CHANGED, attempt, about=request), (case, act)


def test_one_of_two_approvals_does_not_become_enough_by_an_edit(office):
    request = office.asked(ADMIN)
    office.rules(("          - {from: [group:security]}\n", ""))
    office.refused(RefusalReason.RULES_CHANGED, lambda: office.approve(request, BOB), about=request)


def test_security_revokes_while_the_policy_files_are_broken(office):
    request = office.approved()
    office.rules(("kind: fake", "knid: fake"))
    assert office.use_cases.revoke(actor(CAROL), request.id, "enough").state is State.ENDING


def test_broken_policy_files_decide_nothing_where_no_others_were_known(office):
    request = office.asked()
    office.rules(("kind: fake", "knid: fake"))
    office.policies.last_good = None
    for act in ("approve", "deny"):
        office.refused(RefusalReason.POLICY_BROKEN, office.acts(request, actor(BOB))[act], about=request)


def test_broken_policy_files_leave_the_rules_of_before_in_force(office):
    request = office.asked()
    office.rules(("kind: fake", "knid: fake"))
    assert office.approve(request, BOB).state is State.APPROVED


def test_groups_that_are_not_known_freshly_decide_nothing(office):
    request = office.asked(NIGHT)
    office.directory.groups_age = timedelta(seconds=31)
    for act in ("approve", "deny"):
        office.refused(RefusalReason.STALE_GROUPS, office.acts(request, actor(SAM))[act], about=request)
    office.approve(request, BOB)
    office.refused(RefusalReason.STALE_GROUPS, office.acts(request, actor(EVE))["revoke"], about=request)


def test_who_left_the_group_does_not_count_any_more_at_the_deciding_press(office):
    request = office.asked(ADMIN)
    office.approve(request, BOB)
    office.rules(("dba: [U02BOB000, U03CAROL0]", "dba: [U03CAROL0]"))
    assert office.approve(request, SAM).state is State.PENDING
    assert "approved" not in office.kinds()


def test_who_was_deactivated_does_not_count_any_more_at_the_deciding_press(office):
    request = office.asked(ADMIN)
    office.approve(request, BOB)
    office.directory.change(BOB, deleted=True)
    assert office.approve(request, SAM).state is State.PENDING
    after = office.approve(request, CAROL)
    assert after.state is State.APPROVED
    assert BOB not in {each.approver for each in after.counted}


@pytest.mark.parametrize("leaves", ["workspace", "group"])
def test_who_leaves_while_pressing_does_not_approve(office, leaves):
    request = office.asked(NIGHT)
    known = office.directory.groups

    def groups_and_leave():
        groups = known()
        office.directory.members[ON_CALL] = frozenset()
        return groups

    if leaves == "workspace":
        office.directory.meanwhile = lambda _person: office.directory.change(SAM, deleted=True)
    else:
        office.directory.groups = groups_and_leave
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, SAM), about=request)


@pytest.mark.parametrize("gone", ["denied by the rules", "deactivated", "out of the group"])
def test_a_requester_who_may_not_ask_any_more_is_not_approved(office, gone):
    request = office.asked()
    if gone == "denied by the rules":
        office.rules(
            ("describe: Read every table of orders", "describe: Read every table of orders\n    deny: [U01ALICE0]")
        )
    elif gone == "deactivated":
        office.directory.change(ALICE, deleted=True)
    else:
        office.directory.members[ENGINEERS] = frozenset()
        office.rules(('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: ["slack:S0ENGIN01"]'))
    office.refused(RefusalReason.NOT_ALLOWED_TO_ASK, lambda: office.approve(request, BOB), about=request)


def test_an_earlier_approver_who_cannot_be_looked_up_stops_the_decision(office):
    request = office.asked(ADMIN)
    office.approve(request, BOB)
    del office.directory.people[BOB]
    office.refused(RefusalReason.CANNOT_LOOK_UP, lambda: office.approve(request, SAM), about=request)
