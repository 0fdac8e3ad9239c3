"""What is due of a request, pure: what has to be done about it when its time has come, and what is late."""

from datetime import datetime, timedelta
from enum import StrEnum

from jit.facts import BEGIN_WITHIN
from jit.requests.request import Request, State

GRANT_NUDGE = timedelta(seconds=2)
"""An approval whose grant has not begun by then is announced to the workers again."""
GRANT_STUCK = timedelta(seconds=5)
"""A grant without an outcome by then is taken up by another worker."""
GRANT_GIVEN_UP = timedelta(seconds=30)
"""A grant without an outcome by then is taken back."""

LATE = timedelta(seconds=5)
"""Time within which parts that are up have gone on with what is due."""
REVOKE_STUCK = timedelta(seconds=2)
"""An end that was begun and has no outcome by then is taken up by whoever looks."""


def begin_by(request: Request, decided: datetime) -> datetime:
    """Until when what is decided then has to be begun."""
    return max(decided, request.start_at or decided) + BEGIN_WITHIN


class Action(StrEnum):
    """What has to be done about a request when its time has come."""

    LAPSE = "lapse"
    ESCALATE = "escalate"
    GRANT = "grant"
    ROLL_BACK = "roll_back"
    END = "end"
    EXTEND = "extend"
    """As GRANT, of an extension."""
    LAPSE_EXTENSION = "lapse_extension"
    ESCALATE_EXTENSION = "escalate_extension"


def next_action(request: Request) -> tuple[datetime, Action] | None:
    """When this request wants attention next, if nothing else happens, and which.

    A moment in the past means now. The caller asks again after each step.
    """
    if request.lockdown and request.state.open:
        return request.asked_at, Action.END if request.given else Action.LAPSE
    return _next_by_time(request)


def _next_by_time(request: Request) -> tuple[datetime, Action] | None:
    match request.state:
        case State.PENDING:
            escalates = _escalates(request)
            return (escalates, Action.ESCALATE) if escalates else (request.pending_until, Action.LAPSE)
        case State.APPROVED:
            at = _moment(request.begins_at)
            return (at + GRANT_NUDGE if at == request.approved_at else at), Action.GRANT
        case State.GRANTING:
            return _moment(request.intent_at) + GRANT_STUCK, Action.GRANT
        case State.ACTIVE:
            end = _moment(request.ends_at), Action.END
            return min(end, _next_of_extension(request.extension)) if request.extension else end
        case State.ENDING:
            return request.asked_at, Action.END
        case _:
            return None


def _escalates(waiting: Request) -> datetime | None:
    """When others are asked, too; None if it lapses before."""
    escalates = waiting.escalates_at
    return escalates if escalates and escalates < waiting.pending_until else None


def _next_of_extension(extension: Request) -> tuple[datetime, Action]:
    match extension.state:
        case State.PENDING:
            escalates = _escalates(extension)
            if escalates:
                return escalates, Action.ESCALATE_EXTENSION
            return extension.pending_until, Action.LAPSE_EXTENSION
        case State.APPROVED:
            return _moment(extension.approved_at) + GRANT_NUDGE, Action.EXTEND
        case _:
            return _moment(extension.intent_at) + GRANT_STUCK, Action.EXTEND


def action_at(request: Request, now: datetime) -> Action | None:
    """What has to be done about ``request`` at ``now``; None if nothing yet."""
    if request.state is State.ENDING:
        return None if begun_until(request, now) else Action.END
    coming = next_action(request)
    if coming is None or coming[0] > now:
        return None
    return coming[1] if request.lockdown else _overtaken_by_time(request, now) or coming[1]


def _overtaken_by_time(request: Request, now: datetime) -> Action | None:
    """What is to be done instead of what came first, as more has come since."""
    if request.state is State.ACTIVE and now >= _moment(request.ends_at):
        return Action.END
    if _lapses(request.undecided, now):
        return Action.LAPSE_EXTENSION if request.extension else Action.LAPSE
    if request.state is State.GRANTING and now >= _given_up_at(request):
        return Action.ROLL_BACK
    return None


def _lapses(waiting: Request, now: datetime) -> bool:
    if waiting.state is State.PENDING:
        return now >= waiting.pending_until
    return waiting.state is State.APPROVED and now >= _moment(waiting.begin_by)


def late_since(request: Request, now: datetime) -> datetime | None:
    """Since when nobody has taken up what is due, where those who do it are silent for longer than they need."""
    match request.state:
        case State.PENDING:
            due: datetime | None = request.pending_until
        case State.APPROVED:
            due = request.begins_at
        case State.GRANTING | State.ACTIVE:
            due = request.ends_at
        case State.ENDING if request.revoke_begun_at is None:
            due = request.ending_since
        case _:
            due = None
    return due if due is not None and now - due > LATE else None


def begun_until(request: Request, now: datetime) -> datetime | None:
    """The moment until which an end that was begun is left to whoever began it; None if anybody may carry it out.

    A beginning that lies ahead, by a clock set back, holds nobody up.
    """
    begun = request.revoke_begun_at
    if begun is None or not timedelta(0) <= now - begun < REVOKE_STUCK:
        return None
    return begun + REVOKE_STUCK


def _given_up_at(request: Request) -> datetime:
    return min(_moment(request.intent_at) + GRANT_GIVEN_UP, _moment(request.ends_at))


def _moment(moment: datetime | None) -> datetime:
    if moment is None:
        raise AssertionError("a state without the moment that led to it")
    return moment
