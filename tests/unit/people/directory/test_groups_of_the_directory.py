"""Whom groups of the directory mean; and how little is known where it does not answer."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr

from jit.errors import Expected
from jit.ledger import StoredDirectory
from jit.people.answers import Because
from jit.people.binding import Bindings, Named
from jit.people.directory import NOTHING_READ, DirectorySnapshot, Members, NotKnown
from jit.people.directory.answer import FRESH_FOR, NotRead
from jit.people.directory.ldap import Listed
from jit.people.directory.poller import DirectoryPoller, Rules
from jit.people.directory.settings import DirectoryForm
from jit.people.membership import Membership, StaleGroups
from jit.people.person import Groups
from jit.runtime.settings import MissingSecret
from jit.testing import ALICE, BOB, CAROL, EVE, T0, InMemoryLedger, ManualClock

DBA = "cn=dba,dc=corp"
FORM = {
    "kind": "ldap",
    "url": "ldaps://ldap.corp",
    "bind_dn": "cn=jit,dc=corp",
    "password": "env:LDAP_PASSWORD",
    "base": "dc=corp",
    "groups": {"dba": DBA},
}
MEMBERS = Members("dba", DBA, frozenset({ALICE}), T0)


def snapshot(answer, *, found=(), disabled=()):
    return Groups(T0, directory=DirectorySnapshot({"dba": answer}, frozenset(found), frozenset(disabled)))


class Fake:
    """A directory in which ``dba`` has these members; ``wrong`` is raised when it is opened, or a group is read."""

    def __init__(self):
        self.members = ["alice"]
        self.others = 0
        self.wrong = None
        self.wrong_in_group = None
        self.locked = []

    @contextmanager
    def open(self, form, secret):
        secret(form.password)
        if self.wrong:
            raise self.wrong
        yield self

    def find_people(self, names, emails):
        return [Named(name) for name in names]

    def disabled(self, names, emails):
        return [Named(name) for name in self.locked]

    def group(self, entry):
        assert entry == DBA
        if self.wrong_in_group:
            raise self.wrong_in_group
        return Listed([Named(name) for name in self.members], self.others)


class House:
    def __init__(self, **form):
        self.clock = ManualClock()
        self.fake = Fake()
        self.form = FORM | form
        self.people = {ALICE: {"ldap": "Alice"}, BOB: {"ldap": "bob"}}
        self.poller = self.another()

    def another(self, **how):
        return DirectoryPoller(self.rules, lambda _: SecretStr("x"), self.clock, open_directory=self.fake.open, **how)

    def rules(self):
        return Rules(DirectoryForm.model_validate(self.form) if self.form else None, Bindings(self.people))

    def who(self):
        self.poller.poll()
        return self.poller.snapshot().who("dba", self.clock.now())


def test_who_is_meant_and_when_that_is_not_known():
    membership = Membership({"dba": ["directory:dba", CAROL]}, ["directory:dba"])
    for answer, age, expected in (
        (MEMBERS, 0, {ALICE, CAROL}),
        (MEMBERS, 30, {ALICE, CAROL}),
        (MEMBERS, 30.001, StaleGroups),
        (MEMBERS, -3, StaleGroups),
        (Members("dba", DBA, frozenset(), T0, gone=True), 0, {CAROL}),
        *((NotKnown("dba", because, T0), 0, StaleGroups) for because in Because),
    ):
        groups, now = snapshot(answer), T0 + timedelta(seconds=age)
        if expected is StaleGroups:
            for ask in (
                lambda g, n: membership.members(["group:dba"], g, n),
                lambda g, n: membership.circles(ALICE, g, n).touch(["group:dba"]),
                lambda g, n: membership.groups_of(EVE, g, n),
            ):
                with pytest.raises(StaleGroups):
                    ask(groups, now)
            assert membership.circles(CAROL, groups, now).touch(["group:dba"])  # by the files alone
        else:
            assert membership.members(["group:dba"], groups, now) == expected
            assert membership.circles(ALICE, groups, now).touch(["group:dba"]) is (ALICE in expected)
    with pytest.raises(StaleGroups):
        membership.members(["group:dba"], Groups(T0), T0)


def test_what_was_found_for_fresh_groups_is_not_remembered_for_stale_ones():
    membership, groups = Membership({}, ["directory:dba"]), snapshot(MEMBERS)
    assert membership.circles(ALICE, groups, T0).touch(["directory:dba"])
    with pytest.raises(StaleGroups):
        membership.circles(ALICE, groups, T0 + FRESH_FOR + timedelta(seconds=1)).touch(["directory:dba"])


def test_that_a_denied_group_does_not_mean_somebody_has_to_be_known():
    membership = Membership({}, ["directory:dba"])
    two_more, gone = Members("dba", DBA, frozenset({ALICE}), T0, 2), Members("dba", DBA, frozenset(), T0, gone=True)
    for answer, person, expected in (
        (two_more, ALICE, True),
        (two_more, BOB, False),  # found in the directory, and not one of its members
        (two_more, EVE, StaleGroups),  # perhaps one of those whom nobody knows
        (MEMBERS, EVE, False),
        (gone, BOB, StaleGroups),  # or hidden
    ):
        circles = membership.circles(person, snapshot(answer, found={ALICE, BOB}), T0)
        if expected is StaleGroups:
            with pytest.raises(StaleGroups):
                circles.may_touch(["directory:dba"])
        else:
            assert circles.may_touch(["directory:dba"]) is expected
        assert circles.touch(["directory:dba"]) is (expected is True)


def test_by_what_somebody_is_in_a_group():
    membership = Membership({"dba": ["directory:dba", CAROL, "group:inner"], "inner": ["slack:S0ENGIN01"]}, [])
    groups = Groups(T0, {"S0ENGIN01": frozenset({BOB})}, directory=DirectorySnapshot({"dba": MEMBERS}))
    for person, leaf in ((ALICE, "directory:dba"), (BOB, "slack:S0ENGIN01"), (CAROL, CAROL), (EVE, "group:dba")):
        assert membership.by("group:dba", person, groups, T0) == leaf


def test_members_are_bound_by_the_name_in_the_policy_whatever_its_letters():
    house = House()
    house.fake.members, house.fake.others = ["alice", "mallory"], 3
    told = house.who()
    assert (told.people, told.unbound, told.entry) == ({ALICE}, 4, DBA)
    assert house.poller.snapshot().found == {ALICE, BOB}


def test_what_is_no_answer_takes_the_place_of_one_unless_it_may_pass():
    passing = {Because.NO_ANSWER, Because.UNREACHABLE, Because.BUSY, Because.ERROR}
    for because in Because:
        for field in ("wrong", "wrong_in_group"):
            house = House()
            assert house.who().people == {ALICE}
            setattr(house.fake, field, NotRead(because))
            house.clock.move(seconds=FRESH_FOR.seconds)
            told = house.who()
            assert isinstance(told, Members if because in passing else NotKnown), because
            house.clock.move(seconds=1)
            assert isinstance(house.who(), NotKnown), because


def test_an_answer_about_another_entry_is_none():
    house = House()
    assert house.who().people == {ALICE}
    house.form = house.form | {"groups": {"dba": "cn=other,dc=corp"}}
    house.fake.wrong = NotRead(Because.UNREACHABLE)
    assert house.who().reason is Because.UNREACHABLE


def test_a_secret_that_is_missing_is_a_reason_and_no_fault():
    house = House()

    def missing(_):
        raise MissingSecret("LDAP_PASSWORD is not set.")

    house.poller = DirectoryPoller(house.rules, missing, house.clock, open_directory=house.fake.open)
    assert house.who().reason is Because.NO_CREDENTIAL


def test_a_policy_without_a_directory_forgets_it():
    house = House()
    house.who()
    house.form = None
    assert house.who().reason is Because.NOT_ASKED
    assert house.poller.snapshot() == NOTHING_READ


def test_rules_that_cannot_be_read_leave_what_is_known_to_grow_old():
    house = House()
    house.who()

    def broken():
        raise Expected

    house.poller = DirectoryPoller(
        broken,
        lambda _: SecretStr("x"),
        house.clock,
        open_directory=house.fake.open,
        begin_with=snapshot(MEMBERS).directory,
    )
    assert house.who().people == {ALICE}
    house.clock.move(seconds=31)
    assert house.who().reason is Because.STALE


def test_disabled_accounts_are_those_the_policy_binds():
    house = House(disabled="(locked=1)")
    house.fake.locked = ["bob", "mallory"]
    house.who()
    assert house.poller.snapshot().disabled == {BOB}


def test_processes_that_cannot_ask_know_what_was_kept_and_how_old_it_is():
    house, ledger = House(), InMemoryLedger(ManualClock())
    stored = StoredDirectory(ledger.engine)
    house.poller = house.another(keep=stored.keep_directory)
    house.who()
    for kept in (stored, stored.seen_together([ALICE])):
        assert kept.groups().directory == house.poller.snapshot()
    assert isinstance(stored.groups().directory.who("dba", house.clock.now() + timedelta(seconds=31)), NotKnown)


def test_what_cannot_be_read_of_it_is_nothing_known():
    good = DirectorySnapshot({"dba": MEMBERS}, frozenset({ALICE}), frozenset({BOB}))
    assert DirectorySnapshot.from_json(good.to_json()) == good
    for bad in (
        "",
        "{}]",
        "[]",
        good.to_json().replace('"found"', '"fond"'),
        good.to_json().replace('"dba":', '"dbb":'),
    ):
        assert DirectorySnapshot.from_json(bad) == NOTHING_READ
