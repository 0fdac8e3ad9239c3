"""How loud a break-glass is, and to whom; and its review, until it is closed: by a clock that the test moves."""

import re
from collections import Counter
from datetime import timedelta

import pytest

from bot.followers.cards import Cards
from bot.followers.follower import Tools
from bot.followers.homes import Homes, open_home
from bot.followers.messages import Messages
from bot.followers.watch import PATIENCE, Watch
from bot.views.held import TITLE
from jit.facts import EndCause
from jit.ledger import Notes
from jit.requests.intake import RequestForm
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.approve import approve
from jit.use_cases.break_glass import break_glass
from jit.use_cases.core import Core
from jit.use_cases.review import review
from playground.text import rendered
from tests.world.base import ALERTS, REQUESTS, SAM
from tests.world.break_glass import ADMIN, READ, RULES
from tests.world.face import Face
from tests.world.office import WHY, actor


class House(Face):
    def __init__(self, folder):
        super().__init__(folder, rules=RULES)
        self.directory.on_call = {"sre": frozenset({ALICE})}
        self.incidents.open = {"INC-42": True}
        self.core = Core(
            ledger=self.ledger, policies=self.policies, directory=self.directory,
            queue=self.queue, clock=self.clock, incidents=self.incidents,
        )  # fmt: skip
        self.cards, self.messages = self.start(Cards), self.start(Messages)
        self.homes = self.start(Homes, self.visibility())
        for person in (ALICE, BOB, CAROL, SAM):
            open_home(Notes(self.engine, Homes.name), person)
        self.watch = self.watching()

    def watching(self):
        notes = Notes(self.engine, Watch.name)
        watch = Watch(Tools(ledger=self.ledger, notes=notes, policies=self.policies, clock=self.clock))
        watch.begin()
        return watch

    def breaks(self, access=ADMIN, by=ALICE):
        return break_glass(self.core, by=actor(by), asked=RequestForm(access, "30m", WHY, "INC-42"))

    def given(self):
        request = self.breaks()
        self.draws()
        story = self.story(request.id)
        story.intent()
        story.granted()
        self.draws()
        return request

    def over(self, request):
        story = self.story(request.id)
        story.ending(EndCause.EXPIRED)
        story.ended()
        self.draws()

    def reviewed(self, request, by=SAM):
        review(self.core, by=actor(by), request_id=request.id, verdict="not_justified", reason="there was time to ask")
        self.draws()

    def draws(self):
        for follower in (self.cards, self.messages, self.homes):
            self.work(follower, 3)

    def looks(self, **time):
        self.clock.move(**time)
        for _ in range(3):
            self.watch.step()
            self.clock.move(seconds=PATIENCE + 1)
        self.watch.step()
        self.draws()

    def home(self, person):
        drawn = {key: value for key, value in self.slack.homes[person].items() if key != "hash"}
        return rendered(drawn, lambda who: who)

    def alert(self):
        return self.posted(ALERTS)[0]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def mentioned(messages):
    return Counter(re.findall(r"<@(\w+)>", str([each["blocks"] for each in messages])))


def test_everybody_who_was_not_asked_is_told_once_and_no_more_is_said_than_that(house):
    first = house.breaks()
    house.draws()
    posted = house.slack.messages
    assert [each["channel"] for each in posted] == [REQUESTS, ALERTS]
    assert mentioned(posted) == {BOB: 1, CAROL: 1, SAM: 1}
    card, alert = posted
    for each in (card, alert):
        assert each["text"].startswith("*BREAK-GLASS* · Approved ")
        assert str(each["blocks"]).count("INC-42") == 1
        assert "jit.revoke" in str(each["blocks"]) or "jit.end" in str(each["blocks"])
    story = house.story(first.id)
    story.intent()
    story.granted()
    house.draws()
    house.over(first)
    house.reviewed(first)
    assert [each["channel"] for each in posted] == [REQUESTS, ALERTS, *["D01ALICE0"] * 3]
    assert [each["text"].split(":")[0] for each in posted[2:]] == ["Over", "Ended", "Reviewed"]


def test_the_review_stands_in_the_alert_until_it_is_closed_after_the_end_and_over_a_restart_too(house):
    first = house.given()
    assert "jit.justified" in str(house.alert()["blocks"])
    house.over(first)
    house.messages = house.start(Messages)
    assert "jit.not_justified" in str(house.alert()["blocks"])
    assert "jit.revoke" not in str(house.alert()["blocks"])
    house.reviewed(first)
    shown = str(house.alert()["blocks"])
    assert "*not justified*" in shown
    assert "there was time to ask" in shown
    assert "jit.justified" not in shown
    assert "*not justified*" in str(house.posted(REQUESTS)[0]["blocks"])


def test_homes_of_reviewers_hold_the_review_and_that_of_whoever_broke_the_glass_says_so(house):
    first = house.given()
    house.over(first)
    for person in (CAROL, SAM):
        assert "Not justified" in house.home(person)
        assert first.id in house.home(person)
    assert "Justified" not in house.home(BOB)
    assert "Review open: *orders-db/admin*" in house.home(ALICE)
    assert "needs a co-signer" in house.home(ALICE)
    assert "Justified" not in house.home(ALICE)
    house.reviewed(first)
    assert "Justified" not in house.home(SAM)
    assert "Review open" not in house.home(ALICE)


def test_whoever_may_co_sign_is_asked_once_and_does_not_review(house):
    house.given()
    posted = len(house.slack.messages)
    second = house.breaks(READ)
    house.draws()
    [card] = house.slack.messages[posted:]
    assert mentioned([card]) == {EVE: 1, BOB: 1, CAROL: 1, SAM: 1}
    assert "asks for *orders-db/read*" in card["text"]
    approve(house.core, by=actor(CAROL), request_id=second.id, digest=second.digest)
    story = house.story(second.id)
    story.intent()
    story.granted()
    house.draws()
    assert "co-signed by U03CAROL0" in card["text"]
    assert second.id not in house.home(CAROL).partition(TITLE)[0]
    assert second.id in house.home(SAM)


def test_an_overdue_review_is_told_of_once_and_then_each_day_and_is_over_with_the_verdict(house):
    first = house.given()
    house.over(first)
    house.looks(hours=23)
    assert house.kinds().count("alert") == 1
    house.looks(hours=1)
    assert house.kinds(first.id)[-2:] == ["alert", "break_glass.escalated"]
    overdue = house.posted(ALERTS)[-1]
    assert mentioned([overdue]) == {CAROL: 1, SAM: 1}
    assert "jit.justified" in str(overdue["blocks"])
    house.watch = house.watching()
    house.looks(hours=22)
    assert house.kinds().count("alert") == 2
    house.looks(hours=2)
    assert house.kinds().count("alert") == 3
    assert house.kinds().count("break_glass.escalated") == 1
    house.reviewed(first)
    assert all(each["text"].startswith("Over: reviewed") for each in house.posted(ALERTS)[1:])
    house.looks(days=2)
    assert house.kinds().count("alert") == 3


def test_what_was_reviewed_in_time_never_escalates(house):
    first = house.given()
    house.over(first)
    house.reviewed(first)
    house.looks(days=3)
    assert house.kinds().count("alert") == 1
    assert house.request(first.id).review_escalated_at is None
    assert house.clock.now() - first.asked_at > timedelta(days=3)
