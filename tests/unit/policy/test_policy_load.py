import json
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jit.people.person import Groups
from jit.policy import PolicyError, load_policy
from jit.policy.explain import Supposed, explain
from jit.policy.files.check import check_folder

GOOD = (Path(__file__).parents[3] / "policies" / "orders.policy.yml").read_text()


def folder(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.policy.yml").write_text(textwrap.dedent(text))
    return tmp_path


def mistakes(path):
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    return [str(mistake) for mistake in caught.value.mistakes]


def edited(tmp_path, old, new):
    """What is said about the sample after one edit."""
    assert old in GOOD
    return mistakes(folder(tmp_path, a=GOOD.replace(old, new, 1)))


def test_the_sample_is_read_as_written(tmp_path):
    policy = load_policy(folder(tmp_path, a=GOOD))
    admin = policy.accesses["orders-db/admin"]
    assert (admin.target, admin.risk, admin.grants) == ("orders-db", "critical", ("orders_admin",))
    assert (admin.max_duration, admin.pending_for) == (timedelta(hours=1), timedelta(hours=1))
    assert [quorum.label for quorum in admin.rules[0].quorums] == ["dba", "security"]
    read = policy.accesses["orders-db/read"]
    assert (read.risk, read.pending_for, read.incident, read.deny) == ("medium", timedelta(hours=8), None, ())
    assert dict(policy.targets["orders-db"].settings) == {"dsn": "env:ORDERS_DB_ADMIN_DSN"}
    assert policy.principal("U02BOB000", "orders-db") == "bob"


def test_grants_that_stand_on_no_card_are_a_mistake(tmp_path):
    grants = json.dumps([f"{number:03}{'&' * 190}" for number in range(21)])
    [said] = edited(tmp_path, "grants: [orders_read]", f"grants: {grants}")
    assert "grants: is too long to stand on one card" in said


def test_alerts_go_to_the_audit_channel_unless_said(tmp_path):
    policy = load_policy(folder(tmp_path, a=GOOD.replace("  alerts: C0ALERT01\n", "")))
    assert policy.channels.alerts == "C0AUDIT01"


def test_a_principal_for_one_target_goes_before_its_kind(tmp_path):
    text = GOOD.replace("{postgres: alice}", "{postgres: alice, orders-db: al}")
    assert load_policy(folder(tmp_path, a=text)).principal("U01ALICE0", "orders-db") == "al"


WHO, REVIEW = "who: [group:dba], max_duration: 30m", "review_within: 24h, review_by: [group:security]"
GLASS = (
    (f"{WHO}, review_by: [group:security]", "break_glass.review_within: is missing"),
    (f"{WHO}, review_within: 24h", "break_glass.review_by: is missing"),
    (f"who: [], max_duration: 30m, {REVIEW}", "break_glass.who: must not be empty"),
    (f"{WHO}, review_within: 24h, review_by: []", "break_glass.review_by: must not be empty"),
    (
        f"who: [group:dba], max_duration: 2h, {REVIEW}",
        "max_duration: is longer than the access is given for otherwise, 1 h",
    ),
    (f"{WHO}, review_within: 24h, review_by: [group:dba]", "review_by: nobody could review it"),
    (f"who: [group:dbas], max_duration: 30m, {REVIEW}", 'no group is called dbas; did you mean "dba"?'),
    (f"{WHO}, {REVIEW}, review: 1d", "break_glass.review: unknown key"),
)
"""A break-glass, and what is said of it."""


def test_every_slip_is_named_at_its_field(tmp_path):
    for old, new, said in (
        ("    approve:", "    aprove:", 'access.orders-db/read.aprove: unknown key; did you mean "approve"?'),
        ("    approve:", "    aprove:", "access.orders-db/read.approve: is missing"),
        ("security: [", "securty: [", 'securty: unknown key; did you mean "security"?'),
        ("max_duration: 8h", "max_duration: 8", "max_duration: Write a duration like 30m, 2h or 1h30m."),
        ("max_duration: 8h", "max_duration: 0h", "max_duration: Write a duration like 30m, 2h or 1h30m."),
        ("risk: critical", "risk: critcal", 'low, medium, high, critical; did you mean "critical"?'),
        ("[orders_read]", "[]", "grants: must not be empty"),
        ("[orders_read]", "[a, a]", "grants: names the same thing twice"),
        ("[orders_read]", "orders_read", "grants: must be a list in [ ], not a single word or line"),
        ("[orders_read]", "[007]", "grants[0]: must be text, not a number; put it in quotes"),
        ("Read every table of orders", '"a\\nb"', "describe: must be one line without invisible characters"),
        ("Read every table of orders", '"a\\u202eb"', "describe: must be one line without invisible characters"),
        ("Read every table of orders", "2026-01-01", "describe: must be text, not a date"),
        ("C0ACCESS1", '"#access"', "channel: must be a Slack channel id"),
        ("C0AUDIT01", "audit", "channels.audit: must be a Slack channel id"),
        ("slack:S0ENGIN01", "slack:engineers", "groups.engineering[0]: must be a Slack user group id"),
        ("[group:engineering]", "[group:enginering]", 'no group is called enginering; did you mean "engineering"?'),
        ("[group:engineering]", "[engineering]", "request[0]: must be a member id like U01ALICE0, group:name"),
        ("[group:engineering]", "[oncall:db]", "request[0]: no schedule is called db"),
        ("[group:engineering]", "[]", "request: must not be empty"),
        ("[U03CAROL0]", "[group:dba, '@carol']", "groups.security[1]: must be a member id"),
        ("[U03CAROL0]", "[group:secuity]", "groups.security[0]: no group is called secuity"),
        ("orders-db/read:", "order-db/read:", 'no target is called order-db; did you mean "orders-db"?'),
        ("orders-db/read:", "orders db:", "an access is called like orders-db/read"),
        ("{from: [group:dba]}", "{from: [group:dba], count: 3}", "count: needs 3, and there can only ever be 2 people"),
        ("{from: [group:dba]}", "{from: [group:dba], count: 0}", "count: must be between 1 and 100"),
        ("{from: [group:dba]}", "{from: [group:dba], count: true}", "count: must be a whole number, not true or false"),
        (
            "- all_of: [{from: [group:dba]}]",
            "- {name: all}",
            "approve[0]: a rule has one of automatic: true, all_of and",
        ),
        ("- all_of: [{from: [group:dba]}]", "- {automatic: true, denials_needed: 2}", "this rule decides without them"),
        ("- all_of: [{from: [group:dba]}]", "- {automatic: yes, limits: {per_day: 2}}", "limits.per_day: unknown key"),
        ("{from: [group:dba]}]", "{from: [group:dba]}]\n        when: reason", "approve[0].when: must be a yes or no"),
        (
            "{from: [group:dba]}]",
            "{from: [group:dba]}]\n        when: incident.opened",
            'did you mean "incident.open"?',
        ),
        (
            r"'(INC|CHG)-\d+'",
            "'(INC|CHG)-[0-9]+'\n    incident_example: JIRA-1",
            "incident_example: is no incident as this access wants it",
        ),
        ("notify: [group:security]", "notify: [group:secuity]", "alerts.notify[0]: no group is called secuity"),
        ("notify: [group:security]", "notfy: [group:security]", 'alerts.notfy: unknown key; did you mean "notify"?'),
        *(("    risk: critical", f"    break_glass: {{{glass}}}", said) for glass, said in GLASS),
        (r"'(INC|CHG)-\d+'", r"'(a)\1'", "incident: this regular expression cannot be used"),
        ("env:ORDERS_DB_ADMIN_DSN", "postgresql://jit:hunter2@db/orders", "dsn: a secret is named, never written"),
        ("env:ORDERS_DB_ADMIN_DSN", "host=db password=hunter2", "dsn: a secret is named, never written"),
        ("env:ORDERS_DB_ADMIN_DSN", "evn:ORDERS", "dsn: a secret is named, never written"),
        ("env:ORDERS_DB_ADMIN_DSN", "file:relative", "dsn: name the secret as env:NAME or file:/path"),
        ("env:ORDERS_DB_ADMIN_DSN", "env:SLACK_BOT_TOKEN", "dsn: names a setting of jit's own"),
        ("env:ORDERS_DB_ADMIN_DSN", "env:JIT_SIGNING_KEY", "dsn: names a setting of jit's own"),
        ("    kind: postgres", "    kind: postgres\n    url: https://a:hunter2@b", "url: holds a password"),
        ("    kind: postgres\n", "", "targets.orders-db.kind: is missing"),
        ("U01ALICE0: {postgres", "alice: {postgres", "people.alice: must be a Slack member id"),
        ("{postgres: alice}", "{postgress: alice}", 'called postgress; did you mean "postgres"?'),
        ("{postgres: bob}", "{postgres: alice}", "alice on orders-db is U01ALICE0 already"),
        ("  audit: C0AUDIT01 ", "  alarms: C0AUDIT01 ", "channels.audit: is missing"),
    ):
        found = edited(tmp_path, old, new)
        assert any(said in mistake for mistake in found), found
        assert all(mistake.startswith("a.policy.yml:") for mistake in found), new
        assert not any("hunter2" in mistake for mistake in found), new


def test_one_mistake_in_an_entry_hides_no_other(tmp_path):
    for old, new, fields in (
        ("max_duration: 8h", "max_duration: 8x\n    deny: [group:aprovers]", "max_duration deny[0]"),
        ("[group:engineering]", "[group:aprovers, '@carol', group:dbas]", "request[1] request[0] request[2]"),
        ("{from: [group:dba]}", "{from: [group:aprovers], count: 0}", "all_of[0].count all_of[0].from[0]"),
        ("orders_read]", "orders_read]\n    target: order-db\n    risk: critcal", "orders-db/read.target risk"),
        ("[U03CAROL0]", "[group:nobody, '@carol']", "groups.security[0] groups.security[1]"),
        ("security: [group:security]", "security: [group:secuity, '@carol']", "security[0] security[1]"),
    ):
        found = edited(tmp_path, old, new)
        for field in fields.split():
            assert sum(f"{field}: " in mistake for mistake in found) == 1, (field, found)


def test_a_mistake_names_file_line_and_field(tmp_path):
    line = GOOD[: GOOD.index("max_duration: 2h")].count("\n") + 1
    said = "Write a duration like 30m, 2h or 1h30m."
    assert edited(tmp_path, "max_duration: 2h", "max_duration: soon") == [
        f"a.policy.yml:{line} access.orders-db/write.max_duration: {said}"
    ]


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        ("", "", False),
        ("when: incident.open", "", True),
        ("when: incident.open", "when: incident.open", False),
        ("when: incident.open", "when: incident.known", True),
    ],
)
def test_a_rule_that_can_never_decide_is_a_mistake(tmp_path, first, second, reached):
    rule = "- all_of: [{from: [group:dba]}]"
    rules = "\n      ".join(f"{rule}\n        {when}" for when in (first, second))
    text = GOOD.replace(rule, rules)
    if reached:
        load_policy(folder(tmp_path, a=text))
    else:
        for said in mistakes(folder(tmp_path, a=text)):
            assert "approve[1]: is never reached" in said


