"""Conditions: refused in words when a policy is loaded, and yes, no or not known while deciding."""

import json
import zoneinfo
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pydantic
import pytest
import yaml
from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from jit.policy.calendars import Calendar
from jit.policy.conditions import BadCondition, Holds, Inputs, Unknown, compile_condition
from jit.policy.doctor import look_at_conditions
from jit.policy.expression import LONGEST, MOST_MATCHES
from jit.policy.words import WORDS
from tests.world.conditions import CALENDARS, INCIDENT, INPUTS, NO_INCIDENT, SCHEDULES

GROUPS = ("dba", "engineering", "contractors")
YES, NO = Holds.YES, Holds.NO


def condition(text):
    return compile_condition(text, schedules=SCHEDULES, calendars=CALENDARS, groups=GROUPS)


def refused(text):
    with pytest.raises(BadCondition) as found:
        condition(text)
    return found.value


@pytest.fixture
def no_time_zones(monkeypatch) -> Iterator[None]:
    """A slim image: neither the system has a database of time zones, nor is there a package with one."""

    def missing(*_):
        raise ModuleNotFoundError("tzdata")

    monkeypatch.setattr("importlib.resources.files", missing)
    monkeypatch.setattr("importlib.resources.open_binary", missing)
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


# What they answer


def test_conditions_as_people_write_them():
    cases = [
        ('requester.on_call("orders-primary") && incident.open', INPUTS, YES),
        ('requester.on_call("sre-primary") && incident.open', INPUTS, NO),
        ('requester.on_call("orders-primary") && incident.open', NO_INCIDENT, NO),
        ("requester.on_call('orders-primary')", INPUTS, YES),
        ('requester . on_call ( "orders-primary" )', INPUTS, YES),
        ('requester.on_call(\n  "orders-primary"\n)\n&& incident.open', INPUTS, YES),
        ('requester.id == "U01ALICE0"', INPUTS, YES),
        ('"dba" in requester.groups', INPUTS, YES),
        ('"contractors" in requester.groups', INPUTS, NO),
        ('!("contractors" in requester.groups)', INPUTS, YES),
        ("size(requester.groups) == 2", INPUTS, YES),
        ('access.name.startsWith("orders-db/") && access.risk in ["low", "medium"]', INPUTS, YES),
        ('access.labels["team"] == "orders" && access.labels.team == "orders"', INPUTS, YES),
        ("has(access.labels.tier) ? access.labels.tier == 'gold' : true", INPUTS, YES),
        ('"tier" in access.labels && access.labels["tier"] == "gold"', INPUTS, NO),
        ('duration <= duration("4h") && duration > duration("30m")', INPUTS, YES),
        ('duration < duration("1h")', INPUTS, NO),
        ("duration.getMinutes() == 60", INPUTS, YES),
        ('size(reason) >= 20 && reason.contains("written")', INPUTS, YES),
        (r'reason.matches("(?i)^orders .*\\bany\\b")', INPUTS, YES),
        (r'reason.matches(r"^\d+$")', INPUTS, NO),
        ("incident.severity <= 2", INPUTS, YES),
        ('incident.service == "orders" || incident.service == "billing"', INPUTS, YES),
        ('now.hour("Europe/Berlin") == 10 && now.hour("America/New_York") == 4', INPUTS, YES),
        ('now.weekday("Europe/Berlin") == "friday"', INPUTS, YES),
        ('now.business_hours("office") && !now.holiday("office")', INPUTS, YES),
        ("history.grants(7) < 2 && !history.break_glass_open", INPUTS, YES),
        ("1 < 2", INPUTS, YES),
        ("-1 < 0 && 7 / 2 == 3 && 7 % 2 == 1", INPUTS, YES),
        (" || ".join(["incident.open"] * 58), NO_INCIDENT, NO),
    ]
    assert [(text, said) for text, inputs, said in cases if condition(text).holds(inputs) is not said] == []


def test_an_error_that_is_a_truthy_value_is_no_yes():
    """CEL returns an error as a value whose text is truthy."""
    engine = cel.NewEnv(variables={"labels": cel.Type.Map(cel.Type.STRING, cel.Type.BOOL)})
    assert engine.compile('labels["x"]').eval(data={"labels": {}}).value()
    answer = condition('access.labels["tier"] == "gold"').holds(INPUTS)
    assert answer == Unknown("it reads a label that is not there")
    assert not answer


