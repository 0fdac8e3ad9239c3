"""Who leaves a group of the directory, or is disabled there, loses what they hold by it."""

from datetime import timedelta

import pytest

from bot.followers.follower import Tools
from bot.followers.leavers import LOOK_EVERY, SILENT_FOR, Leavers
from jit.facts import Alert, RequesterLeft
from jit.ledger import Notes
from jit.people.answers import Because
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import RULES, World

DIRECTORY = """
directory:
  kind: ldap
  url: ldaps://ldap.corp
  bind_dn: cn=jit,dc=corp
  password: env:LDAP_PASSWORD
  base: dc=corp
  groups: {readers: "cn=readers,dc=corp"}
groups:"""
BY_DIRECTORY = (("\ngroups:", DIRECTORY), ('request: [U01ALICE0, "slack:S0ENGIN01"]', "request: [directory:readers]"))
MINUTE = 60.0


class House(World):
    def __init__(self, folder):
        super().__init__(folder)
        self.rules(*BY_DIRECTORY)
        self.directory.in_directory = {"readers": frozenset({ALICE, BOB})}
        self.restart()

    def restart(self):
        tools = Tools(
            ledger=self.ledger, notes=Notes(self.engine, Leavers.name), policies=self.policies, clock=self.clock
        )
        self.leavers = Leavers(tools, self.directory, self.queue)
        self.leavers.begin()

    def passes(self, seconds=MINUTE):
        until = self.clock.time + timedelta(seconds=seconds)
        while self.clock.time < until:
            self.leavers.step()
            self.clock.move(seconds=LOOK_EVERY)
        self.leavers.step()

    def active(self, **fields):
        return self.story("R-7F3K", **fields).active()

    def left(self):
        return [fact.because for fact in self.facts() if isinstance(fact, RequesterLeft)]

    def alerts(self):
        return [fact.says for fact in self.facts() if isinstance(fact, Alert)]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def test_who_is_in_the_group_keeps_it(house):
    house.active()
    house.passes()
    assert (house.left(), house.alerts()) == ([], [])


def test_who_leaves_the_group_loses_it_within_a_minute(house):
    house.active()
    house.passes(10)
    house.directory.in_directory = {"readers": frozenset({BOB})}
    house.passes(MINUTE)
    assert house.left() == ["left_rules"]
    assert house.queue.revokes == ["R-7F3K"]


def test_one_answer_of_the_directory_is_not_enough(house):
    house.active()
    house.passes(0)
    house.directory.in_directory = {"readers": frozenset({BOB})}
    once = house.directory.groups().directory
    house.directory.directory_read = lambda _now: once
    house.passes(20)
    assert house.left() == []


def test_a_directory_that_does_not_answer_ends_nothing_and_is_told_of(house):
    house.active()
    house.directory.unread = {"readers": Because.UNREACHABLE}
    house.passes(SILENT_FOR + 10)
    assert house.left() == []
    (says,) = house.alerts()
    assert says.startswith("The directory has not told for 120 s whether what is held by R-7F3K may still be held")


def test_a_group_that_was_deleted_is_told_of_and_ends_nothing(house):
    house.active()
    house.directory.in_directory = {"readers": frozenset()}
    house.passes()
    house.restart()
    house.passes()
    assert house.left() == []
    (says,) = house.alerts()
    assert says.startswith("The group readers of the directory is empty or gone")


def test_who_is_disabled_there_loses_what_they_hold_by_whatever_group(house):
    house.rules(
        ("request: [directory:readers]", "request: [U01ALICE0]\n    on_leave: alert"), text=_with(*BY_DIRECTORY)
    )
    house.active()
    house.passes(10)
    assert house.left() == []
    house.directory.disabled = frozenset({ALICE})
    house.passes(MINUTE)
    assert house.left() == ["left_rules"]


def test_who_is_disabled_and_let_only_by_a_group_that_is_gone_loses_it(house):
    house.active()
    house.directory.in_directory, house.directory.disabled = {"readers": frozenset()}, frozenset({ALICE})
    house.passes(MINUTE)
    assert house.left() == ["left_rules"]


def test_a_group_that_lets_go_most_who_hold_access_by_it_is_told_of_and_ends_nothing(house):
    """Also where the directory was silent before, and where it was silent since."""
    people = [ALICE, BOB, CAROL, EVE]
    house.directory.in_directory = {"readers": frozenset(people)}
    for number, person in enumerate(people):
        house.story(f"R-TEA{number}", requester=person, principal=person.lower()).active()
    house.passes(LOOK_EVERY)
    house.directory.unread = {"readers": Because.UNREACHABLE}
    house.passes(10)
    house.directory.unread = {}
    house.directory.in_directory = {"readers": frozenset({ALICE})}
    house.passes(MINUTE)
    house.directory.unread = {"readers": Because.UNREACHABLE}
    house.passes(10)
    house.directory.unread = {}
    house.directory.in_directory = {"readers": frozenset({ALICE, BOB})}
    house.passes(MINUTE)
    assert house.left() == []
    (says,) = (each for each in house.alerts() if "was changed" in each)
    assert says.startswith("The group readers of the directory was changed so that most of those who hold access by it")


def _with(*changes):
    text = RULES
    for old, new in changes:
        text = text.replace(old, new)
    return text
