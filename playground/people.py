"""Who is in the workspace, in the words of `users.info` and `usergroups.list`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the app; ``hint`` says what may follow it, one way after another, parted by `|`."""

    name: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The installed app and where it is installed. ``scopes`` of None stands for every scope."""

    team: str
    domain: str
    name: str
    app: str
    bot: str
    bot_user: str
    bot_token: str
    app_token: str
    signing_secret: str
    scopes: frozenset[str] | None = None
    events: frozenset[str] = frozenset(
        {
            "user_change",
            "subteam_created",
            "subteam_members_changed",
            "subteam_updated",
            "app_home_opened",
            "app_mention",
            "message.channels",
            "message.groups",
            "message.im",
        }
    )
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """One account. ``team`` is its own workspace: another one than ours makes it a stranger (Slack Connect).

    ``title`` is what they do; the page offers to play whoever has one. An ``admin`` may delete what others wrote.
    """

    id: str
    name: str
    real_name: str
    team: str
    team_domain: str
    tz: str = "UTC"
    deleted: bool = False
    bot: bool = False
    guest: bool = False
    single_channel_guest: bool = False
    email_confirmed: bool = True
    title: str = ""
    admin: bool = False

    def as_slack(self, workspace: Workspace, now: float) -> Json:
        """The object of `users.info`. A deleted account shows little more than that it was there."""
        said: Json = {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "deleted": self.deleted,
            "profile": {
                "real_name": self.real_name,
                "display_name": self.real_name,
                "real_name_normalized": self.real_name,
                "title": self.title,
                "display_name_normalized": self.real_name,
                "email": f"{self.name}@{self.team_domain}.example",
                "team": self.team,
            },
            "is_bot": self.bot,
            "is_app_user": False,
            "updated": int(now),
        }
        if self.team != workspace.team:
            said["is_stranger"] = True
        if self.deleted:
            return said
        offset = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.tz)).utcoffset()
        return said | {
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "is_admin": self.admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.guest or self.single_channel_guest,
            "is_ultra_restricted": self.single_channel_guest,
            "is_email_confirmed": self.email_confirmed,
        }

    def as_presser(self) -> Json:
        """The short form that payloads of interactions carry."""
        return {"id": self.id, "username": self.name, "name": self.name, "team_id": self.team}

    def as_team(self) -> Json:
        return {"id": self.team, "domain": self.team_domain}


@dataclass(frozen=True, slots=True)
class UserGroup:
    id: str
    handle: str
    members: tuple[str, ...] = ()
    disabled: bool = False
    updated: int = 0

    def as_slack(self, workspace: Workspace, *, with_members: bool) -> Json:
        said: Json = {
            "id": self.id,
            "team_id": workspace.team,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.handle.capitalize(),
            "description": "",
            "handle": self.handle,
            "is_external": False,
            "date_create": 0,
            "date_update": self.updated,
            "date_delete": self.updated if self.disabled else 0,
            "auto_type": None,
            "prefs": {"channels": [], "groups": []},
            "user_count": len(self.members),
        }
        return said | {"users": list(self.members)} if with_members else said