def test_an_error_that_is_raised_is_not_known():
    """Most errors are returned; some are raised, like that of a text which is not Unicode."""
    engine = cel.NewEnv(variables={"reason": cel.Type.STRING})
    with pytest.raises(RuntimeError):
        engine.compile('reason == "x"').eval(data={"reason": "\ud800"})
    assert condition('reason == "x"').holds(replace(INPUTS, reason="\ud800")) == Unknown("it could not be evaluated")


def test_a_budget_that_is_exceeded_is_raised_by_cel_and_cannot_be_reached():
    engine = cel.NewEnv(variables={"groups": cel.Type.List(cel.Type.STRING)})
    nested = engine.compile('groups.exists(a, groups.exists(b, b == "x"))')
    with pytest.raises(RuntimeError, match="budget"):
        nested.eval(data={"groups": ["group"] * 2000})
    assert "does not go through lists" in refused('requester.groups.exists(a, a == "x")').problem


def test_what_is_not_known_makes_no_difference_where_the_rest_decides():
    away = replace(INPUTS, on_call={"orders-primary": None})
    cases = [
        ('requester.on_call("orders-primary") || incident.open', YES),
        ('incident.open || requester.on_call("orders-primary")', YES),
        ('requester.on_call("orders-primary") && !incident.open', NO),
        ('requester.on_call("orders-primary") && incident.open', None),
        ('!requester.on_call("orders-primary")', None),
        ('requester.on_call("orders-primary") ? true : true', None),
        ('requester.on_call("orders-primary") == requester.on_call("orders-primary")', None),
    ]
    for text, said in cases:
        answer = condition(text).holds(away)
        assert answer is said or (said is None and isinstance(answer, Unknown)), text
    assert condition(cases[3][0]).holds(away) == Unknown('not known: requester.on_call("orders-primary")')
    assert condition(cases[3][0]).holds(replace(INPUTS, on_call={})) == condition(cases[3][0]).holds(away)


def test_only_a_yes_is_true():
    assert [bool(answer) for answer in (Holds.YES, Holds.NO, Unknown("why"))] == [True, False, False]


def test_a_value_of_another_type_is_not_known():
    """Python takes 1 for True, and CEL would take a text for true if it were asked."""
    for wrong in (1, "true", [True]):
        assert isinstance(condition('requester.on_call("orders-primary")').holds(
            replace(INPUTS, on_call={"orders-primary": wrong})
        ), Unknown), wrong  # fmt: skip
    huge = replace(INPUTS, incident=replace(INCIDENT, severity=2**70))
    assert isinstance(condition("incident.severity > 2").holds(huge), Unknown)


def test_a_calculation_that_fails_is_not_known():
    for text in ("7 / size(access.labels) == 7 % (size(access.labels) - 1)", "9223372036854775807 * 2 > 0"):
        assert condition(text).holds(INPUTS) == Unknown("it could not be evaluated"), text


def test_why_it_is_not_known_holds_nothing_that_somebody_wrote():
    told = replace(INPUTS, reason="my-secret", zone=None, labels={})
    for text in (
        'access.labels[reason] == "x"',
        'requester.groups[size(reason)] == "x"',
        "7 / size(access.labels) == 1",
    ):
        answer = condition(text).holds(told)
        assert isinstance(answer, Unknown)
        assert "secret" not in answer.why


def test_a_moment_without_a_zone_is_refused_and_not_taken_for_utc():
    with pytest.raises(ValueError, match="no zone"):
        replace(INPUTS, now=datetime(2026, 11, 27, 9))  # noqa: DTZ001


def test_hours_follow_daylight_saving():
    asked = condition('now.hour("Europe/Berlin") == 2')
    hours = [datetime(2026, 10, 24, 23, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)]
    assert [asked.holds(replace(INPUTS, now=hour)) for hour in hours] == [NO, YES, YES, NO]  # 1, 2, 2, 3
    hours = [datetime(2026, 3, 29, 0, tzinfo=UTC) + timedelta(hours=hour) for hour in range(3)]
    assert [asked.holds(replace(INPUTS, now=hour)) for hour in hours] == [NO, NO, NO]  # 1, 3, 4


