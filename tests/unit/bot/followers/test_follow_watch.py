"""A part that is down is told of: once, and again every hour, by a clock that the test moves."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.followers.follower import Tools
from bot.followers.watch import LOOK_EVERY, PATIENCE, Watch
from jit.ledger import Notes, StoredDirectory
from jit.people.person import Person
from jit.requests.due import LATE
from tests.world.base import RULES, World


class House(World):
    def __init__(self, folder):
        super().__init__(folder)
        self.rules = self.policy_file
        self.story = super().story()
        self.restart()

    def restart(self):
        notes = Notes(self.engine, Watch.name)
        self.watch = Watch(Tools(ledger=self.ledger, notes=notes, policies=self.policies, clock=self.clock))
        self.watch.begin()

    def approved(self):
        self.story.asked()
        self.story.approval()
        self.story.approved()

    def passes(self, *, every=LOOK_EVERY, **time):
        """Time in which the bot runs and looks; a long one is tried with fewer looks than there are."""
        until = self.clock.time + timedelta(**time)
        while self.clock.time < until:
            self.watch.step()
            self.clock.move(seconds=every)
        self.watch.step()

    def extension_approved(self):
        self.story.active()
        self.story.extension_asked()
        self.story.extension_approved()

    def alerts(self):
        return [entry.fact for entry in self.ledger.read() if entry.fact.kind == "alert"]

    def names(self):
        return [alert.name for alert in self.alerts()]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


class TestNoWorker:
    def test_that_takes_up_what_was_approved_is_told_of_once(self, house):
        house.approved()
        house.passes(seconds=60)
        assert house.alerts() == []
        house.passes(minutes=5, every=10)
        (alert,) = house.alerts()
        assert (alert.name, alert.request_id, alert.requester) == ("not_begun", "R-7F3K", "U01ALICE0")
        assert "are the workers and Redis up, does orders-db answer, and are all clocks right?" in alert.says
        assert "`jit doctor`" in alert.says

    def test_is_told_once_over_restarts(self, house):
        house.approved()
        house.passes(minutes=2)
        house.restart()
        house.passes(minutes=2)
        assert house.names() == ["not_begun"]

    def test_is_told_again_every_hour(self, house):
        house.approved()
        house.passes(hours=1, minutes=2, every=30)
        assert house.names() == ["not_begun"] * 2

    def test_is_no_trouble_once_it_was_begun(self, house):
        house.approved()
        house.passes(seconds=61)
        house.story.intent()
        house.passes(minutes=2)
        assert house.alerts() == []


class TestNoTimekeeper:
    def test_that_ends_what_is_over_is_told_of(self, house):
        house.story.active()
        house.passes(minutes=30, every=30)
        assert house.alerts() == []
        house.passes(minutes=1)
        (alert,) = house.alerts()
        assert (alert.name, alert.request_id) == ("end_not_begun", "R-7F3K")
        assert "is a timekeeper running?" in alert.says

    def test_that_takes_up_a_release_is_told_of(self, house):
        house.story.active()
        house.story.released()
        house.passes(minutes=2)
        assert house.names() == ["end_not_begun"]

    def test_that_takes_up_a_revocation_is_told_of_as_soon_as_the_card_says_it(self, house):
        house.story.active()
        house.story.revoked()
        house.passes(seconds=LATE.seconds + PATIENCE + 2 * LOOK_EVERY)
        assert house.names() == ["end_not_begun"]

    def test_that_goes_on_trying_is_told_of(self, house):
        house.story.active()
        house.story.ending()
        house.story.not_ended()
        house.passes(minutes=6, every=10)
        assert house.alerts() == []
        house.passes(minutes=2)
        assert house.names() == ["end_not_begun"]

    def test_is_no_trouble_of_what_ends_in_time(self, house):
        house.story.active()
        house.passes(minutes=30, every=30)
        house.story.ending()
        house.story.ended()
        house.passes(minutes=10, every=10)
        assert house.alerts() == []

    def test_is_not_told_of_before_those_who_slept_too_could_act(self, house):
        house.story.active()
        house.clock.time += timedelta(hours=2)
        house.passes(seconds=PATIENCE - LOOK_EVERY)
        assert house.alerts() == []
        house.passes(seconds=PATIENCE)
        assert house.names() == ["end_not_begun"]


class TestRulesThatCannotBeRead:
    def break_rules(self, house):
        house.rules.write_text(RULES.replace("max_duration", "max_durration"))

    def test_are_told_of_with_the_first_mistakes(self, house):
        self.break_rules(house)
        house.passes(minutes=10, every=10)
        (alert,) = house.alerts()
        assert alert.name == "policy_broken"
        assert "test.policy.yml:12 access.orders-db/read.max_duration: is missing" in alert.says

    def test_are_news_again_after_they_were_mended(self, house):
        for _ in range(2):
            self.break_rules(house)
            house.passes(minutes=1)
            house.rules.write_text(RULES)
            house.passes(minutes=1)
        assert house.names() == ["policy_broken"] * 2

    def test_that_are_just_being_written_are_none(self, house):
        self.break_rules(house)
        house.passes(seconds=PATIENCE / 2)
        house.rules.write_text(RULES)
        house.passes(minutes=1)
        assert house.alerts() == []


def test_a_clock_set_back_does_not_silence_what_goes_on(house):
    house.rules.write_text("acess: {}")
    house.passes(minutes=1)
    house.clock.time -= timedelta(hours=5)
    house.passes(hours=1, minutes=1, every=30)
    assert house.names().count("policy_broken") >= 2


@pytest.mark.parametrize("begun", [False, True])
def test_an_extension_that_nobody_carries_out_is_told_of(tmp_path, begun):
    house = House(tmp_path)
    house.extension_approved()
    if begun:
        house.story.extending()
    house.passes(seconds=50)
    assert house.alerts() == []
    house.passes(seconds=40)
    (alert,) = house.alerts()
    assert alert.request_id == house.story.id
    assert alert.says.startswith("More time was approved more than 60 s ago")
    house.story.extended() if begun else house.story.extension_lapsed("not_begun")
    house.passes(seconds=90)
    assert len(house.alerts()) == 1


def test_a_changed_email_is_told_of_once_and_names_no_address(house):
    stored = StoredDirectory(house.engine)
    bob = Person(id="U02BOB000", team="T0TEST001", name="Bob", email="bob@example.com").seen_after(None)
    stored.keep_person(replace(bob, email="mallory@example.com"), house.clock.now())
    house.passes(minutes=2, every=10)
    house.restart()
    house.passes(days=3, every=7200)
    (alert,) = house.alerts()
    assert (alert.name, alert.requester) == ("email_changed", "U02BOB000")
    assert "jit people rebind U02BOB000" in alert.says
    assert "@" not in alert.says
