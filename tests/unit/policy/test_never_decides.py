"""Rules that can never decide, as `jit policy check` finds them, and ordinary ones, which it must leave alone."""

from datetime import UTC, datetime, time, timedelta
from random import Random  # noqa: TID251  seeded

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.policy import load_policy
from jit.policy.calendars import Calendar
from jit.policy.conditions import Holds, IncidentInputs, Inputs, compile_condition
from jit.policy.files.check import check_folder
from jit.policy.grid import grid_of
from jit.policy.model import Rule
from jit.policy.trial import Effort, try_rules
from jit.policy.words import WORDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = """
channels: {audit: C0AUDIT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0, U06DAN000]
  leads: [U02BOB000]
  security: [U03CAROL0, U07SUE000]
  engineering: [slack:S0ENGIN01]
  sre: [slack:S0SRE0001, U06DAN000]
  empty: []
people:
  U01ALICE0: {postgres: alice, pagerduty: PT23IWX}
targets:
  orders-db: {kind: postgres, owner: group:dba, dsn: env:ORDERS_DB_ADMIN_DSN}
calendars:
  office: {zone: Europe/Berlin, hours: "08:00-19:10", country: DE, subdivision: BE}
  night: {zone: America/New_York, hours: "22:00-24:00"}
schedules:
  orders-primary: {kind: pagerduty, schedule: PI7DH85, token: env:PD_TOKEN}
  unbound: {kind: icalendar, url: "https://example.org/a.ics"}
  by-mail: {kind: icalendar, url: "https://example.org/b.ics", by_email: true}
"""
INCIDENTS = "incidents: {kind: pagerduty, token: env:PD_TOKEN, prefix: INC-, services: {orders: PIJ90N7}}\n"
ACCESS = """
access:
  orders-db/read:
    describe: Read every table of orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    labels: {team: orders}
"""
ASKED = "    request: [group:engineering]\n"
PEOPLE = "      - all_of: [{from: [group:dba]}]\n"
NEVER = "no request for this can be like that"


def when(condition, decides="all_of: [{from: [group:dba]}]"):
    return f"      - when: '{condition}'\n        {decides}\n"


def checked(folder, approve, *, more="", head=HEAD + INCIDENTS, asked=ASKED):
    (folder / "a.policy.yml").write_text(f"{head}{ACCESS}{asked}{more}    approve:\n{approve}")
    return check_folder(folder)


def mistakes(folder, approve, **how):
    return [str(each).split(" ", 1)[1] for each in checked(folder, approve, **how).mistakes]


NEVER_MET = (
    ("false", NEVER),
    ("incident.open && !incident.open", NEVER),
    ("!incident.given && incident.open", NEVER),
    ('duration > duration("10h")', NEVER),
    ('duration > duration("8h")', NEVER),
    ('duration < duration("1s")', NEVER),
    ('duration("8h") < duration', NEVER),
    ('duration > duration("1h") && duration < duration("61m") && duration == duration("2h")', NEVER),
    ('now.hour("Europe/Berlin") >= 25', NEVER),
    ('now.hour("Europe/Berlin") >= 22 && now.hour("Europe/Berlin") < 6', NEVER),
    ('now.hour("UTC") == 12 && now.hour("Asia/Tokyo") == 12', NEVER),
    ("incident.open && incident.severity > 5", NEVER),
    ("incident.open && incident.severity < 1", NEVER),
    ("incident.severity in [6, 7]", NEVER),
    ("incident.open && !incident.known", NEVER),
    ('now.weekday("Europe/Berlin") == "monday" && now.weekday("Europe/Berlin") == "tuesday"', NEVER),
    ('now.holiday("office") && now.business_hours("office")', NEVER),
    ('now.holiday("night")', NEVER),
    ('now.business_hours("office") && now.business_hours("night")', NEVER),
    ('now.business_hours("office") && now.hour("Europe/Berlin") == 20', NEVER),
    ("size(reason) > 5000", NEVER),
    ("reason.size() > 2000", NEVER),
    ('reason == ""', NEVER),
    ("history.grants(7) < 0", NEVER),
    ("history.grants(7) > 3 && history.grants(30) < 2", NEVER),
    ('access.risk == "critical"', NEVER),
    ('access.name == "orders-db/write"', NEVER),
    ('access.target == "billing-db"', NEVER),
    ('access.labels["team"] == "billing"', NEVER),
    ('access.labels["tier"] == "1"', "it reads a label that is not there"),
    ('"empty" in requester.groups', NEVER),
    ('requester.on_call("unbound")', "people: gives nobody who may ask a name with icalendar"),
    ('requester.on_call("unbound") && incident.open', "people: gives nobody who may ask a name with icalendar"),
)