def test_the_moment_counts_and_not_the_zone_that_it_is_written_in():
    asked = condition('now.hour("Asia/Kolkata") == 14 && now.weekday("Asia/Kolkata") == "friday"')
    for zone in ("UTC", "America/New_York", "Pacific/Auckland"):
        assert asked.holds(replace(INPUTS, now=INPUTS.now.astimezone(zoneinfo.ZoneInfo(zone)))) is YES, zone


def test_without_a_database_of_time_zones_hours_are_not_known(no_time_zones):
    calendar = CALENDARS["office"]
    asked = compile_condition('now.hour("Europe/Berlin") >= 0', calendars={"office": calendar})
    assert asked.holds(INPUTS) == Unknown('not known: now.hour("Europe/Berlin")')
    hours = compile_condition('now.business_hours("office")', calendars={"office": calendar})
    assert hours.holds(INPUTS) == Unknown('not known: now.business_hours("office")')


def test_the_doctor_says_when_time_zones_are_missing(no_time_zones):
    (line,) = look_at_conditions()
    assert line.ok is False
    assert 'now.hour("Europe/Berlin")' in line.what
    assert "tzdata" in line.remedy


def test_the_doctor_says_nothing_while_conditions_can_be_evaluated():
    assert [*look_at_conditions()] == []


def test_a_year_without_known_holidays_is_not_known():
    old = replace(INPUTS, now=datetime(1950, 12, 25, 12, tzinfo=UTC))
    assert condition('now.holiday("office")').holds(old) == Unknown('not known: now.holiday("office")')


# What has to be looked up


def test_what_has_to_be_looked_up_before_deciding_stands_in_the_text():
    cases = [
        ('requester.on_call("orders-primary") || requester.on_call("sre-primary")', {*SCHEDULES}, False, 0, False),
        ('reason == "requester.on_call(\\"sre-primary\\")"', set(), False, 0, False),
        ("incident.open", set(), True, 0, False),
        ("requester.responder", set(), True, 0, False),
        ('incident.given && incident.id != "INC-1"', set(), False, 0, False),
        ("incident\n.\nseverity < 2", set(), True, 0, False),
        ("history.grants(30) + 1 < 4".replace(" + 1", ""), set(), False, 30, False),
        ("history.grants(1) < 2 && history.grants(90) < 9", set(), False, 90, False),
        ('now.hour("UTC") > 3 || now.holiday("office")', set(), False, 0, True),
        ('duration < duration("1h")', set(), False, 0, False),
    ]
    for text, schedules, incident, days, time in cases:
        asked = condition(text)
        found = (asked.schedules, asked.asks_incident, asked.history_days, asked.reads_history, asked.reads_time)
        assert found == (schedules, incident, days, days > 0, time), text
    assert condition("history.break_glass_open").reads_history


def test_a_condition_is_told_in_one_line():
    text = '\n  requester.on_call("orders-primary")  &&\n\n   incident.open\n'
    assert condition(text).in_words == 'requester.on_call("orders-primary") && incident.open'
    assert condition('reason  == "a  b // c"').in_words == 'reason == "a  b // c"'


def test_a_comment_that_yaml_folds_over_the_next_line_takes_nothing_away():
    folded = yaml.safe_load(
        """
        when: >-
          incident.open  // declared by anybody
          && requester.on_call("orders-primary")
        """
    )["when"]
    assert "\n" not in folded
    assert "holds a comment" in refused(folded).problem


def test_conditions_are_alike_if_their_text_and_their_calendars_are():
    text = 'now.business_hours("office")'
    assert condition(text) == condition(text)
    moved = compile_condition(text, calendars={"office": Calendar("Asia/Tokyo")})
    assert moved != condition(text)
    assert len({condition(text), condition(text), moved}) == 2
    assert moved.holds(INPUTS) is NO


# What is refused


