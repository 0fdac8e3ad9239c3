"""A calendar, from a file beside the policies or from an address: whoever is named in an event is on call for as long
as it lasts. `calendar_child.py` says whom an event names, and what is refused.

The calendar is read in a process of its own, when it has changed, and once a day: it says who is on call for a day and
a half, which is all that has to be looked at between.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from jit.people.answers import Because
from jit.people.binding import Named
from jit.people.providers.http import LONGEST_ANSWER, Answer, NotAnswered
from jit.people.providers.provider import ScheduleForm, ScheduleSource, Tools
from jit.people.providers.written import split_address, zone_name

BEFORE, AHEAD = timedelta(hours=1), timedelta(hours=36)
"""Around the moment for which it is read."""
READ_WITHIN = 8.0
"""Seconds of the process that reads it."""
_FILE = "file:"
_MEDIA_TYPES = frozenset({"text/calendar", "text/plain"})
_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_SEEMS_SECRET = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[^/]{20,}|private.*")
_CHILD_SEES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TZDIR", "LANG", "LC_ALL")


def _calendar(text: str) -> str:
    if text.startswith(_FILE):
        path = PurePosixPath(text.removeprefix(_FILE))
        if path.suffix != ".ics" or ".." in path.parts:
            raise ValueError("must name a file like file:orders-primary.ics, in the folder of the policies or below")
        return text
    if _ENVIRONMENT.fullmatch(text):
        return text
    parts = split_address(text)
    if parts.query or any(_SEEMS_SECRET.fullmatch(step) for step in parts.path.split("/")):
        raise ValueError("whoever knows this address reads the calendar: name it, as env:NAME")
    return text


class Schedule(ScheduleForm):
    """``url`` is `file:name.ics`, `https://…`, or `env:NAME` where the address is a secret. ``zone`` is where whole
    days, and times without a zone, are meant. ``who`` names what in an event says who is on call.
    """

    loosely: ClassVar[bool] = True

    url: Annotated[str, AfterValidator(_calendar)]
    zone: Annotated[str, AfterValidator(zone_name)] = "UTC"
    who: Literal["attendee", "summary", "organizer"] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.url,) if _ENVIRONMENT.fullmatch(self.url) else ()

    @property
    def account(self) -> str:
        return self.url

    @property
    def is_here(self) -> bool:
        return self.url.startswith(_FILE)

    def open(self, tools: Tools) -> ScheduleSource:
        return _Calendar(self, tools)


@dataclass(frozen=True, slots=True)
class _Shift:
    start: datetime
    end: datetime
    who: frozenset[Named]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a calendar with this ``digest``, for moments from ``start`` to ``end``."""

    digest: bytes
    start: datetime
    end: datetime
    shifts: tuple[_Shift, ...]


class _Calendar:
    """Keeps what it fetched and read last."""

    def __init__(self, form: Schedule, tools: Tools) -> None:
        self._form = form
        self._tools = tools
        self._fetched: tuple[str, Answer] | None = None
        self._read: _Read | None = None

    async def on_call(self, at: datetime) -> Collection[Named]:
        """Raises NotAnswered."""
        content = await self._content()
        digest = hashlib.sha256(content).digest()
        read = self._read
        if read is None or read.digest != digest or not read.start <= at < read.end:
            read = self._read = await self._expand(content, digest, at)
        return frozenset[Named]().union(*(shift.who for shift in read.shifts if shift.start <= at < shift.end))

    async def _content(self) -> bytes:
        """Raises NotAnswered."""
        if self._form.url.startswith(_FILE):
            return await asyncio.to_thread(_file, self._tools.folder / self._form.url.removeprefix(_FILE))
        place = self._tools.reveal(self._form.url) if self._form.secrets else self._form.url
        try:
            split_address(place)
        except ValueError:
            raise NotAnswered(Because.NO_CREDENTIAL) from None
        known = self._fetched[1] if self._fetched and self._fetched[0] == place else None
        headers = {"Accept": "text/calendar"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        answer = await self._tools.http.get(place, headers)
        if not answer.changed:
            if known is None:
                raise NotAnswered(Because.UNREADABLE)
            return known.body
        if answer.media_type not in _MEDIA_TYPES:
            raise NotAnswered(Because.UNREADABLE)
        self._fetched = (place, answer)
        return answer.body

    async def _expand(self, content: bytes, digest: bytes, at: datetime) -> _Read:
        """Raises NotAnswered."""
        start, end = at - BEFORE, at + AHEAD
        asked = {
            "start": start.isoformat(),
            "seconds": (end - start).total_seconds(),
            "zone": self._form.zone,
            "who": self._form.who,
        }
        told = await _child(json.dumps(asked).encode() + b"\n" + content)
        if "shifts" not in told:
            raise NotAnswered(Because.UNUSABLE)
        return _Read(digest, start, end, tuple(_shift(each) for each in told["shifts"]))


def _shift(told: Mapping[str, Any]) -> _Shift:
    start, end = (datetime.fromisoformat(told[key]) for key in ("start", "end"))
    return _Shift(start, end, frozenset(Named(name, email) for name, email in told["who"]))


def _file(path: Path) -> bytes:
    """Raises NotAnswered."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LONGEST_ANSWER + 1) or b""
    except FileNotFoundError:
        raise NotAnswered(Because.NOT_THERE) from None
    except OSError:
        raise NotAnswered(Because.UNREACHABLE) from None
    if len(content) > LONGEST_ANSWER:
        raise NotAnswered(Because.TOO_LONG)
    return content


async def _child(said: bytes) -> dict[str, Any]:
    """What the process that reads a calendar says. It sees no secret of ours, and ends when nobody waits any more.

    Raises NotAnswered.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "jit.people.providers.calendar_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _CHILD_SEES if name in os.environ},
    )
    try:
        async with asyncio.timeout(READ_WITHIN):
            out, _ = await child.communicate(said)
    except TimeoutError:
        raise NotAnswered(Because.UNUSABLE) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise NotAnswered(Because.UNUSABLE)
    told: dict[str, Any] = json.loads(out)
    return told
