"""An alert as a message of its own: somebody has to look at it now, and afterwards can see what became of it."""

from bot.views.card import revoke_button
from bot.views.review import review_buttons
from bot.views.text import Drawn, Names, actions, context, day_and_time, harmless, line_of, moment, named, section
from bot.views.words import word
from jit.facts import Alert, AlertName
from jit.requests.lifecycle import Request, State

SAYS = 590
"""Of what it says: a way by hand has to fit, and all of it a block when it grows fivefold as it is escaped."""
_REVOCABLE = frozenset({State.APPROVED, State.GRANTING, State.ACTIVE})
_PASSING = frozenset({AlertName.NOT_BEGUN, AlertName.END_NOT_BEGUN, AlertName.END_LATE, AlertName.NOT_SHOWN})


def draw_alert(alert: Alert, request: Request | None, names: Names, mentions: str = "", over: str = "") -> Drawn:
    """What happened, to whom and where; with Revoke while there is something to revoke, and ``mentions`` of those who
    have to look. Once it is no longer so, that comes first, and nobody is mentioned; ``over`` says it of what is about
    no request.
    """
    whose = f"of *{named(alert.requester, names)}*" if alert.requester else ""
    about = f"*{word(alert.access)}* {whose}" if alert.access and whose else whose
    principal = f" as {harmless(alert.principal, 100)}" if alert.principal else ""
    where = f"on {word(alert.target)}{principal}" if alert.target else ""
    name = alert.name.replace("_", " ")
    became = _became(alert, request) if request else over
    first = line_of(f"Over: {became}", name, about, where) if became else line_of(f"*ALERT* {name}", about, where)
    said = harmless(alert.says, SAYS)
    buttons = [revoke_button(request, names)] if request and request.state in _REVOCABLE else []
    buttons += review_buttons(request) if request and alert.name is AlertName.REVIEW_OVERDUE else []
    return Drawn(
        first,
        [
            section(first),
            context(f"It was: {said}") if became else section(said),
            *([section(mentions)] if mentions and not became else []),
            *actions(buttons),
            context(line_of(day_and_time(alert.at), word(alert.request_id or ""))),
        ],
    )


def _became(alert: Alert, request: Request) -> str:
    """What ended the trouble; empty while it goes on, or if it is none that passes."""
    if alert.name is AlertName.NOT_BEGUN and request.intent_at is not None:
        return f"begun {moment(request.intent_at, alert.at)}"
    if alert.name is AlertName.NOT_SHOWN and request.approved_at is not None:
        return f"approved {moment(request.approved_at, alert.at)}"
    if alert.name is AlertName.REVIEW_OVERDUE and request.reviewed is not None:
        return f"reviewed {moment(request.reviewed.at, alert.at)}"
    if alert.name in _PASSING and request.over_at is not None:
        return f"{request.state.value} {moment(request.over_at, alert.at)}"
    return ""