@pytest.mark.parametrize(("condition", "because"), NEVER_MET)
def test_a_condition_that_no_request_can_meet_is_a_mistake_with_its_line(tmp_path, condition, because):
    found = checked(tmp_path, when(condition) + PEOPLE)
    [mistake] = found.mistakes
    assert mistake.field == "access.orders-db/read.approve[0].when"
    assert "when: " in (tmp_path / "a.policy.yml").read_text().splitlines()[mistake.line - 1]
    assert mistake.problem == f"is never met: {because}"


CANNOT_BE = (
    ('requester.id == "alice"', "alice is no Slack id, which is written like U01ALICE0"),
    ('requester.zone != "Europe/Berlinn"', 'no time zone is called Europe/Berlinn; did you mean "Europe/Berlin"?'),
    ('incident.service == "ordres"', 'incidents: has no service called ordres; did you mean "orders"?'),
    ('incident.service == "PIJ90N7"', "incidents: has no service called PIJ90N7"),
)


@pytest.mark.parametrize(("condition", "said"), CANNOT_BE)
def test_a_text_that_a_word_can_never_be_is_a_mistake_though_the_rest_can_be_met(tmp_path, condition, said):
    [found] = mistakes(tmp_path, when(f"incident.given || {condition}") + PEOPLE)
    assert found == f"access.orders-db/read.approve[0].when: {said}"


def test_an_incident_that_nobody_can_look_up_is_never_open(tmp_path):
    [found] = mistakes(tmp_path, when("incident.open") + PEOPLE, head=HEAD)
    assert "is never met: there is no incidents: section, so no incident is known" in found
    assert mistakes(tmp_path, when("incident.given && !incident.open || !incident.given") + PEOPLE, head=HEAD) == []


def test_an_access_that_wants_an_incident_is_never_asked_for_without(tmp_path):
    asked = {"more": "    incident: '(INC|CHG)-\\d+'\n"}
    [found] = mistakes(tmp_path, when("!incident.given") + PEOPLE, **asked)
    assert "is never met" in found
    assert mistakes(tmp_path, when('incident.id.startsWith("CHG-")') + PEOPLE, **asked) == []


def test_whoever_may_not_ask_meets_nothing(tmp_path):
    asked = "    request: [U01ALICE0, group:security]\n"
    for condition in ('requester.id == "U02BOB000"', '"leads" in requester.groups'):
        [found] = mistakes(tmp_path, when(condition) + PEOPLE, asked=asked)
        assert "is never met" in found, condition
    for condition in ('requester.id == "U01ALICE0"', '"security" in requester.groups', '"sre" in requester.groups'):
        assert mistakes(tmp_path, when(condition) + PEOPLE, asked=asked) == [], condition


def test_a_limit_under_which_its_own_condition_never_holds_is_a_mistake(tmp_path):
    rule = when('duration > duration("2h")', "automatic: true\n        limits: {max_duration: 1h}")
    [found] = mistakes(tmp_path, rule + PEOPLE)
    assert found.startswith("access.orders-db/read.approve[0].limits.max_duration: is never met: its condition holds")


def test_time_that_is_added_is_looked_at_as_such(tmp_path):
    extend = "    extend:\n      each: 1h\n      ceiling: 12h\n      approve:\n"
    rules = when('duration > duration("2h")') + PEOPLE
    [found] = mistakes(tmp_path, PEOPLE, more=extend + "".join(f"    {line}\n" for line in rules.splitlines()))
    assert found.startswith("access.orders-db/read.extend.approve[0].when: is never met")


