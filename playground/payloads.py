"""What Slack sends to the app when somebody does something: the payloads of interactions."""

import secrets

from playground.people import Json, User, Workspace
from playground.world import Channel


def base(workspace: Workspace, user: User, kind: str) -> Json:
    """What every interaction carries. ``user`` and team are the presser's own, also when of elsewhere."""
    return {
        "type": kind,
        "team": user.as_team(),
        "user": user.as_presser(),
        "api_app_id": workspace.app,
        "token": "playground-verification",
        "enterprise": None,
        "is_enterprise_install": False,
    }


def command(workspace: Workspace, user: User, channel: Channel, name: str, text: str) -> Json:
    return {
        "token": "playground-verification",
        "team_id": user.team,
        "team_domain": user.team_domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": workspace.app,
        "is_enterprise_install": "false",
    }


def in_message(channel: Channel, message: Json, *, ephemeral: bool) -> Json:
    """Where a pressed button stood. An ephemeral message is named, not shown."""
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    place: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": {}},
    }
    return place if ephemeral else place | {"message": message}


def in_view(view: Json) -> Json:
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view}


def action(block: Json, element: Json, ts: str) -> Json:
    """One entry of `actions`: the element as it was drawn, without what only drawing needs."""
    drawn_only = ("placeholder", "options", "option_groups", "focus_on_load", "min_query_length")
    shown = {key: value for key, value in element.items() if key not in drawn_only}
    return shown | {"block_id": block["block_id"], "action_ts": ts}


def event_callback(workspace: Workspace, event: Json) -> Json:
    """What an event comes in."""
    return {
        "token": "playground-verification",
        "team_id": workspace.team,
        "api_app_id": workspace.app,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(float(event["event_ts"])),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team,
                "user_id": workspace.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
