"""The card of requests that were asked together: what is common to them said once, then each with its own state. One
press decides on those that wait and that the presser may decide on; each by itself is behind a button of its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.buttons import ALONE, APPROVE, ASK_AGAIN, DENY, END, WITHDRAW, Pressed, value_of, values_of
from bot.views.card import STANDS_ON, AudienceName, given_less, gives, how_it_stands, needs, ordinal, state_of
from bot.views.text import (
    Drawn,
    Json,
    Names,
    actions,
    button,
    context,
    harmless,
    joined,
    line_of,
    named,
    quote,
    section,
)
from bot.views.words import audience, from_when, word
from jit.durations import say_duration
from jit.facts import Quorum
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State

MOST_GIVES = 11
"""Blocks that tell what is given on one card: beside them Slack's 50 for a message have room for all else, of five."""
_CALLED = {
    State.PENDING: "waiting",
    State.GRANTING: "on its way",
    State.FAILED: "not granted",
}
"""States whose own word says less."""


def fit_on_one_card(requests: Sequence[Request]) -> bool:
    """Whether all that an approver answers for has room. What is given may become less later, and never more."""
    asked = (replace(request, permissions=request.asked.permissions) for request in requests)
    return sum(1 for each in asked for _ in gives(each)) <= MOST_GIVES


def draw(
    requests: Sequence[Request],
    names: Names,
    *,
    asked: AudienceName | None = None,
    nth: int | None = None,
    now: datetime | None = None,
    beside: str = "",
) -> Drawn:
    """The card as it is true now; the arguments are those of `bot.views.card.draw`."""
    lates = {request.id: late_since(request, now) if now else None for request in requests}
    first = _first_line(requests, names, lates)
    waiting = [each for each in requests if each.state is State.PENDING and not lates[each.id]]
    blocks = [section(first), quote(requests[0].why)]
    if helps := line_of(harmless(requests[0].incident or ""), ordinal(nth)):
        blocks.append(context(helps))
    told = _called_once(asked, names) if asked else None
    for request in requests:
        blocks += _one(request, names, told, lates[request.id])
    blocks += [context(beside)] if beside else []
    return Drawn(first, [*blocks, *actions([*_buttons(requests, waiting)])])


def _first_line(requests: Sequence[Request], names: Names, lates: Mapping[str, datetime | None]) -> str:
    one = requests[0]
    what = joined([f"*{word(each.access, 100)}*" for each in requests])
    who, long = f"*{named(one.requester, names)}*", f"*{say_duration(one.asked.duration)}*{from_when(one)}"
    if all(each.state is State.PENDING for each in requests):
        return f"{who} asks for {what} for {long}"
    stand = Counter(_called(each, lates[each.id]) for each in requests)
    return f"{who} asked for {what} for {long}: {', '.join(f'{count} {state}' for state, count in stand.items())}"


def _called(request: Request, late: datetime | None) -> str:
    if late and request.state in {State.GRANTING, State.ACTIVE}:
        return State.ENDING.value
    return _CALLED.get(request.state, request.state.value)


def _called_once(asked: AudienceName, names: Names) -> AudienceName:
    """Mentions whoever is asked for several of them once."""
    mentioned: set[str] = set()

    def called(need: Quorum) -> str:
        mention = asked(need)
        if mention in mentioned:
            return audience(need, names)
        mentioned.add(mention)
        return mention

    return called


def _one(request: Request, names: Names, asked: AudienceName | None, late: datetime | None) -> Iterator[Json]:
    waits = request.state is State.PENDING
    state = "waiting" if waits else state_of(request, names, late)
    said = section(f"{STANDS_ON[request.basis]}{line_of(f'*{word(request.access)}*', state)}")
    yield said if request.state is State.ENDING else said | {"accessory": _own_button(request)}
    yield from gives(request)
    yield from given_less(request, names)
    if waits and not late:
        yield context(
            needs(request, names, asked), line_of(f"rule: {word(request.rule)}" if request.rule else "", request.id)
        )
    else:
        yield from how_it_stands(request, names, asked, late)
        yield context(request.id)


def _own_button(request: Request) -> Json:
    """Said apart from those of the others, for whoever hears it read."""
    value = value_of(request.id, request.digest)
    if request.state is State.PENDING:
        return button(f"Only {request.id}…", ALONE, value)
    if request.state.over:
        return button(f"Ask again {request.id}", ASK_AGAIN, value)
    return button(f"End access {request.id}", END, value, style="danger")


def _buttons(requests: Sequence[Request], waiting: Sequence[Request]) -> Iterator[Json]:
    """For those that wait; those of each by itself are behind its own."""
    decide = values_of(Pressed(each.id, each.digest) for each in waiting)
    if waiting:
        yield button("Approve", APPROVE, decide, style="primary")
        yield button("Deny", DENY, decide, style="danger")
    if takes_back := [Pressed(each.id, each.digest) for each in requests if each.state is State.PENDING]:
        yield button("Withdraw", WITHDRAW, values_of(takes_back))
