"""Menus that search, in a form."""

from playwright.sync_api import expect

from playground.sample import ALICE
from tests.browser.kit import ACCESS, FORM, FOUND, field, modal, option, options, plain


def test_a_menu_goes_by_arrows_and_escape_leaves_it_but_not_the_form(page, form, stage, entered):
    menu = form.get_by_role("combobox", name="Access")
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="orders-db/read").wait_for()

    def at_option():
        return page.locator(f"[id='{menu.get_attribute('aria-activedescendant')}']").inner_text().splitlines()[0]

    assert at_option() == "orders-db/read"
    page.keyboard.press("ArrowUp")
    assert at_option() == "pay-db/read"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert at_option() == "orders-db/admin"
    page.keyboard.press("Escape")
    assert (menu.get_attribute("aria-expanded"), menu.input_value()) == ("false", "")
    assert form.is_visible()
    page.keyboard.type("adm")
    expect(page.get_by_role("option")).to_have_text(["orders-db/admin"])
    page.keyboard.press("Enter")
    stage.wait_for(lambda: entered("access", "access") == option("orders-db/admin"))
    assert menu.input_value() == "orders-db/admin"
    menu.press_sequentially("zzz")
    page.get_by_text("Nothing found.").wait_for()
    page.keyboard.press("Escape")
    assert menu.input_value() == "orders-db/admin"


def test_a_menu_that_waits_for_letters_says_so(page, slack, app):
    app.says["block_suggestion"] = FOUND
    patient = {key: value for key, value in ACCESS.items() if key != "min_query_length"}
    slack.views.open(ALICE, modal(field("Access", patient)))
    page.get_by_role("combobox", name="Access").click()
    page.get_by_text("Type 3 letters to search.").wait_for()
    assert app.got == []
    page.keyboard.type("ord")
    page.get_by_role("option", name="orders-db/read").wait_for()


def test_a_menu_says_when_the_app_does_not_answer(page, slack, app):
    app.says["block_suggestion"] = {}
    slack.views.open(ALICE, FORM)
    page.get_by_role("combobox", name="Access").click()
    page.get_by_text("That did not work (invalid_options).").wait_for()


def test_the_last_query_wins_whatever_is_answered_first(page, form, stage, app):
    held = {"first": True}

    def found(payload):
        if payload["value"] == "o":
            stage.wait_for(lambda: not held["first"])
            return {"options": options("stale")}
        return FOUND

    app.says["block_suggestion"] = found
    menu = form.get_by_role("combobox", name="Access")
    menu.fill("o")
    stage.wait_for(lambda: any(payload.get("value") == "o" for payload in app.got))
    menu.fill("or")
    page.get_by_role("option", name="orders-db/admin").wait_for()
    with page.expect_response(lambda answer: "stale" in answer.text()):
        held["first"] = False
    assert page.get_by_role("option", name="stale").count() == 0
    assert page.get_by_role("option", name="orders-db/admin").is_visible()


def test_several_are_chosen_and_taken_away(page, slack, stage, app, entered):
    menu = {
        "type": "multi_static_select",
        "action_id": "m",
        "max_selected_items": 2,
        "option_groups": [
            {"label": plain("Fruit"), "options": options("Apple", "Pear")},
            {"label": plain("Nuts"), "options": options("Hazel")},
        ],
        "initial_options": options("Pear"),
    }
    slack.views.open(ALICE, modal(field("Menu", menu)))
    box = page.get_by_role("combobox", name="Menu")
    box.click()
    assert page.get_by_role("group", name="Fruit").get_by_role("option").all_inner_texts() == ["Apple", "Pear"]
    page.get_by_role("option", name="Apple").click()
    page.get_by_text("At most 2.").wait_for()
    page.get_by_role("option", name="Hazel").click(force=True)
    page.keyboard.press("Tab")
    stage.wait_for(lambda: entered("menu", "m") == options("Pear", "Apple"))
    page.get_by_role("button", name="Remove Pear").click()
    stage.wait_for(lambda: entered("menu", "m") == options("Apple"))
    page.keyboard.press("Backspace")
    stage.wait_for(lambda: entered("menu", "m") == [])


def test_an_optional_choice_can_be_taken_back(page, slack, stage, entered):
    menu = {
        "type": "static_select",
        "action_id": "m",
        "options": options("One", "Two"),
        "initial_option": option("Two"),
    }
    slack.views.open(ALICE, modal(field("Menu", menu, optional=True)))
    page.get_by_role("button", name="Clear").click()
    stage.wait_for(lambda: entered("menu", "m") is None)
    assert page.get_by_role("combobox", name="Menu").input_value() == ""
