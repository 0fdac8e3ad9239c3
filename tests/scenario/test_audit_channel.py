"""Whoever deletes or edits in the audit channel while the bot runs, or while it does not, is told of."""

import sqlite3
from contextlib import closing

import pytest
from slack_sdk import WebClient

from jit.facts import Alert, AlertName
from playground.person import Person
from playground.sample import ALERTS, ALICE, AUDIT, BOT_TOKEN, CAROL, REQUESTS
from playground.world import Missing
from tests.scenario.bot_thread import BotThread, facts
from tests.world.waiting import wait_until

pytestmark = pytest.mark.scenario


class Stand:
    def __init__(self, stage, folder):
        self.stage = stage
        self.folder = folder
        self.carol, self.alice = Person(stage, CAROL), Person(stage, ALICE)
        self.client = WebClient(BOT_TOKEN, base_url=f"{stage.slack.url}/api/", retry_handlers=[])

    def bot(self):
        return BotThread(self.stage.slack, self.folder)

    def first(self):
        """The message about the bot's start, once the app listens."""
        found = self.carol.finds("started", channel=AUDIT)
        wait_until(self.stage.connections)
        return found

    def alerts(self):
        alerts = [fact for fact in facts(self.folder) if isinstance(fact, Alert)]
        return [fact for fact in alerts if fact.name is AlertName.AUDIT_CHANGED]

    def told(self):
        (alert,) = wait_until(self.alerts)
        return alert.says


@pytest.fixture
def stand(stage, tmp_path):
    return Stand(stage, tmp_path)


def test_an_admin_who_deletes_a_pending_card_only_has_it_posted_again(stand):
    with stand.bot():
        stand.first()
        stand.alice.command("/jit", "request", channel=REQUESTS)
        form = stand.alice.form().fill(Access="orders-db/read", Duration="30m", Reason="db down")
        form.submit()
        card = stand.carol.finds("asks for", channel=REQUESTS)
        stand.carol.delete(card)
        wait_until(
            lambda: [each.ts for each in stand.carol.sees(REQUESTS) if "asks for" in each.text] not in ([], [card.ts])
        )


def test_an_admin_who_deletes_a_message_there_is_told_of_where_everybody_sees_it(stand):
    with stand.bot():
        seen = stand.first()
        with pytest.raises(Missing, match="cant_delete_message"):
            stand.alice.delete(seen)
        stand.carol.delete(seen)
        assert "deleted" in stand.told()
        assert "#1" in stand.told()
        stand.carol.finds("audit changed", channel=ALERTS)
        stand.carol.finds("audit changed", channel=AUDIT)


def test_whoever_has_our_token_and_edits_there_is_told_of(stand):
    with stand.bot():
        seen = stand.first()
        stand.client.chat_update(channel=AUDIT, ts=seen.ts, text="14:02 #1 nothing", blocks=[])
        assert "own token" in stand.told()


def test_a_private_audit_channel_is_watched_as_well(stand):
    stand.stage.slack.world.channel(AUDIT).private = True
    with stand.bot():
        stand.carol.delete(stand.first())
        assert "deleted" in stand.told()


def test_what_happened_while_no_bot_ran_is_told_of_at_its_start(stand):
    with stand.bot():
        seen = stand.first()
    stand.carol.delete(seen)
    with stand.bot():
        assert "deleted" in stand.told()


def test_messages_of_people_and_of_other_channels_leave_nothing(stand):
    with stand.bot():
        stand.first()
        for channel in (REQUESTS, AUDIT):
            stand.alice.says("is orders-db slow?", channel=channel)
            stand.alice.edit(stand.alice.finds("slow", channel=channel), "never mind")
            stand.alice.delete(stand.alice.finds("never mind", channel=channel))
        last = stand.client.chat_postMessage(channel=REQUESTS, text="a card")
        stand.client.chat_delete(channel=REQUESTS, ts=last["ts"])
        stand.carol.delete(stand.first())
        assert "#1" in stand.told()
        assert len(stand.alerts()) == 1
    with closing(sqlite3.connect(stand.folder / "ledger.db")) as database:
        kept = database.execute("SELECT value FROM notes WHERE follower = 'audit_channel'").fetchall()
    assert "never mind" not in str(kept)
    assert REQUESTS not in str(kept)
