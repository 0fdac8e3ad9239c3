from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.facts import Quorum
from jit.people.person import NO_GROUPS, Groups
from jit.policy import Access, Channels, Policy, Rule, StaleGroups
from jit.policy.conditions import IncidentInputs, compile_condition
from jit.policy.explain import Supposed, explain
from jit.policy.files.check import Checked
from jit.policy.model import BreakGlass, Limits

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
FRESH = Groups(NOW, {"S0ENGIN01": frozenset({"U01ALICE0", "U02BOB000", "U06MALLO"})})
STALE = Groups(NOW - timedelta(seconds=31), FRESH.members)
ALICE, BOB, CAROL, DAVE, MALLORY = "U01ALICE0", "U02BOB000", "U03CAROL0", "U05DAVE00", "U06MALLO"
GROUPS = {
    "dba": (BOB, CAROL),
    "security": (CAROL,),
    "engineering": ("slack:S0ENGIN01",),
    "contractors": (MALLORY,),
    "everybody": ("group:engineering", "group:dba"),
}


def quorum(count: int, label: str, *who: str) -> Quorum:
    return Quorum(label=label, who=who, count=count)


BOTH = Rule((quorum(1, "dba", "group:dba"), quorum(1, "security", "group:security")))


def access(name="db/read", request=("group:engineering",), deny=("group:contractors",), rule=BOTH):
    return Access(name, "Read", "db", ("read",), timedelta(hours=1), "C0ACCESS1", request, (rule,), deny)


def policy(*accesses, groups=GROUPS):
    return Policy(
        version="0",
        channels=Channels("C0AUDIT01", "C0AUDIT01"),
        accesses={each.name: each for each in accesses},
        targets={},
        security=("group:security",),
        groups=groups,
    )


READ = access()
POLICY = policy(READ, access("db/open", (ALICE,), ()), access("db/all", ("group:everybody",), ()))


def test_asking_and_deny_wins():
    assert POLICY.may_ask(READ, ALICE, FRESH, NOW)
    assert not POLICY.may_ask(READ, MALLORY, FRESH, NOW)
    assert not POLICY.may_ask(READ, DAVE, FRESH, NOW)


def test_the_list_holds_exactly_what_may_be_asked_for():
    for person in (ALICE, BOB, CAROL, DAVE, MALLORY):
        assert POLICY.askable(person, FRESH, NOW) == [
            each for each in POLICY.accesses.values() if POLICY.may_ask(each, person, FRESH, NOW)
        ], person


def test_a_new_snapshot_is_seen_at_once():
    assert POLICY.may_ask(READ, ALICE, FRESH, NOW)
    assert not POLICY.may_ask(READ, ALICE, Groups(NOW), NOW)


def test_a_snapshot_that_grew_old_decides_nothing():
    assert POLICY.may_ask(READ, ALICE, FRESH, NOW)
    with pytest.raises(StaleGroups, match="could not be read"):
        POLICY.may_ask(READ, ALICE, FRESH, NOW + timedelta(seconds=31))


@pytest.mark.parametrize("groups", [STALE, NO_GROUPS])
def test_stale_groups_matter_only_where_slack_is_asked(groups):
    assert POLICY.includes(("group:dba",), BOB, groups, NOW)
    assert POLICY.includes(("group:everybody",), BOB, groups, NOW)
    assert not POLICY.includes(("group:dba",), ALICE, groups, NOW)
    assert POLICY.is_security(CAROL, groups, NOW)
    assert POLICY.members(("group:dba",), groups, NOW) == {BOB, CAROL}
    for who in ("group:engineering", "slack:S0ENGIN01", "group:everybody"):
        with pytest.raises(StaleGroups):
            POLICY.includes((who,), ALICE, groups, NOW)
        with pytest.raises(StaleGroups):
            POLICY.members((who,), groups, NOW)


def test_a_denial_that_cannot_be_checked_refuses():
    guarded = access("db/x", (ALICE,), ("slack:S0ENGIN01",))
    with pytest.raises(StaleGroups):
        policy(guarded).may_ask(guarded, ALICE, STALE, NOW)


def test_members_of_nested_groups():
    assert POLICY.members(("group:everybody", DAVE), FRESH, NOW) == {ALICE, BOB, CAROL, DAVE, MALLORY}
    assert POLICY.members(("slack:S0ENGIN01",), Groups(NOW), NOW) == frozenset()


