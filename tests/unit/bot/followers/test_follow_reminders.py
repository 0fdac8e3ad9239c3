"""Whoever has not answered is reminded, by a clock that the test moves."""

from datetime import timedelta

import pytest

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.followers.outbox import Unsure
from bot.followers.reminders import Reminders, reminders
from jit.facts import Alert, AlertName, Away, Escalation, Quorum, Source
from jit.ledger import Notes, StoredDirectory
from jit.people.on_call import NOTHING_KNOWN, Shift
from jit.people.person import Person
from jit.testing import ALICE, BOB, CAROL, DBA, EVE, SECURITY
from playground.blocks import message_problems
from playground.text import pinged
from tests.world.base import ALERTS, REQUESTS, SAM, in_a_file
from tests.world.face import Face
from tests.world.fake_slack import refusal


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path, ledger=in_a_file(tmp_path))
    yield house
    house.engine.dispose()


def test_half_of_the_time_before_it_lapses_and_once_more_shortly_before(house):
    follower, story = house.start(Reminders), house.story()
    story.asked()
    asked, lapses = story.request.asked_at, story.request.pending_until
    house.work(follower)
    house.clock.time = asked + (lapses - asked) / 2 - timedelta(seconds=1)
    house.work(follower)
    assert house.posted(REQUESTS) == []
    house.work(follower, 2)
    (first,) = house.posted(REQUESTS)
    assert first["text"].startswith("Still waiting: *Alice* asks for *orders-db/read*")
    assert pinged(first) == {BOB, CAROL}
    assert message_problems(first["blocks"]) == []
    house.work(follower, 60, tick=10)
    assert len(house.posted(REQUESTS)) == 1
    house.clock.time = lapses - timedelta(minutes=10)
    house.work(follower, 60, tick=10)
    assert len(house.posted(REQUESTS)) == 2
    house.clock.time = lapses
    house.work(follower, 60, tick=10)
    assert len(house.posted(REQUESTS)) == 2


def test_only_those_who_can_still_decide_are_mentioned(house):
    follower, story = house.start(Reminders), house.story(needs=(DBA, SECURITY))
    story.asked()
    story.approval()
    house.clock.time = story.request.pending_until - timedelta(minutes=30)
    house.work(follower)
    (said,) = house.posted(REQUESTS)
    assert BOB not in pinged(said)
    assert CAROL in pinged(said)


def test_it_stops_when_it_is_answered_and_what_was_said_is_drawn_anew(house):
    follower, story = house.start(Reminders), house.story()
    other = house.story("R-8888", requester=ALICE, access="orders-db/write")
    story.asked()
    other.asked()
    house.clock.time = story.request.pending_until - timedelta(hours=1)
    other.approval()
    other.approved()
    house.work(follower, 3)
    (said,) = house.posted(REQUESTS)
    assert "R-7F3K" in str(said["blocks"])
    story.denied()
    house.work(follower, 3)
    assert said["text"] == "No longer waiting: *orders-db/read* for *Alice*, denied"
    assert pinged(said) == set()
    house.clock.time = story.request.pending_until - timedelta(minutes=5)
    house.work(follower, 3)
    assert len(house.posted(REQUESTS)) == 1


def test_nothing_is_said_twice_or_forgotten_over_a_restart(house):
    story = house.story()
    story.asked()
    house.clock.time = story.request.pending_until - timedelta(hours=2)
    house.slack.fates = [(TimeoutError(), True)]
    with pytest.raises(Unsure):
        house.work(house.start(Reminders))
    house.work(house.start(Reminders), 3)
    house.work(house.start(Reminders), 3)
    (said,) = house.posted(REQUESTS)
    story.approval()
    story.approved()
    house.work(house.start(Reminders), 3)
    assert said["text"].endswith("approved")
    assert Notes(house.engine, Reminders.name).all("").keys() == {"cursor"}


def test_what_was_missed_is_said_once_and_what_is_short_not_at_all(house):
    story = house.story()
    story.asked()
    house.clock.time = story.request.pending_until - timedelta(minutes=2)
    house.work(house.start(Reminders), 3)
    assert len(house.posted(REQUESTS)) == 1
    short = house.story("R-8888", access="a", pending_until=house.clock.time + timedelta(minutes=9))
    short.asked()
    assert reminders(short.request) == []
    half = house.story("R-9999", access="b", pending_until=house.clock.time + timedelta(minutes=30))
    half.asked()
    assert [each.nth for each in reminders(half.request)] == [1]


