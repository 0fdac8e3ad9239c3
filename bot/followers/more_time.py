"""What is told of an end that comes soon, and of an extension."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.followers.known import away_of, beside
from bot.followers.reached import mentioned
from bot.views import dm
from bot.views.text import Drawn, Names
from jit.facts import ExtensionAsked, ExtensionDenied, ExtensionFailed, ExtensionLapsed, OfExtension
from jit.ledger import Ledger, StoredDirectory
from jit.policy import Policy
from jit.requests.decision import room_to_extend
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State

WARN_BEFORE = timedelta(minutes=5)
"""Or half of its time before, where that is shorter."""


def ends_soon(request: Request | None, now: datetime) -> bool:
    """Whether to warn of its end: one that was extended meanwhile has another warning coming."""
    if request is None or request.ends_at is None or request.state is not State.ACTIVE:
        return False
    return request.ends_at - now <= WARN_BEFORE


def warned(request: Request | None, policy: Policy | None, now: datetime) -> Drawn | None:
    """The warning as it is true now; None if there is nothing to warn of."""
    if request is None or request.ends_at is None:
        return None
    if request.state is not State.ACTIVE:
        return dm.announced(request)
    extend = room_to_extend(request, policy) is not None
    return dm.ends_soon(request, request.ends_at, now, extend=extend) if now < request.ends_at else None


def of_extension(
    fact: OfExtension, request: Request, policy: Policy | None, ledger: Ledger, *, names: Names, now: datetime
) -> Drawn:
    """To those who decide, or to the holder."""
    if isinstance(fact, ExtensionAsked):
        waiting = request.undecided.extends
        still = request if waiting is not None and waiting.fact == fact.id else replace(request, extension=None)
        away = [absence.person for absence in away_of(still.undecided, policy, ledger, now)]
        groups, but = StoredDirectory(ledger.engine).groups(), [request.requester, *away]
        told = partial(mentioned, policy=policy, groups=groups, now=now, but=but, names=names)
        return dm.extension_to_decide(still, names, told, beside([still], policy, ledger, names, now))
    if request.state is not State.ACTIVE or late_since(request, now) is not None:
        return dm.over(request, now)
    if isinstance(fact, ExtensionDenied | ExtensionLapsed | ExtensionFailed):
        return dm.not_extended(request, fact, names)
    return dm.extended(request)
