"""What is written to people, and to the channel of alerts, step by step, by a clock that the test moves."""

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.followers.cards import Cards
from bot.followers.follower import LASTS, Leadership, LeaseTerm, follow
from bot.followers.messages import Messages
from bot.followers.outbox import Unsure
from bot.mirror.follower import Mirror
from jit.facts import Alert, AlertName, Away, PolicyChanged, Source
from jit.ledger import Leases, StoredDirectory
from jit.people.person import Person
from jit.testing import ALICE, BOB, CAROL, EVE
from playground.text import pinged
from tests.world.base import ALERTS, AUDIT, REQUESTS, in_a_file
from tests.world.face import Face
from tests.world.fake_slack import refusal
from tests.world.tamper import past_the_guards


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path, ledger=in_a_file(tmp_path))
    yield house
    house.engine.dispose()


def test_nothing_said_twice_or_forgotten_over_a_restart(house):
    story = house.story().active()
    house.slack.fates = [(TimeoutError(), True)]
    with pytest.raises(Unsure):
        house.work(house.start(Messages))
    story.released()
    story.ended()
    house.work(house.start(Messages), 5)
    texts = [each["text"] for each in house.posted("D01ALICE0")]
    assert [text.split()[0] for text in texts] == ["Over:", "Ended:"]


def test_buttons_of_direct_messages_and_alerts_go_when_they_no_longer_apply(house):
    messages, story = house.start(Messages), house.story().active()
    story.alert()
    house.work(messages, 1)
    (granted,), (alert,) = house.posted("D01ALICE0"), house.posted(ALERTS)
    assert "jit.release" in str(granted["blocks"])
    assert "jit.revoke" in str(alert["blocks"])
    story.revoked()
    house.work(messages, 1)
    assert "actions" not in str(granted["blocks"])
    assert "actions" not in str(alert["blocks"])


def test_what_was_said_of_an_access_turns_with_it_until_it_is_over(house):
    messages, story = house.start(Messages), house.story().active()
    story.alert()
    house.work(messages, 1)
    (granted,), (alert,) = house.posted("D01ALICE0"), house.posted(ALERTS)
    story.ending()
    story.not_ended()
    house.work(house.start(Messages), 1)
    assert granted["text"].startswith("Ending, not gone yet: *orders-db/read*, orders-db: no answer")
    assert alert["text"].startswith("*ALERT*")
    story.ended()
    messages = house.start(Messages)
    house.work(messages, 1)
    assert granted["text"].startswith("Over: *orders-db/read*, ended")
    assert alert["text"].startswith("Over: ended")
    updates = house.slack.updates
    story.ended()
    house.work(messages, 1)
    assert house.slack.updates == updates


def test_who_asked_is_told_of_every_outcome_but_their_own_withdrawal(house):
    messages = house.start(Messages)
    lives = {
        "denied": "Denied:",
        "lapsed": "Lapsed:",
        "approval approved intent failed": "Not granted:",
        "approval approved intent granted": "Granted:",
        "approval approved revoked ended": "Ended:",
        "withdrawn": None,
    }
    for number, (life, says) in enumerate(lives.items()):
        story = house.story(f"R-{2000 + number}", requester=f"U{number:08}")
        for step in ["asked", *life.split()]:
            getattr(story, step)()
        house.work(messages, 2)
        told = [each["text"] for each in house.posted(f"D{number:08}")]
        assert [text.startswith(says) for text in told] == [True] * bool(says), (life, told)


def test_of_many_messages_that_wait_for_one_channel_those_are_read_whose_turn_it_is(house, monkeypatch):
    messages = house.start(Messages)
    for number in range(12):
        house.story(f"R-{1000 + number}", access=f"orders-db/{number}").active()
    house.work(messages)
    assert len(house.posted("D01ALICE0")) == 3
    read, load = [], house.ledger.request
    monkeypatch.setattr(house.ledger, "request", lambda request_id: read.append(request_id) or load(request_id))
    house.clock.move(seconds=1)
    house.work(messages)
    assert len(house.posted("D01ALICE0")) == 4
    assert read == ["R-1003"]
    house.work(messages, 9)
    assert len(house.posted("D01ALICE0")) == 12


def test_who_left_the_rules_is_told_and_nobody_writes_to_a_deactivated_account(house):
    messages = house.start(Messages)
    for number, because in enumerate(("left_rules", "deactivated")):
        story = house.story(f"R-{2000 + number}", requester=f"U{number:08}").active()
        story.left(because)
        story.ended(because)
        story = house.story(f"R-{2100 + number}", requester=f"U{number:08}", access="orders-db/admin")
        story.asked()
        story.lapsed(because)
    house.work(messages, 10)
    told = [each["text"] for each in house.posted("D00000000")]
    reason = "the rules do not let you ask for it any more"
    assert [reason in text for text in told] == [False, True, True]
    assert all(text.startswith("Over:") for text in (each["text"] for each in house.posted("D00000001")))


