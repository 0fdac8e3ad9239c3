"""Which rule decides, and what it takes: conditions, rules without people, stages, different people, several noes."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.facts import RefusalReason
from jit.ledger import Question
from jit.people.person import Person
from jit.policy.conditions import IncidentInputs
from jit.requests.decision import before_effect, inputs_of
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import OPEN, State
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL, EVE, WORKSPACE
from tests.world.base import SAM
from tests.world.break_glass import ALICE_TOO
from tests.world.office import WHY, Office, actor

HEAD = """
channels: {audit: C0AUDIT01, alerts: C0ALERT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0]
  security: [U03CAROL0, U05SAM000]
  experts: [slack:S0ONCALL1]
  engineering: [U01ALICE0, U04EVE000]
people:
  U01ALICE0: {fake: alice}
  U04EVE000: {fake: eve}
targets:
  orders-db: {kind: fake}
schedules:
  orders-primary: {kind: icalendar, url: "file:orders-primary.ics"}
calendars:
  office: {zone: Europe/Berlin, hours: "09:00-17:00"}
access:
  orders-db/read:
    describe: Read every table of orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
"""
ON_CALL_RULE = """
      - name: on call for orders-primary
        when: requester.on_call("orders-primary") && incident.open
        automatic: true
        limits: {per_person: 2, max_duration: 2h}
      - all_of: [{from: [group:dba]}]
"""
BY_GROUP = """
      - {when: '"experts" in requester.groups', automatic: true}
      - all_of: [{from: [group:dba]}]
"""
TWICE = (
    (
        "U01ALICE0: {fake: alice}",
        "U01ALICE0: {fake: alice, icalendar: alice}\n  U09ALICE2: {fake: alice2, icalendar: Alice}",
    ),
    ("engineering: [", "engineering: [U09ALICE2, "),
)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path, rules=HEAD + ON_CALL_RULE)


def ask(office, by=ALICE, duration="30m", incident="INC-42"):
    return office.use_cases.request(actor(by), RequestForm("orders-db/read", duration, WHY, incident))


def burning(office):
    office.directory.on_call = {"orders-primary": frozenset({ALICE})}
    office.incidents.open = {"INC-42": True}


def rules(office, text, *changes):
    office.policy_file.write_text(reduce(lambda text, change: text.replace(*change), changes, HEAD + text))
    office.clock.move(seconds=2)


def decision(office, request):
    return before_effect(request, office.policies, office.directory, office.clock.now()).reason


def test_who_is_on_call_for_an_open_incident_is_approved_as_they_ask(office):
    burning(office)
    request = ask(office)
    assert request.state is State.APPROVED
    assert request.by_rule == "on call for orders-primary, INC-42 open"
    assert office.kinds() == ["requested", "approved"]
    assert office.queue.grants == [request.id]
    assert before_effect(request, office.policies, office.directory, office.clock.now()).reason is None
    assert [(each.asked, each.answered, each.by) for each in inputs_of(request).answers] == [
        ("on call for orders-primary", "1 person, the requester among them", "fake"),
        ("incident INC-42", "open", "fake"),
    ]


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda office: office.directory.on_call.clear(),
        lambda office: office.directory.on_call.update({"orders-primary": frozenset({EVE})}),
        lambda office: setattr(office.directory, "on_call_age", timedelta(minutes=2)),
        lambda office: office.incidents.open.update({"INC-42": False}),
        lambda office: office.incidents.open.clear(),
        lambda office: setattr(office.incidents, "gone", True),
    ],
    ids=["nothing known", "another on call", "old answer", "incident closed", "no such incident", "provider down"],
)
def test_people_decide_where_the_rule_does_not_hold_or_that_is_not_known(office, otherwise):
    burning(office)
    otherwise(office)
    request = ask(office)
    assert request.state is State.PENDING
    assert [need.label for need in request.needs] == ["dba"]
    assert office.approve(request, BOB).state is State.APPROVED


def withdrawn(office, request, by=ALICE):
    return office.use_cases.withdraw(actor(by), request.id)


def test_a_rule_decides_by_itself_no_more_often_and_no_longer_than_it_may(office):
    burning(office)
    states = []
    for duration in ("3h", "2h", "30m", "30m"):
        request = ask(office, duration=duration)
        states.append(request.state)
        withdrawn(office, request)
    assert states == [State.PENDING, State.APPROVED, State.APPROVED, State.PENDING]
    office.clock.move(days=1, seconds=1)
    assert ask(office).state is State.APPROVED


@pytest.mark.parametrize(
    ("otherwise", "reason"),
    [
        (lambda office: office.directory.on_call.update({"orders-primary": frozenset()}), RefusalReason.CONDITION_GONE),
        (lambda office: office.directory.on_call.clear(), RefusalReason.CONDITION_UNKNOWN),
        (
            lambda office: rules(office, ON_CALL_RULE.replace("&& incident.open", "&& incident.severity == 1")),
            RefusalReason.RULES_CHANGED,
        ),
        (lambda office: rules(office, "      - all_of: [{from: [group:dba]}]\n"), RefusalReason.RULES_CHANGED),
        (lambda office: office.directory.change(ALICE, deleted=True), RefusalReason.NOT_ALLOWED_TO_ASK),
    ],
    ids=["rotated", "not known", "condition changed", "rule gone", "account gone"],
)
def test_what_a_rule_decided_is_weighed_again_before_the_effect(office, otherwise, reason):
    burning(office)
    request = ask(office)
    otherwise(office)
    assert before_effect(request, office.policies, office.directory, office.clock.now()).reason is reason


@pytest.mark.parametrize(
    "leave",
    [
        lambda office: office.directory.members.update(S0ONCALL1=frozenset({EVE})),
        lambda office: rules(office, BY_GROUP, ("experts: [slack:S0ONCALL1]", "experts: [U04EVE000]")),
    ],
    ids=["in Slack", "in the rules"],
)
def test_who_leaves_the_group_by_which_a_rule_decided_alone_is_given_nothing(office, leave):
    """Nobody looked who was in it after the press."""
    office.directory.members["S0ONCALL1"] = frozenset({ALICE})
    rules(office, BY_GROUP)
    request = ask(office)
    assert decision(office, request) is None
    leave(office)
    assert decision(office, request) is RefusalReason.CONDITION_GONE
    office.directory.groups_age = timedelta(minutes=1)
    assert decision(office, request) is not None


@pytest.mark.parametrize(
    "forged",
    [
        {"requester": EVE},
        {"duration": timedelta(minutes=5)},
        {"reason": "a reason that people never saw"},
        {"incident": IncidentInputs("INC-7", known=True, open=True)},
        {"access": "orders-db/other"},
        {"risk": "low"},
        {"now": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_a_rule_decides_nothing_by_what_was_read_for_another_request(office, forged):
    """Written with the bot's login: asked for 30 minutes, and read as if for five."""
    burning(office)
    request = ask(office)
    other = replace(request, inputs=replace(inputs_of(request), **forged).to_json())
    assert decision(office, other) is RefusalReason.RULES_CHANGED


