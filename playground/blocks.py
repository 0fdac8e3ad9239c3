"""Slack's refusals of blocks and views, each naming the place by JSON pointer, as `response_metadata` does."""

import json
from typing import Any

from playground.people import Json
from playground.shapes import (
    ANY_TEXT,
    BLOCKS,
    CONFIRM,
    ELEMENTS,
    MESSAGE_BLOCKS,
    OPTION,
    OPTION_GROUP,
    PLACES,
    VIEW_BYTES,
    VIEWS,
    Shape,
    Text,
)


def message_problems(blocks: Any) -> list[str]:
    """What is wrong with a message's blocks; empty if Slack would take them."""
    check = _Check()
    check.blocks(blocks, "/blocks", MESSAGE_BLOCKS)
    return check.found


def view_problems(view: Any, kinds: tuple[str, ...] = ("modal", "home")) -> list[str]:
    """What is wrong with a view of one of these kinds."""
    check = _Check()
    if not isinstance(view, dict) or view.get("type") not in kinds:
        check.say(f"failed to match all allowed schemas: type must be {' or '.join(kinds)}", "/view/type")
        return check.found
    check.fields(view, VIEWS[view["type"]], "/view")
    check.blocks(view.get("blocks"), "/view/blocks", VIEWS[view["type"]].lists["blocks"])
    if view["type"] == "modal" and "submit" not in view and check.has_input:
        check.say("missing required field: submit (the view has an input block)", "/view")
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        check.say(f"view is larger than {VIEW_BYTES} bytes", "/view")
    return check.found


def suggestion_problems(answer: Any) -> list[str]:
    """What is wrong with the answer to a `block_suggestion`."""
    check = _Check()
    if not isinstance(answer, dict) or ("options" in answer) == ("option_groups" in answer):
        check.say("either options or option_groups is required", "")
    else:
        check.choices(answer, "", most=100, none_allowed=True)
    return check.found


