"""What `jit policy check` says of rules that could be loaded, and yet make no sense, or are easily not meant."""

import pytest

from jit.policy import load_policy
from jit.policy.doctor import look_at_policies
from jit.policy.files.check import check_folder

HEAD = """
channels: {audit: C0AUDIT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0, U06DAN000]
  leads: [U02BOB000]
  security: [U03CAROL0, U07SUE000]
  engineering: [slack:S0ENGIN01]
  empty: []
people:
  U01ALICE0: {postgres: alice}
targets:
  orders-db: {kind: postgres, owner: group:dba, dsn: env:ORDERS_DB_ADMIN_DSN}
schedules:
  primary: {kind: icalendar, url: "file:primary.ics", by_email: true}
access:
  orders-db/read:
    describe: Read every table of orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
"""
ENGINEERS, DBA = "request: [group:engineering]", "- all_of: [{from: [group:dba]}]"
TWO_OF_ONE = "all_of: [{from: [group:leads]}, {from: [U02BOB000]}]"
TOO_FEW = "needs more people than there are: each fills one place alone, with all their accounts"
NOBODY_LEFT = "nobody who may ask could be approved: too few others are named"


def checked(folder, *keys, rule=DBA, request=ENGINEERS, head=HEAD):
    lines = [request, *keys, "approve:", f"  {rule}"]
    (folder / "a.policy.yml").write_text(head + "".join(f"    {line}\n" for line in lines))
    return check_folder(folder)


def said(folder, *keys, **how):
    return [str(each).split(" ", 1)[1] for each in checked(folder, *keys, **how).mistakes]


def noted(folder, *keys, **how):
    found = checked(folder, *keys, **how)
    assert found.mistakes == ()
    return list(found.notes)


QUORUMS = (
    ("- {different_people: true, all_of: [{from: [group:dba], count: 2}, {from: [group:dba], count: 2}]}", TOO_FEW),
    (f"- {{different_people: true, {TWO_OF_ONE}}}", TOO_FEW),
    ("- {denials_needed: 5, all_of: [{from: [group:dba]}]}", "nobody can ever deny: 5 have to, and there can only"),
)


@pytest.mark.parametrize(("rule", "problem"), QUORUMS)
def test_more_people_than_there_are_is_a_mistake_where_each_fills_one_place(tmp_path, rule, problem):
    [found] = said(tmp_path, rule=rule)
    assert found.startswith("access.orders-db/read.approve[0]")
    assert problem in found


def test_so_it_is_where_the_risk_is_critical_and_over_stages(tmp_path):
    stages = "- stages: [{all_of: [{from: [group:leads]}]}, {all_of: [{from: [U02BOB000]}]}]"
    for rule in (f"- {TWO_OF_ONE}", stages):
        assert TOO_FEW in said(tmp_path, "risk: critical", rule=rule)[0]
        assert said(tmp_path, rule=rule) == []


ENOUGH = (
    "- {different_people: true, all_of: [{from: [group:dba], count: 2}, {from: [group:dba]}]}",
    "- {different_people: true, all_of: [{from: [group:dba], count: 2}, {from: [group:security], count: 2}]}",
    "- {different_people: true, all_of: [{from: [group:leads]}, {from: [group:engineering]}]}",
    "- {denials_needed: 3, all_of: [{from: [group:dba]}]}",
    "- {denials_needed: 9, all_of: [{from: [group:engineering]}]}",
    f"- {{different_people: true, escalate: {{after: 1h, to: [group:security]}}, {TWO_OF_ONE}}}",
)


@pytest.mark.parametrize("rule", ENOUGH)
def test_where_there_may_be_enough_nothing_is_said(tmp_path, rule):
    assert said(tmp_path, rule=rule) == []


def test_two_accounts_of_one_person_fill_one_place(tmp_path):
    rule = "- {different_people: true, all_of: [{from: [U02BOB000]}, {from: [U09BOB999]}]}"
    assert said(tmp_path, rule=rule) == []
    head = HEAD.replace("people:\n", "people:\n  U02BOB000: {icalendar: bob}\n  U09BOB999: {icalendar: Bob}\n")
    assert TOO_FEW in said(tmp_path, rule=rule, head=head)[0]


ALONE = ("request: [U02BOB000]", "request: [group:leads]")


@pytest.mark.parametrize("request_", ALONE)
def test_a_rule_that_nobody_else_than_its_requesters_could_meet_is_a_mistake(tmp_path, request_):
    [found] = said(tmp_path, rule="- all_of: [{from: [group:leads]}]", request=request_)
    assert found == f"access.orders-db/read.approve[0]: {NOBODY_LEFT}"


def test_all_of_a_group_with_its_member_asking_is_one_too_few(tmp_path):
    rule = "- all_of: [{from: [group:dba], count: 3}]"
    assert NOBODY_LEFT in said(tmp_path, rule=rule, request="request: [group:dba]")[0]
    assert said(tmp_path, rule=rule, request="request: [group:dba, U07SUE000]") == []


