"""One look at everything: what the lights are judged by."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from demo.held import Role, held_roles
from demo.parts import BOT, SLACK, Parts, Seen
from demo.record import Record
from demo.stack import Stack
from jit.ledger import LedgerUnavailable, TamperedEntry
from jit.ledger.spool_files import put_aside_in, waiting_in
from jit.proof.signer.keys import read_key

WHOLE_EVERY = 5.0
"""Seconds between two checks of the whole chain; what is new is checked at every look."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A press that failed for a person; ``excused`` if it could not be answered then, as Slack or the bot was away."""

    at: float
    error: str
    excused: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """All that was seen at ``now``, which is ``tick`` by `time.monotonic`.

    ``roles`` were read before the record: whatever they rest on must be in it. None: the target did not answer.
    ``unread`` and ``broken`` say why the record could not be read, or does not hold together.
    ``cards``: by request, the first lines of its cards, oldest first.
    """

    now: datetime
    tick: float
    parts: Mapping[str, Seen]
    wiped: float
    connected: bool
    roles: tuple[Role, ...] | None
    record: Record
    checked_whole: int
    unread: str
    broken: str
    waiting: int
    put_aside: int
    cards: Mapping[str, tuple[str, ...]]
    failures: tuple[Failure, ...]
    acknowledged: tuple[float, ...]

    def whole(self, *names: str) -> bool:
        """Whether these parts are up, and the others have had time to notice."""
        return all(self.parts[name].whole(self.tick) for name in names)


class Observer:
    """An observer of the stack, with connections of its own. Not for several threads."""

    def __init__(self, stack: Stack, parts: Parts) -> None:
        key = stack.folder / "signer" / "log.key"
        self.record = Record(stack.ledger, read_key(key).verifier() if key.exists() else None)
        self._stack = stack
        self._parts = parts
        self._whole = 0
        self._whole_at = float("-inf")
        self._failures: list[Failure] = []

    def look(self) -> Observation:
        parts = self._parts.seen()
        roles = held_roles(self._stack.postgres.dsn()) if parts["target"].up else None
        unread, broken = self._read()
        spool = self._stack.folder / "spool"
        connected = self._stack.stage.connections() > 0
        tick = time.monotonic()
        able = connected and parts[SLACK].whole(tick) and parts[BOT].whole(tick)
        for failure in self._stack.stage.failures()[len(self._failures) :]:
            self._failures.append(Failure(tick, failure["error"], excused=not able and not failure["problems"]))
        return Observation(
            now=self._stack.ledger.clock.now(),
            tick=tick,
            parts=parts,
            wiped=self._parts.wiped,
            connected=connected,
            roles=None if roles is None else tuple(roles),
            record=self.record,
            checked_whole=self._whole,
            unread=unread,
            broken=broken,
            waiting=waiting_in(spool),
            put_aside=put_aside_in(spool),
            cards=self._cards(),
            failures=tuple(self._failures),
            acknowledged=tuple(self._stack.stage.acknowledged()),
        )

    def _read(self) -> tuple[str, str]:
        try:
            self.record.read_on()
            if time.monotonic() - self._whole_at >= WHOLE_EVERY:
                self._whole = self.record.read_whole()
                self._whole_at = time.monotonic()
        except TamperedEntry as broken:
            self._whole_at = float("-inf")
            return "", str(broken)
        except LedgerUnavailable as silent:
            return str(silent), ""
        return "", ""

    def _cards(self) -> dict[str, tuple[str, ...]]:
        world = self._stack.stage.slack.world
        channels = {story.request.channel for story in self.record.stories.values()}
        found: dict[str, list[str]] = {}
        with world.changed:
            rooms = [world.channels[name] for name in channels if name in world.channels]
            messages = [message for room in rooms for message in room.messages.values()]
        for message in messages:
            request = message.get("metadata", {}).get("event_payload", {}).get("card")
            if request:
                found.setdefault(request, []).append(message["text"])
        return {request: tuple(lines) for request, lines in found.items()}