def two(first, second):
    return when(first) + when(second) + PEOPLE


AUTOMATIC = "automatic: true\n        limits: {max_duration: 8h}"
REACHED_BY_NONE = (
    (when("true") + PEOPLE, 1),
    (when('duration <= duration("8h")') + PEOPLE, 1),
    (two('duration <= duration("4h")', 'duration <= duration("2h")'), 1),
    (two('duration <= duration("2h")', 'duration <= duration("120m")'), 1),
    (two('duration <= duration("2h")', 'duration("2h") >= duration'), 1),
    (two("incident.open && incident.severity <= 2", "incident.severity <= 2 && incident.open"), 1),
    (two("incident.open", "(incident.open)"), 1),
    (two("incident.open", "incident.open && incident.severity <= 2"), 1),
    (two("incident.open || incident.given", "incident.known"), 1),
    (two("incident.open", "!incident.open"), 2),
    (when('!requester.on_call("unbound")') + PEOPLE, 1),
    (when('has(access.labels.team) && access.labels.team == "orders"') + PEOPLE, 1),
    (two('now.hour("Europe/Berlin") < 12', 'now.hour("Europe/Berlin") >= 12'), 2),
    (two('"dba" in requester.groups', '"leads" in requester.groups'), 1),
    (two("size(reason) > 20", "size(reason) > 30"), 1),
    (two("history.grants(7) < 3", "history.grants(30) < 2"), 1),
    (f"      - {AUTOMATIC}\n{PEOPLE}", 1),
    (when("incident.open", "automatic: true") + when("incident.open && incident.severity == 1") + PEOPLE, 1),
    (when('duration <= duration("8h")', "automatic: true") + PEOPLE, 1),
)


@pytest.mark.parametrize(("approve", "number"), REACHED_BY_NONE)
def test_a_rule_behind_others_that_decide_all_that_it_would_is_a_mistake(tmp_path, approve, number):
    [found] = mistakes(tmp_path, approve)
    assert found.startswith(f"access.orders-db/read.approve[{number}]: is never reached: ")
    assert "rule 1" in found


def test_people_who_are_asked_when_nobody_can_say_what_burns_are_reached(tmp_path):
    rules = when("incident.open", "automatic: true") + when("!incident.open", "automatic: true") + PEOPLE
    assert mistakes(tmp_path, rules) == []


def test_a_rule_whose_limits_are_used_up_leaves_room_for_the_next(tmp_path):
    for limits in ("per_person: 2", "per_access: 5", "max_duration: 7h59m"):
        rule = f"      - automatic: true\n        limits: {{{limits}}}\n"
        assert mistakes(tmp_path, rule + PEOPLE) == [], limits


