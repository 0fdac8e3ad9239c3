"""A reminder that a request waits for an answer, and what stands in its place once it does not any more."""

from collections.abc import Sequence

from bot.views.text import Drawn, Names, context, line_of, moment, named, section
from bot.views.words import from_when, word
from jit.durations import say_duration
from jit.requests.lifecycle import Request, State


def draw_reminder(requests: Sequence[Request], names: Names, wanted: str = "") -> Drawn:
    """Who asks for what, until when; and ``wanted``, those who can decide, as mentions. ``requests`` are one, or those
    that were asked together.
    """
    said = [_says(request, names) for request in requests]
    waits = any(request.state is State.PENDING for request in requests)
    where = "Its card above has the buttons, and so has this app's Home." if waits else ""
    blocks = [*map(section, said), *([section(wanted)] if wanted and waits else [])]
    return Drawn("\n".join(said), [*blocks, context(line_of(where, *(request.id for request in requests)))])


def _says(request: Request, names: Names) -> str:
    who, access = named(request.requester, names), word(request.access)
    if request.state is not State.PENDING:
        return f"No longer waiting: *{access}* for *{who}*, {_became(request)}"
    lapses = f"lapses {moment(request.pending_until, request.asked_at)}"
    asks = f"*{who}* asks for *{access}* for {say_duration(request.duration)}{from_when(request)}"
    asks = f"*{who}* asks for {say_duration(request.duration)} more with *{access}*" if request.extends else asks
    return line_of(f"Still waiting: {asks}", lapses)


def draw_answered_extension(request: Request, names: Names) -> Drawn:
    """``request`` is what was to be extended."""
    who, access = named(request.requester, names), word(request.access)
    said = f"No longer waiting: more time with *{access}* for *{who}*; the card says what came of it."
    return Drawn(said, [section(said), context(request.id)])


def _became(request: Request) -> str:
    if request.approved_at is not None:
        return "approved"
    return request.state.value
