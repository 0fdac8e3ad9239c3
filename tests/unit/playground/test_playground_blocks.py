"""Slack's limits on blocks and views: just within is taken, just over is refused with the place."""

import copy

import pytest

from playground.blocks import message_problems, suggestion_problems, view_problems


def plain(text="x"):
    return {"type": "plain_text", "text": text}


def button(**more):
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def option(text="x", value="v"):
    return {"text": plain(text), "value": value}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def section(text="x", **more):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def menu(*options, **more):
    return {"type": "static_select", "action_id": "m", "placeholder": plain(), "options": list(options), **more}


def field(element, **more):
    return {"type": "input", "label": plain(), "element": element, **more}


def confirm(**more):
    whole = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}
    return button(confirm={**whole, **more})


TYPED = {"type": "plain_text_input", "action_id": "t"}
AT_THE_LIMIT = [
    (section("x" * 3000), section("x" * 3001), "/0/text/text"),
    (section(fields=[plain("x" * 2000)] * 10), section(fields=[plain("x" * 2001)]), "/0/fields/0/text"),
    (section(fields=[plain()] * 10), section(fields=[plain()] * 11), "/0/fields"),
    (section(block_id="b" * 255), section(block_id="b" * 256), "/0/block_id"),
    (
        {"type": "header", "text": plain("x" * 150)},
        {"type": "header", "text": plain("x" * 151)},
        "/0/text/text",
    ),
    (
        {"type": "context", "elements": [plain()] * 10},
        {"type": "context", "elements": [plain()] * 11},
        "/0/elements",
    ),
    (
        actions(*[button(action_id=str(n)) for n in range(25)]),
        actions(*[button(action_id=str(n)) for n in range(26)]),
        "/0/elements",
    ),
    (actions(button(text=plain("x" * 75))), actions(button(text=plain("x" * 76))), "/0/elements/0/text/text"),
    (actions(button(value="x" * 2000)), actions(button(value="x" * 2001)), "/0/elements/0/value"),
    (
        actions(button(action_id="x" * 255)),
        actions(button(action_id="x" * 256)),
        "/0/elements/0/action_id",
    ),
    (actions(menu(option("x" * 75))), actions(menu(option("x" * 76))), "/options/0/text/text"),
    (actions(menu(option(value="x" * 150))), actions(menu(option(value="x" * 151))), "/options/0/value"),
    (actions(menu(*[option()] * 100)), actions(menu(*[option()] * 101)), "/0/elements/0/options"),
    (
        actions(confirm(title=plain("x" * 100))),
        actions(confirm(title=plain("x" * 101))),
        "/confirm/title/text",
    ),
    (actions(confirm(text=plain("x" * 300))), actions(confirm(text=plain("x" * 301))), "/confirm/text/text"),
    (actions(confirm(deny=plain("x" * 30))), actions(confirm(deny=plain("x" * 31))), "/confirm/deny/text"),
]
REFUSED = [
    (section(""), "/0/text/text"),
    ({"type": "section"}, "/0"),
    ({"type": "card"}, "/0"),
    ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "/0/text"),
    (section(colour="red"), "/0"),
    (actions(), "/0/elements"),
    (actions(button(), button()), "/0/elements/1/action_id"),
    (actions(button(style="loud")), "/0/elements/0/style"),
    (actions(button(text=plain(""))), "/0/elements/0/text/text"),
    (actions(TYPED), "/0/elements/0"),
    (actions(menu(option(""))), "/0/elements/0/options/0/text/text"),
    (actions(menu()), "/0/elements/0/options"),
    (actions(menu(option(), initial_option=option("y", "w"))), "/0/elements/0/initial_option"),
    (actions(confirm(deny=plain(""))), "/0/elements/0/confirm/deny/text"),
    (field(button()), "/0/element"),
    (field({**TYPED, "min_length": 5, "max_length": 4}), "/0/element/max_length"),
]


@pytest.mark.parametrize(("within", "over", "place"), AT_THE_LIMIT)
def test_a_limit_holds_to_the_character(within, over, place):
    assert message_problems([within]) == []
    (problem,) = message_problems([over])
    assert problem.endswith(f"{place}]")


@pytest.mark.parametrize(("block", "place"), REFUSED)
def test_what_slack_refuses_is_refused_at_its_place(block, place):
    assert f"[json-pointer:/blocks{place}]" in "".join(message_problems([block]))


def test_a_button_may_lack_nothing_of_its_confirmation():
    partial = confirm()
    del partial["confirm"]["deny"]
    assert "missing required field: deny" in message_problems([actions(partial)])[0]


def test_fifty_blocks_fit_a_message_and_a_hundred_a_view():
    view = {"type": "modal", "title": plain()}
    assert message_problems([section()] * 50) == []
    assert message_problems([section()] * 51) == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]
    assert view_problems(view | {"blocks": [section()] * 100}) == []
    assert view_problems(view | {"blocks": [section()] * 101})


def test_a_block_id_stands_once():
    twice = [section(block_id="same"), section(block_id="same")]
    assert "duplicate block_id: same" in message_problems(twice)[0]
    assert message_problems([section(block_id="one"), section(block_id="two")]) == []


def test_the_same_action_may_stand_in_two_blocks():
    assert message_problems([actions(button()), actions(button())]) == []


@pytest.mark.parametrize(
    ("part", "within", "over"),
    [
        ("title", plain("x" * 24), plain("x" * 25)),
        ("submit", plain("x" * 24), plain("x" * 25)),
        ("close", plain("x" * 24), plain("x" * 25)),
        ("private_metadata", "x" * 3000, "x" * 3001),
        ("callback_id", "x" * 255, "x" * 256),
    ],
)
def test_the_parts_of_a_form_have_limits(part, within, over):
    view = {"type": "modal", "title": plain(), "blocks": [section()]}
    assert view_problems(view | {part: within}) == []
    (problem,) = view_problems(view | {part: over})
    assert f"[json-pointer:/view/{part}" in problem


def test_a_form_with_an_input_needs_a_submit_button():
    view = {"type": "modal", "title": plain(), "blocks": [field(TYPED)]}
    assert "missing required field: submit" in view_problems(view)[0]
    assert view_problems(view | {"submit": plain()}) == []


def test_a_home_has_no_title():
    assert view_problems({"type": "home", "blocks": [section()]}) == []
    assert view_problems({"type": "home", "title": plain(), "blocks": []})


def test_only_one_field_takes_the_focus():
    first, second = copy.deepcopy(TYPED), copy.deepcopy(TYPED)
    first["focus_on_load"] = second["focus_on_load"] = True
    assert "focus_on_load" in message_problems([field(first), field(second)])[0]


@pytest.mark.parametrize(
    ("answer", "fine"),
    [
        ({"options": []}, True),
        ({"options": [option()] * 100}, True),
        ({"options": [option()] * 101}, False),
        ({"options": [option("")]}, False),
        ({"option_groups": [{"label": plain(), "options": [option()]}]}, True),
        ({}, False),
        ({"options": [], "option_groups": []}, False),
    ],
)
def test_the_answer_of_a_searching_menu_is_checked(answer, fine):
    assert (suggestion_problems(answer) == []) is fine


@pytest.mark.parametrize("nonsense", [None, "x", {}, [None], [[]], [{"type": "actions", "elements": [None]}]])
def test_nonsense_is_refused_and_not_stumbled_over(nonsense):
    assert message_problems(nonsense)