class _Check:
    """One walk over blocks; ``found`` collects what Slack would say."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.has_input = False
        self._block_ids: set[str] = set()
        self._focused = False

    def say(self, problem: str, at: str) -> None:
        self.found.append(f"[ERROR] {problem} [json-pointer:{at}]")

    def blocks(self, blocks: Any, at: str, most: int) -> None:
        if not isinstance(blocks, list):
            self.say("must be an array", at)
            return
        if len(blocks) > most:
            self.say(f"no more than {most} items allowed", at)
        for index, block in enumerate(blocks):
            self._block(block, f"{at}/{index}")

    def fields(self, thing: Json, shape: Shape, at: str) -> None:
        """Required and unknown fields, and the length of every text, string and list."""
        for name in sorted(shape.must - thing.keys()):
            self.say(f"missing required field: {name}", at)
        for name in sorted(thing.keys() - shape.known):
            self.say(f"invalid additional property: {name}", at)
        for name, text in shape.texts.items():
            if name in thing:
                self._text(thing[name], text, f"{at}/{name}")
        for name, most in shape.strings.items():
            if name in thing:
                self._string(thing[name], most, f"{at}/{name}")
        for name, most in shape.lists.items():
            items = thing.get(name, [])
            if not isinstance(items, list):
                self.say("must be an array", f"{at}/{name}")
            elif len(items) > most and name != "blocks":
                self.say(f"no more than {most} items allowed", f"{at}/{name}")

    def choices(self, thing: Json, at: str, most: int, *, none_allowed: bool = False) -> None:
        """The options of a menu, flat or in groups."""
        if "option_groups" in thing:
            for index, group in enumerate(_items(thing["option_groups"])):
                self._group(group, f"{at}/option_groups/{index}")
            return
        options = _items(thing.get("options"))
        if not options and not none_allowed:
            self.say("must have at least one option", f"{at}/options")
        if len(options) > most and not any(f"{at}/options]" in said for said in self.found):
            self.say(f"no more than {most} items allowed", f"{at}/options")
        for index, option in enumerate(options):
            self._object(option, OPTION, f"{at}/options/{index}")

    def _group(self, group: Any, at: str) -> None:
        if self._object(group, OPTION_GROUP, at):
            for index, option in enumerate(_items(group.get("options"))):
                self._object(option, OPTION, f"{at}/options/{index}")

    def _object(self, thing: Any, shape: Shape, at: str) -> bool:
        if not isinstance(thing, dict):
            self.say("must be an object", at)
            return False
        self.fields(thing, shape, at)
        return True

    def _string(self, value: Any, most: int, at: str) -> None:
        if not isinstance(value, str):
            self.say("must be a string", at)
        elif len(value) > most:
            self.say(f"must be less than {most + 1} characters", at)

    def _text(self, thing: Any, text: Text, at: str) -> None:
        if not isinstance(thing, dict) or thing.get("type") not in text.kinds:
            self.say(f"must be a text object of type {' or '.join(text.kinds)}", at)
            return
        flag = "emoji" if thing["type"] == "plain_text" else "verbatim"
        for name in sorted(thing.keys() - {"type", "text", flag}):
            self.say(f"invalid additional property: {name}", at)
        value = thing.get("text")
        self._string(value, text.most, f"{at}/text")
        if not value:
            self.say("must be more than 0 characters", f"{at}/text")

    def _block(self, block: Any, at: str) -> None:
        if not isinstance(block, dict) or block.get("type") not in BLOCKS:
            self.say("unsupported block type", at)
            return
        self.fields(block, BLOCKS[block["type"]], at)
        block_id = block.get("block_id")
        if block_id and block_id in self._block_ids:
            self.say(f"duplicate block_id: {block_id}", f"{at}/block_id")
        self._block_ids.add(block_id or "")
        match block["type"]:
            case "section":
                self._section(block, at)
            case "actions":
                self._elements(block, "actions", at)
            case "context":
                self._context(block, at)
            case "input":
                self.has_input = True
                self._element(block.get("element"), "input", f"{at}/element")

    def _section(self, block: Json, at: str) -> None:
        fields = _items(block.get("fields"))
        if not block.get("text") and not fields:
            self.say("missing required field: text or fields", at)
        for index, thing in enumerate(fields):
            self._text(thing, Text(2000, ANY_TEXT), f"{at}/fields/{index}")
        if "accessory" in block:
            self._element(block["accessory"], "accessory", f"{at}/accessory")

    def _context(self, block: Json, at: str) -> None:
        elements = _items(block.get("elements"))
        if not elements:
            self.say("must have at least one element", f"{at}/elements")
        for index, thing in enumerate(elements):
            here = f"{at}/elements/{index}"
            if isinstance(thing, dict) and thing.get("type") in ANY_TEXT:
                self._text(thing, Text(3000, ANY_TEXT), here)
            else:
                self._element(thing, "context", here)

    def _elements(self, block: Json, place: str, at: str) -> None:
        elements = _items(block.get("elements"))
        if not elements:
            self.say("must have at least one element", f"{at}/elements")
        seen: set[str] = set()
        for index, thing in enumerate(elements):
            here = f"{at}/elements/{index}"
            self._element(thing, place, here)
            action = thing.get("action_id") if isinstance(thing, dict) else None
            if action and action in seen:
                self.say(f"duplicate action_id: {action}", f"{here}/action_id")
            seen.add(action or "")

    def _element(self, thing: Any, place: str, at: str) -> None:
        if not isinstance(thing, dict) or thing.get("type") not in PLACES[place]:
            self.say(f"unsupported element type in {place}", at)
            return
        kind = thing["type"]
        self.fields(thing, ELEMENTS[kind], at)
        if "confirm" in thing:
            self._object(thing["confirm"], CONFIRM, f"{at}/confirm")
        if thing.get("style") not in (None, "primary", "danger"):
            self.say("style must be primary or danger", f"{at}/style")
        if thing.get("focus_on_load") and self._focused:
            self.say("only one element can have focus_on_load", f"{at}/focus_on_load")
        self._focused = self._focused or bool(thing.get("focus_on_load"))
        if "options" in ELEMENTS[kind].lists:
            self.choices(thing, at, ELEMENTS[kind].lists["options"])
        self._initial(thing, at)

    def _initial(self, thing: Json, at: str) -> None:
        """What is chosen at first must be among what can be chosen."""
        chosen = [thing["initial_option"]] if "initial_option" in thing else thing.get("initial_options", [])
        for option in _items(chosen):
            self._object(option, OPTION, f"{at}/initial_option")
        if thing["type"] in ("static_select", "multi_static_select", "radio_buttons", "checkboxes"):
            groups = _items(thing.get("option_groups")) or [thing]
            offered = [option for group in groups for option in _items(group.get("options"))]
            if any(option not in offered for option in chosen):
                self.say("initial option must be one of the options", f"{at}/initial_option")
        least, most = thing.get("min_length", 0), thing.get("max_length", 3000)
        if not 0 <= least <= most <= 3000 or most == 0:
            self.say("min_length and max_length must be in order and at most 3000", f"{at}/max_length")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
