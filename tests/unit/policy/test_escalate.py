"""`escalate` in the rules."""

from datetime import timedelta

import pytest

from jit.facts import Escalation
from jit.policy import load_policy
from jit.policy.changes import changes
from jit.policy.explain import Supposed, explain
from jit.testing import T0, InMemoryDirectory, ManualClock
from tests.unit.policy.test_policy_load import GOOD, edited, folder

CHANNEL = "    channel: C0ACCESS1\n"
READ = GOOD.index("orders-db/read:")


def with_it(written):
    return GOOD[:READ] + GOOD[READ:].replace(CHANNEL, f"{CHANNEL}    escalate: {written}\n", 1)


def test_it_stands_on_an_access_and_on_a_rule_which_goes_before(tmp_path):
    text = with_it("{after: 15m, to: [U09LEAD001]}")
    rule = "      - all_of: [{from: [group:dba]}]"
    assert rule in text
    policy = load_policy(folder(tmp_path, a=text))
    read = policy.accesses["orders-db/read"].rules[-1]
    assert read.escalation == Escalation(after=timedelta(minutes=15), to=("U09LEAD001",))
    own = GOOD.replace(rule, "      - {all_of: [{from: [group:dba]}], escalate: {after: 5m, to: [U09LEAD001]}}", 1)
    assert load_policy(folder(tmp_path, a=own)).accesses["orders-db/read"].rules[-1].escalation.after.seconds == 300
    both = text.replace(rule, "      - {all_of: [{from: [group:dba]}], escalate: {after: 5m, to: [U09LEAD001]}}", 1)
    assert any("escalate: is for no rule" in said for said in edited(tmp_path, GOOD, both))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{after: 15m, to: [group:securty]}", "escalate.to[0]: no group is called securty"),
        ("{after: 8h, to: [group:security]}", "escalate.after: is never reached"),
        ("{after: 15m, to: [group:dba]}", "escalate.to: asks nobody who is not asked already"),
        ("{after: 15m}", "escalate.to: is missing"),
        ("{after: 15m, to: []}", "escalate.to: must not be empty"),
    ],
)
def test_one_that_can_do_nothing_is_a_mistake_with_its_line(tmp_path, written, said):
    found = edited(tmp_path, GOOD, with_it(written))
    assert any(said in mistake for mistake in found), found


def test_a_rule_that_decides_by_itself_asks_nobody_else(tmp_path):
    text = GOOD.replace(
        "- all_of: [{from: [group:dba]}]", "- {automatic: true, escalate: {after: 5m, to: [group:security]}}", 1
    )
    assert any("escalate are about people" in mistake for mistake in edited(tmp_path, GOOD, text))


def test_a_change_of_it_is_told(tmp_path):
    before = load_policy(folder(tmp_path, a=GOOD))
    after = load_policy(folder(tmp_path, a=with_it("{after: 15m, to: [U09LEAD001]}")))
    assert [str(each) for each in changes(before, after)] == [
        "looser: orders-db/read (asks others after 15 min, too, when nobody decides)"
    ]
    assert [each.effect.value for each in changes(after, before)] == ["tighter"]


def test_explain_says_who_is_asked_then(tmp_path):
    policy = load_policy(folder(tmp_path, a=with_it("{after: 15m, to: [U09LEAD001]}")))
    read, groups = policy.accesses["orders-db/read"], InMemoryDirectory(ManualClock()).groups()
    said = explain(policy, read, "U01ALICE0", groups, Supposed(now=T0))
    assert "Undecided for 15 min: U09LEAD001 are asked, too." in said