def test_limits_leave_the_next_rule_something_to_decide(tmp_path):
    rule = "- all_of: [{from: [group:dba]}]"
    text = GOOD.replace(rule, f"- {{automatic: true, limits: {{per_person: 1}}}}\n      {rule}")
    load_policy(folder(tmp_path, a=text))
    for said in mistakes(folder(tmp_path, a=text.replace(", limits: {per_person: 1}", ""))):
        assert "approve[1]: is never reached: a rule before it always decides" in said


def test_groups_may_nest_but_not_in_a_ring(tmp_path):
    nested = GOOD.replace("security: [U03CAROL0]", "security: [group:inner]\n  inner: [U03CAROL0]")
    load_policy(folder(tmp_path, a=nested))
    [said] = mistakes(folder(tmp_path, a=nested.replace("inner: [U03", "inner: [group:security, U03")))
    assert "a group cannot hold itself: " in said
    assert "security -> inner" in said or "inner -> security" in said


def test_an_access_nobody_may_ask_for_is_a_mistake(tmp_path):
    [said] = edited(tmp_path, "request: [group:engineering]", "request: [group:dba]\n    deny: [group:dba]")
    assert said.endswith("request: nobody may ask for this")


def test_all_mistakes_of_all_files_come_together(tmp_path):
    found = mistakes(folder(tmp_path, a=GOOD.replace("8h", "8x"), b="colour: red\n", c="access: [1\n"))
    assert [mistake.split(":")[0] for mistake in found] == [f"{name}.policy.yml" for name in "abc"]


