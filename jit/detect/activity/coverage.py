"""How much of what was done with a grant a log can show, and why not all."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from jit.clock import SKEW_LIMIT
from jit.facts import SESSION, ActivityLog, ActivityRecorded, Coverage
from jit.requests.lifecycle import Request


class Covered(NamedTuple):
    coverage: Coverage
    gaps: tuple[str, ...]


def covered(request: Request, mine: Sequence[ActivityRecorded], logs: Sequence[ActivityLog]) -> Covered:
    """Of a grant that is over. ``mine`` is what this log shows of it, and ``logs`` what is known of this log."""
    begins, ends = request.granted_at, request.over_at
    spans = (
        [] if begins is None or ends is None else [one for one in _spans(logs) if one[0] <= ends and begins <= one[1]]
    )
    if begins is None or ends is None or not spans:
        return Covered("none", ("this log was not read then",))
    gaps: list[str] = []
    since, until = spans[0][0], spans[-1][1]
    if since > begins + SKEW_LIMIT:
        gaps.append(f"read since {since:%H:%M:%S} UTC only")
    if len(spans) > 1 or until < ends - SKEW_LIMIT:
        gaps.append(f"not read from {spans[0][1]:%H:%M:%S} UTC on" if len(spans) == 1 else "read in parts")
    gaps += [
        each.says or "something of it is missing"
        for each in logs
        if each.state == "gap" and each.since <= ends and (each.until is None or each.until >= begins)
    ]
    if any(each.hides for each in mine):
        gaps.append("turned off in the session")
    if any(each.sampled for each in mine):
        gaps.append("too much at once: all of it counted, some of it kept")
    items = [item for each in mine for item in each.items]
    if items and all(item.activity in SESSION for item in items):
        gaps.append("shows sessions and no statement: the server may not log them")
    gaps += [remark for each in mine for remark in each.remarks]
    return Covered("partial" if gaps else "complete", tuple(dict.fromkeys(gaps))[:8])


def told_of(request: Request, logs: Sequence[ActivityLog]) -> str:
    """What is known of how much the logs of its target show of a grant, over or not; empty where nothing was given.

    ``logs`` is what is known of all logs.
    """
    if request.granted_at is None:
        return ""
    summed = {each.log: f"{each.log}: {each.coverage}" for each in request.used}
    for each in logs:
        if each.target == request.target and each.state == "began" and each.log not in summed:
            ends = request.over_at or _FAR
            read = each.since <= ends and request.granted_at <= (each.until or _FAR)
            waits = "not summed yet" if request.over_at else "read"
            summed[each.log] = f"{each.log}: {waits}" if read else f"{each.log}: none, as it was not read then"
    return "; ".join(summed.values()) or f"none, as no log of {request.target} is read"


def _spans(logs: Sequence[ActivityLog]) -> list[tuple[datetime, datetime]]:
    """The times over which the log was read, those that meet as one; the end of what is still read is far off."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted((each.since, each.until or _FAR) for each in logs if each.state == "began"):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


_FAR = datetime.max.replace(tzinfo=UTC)
