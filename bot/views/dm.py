"""Direct messages, to the requester only, when something changed that they must know."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.buttons import RELEASE, value_of
from bot.views.card import given_less
from bot.views.text import (
    SECTION,
    Drawn,
    Json,
    Names,
    actions,
    button,
    context,
    harmless,
    line_of,
    moment,
    named,
    quote,
    section,
)
from bot.views.words import (
    ended_because,
    ending,
    held,
    left_behind,
    reason_of,
    target_said,
    why_closed,
    word,
)
from jit.durations import say_duration
from jit.facts import LAPSED, EndCause
from jit.facts.sentence import plural
from jit.requests.lifecycle import Request, State, late_since

NOT_ANY_MORE = "the rules do not let you ask for it any more"
_MINUTE = timedelta(minutes=1)


def granted(request: Request, names: Names) -> Drawn:
    """How to connect, in the target's own words where the record has them, until when."""
    until = moment(request.ends_at, request.granted_at) if request.ends_at else "its end"
    gives = _fitting(request.permissions)
    return _message(
        request,
        f"Granted: *{word(request.access)}* until {until}",
        section(f"{connect(request)}. It gives: {gives}"),
        *given_less(request, names),
        *([quote(request.how_to_connect)] if request.how_to_connect else []),
    )


def connect(request: Request) -> str:
    as_always = "" if request.how_to_connect else ", as you always do"
    return f"Connect to {word(request.target)} as *{harmless(request.principal)}*{as_always}"


def over(request: Request, now: datetime | None = None) -> Drawn:
    """What stands in the place of a message whose button no longer applies: over only when the target says so."""
    access = f"*{word(request.access)}*"
    late = late_since(request, now) if now else None
    if late and request.state is State.ACTIVE:
        first = f"Ending: {access}, its time was over {moment(late, request.asked_at)}"
        return _message(request, line_of(first, ending(request, late)))
    if request.state is not State.ENDING:
        ended = f", ended {moment(request.over_at, request.asked_at)}" if request.over_at else ""
        return _message(request, f"Over: {access}{ended}.")
    if request.revoke_trouble is None and late:
        return _message(request, line_of(f"Ending: {access}", ending(request, late)))
    if request.revoke_trouble is None:
        return _message(request, f"Ending: {access}, it is being taken away.")
    trouble = target_said(request.target, request.revoke_trouble)
    return _message(request, f"Ending, not gone yet: {access}, {trouble}; it is tried again.")


def _fitting(permissions: tuple[str, ...]) -> str:
    shown: list[str] = []
    for count, permission in enumerate(permissions):
        if len(", ".join(shown)) + len(permission) > SECTION // 8:
            return f"{', '.join(shown)} and {len(permissions) - count} more"
        shown.append(word(permission))
    return ", ".join(shown)


def ends_soon(request: Request, ends_at: datetime, now: datetime) -> Drawn:
    left = ends_at - now
    said = say_duration(round(left / _MINUTE) * _MINUTE if left >= _MINUTE else left)
    first = f"*{word(request.access)}* ends in {said}, at {moment(ends_at)}. Open sessions are cut then."
    return _message(request, first)


def announced(request: Request) -> Drawn:
    """What stands in the place of `ends_soon` afterwards: how it ended is said once, and not here."""
    return _message(request, f"Its end was announced here: *{word(request.access)}*.")


def nobody_sees(request: Request) -> Drawn:
    """Slack takes no card: nobody has been asked, though the answer to the request said so."""
    where = f"<#{word(request.channel)}>"
    first = f"Nobody was asked yet: *{word(request.access)}*. Slack refuses its card in {where}; security is told."
    return _message(
        request,
        first,
        section("Whoever may decide finds it in this app's Home. The card comes by itself once Slack takes it."),
    )


def denied(request: Request, names: Names) -> Drawn:
    by = named(request.closed_by or "", names)
    return _message(request, f"Denied: *{word(request.access)}*, by {by}", *_said(request))


def lapsed(request: Request) -> Drawn:
    access = f"*{word(request.access)}*"
    if request.closed_because == "left_rules":
        return _message(request, f"Lapsed: {access}, {NOT_ANY_MORE}.")
    because = LAPSED.get(request.closed_because or "", "")
    return _message(request, f"Lapsed: {access}, {because}. You can ask again with /jit request.")


def failed(request: Request) -> Drawn:
    why = reason_of(request.target, request.closed_because or "no reason given")
    return _message(
        request,
        f"Not granted: *{word(request.access)}*. {word(request.target)} refused ({why}); nothing was given.",
    )


def ended(request: Request, names: Names) -> Drawn:
    """Why, how long it was held, what was cut and what stays behind."""
    cut = plural(request.sessions, "session cut", "sessions cut") if request.sessions else ""
    because = NOT_ANY_MORE if request.end_cause is EndCause.LEFT_RULES else ended_because(request, names)
    first = line_of(f"Ended: *{word(request.access)}*, {because}", held(request), cut)
    left = [section(f"Left behind on {word(request.target)}: {left_behind(request)}")]
    return _message(request, first, *_said(request), *(left if request.left_behind else []))


def _said(request: Request) -> Iterator[Json]:
    """What the one who denied or revoked wrote."""
    if text := why_closed(request):
        yield quote(text)


def _message(request: Request, first: str, *more: Json) -> Drawn:
    release = [button("Release", RELEASE, value_of(request.id, request.digest))]
    offered = release if request.state is State.ACTIVE else []
    return Drawn(first, [section(first), *more, *actions(offered), context(request.id)])
