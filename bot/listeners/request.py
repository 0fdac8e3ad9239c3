"""The request form: opened, searched, redrawn when an access is chosen, and sent."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from datetime import timedelta
from http.client import HTTPException
from typing import Any, NamedTuple

import structlog
from slack_bolt import Ack, App, BoltContext
from slack_sdk.errors import SlackApiError, SlackClientError

from bot import answers
from bot.forms import (
    ACCESS_TAKEN,
    ALSO_TAKEN,
    CHOOSE_ACCESS,
    CHOOSE_ALSO,
    NOTE,
    REQUEST_FORM,
    TAKE_ALSO,
    TAKE_OFFERED,
    Filled,
    chosen,
    options,
    request_form,
)
from bot.listeners.caller import (
    Caller,
    Payload,
    Place,
    entered,
    is_id,
    pressed_action,
    pressed_value,
    text_at,
    ticked,
    view_of,
)
from bot.listeners.catalogue import Catalogue, catalogue
from bot.listeners.context import ListenerContext
from bot.listeners.names import not_among, without_slip
from bot.listeners.presses import refuse_press
from bot.listeners.typed import fill
from bot.refusals import Shown
from jit.durations import compact
from jit.facts import RefusalReason
from jit.ledger import LedgerUnavailable, TamperedEntry
from jit.ledger.undelivered import undelivered
from jit.policy import Policy, PolicyError, StaleGroups
from jit.ports import DirectoryUnavailable
from jit.requests.decision import rules_in
from jit.requests.intake import ACCESS, ALSO, DURATION, INCIDENT, REASON, START, BadInput, RequestForm, trouble_with
from jit.requests.leaving import UNDECIDED
from jit.requests.lifecycle import Request
from jit.requests.messages import ASKED_ALREADY, SAYS, of_one
from jit.requests.together import MOST_TOGETHER
from jit.use_cases.request import request_together

log = structlog.get_logger(__name__)

NOT_ANY_MORE = "You may not ask for that access any more. Choose another from the list."
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
GUESTS_KNOWN_FOR = timedelta(days=1)
"""A form opens at once for whom Slack was asked about lately. It tells of changes by itself, and whoever sends one is
looked up anew.
"""
_NOT_OPENED = (SlackClientError, OSError, HTTPException)


def open_request_form(ctx: ListenerContext, caller: Caller, trigger: str, typed: str) -> None:
    """Open the form, filled in as far as ``typed`` goes. Only our own people are shown what there is."""
    _open_filled(ctx, caller, trigger, lambda found: fill(typed, found.accesses))


def reopen_request_form(ctx: ListenerContext, caller: Caller, trigger: str, request_id: str) -> None:
    """Open the form as it was filled in for a request: for somebody else without the reason, which was not theirs."""
    try:
        before = ctx.core.ledger.request(request_id)
    except (LedgerUnavailable, TamperedEntry):
        before = None

    def as_before(found: Catalogue) -> Filled:
        return _again(found, before, own=before.requester == caller.by.id) if before else Filled()

    _open_filled(ctx, caller, trigger, as_before)


def open_form_for(ctx: ListenerContext, caller: Caller, trigger: str, value: str) -> None:
    """Open the form for the access that a button of Home names, for as long as it was asked for the last time."""

    def as_used(found: Catalogue) -> Filled:
        access = found.chosen(value)
        if access is None:
            return Filled(note=NOT_ANY_MORE)
        last = None
        with suppress(LedgerUnavailable, TamperedEntry):
            last = ctx.visibility.last_of(caller.by.id, access.name)
        return Filled(RequestForm(access.name, compact(last.asked.duration) if last else "", ""), access)

    _open_filled(ctx, caller, trigger, as_used)


def _again(found: Catalogue, before: Request, *, own: bool) -> Filled:
    why, incident = (before.why, before.incident or "") if own else ("", "")
    access = next((each for each in found.accesses if each.name == before.access), None)
    asked = RequestForm(access.name if access else "", compact(before.asked.duration), why, incident)
    filled = Filled(asked, access)
    return filled if access else filled.noted(not_among(before.access))


def _open_filled(ctx: ListenerContext, caller: Caller, trigger: str, filled: Callable[[Catalogue], Filled]) -> None:
    if not is_ours(ctx, caller):
        refuse_press(ctx, caller, "request", RefusalReason.WRONG_WORKSPACE)
        return
    if ctx.visibility.is_none_of_us(caller.by, GUESTS_KNOWN_FOR):
        refuse_press(ctx, caller, "request", RefusalReason.BAD_STANDING)
        return
    found = catalogue(ctx, caller.by.id)
    view = request_form(found.filled(filled(found)), caller.place.channel)
    ctx.open_here(caller, "request", lambda: open_form(ctx, caller.place, trigger, view))


def open_form(ctx: ListenerContext, place: Place, trigger: str, view: dict[str, Any]) -> None:
    """Show a form, or say that Slack would not."""
    try:
        ctx.opener.views_open(trigger_id=trigger, view=view)
    except _NOT_OPENED as wrong:
        log.info("form.not_opened", because=_reason(wrong))
        ctx.responder.respond(place, answers.NO_FORM)


def redraw_form(ctx: ListenerContext, caller: Caller, view: Payload, take: str = "", *, also: bool = False) -> None:
    """Say under the fields what the chosen access wants, or take the one offered, which is ``take`` in a menu, or
    ``also`` beside others. What is entered stays, as Slack keeps it by block id.
    """
    found = catalogue(ctx, caller.by.id)
    asked = asked_in(view)
    more = dict.fromkeys((*asked.also, *([take] if also and take else [])))
    asked = replace(asked, access=asked.access if also else take or asked.access, also=tuple(more))
    access = found.chosen(asked.access)
    further = tuple(each for name in asked.also if (each := found.chosen(name)))[: MOST_TOGETHER - 1]
    note = _note_of(view) if access is None else without_slip(_note_of(view))
    menus = ACCESS_TAKEN if take and not also else CHOOSE_ACCESS, ALSO_TAKEN if also else CHOOSE_ALSO
    drawn = request_form(found.filled(Filled(asked, access, note=note, also=further)), channel_of(view), *menus)
    view_id, version = text_at(view, "id"), text_at(view, "hash")
    if is_id(view_id) and version.isascii() and _can_be_sent(asked):  # no others are Slack's
        ctx.opener.views_update(view_id=view_id, hash=version, view=drawn)


def _can_be_sent(asked: RequestForm) -> bool:
    """Half a character has no encoding; whoever sends the form is told of it."""
    try:
        "".join((*asked.also, *(str(each) for each in astuple(asked)))).encode()
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
        view, pressed = view_of(body), pressed_value(body)
        take, also = pressed if isinstance(pressed, str) else "", pressed_action(body) == TAKE_ALSO
        if not ctx.may_show_form(caller) or not ctx.pool.submit(
            _quietly(lambda: redraw_form(ctx, caller, view, take, also=also)), caller.by.id
        ):
            log.info("form.not_redrawn", because="busy")

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        asked, bad, before = _checked(ctx, caller, view)
        if bad:
            at = ALSO if bad.of not in ("", asked.each[0].access) else ACCESS
            ack(response_action="errors", errors=bad.problems or {at: of_one(bad.of, SAYS[bad.reason])})
            if not bad.slip:
                ctx.record_refusal(caller, "request", bad.reason, bad.access, before)
            return
        place = Place(caller.place.person, channel_of(view))
        if ctx.try_run(
            caller,
            lambda: place,
            lambda: _answer(ctx, request_together(ctx.core, by=caller.by, asked=asked)),
            again=answers.typed("request", asked),
        ):
            ack()
            return
        ack(response_action="errors", errors={ACCESS: answers.BUSY})
        ctx.record_busy(caller, "request")

    for menu in (CHOOSE_ACCESS, ACCESS_TAKEN, CHOOSE_ALSO, ALSO_TAKEN):
        app.options(menu)(search)
    for action in (CHOOSE_ACCESS, ACCESS_TAKEN, TAKE_OFFERED, TAKE_ALSO):
        app.action(action)(redraw)
    app.view(REQUEST_FORM)(send)


def asked_in(view: Payload) -> RequestForm:
    """What stands in the fields."""
    return RequestForm(
        access=entered(view, ACCESS),
        duration=entered(view, DURATION),
        reason=entered(view, REASON),
        incident=entered(view, INCIDENT),
        start=entered(view, START),
        also=tuple(ticked(view, ALSO)),
    )


class _Checked(NamedTuple):
    """What is asked, and what stands in the way at which field, as far as that can be told at once; ``before`` is the
    request of the same that does.
    """

    asked: RequestForm
    bad: BadInput | None = None
    before: str | None = None


def _checked(ctx: ListenerContext, caller: Caller, view: Payload) -> _Checked:
    asked = asked_in(view)
    if not is_ours(ctx, caller):
        return _Checked(asked)  # the use case refuses, and records it
    try:
        policy = ctx.core.policies.current()
        asked = _by_name(asked, policy)
        zone = ctx.directory.recall(caller.by.id, GUESTS_KNOWN_FOR).tz if asked.start.strip() else ""
        bad = trouble_with(asked, policy, caller.by.id, ctx.directory.groups(), ctx.core.clock.now(), zone=zone)
    except PolicyError:
        return _Checked(asked, BadInput({}, RefusalReason.POLICY_BROKEN))
    except StaleGroups:
        return _Checked(asked, BadInput({}, RefusalReason.STALE_GROUPS))
    except DirectoryUnavailable:
        return _Checked(asked, BadInput({START: SAYS[RefusalReason.CANNOT_LOOK_UP]}))
    before = () if bad else (_asked_before(ctx, caller, each.access, policy) for each in asked.each)
    there = next((each for each in before if each), None)
    return _Checked(asked, _there_already(asked, there, policy), there.id) if there else _Checked(asked, bad)


def _by_name(asked: RequestForm, policy: Policy) -> RequestForm:
    """What the menus say, which carry no long names."""
    names = [access.name if (access := chosen(name, policy.accesses)) else name for name in (asked.access, *asked.also)]
    return replace(asked, access=names[0], also=tuple(names[1:]))


def _there_already(asked: RequestForm, before: Request, policy: Policy) -> BadInput:
    says = f"{ASKED_ALREADY[before.state]} {before.id}"
    at = ACCESS if before.access == asked.each[0].access else ALSO
    problems = {at: says if len(asked.each) == 1 else f"{before.access}: {says}"}
    return BadInput(problems, RefusalReason.ALREADY_OPEN, policy.accesses.get(before.access))


def _asked_before(ctx: ListenerContext, caller: Caller, access: str, policy: Policy) -> Request | None:
    """What this person waits for or has already; not what the rules have outdated, which asking anew closes. A ledger
    that is silent is told of by the use case.
    """
    try:
        before = ctx.visibility.open_for(caller.by.id, access)
    except (LedgerUnavailable, TamperedEntry):
        return None
    return None if before and before.state in UNDECIDED and rules_in(policy, before) is None else before


def _answer(ctx: ListenerContext, requests: Sequence[Request]) -> str:
    """The answer to whoever asked. The requests are recorded by then: a silent ledger leaves out only that Slack takes
    no cards in their channel.
    """
    shut: set[str] = set()
    with suppress(LedgerUnavailable):
        shut = {each.place for each in undelivered(ctx.core.ledger.engine) if each.what == Shown.CARD}
    said = {each.id: answers.asked(each, ctx.directory.name, shut=each.channel in shut) for each in requests}
    return answers.of_each(said) if len(said) > 1 else said[requests[0].id]


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