def test_who_asked_is_told_that_the_rules_changed_and_that_they_can_ask_again(house):
    messages, story = house.start(Messages), house.story()
    story.asked()
    story.lapsed("rules_changed")
    house.work(messages, 2)
    (told,) = house.posted("D01ALICE0")
    assert "the rules for this access changed. You can ask again" in told["text"]


def test_a_warning_comes_once_five_minutes_before_the_end_or_at_half_time(house):
    for minutes, person, before in ((30, ALICE, 5), (10, BOB, 5), (4, EVE, 2)):
        follower, posted = house.start(Messages), f"D{person[1:]}"
        house.story(f"R-{2000 + minutes}", requester=person, duration=timedelta(minutes=minutes)).active()
        house.work(follower)
        house.clock.move(seconds=(minutes - before) * 60 - 1)
        house.work(follower)
        assert len(house.posted(posted)) == 1
        house.clock.move(seconds=2)
        house.work(follower)
        house.work(house.start(Messages), 1)
        assert len(house.posted(posted)) == 2


def extendable(house):
    rules = house.policy_file.read_text().replace(
        "max_duration: 8h", "max_duration: 8h\n    extend: {each: 1h, ceiling: 9h}"
    )
    house.policy_file.write_text(rules)
    house.clock.move(seconds=1)
    house.last_good = house.policies.current()


def test_a_warning_has_extend_where_the_rules_let_it_and_release(house):
    for number, with_rules in enumerate((False, True)):
        if with_rules:
            extendable(house)
        story = house.story(f"R-200{number}").active()
        house.clock.move(minutes=26)
        house.work(house.start(Messages), 1)
        warning = house.posted("D01ALICE0")[-1]
        assert "ends in 4 min" in warning["text"]
        assert ("jit.extend" in str(warning["blocks"])) is with_rules
        assert "jit.release" in str(warning["blocks"])
        story.ended()


def test_who_extends_is_told_and_warned_again_before_the_later_end(house):
    extendable(house)
    story = house.story().active()
    house.clock.move(minutes=26)
    house.work(house.start(Messages), 1)
    granted, warning = house.posted("D01ALICE0")
    story.extension_asked()
    house.work(house.start(Messages), 1)
    assert "jit.extend" not in str(warning["blocks"])
    assert "More time was asked for" in str(warning["blocks"])
    story.extension_approved()
    story.extending()
    house.work(house.start(Messages), 1)
    assert len(house.posted("D01ALICE0")) == 2
    story.extended()
    house.work(house.start(Messages), 1)
    *_, extended = house.posted("D01ALICE0")
    assert extended["text"].startswith("Extended: *orders-db/read* until")
    assert "until" in granted["text"]
    house.clock.move(minutes=29)
    house.work(house.start(Messages), 1)
    house.work(house.start(Messages), 1)
    texts = [each["text"] for each in house.posted("D01ALICE0")]
    assert len(texts) == 4
    assert "ends in" in texts[-1]


def test_who_decides_on_an_extension_is_told_of_people_as_on_a_card_and_may_not_give_less(house):
    now = house.clock.now()
    alice = Person(id=ALICE, team="T0TEST001", name="Alice", email="alice@example.com").seen_after(None)
    StoredDirectory(house.engine).keep_person(replace(alice, email="mallory@example.com"), now)
    house.ledger.append([Away(at=now, actor=BOB, source=Source.SLACK, until=now + timedelta(days=3), substitute=CAROL)])
    extendable(house)
    house.story().active().extension_asked()
    house.work(house.start(Messages), 1)
    (asked,) = house.posted(REQUESTS)
    assert pinged(asked) == {CAROL}
    assert "Alice has another e-mail in Slack than before" in str(asked["blocks"])
    assert "stands in" in str(asked["blocks"])
    assert "jit.approve" in str(asked["blocks"])
    assert "jit.approve.less" not in str(asked["blocks"])


def test_a_warning_that_was_due_as_it_was_extended_comes_before_the_later_end_alone(house):
    story = house.story().active()
    house.work(house.start(Messages), 1)
    for tell in (story.extension_asked, story.extension_approved, story.extending, story.extended):
        tell()
    house.clock.move(minutes=26)
    house.work(house.start(Messages), 1)
    assert [each["text"].split()[0] for each in house.posted("D01ALICE0")] == ["Granted:", "Extended:"]


