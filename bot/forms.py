"""The forms: what somebody asks for, and why somebody denies. Labels are exactly Access,
Also, Duration, Reason, Incident, Start; and of what is given less Duration, Permissions, Reason.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice

from bot.views.lockdown import draw_to_lift
from bot.views.text import Json, Names, button, plain_text, shorten
from bot.views.words import loses
from jit.durations import compact, say_duration
from jit.facts import LockdownLiftProposed
from jit.policy import Access, Rule
from jit.requests.intake import ACCESS, ALSO, DURATION, INCIDENT, REASON, START, RequestForm, incident_wanted
from jit.requests.less import PERMISSIONS
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown
from jit.requests.together import MOST_TOGETHER

REQUEST_FORM, DENY_FORM, LESS_FORM, END_FORM = "jit.form.request", "jit.form.deny", "jit.form.less", "jit.form.end"
EXTEND_FORM = "jit.form.extend"
LIFT_FORM = "jit.form.lift"
BREAK_GLASS_FORM, REVIEW_FORM = "jit.form.break_glass", "jit.form.review"
CHOOSE_ACCESS, ACCESS_TAKEN, TAKE_OFFERED = "jit.form.access", "jit.form.access.taken", "jit.form.take"
"""The menu of accesses; the same once an offered one was taken, as Slack keeps what stands in a menu of the same name;
and the button that takes it.
"""
CHOOSE_ALSO, ALSO_TAKEN, TAKE_ALSO = "jit.form.also", "jit.form.also.taken", "jit.form.take.also"
"""The same of the accesses that are asked for beside the first."""
CHOOSE_EMERGENCY = "jit.form.emergency"
NOTE = "note"
"""The block that says what could not be used."""

_OPTION_TEXT = 75
_OPTION_VALUE = 150
_OPTIONS = 100
_HINT = 500
_INITIAL = 3000
_BEGINS = "At once if empty. Like 22:00, tomorrow 8:00 or 2026-11-30 08:00 by your clock; decided again when it begins."
_TOGETHER = "More accesses for the same time and reason. Each is decided by its own rule, on one card."
_BOXES, _MOST_BOXES = 10, 90
"""Boxes that one field takes, and such fields that a form has room for."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What the request form shows. ``access`` and ``deciders`` are of what is chosen so far, if anything is;
    ``also`` are the accesses beside the first; ``offered`` is what may have been meant, behind a button.
    """

    asked: RequestForm = field(default_factory=lambda: RequestForm("", "", ""))
    access: Access | None = None
    deciders: str = ""
    note: str = ""
    offered: Access | None = None
    also: tuple[Access, ...] = ()

    def noted(self, more: str) -> "Filled":
        """With one thing more to say, once."""
        return self if more in self.note else replace(self, note=f"{self.note} {more}".strip())


def request_form(filled: Filled, channel: str, menu: str = CHOOSE_ACCESS, also: str = CHOOSE_ALSO) -> Json:
    """``channel`` is where the command was typed, and where the answer goes. ``menu`` is the name of that of accesses,
    ``also`` of that of further ones: `ACCESS_TAKEN` and `ALSO_TAKEN` for those that show what is ``filled`` in whatever
    stood there.
    """
    access, asked = filled.access, filled.asked
    needs_incident = access is not None and access.incident is not None
    written = f"Needed here: {incident_wanted(access)}." if access and needs_incident else "If there is one."
    blocks = [
        *_note(filled),
        _field(ACCESS, "Access", _chooser(access, menu), dispatch=True),
        _field(ALSO, "Also", _choosers(filled.also, also), hint=_TOGETHER, optional=True),
        _field(DURATION, "Duration", _typed(DURATION, asked.duration), hint=duration_hint(access, filled.deciders)),
        _field(REASON, "Reason", _typed(REASON, asked.reason, multiline=True)),
        _field(INCIDENT, "Incident", _typed(INCIDENT, asked.incident), hint=written, optional=not needs_incident),
        _field(START, "Start", _typed(START, asked.start), hint=_BEGINS, optional=True),
    ]
    return _modal(REQUEST_FORM, "Ask for access", "Ask", channel, blocks)


def deny_form(value: str, request_id: str, together: Sequence[Request] = ()) -> Json:
    """``value`` is the button's own, handed through. Of several that are denied ``together`` each is named."""
    several = len(together) > 1
    named = ", ".join(f"{request.id} ({request.access})" for request in together)
    told: Json = {"type": "section", "text": plain_text(shorten(f"Denies {named}", _HINT))}
    reason = _field(REASON, "Reason", _typed(REASON, "", multiline=True), hint="The requester reads this.")
    title = f"Deny {len(together)} requests" if several else f"Deny {request_id}"
    return _modal(DENY_FORM, title, "Deny", value, [told, reason] if several else [reason])


