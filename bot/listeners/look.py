"""`/jit list` and `/jit show`: what there is, for those who may see it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.listeners.caller import Caller
from bot.listeners.context import ListenerContext
from bot.views.card import asked_beside, gives
from bot.views.text import (
    SECTION,
    Drawn,
    Json,
    Names,
    context,
    day_and_time,
    escape,
    harmless,
    in_blocks,
    line_of,
    moment,
    named,
    quote,
    section,
    straight,
)
from bot.views.words import NOT_TAKEN_UP, from_when, given_of_asked, in_line, word
from jit.durations import say_duration
from jit.facts import Fact, RefusalReason
from jit.people.person import Person
from jit.policy import PolicyError, StaleGroups
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State
from jit.use_cases.attempt import Attempt

ONLY_YOURS = "Whether you may see those of others cannot be told right now."
SHOWN = 30
_HISTORY = 25
_ACCESS = 34
_NAME = 14
_CODE = SECTION - 50
"""Characters of a block of code below its title."""


def list_requests(ctx: ListenerContext, caller: Caller) -> Drawn:
    """What waits for one's decision, one's own open requests and the last few; security sees all that is open.

    Raises Refusal.
    """
    Attempt(ctx.core, caller.by, "list").admit()
    person = ctx.directory.look_up(caller.by.id)
    visibility = ctx.visibility
    own, past = visibility.own(person.id), visibility.past(person.id)
    parts = [("Open", own, len(own), False), ("Before", past, len(past), False)]
    more = ""
    try:
        waiting = visibility.waiting(person.id)
        others = visibility.others(person.id, waiting, SHOWN)
        shared = ("Waiting for you", waiting, len(waiting), True), ("Others", others.first, others.number, True)
        parts = [shared[0], parts[0], shared[1], parts[1]]
    except (PolicyError, StaleGroups):
        more = ONLY_YOURS
    now = ctx.core.clock.now().astimezone(zone(person))
    shown = [
        (title, table(requests, now, ctx.directory.name if names else None, number), number)
        for title, requests, number, names in parts
        if requests
    ]
    if not shown:
        nothing = "You have asked for nothing yet, and nothing waits for you. `/jit request` opens the form."
        return Drawn(f"{nothing} {more}".strip(), [])
    blocks = [block for title, lines, _ in shown for block in _titled(title, lines)]
    blocks += [context(more)] if more else []
    return Drawn("\n".join(f"{title}: {number}" for title, _, number in shown), blocks)


def table(requests: Sequence[Request], now: datetime, names: Names | None, number: int | None = None) -> str:
    """Aligned lines: id, state, who if asked for, access, until when; in the zone of ``now``, the reader's own.
    ``number`` is how many there are in all, where these are the first of them.
    """
    rows = [
        [
            request.id,
            request.state.value,
            *([_cell(names(request.requester), _NAME)] if names else []),
            _cell(request.access, _ACCESS),
            until(request, now),
        ]
        for request in requests[:SHOWN]
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if more := (len(requests) if number is None else number) - len(rows):
        lines.append(f"and {more} more")
    return escape("\n".join(lines))


def _titled(title: str, lines: str) -> Iterator[Json]:
    """The lines as code, in as many blocks as they need."""
    for number, part in enumerate(in_blocks(lines.splitlines(), _CODE)):
        yield section(f"*{title}*\n```{part}```" if number == 0 else f"```{part}```")


def until(request: Request, now: datetime) -> str:
    late = late_since(request, now)
    match request.state:
        case State.PENDING:
            return f"{'was to lapse' if late else 'lapses'} {_clock(request.pending_until, now)}"
        case State.ACTIVE | State.GRANTING if late:
            return f"being taken away since {_clock(late, now)}"
        case State.ENDING if request.ending_since is not None:
            return f"being taken away since {_clock(request.ending_since, now)}" if request.given else "nothing given"
        case State.ACTIVE | State.ENDING | State.GRANTING if request.ends_at is not None:
            return f"until {_clock(request.ends_at, now)}"
        case _ if request.over_at is not None:
            return f"{request.over_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"
        case _:
            return ""


def zone(person: Person) -> tzinfo:
    try:
        return ZoneInfo(person.tz)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def show_request(ctx: ListenerContext, caller: Caller, request_id: str) -> Drawn:
    """How it stands and what became of it. Raises as `request_seen`."""
    request = request_seen(ctx, caller, request_id)
    names = ctx.directory.name
    head = line_of(f"*{request.id}*", *_state(request, late_since(request, ctx.core.clock.now())))
    long = say_duration(request.asked.duration)
    what = f"{named(request.requester, names)} asked for *{word(request.access)}* for {long}{from_when(request)}"
    history = [_step(entry.fact, names) for entry in ctx.core.ledger.history(request.id)][-_HISTORY:]
    helps = [given_of_asked(request, names), harmless(request.incident or ""), asked_beside(request)]
    told = [*gives(request), *map(context, filter(None, helps)), context(*in_blocks(history))]
    blocks = [section(f"{head}\n{what}"), quote(request.why), *told]
    return Drawn(f"{request.id} is {request.state.value}: {what.replace('*', '')}", blocks)


def request_seen(ctx: ListenerContext, caller: Caller, request_id: str) -> Request:
    """For the requester, those who could approve, and security; to others there is no such request.

    Raises:
        Refusal: also where it cannot be told who may see it.
    """
    attempt = Attempt(ctx.core, caller.by, "show")
    attempt.admit()
    request = attempt.find(request_id)
    try:
        seen = request is not None and ctx.visibility.may_see(caller.by.id, request)
    except PolicyError:
        attempt.refuse(RefusalReason.POLICY_BROKEN, request)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if request is None or not seen:
        attempt.refuse(RefusalReason.UNKNOWN_REQUEST, request)
    return request


def _state(request: Request, late: datetime | None) -> list[str]:
    if late and request.state in {State.GRANTING, State.ACTIVE}:
        return ["ending", f"being taken away since {moment(late, request.asked_at)}", NOT_TAKEN_UP]
    if request.state is State.PENDING:
        return ["pending", f"lapses {moment(request.pending_until, request.asked_at)}"]
    if request.state is State.ACTIVE and request.ends_at is not None:
        return ["active", f"until {moment(request.ends_at, request.asked_at)}"]
    return [request.state.value]


def _step(fact: Fact, names: Names) -> str:
    """One line of history, without anybody's free words."""
    told = fact.told()
    by = f" by {named(fact.actor, names)}" if told.names(fact.actor) else ""
    return f"{day_and_time(fact.at)} {in_line(told.what, names)}{by}"


def _cell(text: str, most: int) -> str:
    """Inside a block of code nothing but a backtick and a line's end means anything."""
    return straight(text, most).replace("`", "'")


def _clock(when: datetime, now: datetime) -> str:
    """With the date, wherever that is not today's."""
    there = when.astimezone(now.tzinfo)
    return f"{there:%H:%M}" if there.date() == now.date() else f"{there:%Y-%m-%d %H:%M}"