def test_what_is_missing_is_not_blamed_while_a_file_is_unreadable(tmp_path):
    groups, rest = GOOD[GOOD.index("groups:") : GOOD.index("people:")], GOOD.replace("\ngroups:", "\ngruops:")
    found = mistakes(folder(tmp_path, a=rest, b=groups + "  broken: [\n"))
    assert not any("no group is called" in mistake for mistake in found)


def test_a_key_defined_twice_across_files_names_both_places(tmp_path):
    again = "security: []\ngroups:\n  dba: []\nchannels: {audit: C0AUDIT02}\n"
    found = mistakes(folder(tmp_path, a=GOOD, b=again))
    lines = {key: GOOD[: GOOD.index(f"{key}: [")].count("\n") + 1 for key in ("\nsecurity", "  dba")}
    assert found == [
        f"b.policy.yml:1 security: defined twice; first in a.policy.yml:{lines[chr(10) + 'security'] + 1}",
        f"b.policy.yml:3 groups.dba: defined twice; first in a.policy.yml:{lines['  dba']}",
        "b.policy.yml:4 channels.audit: defined twice; first in a.policy.yml:4",
    ]


def test_several_files_are_one_policy(tmp_path):
    at = GOOD.index("targets:")
    policy = load_policy(folder(tmp_path, a=GOOD[:at], b=GOOD[at:]))
    assert list(policy.accesses) == ["orders-db/admin", "orders-db/read", "orders-db/write"]