def test_nobody_could_approve_when_the_only_one_asks():
    assert POLICY.decidable(BOTH, ALICE, FRESH, NOW)
    assert not POLICY.decidable(BOTH, CAROL, FRESH, NOW)
    assert POLICY.could_approve(BOTH, CAROL, FRESH, NOW) == (frozenset({BOB}), frozenset())
    assert not POLICY.decidable(Rule(()), ALICE, FRESH, NOW)


def test_one_person_may_stand_for_two_quorums_once_in_each():
    two = Rule((quorum(2, "dba", "group:dba"), quorum(1, "security", "group:security")))
    quorum_status = POLICY.evaluate(two, [CAROL, CAROL], ALICE, FRESH, NOW)
    assert [part.counted for part in quorum_status.parts] == [(CAROL,), (CAROL,)]
    assert not quorum_status.complete
    assert [(missing.quorum.label, missing.needed) for missing in quorum_status.missing] == [("dba", 1)]
    assert POLICY.evaluate(two, [CAROL, BOB], ALICE, FRESH, NOW).complete


def test_a_rule_without_a_quorum_is_never_met():
    assert not POLICY.evaluate(Rule(()), [BOB, CAROL], ALICE, FRESH, NOW).complete


def test_whose_approval_counts():
    assert POLICY.counts_for(BOTH, BOB, ALICE, FRESH, NOW)
    assert not POLICY.counts_for(BOTH, BOB, BOB, FRESH, NOW)
    assert not POLICY.counts_for(BOTH, ALICE, BOB, FRESH, NOW)


def test_the_explanation_says_why_and_who():
    allowed = explain(POLICY, READ, ALICE, FRESH, Supposed(now=NOW))
    assert "U01ALICE0 may ask for db/read: allowed to group:engineering." in allowed
    assert "Needs 1 of dba: U02BOB000, U03CAROL0." in allowed
    assert "denied to group:contractors" in explain(POLICY, READ, MALLORY, FRESH, Supposed(now=NOW))
    assert "only group:engineering may" in explain(POLICY, READ, DAVE, FRESH, Supposed(now=NOW))
    assert "nobody can approve this" in explain(POLICY, READ, CAROL, FRESH, Supposed(now=NOW))
    assert "is not known" in explain(POLICY, READ, ALICE, STALE, Supposed(now=NOW))


PEOPLE = [ALICE, BOB, CAROL, DAVE, MALLORY]
people = st.sampled_from(PEOPLE)
approvals = st.lists(people, max_size=8)
rules = st.lists(
    st.builds(
        Quorum,
        label=st.just(""),
        who=st.lists(st.one_of(people, st.sampled_from([f"group:{name}" for name in GROUPS])), min_size=1).map(tuple),
        count=st.integers(1, 3),
    ),
    min_size=1,
    max_size=3,
).map(lambda quorums: Rule(tuple(quorums)))


@given(rules, approvals, people)
def test_nobody_counts_for_their_own_request(rule, approvers, requester):
    quorum_status = POLICY.evaluate(rule, approvers, requester, FRESH, NOW)
    assert all(requester not in part.counted for part in quorum_status.parts)
    assert quorum_status == POLICY.evaluate(rule, [*approvers, requester], requester, FRESH, NOW)


@given(rules, approvals, people)
def test_a_person_counts_once_in_a_quorum_and_only_as_a_member(rule, approvers, requester):
    for quorum, counted in POLICY.evaluate(rule, approvers, requester, FRESH, NOW).parts:
        assert len(set(counted)) == len(counted)
        assert set(counted) == POLICY.members(quorum.who, FRESH, NOW) & set(approvers) - {requester}


@given(rules, approvals, people, st.data())
def test_order_makes_no_difference(rule, approvers, requester, data):
    shuffled = data.draw(st.permutations(approvers))
    assert POLICY.evaluate(rule, approvers, requester, FRESH, NOW) == POLICY.evaluate(
        rule, shuffled, requester, FRESH, NOW
    )


@given(rules, approvals, people, people)
def test_one_more_approval_never_takes_away(rule, approvers, requester, another):
    before = POLICY.evaluate(rule, approvers, requester, FRESH, NOW)
    after = POLICY.evaluate(rule, [*approvers, another], requester, FRESH, NOW)
    assert after.complete or not before.complete
    for (_, fewer), (_, more) in zip(before.parts, after.parts, strict=True):
        assert set(fewer) <= set(more)


