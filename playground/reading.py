"""Methods that read: who is there, which channels, what was said."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from playground.people import Json
from playground.slack import Slack
from playground.web_api import Arguments, RefusalReason, WebApi
from playground.world import Channel, Missing

api = WebApi()
READ_CHANNELS = ("channels:read", "groups:read", "im:read")


@api.method("auth.test")
def auth_test(slack: Slack, _arguments: Arguments) -> Json:
    workspace = slack.world.workspace
    return {
        "url": f"{slack.url}/",
        "team": workspace.domain,
        "user": slack.world.user(workspace.bot_user).name,
        "team_id": workspace.team,
        "user_id": workspace.bot_user,
        "bot_id": workspace.bot,
        "is_enterprise_install": False,
    }


@api.method("apps.connections.open", "connections:write", caller="app")
def connections_open(slack: Slack, _arguments: Arguments) -> Json:
    root = slack.url.replace("http", "ws", 1)
    return {"url": f"{root}/link/?ticket={slack.hub.ticket()}&app_id={slack.world.workspace.app}"}


@api.method("users.info", "users:read")
def users_info(slack: Slack, arguments: Arguments) -> Json:
    user = slack.world.user(arguments.need("user"))
    return {"user": user.as_slack(slack.world.workspace, slack.world.clock())}


@api.method("users.list", "users:read")
def users_list(slack: Slack, arguments: Arguments) -> Json:
    now = slack.world.clock()
    everybody = [user.as_slack(slack.world.workspace, now) for user in slack.world.users.values()]
    return {"cache_ts": int(now), **_page("members", everybody, arguments, default=1000)}


@api.method("usergroups.list", "usergroups:read")
def usergroups_list(slack: Slack, arguments: Arguments) -> Json:
    with_members = arguments.flag("include_users")
    groups = [
        group.as_slack(slack.world.workspace, with_members=with_members)
        for group in slack.world.groups.values()
        if not group.disabled or arguments.flag("include_disabled")
    ]
    return {"usergroups": groups}


@api.method("conversations.info", *READ_CHANNELS)
def conversations_info(slack: Slack, arguments: Arguments) -> Json:
    return {"channel": _shown(slack, _readable(slack, arguments.need("channel")))}


@api.method("conversations.list", *READ_CHANNELS)
def conversations_list(slack: Slack, arguments: Arguments) -> Json:
    kinds = {"channel": "public_channel", "group": "private_channel", "im": "im"}
    wanted = arguments.text("types", "public_channel").split(",")
    found = [
        _shown(slack, channel)
        for channel in slack.world.channels.values()
        if kinds[channel.kind] in wanted
        and (not channel.private or slack.world.workspace.bot_user in channel.members)
        and not (channel.archived and arguments.flag("exclude_archived"))
    ]
    return _page("channels", found, arguments)


@api.method("conversations.members", *READ_CHANNELS)
def conversations_members(slack: Slack, arguments: Arguments) -> Json:
    channel = _readable(slack, arguments.need("channel"))
    return _page("members", sorted(channel.members), arguments)


@api.method("conversations.join", "channels:join")
def conversations_join(slack: Slack, arguments: Arguments) -> Json:
    channel = _readable(slack, arguments.need("channel"))
    if channel.archived:
        raise RefusalReason("is_archived")
    channel.members.add(slack.world.workspace.bot_user)
    return {"channel": _shown(slack, channel)}


@api.method("conversations.open", "im:write")
def conversations_open(slack: Slack, arguments: Arguments) -> Json:
    users = arguments.need("users").split(",")
    if len(users) > 1:
        raise RefusalReason("method_not_supported_for_channel_type")
    known = f"D0{users[0][1:]}" in slack.world.channels
    channel = slack.world.direct(users[0])
    return {"already_open": known, "no_op": known, "channel": {"id": channel.id}}


@api.method("conversations.history", "channels:history", "groups:history", "im:history")
def conversations_history(slack: Slack, arguments: Arguments) -> Json:
    """Newest first. Replies stay in their threads; metadata is shown on request only."""
    channel = _readable(slack, arguments.need("channel"))
    if slack.world.workspace.bot_user not in channel.members:
        raise RefusalReason("not_in_channel")
    oldest, latest = arguments.text("oldest", "0"), arguments.text("latest") or "9999999999.999999"
    inclusive = arguments.flag("inclusive")
    found = [
        message
        for ts, message in channel.messages.items()
        if message.get("thread_ts", ts) == ts and _within(ts, oldest, latest, inclusive=inclusive)
    ]
    if not arguments.flag("include_all_metadata"):
        found = [{key: value for key, value in message.items() if key != "metadata"} for message in found]
    page = _page("messages", found[::-1], arguments)
    return {**page, "has_more": bool(page["response_metadata"]["next_cursor"]), "pin_count": 0}


def _within(ts: str, oldest: str, latest: str, *, inclusive: bool) -> bool:
    moment, first, last = (_micros(value) for value in (ts, oldest, latest))
    return first <= moment <= last if inclusive else first < moment < last


def _micros(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    if not (seconds + rest).isdecimal():
        raise RefusalReason("invalid_ts_oldest")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, "0")[:6])


def _readable(slack: Slack, channel_id: str) -> Channel:
    channel = slack.world.channel(channel_id)
    if channel.private and slack.world.workspace.bot_user not in channel.members:
        raise Missing("channel_not_found")
    return channel


def _shown(slack: Slack, channel: Channel) -> Json:
    about: Json = {
        "id": channel.id,
        "created": 0,
        "is_archived": channel.archived,
        "is_im": bool(channel.with_user),
        "is_private": channel.private,
    }
    if channel.with_user:
        return about | {"user": channel.with_user}
    return about | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": channel.private,
        "is_ext_shared": channel.shared_outside,
        "is_member": slack.world.workspace.bot_user in channel.members,
        "num_members": len(channel.members),
    }


def _page(name: str, items: Sequence[Any], arguments: Arguments, default: int = 100) -> Json:
    """One page of ``items`` under ``name``; the cursor is opaque, as Slack's is."""
    start, size = 0, max(1, min(arguments.count("limit", default) or default, 1000))
    if cursor := arguments.text("cursor"):
        try:
            start = int(base64.b64decode(cursor, validate=True).removeprefix(b"next:"))
        except (binascii.Error, ValueError):
            raise RefusalReason("invalid_cursor") from None
    end = start + size
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return {name: items[start:end], "response_metadata": {"next_cursor": following}}
