"""Which fields Block Kit's blocks, elements and objects may and must have, and how long their texts may be."""

from dataclasses import dataclass, field

ANY_TEXT = ("plain_text", "mrkdwn")
PLAIN = ("plain_text",)


@dataclass(frozen=True, slots=True)
class Text:
    """A text object: which kinds may stand there and how many characters it may have."""

    most: int
    kinds: tuple[str, ...] = PLAIN


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of block, element or object.

    ``texts`` are text objects, ``strings`` plain strings with their greatest length, ``lists`` arrays with
    their greatest count, ``other`` fields looked at elsewhere or not at all.
    """

    must: frozenset[str] = frozenset()
    texts: dict[str, Text] = field(default_factory=dict)
    strings: dict[str, int] = field(default_factory=dict)
    lists: dict[str, int] = field(default_factory=dict)
    other: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        return self.must | self.texts.keys() | self.strings.keys() | self.lists.keys() | self.other


def _block(
    must: str = "",
    other: str = "",
    *,
    texts: dict[str, Text] | None = None,
    strings: dict[str, int] | None = None,
    lists: dict[str, int] | None = None,
) -> Shape:
    return Shape(
        must=frozenset(must.split()),
        texts=texts or {},
        strings={"block_id": 255} | (strings or {}),
        lists=lists or {},
        other=frozenset({"type", *other.split()}),
    )


def _element(
    must: str = "",
    other: str = "",
    *,
    texts: dict[str, Text] | None = None,
    strings: dict[str, int] | None = None,
    lists: dict[str, int] | None = None,
) -> Shape:
    return Shape(
        must=frozenset(must.split()),
        texts=texts or {},
        strings={"action_id": 255} | (strings or {}),
        lists=lists or {},
        other=frozenset({"type", "confirm", "focus_on_load", *other.split()}),
    )


_HINT = {"placeholder": Text(150)}
_IMAGE_STRINGS = {"image_url": 3000, "alt_text": 2000}

BLOCKS = {
    "section": _block(other="accessory expand", texts={"text": Text(3000, ANY_TEXT)}, lists={"fields": 10}),
    "header": _block("text", texts={"text": Text(150)}),
    "divider": _block(),
    "context": _block("elements", lists={"elements": 10}),
    "actions": _block("elements", lists={"elements": 25}),
    "input": _block(
        "label element",
        "optional dispatch_action",
        texts={"label": Text(2000), "hint": Text(2000)},
    ),
    "image": _block("alt_text", "slack_file", texts={"title": Text(2000)}, strings=_IMAGE_STRINGS),
    "rich_text": _block("elements"),
}

ELEMENTS = {
    "button": _element(
        "text",
        "style",
        texts={"text": Text(75)},
        strings={"value": 2000, "url": 3000, "accessibility_label": 75},
    ),
    "static_select": _element(other="initial_option", texts=_HINT, lists={"options": 100, "option_groups": 100}),
    "multi_static_select": _element(
        other="initial_options max_selected_items",
        texts=_HINT,
        lists={"options": 100, "option_groups": 100},
    ),
    "external_select": _element(other="initial_option min_query_length", texts=_HINT),
    "multi_external_select": _element(other="initial_options min_query_length max_selected_items", texts=_HINT),
    "users_select": _element(other="initial_user", texts=_HINT),
    "multi_users_select": _element(other="initial_users max_selected_items", texts=_HINT),
    "conversations_select": _element(
        other="initial_conversation default_to_current_conversation response_url_enabled filter", texts=_HINT
    ),
    "channels_select": _element(other="initial_channel response_url_enabled", texts=_HINT),
    "overflow": _element("options", lists={"options": 5}),
    "radio_buttons": _element("options", "initial_option", lists={"options": 10}),
    "checkboxes": _element("options", "initial_options", lists={"options": 10}),
    "plain_text_input": _element(
        other="multiline min_length max_length dispatch_action_config",
        texts=_HINT,
        strings={"initial_value": 3000},
    ),
    "number_input": _element(
        "is_decimal_allowed", "initial_value min_value max_value dispatch_action_config", texts=_HINT
    ),
    "email_text_input": _element(other="initial_value dispatch_action_config", texts=_HINT),
    "url_text_input": _element(other="initial_value dispatch_action_config", texts=_HINT),
    "datepicker": _element(other="initial_date", texts=_HINT),
    "timepicker": _element(other="initial_time timezone", texts=_HINT),
    "datetimepicker": _element(other="initial_date_time"),
    "image": Shape(must=frozenset({"alt_text"}), strings=_IMAGE_STRINGS, other=frozenset({"type", "slack_file"})),
}

_TEXT_INPUTS = {"plain_text_input", "number_input", "email_text_input", "url_text_input"}
_NOT_IN_ACTIONS = {name for name in ELEMENTS if name.startswith("multi_")} | _TEXT_INPUTS | {"image"}

PLACES = {
    "accessory": ELEMENTS.keys() - _TEXT_INPUTS,
    "actions": ELEMENTS.keys() - _NOT_IN_ACTIONS,
    "input": ELEMENTS.keys() - {"button", "overflow", "image"},
    "context": {"image"},
}

OPTION = Shape(
    must=frozenset({"text", "value"}),
    texts={"text": Text(75, ANY_TEXT), "description": Text(75, ANY_TEXT)},
    strings={"value": 150, "url": 3000},
)
OPTION_GROUP = Shape(must=frozenset({"label", "options"}), texts={"label": Text(75)}, lists={"options": 100})
CONFIRM = Shape(
    must=frozenset({"title", "text", "confirm", "deny"}),
    texts={
        "title": Text(100),
        "text": Text(300, ANY_TEXT),
        "confirm": Text(30),
        "deny": Text(30),
    },
    other=frozenset({"style"}),
)

_VIEW_STRINGS = {"callback_id": 255, "external_id": 255, "private_metadata": 3000}

VIEWS = {
    "modal": Shape(
        must=frozenset({"title", "blocks"}),
        texts={"title": Text(24), "submit": Text(24), "close": Text(24)},
        strings=_VIEW_STRINGS,
        lists={"blocks": 100},
        other=frozenset({"type", "clear_on_close", "notify_on_close", "submit_disabled"}),
    ),
    "home": Shape(
        must=frozenset({"blocks"}),
        strings=_VIEW_STRINGS,
        lists={"blocks": 100},
        other=frozenset({"type"}),
    ),
}
MESSAGE_BLOCKS = 50
VIEW_BYTES = 250_000
