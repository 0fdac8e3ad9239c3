"""The slash command `/jit`."""

import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.buttons import RELEASE
from bot.forms import Filled
from bot.listeners import acts
from bot.listeners.absence import away, back
from bot.listeners.break_glass import open_break_glass_form
from bot.listeners.caller import Caller, text_at
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.extension import to_extend
from bot.listeners.lockdown import lockdown
from bot.listeners.look import list_requests, show_request
from bot.listeners.own import OwnAct, act_on_own
from bot.listeners.request import open_request_form
from bot.listeners.synonyms import guess
from bot.listeners.typed import is_written_id, request_id_in, split
from bot.listeners.who import who_holds
from bot.views.text import Drawn, code, harmless, section
from jit.requests.intake import looks_secret, text_trouble

HELP = """\
`/jit request` asks for access. Add what you know: `/jit request orders-db/read 30m INC-42 db down: need shell`
`/jit list` shows your requests · `/jit show R-7F3K` one of them · `/jit who orders-db` who holds what now
`/jit extend 30m still at it` asks for more time with what you hold
`/jit release` gives access back · `/jit revoke R-7F3K reason` takes somebody's away
`/jit away 3d @carol` has somebody asked instead of you, who decides on the same · `/jit back` ends that
`/jit lockdown @alice why` stops somebody's access, an access, a target or `everything`, until two people lift it
`/jit break-glass INC-42 db down` lets you in at once in an emergency, if you are listed; it is reviewed"""

REVOKED_FROM = "revoked from the command"

WithRequest = Callable[[ListenerContext, Caller, str, str], Answer]


ABOUT_REQUEST: dict[str, WithRequest] = {
    "show": lambda ctx, caller, request_id, _: show_request(ctx, caller, request_id),
    "revoke": lambda ctx, caller, request_id, rest: acts.revoke(ctx, caller, request_id, rest or REVOKED_FROM),
}


def _release(ctx: ListenerContext, caller: Caller, request_id: str, _filled: Filled) -> Answer:
    return acts.release(ctx, caller, request_id)


FORMS: dict[str, Callable[[ListenerContext, Caller, str, str], None]] = {
    "request": open_request_form,
    "break-glass": open_break_glass_form,
}
AT_ONCE: dict[str, Callable[[ListenerContext, Caller, str], Answer]] = {
    "list": lambda ctx, caller, _: list_requests(ctx, caller),
    "who": who_holds,
    "lockdown": lockdown,
    "away": away,
    "back": lambda ctx, caller, _: back(ctx, caller),
}
WITH_OWN = {"release": OwnAct("release", "Release", RELEASE, _release)}


def register(app: App, ctx: ListenerContext) -> None:
    def command(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        subcommand, rest = split(text_at(body, "text"))
        caller: Caller = context["caller"]
        if subcommand in FORMS:
            ack()
            FORMS[subcommand](ctx, caller, text_at(body, "trigger_id"), rest)
        elif subcommand in AT_ONCE:
            ack()
            ctx.run(caller, subcommand, lambda: AT_ONCE[subcommand](ctx, caller, rest))
        elif subcommand in WITH_OWN:
            ack()
            own = WITH_OWN[subcommand]
            ctx.run(caller, own.attempted, lambda: act_on_own(ctx, caller, own, rest), _id_for_the_record(rest))
        elif subcommand == "extend":
            ack()
            own = to_extend(text_at(body, "trigger_id"))
            ctx.run(caller, own.attempted, lambda: act_on_own(ctx, caller, own, rest), _id_for_the_record(rest))
        elif subcommand in ABOUT_REQUEST:
            request_id, more = request_id_in(rest)
            if request_id is None:
                ack(f"Say which request: `/jit {subcommand} R-7F3K`. `/jit list` shows yours.")
                return
            ack()
            act = ABOUT_REQUEST[subcommand]
            ctx.run(caller, subcommand, lambda: act(ctx, caller, request_id, more), request_id)
        else:
            answer = helped(subcommand, rest)
            ack(text=answer.text, blocks=answer.blocks)

    app.command(re.compile(".*"))(command)


def _id_for_the_record(typed: str) -> str | None:
    return request_id_in(typed)[0] if is_written_id(typed) else None


def helped(subcommand: str, rest: str = "") -> Drawn:
    """What there is to type, and what was perhaps meant, with all that was typed, to be copied."""
    meant = guess(subcommand, rest)
    if "help" in (subcommand, meant.subcommand):
        return _said(HELP)
    there_is_none = f"There is no `/jit {harmless(subcommand, 40)}`."
    if looks_secret(f"{subcommand} {rest}"):
        return _said(f"{there_is_none} {text_trouble(f'{subcommand} {rest}')}\n{HELP}")
    if meant.subcommand and not meant.rest:
        return _said(f"{there_is_none} Did you mean `/jit {meant.subcommand}`?\n{HELP}")
    if meant.subcommand:
        return _kept(f"{there_is_none} Did you mean this? Copy it and send it:", f"{meant.subcommand} {meant.rest}")
    if not rest:
        return _said(f"{there_is_none} {meant.says or HELP}")
    drawn = _kept(f"{there_is_none} {meant.says} You typed:".replace("  ", " "), f"{subcommand} {rest}")
    return drawn if meant.says else Drawn(f"{drawn.text}\n{HELP}", [*drawn.blocks, section(HELP)])


def _kept(says: str, typed: str) -> Drawn:
    return Drawn(f"{says} {harmless(f'/jit {typed}')}", [section(says), code(f"/jit {typed}")])


def _said(text: str) -> Drawn:
    return Drawn(text, [section(text)])