def test_a_channel_that_refuses_holds_up_no_other(house):
    follower = house.start(Reminders)
    house.slack.refusing["C0SHUT001"] = refusal("restricted_action")
    for number, channel in enumerate(("C0SHUT001", REQUESTS)):
        house.story(f"R-777{number}", channel=channel, access=f"orders-db/{number}").asked()
    house.clock.move(hours=5)
    house.work(follower, 3)
    assert len(house.posted(REQUESTS)) == 1
    house.slack.refusing.clear()
    house.work(follower, 20)
    assert len(house.posted("C0SHUT001")) == 1


ON_CALL_DECIDE = (
    ("access:\n", 'schedules:\n  sre: {kind: icalendar, url: "file:sre.ics"}\naccess:\n'),
    ("access:\n", 'alerts: {notify: ["oncall:sre"]}\naccess:\n'),
)
SRE = Quorum(label="sre", who=("oncall:sre", BOB), count=1)


def on_call(house, *people):
    shift = Shift("sre", frozenset(people), house.clock.now(), "icalendar", 0.0)
    StoredDirectory(house.engine).keep_on_call(NOTHING_KNOWN.with_answer(shift))


def test_whoever_is_on_call_now_is_mentioned_on_the_card_in_the_reminder_and_in_the_alert(house):
    house.rules(*ON_CALL_DECIDE)
    house.last_good = house.policies.current()
    cards, reminding, messages = house.start(Cards), house.start(Reminders), house.start(Messages)
    story = house.story(needs=(SRE,))
    story.asked()
    on_call(house, CAROL)
    house.work(cards, 3)
    assert pinged(house.posted(REQUESTS)[0]) == {BOB, CAROL}
    house.clock.time = story.request.pending_until - timedelta(hours=2)
    on_call(house, EVE)
    house.work(reminding)
    by = {"at": house.clock.now(), "actor": "bot@here", "source": Source.BOT}
    house.ledger.append([Alert(**by, name=AlertName.RECORD_BROKEN, says="It is")])
    house.work(messages, 3)
    assert pinged(house.posted(REQUESTS)[1]) == {BOB, EVE}
    assert pinged(house.posted(ALERTS)[0]) == {EVE}
    assert "oncall:" not in str(house.slack.messages)


def test_a_schedule_that_is_not_known_is_named_and_mentioned_as_nobody(house):
    house.rules(*ON_CALL_DECIDE)
    house.last_good = house.policies.current()
    cards = house.start(Cards)
    house.story(needs=(SRE,)).asked()
    house.work(cards, 3)
    (card,) = house.posted(REQUESTS)
    assert "Needs 1 of <@U02BOB000>, on call for sre · " in str(card["blocks"])


def test_those_of_a_later_stage_are_not_reminded_before_it_is_their_turn(house):
    follower = house.start(Reminders)
    later = SECURITY.model_copy(update={"stage": 2, "who": (EVE,)})
    story = house.story(needs=(DBA, later))
    story.asked()
    house.clock.time = story.request.pending_until - timedelta(hours=2)
    house.work(follower)
    assert pinged(house.posted(REQUESTS)[0]) == {BOB, CAROL}


def test_those_who_are_asked_when_nobody_decides_are_mentioned_once_and_alone(house):
    escalation = Escalation(after=timedelta(minutes=15), to=("group:security",))
    follower, story = house.start(Reminders), house.story(escalation=escalation)
    story.asked()
    house.clock.move(minutes=15)
    story.escalated()
    house.work(follower, 5)
    (said,) = house.posted(REQUESTS)
    assert pinged(said) == {CAROL, SAM}
    assert "Nobody has decided for 15 min, so these can, too" in str(said["blocks"])
    house.work(house.start(Reminders), 5)
    assert len(house.posted(REQUESTS)) == 1
    story.denied()
    house.work(house.start(Reminders), 5)
    assert said["text"].startswith("No longer waiting")


def leave(house, by=BOB, substitute=CAROL, last=timedelta(days=3)):
    now = house.clock.now()
    house.ledger.append([Away(at=now, actor=by, source=Source.SLACK, until=now + last, substitute=substitute)])


