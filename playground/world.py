"""The state of one workspace: who is there, which channels, what was said. Thread-safe.

A message is a dict in Slack's own shape and is replaced, never changed, so whoever holds one holds what was
shown at that time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from playground.people import Json, User, UserGroup, Workspace

Clock = Callable[[], float]

SLACKBOT = "USLACKBOT"
_LONGEST_WAIT = 0.01  # seconds
LONG = 120.0
"""Seconds to wait for what should be seen at once, on any machine: by then it does not come."""
_SMALLEST_STEP = 100  # microseconds between two message ts; Slack's own end in such counts


class Missing(Exception):
    """There is no such thing in the world. The message is Slack's word for it (`channel_not_found`)."""


@dataclass
class Channel:
    """A channel or a direct conversation with the bot; ``with_user`` says with whom. ``changes`` names each
    message that came, changed or went, in order, so that whoever looks often need not look through all.
    """

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    private: bool = False
    archived: bool = False
    shared_outside: bool = False
    with_user: str = ""
    topic: str = ""
    messages: dict[str, Json] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What events call it (`channel_type`)."""
        if self.with_user:
            return "im"
        return "group" if self.private else "channel"


@dataclass(frozen=True, slots=True)
class Whisper:
    """An ephemeral message: only ``user`` sees it, and no method reads it back."""

    channel: str
    user: str
    message: Json


class World:
    """Everything below is guarded by one lock; ``changed`` wakes whoever waits for something to be seen."""

    def __init__(self, workspace: Workspace, clock: Clock = time.time) -> None:
        self.workspace = workspace
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self.on_event: Callable[[Json], None] = lambda _event: None
        self.users: dict[str, User] = {}
        self.groups: dict[str, UserGroup] = {}
        self.channels: dict[str, Channel] = {}
        self.whispers: dict[str, Whisper] = {}
        self._watchers: list[Callable[[], None]] = []
        self._changes = 0
        self._last_ts = 0
        self._last_number = 0

    def wait_for(self, predicate: Callable[[], Any], timeout: float = LONG) -> Any:
        """The first true value of ``predicate``; ``timeout`` in real seconds.

        It is asked after each change, and now and then for what changes outside of this world; the lock is
        not held meanwhile.

        Raises:
            TimeoutError: it never became true.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = self._changes
            if value := predicate():
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen within {timeout} s")
            with self.changed:
                if self._changes == seen:
                    self.changed.wait(_LONGEST_WAIT)

    def notify(self) -> None:
        """Wake those who wait for something to be seen."""
        with self.changed:
            self._changes += 1
            self.changed.notify_all()
            for told in self._watchers:
                told()

    def watch(self, told: Callable[[], None]) -> Callable[[], None]:
        """Let ``told`` be called at each change, on any thread and with the lock held, until what is returned
        here is called. It must not wait.
        """
        with self.changed:
            self._watchers.append(told)

        def unwatch() -> None:
            with self.changed:
                self._watchers.remove(told)

        return unwatch

    def number(self) -> int:
        """A number given out once, for ids."""
        with self.changed:
            self._last_number += 1
            return self._last_number

    def next_ts(self) -> str:
        with self.changed:
            self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + _SMALLEST_STEP)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_user(self, user: User) -> User:
        with self.changed:
            self.users[user.id] = user
            self.notify()
        return user

    def change_user(self, user: str, **fields: Any) -> User:
        """Change an account (deleted, guest, tz, ...), with the event Slack sends."""
        with self.changed:
            changed = self.users[user] = replace(self.user(user), **fields)
            shown = changed.as_slack(self.workspace, self.clock())
            self._emit({"type": "user_change", "user": shown, "cache_ts": int(self.clock())})
        return changed

    def user(self, user: str) -> User:
        found = self.users.get(user)
        if not found:
            raise Missing("user_not_found")
        return found

    def add_group(self, group: UserGroup) -> UserGroup:
        with self.changed:
            self.groups[group.id] = group
            shown = group.as_slack(self.workspace, with_members=True)
            self._emit({"type": "subteam_created", "subteam": shown})
        return group

    def set_members(self, group: str, members: list[str]) -> UserGroup:
        """Who is in a user group from now on, with the two events Slack sends."""
        with self.changed:
            before, now = self.groups[group], int(self.clock())
            after = self.groups[group] = replace(before, members=tuple(members), updated=now)
            added = [user for user in members if user not in before.members]
            removed = [user for user in before.members if user not in members]
            self._emit(
                {
                    "type": "subteam_members_changed",
                    "subteam_id": group,
                    "team_id": self.workspace.team,
                    "date_previous_update": before.updated,
                    "date_update": now,
                    "added_users": added,
                    "added_users_count": len(added),
                    "removed_users": removed,
                    "removed_users_count": len(removed),
                }
            )
            shown = after.as_slack(self.workspace, with_members=True)
            self._emit({"type": "subteam_updated", "subteam": shown})
        return after

    def disable_group(self, group: str) -> UserGroup:
        with self.changed:
            after = replace(self.groups[group], disabled=True, updated=int(self.clock()))
            self.groups[group] = after
            shown = after.as_slack(self.workspace, with_members=True)
            self._emit({"type": "subteam_updated", "subteam": shown})
        return after

    def add_channel(self, channel: Channel) -> Channel:
        with self.changed:
            self.channels[channel.id] = channel
            self.notify()
        return channel

    def channel(self, channel: str) -> Channel:
        found = self.channels.get(channel)
        if not found:
            raise Missing("channel_not_found")
        return found

    def direct(self, user: str) -> Channel:
        """The bot's conversation with ``user``; opened when first asked for."""
        with self.changed:
            self.user(user)
            found = f"D0{user[1:]}"
            if found not in self.channels:
                members = {user, self.workspace.bot_user}
                self.channels[found] = Channel(found, "directmessage", members, private=True, with_user=user)
            return self.channels[found]

    def post(self, channel: Channel, message: Json) -> Json:
        """Put a message into a channel under a ts of its own."""
        with self.changed:
            stored: Json = {"type": "message", "ts": self.next_ts(), **message}
            channel.messages[stored["ts"]] = stored
            self._emit_message(channel, stored, stored["ts"])
            self._emit_mention(channel, stored)
            return stored

    def rewrite(self, channel: Channel, ts: str, fields: Json) -> Json:
        """Replace ``fields`` of a message; one given as None goes away.

        Raises:
            Missing: no such message.
        """
        with self.changed:
            before = channel.messages.get(ts)
            if not before:
                raise Missing("message_not_found")
            after = {key: value for key, value in (before | fields).items() if value is not None}
            channel.messages[ts] = after
            change = {"subtype": "message_changed", "message": after, "previous_message": before}
            self._emit_message(channel, change, self.next_ts())
            return after

    def remove(self, channel: Channel, ts: str) -> None:
        """Delete a message. Raises Missing."""
        with self.changed:
            before = channel.messages.pop(ts, None)
            if not before:
                raise Missing("message_not_found")
            change = {"subtype": "message_deleted", "deleted_ts": ts, "previous_message": before}
            self._emit_message(channel, change, self.next_ts())

    def whisper(self, channel: str, user: str, message: Json) -> Whisper:
        with self.changed:
            stored = {"type": "message", "ts": self.next_ts(), **message}
            self.whispers[stored["ts"]] = heard = Whisper(channel, user, stored)
            self.notify()
            return heard

    def rewhisper(self, ts: str, fields: Json) -> None:
        """Replace what an ephemeral message says."""
        with self.changed:
            heard = self.whispers[ts]
            message = {"type": "message", "ts": ts, **fields}
            self.whispers[ts] = Whisper(heard.channel, heard.user, message)
            self.notify()

    def name(self, thing: str) -> str:
        """What people call a person, group or channel; the id itself if it is unknown."""
        if thing in self.users:
            return self.users[thing].real_name
        if thing in self.groups:
            return self.groups[thing].handle
        return self.channels[thing].name if thing in self.channels else thing

    def visible(self, user: str, channel: str) -> Iterator[tuple[Json, bool]]:
        """Messages of a channel as ``user`` sees them, oldest first; true marks those only they see."""
        with self.changed:
            room = self.channels.get(channel)
            told = [
                (heard.message, True)
                for heard in self.whispers.values()
                if (heard.user, heard.channel) == (user, channel)
            ]
            said = [(message, False) for message in room.messages.values()] if room else []
        yield from sorted(said + told, key=lambda seen: seen[0]["ts"])

    def home_opened(self, user: str, channel: str) -> None:
        self._emit({"type": "app_home_opened", "user": user, "channel": channel, "tab": "home"})

    def _emit_message(self, channel: Channel, change: Json, ts: str) -> None:
        channel.changes.append(change.get("deleted_ts") or change.get("message", change)["ts"])
        about = {"channel": channel.id, "channel_type": channel.kind, "event_ts": ts}
        named = {"channel": "channels", "group": "groups"}.get(channel.kind, channel.kind)
        self._emit({"type": "message", "ts": ts, **change, **about}, f"message.{named}")

    def _emit_mention(self, channel: Channel, message: Json) -> None:
        """Slack tells an app of it where the app is, and by a message alone in their own conversation."""
        bot = self.workspace.bot_user
        mentions = f"<@{bot}>" in str(message.get("text", "")) and message.get("user") != bot
        if mentions and channel.kind != "im" and bot in channel.members:
            told: Json = {key: message[key] for key in ("user", "text", "ts", "thread_ts", "team") if key in message}
            self._emit({"type": "app_mention", **told, "channel": channel.id, "event_ts": message["ts"]})

    def _emit(self, event: Json, subscription: str = "") -> None:
        self.notify()
        if (subscription or event["type"]) in self.workspace.events:
            self.on_event({"event_ts": f"{self.clock():.6f}", **event})
