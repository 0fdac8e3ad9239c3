"""Which of one's own accesses is meant by a command that names none, or names one that is not there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import answers
from bot.buttons import value_of
from bot.listeners.caller import Caller
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.typed import SHORTEST_PIECE, request_id_in
from bot.views.text import Drawn, button, line_of, moment, section
from bot.views.words import word
from jit.facts import RefusalReason
from jit.requests.lifecycle import Request, State
from jit.requests.refusal import Refusal
from jit.use_cases.attempt import Attempt

LIVE = frozenset({State.GRANTING, State.ACTIVE})
MOST = 10
"""As many are offered."""
_NOT_THEIRS = frozenset({RefusalReason.UNKNOWN_REQUEST, RefusalReason.NOT_YOURS})


@dataclass(frozen=True, slots=True)
class OwnAct:
    """Something that one does with one's own live access: what it is called on the record and on its button, and how
    it is done.
    """

    attempted: str
    label: str
    action: str
    act: Callable[[ListenerContext, Caller, str], Answer]


def act_on_own(ctx: ListenerContext, caller: Caller, own: OwnAct, typed: str) -> Answer:
    """Do it with the request that ``typed`` names by its id, or by its access; with the only live one of the caller if
    it names none. Else ask which. Raises Refusal, LedgerUnavailable.
    """
    request_id, _ = request_id_in(typed)
    if request_id:
        try:
            return own.act(ctx, caller, request_id)
        except Refusal as refusal:
            live = _live(ctx, caller) if refusal.reason in _NOT_THEIRS else []
            if not live:
                raise
            return _which(answers.refused(refusal), live, own, ctx)
    Attempt(ctx.core, caller.by, own.attempted).admit()
    live = _live(ctx, caller)
    wanted = typed.strip().casefold()
    named = [request for request in live if wanted in request.access.casefold()]
    if len(named) == 1 and (not wanted or len(wanted) >= SHORTEST_PIECE):
        return own.act(ctx, caller, named[0].id)
    if not live:
        return "You hold no access now. `/jit list` shows what you asked for."
    return _which("Which one?", named or live, own, ctx)


def _live(ctx: ListenerContext, caller: Caller) -> list[Request]:
    return [request for request in ctx.visibility.own(caller.by.id) if request.state in LIVE]


def _which(says: str, live: Sequence[Request], own: OwnAct, ctx: ListenerContext) -> Drawn:
    now = ctx.core.clock.now()
    more = f" and {len(live) - MOST} more" if len(live) > MOST else ""
    yours = ", ".join(f"{request.id} ({word(request.access)})" for request in live[:MOST])
    blocks = [section(f"{says} You hold{more and ' these'}{more}:")]
    for request in live[:MOST]:
        until = f"until {moment(request.ends_at, now)}" if request.ends_at else ""
        press = button(own.label, own.action, value_of(request.id, request.digest))
        blocks.append(section(line_of(f"*{word(request.access)}*", until, request.id)) | {"accessory": press})
    return Drawn(f"{says} You hold {yours}{more}.", blocks)