def test_what_is_wrong_is_said_with_the_nearest_word():
    cases = [
        ('requester.idd == "x"', "nothing is called requester.idd", "requester.id"),
        ('request.id == "x"', "nothing is called request.id", "requester.id"),
        ("incident.opened", "nothing is called incident.opened", "incident.open"),
        ("incidents.open", "nothing is called incidents.open", "incident.open"),
        ("raeson == 'x'", "nothing is called raeson", "reason"),
        ("quux", "nothing is called quux", None),
        ("requester", "requester alone says nothing; there is requester.id, requester.groups", None),
        ('requester["id"] == "x"', "requester alone says nothing", None),
        ('requester.on_call("order-primary")', "no schedule of the policy is called order-primary", "orders-primary"),
        ('requester.on_call("")', "no schedule of the policy is called ", None),
        ("requester.on_call(reason)", "wants the name of a schedule in quotes, as it stands", None),
        ("requester.on_call", "wants the name of a schedule in quotes", None),
        ('requester.on_call["orders-primary"]', "wants the name of a schedule in quotes", None),
        ('requester.on_call("orders-primary", 2)', "wants the name of a schedule in quotes", None),
        ('"x" in requester.on_call', "wants the name of a schedule in quotes", None),
        ('now.business_hours("offices")', "no calendar of the policy is called offices", "office"),
        ('now.holiday("Mars")', "no calendar of the policy is called Mars", None),
        ('now.hour("Mars/Base") > 1', "no time zone is called Mars/Base", None),
        ('now.hour("Europe/Berln") > 1', "no time zone is called Europe/Berln", "Europe/Berlin"),
        ('now.hour("../../etc/passwd") > 1', "no time zone is called ../../etc/passwd", None),
        ("now.hour(requester.zone) > 1", "wants a time zone in quotes", None),
        ("history.grants(0) < 1", "looks back 1 to 90 days", None),
        ("history.grants(91) < 1", "looks back 1 to 90 days", None),
        ("history.grants(07) < 1", "looks back 1 to 90 days", None),
        ("history.grants(1.5) < 1", "looks back 1 to 90 days", None),
        ("history.grants(-1) < 1", "wants a number of days, as it stands: history.grants(7)", None),
        ('history.grants("7") < 1', "wants a number of days, as it stands: history.grants(7)", None),
        ("incident.open()", "incident.open is written without parentheses", "incident.open"),
        ('!("dbas" in requester.groups)', "no group of the policy is called dbas", "dba"),
        ('now.weekday("UTC") != "Sunday"', 'none of what now.weekday("UTC") can be', "sunday"),
        ('now.weekday("UTC") in ["sunday", "Saturday"]', '"Saturday" is none of what', "saturday"),
        ('"hihg" == access.risk', '"hihg" is none of what access.risk can be', "high"),
        ('reason.lower() == "x"', "nothing can be asked with .lower(…)", None),
        ('reason.startswith("x")', "nothing can be asked with .startswith(…)", "startsWith"),
        ("reason.length == 3", "nothing is called .length", None),
        ("reason.size < 3", "nothing is called .size", "size"),
        ("access.labels.team.tier == 'gold'", "nothing is called .tier", None),
        ("has(access.risk)", "has asks whether there is a label", "has(access.labels.team)"),
        ('has(access.labels["team"])', "has asks whether there is a label", "has(access.labels.team)"),
        ('matches(reason, "x")', "matches stands behind the text", "reason.matches"),
        ("dyn(true)", "there is no function dyn", None),
        ('timestamp("2026-01-01T00:00:00Z").getHours("Mars/Base") == 1', "there is no function timestamp", None),
        ("on_call('orders-primary')", "there is no function on_call", "requester.on_call"),
        ("true and true", "and is written as a sign", "&&"),
        ("not true", "not is written as a sign", "!"),
        ("true & true", "stops making sense at & true", "&&"),
        ("reason = 'x'", "stops making sense at = 'x'", "=="),
        ("null == null", "nothing is called null", None),
        ('b"x" == b"x"', "nothing is called b", None),
    ]  # fmt: skip
    for text, problem, suggestion in cases:
        found = refused(text)
        assert problem in found.problem, (text, found.problem)
        assert found.suggestion == suggestion, (text, found.suggestion)
        assert found.problem in str(found)


def test_types_are_checked_when_a_policy_is_loaded():
    cases = [
        ('duration < "4h"', "< does not go with a length of time and a text", 'duration("4h")'),
        ("duration < 4", "< does not go with a length of time and a number", 'duration("4h")'),
        ("reason < 3", "< does not go with a text and a number", None),
        ("!reason", "! does not go with a text", None),
        ('requester.groups == "dba"', "== does not go with a list of texts and a text", None),
        ('access.labels == "orders"', "== does not go with texts by name and a text", None),
        ('"a" in reason', "in does not go with a text and a text", None),
        ('requester.groups.contains("dba")', "contains cannot be asked of a list of texts and a text", None),
        ("size(incident.severity) == 1", "size cannot be asked of a number", None),
        ("incident.open && incident.severity", "&& does not go with a yes or no and a number", None),
        ('requester.on_call("orders-primary") == "yes"', "== does not go with a yes or no and a text", None),
        ("incident.severity", "must be a yes or no, and is a number", None),
        ("reason", "must be a yes or no, and is a text", None),
        ("requester.groups", "must be a yes or no, and is a list of texts", None),
        ("1 - 1", "must be a yes or no, and is a number", None),
        ('incident.open ? "yes" : "no"', "must be a yes or no, and is a text", None),
        ("reason.contains() == true", "contains wants something else in its parentheses", None),
    ]
    for text, problem, suggestion in cases:
        found = refused(text)
        assert problem in found.problem, (text, found.problem)
        assert found.suggestion == suggestion, text


