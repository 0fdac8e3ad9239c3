"""A reminder that a request waits for an answer, and what stands in its place once it does not any more."""

from bot.views.text import Drawn, Names, context, line_of, moment, named, section
from bot.views.words import from_when, word
from jit.durations import say_duration
from jit.requests.lifecycle import Request, State


def draw_reminder(request: Request, names: Names, wanted: str = "") -> Drawn:
    """Who asks for what, until when; and ``wanted``, those who can decide, as mentions."""
    who, access = named(request.requester, names), word(request.access)
    if request.state is not State.PENDING:
        said = f"No longer waiting: *{access}* for *{who}*, {_became(request)}"
        return Drawn(said, [section(said), context(request.id)])
    lapses = f"lapses {moment(request.pending_until, request.asked_at)}"
    long = say_duration(request.duration)
    asks = f"*{who}* asks for *{access}* for {long}{from_when(request)}"
    asks = f"*{who}* asks for {long} more with *{access}*" if request.extends else asks
    first = line_of(f"Still waiting: {asks}", lapses)
    where = "Its card above has the buttons, and so has this app's Home."
    return Drawn(first, [section(first), *([section(wanted)] if wanted else []), context(line_of(where, request.id))])


def draw_answered_extension(request: Request, names: Names) -> Drawn:
    """``request`` is what was to be extended."""
    who, access = named(request.requester, names), word(request.access)
    said = f"No longer waiting: more time with *{access}* for *{who}*; the card says what came of it."
    return Drawn(said, [section(said), context(request.id)])


def _became(request: Request) -> str:
    if request.approved_at is not None:
        return "approved"
    return request.state.value