def test_the_version_changes_with_every_byte_and_name(tmp_path):
    versions = [load_policy(folder(tmp_path, a=GOOD)).version]
    versions.append(load_policy(folder(tmp_path, a=GOOD + "#\n")).version)
    versions.append(load_policy(folder(tmp_path, b="# empty\n")).version)
    (tmp_path / "b.policy.yml").rename(tmp_path / "c.policy.yml")
    versions.append(load_policy(tmp_path).version)
    assert len(set(versions)) == len(versions)
    assert load_policy(tmp_path).version == versions[-1]


EXTEND = "extend: {each: 1h, ceiling: 4h}"


def test_an_extension_is_decided_as_the_access_is_unless_it_says_otherwise(tmp_path):
    write = load_policy(folder(tmp_path, a=GOOD)).accesses["orders-db/write"]
    assert (write.extend.each, write.extend.ceiling) == (timedelta(hours=1), timedelta(hours=4))
    assert write.extend.rules == write.rules
    other = "extend: {each: 1h, ceiling: 4h, approve: [{automatic: true}]}"
    write = load_policy(folder(tmp_path, a=GOOD.replace(EXTEND, other))).accesses["orders-db/write"]
    assert [rule.automatic is not None for rule in write.extend.rules] == [True]
    assert [rule.automatic is not None for rule in write.rules] == [False]


