"""Direct messages, to the requester only, when something changed that they must know."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.buttons import EXTEND, RELEASE, value_of
from bot.views import card
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
    more_asked,
    reason_of,
    target_said,
    why_closed,
    word,
)
from jit.durations import say_duration
from jit.facts import (
    LAPSED,
    BreakGlassReviewed,
    Denied,
    EndCause,
    Ended,
    ExtensionDenied,
    ExtensionFailed,
    ExtensionLapsed,
    Fact,
    Granted,
    GrantFailed,
    Lapsed,
)
from jit.facts.sentence import plural
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State

NOT_ANY_MORE = "the rules do not let you ask for it any more"
_MINUTE = timedelta(minutes=1)


def outcome(fact: Fact, request: Request, names: Names, now: datetime) -> Drawn | None:  # noqa: PLR0911  one return for each kind
    """What became of a request, as it is true now; None if its requester is not told of such a fact."""
    match fact:
        case Granted():
            on_time = request.state is State.ACTIVE and late_since(request, now) is None
            return granted(request, names) if on_time else over(request, now)
        case Denied():
            return denied(request, names)
        case Lapsed():
            return lapsed(request)
        case GrantFailed():
            return failed(request)
        case Ended():
            return ended(request, names)
        case BreakGlassReviewed():
            return reviewed(request, names)
        case _:
            return None


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


def several(told: Sequence[Drawn]) -> Drawn:
    """One message of what happened at about the same time; what is the same in some of them is said once, last."""
    blocks = [block for each in told for block in each.blocks]
    once = [block for at, block in enumerate(blocks) if block not in blocks[at + 1 :]]
    return Drawn(line_of(*(each.text for each in told)), once)


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


def ends_soon(request: Request, ends_at: datetime, now: datetime, *, extend: bool = False) -> Drawn:
    """``extend`` says that more time may be asked for."""
    left = ends_at - now
    said = say_duration(round(left / _MINUTE) * _MINUTE if left >= _MINUTE else left)
    first = f"*{word(request.access)}* ends in {said}, at {moment(ends_at)}. Open sessions are cut then."
    asked = [section("More time was asked for; the card says how that stands.")] if request.extension else []
    return _message(request, first, *asked, extend=extend)


def extended(request: Request) -> Drawn:
    until = moment(request.ends_at, request.granted_at) if request.ends_at else "its end"
    return _message(request, f"Extended: *{word(request.access)}* until {until}")


def not_extended(request: Request, fact: ExtensionDenied | ExtensionLapsed | ExtensionFailed, names: Names) -> Drawn:
    """The access goes on until the end that it had."""
    match fact:
        case ExtensionDenied():
            why = f"denied by {named(fact.approver, names)}"
        case ExtensionLapsed():
            why = LAPSED[fact.because]
        case ExtensionFailed():
            why = f"{word(request.target)} did not take it ({reason_of(request.target, fact.reason)})"
    until = f" It goes on until {moment(request.ends_at, request.granted_at)}." if request.ends_at else ""
    said = [quote(fact.reason, by=names(fact.approver))] if isinstance(fact, ExtensionDenied) else []
    return _message(request, f"Not extended: *{word(request.access)}*, {why}.{until}", *said)


def extension_to_decide(request: Request, names: Names, asked: card.AudienceName, beside: str = "") -> Drawn:
    """For the channel of the card, which says no word when it changes: to those who decide on the extension."""
    who, what = named(request.requester, names), f"*{word(request.access)}*"
    waiting = request.extension
    if waiting is None or waiting.state is not State.PENDING:
        first = f"{who} asked for more time with {what}; the card says what came of it."
        return Drawn(first, [section(first), context(request.id)])
    until = f", until {moment(waiting.longest_end, waiting.asked_at)}" if waiting.longest_end else ""
    first = f"*{who}* asks for *{say_duration(waiting.duration)}* more with {what}{until}"
    _, *more = card.extension(waiting, names, asked)
    more += [context(beside)] if beside else []
    buttons = [*card.decide_buttons(waiting), *card.withdraw_extension(request)]
    return Drawn(first, [section(first), *more, *actions(buttons), context(request.id)])


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
    if request.lockdown:
        again = "You can ask again once it is lifted"
        return _message(request, f"Lapsed: {access}, lockdown {request.lockdown} stopped it. {again}.")
    because = LAPSED.get(request.closed_because or "", "")
    return _message(request, f"Lapsed: {access}, {because}. You can ask again with /jit request.")


def failed(request: Request) -> Drawn:
    why = reason_of(request.target, request.closed_because or "no reason given")
    return _message(
        request,
        f"Not granted: *{word(request.access)}*. {word(request.target)} refused ({why}); nothing was given.",
    )


def reviewed(request: Request, names: Names) -> Drawn:
    """The verdict on a break-glass, to whoever broke it."""
    verdict = request.reviewed
    says = "justified" if verdict and verdict.verdict == "justified" else "*not justified*"
    who = named(verdict.reviewer, names) if verdict else ""
    first = f"Reviewed: your break-glass of *{word(request.access)}*, {says}, by {who}"
    said = [quote(verdict.reason)] if verdict else []
    return Drawn(first, [section(first), *said, context(request.id)])


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


def _message(request: Request, first: str, *more: Json, extend: bool = False) -> Drawn:
    value = value_of(request.id, request.digest)
    release = [button("Release", RELEASE, value)]
    active = request.state is State.ACTIVE
    offered = [*card.withdraw_extension(request), *release] if active else []
    if extend and offered:
        offered = [button("Extend", EXTEND, value, style="primary"), *offered]
    below = line_of(more_asked(request) if active else "", request.id)
    return Drawn(first, [section(first), *more, *actions(offered), context(below)])