@given(rules, people)
def test_decidable_means_that_everybody_together_could(rule, requester):
    everybody = POLICY.evaluate(rule, PEOPLE, requester, FRESH, NOW)
    assert POLICY.decidable(rule, requester, FRESH, NOW) == everybody.complete


def test_the_check_notes_who_may_ask_for_what_too_few_others_could_approve():
    two, mixed = (
        Rule((quorum(2, "dba", "group:dba"),)),
        Rule((quorum(1, "x", BOB, "slack:S0ENGIN01"),)),
    )
    lone = Rule((quorum(1, "alice", ALICE), quorum(1, "x", "slack:S0ENGIN01")))
    notes = Checked(
        policy(
            access("db/lone", (ALICE, BOB), (), lone),
            access("db/two", ("group:dba", "group:engineering"), (CAROL,), two),
            access("db/mixed", (BOB,), (), mixed),
            access("db/denied", (ALICE, BOB), (ALICE,), lone),
        )
    ).notes
    assert notes == (
        f"{ALICE} may ask for db/lone, and too few others could approve it.",
        f"{BOB} may ask for db/two, and too few others could approve it.",
    )


def test_each_rule_says_whether_it_decides_and_why_not():
    burning = compile_condition('requester.on_call("orders-primary") && incident.open', schedules=["orders-primary"])
    rules = (Rule((), burning, Limits(), "on call"), Rule((quorum(1, "dba", "group:dba"),)))
    read = replace(READ, rules=rules)
    here = policy(read)
    at = Supposed(now=NOW, incident=IncidentInputs("INC-42", known=True, open=True))
    told = explain(here, read, ALICE, FRESH, at)
    assert "Rule 1 (on call) when requester.on_call" in told
    assert "does not decide: its condition cannot be answered: not known: requester.on_call" in told
    assert "Rule 2: decides." in told
    told = explain(here, read, ALICE, FRESH, replace(at, on_call=frozenset({"orders-primary"})))
    assert "&& incident.open: decides by itself." in told
    assert "Rule 2: does not decide, as one before it does; it would, for whatever is asked." in told
    after = replace(read, rules=(Rule((quorum(1, "dba", "group:dba"),), name="always"), *rules))
    told = explain(here, after, ALICE, FRESH, replace(at, on_call=frozenset({"orders-primary"})))
    assert "Rule 2 (on call) when requester.on_call" in told
    assert "does not decide, as one before it does; its condition holds, too." in told
    told = explain(here, after, ALICE, FRESH, at)
    assert "as one before it does; its condition cannot be answered: not known: requester.on_call" in told
    told = explain(here, after, ALICE, FRESH, replace(at, incident=None))
    assert "as one before it does; its condition does not hold." in told
    told = explain(here, read, ALICE, FRESH, replace(at, incident=None))
    assert "does not decide: its condition does not hold." in told


def test_it_says_of_break_glass_who_may_how_long_and_who_reviews_it():
    hour = timedelta(hours=1)
    glass = BreakGlass((DAVE, "oncall:sre"), timedelta(minutes=30), 24 * hour, ("group:security",))
    admin = replace(READ, break_glass=glass)
    here = policy(admin)

    def told(who, groups=FRESH, **supposed):
        lines = explain(here, admin, who, groups, Supposed(now=NOW, **supposed)).splitlines()
        return next(each for each in lines if each.startswith("Break-glass: "))

    terms = "for 30 min at most, with an incident; group:security reviews it within 1 d"
    assert told(DAVE) == f"Break-glass: {DAVE} may, at once, {terms} (listed: {DAVE}, oncall:sre)."
    assert told(ALICE) == f"Break-glass: {ALICE} may not (listed: {DAVE}, oncall:sre). Those who may: {terms}."
    assert f"{ALICE} may, at once" in told(ALICE, on_call=frozenset({"sre"}))
    assert f"{MALLORY} may not (denied to group:contractors)" in told(MALLORY, on_call=frozenset({"sre"}))
    slack = replace(admin, break_glass=replace(glass, who=("slack:S0ENGIN01",)))
    assert "whether U01ALICE0 may is not known" in explain(policy(slack), slack, ALICE, STALE, Supposed(now=NOW))
    assert "Break-glass" not in explain(POLICY, READ, ALICE, FRESH, Supposed(now=NOW))
