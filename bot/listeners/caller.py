"""Who acts and where they are answered, read from a payload; what is missing there makes no error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jit.facts import Source
from jit.use_cases.actor import Actor

Payload = Mapping[str, Any]

_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}")
NO_TEAM = "unknown"
"""Stands for a workspace that a payload does not name. It is nobody's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one person is answered: through the ``response_url`` if there is one, else in the channel."""

    person: str
    channel: str = ""
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, and where they are."""

    by: Actor
    place: Place


def read_caller(body: Payload) -> Caller | None:
    """None if the payload names nobody. The workspace is the person's own: Slack Connect lets others press too. In an
    organisation of several workspaces a payload may name that alone.
    """
    user = _part(body, "user")
    person = text_at(user, "id") or text_at(body, "user_id")
    if not is_id(person):
        return None
    workspace = text_at(user, "team_id") or text_at(_part(body, "team"), "id") or text_at(body, "team_id")
    organisation = text_at(_part(body, "enterprise"), "id") or text_at(body, "enterprise_id")
    team = workspace or organisation or NO_TEAM
    channel = text_at(_part(body, "channel"), "id") or text_at(body, "channel_id")
    place = Place(person, channel if is_id(channel) else "", text_at(body, "response_url"))
    return Caller(Actor(person, team, Source.SLACK), place)


def text_at(part: Payload, key: str) -> str:
    """The text under a key; empty if there is none."""
    value = part.get(key)
    return value if isinstance(value, str) else ""


def is_id(value: object) -> bool:
    """Whether Slack could have given this out, for a person, a group or a workspace. Nobody is called anything else."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def pressed_value(body: Payload) -> object:
    """The value of the button pressed, whatever it is."""
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return first.get("value") if isinstance(first, dict) else None


def pressed_action(body: Payload) -> str:
    """What the button pressed, or the menu, is called."""
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return text_at(first, "action_id") if isinstance(first, dict) else ""


def view_of(body: Payload) -> Payload:
    return _part(body, "view")


def entered(view: Payload, block: str) -> str:
    """What stands in a field of a form: what was typed, or the value that was chosen."""
    fields = _part(_part(_part(view, "state"), "values"), block)
    for entry in fields.values():
        if isinstance(entry, dict):
            return text_at(entry, "value") or text_at(_part(entry, "selected_option"), "value")
    return ""


def ticked(view: Payload, block: str) -> list[str]:
    """The values of the boxes that are ticked in the fields whose names begin with this."""
    fields = _part(_part(view, "state"), "values")
    found: list[str] = []
    for name in fields:
        for entry in _part(fields, name).values() if str(name).startswith(block) else ():
            boxes = entry.get("selected_options") if isinstance(entry, dict) else None
            found += (
                [text_at(box, "value") for box in boxes if isinstance(box, dict)] if isinstance(boxes, list) else []
            )
    return found


def _part(whole: Payload, key: str) -> Payload:
    value = whole.get(key)
    return value if isinstance(value, dict) else {}