EVERYTHING = (
    'requester.on_call("orders-primary") && incident.open && incident.severity == 2 && incident.service == "orders"'
    ' && incident.id == "INC-42" && requester.responder && now.hour("Europe/Berlin") == 22'
    ' && now.weekday("UTC") == "friday" && duration == duration("1h") && size(reason) == 20 && history.grants(7) == 2'
    ' && "dba" in requester.groups && requester.zone == "Europe/Berlin" && !history.break_glass_open'
)
ORDINARY = (
    *(word.example for word in WORDS.values() if not word.name.startswith("access.") and "access." not in word.example),
    'duration <= duration("4h")',
    'duration == duration("90m")',
    'duration > duration("1h") && duration < duration("1h2s")',
    "duration.getHours() >= 2",
    'duration in [duration("1h"), duration("2h")]',
    'now.hour("Europe/Berlin") >= 22 || now.hour("Europe/Berlin") < 6',
    'now.hour("Asia/Kathmandu") == 5 && now.hour("UTC") == 0',
    'now.hour("America/New_York") == 3 && now.hour("Europe/Berlin") == 8',
    'now.hour("Europe/Berlin") % 7 == 6',
    'now.hour("Pacific/Kiritimati") == 23 && now.weekday("Pacific/Kiritimati") == "sunday"',
    'now.weekday("UTC") == "sunday" && now.weekday("Pacific/Kiritimati") == "monday"',
    '!now.business_hours("office") && now.weekday("Europe/Berlin") == "wednesday"',
    'now.holiday("office") && now.weekday("Europe/Berlin") == "tuesday"',
    'now.business_hours("office") && now.hour("Europe/Berlin") == 19',
    'now.business_hours("night") && now.hour("America/New_York") == 23',
    "incident.known && !incident.open",
    "incident.given && !incident.known",
    "incident.severity == 5",
    "incident.severity * 2 == 6",
    'incident.service == "PABCDEF"',
    'incident.service != "orders" && incident.open',
    'incident.id == "INC-42"',
    'incident.id.matches("^INC-[0-9]{3,}$")',
    'incident.id.startsWith("INC-") && incident.id.endsWith("9")',
    "requester.responder",
    'requester.on_call("by-mail")',
    'requester.on_call("orders-primary") && requester.on_call("by-mail")',
    '"sre" in requester.groups && !("dba" in requester.groups)',
    '"dba" in requester.groups && "security" in requester.groups',
    '!("dba" in requester.groups)',
    "size(requester.groups) > 0",
    'requester.id == "U01NOBODY"',
    'requester.id != "U01ALICE0"',
    'requester.id in ["U01ALICE0", "U02BOB000"] && "leads" in requester.groups',
    'requester.id.startsWith("U01")',
    'requester.zone.startsWith("Europe/")',
    'requester.zone != "Europe/Berlin" && requester.zone != "UTC"',
    "size(reason) >= 20 && size(reason) <= 20",
    "size(reason) == 2000",
    'reason.contains("migration") && size(reason) > 100',
    'reason.matches("CHG-[0-9]+")',
    'reason.startsWith("fix:") && reason.endsWith("please") && reason.contains("INC-")',
    'reason == "the usual"',
    "history.grants(7) >= 3",
    "history.grants(1) == 0 && history.grants(30) > 5",
    "history.break_glass_open",
    'has(access.labels.tier) ? access.labels.tier == "1" : duration < duration("1h")',
    'incident.given ? incident.open : duration <= duration("1h")',
    '(incident.given ? duration : duration) <= duration("1h")',
    'access.risk in ["low", "medium"] && size(reason) > 3',
    EVERYTHING,
    '(incident.given && incident.id.startsWith("INC-")) && (duration < duration("1h") || incident.open)',
)


@pytest.mark.parametrize("condition", ORDINARY)
def test_an_ordinary_condition_is_left_alone(tmp_path, condition):
    text = condition.replace("'", "''")
    found = checked(tmp_path, when(text) + PEOPLE)
    assert found.mistakes == ()
    assert found.notes == (), condition


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    (folder / "a.policy.yml").write_text(f"{HEAD}{INCIDENTS}{ACCESS}{ASKED}    approve:\n{PEOPLE}")
    return load_policy(folder)


def test_when_all_effort_is_spent_nothing_is_accused(policy):
    rules = [Rule((), compile_condition(text)) for text in ("false", 'duration > duration("9h")')]
    access = policy.accesses["orders-db/read"]
    grid = grid_of(policy, access, rules, timedelta(seconds=1), access.max_duration)
    assert not any(each.met for each in try_rules(rules, grid, Effort()).rules)
    assert all(each.met and each.reached for each in try_rules(rules, grid, Effort(0)).rules)


def test_what_cannot_all_be_tried_is_noted_and_no_mistake(tmp_path):
    found = checked(tmp_path, when('reason.matches("^x{50}$") && reason.matches("^y{50}$")') + PEOPLE)
    assert found.mistakes == ()
    assert any("was met by none of the requests that were tried" in note for note in found.notes)


