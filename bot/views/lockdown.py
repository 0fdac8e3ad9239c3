"""A lockdown as a message: what is stopped, by whom and why, how far it has come, and how it is lifted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.buttons import LIFT
from bot.views.text import (
    Drawn,
    Json,
    Names,
    actions,
    button,
    code,
    context,
    day_and_time,
    harmless,
    line_of,
    moment,
    named,
    quote,
    section,
    units,
)
from bot.views.words import word
from jit.facts import LockdownLifted, LockdownLiftProposed
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown
from jit.requests.scope import Typed

SHOWN = 10
MOST_LISTED = 15
ROOM = 2500
"""Characters for those that are still open."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many ended by it, and what is open still: ``first`` of these, and how many there are."""

    ended: int
    open: int
    first: Sequence[Request] = ()


def draw_lockdown(
    lockdown: Lockdown, progress: Progress, names: Names, mentions: str = "", lifted: LockdownLifted | None = None
) -> Drawn:
    """Once it is ``lifted``, that comes first, and there is no button."""
    what, by = stopped(lockdown, names), f"by {named(lockdown.by, names)}"
    when = day_and_time(lockdown.at)
    if lifted:
        both = f"{named(lifted.proposed_by, names)} and {named(lifted.actor, names)}"
        first = line_of(f"Over: lockdown {lockdown.id} of {what}", f"lifted {moment(lifted.at, lockdown.at)} by {both}")
    else:
        first = line_of(f"*LOCKDOWN* {what} is stopped", by, when)
    blocks = [section(first), quote(lockdown.reason, names(lockdown.by))]
    blocks.append(section(said_progress(progress, over=lifted is not None)))
    if not lifted:
        blocks += [section(mentions)] if mentions else []
        blocks += _still_open(progress, names)
        blocks += actions([button("Lift", LIFT, lockdown.id)])
    blocks.append(context(line_of(lockdown.id, "" if lifted else how_lifted(lockdown, names))))
    return Drawn(first, blocks)


def draw_in_force(lockdown: Lockdown, names: Names) -> Iterator[Json]:
    """In brief, for a list, or the Home of whoever may lift it."""
    yield section(_line(lockdown, names)) | {"accessory": button("Lift", LIFT, lockdown.id)}
    yield quote(lockdown.reason)
    yield context(how_lifted(lockdown, names))


def draw_list(lockdowns: Sequence[Lockdown], names: Names) -> Drawn:
    """Those in force, the newest first."""
    shown = lockdowns[: -MOST_LISTED - 1 : -1]
    blocks = [block for each in shown for block in draw_in_force(each, names)]
    if more := len(lockdowns) - len(shown):
        blocks.append(context(f"and {more} more, older: `jit lockdown` on a terminal lists them"))
    return Drawn(f"{len(lockdowns)} in force", blocks)


def draw_offered(meant: Typed) -> Drawn:
    """Nothing that is typed is quite a name: what was perhaps meant, to be copied, and nothing is done."""
    if not meant.offered:
        how = "`/jit lockdown @alice why`, or an access, a target or `everything` in the place of @alice"
        says = f"Nothing is locked down: say of what, by its whole name, and why: {how}."
        return Drawn(says, [section(says)])
    says = "Nothing is locked down yet: no one thing is called so. Which did you mean? Copy it and send it:"
    lines = [f"/jit lockdown {each} {meant.rest}".strip() for each in meant.offered]
    return Drawn(f"{says} {harmless('; '.join(lines))}", [section(says), *map(code, lines)])


def draw_for_others(lockdown: Lockdown, names: Names) -> Json:
    """For the Home of whoever it may keep from what they want."""
    return section(_line(lockdown, names))


def draw_to_lift(lockdown: Lockdown, proposal: LockdownLiftProposed | None, names: Names) -> Iterator[Json]:
    """What somebody reads who is about to lift it; ``proposal`` is the one that they confirm."""
    yield section(_line(lockdown, names))
    yield quote(lockdown.reason, names(lockdown.by))
    if proposal is not None:
        yield section(f"{named(proposal.actor, names)} proposed to lift it {day_and_time(proposal.at)}")
        yield quote(proposal.reason, names(proposal.actor))


def _line(lockdown: Lockdown, names: Names) -> str:
    return line_of(
        f"*LOCKDOWN* {stopped(lockdown, names)} is stopped",
        f"by {named(lockdown.by, names)}",
        f"since {day_and_time(lockdown.at)}",
        lockdown.id,
    )


def stopped(lockdown: Lockdown, names: Names) -> str:
    """`all access of *Alice*`, `*orders-db/read*`, `*orders-db*`, `*everything*`"""
    if lockdown.person is not None:
        return f"all access of *{named(lockdown.person, names)}*"
    return f"*{word(lockdown.access or lockdown.target or 'everything')}*"


def how_lifted(lockdown: Lockdown, names: Names) -> str:
    if lockdown.proposed is None:
        return "Nothing new is given until two people lift it"
    who, when = named(lockdown.proposed.actor, names), day_and_time(lockdown.proposed.at)
    return f"{who} proposed to lift it {when}: somebody else has to confirm that"


def said_progress(progress: Progress, *, over: bool = False) -> str:
    """`3 of 5 ended`"""
    number = progress.ended + progress.open
    if not number:
        return "Nothing was open."
    left = f", {progress.open} still open" if progress.open and not over else ""
    return f"{progress.ended} of {number} ended{left}"


def _still_open(progress: Progress, names: Names) -> Iterator[Json]:
    lines: list[str] = []
    for each in progress.first[:SHOWN]:
        line = line_of(f"*{word(each.access)}* of {named(each.requester, names)}", each.state.value, each.id)
        if units("\n".join([*lines, line])) > ROOM:
            break
        lines.append(line)
    if more := progress.open - len(lines):
        lines.append(f"and {more} more")
    if progress.open:
        yield context("\n".join(lines))
