"""Break-glass: the form that says plainly what happens, and sends whoever is listed in at once."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.forms import BREAK_GLASS_FORM, CHOOSE_EMERGENCY, break_glass_form, chosen, options
from bot.listeners.caller import Caller, Place, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.names import without_slip
from bot.listeners.presses import refuse_press
from bot.listeners.request import asked_in, channel_of, is_ours, open_form
from bot.listeners.typed import fill_at_once
from bot.views.break_glass import what_happens
from jit.durations import compact
from jit.facts import RefusalReason
from jit.policy import Access, PolicyError, StaleGroups
from jit.ports import DirectoryUnavailable
from jit.requests.intake import ACCESS, BadInput, RequestForm, trouble_with
from jit.requests.messages import SAYS
from jit.use_cases.break_glass import break_glass

NOTHING = "There is nothing for which you may break the glass. `/jit request` asks people, who may be quick."


def open_break_glass_form(ctx: ListenerContext, caller: Caller, trigger: str, typed: str) -> None:
    """Open the form, filled in as far as ``typed`` goes, for whoever is listed. Who is not is told that at once."""
    if not is_ours(ctx, caller):
        refuse_press(ctx, caller, "break_glass", RefusalReason.WRONG_WORKSPACE)
        return
    accesses, trouble = _accesses(ctx, caller.by.id)
    if not accesses:
        ctx.run(caller, "break_glass", lambda: trouble or NOTHING)
        return
    named = any("/" in word for word in typed.split())  # any other word belongs to what burns
    filled = replace(fill_at_once(typed, accesses if named else []), offered=None)
    if len(accesses) == 1 and filled.access is None:
        filled = replace(filled, access=accesses[0], asked=replace(filled.asked, access=accesses[0].name))
    if filled.access is not None and not filled.asked.duration:
        longest = compact(filled.access.longest(emergency=True))
        filled = replace(filled, asked=replace(filled.asked, duration=longest))
    said = dict.fromkeys(what_happens(each, ctx.directory.name) for each in accesses)
    note = what_happens(filled.access, ctx.directory.name) if filled.access or len(said) > 1 else next(iter(said))
    filled = replace(filled, note=f"{note} {without_slip(filled.note) if filled.access else filled.note}".strip())
    view = break_glass_form(filled.noted(trouble), caller.place.channel)
    ctx.open_here(caller, "break_glass", lambda: open_form(ctx, caller.place, trigger, view))


def register(app: App, ctx: ListenerContext) -> None:
    def search(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        found = _accesses(ctx, caller.by.id)[0] if ctx.visibility.is_one_of_us(caller.by) else []
        ack(options=options(found, {}, text_at(body, "value")))

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        asked, bad = _checked(ctx, caller, asked_in(view))
        if bad:
            ack(response_action="errors", errors=bad.problems or {ACCESS: SAYS[bad.reason]})
            if not bad.slip:
                ctx.record_refusal(caller, "break_glass", bad.reason, bad.access)
            return
        place = Place(caller.place.person, channel_of(view))

        def let_in() -> Answer:
            request = break_glass(ctx.core, by=caller.by, asked=asked)
            return answers.glass_broken(request, ctx.directory.name, other_email=_has_another_email(ctx, caller))

        if ctx.try_run(caller, lambda: place, let_in, again=answers.typed("break-glass", asked)):
            ack()
            return
        ack(response_action="errors", errors={ACCESS: answers.BUSY})
        ctx.record_busy(caller, "break_glass")

    app.options(CHOOSE_EMERGENCY)(search)
    app.view(BREAK_GLASS_FORM)(send)


def _has_another_email(ctx: ListenerContext, caller: Caller) -> bool:
    with suppress(DirectoryUnavailable):
        return ctx.core.directory.look_up(caller.by.id).email_changed
    return False


def _accesses(ctx: ListenerContext, person: str) -> tuple[list[Access], str]:
    """Those for which this person may break the glass, and why there may be more; empty if there is nothing in the
    way.
    """
    try:
        policy = ctx.core.policies.current()
    except PolicyError:
        return [], SAYS[RefusalReason.POLICY_BROKEN]
    groups, now = ctx.directory.groups(), ctx.core.clock.now()
    found, trouble = [], ""
    for access in policy.accesses.values():
        try:
            if access.break_glass is not None and policy.may_break_glass(access, person, groups, now):
                found.append(access)
        except StaleGroups:
            trouble = SAYS[RefusalReason.STALE_GROUPS]
    return found, trouble


def _checked(ctx: ListenerContext, caller: Caller, asked: RequestForm) -> tuple[RequestForm, BadInput | None]:
    """What is asked, and what stands in the way at which field, as far as that can be told at once."""
    if not is_ours(ctx, caller):
        return asked, None  # the use case refuses, and records it
    try:
        policy = ctx.core.policies.current()
        access = chosen(asked.access, policy.accesses)
        asked = replace(asked, access=access.name if access else asked.access)
        groups, now = ctx.directory.groups(), ctx.core.clock.now()
        return asked, trouble_with(asked, policy, caller.by.id, groups, now, emergency=True)
    except PolicyError:
        return asked, BadInput({}, RefusalReason.POLICY_BROKEN)
    except StaleGroups:
        return asked, BadInput({}, RefusalReason.STALE_GROUPS)
