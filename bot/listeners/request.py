"""The request form: opened, searched, redrawn when an access is chosen, and sent."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, replace
from http.client import HTTPException
from typing import Any

import structlog
from slack_bolt import Ack, App, BoltContext
from slack_sdk.errors import SlackApiError, SlackClientError

from bot import answers
from bot.forms import CHOOSE_ACCESS, NOTE, REQUEST_FORM, Filled, chosen, options, request_form
from bot.listeners.caller import Caller, Payload, Place, entered, is_id, text_at, view_of
from bot.listeners.catalogue import Catalogue, catalogue
from bot.listeners.context import ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.typed import fill
from bot.refusals import Shown
from jit.facts import RefusalReason
from jit.ledger import LedgerUnavailable
from jit.ledger.undelivered import undelivered
from jit.policy import PolicyError, StaleGroups
from jit.requests.intake import ACCESS, DURATION, INCIDENT, REASON, BadInput, RequestForm, trouble_with
from jit.requests.lifecycle import Request
from jit.requests.messages import SAYS
from jit.use_cases.request import request_access

log = structlog.get_logger(__name__)

_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
_NOT_OPENED = (SlackClientError, OSError, HTTPException)


def open_request_form(ctx: ListenerContext, caller: Caller, trigger: str, typed: str) -> None:
    """Open the form, filled in as far as ``typed`` goes. Only our own people are shown what there is."""
    if not is_ours(ctx, caller):
        refuse_press(ctx, caller, "request", RefusalReason.WRONG_WORKSPACE)
        return
    found = catalogue(ctx, caller.by.id)
    view = request_form(found.filled(fill(typed, found.accesses)), caller.place.channel)
    ctx.open_here(caller, "request", lambda: open_form(ctx, caller.place, trigger, view))


def open_form(ctx: ListenerContext, place: Place, trigger: str, view: dict[str, Any]) -> None:
    """Show a form, or say that Slack would not."""
    try:
        ctx.opener.views_open(trigger_id=trigger, view=view)
    except _NOT_OPENED as wrong:
        log.info("form.not_opened", because=_reason(wrong))
        ctx.responder.respond(place, answers.NO_FORM)


def redraw_form(ctx: ListenerContext, caller: Caller, view: Payload) -> None:
    """Say under the fields what the chosen access wants. What is entered stays, as Slack keeps it by block id."""
    found = catalogue(ctx, caller.by.id)
    asked = asked_in(view)
    filled = found.filled(Filled(asked, found.chosen(asked.access), note=_note_of(view)))
    view_id, version = text_at(view, "id"), text_at(view, "hash")
    if is_id(view_id) and version.isascii() and _can_be_sent(asked):  # no others are Slack's
        ctx.opener.views_update(view_id=view_id, hash=version, view=request_form(filled, channel_of(view)))


def _can_be_sent(asked: RequestForm) -> bool:
    """Half a character has no encoding; whoever sends the form is told of it."""
    try:
        "".join(astuple(asked)).encode()
    except UnicodeEncodeError:
        return False
    return True


def register(app: App, ctx: ListenerContext) -> None:
    def search(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        found = catalogue(ctx, caller.by.id) if ctx.visibility.is_one_of_us(caller.by) else Catalogue([])
        ack(options=options(found.accesses, _often(ctx, caller.by.id), text_at(body, "value")))

    def redraw(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        view = view_of(body)
        if not ctx.may_show_form(caller) or not ctx.pool.submit(
            _quietly(lambda: redraw_form(ctx, caller, view)), caller.by.id
        ):
            log.info("form.not_redrawn", because="busy")

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        asked, bad = _checked(ctx, caller, view)
        if bad:
            ack(response_action="errors", errors=bad.problems or {ACCESS: SAYS[bad.reason]})
            if not bad.slip:
                ctx.record_refusal(caller, "request", bad.reason, bad.access)
            return
        place = Place(caller.place.person, channel_of(view))
        if ctx.try_run(
            caller, lambda: place, lambda: _answer(ctx, request_access(ctx.core, by=caller.by, asked=asked))
        ):
            ack()
            return
        ack(response_action="errors", errors={ACCESS: answers.BUSY})
        ctx.record_busy(caller, "request")

    app.options(CHOOSE_ACCESS)(search)
    app.action(CHOOSE_ACCESS)(redraw)
    app.view(REQUEST_FORM)(send)


def asked_in(view: Payload) -> RequestForm:
    """What stands in the fields."""
    return RequestForm(
        access=entered(view, ACCESS),
        duration=entered(view, DURATION),
        reason=entered(view, REASON),
        incident=entered(view, INCIDENT),
    )


def _checked(ctx: ListenerContext, caller: Caller, view: Payload) -> tuple[RequestForm, BadInput | None]:
    """What is asked, and what stands in the way at which field, as far as that can be told at once."""
    asked = asked_in(view)
    if not is_ours(ctx, caller):
        return asked, None  # the use case refuses, and records it
    try:
        policy = ctx.core.policies.current()
        access = chosen(asked.access, policy.accesses)
        asked = replace(asked, access=access.name if access else asked.access)
        return asked, trouble_with(asked, policy, caller.by.id, ctx.directory.groups(), ctx.core.clock.now())
    except PolicyError:
        return asked, BadInput({}, RefusalReason.POLICY_BROKEN)
    except StaleGroups:
        return asked, BadInput({}, RefusalReason.STALE_GROUPS)


def _answer(ctx: ListenerContext, request: Request) -> str:
    """The answer to whoever asked. The request is recorded by then: a silent ledger leaves out only that Slack takes no
    cards in its channel.
    """
    shut = False
    with suppress(LedgerUnavailable):
        refused = undelivered(ctx.core.ledger.engine)
        shut = any(each.what == Shown.CARD and each.place == request.channel for each in refused)
    return answers.asked(request, ctx.directory.name, shut=shut)


def is_ours(ctx: ListenerContext, caller: Caller) -> bool:
    """Whether the caller may see the form: one of our workspace by the payload, or, where that names another one of our
    organisation, by Slack's word.
    """
    return caller.by.team == ctx.directory.workspace or ctx.visibility.is_one_of_us(caller.by)


def _quietly(work: Callable[[], None]) -> Callable[[], None]:
    """``work``, which logs what Slack refuses: a form that is not redrawn only lacks a hint."""

    def run() -> None:
        try:
            work()
        except _NOT_OPENED as wrong:
            log.info("form.not_redrawn", because=_reason(wrong))

    return run


def _note_of(view: Payload) -> str:
    blocks = view.get("blocks")
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, dict) and block.get("block_id") == NOTE and isinstance(block.get("text"), dict):
            return text_at(block["text"], "text")
    return ""


def channel_of(view: Payload) -> str:
    """Where the command was typed. Came through Slack and back, so it is only an id or nothing."""
    found = _CHANNEL.fullmatch(text_at(view, "private_metadata"))
    return found[0] if found else ""


def _often(ctx: ListenerContext, person: str) -> dict[str, int]:
    try:
        return ctx.core.ledger.asked_often(person)
    except LedgerUnavailable:
        return {}


def _reason(wrong: Exception) -> str:
    if isinstance(wrong, SlackApiError):
        return str(wrong.response.get("error"))
    return type(wrong).__name__
