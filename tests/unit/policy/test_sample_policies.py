"""The rules in `policies/`, tested as rules."""

from datetime import UTC, datetime
from pathlib import Path

from jit.people.person import Groups
from jit.policy import load_policy

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
GROUPS = Groups(NOW, {"S0ENGIN01": frozenset({"U01ALICE0", "U02BOB000"})})
ALICE, BOB, CAROL, EVE = "U01ALICE0", "U02BOB000", "U03CAROL0", "U04EVE000"
POLICY = load_policy(Path(__file__).parents[3] / "policies")


def approved(access, approvers, requester=ALICE):
    return POLICY.evaluate(POLICY.accesses[access].rules[0], approvers, requester, GROUPS, NOW).complete


def test_engineering_may_ask_and_eve_may_not():
    for access in ("orders-db/read", "orders-db/write", "orders-db/admin"):
        may = {person: POLICY.may_ask(POLICY.accesses[access], person, GROUPS, NOW) for person in (ALICE, BOB, EVE)}
        assert may == {ALICE: True, BOB: True, EVE: False}, access


def test_one_dba_approves_who_is_not_the_requester():
    for access in ("orders-db/read", "orders-db/write"):
        assert approved(access, [BOB]), access
        assert approved(access, [CAROL]), access
        assert not approved(access, [ALICE, EVE]), access
        assert not approved(access, [BOB], requester=BOB), access


def test_admin_takes_a_dba_and_security():
    assert not approved("orders-db/admin", [BOB])
    assert approved("orders-db/admin", [BOB, CAROL])
    admin = POLICY.accesses["orders-db/admin"]
    assert not POLICY.decidable(admin.rules[0], CAROL, GROUPS, NOW)


def test_admin_needs_an_incident_written_whole():
    for incident, fits in (
        ("INC-42", True),
        ("CHG-7", True),
        ("INC-", False),
        ("see INC-42", False),
        ("INC-٤", False),
        ("INC-42\n", False),
    ):
        assert POLICY.accesses["orders-db/admin"].accepts_incident(incident) is fits, incident


def test_only_security_sees_everything():
    assert [POLICY.is_security(person, GROUPS, NOW) for person in (ALICE, BOB, CAROL)] == [False, False, True]


def test_everybody_of_the_demo_has_a_name_in_the_database():
    assert [POLICY.principal(person, "orders-db") for person in (ALICE, BOB, EVE)] == ["alice", "bob", "eve"]