def extend_form(request: Request, room: timedelta, duration: str, reason: str) -> Json:
    """For as much as the rules allow unless ``duration`` says otherwise."""
    most = f"At most {say_duration(room)} more. It goes on until its end meanwhile."
    blocks = [
        _field(DURATION, "Duration", _typed(DURATION, duration or compact(room)), hint=most),
        _field(REASON, "Reason", _typed(REASON, reason, multiline=True)),
    ]
    return _modal(EXTEND_FORM, f"Extend {request.id}", "Extend", request.id, blocks)


def less_form(value: str, request: Request) -> Json:
    """What may be left out of a request before it is approved. A permission stands for its place among those of the
    card that ``value`` names: its name may be too long for a menu.
    """
    boxes = (_boxes(begin, request) for begin in range(0, len(request.permissions), _BOXES))
    fields = [
        {"type": "section", "text": plain_text(shorten(f"{request.id}: {request.access}", _HINT))},
        _field(DURATION, "Duration", _typed(DURATION, compact(request.duration)), hint=_no_more_than(request)),
        *(islice(boxes, _MOST_BOXES) if len(request.permissions) > 1 else ()),
        _field(REASON, "Reason", _typed(REASON, "", multiline=True), hint="The requester reads this.", optional=True),
    ]
    return _modal(LESS_FORM, "Approve less", "Approve", value, fields)


def _no_more_than(request: Request) -> str:
    return f"At most {say_duration(request.duration)}. Others who said yes already are asked again."


def _boxes(begin: int, request: Request) -> Json:
    shown = request.permissions[begin : begin + _BOXES]
    texts = (plain_text(shorten(name, _OPTION_TEXT)) for name in shown)
    options = [{"text": text, "value": str(place)} for place, text in enumerate(texts, begin)]
    element = {"type": "checkboxes", "action_id": PERMISSIONS, "options": options, "initial_options": options}
    label = "Permissions" if begin == 0 else f"Permissions, from {begin + 1}"
    return _field(f"{PERMISSIONS}{begin}", label, element, optional=len(request.permissions) > _BOXES)


def kept(places: Iterable[str], request: Request) -> tuple[str, ...]:
    """The permissions that stand for these places in its form; of those without a box all."""
    ticked = set(places)
    shown = request.permissions[: _BOXES * _MOST_BOXES] if len(request.permissions) > 1 else ()
    chosen = {name for place, name in enumerate(shown) if str(place) in ticked}
    return tuple(name for name in request.permissions if name in chosen or name not in shown)


def end_form(value: str, request: Request, names: Names) -> Json:
    """As `deny_form`, for somebody else's access."""
    return _modal(
        END_FORM,
        f"End {request.id}",
        "End access",
        value,
        [_field(REASON, "Reason", _typed(REASON, "", multiline=True), hint=f"{loses(request, names)} They read this.")],
    )


def lift_form(lockdown: Lockdown, proposal: LockdownLiftProposed | None, names: Names) -> Json:
    """What it stops and why, and, where somebody else proposed to lift it, why they did."""
    then = "You are the second: with this it is lifted." if proposal else "Somebody else has to confirm it."
    reason = _field(REASON, "Reason", _typed(REASON, "", multiline=True), hint=then)
    return _modal(
        LIFT_FORM, f"Lift {lockdown.id}", "Lift", lockdown.id, [*draw_to_lift(lockdown, proposal, names), reason]
    )


def break_glass_form(filled: Filled, channel: str) -> Json:
    """``filled.note`` says what happens. ``channel`` as in `request_form`."""
    access, asked = filled.access, filled.asked
    blocks = [
        *_note(filled),
        _field(ACCESS, "Access", _chooser(access, CHOOSE_EMERGENCY)),
        _field(DURATION, "Duration", _typed(DURATION, asked.duration), hint=duration_hint(access, "", emergency=True)),
        _field(REASON, "Reason", _typed(REASON, asked.reason, multiline=True)),
        _field(INCIDENT, "Incident", _typed(INCIDENT, asked.incident), hint="The one you are on. It has to be open."),
    ]
    return _modal(BREAK_GLASS_FORM, "Break-glass", "Break glass", channel, blocks)


def review_form(value: str, request_id: str, *, justified: bool) -> Json:
    """``value`` is handed through: the verdict, and the button's own."""
    says = "Justified" if justified else "Not justified"
    hint = "It stands on the record for good; who broke the glass reads it."
    blocks = [_field(REASON, "Reason", _typed(REASON, "", multiline=True), hint=hint)]
    return _modal(REVIEW_FORM, f"Review {request_id}", says, value, blocks)


