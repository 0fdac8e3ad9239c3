"""What was done so far with access that is held now, in short: for whoever looks at all of it at once."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from jit.detect.activity.recorder import known_logs
from jit.facts import SESSION, ActivityLog, ActivityRecorded
from jit.ledger import Ledger

MOST_READ = 20
"""Entries of one grant that are counted, the newest; of more it is said that there is more."""
_FAR = datetime.max.replace(tzinfo=UTC)


class Grant(NamedTuple):
    """What is held. ``since`` is when it was given; None where that is on its way."""

    request_id: str
    target: str
    since: datetime | None


class Done(NamedTuple):
    """By the log that shows the most.

    Attributes:
        more: there is more than ``statements``.
        last: when the last of them was.
        hidden: somebody turned the log off in a session.
        read: whether a log of the target is read while it is held; None where the record knows no log of the target.
    """

    statements: int = 0
    more: bool = False
    last: datetime | None = None
    hidden: bool = False
    read: bool | None = True

    def in_short(self, last: str) -> str:
        """`12 statements, last 14:32`; ``last`` is when, as its reader is told. Empty where nothing is known."""
        if self.read is None:
            return ""
        if not self.read:
            return "no log read"
        off = ", LOG TURNED OFF" if self.hidden else ""
        if not self.statements:
            return f"no statement so far{off}"
        number = f"{'over ' if self.more else ''}{self.statements} statement{'' if self.statements == 1 else 's'}"
        return f"{number}, last {last}{off}"


def done_so_far(ledger: Ledger, grants: Collection[Grant]) -> dict[str, Done]:
    """By id of the request. Raises LedgerUnavailable."""
    found: dict[str, list[ActivityRecorded]] = {}
    for fact in ledger.activity([each.request_id for each in grants], MOST_READ):
        found.setdefault(fact.request_id or "", []).append(fact)
    logs = known_logs(ledger) if len(found) < len(grants) else ()
    return {
        each.request_id: _counted(found[each.request_id])
        if each.request_id in found
        else Done(read=_is_read(each, logs))
        for each in grants
    }


def _counted(facts: Iterable[ActivityRecorded]) -> Done:
    by_log: dict[str, list[ActivityRecorded]] = {}
    for fact in facts:
        by_log.setdefault(fact.log, []).append(fact)
    return max((_of_log(each) for each in by_log.values()), key=lambda done: done.statements)._replace(
        hidden=any(fact.hides for each in by_log.values() for fact in each)
    )


def _of_log(facts: Collection[ActivityRecorded]) -> Done:
    number = sum(each.number for fact in facts for each in fact.tallies() if each.activity not in SESSION)
    moments = [item.at for fact in facts for item in fact.items if item.activity not in SESSION]
    last = max(moments, default=max(fact.at for fact in facts)) if number else None
    return Done(number, len(facts) >= MOST_READ, last)


def _is_read(grant: Grant, logs: Iterable[ActivityLog]) -> bool | None:
    there = [each for each in logs if each.target == grant.target and each.state == "began"]
    if grant.since is None or not there:
        return None
    return any(grant.since <= (each.until or _FAR) for each in there)
