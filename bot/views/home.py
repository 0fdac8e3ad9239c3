"""App Home: what waits for somebody's decision, what they hold or have asked for, and the last that is over.

What can be approved here is drawn as its card is, whole, so that a press is bound to the same digest; what does not
fit says where its card is, and has no button.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.buttons import ASK, ASK_AGAIN, ASK_FOR, END, EXTEND, RELEASE, WITHDRAW, value_of
from bot.forms import value_of as menu_value
from bot.held import Held
from bot.views import card
from bot.views.break_glass import own_review, to_review
from bot.views.dm import connect
from bot.views.held import HELD_BLOCKS, TITLE, held_by_others, revoke_buttons
from bot.views.lockdown import draw_for_others, draw_in_force
from bot.views.text import (
    Json,
    Names,
    actions,
    button,
    context,
    day_and_time,
    header,
    line_of,
    named,
    section,
    straight,
)
from bot.views.ungranted import UNGRANTED_BLOCKS, draw_ungranted
from bot.views.words import (
    ended_because,
    ending,
    from_when,
    given_of_asked,
    held,
    more_asked,
    not_given_yet,
    reason_of,
    word,
)
from jit.detect.ungranted import Ungranted
from jit.durations import say_duration
from jit.facts import LAPSED
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State
from jit.requests.lockdown import Lockdown

NOTHING = "You hold no access and nothing waits for you: press *Ask for access*, or type `/jit request` in any channel."
NOT_OURS = "Only full members of this workspace can ask for access and decide on it."
CANNOT_TELL = "What waits for your decision cannot be told right now. It comes here by itself."
MORE = "`/jit list` shows more."
BLOCKS = 100
"""Slack's limit for a view."""
BYTES = 120_000
"""Of what waits, drawn whole, as JSON: the rest of a view always fits in what Slack leaves, 250,000 in all."""
NOT_HERE = frozenset({WITHDRAW, END})
"""Buttons of a card that are for others than those who decide."""
LABEL = 70
"""Characters of an access on its button, which takes 75."""
MOST_USED = "You ask most for:"
OPEN_SHOWN, BRIEFLY_SHOWN = 10, 5
NEEDS = 300
"""Characters of what a request still needs; a longer list stands on its card alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What one person's Home shows. ``waiting`` is None where it cannot be told."""

    waiting: Sequence[Request] | None
    open: Sequence[Request]
    past: Sequence[Request]
    to_review: Sequence[Request] = ()
    own_reviews: Sequence[Request] = ()
    extendable: frozenset[str] = frozenset()
    """Ids of those for which more time may be asked for."""
    most_used: Sequence[str] = ()
    """Accesses that may be asked for now."""
    held: Held | None = None
    """What others hold, for security alone."""
    ungranted: Ungranted | None = None
    """What nobody granted, for security alone."""
    lockdowns: Sequence[Lockdown] = ()
    may_lift: bool = False


def draw_home(overview: Overview, names: Names, now: datetime | None = None) -> Json:
    """The view, as it is true ``now``; as if all was on time, if that is left out."""
    opened = list(_titled("Open", _open(overview, names, now)))
    opened += _titled("Being reviewed", (own_review(each, names) for each in overview.own_reviews[:BRIEFLY_SHOWN]))
    reviews = overview.to_review[:BRIEFLY_SHOWN]
    security = overview.held is not None
    to_close = (block for each in reviews for block in to_review(each, names, revoke=security))
    opened += _titled("To be reviewed by you", to_close)
    past = list(_titled("Before", (_past(request, names) for request in overview.past)))
    blocks: list[Json] = []
    for each in overview.lockdowns[:BRIEFLY_SHOWN]:
        blocks += draw_in_force(each, names) if overview.may_lift else [draw_for_others(each, names)]
    blocks += actions([button("Ask for access", ASK, "home", style="primary")])
    blocks += _most_used(overview.most_used)
    above = {each.id for each in reviews}
    if overview.waiting is None:
        blocks.append(context(CANNOT_TELL))
    else:
        room = BLOCKS - len(blocks) - len(opened) - len(past) - (HELD_BLOCKS + UNGRANTED_BLOCKS if security else 0)
        whole, brief = _waiting(overview.waiting, names, room, now, revoke=security)
        above |= whole.keys()
        blocks += _titled("Waiting for you", (block for drawn in (*whole.values(), brief) for block in drawn))
        if not (overview.waiting or opened or past):
            blocks.append(section(NOTHING))
    if overview.held is not None:
        opened += _titled(TITLE, held_by_others(overview.held, names, now, above=above))
    if overview.ungranted is not None:
        opened += draw_ungranted(overview.ungranted)
    return {"type": "home", "blocks": [*blocks, *opened, *past]}


def draw_empty_home() -> Json:
    """For somebody who was one of us."""
    return {"type": "home", "blocks": [section(NOT_OURS)]}


def _most_used(accesses: Sequence[str]) -> Iterator[Json]:
    if accesses:
        yield context(MOST_USED)
        yield from actions(
            [
                button(straight(name, LABEL), f"{ASK_FOR}.{place}", menu_value(name))
                for place, name in enumerate(accesses)
            ]
        )


def _titled(title: str, blocks: Iterator[Json]) -> Iterator[Json]:
    for number, block in enumerate(blocks):
        if number == 0:
            yield header(title)
        yield block