def test_a_mistake_that_cel_would_find_only_while_deciding_is_found_when_a_policy_is_loaded():
    cases = [
        ('duration < duration("4d")', '"4d" is no length of time', 'duration("1h30m")'),
        ("duration < duration(reason)", "duration wants a length of time in quotes", None),
        ('reason.matches("[")', "cannot be used as a regular expression", None),
        (r'reason.matches("(?=x)")', "cannot be used as a regular expression", None),
        (r'reason.matches("(a)\\1")', "cannot be used as a regular expression", None),
        ("reason.matches(reason)", "matches wants a regular expression in quotes", None),
        ('reason.matches("a".startsWith("b") ? "c" : "d")', "matches wants a regular expression in quotes", None),
    ]
    for text, problem, suggestion in cases:
        found = refused(text)
        assert problem in found.problem, (text, found.problem)
        assert found.suggestion == suggestion, text


def test_what_cannot_be_read_is_said_by_where_it_stops():
    cases = [
        ("", "says nothing"),
        ("  \n ", "says nothing"),
        ("// only a comment", "holds a comment"),
        ("true//x", "holds a comment"),
        ("incident.open &&", "ends too early"),
        ("(incident.open", "ends too early"),
        ("incident.open)", "stops making sense at )"),
        ("incident.open reason", "stops making sense at reason"),
        ("&& incident.open", "stops making sense at && incident.open"),
        ('reason == "x', "a text is not closed"),
        ('reason == "x\ny"', "a text is not closed"),
        (r'reason == "\q"', r'stops making sense at "\q"'),
        ('reason == """x"""', "two texts stand side by side"),
        ("reason == \N{LEFT DOUBLE QUOTATION MARK}x", "quotes are written like"),
        (".requester.id == 'x'", "stops making sense at .requester.id"),
        ("true == .incident.open", "stops making sense at .incident.open"),
        ("`requester.id` == 'x'", "stops making sense at `requester.id`"),
        ("{'a': 1}.a == 1", "stops making sense at {'a': 1}"),
        ("requester.\u200bid == 'x'", r"stops making sense at \u200bid"),
        ("reason == 'a\u202eb'", r"holds a letter that cannot be seen: 'a\u202eb'"),
        ("reason == '\x00'", r"cannot be seen: '\x00'"),
        ("99999999999999999999 > 1", "invalid int literal"),
        ("incident.severity + 1 > 2", "nothing is added up in a condition"),
        ("\ud800", r"stops making sense at \ud800"),
    ]
    for text, problem in cases:
        assert problem in refused(text).problem, (text, refused(text).problem)


# What is hostile


def test_what_could_take_long_or_grow_is_refused_when_a_policy_is_loaded():
    slow = 'reason.matches("x*y")'
    cases = [
        ("x" * (LONGEST + 1), "1,001 characters"),
        ("(" * 200 + "true" + ")" * 200, "goes too deep"),
        ("[" * 300, "goes too deep"),
        ("!(" * 100 + "true" + ")" * 100, "goes too deep"),
        (" - ".join(["1"] * 60) + " < 1", "goes too deep"),
        ("true ? true : " * 60 + "true", "goes too deep"),
        ("requester.groups.exists(a, requester.groups.exists(b, a == b))", "does not go through lists"),
        ('requester.groups.all(a, a == "x")', "does not go through lists"),
        ('requester.groups.exists_one(a, a == "x")', "does not go through lists"),
        ('requester.groups.filter(a, a == "x") == []', "does not go through lists"),
        ("[[1]].map(a, [a, a]).map(a, [a, a]) == []", "does not go through lists"),
        ("size(reason + reason + reason) > 1", "nothing is added up"),
        ("[reason] + [reason] == []", "nothing is added up"),
        (" || ".join([slow] * (MOST_MATCHES + 1)), f"{MOST_MATCHES} regular expressions at most"),
        ('reason.matches("(a{1000}){1000}")', "cannot be used as a regular expression"),
        ('reason.matches("(.?){999}z")', "cannot be used as a regular expression"),
        (f'reason.matches("{"x" * 201}")', "200 characters at most"),
        (r'reason.matches("(\\pL\\PL?){20}")', "cannot be used as a regular expression"),
    ]
    for text, problem in cases:
        assert problem in refused(text).problem, (text, refused(text).problem)


