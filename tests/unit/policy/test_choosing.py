"""Whatever the rules are and whatever is known: knowing less opens nothing, and nobody fills two places."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from jit.facts import Quorum
from jit.policy import Access, Rule
from jit.policy.choosing import choose
from jit.policy.conditions import Inputs, compile_condition
from jit.policy.model import Limits, QuorumStatus
from jit.policy.quorums import assigned
from tests.world.conditions import CALENDARS, INPUTS, SCHEDULES

PEOPLE = ["U01ALICE0", "U02BOB000", "U03CAROL0", "U04EVE000", "U05SAM000"]
GROUPS = ["dba", "security", "sre"]
CONDITIONS = [
    "incident.open",
    "!incident.open",
    "incident.severity <= 2",
    'requester.on_call("orders-primary")',
    'requester.on_call("orders-primary") && incident.open',
    'requester.on_call("sre-primary") || requester.responder',
    "history.grants(7) < 3",
    'requester.zone == "Europe/Berlin"',
    'now.business_hours("office")',
    "duration <= duration('1h')".replace("'", '"'),
    "!history.break_glass_open",
]


@cache
def condition(text):
    return compile_condition(text, schedules=SCHEDULES, calendars=CALENDARS)


def quorum_of(group, count, stage=1):
    return Quorum(label=group, who=(f"group:{group}",), count=count, stage=stage)


when = st.none() | st.sampled_from(CONDITIONS).map(condition)
quorums = st.lists(st.builds(quorum_of, st.sampled_from(GROUPS), st.integers(1, 3)), min_size=1, max_size=3).map(tuple)
by_people = st.builds(Rule, quorums, when=when, different_people=st.booleans())
limits = st.builds(
    Limits, per_person=st.none() | st.integers(1, 3), max_duration=st.none() | st.just(timedelta(minutes=30))
)
by_itself = st.builds(Rule, st.just(()), when=when, automatic=limits)
accesses = st.lists(by_people | by_itself, min_size=1, max_size=4).map(
    lambda rules: Access("db/read", "Read", "db", ("read",), timedelta(hours=8), "C0", ("group:x",), tuple(rules))
)
inputs = st.builds(
    lambda **told: replace(INPUTS, **told),
    on_call=st.fixed_dictionaries({name: st.none() | st.booleans() for name in SCHEDULES}),
    duration=st.sampled_from([timedelta(minutes=30), timedelta(hours=2)]),
    automatic_for_person=st.integers(0, 3),
    grants_by_day=st.sampled_from([None, (0,) * 90, (5,) + (0,) * 89]),
    break_glass_open=st.none() | st.booleans(),
    incident=st.builds(
        lambda **told: replace(INPUTS.incident, **told),
        known=st.none() | st.booleans(),
        open=st.booleans(),
        responder=st.none() | st.booleans(),
        severity=st.none() | st.integers(1, 5),
    ),
)
FORGOTTEN = {
    "incident": lambda told: replace(told, incident=replace(told.incident, known=None)),
    "on call": lambda told: replace(told, on_call=dict.fromkeys(told.on_call)),
    "history": lambda told: replace(told, grants_by_day=None, break_glass_open=None),
    "zone": lambda told: replace(told, zone=None),
}


def covers(wanted: Rule, other: Rule) -> bool:
    """Whether everybody whom ``other`` wants is wanted by ``wanted``, as many of them at least."""
    left = sorted(wanted.quorums, key=lambda quorum: -quorum.count)
    for quorum in sorted(other.quorums, key=lambda quorum: -quorum.count):
        alike = [each for each in left if (each.who, each.stage) == (quorum.who, quorum.stage)]
        if not alike or alike[0].count < quorum.count:
            return False
        left.remove(alike[0])
    return True


@given(accesses, inputs, st.sets(st.sampled_from(sorted(FORGOTTEN))))
def test_knowing_less_never_opens_anything(access: Access, told: Inputs, forgotten):
    less = told
    for what in sorted(forgotten):
        less = FORGOTTEN[what](less)
    known, unknown = choose(access, told).rule, choose(access, less).rule
    if unknown is None:
        return
    if unknown.automatic is not None:
        assert known is not None
        assert known.automatic is not None
    elif known is not None and known.automatic is None:
        assert covers(unknown, known)
        assert unknown.different_people or not known.different_people


@given(accesses, inputs)
def test_a_rule_that_decides_by_itself_holds_and_is_within_its_limits(access: Access, told: Inputs):
    rule = choose(access, told).rule
    if rule is None or rule.automatic is None:
        return
    assert rule in access.rules
    assert rule.when is None or rule.when.holds(told)
    limit = rule.automatic
    assert limit.per_person is None or told.automatic_for_person < limit.per_person
    assert limit.max_duration is None or told.duration <= limit.max_duration


@given(accesses, inputs)
def test_what_was_recorded_chooses_the_same_rule_again(access: Access, told: Inputs):
    assert choose(access, Inputs.from_json(told.to_json())) == choose(access, told)


could = st.lists(st.sets(st.sampled_from(PEOPLE)), min_size=1, max_size=3)


@given(could, st.data())
def test_different_people_are_found_where_there_are_some_and_nobody_fills_two_places(sets, data):
    counts = [data.draw(st.integers(1, 2)) for _ in sets]
    rule = Rule(tuple(quorum_of(f"g{n}", count) for n, count in enumerate(counts)), different_people=True)
    parts = assigned(rule, sets)
    filled = [person for part in parts for person in part.counted]
    assert len(filled) == len(set(filled))
    for part, people in zip(parts, sets, strict=True):
        assert set(part.counted) <= people
        assert len(part.counted) <= part.quorum.count
    places = [people for people, count in zip(sets, counts, strict=True) for _ in range(count)]
    everybody = sorted(set().union(*sets))
    possible = len(everybody) >= len(places) and any(
        all(person in people for person, people in zip(order, places, strict=True))
        for order in permutations(everybody, len(places))
    )
    assert QuorumStatus(parts).complete is possible
