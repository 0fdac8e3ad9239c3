"""What became of messages of the audit channel: listeners leave word of it here, and one follower weighs it.

Nothing of what a message says is kept, only what tells whether it is the same.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from bot.mirror.message import carried_by, is_ts, part_of, read_note
from bot.mirror.message_digest import message_digest
from jit.ledger import Notes

HEARD, ANNOUNCED = "heard:", "announced:"
GONE = "gone"
"""In the place of a digest: the message was deleted."""
CHANGES = frozenset({"message_deleted", "message_changed"})
"""What Slack calls it where a message is not what it was."""
_NUMBER = re.compile(r"(?:\A|[\n ])#(\d{1,15})\b", re.ASCII)
_MOST_TEXT = 20_000


class Change(NamedTuple):
    """One message was changed or is gone. ``first`` is 0 where the event does not tell which entries it showed."""

    channel: str
    ts: str
    words: str
    """The digest of what it says now, or `GONE`."""
    by: str = ""
    """Who edited it; of deletions Slack does not say."""
    bot: str = ""
    """Whose message it was."""
    first: int = 0
    last: int = 0

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Self | None:
        """From a `message` event of Slack's; None if it is not about a message of an app that was changed or deleted:
        what people write, they may take back.
        """
        channel, before, now = event.get("channel"), part_of(event, "previous_message"), part_of(event, "message")
        deleted = event.get("subtype") == "message_deleted"
        if event.get("subtype") not in CHANGES or not isinstance(channel, str):
            return None
        ts = event.get("deleted_ts") if deleted else now.get("ts")
        if not is_ts(ts):
            return None
        first, last = entries_of(before)
        bot = before.get("bot_id") or now.get("bot_id")
        if before and not bot:
            return None
        gone = deleted or now.get("subtype") == "tombstone"
        by = part_of(now, "edited").get("user")
        words = GONE if gone else message_digest(dict(now))
        return cls(channel, str(ts), words, "" if gone else _short(by), _short(bot), first, last)


def leave_word(notes: Notes, change: Change) -> None:
    """The same is noted once, however often Slack tells it. Raises LedgerUnavailable."""
    notes.put({f"{HEARD}{change.ts} {change.words}": json.dumps(change)})


def heard(notes: Notes) -> dict[str, Change | None]:
    """By key, what was left and not weighed yet; None for what no listener has left. Raises LedgerUnavailable."""
    return {key: read_note(Change, value) for key, value in sorted(notes.all(HEARD).items())}


class Announced(NamedTuple):
    """As it is noted: ``at`` is when, as ISO 8601, ``remarks`` a line each."""

    words: str
    at: str
    remarks: str


class Announcement(NamedTuple):
    """``words`` is the digest of what a message is about to say, ``remarks`` what will stand under its lines.

    A claim: others can write to the notes.
    """

    words: str
    at: datetime
    remarks: tuple[str, ...]


class Announcements:
    """What this process itself is about to change in the channel, noted before it does."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def announce(self, ts: str, words: str, now: datetime, remarks: Iterable[str] = ()) -> None:
        """Raises LedgerUnavailable, LeaseLost."""
        self._notes.put({ANNOUNCED + ts: json.dumps(Announced(words, now.isoformat(), "\n".join(remarks)))})

    def of(self, ts: str) -> Announcement | None:
        """Raises LedgerUnavailable."""
        kept = self._notes.get(ANNOUNCED + ts)
        return _announced(kept) if kept else None

    def all(self) -> dict[str, Announcement]:
        """Raises LedgerUnavailable."""
        kept = self._notes.all(ANNOUNCED).items()
        return {key.removeprefix(ANNOUNCED): found for key, value in kept if (found := _announced(value))}


def entries_of(message: Mapping[str, Any]) -> tuple[int, int]:
    """Which entries a message shows, by its metadata, else by the numbers in its lines; 0, 0 if neither tells."""
    carried = carried_by(message)
    if carried.first:
        return carried.first, carried.last
    numbers = list(_numbers(message.get("text")))
    return (min(numbers), max(numbers)) if numbers else (0, 0)


def _numbers(text: Any) -> Iterator[int]:
    """Lines begin with the time and the number; in a message of many it is the first and the last that count."""
    for line in text[:_MOST_TEXT].split("\n") if isinstance(text, str) else []:
        if found := _NUMBER.search(line):
            yield int(found[1])


def _announced(kept: str) -> Announcement | None:
    found = read_note(Announced, kept)
    try:
        at = datetime.fromisoformat(found.at).astimezone(UTC) if found else None
    except (ValueError, OverflowError):
        return None
    return Announcement(found.words, at, tuple(found.remarks.split("\n"))) if found and at else None


def _short(value: Any) -> str:
    return value[:50] if isinstance(value, str) else ""
