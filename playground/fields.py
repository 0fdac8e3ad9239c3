"""What somebody typed or chose, as `view.state.values` tells it; and the ids Slack gives to what has none."""

import re
import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

from playground.people import Json
from playground.text import elements

_HOLDS = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
"""For each kind of element: the key its value has in a state, and the key of its first value."""


def holds_value(element: Json) -> bool:
    return element["type"] in _HOLDS


def value_of(element: Json, chosen: Any) -> Json:
    """One entry of `state.values`; in a payload of actions the same keys stand in the action."""
    return {"type": element["type"], _HOLDS[element["type"]][0]: chosen}


def chosen_in(entry: Json) -> Any:
    """What an entry of `state.values` holds, whatever its kind."""
    return entry.get(_HOLDS[entry["type"]][0])


def first_state(view: Json, kept: Json) -> Json:
    """The state of a view as it comes up: first values, and over them what ``kept`` has under the same ids,
    as Slack keeps what was entered through an update.
    """
    values: Json = {}
    for block, element in elements(view):
        if not holds_value(element):
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        entered = kept.get(block_id, {}).get(action_id)
        if not entered or entered["type"] != element["type"]:
            first = element.get(_HOLDS[element["type"]][1])
            entered = value_of(element, [] if first is None and _holds_many(element) else first)
        values.setdefault(block_id, {})[action_id] = entered
    return values


def as_entered(view: Json) -> Json:
    """The view with what was entered in the place of the first values, for whoever looks at it now."""
    values = view["state"]["values"]

    def entered(block: Json, element: Json) -> Json:
        held = values.get(block["block_id"], {}).get(element.get("action_id"))
        return element | {_HOLDS[element["type"]][1]: chosen_in(held)} if held else element

    def shown(block: Json) -> Json:
        for part in ("accessory", "element"):
            if part in block:
                block = block | {part: entered(block, block[part])}
        if block["type"] == "actions":
            block = block | {"elements": [entered(block, element) for element in block["elements"]]}
        return block

    return view | {"blocks": [shown(block) for block in view["blocks"]]}


def wrong_fields(view: Json) -> dict[str, str]:
    """What Slack's clients hold against a form before they send it, by block id."""
    wrong = {}
    for block, element in elements(view):
        if block["type"] != "input":
            continue
        held = chosen_in(view["state"]["values"][block["block_id"]][element["action_id"]])
        if not held and not block.get("optional"):
            wrong[block["block_id"]] = "Please complete this required field."
        elif isinstance(held, str) and len(held) > element.get("max_length", 3000):
            wrong[block["block_id"]] = f"Please enter at most {element.get('max_length', 3000)} characters."
        elif isinstance(held, str) and len(held) < element.get("min_length", 0):
            wrong[block["block_id"]] = f"Please enter at least {element['min_length']} characters."
        elif held and (misfit := _misfit(element, held)):
            wrong[block["block_id"]] = misfit
    return wrong


def _misfit(element: Json, held: Any) -> str:
    """What is wrong with the form of what was entered; empty if nothing is."""
    match element["type"]:
        case "number_input":
            return _misfit_number(element, held)
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", held):
            return "Please enter an e-mail address."
        case "url_text_input" if not re.fullmatch(r"https?://[^\s/]\S*", held):
            return "Please enter an address that begins with https://."
    return ""


def _misfit_number(element: Json, held: str) -> str:
    try:
        number = Decimal(held)
    except InvalidOperation:
        return "Please enter a number."
    if not number.is_finite():
        return "Please enter a number."
    if not element["is_decimal_allowed"] and number % 1:
        return "Please enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Please enter at least {element['min_value']}."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Please enter at most {element['max_value']}."
    return ""


def with_value(values: Json, block_id: str, action_id: str, entry: Json) -> Json:
    return values | {block_id: values.get(block_id, {}) | {action_id: entry}}


def named(blocks: list[Json]) -> list[Json]:
    """The same blocks, with an id for every block and element that came without one."""
    return [_named_block(block) for block in blocks]


def _named_block(block: Json) -> Json:
    block = {"block_id": secrets.token_urlsafe(4), **block}
    for part in ("accessory", "element"):
        if part in block:
            block[part] = _named_element(block[part])
    if block["type"] == "actions":
        block["elements"] = [_named_element(element) for element in block["elements"]]
    return block


def _named_element(element: Json) -> Json:
    return element if element["type"] == "image" else {"action_id": secrets.token_urlsafe(4), **element}


def _holds_many(element: Json) -> bool:
    return str(element["type"]).startswith(("checkboxes", "multi_"))
