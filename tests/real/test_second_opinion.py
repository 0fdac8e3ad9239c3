"""The bot's calls of the Web API, made on a Slack that somebody else wrote: npm's emulate.

Both it and the playground are asked the same, with the scopes of our manifest and no others. What it does not know is
tried on the playground alone: `usergroups.list`, Socket Mode, response urls, `oldest` of a history, limits of blocks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.directory import SlackDirectory, read_person
from bot.followers.outbox import Metadata, Outbox, Posted, Rejected
from bot.forms import Filled, deny_form, request_form
from bot.listeners.caller import Place
from bot.listeners.responder import Responder
from bot.slack_client import with_timeout
from bot.views import dm
from bot.views.card import draw
from bot.views.home import Overview, draw_home
from jit.clock import SystemClock
from jit.ledger import Notes, StoredDirectory
from jit.testing import InMemoryLedger, ManualClock, Story
from playground.people import User
from playground.sample import BOT, BOT_TOKEN, REQUESTS, account, sample_workspace
from playground.server import running
from tests.world.emulate import emulating, installed

pytestmark = pytest.mark.real

SCOPES = yaml.safe_load((Path(__file__).parents[2] / "manifest.yml").read_text())["oauth_config"]["scopes"]["bot"]
CARD = Metadata("jit", {"card": "R-7F3K"})


@dataclass(frozen=True, slots=True)
class There:
    """A Slack to ask: ``alice`` and ``channel`` are ids of its own, ``trigger`` gives a trigger of alice's."""

    client: WebClient
    alice: str
    channel: str
    trigger: Callable[[], str]


@contextmanager
def _emulated(cache: Path) -> Iterator[There]:
    app = {"client_id": "1.2", "client_secret": "none", "name": "jit", "app_id": "A0JIT0001", "redirect_uris": []}
    bot = {"bot_name": "jit", "bot_id": "B0JITBOT0", "bot_user_id": BOT}
    slack = {
        "team": {"name": "jit", "domain": "jit"},
        "users": [{"name": "alice", "real_name": "Alice"}],
        "oauth_apps": [{**app, **bot, "scopes": SCOPES}],
        "tokens": [{"token": BOT_TOKEN, "type": "bot", "user_id": BOT, "bot_id": "B0JITBOT0", "scopes": SCOPES}],
        "channels": [{"name": "access-requests"}],
        "strict_scopes": True,
    }
    with emulating(installed(cache), slack) as url:
        client = WebClient(BOT_TOKEN, base_url=f"{url}/api/", retry_handlers=[])
        alice = next(user["id"] for user in client.users_list()["members"] if user["name"] == "alice")
        rooms = client.conversations_list()["channels"]
        channel = next(room["id"] for room in rooms if room["name"] == "access-requests")

        def trigger() -> str:
            return str(client.api_call("views.generateTriggerId", json={"user_id": alice})["trigger_id"])

        yield There(client, alice, channel, trigger)


@contextmanager
def _playground(_cache: Path) -> Iterator[There]:
    slack = sample_workspace(scopes=frozenset(SCOPES))
    alice: User = slack.world.add_user(account("U0ALICE", "Alice"))
    slack.world.channel(REQUESTS).members.add(alice.id)
    with running(slack, {}) as stage:
        client = WebClient(BOT_TOKEN, base_url=f"{stage.slack.url}/api/", retry_handlers=[])
        yield There(client, alice.id, REQUESTS, lambda: slack.tickets.trigger(alice.id))


@pytest.fixture(scope="module", params=[_emulated, _playground], ids=["emulate", "playground"])
def there(request: pytest.FixtureRequest) -> Iterator[There]:
    with request.param(request.config.cache.mkdir("npm")) as made:
        yield made


@pytest.fixture
def story() -> Story:
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock)
    story.asked()
    return story


@pytest.fixture
def outbox(there: There, story: Story) -> Outbox:
    return Outbox(there.client, Notes(story.ledger.engine, "cards"), lambda: None)


def names(who: str) -> str:
    return who


def kept(there: There, channel: str) -> dict[str, Any]:
    """The newest message of a channel, as that Slack has kept it."""
    found: dict[str, Any] = there.client.conversations_history(channel=channel, include_all_metadata=True, limit=1)[
        "messages"
    ][0]
    return found


