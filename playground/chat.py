"""Methods that write: `chat.*`, and answers through a response url."""

from typing import Any

from playground.blocks import message_problems
from playground.fields import named
from playground.people import Json
from playground.slack import Slack
from playground.web_api import Arguments, RateLimited, RefusalReason, WebApi
from playground.world import Channel, Missing

TEXT_MOST = 40_000
METADATA_BYTES = 16_000
api = WebApi()


def spoken(slack: Slack, content: Json) -> Json:
    """A message by the app; ``content`` is what it says."""
    workspace = slack.world.workspace
    return {
        "user": workspace.bot_user,
        "bot_id": workspace.bot,
        "app_id": workspace.app,
        "team": workspace.team,
        "bot_profile": {"id": workspace.bot, "app_id": workspace.app, "name": workspace.name},
        **content,
    }


def content_of(arguments: Arguments) -> Json:
    """Text, blocks and metadata of a message. Raises RefusalReason for what Slack does not take."""
    text = arguments.text("text")
    blocks = arguments.parsed("blocks", "invalid_blocks_format")
    metadata = arguments.parsed("metadata", "invalid_metadata_format")
    if not text and not blocks:
        raise RefusalReason("no_text")
    if len(text) > TEXT_MOST:
        raise RefusalReason("msg_too_long")
    if blocks and (problems := message_problems(blocks)):
        raise RefusalReason("invalid_blocks", problems)
    content: Json = {"text": text}
    if blocks:
        content["blocks"] = named(blocks)
    if metadata is not None:
        content["metadata"] = _checked_metadata(metadata)
    return content


def _checked_metadata(metadata: Any) -> Json:
    whole = isinstance(metadata, dict) and metadata.keys() == {"event_type", "event_payload"}
    if not whole or not isinstance(metadata["event_payload"], dict):
        raise RefusalReason("invalid_metadata_format")
    if len(str(metadata)) > METADATA_BYTES:
        raise RefusalReason("metadata_too_large")
    return dict(metadata)


def _writable(slack: Slack, channel_id: str) -> Channel:
    """The channel, or for a user's id the direct conversation, if the app may write there."""
    if channel_id in slack.world.users:
        return slack.world.direct(channel_id)
    channel = slack.world.channel(channel_id)
    member = slack.world.workspace.bot_user in channel.members
    if channel.private and not member:
        raise Missing("channel_not_found")
    if channel.archived:
        raise RefusalReason("is_archived")
    if not member:
        raise RefusalReason("not_in_channel")
    return channel


def _own(slack: Slack, channel: Channel, ts: str, error: str) -> Json:
    message = channel.messages.get(ts)
    if not message:
        raise Missing("message_not_found")
    if message.get("bot_id") != slack.world.workspace.bot:
        raise RefusalReason(error)
    return message


@api.method("chat.postMessage", "chat:write")
def post_message(slack: Slack, arguments: Arguments) -> Json:
    channel = _writable(slack, arguments.need("channel"))
    content = content_of(arguments)
    if wait := slack.rate.take(channel.id):
        raise RateLimited(wait)
    if thread := arguments.text("thread_ts"):
        if thread not in channel.messages:
            raise RefusalReason("thread_not_found")
        content["thread_ts"] = thread
    message = slack.world.post(channel, spoken(slack, content))
    return {"channel": channel.id, "ts": message["ts"], "message": message}


@api.method("chat.update", "chat:write")
def update(slack: Slack, arguments: Arguments) -> Json:
    channel = _writable(slack, arguments.need("channel"))
    _own(slack, channel, arguments.need("ts"), "cant_update_message")
    content = content_of(arguments)
    edited = {"user": slack.world.workspace.bot_user, "ts": slack.world.next_ts()}
    content = {"blocks": None, **content, "edited": edited}
    message = slack.world.rewrite(channel, arguments.text("ts"), content)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}


@api.method("chat.delete", "chat:write")
def delete(slack: Slack, arguments: Arguments) -> Json:
    channel = _writable(slack, arguments.need("channel"))
    ts = arguments.need("ts")
    _own(slack, channel, ts, "cant_delete_message")
    slack.world.remove(channel, ts)
    return {"channel": channel.id, "ts": ts}


@api.method("chat.postEphemeral", "chat:write")
def post_ephemeral(slack: Slack, arguments: Arguments) -> Json:
    channel = _writable(slack, arguments.need("channel"))
    user = slack.world.user(arguments.need("user"))
    if user.id not in channel.members:
        raise RefusalReason("user_not_in_channel")
    heard = slack.world.whisper(channel.id, user.id, spoken(slack, content_of(arguments)))
    return {"message_ts": heard.message["ts"]}


@api.method("chat.getPermalink")
def get_permalink(slack: Slack, arguments: Arguments) -> Json:
    channel = slack.world.channel(arguments.need("channel"))
    ts = arguments.need("message_ts")
    if ts not in channel.messages:
        raise Missing("message_not_found")
    place = f"{slack.url}/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": place}


def respond(slack: Slack, secret: str, values: Json) -> Json:
    """Answer through a response url: only the person sees it, unless `response_type` says `in_channel`.

    Raises:
        Stale, RefusalReason, Missing: as Slack would not take it.
    """
    with slack.world.changed:
        place = slack.tickets.respond(secret)
        arguments = Arguments(values)
        if arguments.flag("delete_original"):
            _take_away(slack, place.channel, place.message_ts)
            return {"ok": True}
        content = content_of(arguments)
        if arguments.flag("replace_original") and place.message_ts:
            _replace(slack, place.channel, place.message_ts, content)
        else:
            reply(slack, place.channel, place.user, content, arguments.text("response_type"))
        return {"ok": True}


def reply(slack: Slack, channel: str, user: str, content: Json, response_type: str) -> None:
    if response_type == "in_channel":
        slack.world.post(slack.world.channel(channel), spoken(slack, content))
    else:
        slack.world.whisper(channel, user, spoken(slack, content))


def _take_away(slack: Slack, channel: str, ts: str) -> None:
    if slack.world.whispers.pop(ts, None):
        slack.world.notify()
    else:
        slack.world.remove(slack.world.channel(channel), ts)


def _replace(slack: Slack, channel: str, ts: str, content: Json) -> None:
    if ts in slack.world.whispers:
        slack.world.rewhisper(ts, spoken(slack, content))
    else:
        slack.world.rewrite(slack.world.channel(channel), ts, {"blocks": None, **content})
