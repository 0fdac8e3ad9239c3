"""The slash command `/jit`."""

import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.listeners import acts
from bot.listeners.caller import Caller, text_at
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.extension import extend_typed
from bot.listeners.look import list_requests, show_request
from bot.listeners.request import open_request_form
from bot.listeners.typed import LATER, extended_id_in, nearest, request_id_in, split
from bot.views.text import harmless

HELP = """\
`/jit request` asks for access. Add what you know: `/jit request orders-db/read 30m INC-42 db down: need shell`
`/jit list` shows your requests · `/jit show R-7F3K` one of them
`/jit extend R-7F3K 30m still at it` asks for more time
`/jit release R-7F3K` gives access back · `/jit revoke R-7F3K reason` takes somebody's away"""

REVOKED_FROM = "revoked from the command"

WithRequest = Callable[[ListenerContext, Caller, str, str], Answer]


ABOUT_REQUEST: dict[str, WithRequest] = {
    "show": lambda ctx, caller, request_id, _: show_request(ctx, caller, request_id),
    "release": lambda ctx, caller, request_id, _: acts.release(ctx, caller, request_id),
    "revoke": lambda ctx, caller, request_id, rest: acts.revoke(ctx, caller, request_id, rest or REVOKED_FROM),
}


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
        elif subcommand == "extend":
            ack()
            request_id, more = extended_id_in(rest)
            trigger = text_at(body, "trigger_id")
            ctx.run(caller, subcommand, lambda: extend_typed(ctx, caller, trigger, request_id, more), request_id)
        elif subcommand in ABOUT_REQUEST:
            request_id, more = request_id_in(rest)
            if request_id is None:
                ack(f"Say which request: `/jit {subcommand} R-7F3K`. `/jit list` shows yours.")
                return
            ack()
            act = ABOUT_REQUEST[subcommand]
            ctx.run(caller, subcommand, lambda: act(ctx, caller, request_id, more), request_id)
        else:
            ack(helped(subcommand))

    app.command(re.compile(".*"))(command)


def helped(subcommand: str) -> str:
    """What there is to type, and what was perhaps meant."""
    if subcommand == "help":
        return HELP
    if subcommand in LATER:
        return f"`/jit {subcommand}` comes with a later version.\n{HELP}"
    meant = nearest(subcommand)
    guess = f" Did you mean `/jit {meant}`?" if meant else ""
    return f"There is no `/jit {harmless(subcommand, 40)}`.{guess}\n{HELP}"
