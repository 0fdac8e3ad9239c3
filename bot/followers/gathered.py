"""Messages about requests that were asked together: what happens to them at about the same time is told in one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.views import dm
from bot.views.text import Drawn
from jit.facts import Fact
from jit.requests.lifecycle import Request

TOLD_WITHIN = 2.0
"""Seconds that what became of one waits for what becomes of the others."""
WARNED_WITHIN = timedelta(seconds=10)
"""So much earlier than another's a warning may come that waits for it."""
LOOK_AGAIN = 0.25
"""Seconds until it is looked again whether all of it is there."""


class Due(NamedTuple):
    """Something to say: about which entry (0 for a warning), and about which request, if any. ``beside`` is what else
    the same message says: key, entry and request of each.
    """

    entry: int
    request_id: str | None
    beside: Sequence[tuple[str, int, str | None]] = ()


class Part(NamedTuple):
    """One thing that a message says: under which key, about which fact, of which request."""

    key: str
    fact: Fact | None
    request: Request | None


def of_these(due: Mapping[str, Due], asked: Sequence[Request], alike: Callable[[str, Due], bool]) -> dict[str, Due]:
    """What is to be said of those that were ``asked`` together, as far as it is ``alike``."""
    ids = {each.id for each in asked}
    return {key: its for key, its in due.items() if its.request_id in ids and alike(key, its)}


def gathered(
    told: Mapping[str, Due], asked: Sequence[Request], waited: float, warn: Mapping[str, datetime], now: datetime
) -> tuple[str, Due] | None:
    """One message of all that is to be ``told``, in the order of ``asked``, by the key of the first. None while more is
    about to come, of a message that has ``waited`` so many seconds. ``warn``: of a warning, when each other is to come;
    empty for what happened.
    """
    here = {due.request_id for due in told.values()}
    others = [each for each in asked if each.id not in here]
    if _is_to_come(others, waited, warn, now):
        return None
    ids = [each.id for each in asked]
    (key, first), *more = sorted(told.items(), key=lambda each: ids.index(each[1].request_id or ""))
    return key, first._replace(beside=[(other, due.entry, due.request_id) for other, due in more])


def _is_to_come(others: Sequence[Request], waited: float, warn: Mapping[str, datetime], now: datetime) -> bool:
    if warn:
        return any(each.id in warn and warn[each.id] - now <= WARNED_WITHIN for each in others)
    return any(not each.state.over for each in others) and waited < TOLD_WITHIN


def parts(
    key: str, due: Due, fact: Callable[[str, Due], Fact | None], request: Callable[[str], Request | None]
) -> list[Part]:
    """All that one message says. ``fact`` and ``request`` find what it is about."""
    about = [(key, due), *((other, Due(entry, request_id)) for other, entry, request_id in due.beside)]
    return [Part(each, fact(each, its), request(its.request_id) if its.request_id else None) for each, its in about]


def joined(told: Sequence[Part], draw: Callable[..., Drawn | None]) -> Drawn | None:
    """One message of all parts of which there is anything to say; None without any."""
    drawn = [one for each in told if (one := draw(*each))]
    return dm.several(drawn) if len(drawn) > 1 else next(iter(drawn), None)
