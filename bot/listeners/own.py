"""Which of one's own accesses is meant by a command that names it in any of its words, or names none."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from bot import answers
from bot.buttons import value_of
from bot.forms import Filled
from bot.listeners.caller import Caller
from bot.listeners.catalogue import catalogue
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.names import SHORTEST_PIECE, matching
from bot.listeners.reading import Reading, names_something
from bot.listeners.typed import is_written_id, request_id_in
from bot.listeners.typed_words import STOPS, WORD, duration_in, plain
from bot.views.text import Drawn, button, line_of, moment, section
from bot.views.words import word
from jit.facts import RefusalReason
from jit.policy import Access
from jit.requests.lifecycle import Request, State
from jit.requests.refusal import Refusal
from jit.use_cases.attempt import Attempt

LIVE = frozenset({State.GRANTING, State.ACTIVE})
MOST = 10
"""As many are offered."""
_NOT_THEIRS = frozenset({RefusalReason.UNKNOWN_REQUEST, RefusalReason.NOT_YOURS})


@dataclass(frozen=True, slots=True)
class OwnAct:
    """Something that one does with one's own live access: what it is called on the record and on its button, how it is
    done, and whether what is typed beside the access is a duration and a reason.
    """

    attempted: str
    label: str
    action: str
    act: Callable[[ListenerContext, Caller, str, Filled], Answer]
    reasoned: bool = False


class Meant(NamedTuple):
    """``among`` are the live accesses that may be meant; none where something else is ``named``. ``filled`` has the
    duration and the reason that were typed beside the name.
    """

    among: Sequence[Request]
    named: bool
    filled: Filled


def act_on_own(ctx: ListenerContext, caller: Caller, own: OwnAct, typed: str) -> Answer:
    """Do it with the request that ``typed`` names by its id, or by its access; with the only live one of the caller if
    it names none. Else ask which. Raises Refusal, LedgerUnavailable.
    """
    request_id, beside = request_id_in(typed)
    if request_id and is_written_id(typed):
        return _with_id(ctx, caller, own, request_id, beside)
    Attempt(ctx.core, caller.by, own.attempted).admit()
    live = _live(ctx, caller)
    meant = which(typed, live, catalogue(ctx, caller.by.id).accesses, reasoned=own.reasoned)
    if request_id and not meant.named and _is_id(ctx, caller, own, request_id):
        return _with_id(ctx, caller, own, request_id, beside)
    if len(meant.among) == 1:
        return own.act(ctx, caller, meant.among[0].id, meant.filled)
    if not live:
        return "You hold no access now. `/jit list` shows what you asked for."
    another = meant.named and not meant.among and len(live) == 1
    return _which("That is none that you hold." if another else "Which one?", meant.among or live, own, ctx, typed)


def _with_id(ctx: ListenerContext, caller: Caller, own: OwnAct, request_id: str, beside: str) -> Answer:
    try:
        return own.act(ctx, caller, request_id, _read(beside))
    except Refusal as refusal:
        live = _live(ctx, caller) if refusal.reason in _NOT_THEIRS else []
        if not live:
            raise
        return _which(answers.refused(refusal), live, own, ctx, beside)


def _is_id(ctx: ListenerContext, caller: Caller, own: OwnAct, request_id: str) -> bool:
    """Whether the first word, which may be any, is meant as an id: it looks like none but one, or there is such a
    request.
    """
    bare = request_id.removeprefix("R-")
    if duration_in(bare):
        return False
    digits = any(map(str.isdecimal, bare))
    like_an_id = digits and (not own.reasoned or not bare.isdecimal())
    return like_an_id or Attempt(ctx.core, caller.by, own.attempted).find(request_id) is not None


def which(typed: str, live: Sequence[Request], askable: Sequence[Access], *, reasoned: bool) -> Meant:
    """What ``typed`` means of what somebody holds: named by its id, by its name or by a piece of that, in any of the
    words. What names another access that they may ask for means none of it, and neither does a slip. ``reasoned``: the
    words beside the name are a duration and a reason.
    """
    for found in WORD.finditer(typed):
        request_id, _ = request_id_in(found[0].strip(STOPS))
        if mine := [request for request in live if request.id == request_id]:
            return Meant(mine, named=True, filled=_read(_without(typed, found)))
    return _which_by_reason(typed, live, askable) if reasoned else _which_by_words(typed, live)


def _which_by_reason(typed: str, live: Sequence[Request], askable: Sequence[Access]) -> Meant:
    held = {request.access.casefold(): _called(request.access) for request in live}
    others = [access for access in askable if access.name.casefold() not in held]
    words = {plain(found[0]).strip(STOPS).casefold() for found in WORD.finditer(typed)}
    filled = _read(typed, list(held.values()))
    if words.isdisjoint(held) and not words.isdisjoint(access.name.casefold() for access in others):
        return Meant((), named=True, filled=filled)
    if filled.access is not None:
        mine = [request for request in live if request.access == filled.asked.access]
        return Meant(mine, named=True, filled=filled)
    if names_something(filled):
        return Meant((), named=True, filled=filled)
    other = _read(typed, others)
    if other.access is not None or other.offered is not None:
        return Meant((), named=True, filled=filled)
    return Meant(live, named=False, filled=filled)


def _which_by_words(typed: str, live: Sequence[Request]) -> Meant:
    """Of words that are no reason each that is a piece of a name tells some of it from the others."""
    wanted = plain(typed.strip()).casefold()
    if len(wanted) >= SHORTEST_PIECE and (mine := [each for each in live if wanted in each.access.casefold()]):
        return Meant(mine, named=True, filled=Filled())
    held = [_called(name) for name in dict.fromkeys(request.access for request in live)]
    fits = [matching(plain(found[0]).strip(STOPS), held, anywhere=True) for found in WORD.finditer(typed)]
    told = [{access.name for access in fit} for fit in fits if fit]
    names = set[str]().union(*told).intersection(*told) if wanted else {access.name for access in held}
    return Meant([each for each in live if each.access in names], named=bool(told), filled=Filled())


def _read(typed: str, accesses: Sequence[Access] = ()) -> Filled:
    """An extension has no incident of its own, and begins when the access would end."""
    names = frozenset(access.name.casefold() for access in accesses)
    return Reading(typed.strip(), accesses, names, most=min(len(accesses), 1), incidents=False).filled()


@cache
def _called(name: str) -> Access:
    """An access of which the name alone counts: what is held may have left the rules."""
    nothing: tuple[str, ...] = ()
    return Access(name, "", "", nothing, timedelta(), "", nothing, ())


def _without(typed: str, found: re.Match[str]) -> str:
    """The text without this word, unless it stands amid the reason."""
    before, after = typed[: found.start()].strip(), typed[found.end() :].strip()
    amid = _read(before).asked.reason and _read(after).asked.reason
    return typed if amid else f"{before} {after}".strip()


def _live(ctx: ListenerContext, caller: Caller) -> list[Request]:
    return [request for request in ctx.visibility.own(caller.by.id) if request.state in LIVE]


def _which(says: str, live: Sequence[Request], own: OwnAct, ctx: ListenerContext, typed: str) -> Drawn:
    now = ctx.core.clock.now()
    more = f" and {len(live) - MOST} more" if len(live) > MOST else ""
    yours = ", ".join(f"{request.id} ({word(request.access)})" for request in live[:MOST])
    blocks = [section(f"{says} You hold{more and ' these'}{more}:")]
    for request in live[:MOST]:
        until = f"until {moment(request.ends_at, now)}" if request.ends_at else ""
        press = button(own.label, own.action, value_of(request.id, request.digest))
        blocks.append(section(line_of(f"*{word(request.access)}*", until, request.id)) | {"accessory": press})
    kept = answers.typed_again(own.attempted, live[0].id, typed) if own.reasoned and typed else ""
    return Drawn(f"{says} You hold {yours}{more}. {kept}".strip(), [*blocks, *([section(kept)] if kept else [])])
