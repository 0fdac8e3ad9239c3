"""The audit channel as Slack shows it: all of it, its newest messages, and where it ends.

The notes say where it ends, too, and others can write to the notes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

from bot.followers.outbox import CallFailed, Outbox, Rejected
from bot.mirror.message import EVENT_TYPE, PostedMessage, carried_by
from bot.views.text import Json

Got = TypeVar("Got")

NEWEST = 200
"""Messages that a look at the newest goes back."""
_MOST_PAGES = 20
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
TRIES = 8
"""In a row, of one call."""
LONGEST_WAIT = 120.0


class End(NamedTuple):
    """The last entry that the channel shows, and the hash that is said to be its; None if none is said."""

    last: int
    head: str | None


def newest_messages(outbox: Outbox, channel: str) -> tuple[list[Json], bool]:
    """And whether there are more before them: Slack may put fewer into a page than were asked. Raises CallFailed."""
    messages, cursor = outbox.page(channel)
    for _ in range(_MOST_PAGES):
        if not cursor or len(messages) >= NEWEST:
            break
        page, cursor = outbox.page(channel, cursor)
        messages = [*messages, *page]
    return messages, bool(cursor)


def all_messages(outbox: Outbox, channel: str, wait: Callable[[float], None]) -> Iterator[Json]:
    """Newest first; ``wait`` waits so many seconds. Raises CallFailed."""
    cursor: str | None = ""
    while cursor is not None:
        messages, following = patiently(partial(outbox.page, channel, cursor), wait)
        yield from messages
        cursor = following or None


def end_of(outbox: Outbox, channel: str) -> End | None:
    """By the newest messages of ours; None if none of them shows an entry. Raises CallFailed."""
    messages, _ = newest_messages(outbox, channel)
    ends = [end for message in messages if message.get("bot_id") == outbox.bot_id() and (end := _end(message))]
    return max(ends, default=None, key=lambda end: end.last)


def is_posted(posted: Iterable[PostedMessage], channel: str, first: int, last: int) -> bool:
    """Whether messages that were noted as standing in the channel show all of these: then they were deleted, and who
    watches over the channel misses them.
    """
    for start, end in sorted((each.first, each.last) for each in posted if each.channel == channel):
        if 0 < start <= first <= end:
            first = end + 1
    return first > last


def patiently(attempt: Callable[[], Got], wait: Callable[[float], None]) -> Got:
    """Again where Slack did not answer, or asks to wait. Raises CallFailed."""
    for tries in range(TRIES):
        try:
            return attempt()
        except Rejected:
            raise
        except CallFailed as failed:
            if tries == TRIES - 1:
                raise
            wait(min(max(failed.wait, 2.0**tries / 4), LONGEST_WAIT))
    raise AssertionError("the last try returns or raises")


def _end(message: Json) -> End | None:
    carried = carried_by(message)
    head = carried.payload.get("head")
    if carried.event_type != EVENT_TYPE or not carried.last:
        return None
    return End(carried.last, head if isinstance(head, str) and _HASH.fullmatch(head) else None)