def without_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Slack gives an id to each block that has none."""
    return [{key: value for key, value in block.items() if key != "block_id"} for block in blocks]


def test_the_token_says_who_we_are(there: There, story: Story) -> None:
    stored = StoredDirectory(story.ledger.engine)
    directory = SlackDirectory(there.client, stored, SystemClock())
    directory.connect()
    assert directory.workspace.startswith("T")
    said = there.client.auth_test()
    assert (said["user_id"], said["bot_id"]) == (BOT, "B0JITBOT0")


def test_a_person_is_looked_up(there: There, story: Story) -> None:
    directory = SlackDirectory(there.client, StoredDirectory(story.ledger.engine), SystemClock())
    found = directory.look_up(there.alice)
    assert (found.id, found.handle, found.deleted, found.bot, found.guest) == (
        there.alice,
        "alice",
        False,
        False,
        False,
    )
    assert found.team == there.client.auth_test()["team_id"]
    assert read_person(there.client.users_info(user=BOT)["user"]).bot


def test_a_card_is_posted_and_drawn_anew_in_every_state(there: There, story: Story, outbox: Outbox) -> None:
    drawn = draw(story.request, names, nth=3)
    place = outbox.post_once("R-7F3K", there.channel, drawn, CARD)
    assert place.channel == there.channel
    told = kept(there, there.channel)
    assert (told["ts"], told["text"]) == (place.ts, drawn.text)
    assert without_ids(told["blocks"]) == drawn.blocks
    assert told["metadata"] == {"event_type": "jit", "event_payload": {"card": "R-7F3K"}}
    for step in (story.approval, story.approved, story.intent, story.granted, story.released, story.ended):
        step()
        drawn = draw(story.request, names)
        assert outbox.update(place, drawn, CARD)
        told = kept(there, there.channel)
        assert (told["ts"], told["text"]) == (place.ts, drawn.text)
        assert "edited" in told
        assert without_ids(told["blocks"]) == drawn.blocks


def test_a_message_that_is_gone_is_not_updated(there: There, story: Story, outbox: Outbox) -> None:
    place = outbox.post_once("gone", there.channel, draw(story.request, names), CARD)
    there.client.chat_delete(channel=place.channel, ts=place.ts)
    assert not outbox.update(place, draw(story.request, names), CARD)


def test_a_channel_that_is_not_there_is_refused(there: There, story: Story, outbox: Outbox) -> None:
    with pytest.raises(Rejected, match="channel_not_found"):
        outbox.post_once("nowhere", "C0NOWHERE", draw(story.request, names), CARD)
    assert outbox.intention("nowhere") is None


def test_a_direct_message_is_opened_once_and_read_back(there: There, story: Story, outbox: Outbox) -> None:
    channel = outbox.direct(there.alice)
    assert channel.startswith("D")
    assert outbox.direct(there.alice) == channel
    for step in (story.approval, story.approved, story.intent, story.granted):
        step()
    drawn = dm.granted(story.request, str)
    place = outbox.post_once("dm", channel, drawn, Metadata("jit", {"message": "dm"}))
    assert place == Posted(channel, place.ts)
    assert kept(there, channel)["text"] == drawn.text


def test_answers_that_one_person_sees_are_taken(there: There) -> None:
    said = there.client.chat_postEphemeral(channel=there.channel, user=there.alice, text="Approved. R-7F3K")
    assert said["message_ts"]
    assert said["message_ts"] > kept(there, there.channel)["ts"], "it is not among what everybody reads"


def test_an_answer_that_the_channel_does_not_take_goes_to_the_direct_message(there: There) -> None:
    Responder(with_timeout(there.client, 3)).respond(Place(there.alice, "C0NOWHERE"), "Only you see this.")
    direct = there.client.conversations_open(users=there.alice)["channel"]["id"]
    assert kept(there, direct)["text"] == "Only you see this."


def test_forms_are_opened_redrawn_and_refused_when_late(there: There) -> None:
    opened = there.client.views_open(trigger_id=there.trigger(), view=request_form(Filled(), there.channel))["view"]
    assert (opened["callback_id"], opened["private_metadata"]) == ("jit.form.request", there.channel)
    noted = request_form(Filled(note="Choose one."), there.channel)
    redrawn = there.client.views_update(view_id=opened["id"], hash=opened["hash"], view=noted)["view"]
    assert redrawn["blocks"][0]["block_id"] == "note"
    with pytest.raises(SlackApiError) as refused:
        there.client.views_update(view_id=opened["id"], hash=opened["hash"], view=noted)
    assert refused.value.response["error"] == "hash_conflict"
    denial = deny_form("R-7F3K " + "0" * 64, "R-7F3K")
    used = there.trigger()
    there.client.views_open(trigger_id=used, view=denial)
    for trigger, why in ((used, "exchanged_trigger_id"), ("1.2.3", "invalid_trigger_id")):
        with pytest.raises(SlackApiError) as refused:
            there.client.views_open(trigger_id=trigger, view=denial)
        assert refused.value.response["error"] == why


def test_a_home_is_published_and_not_over_a_newer_one(there: There, story: Story) -> None:
    home = draw_home(Overview(waiting=[story.request], open=[], past=[]), names)
    first = there.client.views_publish(user_id=there.alice, view=home)["view"]
    assert first["type"] == "home"
    assert [block["type"] for block in first["blocks"]] == [block["type"] for block in home["blocks"]]
    second = there.client.views_publish(user_id=there.alice, view=home, hash=first["hash"])["view"]
    assert second["id"] == first["id"]
    with pytest.raises(SlackApiError) as refused:
        there.client.views_publish(user_id=there.alice, view=home, hash=first["hash"])
    assert refused.value.response["error"] == "hash_conflict"
