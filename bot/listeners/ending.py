"""End access does the right thing for whoever presses: the requester gives theirs back, or takes back what was not
given yet; whoever may revoke it is asked why first.
"""

from collections.abc import Sequence

from slack_bolt import App

from bot import answers
from bot.buttons import END, Pressed, value_of
from bot.forms import END_FORM, end_form
from bot.listeners import reasons
from bot.listeners.caller import Caller
from bot.listeners.context import ListenerContext
from bot.views.text import Json
from jit.requests.intake import text_trouble
from jit.requests.lifecycle import Request, State
from jit.use_cases.release import release
from jit.use_cases.revoke import may_revoke, revoke
from jit.use_cases.withdraw import withdraw


def register(app: App, ctx: ListenerContext) -> None:
    each = reasons.ReasonedAct(
        action=END,
        form=END_FORM,
        pressed="end",
        attempted="revoke",
        begin=_begin,
        act=_revoke,
        done=answers.revoked,
        trouble=text_trouble,
    )
    reasons.register(app, ctx, each)


def _begin(ctx: ListenerContext, caller: Caller, buttons: Sequence[Pressed]) -> Json | str:
    button = buttons[0]
    request = ctx.core.ledger.request_as_written(button.request_id)
    if request is None or request.requester != caller.by.id:
        request = may_revoke(ctx.core, by=caller.by, request_id=button.request_id)
        return end_form(value_of(*button), request, ctx.directory.name)
    if request.state is State.APPROVED:
        return answers.withdrawn(withdraw(ctx.core, by=caller.by, request_id=button.request_id))
    return answers.released(release(ctx.core, by=caller.by, request_id=button.request_id))


def _revoke(ctx: ListenerContext, caller: Caller, button: Pressed, reason: str) -> Request:
    return revoke(ctx.core, by=caller.by, request_id=button.request_id, reason=reason)