GLASS = "break_glass: {{who: [{who}], max_duration: {most}, review_within: 24h, review_by: [{by}]}}"


def test_an_emergency_is_given_for_less_than_the_access_otherwise(tmp_path):
    [found] = said(tmp_path, GLASS.format(who="group:dba", most="8h", by="group:security"))
    assert "break_glass.max_duration: is as long as the access is given for otherwise, 8 h" in found
    assert noted(tmp_path, GLASS.format(who="group:dba", most="7h59m", by="group:security")) == []


@pytest.mark.parametrize("who", ["group:engineering", "'oncall:primary'"])
def test_a_review_by_the_same_people_is_noted(tmp_path, who):
    [note] = noted(tmp_path, GLASS.format(who=who, most="1h", by=who))
    assert "break_glass.review_by: whoever may break the glass reviews it" in note
    assert noted(tmp_path, GLASS.format(who=who, most="1h", by=f"{who}, group:security")) == []


SECURITY = (
    ("security: [group:security]\n", "", "is missing or empty"),
    ("security: [group:security]", "security: []", "is missing or empty"),
    ("security: [group:security]", "security: [group:empty]", "there is nobody in it"),
)


@pytest.mark.parametrize(("old", "new", "problem"), SECURITY)
def test_rules_without_anybody_of_security_are_a_mistake(tmp_path, old, new, problem):
    [found] = checked(tmp_path, head=HEAD.replace(old, new)).mistakes
    assert found.field == "security"
    assert found.problem.startswith(problem)


def test_an_access_that_nobody_answers_for_is_noted(tmp_path):
    [note] = noted(tmp_path, head=HEAD.replace("owner: group:dba, ", ""))
    assert note.endswith("access.orders-db/read: nobody answers for orders-db/read: add owner:")
    assert note.startswith("a.policy.yml:")


def test_of_many_on_one_target_it_is_noted_once(tmp_path):
    checked(tmp_path, head=HEAD.replace("owner: group:dba, ", ""))
    text = (tmp_path / "a.policy.yml").read_text()
    access = text[text.index("  orders-db/read:") :]
    (tmp_path / "b.policy.yml").write_text("access:\n" + access.replace("orders-db/read", "orders-db/write"))
    [note] = check_folder(tmp_path).notes
    assert note == "a.policy.yml:13 targets.orders-db: nobody answers for orders-db/read and 1 more: add owner:"


def test_an_access_has_the_owner_of_its_target_unless_it_names_another(tmp_path):
    assert checked(tmp_path).policy.accesses["orders-db/read"].owner == "group:dba"
    found = checked(tmp_path, "owner: U07SUE000")
    assert (found.mistakes, found.policy.accesses["orders-db/read"].owner) == ((), "U07SUE000")
    assert "owner" not in found.policy.targets["orders-db"].settings


OWNERS = (
    ("group:dbas", 'no group is called dbas; did you mean "dba"?'),
    ("group:empty", "there is nobody in group:empty"),
    ("U01NOBODY", "U01NOBODY is named neither under people: nor in a group"),
    ("the dba team", "must be a member id like U01ALICE0"),
)


@pytest.mark.parametrize(("owner", "problem"), OWNERS)
def test_an_owner_has_to_be_somebody(tmp_path, owner, problem):
    [found] = said(tmp_path, f"owner: {owner}")
    assert found.startswith("access.orders-db/read.owner")
    assert problem in found


NOTED = (
    (("risk: critical",), "- {automatic: true, limits: {per_person: 2}}\n      - all_of: [{from: [group:dba]}]",
     "approve[0]: decides by itself, whoever asks and when, though the risk is critical"),
    ((), "- {automatic: true, limits: {per_person: 2}}", "no rule here asks people: with a provider down, or past"),
    ((), '- {when: requester.on_call("primary"), automatic: true}', "no rule here asks people: with a provider down"),
    ((), '- {when: requester.on_call("primary"), all_of: [{from: [group:dba]}]}', "each rule has a condition: where"),
)  # fmt: skip


@pytest.mark.parametrize(("keys", "rule", "remark"), NOTED)
def test_where_nobody_could_decide_it_is_noted(tmp_path, keys, rule, remark):
    [note] = noted(tmp_path, *keys, rule=rule)
    assert remark in note


def test_what_is_wrong_here_leaves_the_rules_in_force(tmp_path):
    found = checked(tmp_path, rule="- {denials_needed: 5, all_of: [{from: [group:dba]}]}")
    assert load_policy(tmp_path).version == found.policy.version
    assert not found.lines[0].startswith("Fine")
    line, *_notes = look_at_policies(found)
    assert (line.ok, line.stops_all) == (False, False)