def test_asking_for_people_a_thousand_times_does_not_wind_the_limit_of_a_rule_back(office, monkeypatch):
    """Only the newest requests were counted."""
    monkeypatch.setattr("jit.use_cases.inputs.MOST_READ", 6)
    burning(office)
    for _ in range(2):
        withdrawn(office, ask(office))
    for _ in range(6):
        request = ask(office)
        assert request.state is State.PENDING
        withdrawn(office, request)


def test_a_second_account_does_not_double_what_a_rule_decides_for_one_person(office):
    rules(office, "      - {automatic: true, limits: {per_person: 1}}\n      - all_of: [{from: [group:dba]}]\n", *TWICE)
    office.directory.people[ALICE_TOO] = Person(id=ALICE_TOO, team=WORKSPACE, name="alice2")
    withdrawn(office, ask(office))
    assert ask(office, by=ALICE_TOO).state is State.PENDING


@pytest.mark.parametrize("different", ["", "different_people: true, "])
def test_two_accounts_of_one_approver_count_once(office, different):
    text = f"      - {{{different}denials_needed: 2, all_of: [{{from: [group:dba, U09BOBTOO], count: 2}}]}}\n"
    rules(
        office,
        text,
        ("  U04EVE000:", "  U02BOB000: {icalendar: bob}\n  U09BOBTOO: {icalendar: Bob}\n  U04EVE000:"),
    )
    office.directory.people["U09BOBTOO"] = Person(id="U09BOBTOO", team=WORKSPACE, name="bob2")
    request = ask(office)
    office.approve(request, BOB)
    with suppress(Refusal):
        office.approve(request, "U09BOBTOO")
    assert office.request(request.id).state is State.PENDING
    for person in (BOB, "U09BOBTOO"):
        with suppress(Refusal):
            office.use_cases.deny(actor(person), request.id, request.digest, "not now, wait")
    assert office.request(request.id).state is State.PENDING
    office.approve(request, CAROL)
    assert office.approve(request, BOB).state is State.APPROVED