def test_who_is_away_is_not_reminded_and_the_one_who_stands_in_is(house):
    follower, story = house.start(Reminders), house.story()
    story.asked()
    leave(house)
    house.clock.time = story.request.pending_until - timedelta(minutes=30)
    house.work(follower)
    (said,) = house.posted(REQUESTS)
    assert pinged(said) == {CAROL}


@pytest.mark.parametrize(("by", "substitute"), [(BOB, EVE), (BOB, ALICE)])
def test_one_who_left_the_group_or_asks_stands_in_for_nobody(house, by, substitute):
    follower, story = house.start(Reminders), house.story()
    story.asked()
    leave(house, by, substitute)
    house.clock.time = story.request.pending_until - timedelta(minutes=30)
    house.work(follower)
    (said,) = house.posted(REQUESTS)
    assert pinged(said) == {BOB, CAROL}


def test_who_may_decide_nothing_is_not_reminded(house):
    stored = StoredDirectory(house.engine)
    stored.keep_workspace("T0TEST001", house.clock.now())
    bob = Person(id=BOB, team="T0TEST001", name="Bob", email="mallory@example.com", first_email="bob@example.com")
    stored.keep_person(bob, house.clock.now())
    follower, story = house.start(Reminders), house.story()
    story.asked()
    house.clock.time = story.request.pending_until - timedelta(minutes=30)
    house.work(follower)
    (said,) = house.posted(REQUESTS)
    assert pinged(said) == {CAROL}


class TestOfAnExtension:
    @pytest.fixture
    def story(self, house):
        escalation = Escalation(after=timedelta(minutes=20), to=("group:security",))
        return house.story(duration=timedelta(hours=4), escalation=escalation).active()

    @pytest.fixture
    def follower(self, house, story):
        return house.start(Reminders)

    def waits_for(self, house, story, minutes):
        house.clock.time = story.request.undecided.asked_at + timedelta(minutes=minutes)

    def test_those_who_decide_are_reminded_as_of_a_request(self, house, story, follower):
        story.extension_asked(pending_for=60)
        self.waits_for(house, story, 29)
        house.work(follower)
        assert house.posted(REQUESTS) == []
        self.waits_for(house, story, 31)
        house.work(follower, 2)
        (said,) = house.posted(REQUESTS)
        assert said["text"].startswith("Still waiting: *Alice* asks for 30 min more with *orders-db/read* · lapses")
        assert pinged(said) == {BOB, CAROL}
        assert message_problems(said["blocks"]) == []
        self.waits_for(house, story, 51)
        house.work(house.start(Reminders), 2)
        assert len(house.posted(REQUESTS)) == 2

    def test_others_are_asked_when_it_is_escalated(self, house, story, follower):
        story.extension_asked(pending_for=60)
        self.waits_for(house, story, 20)
        story.extension_escalated()
        house.work(follower, 2)
        (said,) = house.posted(REQUESTS)
        assert "Nobody has decided for 20 min, so these can, too" in str(said["blocks"])
        assert pinged(said) == {CAROL, SAM}

    @pytest.mark.parametrize("answer", ["extension_withdrawn", "extension_denied", "released", "ending"])
    def test_once_it_is_over_that_is_said_and_nobody_is_mentioned(self, house, story, follower, answer):
        story.extension_asked(pending_for=60)
        self.waits_for(house, story, 31)
        house.work(follower, 2)
        getattr(story, answer)()
        house.work(follower, 2)
        (said,) = house.posted(REQUESTS)
        assert said["text"].startswith("No longer waiting: more time with *orders-db/read* for *Alice*")
        assert pinged(said) == set()
        assert Notes(house.engine, Reminders.name).all("said:") == {}

    def test_what_was_said_of_one_is_said_of_the_next_again(self, house, story, follower):
        for number in (1, 2):
            story.extension_asked(pending_for=60)
            self.waits_for(house, story, 31)
            house.work(follower, 2)
            assert len(house.posted(REQUESTS)) == number
            story.extension_withdrawn()
        story.extension_asked(pending_for=60)
        house.work(house.start(Reminders), 5)
        texts = [each["text"].partition(":")[0] for each in house.posted(REQUESTS)]
        assert texts == ["No longer waiting"] * 2
