"""A message of the audit channel: what it carries unseen, and which entries of the ledger it shows."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple, TypeGuard, TypeVar

from bot.followers.outbox import Metadata
from bot.mirror.message_digest import message_digest
from bot.views.line import Known
from bot.views.text import Drawn, Json
from jit.ledger import Entry, Ledger, Notes, TamperedEntry
from jit.requests.lifecycle import Request

EVENT_TYPE = "jit_audit"
QUIET_TYPE = "jit_audit_quiet"
"""Of the line that says that nothing is new."""
MOST_SHOWN = 1000
"""Entries in one message; one that says that it shows more is not ours."""
STANDS = "stands:"
_TS = re.compile(r"\d{1,12}\.\d{6}", re.ASCII)
_LARGEST = 2**53
Kept = TypeVar("Kept", bound=NamedTuple)


class PostedMessage(NamedTuple):
    """A message as the mirror left it. ``first`` and ``last`` are 0 for one that shows no entry."""

    channel: str
    first: int
    last: int
    words: str


class Carried(NamedTuple):
    """The metadata of a message. ``first`` and ``last`` are 0 where they do not say which entries it shows."""

    event_type: object
    payload: Json
    first: int
    last: int


def carried_by(message: Mapping[str, Any]) -> Carried:
    """Whoever posted it; with an empty payload where it carries none."""
    metadata = part_of(message, "metadata")
    payload = dict(part_of(metadata, "event_payload"))
    first, last = payload.get("first"), payload.get("last")
    if not is_index(first) or not is_index(last) or not 0 <= last - first < MOST_SHOWN:
        first = last = 0
    return Carried(metadata.get("event_type"), payload, first, last)


def entries_at(ledger: Ledger, first: int, last: int) -> Sequence[Entry]:
    """All entries from ``first`` to ``last``; none if one is not there or broken. Raises LedgerUnavailable."""
    if not is_index(first) or not is_index(last) or not 0 <= last - first < MOST_SHOWN:
        return []
    try:
        found = ledger.read(after=first - 1, limit=last - first + 1)
    except TamperedEntry:
        return []
    return found if [entry.index for entry in found] == list(range(first, last + 1)) else []


def shown_by(ledger: Ledger, carried: Carried) -> Sequence[Entry]:
    """The entries that a message says it shows; none if the ledger has others there. Raises LedgerUnavailable."""
    entries = entries_at(ledger, carried.first, carried.last)
    return entries if entries and entries[-1].hash == carried.payload.get("head") else []


def about(entries: Sequence[Entry], drawn: Drawn, **more: object) -> Metadata:
    """Which entries a message shows; and the words it was drawn with, by which version, and what else it carries."""
    name = {"first": entries[0].index, "last": entries[-1].index, "head": entries[-1].hash}
    words = {"words": message_digest(as_message(drawn)), "drawn_by": version("jit")}
    return Metadata(EVENT_TYPE, name, {**words, **more})


def as_message(drawn: Drawn) -> Json:
    return {"text": drawn.text, "blocks": drawn.blocks}


def requests_of(ledger: Ledger) -> Known:
    """Looks up each request once. None for one whose record was changed, or that there is not."""
    known: dict[str, Request | None] = {}

    def request(request_id: str) -> Request | None:
        if request_id not in known:
            try:
                known[request_id] = ledger.request(request_id)
            except TamperedEntry:
                known[request_id] = None
        return known[request_id]

    return request


def posted_messages(mirror: Notes) -> dict[str, PostedMessage]:
    """By Slack's number, what the mirror noted of those that it posted last. Raises LedgerUnavailable."""
    kept = mirror.all(STANDS).items()
    return {key.removeprefix(STANDS): found for key, value in kept if (found := read_note(PostedMessage, value))}


def read_note(kind: type[Kept], value: str) -> Kept | None:
    """What was noted as JSON of a named tuple; None if it is not of this shape: others can write to the notes."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    wanted = [int if field in {"first", "last"} else str for field in kind._fields]
    fits = isinstance(found, list) and list(map(type, found)) == wanted
    return kind._make(found) if fits else None


def is_index(value: Any) -> TypeGuard[int]:
    """Whether an entry can stand there. A bool is no number here."""
    return type(value) is int and 0 < value < _LARGEST


def is_ts(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and _TS.fullmatch(value) is not None


def part_of(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part of what came from Slack; empty if it is none."""
    value = whole.get(key)
    return value if isinstance(value, Mapping) else {}
