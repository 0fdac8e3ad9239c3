"""What Slack refuses for good is told on another way: to who asked, to security, on the record, by the doctor."""

import re
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.doctor.shown import look_at_refusals
from bot.followers.cards import Cards
from bot.followers.follower import LASTS, Leadership, LeaseTerm, follow
from bot.followers.homes import Homes, open_home
from bot.followers.messages import Messages
from bot.followers.watch import Watch
from bot.health import Health
from bot.mirror.audit_channel import AuditChannel
from bot.mirror.follower import Mirror
from jit.ledger import Leases, Notes, StoredDirectory
from jit.ledger.undelivered import REFUSED, undelivered
from jit.people.person import Groups
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import ALERTS, AUDIT, REQUESTS, RULES, SAM, in_a_file
from tests.world.face import Face
from tests.world.fake_slack import refusal

IN_ONE_CHANNEL = RULES.replace(", alerts: C0ALERT01", "")
WORDS = ("restricted_action_read_only_channel", "channel_not_found", "msg_too_long", "some_word_of_tomorrow")


class House(Face):
    """All followers and the watch, each as its own thread lets it run."""

    def __init__(self, folder, **how):
        super().__init__(folder, ledger=in_a_file(folder), **how)
        self.start_all()

    def start_all(self):
        self.lead = Leadership(Leases(self.engine, self.clock, LASTS), self.clock, "one")
        kinds = [(Watch,), (Cards,), (Messages,), (Mirror,), (AuditChannel,), (Homes, self.visibility())]
        self.followers = [self.start(*kind) for kind in kinds]
        self.terms = {follower.name: LeaseTerm(self.lead) for follower in self.followers}

    def passes(self, seconds, step=4.0):
        """Each step is shorter than the lease lasts."""
        for _ in range(int(seconds // step)):
            for follower in self.followers:
                self.turn(follower)
            self.clock.move(seconds=step)

    def turn(self, follower):
        """Until it waits for something."""
        pauses = iter([False])
        follow(follower, self.terms[follower.name], lambda pause: next(pauses, pause > 0))

    def refuses(self, word, *channels):
        for channel in channels:
            self.slack.refusing[channel] = refusal(word)

    def told(self):
        return [alert for alert in self.alerts() if alert.name == "not_shown"]

    def texts(self, channel):
        return [each["text"] for each in self.posted(channel)]

    def doctor(self):
        return list(look_at_refusals(SecretStr(str(self.engine.url))))

    def health(self):
        made = Health(ledger=self.ledger, directory=self.directory, policies=self.policies, clock=self.clock)
        made.connected = lambda: True
        return made


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def test_a_card_that_slack_refuses_is_told_within_a_minute_to_who_asked_and_to_security(tmp_path):
    for number, word in enumerate(WORDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        house = House(folder)
        house.refuses(word, REQUESTS)
        house.story().asked()
        house.passes(28)
        (alert,) = house.told()
        assert (alert.request_id, alert.requester) == ("R-7F3K", ALICE), word
        assert f"{REQUESTS} ({word})" in alert.says
        (asker,) = house.texts("D01ALICE0")
        assert asker.startswith("Nobody was asked yet: *orders-db/read*. Slack refuses its card in <#C0ACCESS1>"), word
        assert any("not shown" in text for text in house.texts(ALERTS)), word
        assert any("not shown" in text for text in house.texts(AUDIT)), word
        (line,) = house.doctor()
        assert line.ok is False
        assert f"no new cards in {REQUESTS} ({word})" in line.what
        assert house.health().ready()["slack"]
        assert not house.health().shown()
        house.engine.dispose()


def test_many_cards_that_slack_refuses_make_few_alerts_and_each_who_asked_is_told(house):
    house.refuses("restricted_action", REQUESTS)
    people = [f"U{number:08}" for number in range(30)]
    for number, person in enumerate(people):
        house.story(f"R-{1000 + number}", requester=person, principal=person).asked()
    house.passes(120)
    told = house.told()
    named = {each for alert in told for each in re.findall("R-[0-9]{4}", alert.says) or [alert.request_id]}
    assert len(named) == 30
    assert len(told) <= 6
    assert "Slack takes no cards in C0ACCESS1 (restricted_action): nobody is asked there." in told[-1].says
    assert all(len(house.texts(f"D{person[1:]}")) == 1 for person in people)
    house.start_all()
    house.passes(120)
    assert len(house.told()) == len(told)


def test_it_is_told_once_and_the_card_comes_once_slack_takes_it(house):
    house.refuses("restricted_action", REQUESTS)
    house.story().asked()
    house.passes(60)
    house.start_all()
    house.clock.move(hours=3)
    house.passes(30)
    assert len(house.told()) == 1
    assert len(house.texts("D01ALICE0")) == 1
    house.slack.refusing.clear()
    house.passes(60)
    assert len(house.posted(REQUESTS)) == 1
    assert list(undelivered(house.engine)) == []
    (line,) = house.doctor()
    assert line.ok
    assert house.health().shown()


def test_cards_that_waited_for_their_channel_come_as_soon_as_one_is_taken(house):
    house.refuses("restricted_action", REQUESTS)
    house.story().asked()
    house.passes(200)
    house.story("R-8888", requester=EVE).asked()
    house.slack.refusing.clear()
    house.passes(8)
    assert len(house.posted(REQUESTS)) == 2


def test_a_card_goes_to_the_channel_that_the_rules_name_since(house):
    house.refuses("is_archived", REQUESTS)
    house.story().asked()
    house.passes(20)
    house.rules(("channel: C0ACCESS1", "channel: C0ACCESS2"))
    house.last_good = house.policies.current()
    house.passes(120)
    assert len(house.posted("C0ACCESS2")) == 1
    assert list(undelivered(house.engine)) == []


def test_a_card_that_nobody_needs_any_more_is_not_tried_for_ever(house):
    house.refuses("restricted_action", REQUESTS)
    story = house.story()
    story.asked()
    house.passes(20)
    story.withdrawn()
    house.passes(40)
    house.slack.refusing.clear()
    house.passes(40)
    assert house.posted(REQUESTS) == []
    assert list(undelivered(house.engine)) == []


def test_one_card_that_slack_refuses_holds_up_no_other_of_its_channel(house):
    house.slack.fates = [(refusal("invalid_blocks"), False)]
    house.story().asked()
    house.story("R-8888", requester=BOB).asked()
    house.turn(house.followers[1])
    assert [("R-8888" in str(each["blocks"])) for each in house.posted(REQUESTS)] == [True]
    assert [each.key for each in undelivered(house.engine)] == ["R-7F3K"]


def test_a_card_that_can_be_changed_no_more_is_followed_by_one_that_is_true(house):
    for number, word in enumerate(("cant_update_message", "edit_window_closed")):
        story = house.story(f"R-{2000 + number}", requester=f"U{number:08}")
        story.asked()
        house.passes(4)
        story.denied()
        house.slack.fates = [(refusal(word), False)]
        house.turn(house.followers[1])
        house.passes(4)
        texts = [each["text"] for each in house.posted(REQUESTS) if story.id in str(each["blocks"])]
        assert [text.split()[0].strip("*") for text in texts][-1] == "Denied", word
        assert len(texts) == 2, word


def test_changes_of_cards_that_are_refused_are_told_and_given_up_after_a_day(house):
    story = house.story()
    story.asked()
    house.passes(4)
    house.refuses("is_archived", REQUESTS)
    story.withdrawn()
    house.passes(50)
    (alert,) = house.told()
    assert "no changes of cards in C0ACCESS1 (is_archived); 1 waits. Unarchive C0ACCESS1" in alert.says
    house.clock.move(days=1, minutes=10)
    house.passes(10)
    assert list(undelivered(house.engine)) == []


def test_an_alert_that_its_channel_refuses_goes_to_the_people_of_security(house):
    house.refuses("restricted_action", ALERTS)
    house.story().active().alert()
    house.passes(50)
    for person in (CAROL, SAM):
        texts = house.texts(f"D{person[1:]}")
        assert any("end late" in text for text in texts), person
    assert any("no alerts in C0ALERT01 (restricted_action)" in str(each) for each in house.posted(AUDIT))
    house.start_all()
    before = len(house.posted(f"D{SAM[1:]}"))
    house.passes(30)
    assert len(house.posted(f"D{SAM[1:]}")) == before


def test_alerts_beside_their_channel_reach_who_is_of_security_by_a_slack_group(house):
    house.rules(("security: [U03CAROL0, U05SAM000]", 'security: ["slack:S0SECUR01"]'))
    house.last_good = house.policies.current()
    members = {"S0SECUR01": frozenset({SAM})}
    StoredDirectory(house.engine).keep_groups(Groups(as_of=house.clock.now(), members=members))
    house.refuses("not_in_channel", ALERTS)
    house.story().active().alert()
    house.passes(20)
    assert any("end late" in text for text in house.texts(f"D{SAM[1:]}"))
    assert house.texts(f"D{CAROL[1:]}") == []


def test_audit_lines_that_are_refused_are_told_on_another_way(tmp_path):
    for number, rules in enumerate((RULES, IN_ONE_CHANNEL)):
        folder = tmp_path / str(number)
        folder.mkdir()
        house = House(folder, rules=rules)
        house.refuses("restricted_action", AUDIT)
        house.story().asked()
        house.passes(28)
        assert any("lines of the audit channel in C0AUDIT01" in alert.says for alert in house.told()), number
        other = ALERTS if rules == RULES else f"D{SAM[1:]}"
        assert any("not shown" in text for text in house.texts(other)), number
        assert any("lines of the audit channel" in line.what for line in house.doctor()), number
        house.slack.refusing.clear()
        house.clock.move(minutes=10)
        house.passes(30)
        assert list(undelivered(house.engine)) == [], number
        house.engine.dispose()


def test_direct_messages_that_are_refused_are_told_to_security_and_given_up_after_a_day(house):
    house.refuses("cannot_dm_bot", "D01ALICE0")
    house.story().active()
    house.passes(50)
    (alert,) = house.told()
    assert "no direct messages (cannot_dm_bot); 1 waits. Turn the Messages Tab on" in alert.says
    house.clock.move(days=1, minutes=10)
    house.passes(30)
    assert list(undelivered(house.engine)) == []


def test_homes_that_are_refused_are_told_once_for_all(house):
    for person in (ALICE, BOB):
        open_home(Notes(house.engine, Homes.name), person)
        house.refuses("not_enabled", person)
    house.passes(50)
    (alert,) = house.told()
    assert "no App Homes (not_enabled); 2 wait" in alert.says
    house.slack.refusing.clear()
    house.clock.move(minutes=10)
    house.passes(8)
    assert list(undelivered(house.engine)) == []


def test_the_home_of_who_is_deactivated_troubles_nobody(house):
    open_home(Notes(house.engine, Homes.name), ALICE)
    house.passes(4)
    house.directory.change(ALICE, deleted=True)
    house.refuses("user_disabled", ALICE)
    open_home(Notes(house.engine, Homes.name), ALICE)
    house.passes(60)
    assert house.told() == []
    assert Notes(house.engine, Homes.name).all("opened:") == {}


def test_a_token_that_slack_refuses_is_told_wherever_slack_is_not_needed(house):
    house.story().asked()
    everything = {REQUESTS, ALERTS, AUDIT, *(f"D{each[1:]}" for each in (ALICE, BOB, CAROL, SAM))}
    house.refuses("token_revoked", *everything)
    house.passes(50)
    assert house.posted(REQUESTS) == []
    assert any("Slack takes no messages (token_revoked). Set SLACK_BOT_TOKEN" in alert.says for alert in house.told())
    assert not house.health().ready()["slack"]
    assert any("token_revoked" in line.what and line.ok is False for line in house.doctor())
    house.slack.refusing.clear()
    house.passes(60)
    assert len(house.posted(REQUESTS)) == 1
    assert house.health().ready()["slack"]
    assert house.health().shown()


def test_the_audit_channel_that_cannot_be_looked_at_is_told(house, monkeypatch):
    house.story().asked()
    house.passes(10)
    history = house.slack.conversations_history

    def refused(**asked):
        if asked["channel"] == AUDIT and asked.get("include_all_metadata"):
            raise refusal("missing_scope")
        return history(**asked)

    monkeypatch.setattr(house.slack, "conversations_history", refused)
    house.start_all()
    house.passes(50)
    assert any("no looks at the audit channel" in alert.says for alert in house.told())
    monkeypatch.undo()
    house.passes(120)
    assert list(undelivered(house.engine)) == []


def test_junk_among_the_notes_stops_nothing(house):
    Notes(house.engine, Cards.name).put({REFUSED + "R-7F3K": "junk", REFUSED + "R-8888": '["a", "b", "c", "d"]'})
    house.story().asked()
    house.passes(20)
    assert len(house.posted(REQUESTS)) == 1
    assert house.told() == []


def test_who_reads_the_record_can_tell_one_refusal_from_the_next(house):
    house.refuses("restricted_action", REQUESTS)
    house.story().asked()
    house.passes(30)
    house.slack.refusing.clear()
    house.clock.move(minutes=10)
    house.passes(8)
    house.refuses("is_archived", REQUESTS)
    house.story("R-8888", requester=EVE).asked()
    house.passes(30)
    assert [alert.request_id for alert in house.told()] == ["R-7F3K", "R-8888"]
    assert house.clock.now() - house.told()[-1].at < timedelta(minutes=1)
