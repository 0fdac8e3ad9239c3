"""What one reader has on the screen, and the frames that make it true again."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playground.page.marks import Marks
from playground.people import Json, User
from playground.slack import Slack
from playground.world import Channel

PAGE = 100
"""Messages shown at first, and more at each look back."""

_TS = re.compile(r"\d{1,12}\.\d{6}", re.ASCII)
_END = "9" * 12
"""Comes after every ts."""

_NEVER: Any = object()
"""Differs from everything that can be shown, also from nothing."""

_Told = dict[str, Json]
"""Messages that only this reader sees, by ts."""


@dataclass
class _Window:
    """The newest part of a channel: everything from ``since`` on, as it was last sent.

    ``heard`` counts the channel's changes that were looked at; None asks for a look at everything.
    """

    since: str
    sent: dict[str, Json] = field(default_factory=dict)
    told: _Told = field(default_factory=dict)
    heard: int | None = None


class Reader:
    """One open page. ``frames`` tells the difference between what was sent and what is; nothing is sent twice."""

    def __init__(self, slack: Slack, marks: Marks, person: str, *, beside: bool = False) -> None:
        self.person = person
        self._slack = slack
        self._marks = marks
        self._beside = beside
        self._about: Json | None = None
        self._form: Any = _NEVER
        self._home: Any = _NEVER
        self._windows: dict[str, _Window] = {}

    def frames(self) -> list[Json]:
        """What changed since the last call; at the first, everything."""
        with self._slack.world.changed:
            self._slack.world.direct(self.person)
            return [*self._people(), *self._messages(), *self._forms(), *self._homes()]

    def hear(self, said: Any) -> None:
        """What the page asks for, or says it has shown. Raises ValueError for what makes no sense."""
        match said:
            case {"want": "older", "channel": str(channel), "before": str(before)} if _TS.fullmatch(before):
                self._look_back(channel, before)
            case {"read": str(channel), "ts": str(ts)} if _TS.fullmatch(ts):
                self._read(channel, ts)
            case _:
                raise ValueError("not understood")

    def _look_back(self, channel: str, before: str) -> None:
        window = self._windows.get(channel)
        if not window:
            return
        with self._slack.world.changed:
            room, told = self._slack.world.channels[channel], self._told_alone()[channel]
            window.since = min(window.since, _page_before(room, told, before))
            window.heard = None
            self._slack.world.notify()

    def _read(self, channel: str, ts: str) -> None:
        if channel not in self._windows or not self._marks.read(self.person, channel, ts):
            return
        for about in self._about["channels"] if self._about else []:
            if about["id"] == channel:
                about["read"] = ts  # this page knows already; the person's other pages are told
        self._slack.world.notify()

    def _people(self) -> Iterator[Json]:
        about = self._told()
        if about != self._about:
            yield {"kind": "hello" if self._about is None else "people", **about}
            self._about = about

    def _told(self) -> Json:
        world, me = self._slack.world, self._slack.world.user(self.person)
        workspace = world.workspace
        return {
            "me": {"id": me.id, "name": me.real_name, "title": me.title, "tz": me.tz, "admin": me.admin},
            "people": [_person(user) for user in world.users.values()],
            "groups": [{"id": group.id, "handle": group.handle} for group in world.groups.values()],
            "channels": [self._channel(room) for room in self._rooms()],
            "app": {"name": workspace.name, "bot_user": workspace.bot_user},
            "commands": [{"name": command.name, "hint": command.hint} for command in workspace.commands],
            "beside": self._beside,
        }

    def _rooms(self) -> list[Channel]:
        """By name, conversations with the app after the channels."""
        world = self._slack.world
        mine = [room for room in world.channels.values() if self.person in room.members and not room.archived]
        return sorted(mine, key=lambda room: (bool(room.with_user), room.name))

    def _channel(self, room: Channel) -> Json:
        return {
            "id": room.id,
            "name": self._slack.world.workspace.name if room.with_user else room.name,
            "kind": "im" if room.with_user else "channel",
            "topic": room.topic,
            "read": self._marks.of(self.person, room.id),
        }

    def _messages(self) -> Iterator[Json]:
        told = self._told_alone()
        rooms = self._rooms()
        for left in self._windows.keys() - {room.id for room in rooms}:
            del self._windows[left]
        for room in rooms:
            if frame := self._changes(room, told[room.id]):
                yield frame

    def _changes(self, room: Channel, told: _Told) -> Json | None:
        window = self._windows.get(room.id)
        if not window:
            window = self._windows[room.id] = _Window(_page_before(room, told, _END))
        everything = window.heard is None
        touched = _all(room, told, window) if everything else _touched(room, told, window)
        look = sorted(ts for ts in touched if ts >= window.since)
        now = {ts: told.get(ts) or room.messages.get(ts) for ts in look}
        shown = [message for ts, message in now.items() if message and window.sent.get(ts) is not message]
        gone = [ts for ts, message in now.items() if not message and ts in window.sent]
        for ts in gone:
            del window.sent[ts]
        window.sent |= {message["ts"]: message for message in shown}
        window.heard, window.told = len(room.changes), told
        if not (everything or shown or gone):
            return None
        return {
            "kind": "messages",
            "channel": room.id,
            "shown": [{"message": message, "ephemeral": message["ts"] in told} for message in shown],
            "gone": gone,
            "older": _first(room, told) < window.since,
        }

    def _told_alone(self) -> defaultdict[str, _Told]:
        """By channel, what only this reader sees, oldest first."""
        told: defaultdict[str, _Told] = defaultdict(dict)
        for ts, heard in self._slack.world.whispers.items():
            if heard.user == self.person:
                told[heard.channel][ts] = heard.message
        return told

    def _forms(self) -> Iterator[Json]:
        views = self._slack.views
        view = views.top(self.person)
        errors = views.errors.get(view["id"], {}) if view else {}
        form = {"view": view, "errors": errors, "depth": views.depth(self.person)} if view else None
        if form != self._form:
            self._form = form
            yield {"kind": "form", "form": form}

    def _homes(self) -> Iterator[Json]:
        home = self._slack.views.home(self.person)
        if home is not self._home:
            self._home = home
            yield {"kind": "home", "view": home}


def _person(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.real_name,
        "title": user.title,
        "bot": user.bot,
        "playable": bool(user.title) and not user.bot and not user.deleted,
    }


def _all(room: Channel, told: _Told, window: _Window) -> set[str]:
    """What is there, and what was there at the last look."""
    return room.messages.keys() | told.keys() | window.sent.keys()


def _touched(room: Channel, told: _Told, window: _Window) -> set[str]:
    """What came, changed or went since the last look."""
    whispered = {ts for ts in told.keys() | window.told.keys() if told.get(ts) is not window.told.get(ts)}
    return whispered.union(room.changes[window.heard :])


def _first(room: Channel, told: _Told) -> str:
    return min(next(iter(room.messages), _END), next(iter(told), _END))


def _page_before(room: Channel, told: _Told, before: str) -> str:
    """Where the page that ends before ``before`` begins; "" if it holds the first message."""
    earlier = sorted(ts for ts in (*room.messages, *told) if ts < before)
    return earlier[-PAGE] if len(earlier) > PAGE else ""
