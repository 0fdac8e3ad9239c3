"""Where the audit channel ends, by what stands in it: the notes say so too, and others can write to the notes."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.followers.outbox import Outbox
from bot.mirror.channel_changes import is_index
from bot.views.text import Json

NEWEST = 200
"""Messages that the look at a start goes back."""
_MOST_PAGES = 20
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class End(NamedTuple):
    """The last entry that the channel shows, and the hash that is said to be its; None if none is said."""

    last: int
    head: str | None


def end_of(outbox: Outbox, channel: str, event_type: str) -> End | None:
    """By the newest messages of ours; None if none of them shows an entry. Raises CallFailed."""
    ends = [end for message in _newest(outbox, channel) if (end := _end(message, event_type, outbox.bot_id()))]
    return max(ends, default=None, key=lambda end: end.last)


def is_posted(standing: Mapping[str, str], channel: str, first: int, last: int) -> bool:
    """Whether messages that were noted as standing in the channel show all of these: then they were deleted, and who
    watches over the channel misses them.
    """
    for start, end in sorted(_places(standing.values(), channel)):
        if start <= first <= end:
            first = end + 1
    return first > last


def _newest(outbox: Outbox, channel: str) -> Iterator[Json]:
    cursor, seen = "", 0
    for _ in range(_MOST_PAGES):
        messages, cursor = outbox.page(channel, cursor)
        yield from messages
        seen += len(messages)
        if not cursor or seen >= NEWEST:
            return


def _end(message: Json, event_type: str, bot: str) -> End | None:
    carried = message.get("metadata")
    if not isinstance(carried, dict) or carried.get("event_type") != event_type or message.get("bot_id") != bot:
        return None
    payload = carried.get("event_payload")
    last, head = (payload.get("last"), payload.get("head")) if isinstance(payload, dict) else (None, None)
    if not is_index(last):
        return None
    return End(last, head if isinstance(head, str) and _HASH.fullmatch(head) else None)


def _places(noted: Iterable[str], channel: str) -> Iterator[tuple[int, int]]:
    for value in noted:
        try:
            kept: Sequence[object] = json.loads(value)
        except ValueError:
            continue
        if isinstance(kept, list) and len(kept) > 2 and kept[0] == channel and is_index(kept[1]) and is_index(kept[2]):
            yield kept[1], kept[2]