def test_a_regular_expression_that_would_backtrack_for_ever_answers():
    asked = condition('reason.matches("^(a+)+$") || reason.matches("(a|a)*b") || reason.matches("(a|aa)+c")')
    assert asked.holds(replace(INPUTS, reason="a" * 2000 + "!")) is NO


def test_the_longest_condition_over_the_longest_inputs_answers():
    crowded = replace(
        INPUTS,
        groups=tuple(f"group-{number}" for number in range(2000)),
        labels={f"label-{number}": "v" * 1000 for number in range(500)},
        reason="x y " * 500,
    )
    for part in ("requester.groups!=requester.groups", "access.labels!=access.labels", '"x"in requester.groups'):
        text = "||".join([part] * (LONGEST // (len(part) + 2)))
        assert compile_condition(text).holds(crowded) is NO, part


def test_threads_share_a_condition():
    asked = condition('requester.on_call("orders-primary") && now.business_hours("office")')
    others = replace(INPUTS, on_call={"orders-primary": False}), replace(INPUTS, on_call={})
    expected = {id(INPUTS): YES, id(others[0]): NO, id(others[1]): Unknown(f"not known: {asked.uses[0].spelled}")}
    with ThreadPoolExecutor(8) as threads:
        asked_with = [INPUTS, *others] * 500
        answers = threads.map(asked.holds, asked_with)
        assert all(answer == expected[id(inputs)] for inputs, answer in zip(asked_with, answers, strict=True))


# Inputs in the record


def test_inputs_are_the_same_from_the_record():
    for inputs in (
        INPUTS,
        NO_INCIDENT,
        replace(INPUTS, on_call={"orders-primary": None}, grants_by_day=None, zone=None),
    ):
        assert Inputs.from_json(inputs.to_json()) == inputs
    moment = replace(INPUTS, now=INPUTS.now.astimezone(zoneinfo.ZoneInfo("America/New_York")))
    assert condition('now.hour("UTC") == 9').holds(Inputs.from_json(moment.to_json())) is YES


def test_inputs_that_are_not_whole_are_not_taken_from_the_record():
    whole = json.loads(INPUTS.to_json())
    for broken in (
        {"now": "2026-11-27T09:00:00"},
        {"now": None},
        {"groups": "dba"},
        {"on_call": {"x": "yes"}},
        {"x": 1},
    ):
        with pytest.raises(pydantic.ValidationError):
            Inputs.from_json(json.dumps(whole | broken))
    with pytest.raises(pydantic.ValidationError):
        Inputs.from_json(json.dumps({key: value for key, value in whole.items() if key != "risk"}))


# Whatever is written, whatever is asked

ATOMS = (
    *(word.example for word in WORDS.values()),
    *(word.spelled for word in WORDS.values()),
    'requester.on_call("sre-primary")', "true", "false", "1", "0", '"x"', "[]", '["dba", reason]', "1.5",
    "size(reason)", 'duration("2h")', 'access.labels["tier"]', "requester.groups[5]", "history.grants(90)",
    'now.hour("UTC")',
)  # fmt: skip
JOINED = (
    "{} && {}", "{} || {}", "!({})", "!{}", "({})", "{} == {}", "{} != {}", "{} < {}", "{} >= {}", "{} in {}",
    "({}) ? ({}) : ({})", "{} - {}", "{} / {}", "{} % {}", "{} * {}", "-{}", "[{}, {}]", "{}[{}]", "size({})",
    "{}.contains({})", "{}.startsWith({})", '{}.matches("x+")', "{}.getHours()", "{}.exists(x, {})", "{} + {}",
)  # fmt: skip
YES_NO = tuple(
    text
    for text in (*(word.example for word in WORDS.values()), 'requester.on_call("sre-primary")', "true", "false",
                 'access.labels["tier"] == "gold"', 'requester.groups[1] == "dba"', "7 / size(access.labels) == 7")
)  # fmt: skip


LOGIC = ("({}) && ({})", "({}) || ({})", "!({})", "({}) ? ({}) : ({})")


def written(parts):
    """An expression, from its parts in reverse Polish order."""
    stack = ["true"]
    for part in parts:
        holes = part.count("{}")
        if holes <= len(stack):
            operands = stack[len(stack) - holes :]
            stack[len(stack) - holes :] = [part.format(*operands) if holes else part]
    return stack[-1]


def inputs_of(known, yes, number, now, reason):
    """Inputs of which each part is known or not, and yes or no, by a bit."""

    def part(place, value):
        return value if known >> place & 1 else None

    def answer(place):
        return part(place, bool(yes >> place & 1))

    incident = replace(
        INCIDENT, known=answer(0), open=answer(1), responder=answer(2),
        severity=part(3, number), service=part(4, "orders"),
    )  # fmt: skip
    return replace(
        INPUTS, now=now, reason=reason, grants_by_day=part(5, (number,) * 60), zone=part(6, "Europe/Berlin"),
        break_glass_open=answer(7), on_call={schedule: answer(place) for place, schedule in enumerate(SCHEDULES, 8)},
        labels=part(10, {"tier": "gold"}) or {}, groups=part(11, ("dba",)) or (), incident=part(12, incident),
        duration=timedelta(seconds=number % 10**6),
    )  # fmt: skip


EXPRESSIONS = st.lists(st.sampled_from(ATOMS + JOINED), max_size=12).map(written)
SENSIBLE = st.lists(st.sampled_from(YES_NO + LOGIC), max_size=12).map(written)
BITS = st.integers(0, 2**13 - 1)
MOMENTS = st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC)) | st.just(INPUTS.now)
ANYBODY = st.builds(
    inputs_of, BITS, BITS, st.integers(-(2**64), 2**64) | st.integers(0, 5), MOMENTS, st.text(max_size=9)
)


