"""Whatever the order of presses, escalations and absences: nobody decides for themselves, and more never means less."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jit.facts import Escalation, Quorum
from jit.people.away import Absence
from jit.people.person import NO_GROUPS, Person
from jit.policy.model import Channels, Rule
from jit.policy.policy import Policy
from jit.requests.accounts import one_of_each
from jit.testing import T0

PEOPLE = [f"U0PERSON{number}" for number in range(6)]
EMAILS = ["", "one@example.com", "ONE@example.com", "two@example.com"]

people = st.lists(st.sampled_from(PEOPLE), unique=True, max_size=6)
quorums = st.lists(
    st.builds(
        Quorum,
        label=st.sampled_from(["dba", "security"]),
        who=st.lists(st.sampled_from(PEOPLE), unique=True, min_size=1, max_size=4).map(tuple),
        count=st.integers(1, 3),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
escalations = st.builds(Escalation, after=st.just(T0 - T0), to=people.filter(bool).map(tuple))


@st.composite
def accounts(draw):
    """Of each id an account, some of them with one e-mail."""
    return {
        each: Person(id=each, team="T", name=each, email=draw(st.sampled_from(EMAILS))).seen_after(None)
        for each in PEOPLE
    }


def policy():
    return Policy(version="", channels=Channels("C", "C"), accesses={}, targets={})


def complete(rule, approvers, known, requester=PEOPLE[0]):
    """As `jit.requests.decision.evaluate` counts."""
    good = [each.id for each in one_of_each((known[each] for each in approvers), known[requester], policy())]
    return policy().evaluate(rule, good, requester, NO_GROUPS, T0).complete


@given(quorums, escalations, people, accounts(), st.booleans())
def test_no_accounts_of_the_requester_alone_decide_escalated_or_not(needs, escalation, approvers, known, different):
    theirs = [each for each in approvers if known[each].is_also(known[PEOPLE[0]])]
    rule = Rule(needs, different_people=different, escalation=escalation)
    assert not complete(rule, theirs, known)
    assert not complete(rule.escalated(), theirs, known)


@given(quorums, people, accounts())
def test_two_accounts_of_one_person_decide_nothing_that_one_of_them_would_not(needs, approvers, known):
    rule = Rule(needs)
    if complete(rule, approvers, known):
        one_each = one_of_each((known[each] for each in approvers), known[PEOPLE[0]], policy())
        assert len(one_each) >= max(need.count for need in needs)
        for one, other in itertools.combinations(one_each, 2):
            assert not one.is_also(other)


@given(quorums, escalations, people, st.sampled_from(PEOPLE))
def test_an_approval_more_never_takes_a_decision_away(needs, escalation, approvers, more):
    known = {each: Person(id=each, team="T", name=each) for each in PEOPLE}
    for rule in (Rule(needs, escalation=escalation), Rule(needs, escalation=escalation).escalated()):
        if complete(rule, approvers, known):
            assert complete(rule, [*approvers, more], known)


@given(quorums, escalations, people)
def test_an_escalation_lets_nobody_decide_whom_the_rules_do_not_name(needs, escalation, approvers):
    known = {each: Person(id=each, team="T", name=each) for each in PEOPLE}
    named = {who for need in needs for who in need.who} | set(escalation.to)
    rule = Rule(needs, escalation=escalation).escalated()
    outsiders = [each for each in approvers if each not in named]
    assert not complete(rule, outsiders, known)
    assert [(need.count, need.stage) for need in rule.quorums] == [(need.count, need.stage) for need in needs]


@given(people, people, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_a_substitute_is_always_one_of_those_who_are_asked_anyway(who, meant, person, substitute):
    absence = Absence(person, substitute, T0)
    assert not absence.covers(who, meant) or {person, substitute} <= set(meant)


@given(st.lists(st.sampled_from(EMAILS), min_size=1, max_size=6))
def test_what_was_seen_first_stays_whatever_is_seen_later(emails):
    seen = None
    for email in emails:
        seen = replace(Person(id=PEOPLE[0], team="T", name="x"), email=email).seen_after(seen)
    first = next((each for each in emails if each), "")
    last = next((each for each in reversed(emails) if each), "")
    assert seen.first_email == first
    assert seen.email_changed == (first.casefold() != last.casefold())