def test_explain_says_how_long_it_may_be_held_in_all_and_who_decides_on_more(tmp_path):
    def told(extend):
        policy = load_policy(folder(tmp_path, a=GOOD.replace(EXTEND, extend)))
        groups = Groups(as_of=datetime(2026, 11, 21, tzinfo=UTC))
        supposed = Supposed(now=groups.as_of)
        return explain(policy, policy.accesses["orders-db/write"], "U01ALICE0", groups, supposed).splitlines()

    assert told(EXTEND)[-1] == "Can be extended by 1 h at a time, to 4 h in all, decided in the same way."
    other = told("extend: {each: 1h, ceiling: 4h, approve: [{all_of: [{from: [U03CAROL0]}]}]}")
    assert other[-2:] == [
        "Can be extended by 1 h at a time, to 4 h in all, where this decides:",
        "Needs 1 of U03CAROL0: U03CAROL0.",
    ]


def test_what_is_wrong_with_an_extension_is_named_with_its_line(tmp_path):
    line = next(number for number, text in enumerate(GOOD.splitlines(), 1) if EXTEND in text)
    here = f"a.policy.yml:{line} access.orders-db/write.extend"
    for new, said in (
        ("{each: 5h, ceiling: 4h}", f"{here}: each is longer than the ceiling, which is the most in all"),
        ("{each: 1h, ceiling: 1h30m}", f"{here}.ceiling: is the most in all, and shorter than max_duration (2h)"),
        ("{each: 1h}", f"{here}.ceiling: is missing"),
        ("{each: 1h, ceiling: 4h, upto: 1d}", f"{here}.upto: unknown key"),
        ("{each: 1h, ceiling: 4h, approve: []}", f"{here}.approve: must not be empty"),
        ("{each: 1h, ceiling: 4h, approve: [{all_of: [{from: [group:dab]}]}]}", "no group is called dab; did you mean"),
        ("{each: 1h, ceiling: 4h, approve: [{all_of: [{from: [group:dba], count: 3}]}]}", "can only ever be 2 people"),
        ("{each: 1h, ceiling: 4h, approve: [{automatic: true}, {automatic: true}]}", "[1]: is never reached"),
        ("{each: 1h, ceiling: 4h, approve: [{when: 'request.id', automatic: true}]}", "approve[0].when: "),
    ):
        found = edited(tmp_path, EXTEND, f"extend: {new}")
        assert any(said in each for each in found), (new, found)


EXCEPTION = "exception: {max_duration: 24h, approve: [{all_of: [{from: [group:security]}]}]}"


def test_an_exception_is_longer_decided_by_its_own_rules_and_by_nobody_more_when_it_is_late(tmp_path):
    other = f"{EXTEND}\n    {EXCEPTION}\n    escalate: {{after: 5m, to: [group:engineering]}}"
    write = load_policy(folder(tmp_path, a=GOOD.replace(EXTEND, other))).accesses["orders-db/write"]
    assert (write.max_duration, write.longest(emergency=False)) == (timedelta(hours=2), timedelta(hours=24))
    assert [quorum.label for rule in write.exception.rules for quorum in rule.quorums] == ["security"]
    assert [rule.escalation is None for rule in (*write.rules, *write.exception.rules)] == [False, True]


def test_what_is_wrong_with_an_exception_is_named_with_its_line(tmp_path):
    line = next(number for number, text in enumerate(GOOD.splitlines(), 1) if EXTEND in text)
    here = f"a.policy.yml:{line} access.orders-db/write.exception"
    people = "all_of: [{from: [group:security]}]"
    for new, said in (
        (f"{{max_duration: 2h, approve: [{{{people}}}]}}", f"{here}.max_duration: is not longer than max_duration of"),
        ("{max_duration: 24h}", f"{here}.approve: is missing"),
        (f"{{approve: [{{{people}}}]}}", f"{here}.max_duration: is missing"),
        ("{max_duration: 24h, approve: []}", f"{here}.approve: must not be empty"),
        (f"{{max_duration: 24h, aprove: [{{{people}}}]}}", 'did you mean "approve"?'),
        ("{max_duration: 24h, approve: [{automatic: true}]}", "approve[0].automatic: decides by itself, and an exc"),
        (
            f"{{max_duration: 24h, approve: [{{{people}, escalate: {{after: 5m, to: [group:dba]}}}}]}}",
            "approve[0].escalate: asks others when nobody decides, and an exception",
        ),
        ("{max_duration: 24h, approve: [{all_of: [{from: [group:dab]}]}]}", "no group is called dab; did you mean"),
        ("{max_duration: 24h, approve: [{all_of: [{from: [group:dba], count: 3}]}]}", "can only ever be 2 people"),
        (f"{{max_duration: 24h, approve: [{{{people}}}, {{{people}}}]}}", "[1]: is never reached"),
        (f"{{max_duration: 24h, approve: [{{when: request.id, {people}}}]}}", "approve[0].when: "),
    ):
        found = edited(tmp_path, EXTEND, f"exception: {new}")
        assert any(said in each for each in found), (new, found)