@given(EXPRESSIONS | SENSIBLE, ANYBODY)
def test_no_expression_and_no_inputs_make_it_raise(text, inputs):
    try:
        asked = condition(text)
    except BadCondition:
        return
    assert isinstance(asked.holds(inputs), Holds | Unknown)


@given(st.text(max_size=200) | st.text(alphabet="requestonid.()[]\"'&|!=<>:?, /\\\n17", max_size=80))
def test_no_text_makes_the_check_of_a_policy_fail(text):
    try:
        said = condition(text).in_words
    except BadCondition as bad:
        said = str(bad)
    assert said.isprintable()


def less_known(inputs: Inputs, left_out: frozenset[str]) -> Inputs:
    """The same, with some of it not known."""
    incident = inputs.incident and replace(
        inputs.incident,
        **{part: None for part in ("known", "open", "severity", "service", "responder") if part in left_out},
    )
    gone = {part: None for part in ("zone", "grants_by_day", "break_glass_open") if part in left_out}
    on_call = {schedule: said for schedule, said in inputs.on_call.items() if schedule not in left_out}
    return replace(inputs, incident=incident, on_call=on_call, **gone)


PARTS = ("known", "open", "severity", "service", "responder", "zone", "grants_by_day", "break_glass_open", *SCHEDULES)


@given(SENSIBLE, ANYBODY, st.frozensets(st.sampled_from(PARTS)))
def test_knowing_less_never_turns_an_answer_into_another(text, inputs, left_out):
    asked = condition(text)
    with_all, with_less = asked.holds(inputs), asked.holds(less_known(inputs, left_out))
    assert isinstance(with_less, Unknown) or with_less is with_all


@given(SENSIBLE, ANYBODY)
def test_what_need_not_be_looked_up_makes_no_difference(text, inputs):
    asked = condition(text)
    left_out = {*SCHEDULES} - asked.schedules
    if not asked.asks_incident:
        left_out |= {"known", "open", "severity", "service", "responder"}
    if not asked.reads_history:
        left_out |= {"grants_by_day", "break_glass_open"}
    assert asked.holds(less_known(inputs, frozenset(left_out))) == asked.holds(inputs)
    if not asked.reads_time:
        assert asked.holds(replace(inputs, now=INPUTS.now)) == asked.holds(inputs)
