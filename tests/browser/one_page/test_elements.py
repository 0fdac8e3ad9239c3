"""Every kind of block is drawn, and every kind of element does what it does in Slack: the app gets the same."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from playground import payloads
from playground.chat import post_ephemeral
from playground.fields import holds_value, value_of
from playground.sample import ALICE, BOB, CAROL, REQUESTS
from playground.shapes import BLOCKS, ELEMENTS, PLACES
from playground.web_api import Arguments
from tests.browser.kit import DOT, SURE, actions, button, field, modal, option, options, plain, post, section

MENU = {"options": options("One", "Two", "Three")}


@dataclass(frozen=True)
class Case:
    """An element, what somebody does with it, and what it then holds."""

    act: Callable[[Any, Any], None]
    value: Any
    more: dict


def picks(*names):
    """Out of a menu, by the pointer; a menu of several is closed by the keyboard."""

    def act(page, at):
        menu = at.get_by_role("combobox")
        menu.click()
        for name in names:
            page.get_by_role("option", name=name).click()
        if menu.get_attribute("aria-expanded") == "true":
            page.keyboard.press("Escape")

    return act


def ticks(*names):
    def act(_page, at):
        for name in names:
            at.get_by_label(name).check()

    return act


def types(text):
    def act(_page, at):
        at.locator(".typed").fill(text)
        at.locator(".typed").blur()

    return act


def sets(text):
    return lambda _page, at: at.locator(".picker").fill(text)


def opens(name):
    def act(page, at):
        at.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name=name).click()

    return act


CASES = {
    "button": Case(lambda _page, at: at.get_by_role("button", name="Go").click(), None, {"text": plain("Go")}),
    "static_select": Case(picks("Two"), option("Two"), MENU),
    "multi_static_select": Case(picks("One", "Three"), options("One", "Three"), MENU),
    "external_select": Case(picks("Two"), option("Two"), {"min_query_length": 0}),
    "multi_external_select": Case(picks("One", "Three"), options("One", "Three"), {"min_query_length": 0}),
    "users_select": Case(picks("Bob"), BOB, {}),
    "multi_users_select": Case(picks("Carol", "Bob"), [CAROL, BOB], {}),
    "conversations_select": Case(picks("access-requests"), REQUESTS, {}),
    "channels_select": Case(picks("access-requests"), REQUESTS, {}),
    "overflow": Case(opens("Two"), option("Two"), MENU),
    "radio_buttons": Case(ticks("Two"), option("Two"), MENU),
    "checkboxes": Case(ticks("One", "Three"), options("One", "Three"), MENU),
    "plain_text_input": Case(types("db down"), "db down", {}),
    "number_input": Case(types("42"), "42", {"is_decimal_allowed": False}),
    "email_text_input": Case(types("a@b.example"), "a@b.example", {}),
    "url_text_input": Case(types("https://a.example/x"), "https://a.example/x", {}),
    "datepicker": Case(sets("2026-11-21"), "2026-11-21", {}),
    "timepicker": Case(sets("14:05"), "14:05", {}),
    "datetimepicker": Case(sets("2026-11-21T14:05"), 1795266300, {}),  # 13:05 UTC: Alice lives in Berlin
    "image": Case(lambda _page, _at: None, None, {"image_url": DOT, "alt_text": "a dot"}),
}
SHOWN = {
    "section": (section("A *section*"), "strong"),
    "header": ({"type": "header", "text": plain("A header")}, "h3"),
    "divider": ({"type": "divider"}, "hr"),
    "context": ({"type": "context", "elements": [plain("A context")]}, "text=A context"),
    "actions": (actions(button("Go")), "button >> text=Go"),
    "input": (field("A label", {"type": "plain_text_input", "action_id": "typed"}), "label >> text=A label"),
    "image": ({"type": "image", "image_url": DOT, "alt_text": "a dot"}, "img[alt='a dot']"),
    "rich_text": (
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "Rich"}]}],
        },
        "text=Rich",
    ),
}
"""Each kind of block, and what is seen of it."""
ACTING = [kind for kind in CASES if kind != "image"]


def element(kind):
    return {"type": kind, **({"action_id": f"do-{kind}"} if kind != "image" else {}), **CASES[kind].more}


def entry(kind):
    """What stands in the payload beside the element itself."""
    if kind in ("button", "image"):
        return {}
    if kind == "overflow":
        return {"selected_option": CASES[kind].value}
    return value_of(element(kind), CASES[kind].value)


def standing(kind):
    """A block of a message with the element in it."""
    if kind in PLACES["actions"]:
        return actions(element(kind), block_id=kind)
    return section("Beside", accessory=element(kind), block_id=kind)


def without_time(action):
    return {key: value for key, value in action.items() if key != "action_ts"}


def expected(kind, block):
    return without_time(payloads.action(block, element(kind), "") | entry(kind))


def heard(app):
    return [without_time(payload["actions"][0]) for payload in app.got if payload["type"] == "block_actions"]


@pytest.fixture(autouse=True)
def _offers(app):
    app.says["block_suggestion"] = MENU


def test_every_kind_of_block_and_element_is_drawn(page, slack):
    assert (set(CASES), set(SHOWN)) == (set(ELEMENTS), set(BLOCKS)), "a new kind wants a case here"
    slack.views.open(ALICE, modal(*(block for block, _ in SHOWN.values())))
    for kind, (_, what) in SHOWN.items():
        expect(page.locator(f"dialog .block.{kind}").locator(what)).to_be_visible()
    blocks = page.evaluate("async () => (await import('/page/blocks/blocks.js')).BLOCK_TYPES")
    elements = page.evaluate("async () => (await import('/page/blocks/elements.js')).ELEMENT_TYPES")
    assert (set(blocks), set(elements)) == (set(BLOCKS), set(ELEMENTS))


def test_in_a_message_the_app_hears_what_was_done(page, slack, stage, app):
    kinds = [kind for kind in ACTING if kind in PLACES["accessory"]]
    ts = post(slack, *[standing(kind) for kind in kinds])
    for kind in kinds:
        app.got.clear()
        CASES[kind].act(page, page.locator(f'[data-ts="{ts}"] .block').nth(kinds.index(kind)))
        stage.wait_for(lambda kind=kind: expected(kind, standing(kind)) in heard(app))
        payload = next(payload for payload in app.got if payload["type"] == "block_actions")
        assert (payload["container"]["message_ts"], payload["user"]["id"]) == (ts, ALICE)
        asked = [payload for payload in app.got if payload["type"] == "block_suggestion"]
        assert all(payload["container"]["message_ts"] == ts for payload in asked)


def test_in_a_form_everything_is_sent_with_it(page, slack, stage, app):
    kinds = [kind for kind in ACTING if holds_value(element(kind))]
    slack.views.open(ALICE, modal(*[field(f"F-{kind}", element(kind), block_id=kind) for kind in kinds]))
    for kind in kinds:
        at = page.locator("dialog .block").nth(kinds.index(kind))
        CASES[kind].act(page, at)
    page.get_by_role("button", name="Ask", exact=True).click()
    stage.wait_for(lambda: app.got and app.got[-1]["type"] == "view_submission")
    sent = app.got[-1]["view"]["state"]["values"]
    assert {kind: sent[kind][f"do-{kind}"] for kind in kinds} == {kind: entry(kind) for kind in kinds}
    page.get_by_role("dialog").wait_for(state="detached")


def test_every_control_has_a_name_for_those_who_hear_the_page(page, slack, app):
    ts = post(slack, *[standing(kind) for kind in ACTING if kind in PLACES["accessory"]])
    at = page.locator(f'[data-ts="{ts}"]')
    at.locator(".block").last.wait_for()
    assert nameless(at) == []
    slack.views.open(ALICE, modal(*[field(f"F-{kind}", element(kind)) for kind in ACTING if kind in PLACES["input"]]))
    form = page.get_by_role("dialog")
    form.wait_for()
    assert nameless(form) == []
    expect(form.get_by_role("combobox", name="F-users_select", exact=True)).to_have_count(1)
    expect(form.get_by_role("radiogroup", name="F-radio_buttons").get_by_role("radio")).to_have_count(3)


def nameless(at):
    roles = ("button", "combobox", "textbox", "checkbox", "radio", "radiogroup", "group", "link")
    named = {role: at.get_by_role(role, name=re.compile(r"\w")) for role in roles}
    pickers = at.locator(".picker:not([aria-label], [aria-labelledby])").count()
    return [role for role in roles if named[role].count() < at.get_by_role(role).count()] + ["picker"] * pickers


def test_the_menu_behind_the_dots_goes_by_the_keyboard(page, slack, stage, app):
    ts = post(slack, standing("overflow"))
    dots = page.locator(f'[data-ts="{ts}"]').get_by_role("button", name="More actions")
    dots.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="One")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dots).to_be_focused()
    expect(page.get_by_role("menu")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Three")).to_be_focused()
    page.keyboard.press("Enter")
    stage.wait_for(lambda: heard(app))
    assert heard(app)[0]["selected_option"] == option("Three")


def test_in_the_app_home_the_app_hears_of_the_view(page_of, slack, stage, app):
    blocks = [standing(kind) for kind in ("button", "static_select", "external_select")]
    slack.views.publish(ALICE, {"type": "home", "blocks": blocks})
    page = page_of(ALICE, "home")
    for at, kind in enumerate(("static_select", "external_select", "button")):
        CASES[kind].act(page, page.locator("#home .block").nth((at + 1) % 3))
        stage.wait_for(lambda kind=kind: expected(kind, standing(kind)) in heard(app))
    asked = next(payload for payload in app.got if payload["type"] == "block_suggestion")
    assert asked["view"]["type"] == "home"
    pressed = app.got[-1]
    assert pressed["view"]["id"] == slack.views.home(ALICE)["id"]
    assert pressed["view"]["state"]["values"]["static_select"]["do-static_select"] == entry("static_select")


def test_a_confirmation_stands_before_the_act(page, slack, stage, app):
    menu = {"type": "static_select", "action_id": "m", "confirm": SURE, **MENU}
    ts = post(slack, actions(button("Revoke", confirm=SURE), menu))
    at = page.locator(f'[data-ts="{ts}"]')
    at.get_by_role("button", name="Revoke").click()
    question = page.get_by_role("alertdialog", name="Revoke this access?")
    assert "open sessions are cut" in question.inner_text()
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    question.wait_for(state="detached")
    picks("Two")(page, at)
    question.get_by_role("button", name="Keep it").click()
    question.wait_for(state="detached")
    expect(at.get_by_role("combobox")).to_have_value("")
    assert app.got == []
    at.get_by_role("button", name="Revoke").click()
    question.get_by_role("button", name="Revoke").click()
    stage.wait_for(lambda: heard(app))
    assert heard(app)[0]["value"] == "Revoke!"


def test_a_press_that_fails_says_so_beside_the_button(page, slack, stage, monkeypatch):
    monkeypatch.undo()
    ts = post(slack, actions(button("Approve")))
    at = page.locator(f'[data-ts="{ts}"]')
    at.get_by_role("button", name="Approve").click()
    at.get_by_role("alert").get_by_text("This app is not connected.").wait_for()
    expect(at.get_by_role("button", name="Approve")).not_to_have_attribute("aria-busy", "true")


def test_a_button_is_busy_while_the_app_thinks_and_is_not_pressed_twice(page, slack, stage, app):
    ts = post(slack, actions(button("Approve")))
    press = page.locator(f'[data-ts="{ts}"]').get_by_role("button", name="Approve")
    thinking = {"on": True}
    app.says["block_actions"] = lambda _payload: stage.wait_for(lambda: not thinking["on"]) and {}
    press.dblclick()
    page.locator('[aria-busy="true"]').wait_for()
    thinking["on"] = False
    page.locator('[aria-busy="true"]').wait_for(state="detached")
    assert len(heard(app)) == 1


def test_a_button_with_an_address_is_a_link_and_tells_the_app(page, slack, stage, app):
    ts = post(slack, actions(button("Open", url="https://a.example/x"), button("Trap", url="javascript:alert(1)")))
    at = page.locator(f'[data-ts="{ts}"]')
    link = at.get_by_role("link", name="Open")
    assert (link.get_attribute("href"), link.get_attribute("rel")) == ("https://a.example/x", "noopener noreferrer")
    assert at.get_by_role("link").count() == 1
    page.context.route("https://a.example/**", lambda route: route.abort())
    link.click()
    stage.wait_for(lambda: heard(app))
    assert heard(app)[0]["action_id"] == "open"


def test_an_answer_only_for_one_person_acts_as_such(page, slack, stage, app):
    blocks = [actions(button("Dismiss"))]
    post_ephemeral(slack, Arguments({"channel": REQUESTS, "user": ALICE, "text": "x", "blocks": blocks}))
    page.get_by_role("button", name="Dismiss").click()
    stage.wait_for(lambda: heard(app))
    assert app.got[0]["container"]["is_ephemeral"] is True