def test_an_exception_that_takes_fewer_people_is_a_note(tmp_path):
    two = "all_of: [{from: [group:dba], count: 2}]"
    write = GOOD[GOOD.index("  orders-db/write:") :]
    rules = write.replace("all_of: [{from: [group:dba]}]", two, 1).replace(EXTEND, EXCEPTION, 1)
    assert two in rules
    text = GOOD.replace(write, rules)
    folder(tmp_path, a=text)
    note = "An exception for orders-db/write needs fewer approvals than what is no exception."
    assert note in check_folder(tmp_path).notes
    folder(tmp_path, a=text.replace("[group:security]}]}]}", "[group:dba], count: 2}]}]}"))
    assert note not in check_folder(tmp_path).notes


def test_explain_says_of_an_exception_how_long_it_may_be_and_who_decides_on_it(tmp_path):
    policy = load_policy(folder(tmp_path, a=GOOD.replace(EXTEND, EXCEPTION)))
    groups = Groups(as_of=datetime(2026, 11, 21, tzinfo=UTC))

    def told(hours=None):
        supposed = Supposed(now=groups.as_of, duration=timedelta(hours=hours) if hours else None)
        return explain(policy, policy.accesses["orders-db/write"], "U01ALICE0", groups, supposed).splitlines()

    own = "Needs 1 of security: U03CAROL0."
    assert told()[4:6] == ["For longer, 1 d at most, it can be asked for as an exception, which this decides:", own]
    assert told(2) == told()
    assert told(12)[3:5] == ["12 h is an exception (1 d at most), which this decides:", own]
    assert "1 d 1 h is longer than that: it cannot be asked for." in told(25)


def test_no_file_and_no_folder_are_said(tmp_path):
    assert mistakes(tmp_path) == [f"{tmp_path}: holds no file called *.policy.yml"]
    assert mistakes(tmp_path / "none")[0].endswith("cannot be read: No such file or directory")


def test_links_out_of_the_folder_are_refused(tmp_path):
    inside = tmp_path / "policies"
    inside.mkdir()
    (tmp_path / "out.yml").write_text("groups: {}\n")
    (inside / "b.policy.yml").symlink_to(tmp_path / "out.yml")
    (inside / "c.policy.yml").symlink_to("c.policy.yml")
    (inside / "d.policy.yml").mkdir()
    found = mistakes(folder(inside, a=GOOD))
    assert found[0] == "b.policy.yml: is a link to outside the policies folder"
    assert found[1].startswith("c.policy.yml: cannot be read: ")
    assert found[2] == "d.policy.yml: is no ordinary file"


def test_a_link_within_the_folder_is_followed(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "real").write_text(GOOD)
    (tmp_path / "a.policy.yml").symlink_to("v1/real")
    assert len(load_policy(tmp_path).accesses) == 3


def test_a_file_with_almost_the_right_name_is_not_passed_over(tmp_path):
    (tmp_path / "deny.policy.yaml").write_text("groups: {}\n")
    (tmp_path / ".#a.policy.yml").symlink_to("an-editor's-lock")
    assert mistakes(folder(tmp_path, a=GOOD)) == ["deny.policy.yaml: would be passed over; call it *.policy.yml"]