def test_a_chain_of_accounts_is_one_person(office):
    """She shares a name with the second, and the second with the third."""
    names = (
        "U01ALICE0: {fake: alice}",
        (
            "U01ALICE0: {fake: alice, icalendar: alice}\n"
            "  U09ALICE2: {icalendar: Alice, pagerduty: P1}\n"
            "  U02BOB000: {pagerduty: P1}"
        ),
    )
    rules(
        office,
        "      - all_of: [{from: [group:dba]}]\n",
        names,
        ("calendars:", "incidents: {kind: pagerduty, token: env:PD_TOKEN}\ncalendars:"),
    )
    request = ask(office)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, BOB), about=request)


def test_while_somebody_on_call_is_nobody_we_know_a_rule_that_denies_those_on_call_lets_nobody_in(office):
    """Whoever edits the calendar writes her name there in another way."""
    rules(office, "      - automatic: true\n", ("    approve:", '    deny: ["oncall:orders-primary"]\n    approve:'))
    office.directory.on_call = {"orders-primary": frozenset({EVE})}
    request = ask(office)
    assert decision(office, request) is None
    office.directory.unbound = 1
    assert decision(office, request) is RefusalReason.STALE_GROUPS
    withdrawn(office, request)
    office.refused(RefusalReason.STALE_GROUPS, lambda: ask(office))


def test_a_press_of_the_first_stage_is_answered_while_nobody_knows_who_is_on_call_for_the_second(office):
    rules(office, "      - stages: [{all_of: [{from: [group:dba]}]}, {all_of: [{from: [oncall:orders-primary]}]}]\n")
    office.directory.on_call = {"orders-primary": frozenset({EVE})}
    request = ask(office)
    office.directory.on_call_age = timedelta(minutes=5)
    office.refused(RefusalReason.STALE_GROUPS, lambda: office.approve(request, BOB), about=request)


def test_where_it_cannot_be_told_which_people_decide_all_of_them_do(office):
    rules(
        office,
        """
      - name: while it burns
        when: incident.open
        all_of: [{from: [group:security]}]
      - all_of: [{from: [group:dba]}]
""",
    )
    office.incidents.gone = True
    request = ask(office)
    assert [need.label for need in request.needs] == ["security", "dba"]
    assert office.approve(request, BOB).state is State.PENDING
    assert office.approve(request, SAM).state is State.APPROVED


def test_where_no_rule_holds_nobody_is_asked(office):
    rules(office, "      - {when: incident.open, automatic: true}\n")
    office.incidents.open = {"INC-42": False}
    office.refused(RefusalReason.NO_RULE, lambda: ask(office))


def test_the_people_of_a_stage_are_asked_once_the_one_before_is_complete(office):
    rules(office, "      - stages: [{all_of: [{from: [group:dba]}]}, {all_of: [{from: [U05SAM000]}]}]\n")
    request = ask(office)
    office.refused(RefusalReason.NOT_YET, lambda: office.approve(request, SAM), about=request)
    assert office.approve(request, BOB).state is State.PENDING
    assert office.approve(request, SAM).state is State.APPROVED


def test_one_person_fills_one_place_where_different_people_are_wanted(office):
    rules(
        office,
        """
      - different_people: true
        all_of: [{from: [group:dba]}, {from: [group:security]}]
""",
    )
    request = ask(office)
    assert office.approve(request, CAROL).state is State.PENDING
    assert office.approve(request, BOB).state is State.APPROVED
    assert {(each.approver, each.quorum) for each in office.request(request.id).counted} == {
        (BOB, "dba"),
        (CAROL, "security"),
    }


def test_enough_of_one_group_do_not_stand_for_another(office):
    rules(
        office,
        """
      - different_people: true
        all_of: [{from: [group:dba], count: 2}, {from: [U05SAM000]}]
""",
    )
    request = ask(office)
    office.approve(request, BOB)
    office.approve(request, CAROL)
    assert office.request(request.id).state is State.PENDING
    assert office.approve(request, SAM).state is State.APPROVED


def test_critical_wants_different_people_unless_said(office):
    office.policy_file.write_text(
        HEAD.replace("    grants:", "    risk: critical\n    grants:")
        + "      - all_of: [{from: [group:dba]}, {from: [group:security]}]\n"
    )
    office.clock.move(seconds=2)
    request = ask(office)
    assert request.different_people
    assert office.approve(request, CAROL).state is State.PENDING


