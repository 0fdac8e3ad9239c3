"""The slash command `/jit`."""

import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.buttons import RELEASE
from bot.listeners import acts
from bot.listeners.absence import away, back
from bot.listeners.caller import Caller, text_at
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.look import list_requests, show_request
from bot.listeners.own import OwnAct, act_on_own
from bot.listeners.request import open_request_form
from bot.listeners.typed import LATER, begins_request, nearest, request_id_in, split
from bot.views.text import Drawn, code, harmless, section
from jit.requests.intake import looks_secret, text_trouble

HELP = """\
`/jit request` asks for access. Add what you know: `/jit request orders-db/read 30m INC-42 db down: need shell`
`/jit list` shows your requests · `/jit show R-7F3K` one of them
`/jit release` gives access back · `/jit revoke R-7F3K reason` takes somebody's away
`/jit away 3d @carol` has somebody asked instead of you, who decides on the same · `/jit back` ends that"""

REVOKED_FROM = "revoked from the command"

WithRequest = Callable[[ListenerContext, Caller, str, str], Answer]


ABOUT_REQUEST: dict[str, WithRequest] = {
    "show": lambda ctx, caller, request_id, _: show_request(ctx, caller, request_id),
    "revoke": lambda ctx, caller, request_id, rest: acts.revoke(ctx, caller, request_id, rest or REVOKED_FROM),
}


def _release(ctx: ListenerContext, caller: Caller, request_id: str) -> Answer:
    return acts.release(ctx, caller, request_id)


WITH_OWN = {"release": OwnAct("release", "Release", RELEASE, _release)}


def register(app: App, ctx: ListenerContext) -> None:
    def command(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        subcommand, rest = split(text_at(body, "text"))
        caller: Caller = context["caller"]
        if subcommand == "request":
            ack()
            open_request_form(ctx, caller, text_at(body, "trigger_id"), rest)
        elif subcommand == "list":
            ack()
            ctx.run(caller, "list", lambda: list_requests(ctx, caller))
        elif subcommand == "away":
            ack()
            ctx.run(caller, "away", lambda: away(ctx, caller, rest))
        elif subcommand == "back":
            ack()
            ctx.run(caller, "back", lambda: back(ctx, caller))
        elif subcommand in WITH_OWN:
            ack()
            own = WITH_OWN[subcommand]
            ctx.run(caller, own.attempted, lambda: act_on_own(ctx, caller, own, rest), request_id_in(rest)[0])
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


def helped(subcommand: str, rest: str = "") -> Drawn:
    """What there is to type, and what was perhaps meant, with all that was typed, to be copied."""
    if subcommand == "help":
        return _said(HELP)
    if subcommand in LATER:
        meanwhile = " For more time wait for the end, or release it, and ask again." if subcommand == "extend" else ""
        return _said(f"`/jit {subcommand}` comes with a later version.{meanwhile}\n{HELP}")
    there_is_none = f"There is no `/jit {harmless(subcommand, 40)}`."
    meant = nearest(subcommand)
    again = f"{meant} {rest}" if meant and rest else ""
    if not meant and begins_request(subcommand):
        again = f"request {subcommand} {rest}"
    if again and looks_secret(again):
        return _said(f"{there_is_none} {text_trouble(again)}\n{HELP}")
    if again:
        typed = f"/jit {again.strip()}"
        mean = "Did you mean this? Copy it and send it:"
        return Drawn(f"{there_is_none} {mean} {harmless(typed)}", [section(f"{there_is_none} {mean}"), code(typed)])
    guess = f" Did you mean `/jit {meant}`?" if meant else ""
    return _said(f"{there_is_none}{guess}\n{HELP}")


def _said(text: str) -> Drawn:
    return Drawn(text, [section(text)])