def _waiting(
    requests: Sequence[Request], names: Names, room: int, now: datetime | None, *, revoke: bool
) -> tuple[dict[str, list[Json]], list[Json]]:
    """The soonest to lapse first: as many as fit whole, by id; and a few in brief, with how many more there are."""
    soonest = sorted(requests, key=lambda request: request.undecided.pending_until)
    room, size = room - BRIEFLY_SHOWN - 2, BYTES
    whole: dict[str, list[Json]] = {}
    for request in soonest:
        drawn = list(_whole(request, names, now, revoke=revoke))
        room, size = room - len(drawn), size - len(json.dumps(drawn))
        if room < 0 or size < 0:
            break
        whole[request.id] = drawn
    rest = soonest[len(whole) :]
    brief = [_brief(request, names) for request in rest[:BRIEFLY_SHOWN]]
    if len(rest) > BRIEFLY_SHOWN:
        brief.append(context(f"and {len(rest) - BRIEFLY_SHOWN} more. {MORE}"))
    return whole, brief


def _whole(request: Request, names: Names, now: datetime | None, *, revoke: bool) -> Iterator[Json]:
    """All that its card shows. ``revoke``: what is held stands here alone, and can be ended here."""
    *blocks, _ = card.draw(request, names, now=now, leave_out=NOT_HERE).blocks
    yield from blocks
    yield from actions(revoke_buttons(request) if revoke else [])
    yield context(line_of(request.id, f"its card is in <#{word(request.channel)}>"))
    yield {"type": "divider"}


def _brief(request: Request, names: Names) -> Json:
    asked, more = request.undecided, " more" if request.extension else ""
    who, long = named(request.requester, names), say_duration(asked.duration)
    asks = f"*{who}* asks for *{word(request.access)}* for *{long}{more}*{from_when(asked)}"
    lapses = f"lapses {day_and_time(asked.pending_until)}"
    return section(line_of(asks, f"decide on its card in <#{word(request.channel)}>", lapses, request.id))


def _open(overview: Overview, names: Names, now: datetime | None) -> Iterator[Json]:
    requests = overview.open
    for request in requests[:OPEN_SHOWN]:
        late = late_since(request, now) if now else None
        if request.id in overview.extendable and not late:
            yield from _extendable(request)
        else:
            yield from _mine(request, names, late)
    if len(requests) > OPEN_SHOWN:
        yield context(f"and {len(requests) - OPEN_SHOWN} more. {MORE}")


def _extendable(request: Request) -> Iterator[Json]:
    """As `_mine`, with one button more."""
    value = value_of(request.id, request.digest)
    until = f" until {day_and_time(request.ends_at)}" if request.ends_at else ""
    yield section(f"Active{until}: *{word(request.access)}*")
    yield from actions([button("Extend", EXTEND, value), button("Release", RELEASE, value)])
    yield context(line_of(connect(request), request.id))


def _mine(request: Request, names: Names, late: datetime | None) -> Iterator[Json]:
    """Two blocks: how it stands, with what its requester may do; and what helps them on."""
    access, value = f"*{word(request.access)}*", value_of(request.id, request.digest)
    withdraw, release = button("Withdraw", WITHDRAW, value), button("Release", RELEASE, value)
    match request.state:
        case State.PENDING:
            needs = card.needs(request, names)
            long = f"{say_duration(request.duration)}{from_when(request)}"
            yield section(f"Waiting: {access} for {long}") | {"accessory": withdraw}
            card_in = f"its card is in <#{word(request.channel)}>"
            less = given_of_asked(request, names)
            yield context(line_of(less, needs if len(needs) <= NEEDS else "", card_in, request.id))
        case State.APPROVED:
            yield section(f"Approved, {not_given_yet(request, late)}: {access}") | {"accessory": withdraw}
            yield context(request.id)
        case State.GRANTING | State.ACTIVE if late:
            yield section(f"Ending since {day_and_time(late)}: {access}") | {"accessory": release}
            yield context(line_of(ending(request, late), request.id))
        case State.GRANTING:
            yield section(f"Approved, access is on its way: {access}") | {"accessory": release}
            yield context(request.id)
        case State.ACTIVE:
            until = f" until {day_and_time(request.ends_at)}" if request.ends_at else ""
            withdraws = list(card.withdraw_extension(request))
            yield section(f"Active{until}: {access}") | ({} if withdraws else {"accessory": release})
            yield from actions([*withdraws, release] if withdraws else [])
            yield context(line_of(connect(request), more_asked(request), request.id))
        case _:
            trouble = request.revoke_trouble is not None
            yield section(f"Ending{', not gone yet' if trouble else ''}: {access}")
            yield context(line_of(ending(request, late).removeprefix("not gone yet, " if trouble else ""), request.id))


def _past(request: Request, names: Names) -> Json:
    when = f" {day_and_time(request.over_at)}" if request.over_at else ""
    again = button("Ask again", ASK_AGAIN, value_of(request.id, request.digest))
    said = line_of(_over(request, names, when), f"*{word(request.access)}*", request.id)
    return section(said) | {"accessory": again}


def _over(request: Request, names: Names, when: str) -> str:
    match request.state:
        case State.DENIED:
            return f"Denied{when} by {named(request.closed_by or '', names)}"
        case State.WITHDRAWN:
            return f"Withdrawn{when}"
        case State.LAPSED:
            return f"Lapsed{when}: {LAPSED.get(request.closed_because or '', '')}"
        case State.FAILED:
            why = reason_of(request.target, request.closed_because or "no reason given")
            return f"Not granted{when}: {word(request.target)} refused ({why}); nothing was given"
        case _:
            return line_of(f"Ended{when}, {ended_because(request, names)}", held(request))