def duration_hint(access: Access | None, deciders: str, *, emergency: bool = False) -> str:
    """`At most 8 h · decided by 1 of dba · up to 1 d as an exception, decided by 1 of security`"""
    if access is None:
        return "Like 30m, 2h or 1h30m."
    longest = access.longest(emergency=True) if emergency else access.max_duration
    parts = [f"At most {say_duration(longest)}", deciders]
    if (own := access.exception) is not None and not emergency:
        rules = decided_by(access.decided_by(own.rules))
        parts.append(f"up to {say_duration(own.max_duration)} as an exception, {rules}")
    return " · ".join(filter(None, parts))


def decided_by(access: Access) -> str:
    """`decided by 1 of dba and 1 of security`; `decided by rule (on call for orders-primary), or by 1 of dba`"""
    return "decided " + ", or ".join(f"by {_by(rule)}" for rule in access.rules)


def _by(rule: Rule) -> str:
    if rule.automatic is not None:
        return f"rule ({rule.called})" if rule.called else "rule, at once"
    return " and ".join(f"{quorum.count} of {quorum.label}" for quorum in rule.quorums)


def options(accesses: Iterable[Access], often: Mapping[str, int], query: str) -> list[Json]:
    """Those that hold every word of ``query``, most asked for first; as many as a menu takes."""
    words = query.casefold().split()
    found = [access for access in accesses if all(word in _searched(access) for word in words)]
    found.sort(key=lambda access: (-often.get(access.name, 0), access.name))
    return [option(access) for access in found[:_OPTIONS]]


def option(access: Access) -> Json:
    shown: Json = {"text": plain_text(shorten(access.name, _OPTION_TEXT)), "value": value_of(access.name)}
    if describe := shorten(access.describe.strip(), _OPTION_TEXT):
        shown["description"] = plain_text(describe)
    return shown


def target_options(targets: Iterable[str], query: str) -> list[Json]:
    """Those whose name holds ``query``; as many as a menu takes."""
    found = sorted(name for name in targets if query.casefold().strip() in name.casefold())
    return [target_option(name) for name in found[:_OPTIONS]]


def target_option(name: str) -> Json:
    return {"text": plain_text(shorten(name, _OPTION_TEXT)), "value": value_of(name)}


def value_of(name: str) -> str:
    """What a menu carries for an access or a target: its name, or a digest of one that is too long for a menu."""
    return name if len(name) <= _OPTION_VALUE else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def chosen(value: str, accesses: Mapping[str, Access]) -> Access | None:
    """The access that a menu's value stands for."""
    if value in accesses or not value.startswith("sha256:"):
        return accesses.get(value)
    return next((access for name, access in accesses.items() if value_of(name) == value), None)


def _searched(access: Access) -> str:
    return f"{access.name} {access.describe}".casefold()


def _note(filled: Filled) -> list[Json]:
    if not filled.note:
        return []
    said: Json = {"type": "section", "block_id": NOTE, "text": plain_text(shorten(filled.note, _HINT))}
    if filled.offered is None:
        return [said]
    takes = TAKE_OFFERED if filled.access is None else TAKE_ALSO
    take = button(f"Use {filled.offered.name}", takes, value_of(filled.offered.name))
    return [said | {"accessory": take}]


def _chooser(access: Access | None, name: str) -> Json:
    menu: Json = {
        "type": "external_select",
        "action_id": name,
        "min_query_length": 0,
        "placeholder": plain_text("Search"),
    }
    return menu | ({"initial_option": option(access)} if access else {})


def _choosers(accesses: Sequence[Access], name: str) -> Json:
    menu: Json = {
        "type": "multi_external_select",
        "action_id": name,
        "min_query_length": 0,
        "max_selected_items": MOST_TOGETHER - 1,
        "placeholder": plain_text("Search"),
    }
    return menu | ({"initial_options": [option(access) for access in accesses]} if accesses else {})


def _typed(name: str, value: str, *, multiline: bool = False) -> Json:
    made: Json = {"type": "plain_text_input", "action_id": name, "multiline": multiline}
    return made | ({"initial_value": shorten(value, _INITIAL)} if value else {})


def _field(
    name: str, label: str, element: Json, *, hint: str = "", optional: bool = False, dispatch: bool = False
) -> Json:
    made: Json = {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "element": element,
        "optional": optional,
        "dispatch_action": dispatch,
    }
    return made | ({"hint": plain_text(shorten(hint, _HINT))} if hint else {})


def _modal(callback: str, title: str, submit: str, metadata: str, blocks: list[Json]) -> Json:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain_text(title),
        "submit": plain_text(submit),
        "close": plain_text("Cancel"),
        "private_metadata": metadata,
        "blocks": blocks,
    }
