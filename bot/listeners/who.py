"""`/jit who`: who holds what right now, for those who may see it, each with a button that ends it."""

from collections.abc import Iterator, Sequence

from bot.buttons import END, value_of
from bot.listeners.caller import Caller
from bot.listeners.context import ListenerContext
from bot.views.held import done_in_short
from bot.views.text import Drawn, Json, Names, button, context, harmless, line_of, moment, named, section
from bot.views.ungranted import draw_ungranted
from bot.views.words import decided_by, ending, past_the_rules, word
from bot.visibility import done_with
from jit.ledger import Question
from jit.policy import PolicyError, StaleGroups
from jit.requests.due import late_since
from jit.requests.lifecycle import LIVE, Request, State
from jit.use_cases.attempt import Attempt

SHOWN = 40
"""One block each, of the hundred that Slack takes, and room for titles."""
MOST = 10_000


def who_holds(ctx: ListenerContext, caller: Caller, typed: str) -> Drawn:
    """What is held now; ``typed`` may name an access, a target, a piece of a name, or a person. Raises Refusal."""
    Attempt(ctx.core, caller.by, "who").admit()
    wanted = typed.strip().removeprefix("@").casefold()
    live = [request for request in _visible(ctx, caller.by.id) if _is_meant(request, wanted, ctx.directory.name)]
    beside = _beside(ctx, caller.by.id, wanted)
    if not live and not beside:
        about = f" of {harmless(typed.strip(), 80)}" if wanted else ""
        return Drawn(f"Nobody holds any access{about} now, as far as you may see.", [])
    names, security = ctx.directory.name, _is_security(ctx, caller.by.id)
    count = f"{len(live) or 'No'} {'accesses are' if len(live) > 1 else 'access is'} held now"
    blocks = [section(f"*{count}*"), *_lines(ctx, live[:SHOWN], names, security=security)]
    if len(live) > SHOWN:
        blocks.append(context(f"and {len(live) - SHOWN} more: `/jit who` takes the name of an access, or of somebody."))
    return Drawn(count, [*blocks, *beside])


def _beside(ctx: ListenerContext, person: str, wanted: str) -> list[Json]:
    """What nobody granted, for security: of all targets, or of the one that is typed."""
    try:
        ungranted = ctx.visibility.ungranted(person, wanted)
    except (PolicyError, StaleGroups):
        return []
    return draw_ungranted(ungranted) if ungranted else []


def _visible(ctx: ListenerContext, person: str) -> Iterator[Request]:
    """What ends first comes first. Those of others are for whoever may see them."""
    live = ctx.core.ledger.requests(Question(states=LIVE, limit=MOST))
    for request in sorted(live, key=lambda each: each.ends_at or each.asked_at):
        try:
            if ctx.visibility.may_see(person, request):
                yield request
        except (PolicyError, StaleGroups):
            if person == request.requester:
                yield request


def _is_security(ctx: ListenerContext, person: str) -> bool:
    """As far as that can be told now."""
    try:
        return ctx.visibility.is_security(person)
    except (PolicyError, StaleGroups):
        return False


def _is_meant(request: Request, wanted: str, names: Names) -> bool:
    said = (request.access, request.target, request.requester, names(request.requester), request.principal, request.id)
    mention = f"<@{request.requester.casefold()}"
    return not wanted or wanted.startswith(mention) or any(wanted in each.casefold() for each in said)


def _lines(ctx: ListenerContext, live: Sequence[Request], names: Names, *, security: bool) -> Iterator[Json]:
    now = ctx.core.clock.now()
    done = done_with(ctx.core.ledger, live) if security else {}
    for request in live:
        late = late_since(request, now)
        ends = moment(request.ends_at, now) if request.ends_at else "its end"
        going = request.state is State.ENDING or late is not None
        says = f"ending, {ending(request, late) or 'being taken away'}" if going else f"until {ends}"
        line = line_of(
            f"*{named(request.requester, names)}* holds *{word(request.access)}* {says}",
            past_the_rules(request),
            decided_by(request, names),
            done_in_short(done.get(request.id), now),
            request.id,
        )
        end = button("End access", END, value_of(request.id, request.digest), style="danger")
        yield section(line) | ({} if going else {"accessory": end})