@pytest.mark.parametrize(
    ("tells", "said"),
    [
        ("extension_denied", "denied by Bob. It goes on until"),
        ("extension_lapsed", "unanswered. It goes on until"),
        ("extension_approved extension_failed", "orders-db did not take it (role is missing). It goes on until"),
    ],
)
def test_who_asked_for_more_time_is_told_that_there_is_none(house, tells, said):
    story = house.story().active()
    story.extension_asked()
    for tell in tells.split():
        getattr(story, tell)()
    house.work(house.start(Messages), 3)
    told = house.posted("D01ALICE0")[-1]["text"]
    assert told.startswith("Not extended: *orders-db/read*, ")
    assert said in told


def test_those_who_decide_on_an_extension_are_told_in_the_channel_of_its_card_once(house):
    story = house.story().active()
    messages = house.start(Messages)
    story.extension_asked()
    house.work(messages, 1)
    (asked,) = house.posted(REQUESTS)
    assert asked["text"].startswith("*Alice* asks for *30 min* more with *orders-db/read*, until ")
    assert "<@U02BOB000>" in str(asked["blocks"])
    assert story.request.extension.digest in str(asked["blocks"])
    story.extension_approved()
    house.work(house.start(Messages), 2)
    (asked,) = house.posted(REQUESTS)
    assert "jit.approve" not in str(asked["blocks"])
    assert asked["text"].endswith("the card says what came of it.")


def test_no_warning_of_an_end_that_has_come(house):
    messages, story = house.start(Messages), house.story().active()
    house.work(messages)
    story.released()
    story.ended()
    house.clock.move(seconds=26 * 60)
    house.work(messages, 1)
    assert [each["text"].split()[0] for each in house.posted("D01ALICE0")] == ["Over:", "Ended:"]


def test_somebody_who_cannot_be_written_to_holds_up_nobody(house):
    messages = house.start(Messages)
    house.slack.refusing["D01ALICE0"] = refusal("channel_not_found")
    house.story().active()
    house.story("R-8888", requester=BOB).active()
    house.work(messages)
    assert len(house.posted("D02BOB000")) == 1


def test_an_alert_about_the_rules_mentions_whom_they_name_and_says_when_it_is_over(house):
    house.rules(("security: [group:security]", "alerts: {notify: [group:security]}\nsecurity: [group:security]"))
    house.last_good = house.policies.current()
    messages, by = house.start(Messages), {"at": house.clock.now(), "actor": "bot@host", "source": Source.BOT}
    house.ledger.append([Alert(**by, name=AlertName.POLICY_BROKEN, says="The policy files cannot be used: a:1")])
    house.work(messages)
    (alert,) = house.posted(ALERTS)
    assert "<@U03CAROL0>, <@U05SAM000>" in str(alert["blocks"])
    house.ledger.append([PolicyChanged(**by, policy_version="broken", before="ab" * 32)])
    house.work(house.start(Messages))
    assert "Over:" not in alert["text"]
    house.ledger.append([PolicyChanged(**by, policy_version="cd" * 32, before="broken")])
    house.work(house.start(Messages))
    assert alert["text"].startswith("Over: the rules are read again")
    assert "<@" not in str(alert["blocks"])
    assert len(house.posted(ALERTS)) == 1


def test_an_alert_waits_for_rules_that_name_its_channel(house):
    house.last_good, kept = None, house.last_good
    messages = house.start(Messages)
    house.story().active().alert()
    house.work(messages)
    assert house.posted(ALERTS) == []
    house.last_good = kept
    house.work(messages, 6)
    assert len(house.posted(ALERTS)) == 1


def test_a_clock_set_back_an_hour_does_not_put_messages_off_for_longer(house):
    messages = house.start(Messages)
    house.slack.refusing["D01ALICE0"] = refusal("channel_not_found")
    house.story().active()
    house.work(messages)
    house.slack.refusing.clear()
    house.set_back_an_hour()
    house.work(messages, 6)
    assert len(house.posted("D01ALICE0")) == 1