def test_a_no_takes_back_the_yes_and_as_many_as_are_wanted_deny(office):
    rules(office, "      - {denials_needed: 2, all_of: [{from: [group:dba], count: 2}]}\n")
    request = ask(office)
    office.approve(request, BOB)
    after = office.use_cases.deny(actor(BOB), request.id, request.digest, "not now, wait")
    assert after.state is State.PENDING
    assert after.approvals == ()
    office.refused(
        RefusalReason.ALREADY_DENIED,
        lambda: office.use_cases.deny(actor(BOB), request.id, request.digest, "not now, wait"),
        about=after,
    )
    assert office.approve(request, CAROL).state is State.PENDING
    assert office.approve(request, BOB).state is State.APPROVED  # who thought again
    assert office.request(request.id).denials == ()


def test_the_last_no_that_is_wanted_denies(office):
    rules(office, "      - {denials_needed: 2, all_of: [{from: [group:dba], count: 2}]}\n")
    request = ask(office)
    office.use_cases.deny(actor(BOB), request.id, request.digest, "not now, wait")
    after = office.use_cases.deny(actor(CAROL), request.id, request.digest, "nor later on")
    assert after.state is State.DENIED
    assert office.kinds() == ["requested", "denial", "denied"]


def test_those_on_call_may_be_who_decides(office):
    rules(office, "      - all_of: [{from: [oncall:orders-primary]}]\n")
    office.directory.on_call = {"orders-primary": frozenset({EVE})}
    request = ask(office)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, BOB), about=request)
    office.directory.on_call_age = timedelta(minutes=5)
    office.refused(RefusalReason.STALE_GROUPS, lambda: office.approve(request, EVE), about=request)
    office.directory.on_call_age = timedelta(0)
    assert office.approve(request, EVE).state is State.APPROVED


def test_the_hour_chooses_the_rule(office):
    rules(
        office,
        """
      - {when: 'now.business_hours("office")', all_of: [{from: [group:dba]}]}
      - all_of: [{from: [group:dba], count: 2}]
""",
    )
    counts = []
    for hours in (0, 43, 5):  # it is Saturday afternoon: then Monday morning, and Monday afternoon
        office.clock.move(hours=hours)
        request = ask(office)
        counts.append(request.needs[0].count)
        withdrawn(office, request)
    assert counts == [2, 1, 1]
    office.clock.move(hours=3)
    assert ask(office).needs[0].count == 2


ALONE = [
    "      - all_of: [{from: [group:dba]}]\n",
    "      - stages: [{all_of: [{from: [group:dba]}]}, {all_of: [{from: [group:security]}]}]\n",
    "      - {denials_needed: 2, all_of: [{from: [group:dba], count: 2}]}\n",
    "      - {different_people: true, all_of: [{from: [group:dba]}, {from: [group:security]}]}\n",
    ON_CALL_RULE,
]
STEPS = ("approve", "deny", "withdraw", "release", "revoke", "ask", "effect")


@pytest.mark.parametrize("text", ALONE)
def test_no_order_of_their_own_presses_gives_a_requester_anything(tmp_path, text):
    """Carol is in every group, and asks."""
    head = HEAD.replace("  U01ALICE0: {fake: alice}", "  U01ALICE0: {fake: alice}\n  U03CAROL0: {fake: carol}")
    head = head.replace("engineering: [", "engineering: [U03CAROL0, ").replace(
        "security: [U03", "security: [U02BOB000, U03", 1
    )
    office = Office(tmp_path, rules=head.replace("  dba: [", "  dba: [U05SAM000, ") + text)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.sampled_from(STEPS), max_size=8))
    def play(steps):
        request = ask(office, by=CAROL)
        for step in steps:
            with suppress(Refusal):
                if step == "ask":
                    ask(office, by=CAROL)
                elif step == "effect":
                    now = office.request(request.id)
                    assert before_effect(now, office.policies, office.directory, office.clock.now()).reason is not None
                else:
                    office.acts(office.request(request.id), actor(CAROL))[step]()
            assert office.request(request.id).state in {State.PENDING, State.WITHDRAWN}
        for left in office.ledger.requests(Question(requester=CAROL, states=OPEN)):
            withdrawn(office, left, CAROL)
        office.clock.move(hours=1)

    play()
