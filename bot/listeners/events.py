"""What Slack tells of people and user groups as it happens."""

from typing import Any

from slack_bolt import App

from bot.directory import SlackDirectory
from bot.listeners import audit_channel
from bot.listeners.caller import is_id, text_at
from bot.listeners.context import ListenerContext
from bot.listeners.home import draw_again
from bot.listeners.spoken_to import SpokenTo


def register(app: App, ctx: ListenerContext) -> None:
    """Groups are taken from events of our own workspace only: who is in them decides."""
    directory = ctx.directory

    def members_changed(event: dict[str, Any], body: dict[str, Any]) -> None:
        if text_at(body, "team_id") == directory.workspace:
            directory.members_changed(
                text_at(event, "subteam_id"),
                _people(event.get("added_users")),
                _people(event.get("removed_users")),
                _number(event.get("date_update")),
            )

    def group_changed(event: dict[str, Any], body: dict[str, Any]) -> None:
        if text_at(body, "team_id") == directory.workspace:
            tell_of_group(directory, event.get("subteam"))

    def user_changed(event: dict[str, Any]) -> None:
        user = event.get("user")
        if isinstance(user, dict):
            person = text_at(user, "id")
            directory.changed(person)
            draw_again(ctx, person)

    def message(event: dict[str, Any], body: dict[str, Any]) -> None:
        if text_at(event, "channel_type") == "im":
            spoken_to.hear(event, body)
        else:
            audit_channel.hear(ctx, event, body)

    spoken_to = SpokenTo(ctx)
    app.event("app_mention")(spoken_to.hear)
    app.event("message")(message)
    app.event("subteam_members_changed")(members_changed)
    app.event("subteam_updated")(group_changed)
    app.event("subteam_created")(group_changed)
    app.event("user_change")(user_changed)


def tell_of_group(directory: SlackDirectory, group: Any) -> None:
    """Without the members in it, the event says nothing that the next poll would not."""
    if not isinstance(group, dict):
        return
    group_id = text_at(group, "id")
    if not is_id(group_id) or not group_id.startswith("S"):  # with the id of a person it would lend them its name
        return
    disabled = bool(_number(group.get("date_delete")))
    if not disabled and not isinstance(group.get("users"), list):
        return
    members = None if disabled else _people(group.get("users"))
    dated = _number(group.get("date_update"))
    directory.group_changed(group_id, members, text_at(group, "handle") or group_id, dated)


def _people(value: Any) -> frozenset[str]:
    return frozenset(each for each in value if is_id(each)) if isinstance(value, list) else frozenset()


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