class TestARecordThatGotShorter:
    """While everything runs, an older copy of the database is put back, or its end is cut off."""

    @pytest.fixture
    def runs(self, house):
        """Lets a follower run for so many seconds, as its thread does."""
        lead = Leadership(Leases(house.engine, house.clock, LASTS), house.clock, "one")
        terms = {}

        def run(follower, seconds):
            until = house.clock.time + timedelta(seconds=seconds)

            def wait(pause):
                house.clock.move(seconds=max(pause, 0.25))
                return house.clock.time > until

            follow(follower, terms.setdefault(follower.name, LeaseTerm(lead)), wait)

        return run

    def refused(self, house, says):
        about = {"actor": "signer@x", "source": Source.SIGNER, "name": AlertName.CHECKPOINT_REFUSED, "says": says}
        house.ledger.append([Alert(at=house.clock.now(), **about)])

    def copy(self, house, folder):
        with sqlite3.connect(folder / "ledger.db") as now, sqlite3.connect(folder / "copy.db") as copy:
            now.backup(copy)
        now.close()
        copy.close()

    def put_back(self, house, folder):
        with sqlite3.connect(folder / "copy.db") as copy, sqlite3.connect(folder / "ledger.db") as now:
            copy.backup(now)
        now.close()
        copy.close()

    def cut(self, folder, after):
        with sqlite3.connect(folder / "ledger.db") as raw, past_the_guards(raw):
            raw.execute('DELETE FROM entries WHERE "index" > ?', (after,))
        raw.close()

    def told(self, house):
        facts = [entry.fact for entry in house.ledger.read(skip_unreadable=True)]
        return [fact.says for fact in facts if fact.kind == "alert" and fact.name is AlertName.RECORD_BROKEN]

    @pytest.mark.parametrize("refilled", [2, 9], ids=["shorter", "longer again"])
    def test_alerts_recorded_after_an_older_copy_was_put_back_are_shown(self, house, runs, tmp_path, refilled):
        house.story().asked()
        messages = house.start(Messages)
        runs(messages, 3)
        self.copy(house, tmp_path)
        house.story("R-8888", requester=BOB).active()
        runs(messages, 3)
        had = house.ledger.last_index()
        self.put_back(house, tmp_path)
        for n in range(refilled):
            self.refused(house, f"not signed any more: {n}")
        runs(messages, 30)
        shown = [str(each) for each in house.posted(ALERTS)]
        assert [sum(f"any more: {n}" in text for text in shown) for n in range(refilled)] == [1] * refilled
        (says,) = self.told(house)
        assert f"had {had}" in says if refilled == 2 else f"Entry {had} is not what it was" in says
        assert sum(says in text for text in shown) == 1

    def test_a_record_cut_off_is_told_once_and_goes_on_from_its_end(self, house, runs, tmp_path):
        messages = house.start(Messages)
        house.story().active()
        house.story("R-8888", requester=BOB).active()
        runs(messages, 3)
        self.cut(tmp_path, 3)
        runs(messages, 3)
        runs(house.start(Messages), 3)
        (says,) = self.told(house)
        assert says.startswith("The record ends with entry 3, and had 10: it was put back to an older copy or cut")
        self.refused(house, "not signed any more")
        runs(messages, 5)
        assert any("not signed any more" in str(each) for each in house.posted(ALERTS))

    def test_what_was_to_be_said_of_an_entry_that_is_gone_is_forgotten(self, house, runs, tmp_path):
        house.last_good, kept = None, house.last_good
        messages = house.start(Messages)
        house.story().asked()
        self.refused(house, "of an entry that is gone")
        runs(messages, 2)
        house.last_good = kept
        self.cut(tmp_path, 1)
        runs(messages, 15)
        (shown,) = house.posted(ALERTS)
        assert "of an entry that is gone" not in str(shown)

    def test_cards_of_what_is_recorded_then_are_drawn(self, house, runs, tmp_path):
        house.story().asked()
        cards = house.start(Cards)
        runs(cards, 3)
        self.copy(house, tmp_path)
        for n in range(5):
            self.refused(house, str(n))
        runs(cards, 3)
        self.put_back(house, tmp_path)
        house.story("R-9999", requester=EVE).asked()
        runs(cards, 5)
        assert any("R-9999" in str(card) for card in house.posted(REQUESTS))
        assert self.told(house) == []

    def test_the_audit_channel_shows_what_is_recorded_after_an_older_copy_was_put_back(self, house, runs, tmp_path):
        house.story().asked()
        mirror = house.start(Mirror)
        runs(mirror, 5)
        self.copy(house, tmp_path)
        house.story("R-8888", requester=BOB).active()
        runs(mirror, 10)
        self.put_back(house, tmp_path)
        self.refused(house, "not signed any more")
        runs(mirror, 10)
        assert "not signed any more" in str(house.posted(AUDIT))


def test_a_channel_of_alerts_that_the_rules_name_no_more_is_told_once_where_they_go_on(house):
    messages, story = house.start(Messages), house.story().active()
    house.work(messages, 1)
    house.rules((f"alerts: {ALERTS}", "alerts: C0NOBODY1"))
    house.last_good = house.policies.current()
    house.work(messages, 1)
    house.work(house.start(Messages), 1)
    (last,) = house.posted(ALERTS)
    assert last["text"] == "From here on alerts go to <#C0NOBODY1>, as the rules say now. Nothing more comes here."
    story.alert()
    house.work(messages, 1)
    assert len(house.posted("C0NOBODY1")) == 1