LITERALS = {
    "duration": ['duration("30m")', 'duration("1h")', 'duration("4h")', 'duration("8h")', 'duration("9h")'],
    'now.hour("Europe/Berlin")': ["0", "6", "12", "22", "23", "24"],
    'now.weekday("UTC")': ['"monday"', '"saturday"'],
    "incident.severity": ["1", "2", "3", "5", "6"],
    "incident.service": ['"orders"', '"PABCDEF"', '""'],
    "requester.id": ['"U01ALICE0"', '"U02BOB000"', '"U01NOBODY"'],
    "history.grants(7)": ["0", "1", "3"],
    "history.grants(30)": ["0", "2", "5"],
    "size(reason)": ["0", "1", "20", "2000", "2001"],
}
YES_NO = (
    "incident.open",
    "incident.known",
    "incident.given",
    'requester.on_call("orders-primary")',
    'now.business_hours("office")',
    '"dba" in requester.groups',
    '"sre" in requester.groups',
)


OFFICE = Calendar("Europe/Berlin", begin=time(8), end=time(19, 10), country="DE", subdivision="BE")


def atoms():
    compared = st.sampled_from(sorted(LITERALS)).flatmap(
        lambda word: st.tuples(
            st.just(word),
            st.sampled_from(["==", "!="] if "day" in word or "service" in word or "id" in word else ["==", "<", ">="]),
            st.sampled_from(LITERALS[word]),
        ).map(" ".join)
    )
    return st.one_of(compared, st.sampled_from(YES_NO), st.sampled_from(YES_NO).map("!({})".format))


CONDITIONS = st.recursive(
    atoms(),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda each: f"({' '.join(each)})"),
    max_leaves=5,
)


def some_inputs(chance, policy):
    """A request as there may be one."""
    known = chance.random() < 0.8
    incident = IncidentInputs(
        "INC-42",
        known=known,
        open=known and chance.random() < 0.7 if known else None,
        severity=chance.randint(1, 5) if known else None,
        service=chance.choice(["orders", "PABCDEF", "P999999", ""]) if known else None,
        responder=False if known else None,
    )
    person = chance.choice(["U01ALICE0", "U02BOB000", "U01NOBODY", "U06DAN000", "U09OTHER0"])
    groups = {"U02BOB000": {"dba", "leads"}, "U06DAN000": {"dba", "sre"}}.get(person, set())
    by_day = [0] * 30
    for _ in range(chance.randint(0, 6)):
        by_day[chance.randrange(30)] += 1
    return Inputs(
        requester=person,
        groups=tuple(sorted(groups | ({"sre"} if chance.random() < 0.3 else set()))),
        access="orders-db/read",
        target="orders-db",
        risk="medium",
        labels={"team": "orders"},
        duration=timedelta(minutes=chance.choice([1, 30, 45, 60, 200, 240, 300, 479, 480])),
        reason="x" * chance.choice([1, 5, 20, 21, 2000]),
        now=NOW + timedelta(minutes=chance.randint(0, 60 * 24 * 365)),
        on_call={"orders-primary": chance.random() < 0.5},
        incident=incident if chance.random() < 0.8 else None,
        grants_by_day=tuple(by_day),
        break_glass_open=chance.random() < 0.3,
    )


@given(first=CONDITIONS, second=CONDITIONS, seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_rule_is_accused_that_some_request_meets(policy, first, second, seed):
    names = {"schedules": policy.schedules, "groups": policy.groups}
    rules = [Rule((), compile_condition(text, calendars={"office": OFFICE}, **names)) for text in (first, second)]
    access = policy.accesses["orders-db/read"]
    grid = grid_of(policy, access, rules, timedelta(seconds=1), access.max_duration)
    trial = try_rules(rules, grid, Effort())
    chance = Random(seed)
    for _ in range(60):
        inputs = some_inputs(chance, policy)
        verdicts = [rule.when.holds(inputs) is Holds.YES for rule in rules]
        for number, verdict in enumerate(verdicts):
            if verdict and not trial.rules[number].met:
                assert not trial.rules[number].sure, (rules[number].when.text, inputs)
        if verdicts[1] and not verdicts[0] and not trial.rules[1].reached:
            assert not trial.rules[1].sure, inputs
        if not any(verdicts):
            assert trial.passed_through, inputs
