"""`/jit away` and `/jit back`: who stands in for whom, until when."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.listeners.caller import Caller
from bot.listeners.context import Answer, ListenerContext
from bot.views.text import day_and_time, harmless, named
from jit.durations import BadDuration, parse_duration
from jit.ledger.of_people import absences
from jit.ports import DirectoryUnavailable
from jit.use_cases.away import come_back, go_away

HOW = "`/jit away until 2026-12-01 @carol`, or `/jit away 3d @carol for dba`"
_TYPED = re.compile(
    r"(?:until\s+)?(?P<until>\S+(?:\s+[0-9]{1,2}:[0-9]{2})?)\s+(?:<@(?P<id>[UW][A-Z0-9]+)(?:\|[^>]*)?>|(?P<name>.+?))"
    r"(?:\s+for\s+(?:@|group:)?(?P<group>[A-Za-z0-9._-]+))?",
    re.IGNORECASE,
)


def away(ctx: ListenerContext, caller: Caller, typed: str) -> Answer:
    """Raises Refusal, LedgerUnavailable."""
    now, names = ctx.core.clock.now(), ctx.directory.name
    if not typed.strip():
        own = absences(ctx.core.ledger, now).get(caller.by.id)
        if own is None:
            return f"You are not away. To name somebody who stands in: {HOW}."
        until = day_and_time(own.until)
        return f"You are away until {until}: {named(own.substitute, names)} stands in. `/jit back` ends it."
    found = _TYPED.fullmatch(" ".join(typed.split()))
    at = _moment(found["until"], now, _zone_of(ctx, caller)) if found else None
    if found is None or at is None:
        return f"Say until when, and who stands in: {HOW}. You typed: {harmless(typed, 100)}"
    substitute = found["id"] or found["name"]
    absence = go_away(ctx.core, by=caller.by, until=at, substitute=substitute, group=found["group"] or "")
    which = f"what {harmless(absence.group, 80)} decides" if absence.group else "what you both decide"
    return (
        f"You are away until {day_and_time(at)}. For {which}, {named(absence.substitute, names)} is asked instead "
        "of you. You can still decide. `/jit back` ends it before."
    )


def back(ctx: ListenerContext, caller: Caller) -> Answer:
    """Raises Refusal, LedgerUnavailable."""
    if come_back(ctx.core, by=caller.by):
        return "You are back, and asked again."
    return f"You were not away. To name somebody who stands in: {HOW}."


def _moment(typed: str, now: datetime, zone: str) -> datetime | None:
    """A day, which begins where the person is; a day with a time; or as long as that from now."""
    try:
        return now + parse_duration(typed)
    except BadDuration:
        pass
    day, _, hour = typed.partition(" ")
    try:
        at = time.fromisoformat(hour.zfill(5)) if hour else time()
        return datetime.combine(datetime.fromisoformat(day).date(), at, _zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone_of(ctx: ListenerContext, caller: Caller) -> str:
    """Nothing where they cannot be looked up: then they are refused for that."""
    try:
        return ctx.directory.look_up(caller.by.id).tz
    except DirectoryUnavailable:
        return ""


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
