"""Groups of the directory where people ask and decide: what is not known refuses, and says so."""

from datetime import timedelta

import pytest

from jit.facts import RefusalReason
from jit.people.answers import Because
from jit.policy.explain import Supposed, explain
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import RULES
from tests.world.office import ASK, READ, Office, actor

DIRECTORY = """
directory:
  kind: ldap
  url: ldaps://ldap.corp
  bind_dn: cn=jit,dc=corp
  password: env:LDAP_PASSWORD
  base: dc=corp
  disabled: (locked=TRUE)
  groups: {readers: "cn=readers,dc=corp", dba: "cn=dba,dc=corp", barred: "cn=barred,dc=corp"}
groups:
  out: [directory:barred]"""
TEXT = (
    RULES.replace("\ngroups:", DIRECTORY, 1)
    .replace('request: [U01ALICE0, "slack:S0ENGIN01"]', "request: [directory:readers]\n    deny: [group:out]")
    .replace("dba: [U02BOB000, U03CAROL0]", "dba: [directory:dba]")
)


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path, rules=TEXT)
    made.directory.in_directory = {
        "readers": frozenset({ALICE, BOB}),
        "dba": frozenset({BOB, CAROL}),
        "barred": frozenset({EVE}),
    }
    yield made
    made.engine.dispose()


def ask(office, who=ALICE):
    return office.use_cases.request(actor(who), ASK)


def test_members_ask_and_members_decide(office):
    request = ask(office)
    office.directory.directory_age = timedelta(seconds=9)
    office.use_cases.approve(actor(BOB), request.id, request.digest)
    assert office.request(request.id).state == "approved"
    (yes,) = office.facts("approval")
    assert yes.groups_as_of == yes.at - timedelta(seconds=9)


def test_what_is_not_known_refuses_and_is_not_decided(office):
    for group, because in (("readers", Because.UNREACHABLE), ("barred", Because.CUT_SHORT), ("dba", Because.STALE)):
        office.directory.unread = {group: because}
        office.refused(RefusalReason.STALE_GROUPS, lambda: ask(office))
    office.directory.unread = {}
    request = ask(office)
    office.directory.unread = {"dba": Because.NO_ANSWER}
    office.refused(
        RefusalReason.STALE_GROUPS,
        lambda: office.use_cases.approve(actor(BOB), request.id, request.digest),
        about=request,
    )
    assert office.request(request.id).state == "pending"


def test_answers_that_are_too_old_refuse_while_slack_answers(office):
    office.directory.directory_age = timedelta(seconds=31)
    office.refused(RefusalReason.STALE_GROUPS, lambda: ask(office))


def test_who_is_disabled_in_the_directory_neither_asks_nor_decides(office):
    request = ask(office)
    office.directory.disabled = frozenset({ALICE, BOB})
    office.refused(RefusalReason.NOT_ALLOWED_TO_ASK, lambda: ask(office))
    office.refused(
        RefusalReason.NOT_ALLOWED_TO_DECIDE,
        lambda: office.use_cases.approve(actor(BOB), request.id, request.digest),
        about=request,
    )


def test_the_explanation_says_from_where_a_membership_came(office):
    policy, groups, now = office.policies.current(), office.directory.groups(), office.clock.now()
    said = explain(policy, policy.accesses[READ], ALICE, groups, Supposed(now=now))
    assert "U01ALICE0 may ask for orders-db/read: allowed to directory:readers." in said
    assert "That comes from directory:readers (cn=readers), read 0 s ago." in said
    said = explain(policy, policy.accesses[READ], EVE, groups, Supposed(now=now))
    assert "denied to group:out. That comes from directory:barred (cn=barred), read 0 s ago." in said
    office.directory.unread = {"readers": Because.UNREACHABLE}
    said = explain(policy, policy.accesses[READ], ALICE, office.directory.groups(), Supposed(now=now))
    assert "is not known" in said
    office.directory.disabled = frozenset({ALICE})
    said = explain(policy, policy.accesses[READ], ALICE, office.directory.groups(), Supposed(now=now))
    assert "the directory says that their account is disabled" in said
