"""Forms as a person fills them in, in the browser: by pointer and by keyboard alone."""

from playwright.sync_api import expect

from playground.sample import ALICE, REQUESTS
from tests.browser.kit import ACCESS, FORM, SURE, actions, button, field, modal, option, plain, section, typed


def has_focus(page, action):
    expect(page.locator(f"[data-action={action}]")).to_be_focused()


def of_type(app, kind):
    return [payload for payload in app.got if payload["type"] == kind]


def test_a_form_is_filled_in_by_the_keyboard_alone(page, form, stage, app):
    has_focus(page, "access")
    page.keyboard.type("pay")
    page.get_by_role("option", name="pay-db/read").wait_for()
    page.get_by_role("option", name="orders-db/read").wait_for(state="detached")
    page.keyboard.press("Enter")
    stage.wait_for(lambda: of_type(app, "block_actions"))
    page.keyboard.press("Tab")
    has_focus(page, "duration")
    page.keyboard.type("30m")
    page.keyboard.press("Tab")
    page.keyboard.type("stuck\norders")
    page.keyboard.press("Tab")
    page.keyboard.type("INC-42")
    page.keyboard.press("Enter")
    stage.wait_for(lambda: of_type(app, "view_submission"))
    sent = of_type(app, "view_submission")[0]["view"]["state"]["values"]
    assert sent["access"]["access"]["selected_option"] == option("pay-db/read")
    assert sent["duration"]["duration"]["value"] == "30m"
    assert sent["reason"]["reason"]["value"] == "stuck\norders"
    assert sent["incident"]["incident"]["value"] == "INC-42"
    form.wait_for(state="detached")


def test_what_is_typed_is_sent_although_nobody_left_the_field(page, form, stage, app):
    form.get_by_role("combobox").click()
    page.get_by_role("option", name="orders-db/admin").click()
    form.get_by_label("Duration").fill("1h")
    form.get_by_label("Reason").fill("stuck")
    page.keyboard.press("Control+Enter")
    stage.wait_for(lambda: of_type(app, "view_submission"))
    sent = of_type(app, "view_submission")[0]["view"]["state"]["values"]
    assert (sent["duration"]["duration"]["value"], sent["reason"]["reason"]["value"]) == ("1h", "stuck")
    form.wait_for(state="detached")


def test_errors_stand_at_their_fields_and_the_first_has_the_focus(page, form, app, stage):
    form.get_by_label("Duration").fill("ages")
    form.get_by_role("button", name="Ask", exact=True).click()
    access = form.get_by_role("combobox", name="Access")
    expect(access).to_have_attribute("aria-invalid", "true")
    described = access.get_attribute("aria-describedby").split()
    assert page.locator(f"[id='{described[0]}']").inner_text() == "Please complete this required field."
    has_focus(page, "access")
    assert app.got == []

    access.click()
    page.get_by_role("option", name="orders-db/read").click()
    form.get_by_label("Reason").fill("stuck")
    app.says["view_submission"] = {"response_action": "errors", "errors": {"duration": "At most 8 h."}}
    form.get_by_role("button", name="Ask", exact=True).click()
    form.get_by_text("At most 8 h.").wait_for()
    expect(form.get_by_label("Duration")).to_be_focused()
    assert form.get_by_label("Duration").input_value() == "ages"
    expect(access).not_to_have_attribute("aria-invalid", "true")
    app.says["view_submission"] = {}
    form.get_by_label("Duration").fill("1h")
    page.keyboard.press("Enter")
    form.wait_for(state="detached")


def test_an_update_while_somebody_types_keeps_text_and_caret(page, form, slack):
    reason = form.get_by_label("Reason")
    reason.click()
    page.keyboard.type("stuck orders")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    hinted = field("Reason", typed("reason", multiline=True), hint=plain("The approvers read this."))
    view = FORM | {"blocks": [section("A note", block_id="note"), *FORM["blocks"][:2], hinted, FORM["blocks"][3]]}
    slack.views.update(slack.views.top(ALICE)["id"], view)
    form.get_by_text("The approvers read this.").wait_for()
    form.get_by_text("A note").wait_for()
    has_focus(page, "reason")
    page.keyboard.type("many ")
    assert reason.input_value() == "stuck many orders"


def test_a_form_that_closes_while_something_typed_is_on_its_way_is_no_fault_of_the_browser(page, form, slack, tabs):
    def too_late(route):
        with slack.world.changed:
            slack.views.clear(ALICE)
            slack.world.notify()
        route.continue_()

    page.context.route("**/control/choose", too_late, times=1)
    with page.expect_response("**/control/choose") as answered:
        form.get_by_label("Duration").fill("2h")
        form.get_by_label("Duration").blur()
    assert "no_form" in answered.value.text()
    form.wait_for(state="detached")
    assert tabs.complaints == []


def test_what_is_entered_in_another_window_is_seen_here(page, page_of, form, stage, entered):
    other = page_of(ALICE, REQUESTS).get_by_role("dialog")
    other.get_by_label("Duration").fill("2h")
    other.get_by_label("Duration").blur()
    stage.wait_for(lambda: entered("duration", "duration") == "2h")
    expect(form.get_by_label("Duration")).to_have_value("2h")


def test_the_app_changes_the_form_by_what_is_chosen(page, form, slack, app):
    def chosen(payload):
        named = payload["actions"][0]["selected_option"]
        access = field("Access", ACCESS | {"initial_option": named}, dispatch_action=True)
        hint = field("Duration", typed("duration"), hint=plain("At most 8 h · decided by 1 of dba"))
        slack.views.update(payload["view"]["id"], FORM | {"blocks": [access, hint, *FORM["blocks"][2:]]})
        return {}

    app.says["block_actions"] = chosen
    form.get_by_label("Reason").fill("stuck")
    form.get_by_role("combobox", name="Access").click()
    page.get_by_role("option", name="orders-db/read").click()
    form.get_by_text("At most 8 h · decided by 1 of dba").wait_for()
    expect(form.get_by_role("combobox", name="Access")).to_have_value("orders-db/read")
    assert form.get_by_label("Reason").input_value() == "stuck"


def test_the_app_hears_of_typing_where_it_asked_to(page, slack, stage, app):
    eager = typed("eager", dispatch_action_config={"trigger_actions_on": ["on_character_entered"]})
    slack.views.open(
        ALICE, modal(field("Eager", eager, dispatch_action=True), field("Enter", typed("enter"), dispatch_action=True))
    )
    page.get_by_label("Eager").press_sequentially("abc")
    stage.wait_for(lambda: "abc" in [payload["actions"][0].get("value") for payload in app.got])
    app.got.clear()
    page.get_by_label("Enter").fill("x")
    page.get_by_label("Eager").focus()
    page.get_by_label("Enter").fill("xyz")
    page.keyboard.press("Enter")
    stage.wait_for(lambda: app.got)
    assert [payload["actions"][0]["value"] for payload in app.got] == ["xyz"]
    assert page.get_by_role("dialog").is_visible()


def test_a_form_is_closed(page, slack, stage, app):
    ways = {
        "Escape": lambda _form: page.keyboard.press("Escape"),
        "Cancel": lambda form: form.get_by_role("button", name="Cancel").click(),
        "Close": lambda form: form.get_by_role("button", name="Close").click(),
        "the browser by itself": lambda form: form.evaluate("dialog => dialog.close()"),
    }
    form = page.get_by_role("dialog")
    for closes in ways.values():
        slack.views.open(ALICE, FORM)
        form.wait_for()
        closes(form)
        form.wait_for(state="detached")
        stage.wait_for(lambda: slack.views.top(ALICE) is None)


def test_three_forms_above_each_other(page, slack, form):
    def on_top(name):
        dialog = page.get_by_role("dialog", name=name)
        dialog.wait_for()
        expect(page.get_by_role("dialog")).to_have_count(1)
        return dialog

    for name in ("Two", "Three"):
        slack.views.push(ALICE, modal(section(name), title=name, notify_on_close=True))
    on_top("Three")
    page.keyboard.press("Escape")
    on_top("Two").get_by_role("button", name="Back").click()
    assert on_top("Ask for access").get_by_role("button", name="Back").count() == 0
    for name in ("Two", "Three"):
        slack.views.push(ALICE, modal(section(name), title=name))
    on_top("Three")
    page.keyboard.press("Escape")
    on_top("Two").get_by_role("button", name="Close").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert slack.views.top(ALICE) is None


def test_what_did_not_arrive_goes_with_the_form(page, slack, stage, app, tabs):
    page.context.route("**/control/choose", lambda route: route.abort(), times=1)
    slack.views.open(ALICE, modal(*FORM["blocks"][1:3]))
    form = page.get_by_role("dialog")
    form.get_by_label("Duration").fill("1h")
    form.get_by_label("Reason").fill("stuck")
    form.get_by_text("The playground does not answer.").wait_for()
    form.get_by_role("button", name="Ask", exact=True).click()
    stage.wait_for(lambda: of_type(app, "view_submission"))
    sent = of_type(app, "view_submission")[0]["view"]["state"]["values"]
    assert (sent["duration"]["duration"]["value"], sent["reason"]["reason"]["value"]) == ("1h", "stuck")
    assert "ERR_FAILED" in tabs.complaints.pop()


def test_what_was_entered_below_is_there_again(page, slack, stage, form, app):
    form.get_by_label("Reason").fill("stuck")
    form.get_by_label("Duration").fill("1h")
    form.get_by_label("Duration").blur()
    stage.wait_for(lambda: slack.views.top(ALICE)["state"]["values"]["duration"]["duration"]["value"] == "1h")
    slack.views.push(ALICE, modal(section("Sure?"), title="Two"))
    page.get_by_role("dialog", name="Two").get_by_role("button", name="Back").click()
    expect(form.get_by_label("Reason")).to_have_value("stuck")


def test_the_keyboard_stays_in_the_form_and_comes_back_after(page, slack, form):
    inside = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    for _ in range(10):
        page.keyboard.press("Tab")
        assert page.evaluate(inside), "the body stands for the browser's own controls"
    page.keyboard.press("Escape")
    form.wait_for(state="detached")
    expect(page.locator("#composer textarea")).to_be_focused()


def test_a_form_begins_where_the_app_says_and_has_the_buttons_it_needs(page, slack):
    asked = typed("reason", focus_on_load=True)
    slack.views.open(ALICE, modal(field("Duration", typed("duration")), field("Reason", asked)))
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    has_focus(page, "reason")
    assert dialog.locator("footer").get_by_role("button").all_inner_texts() == ["Cancel", "Ask"]
    slack.views.clear(ALICE)
    dialog.wait_for(state="detached")
    view = {key: value for key, value in modal(section("Done")).items() if key not in ("submit", "close")}
    slack.views.open(ALICE, view)
    dialog.wait_for()
    assert dialog.locator("footer").get_by_role("button").all_inner_texts() == ["Close"]


def test_a_button_in_a_form_sends_the_view_as_it_stands(page, slack, stage, app):
    slack.views.open(ALICE, modal(field("Reason", typed("reason")), actions(button("Check", confirm=SURE))))
    page.get_by_label("Reason").fill("stuck")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    stage.wait_for(lambda: of_type(app, "block_actions"))
    payload = of_type(app, "block_actions")[0]
    assert payload["actions"][0]["action_id"] == "check"
    assert payload["view"]["state"]["values"]["reason"]["reason"]["value"] == "stuck"


def test_a_form_whose_app_is_gone_says_so_and_stays(page, form, stage, app, monkeypatch):
    form.get_by_label("Reason").fill("stuck")
    form.get_by_label("Duration").fill("1h")
    form.get_by_role("combobox").click()
    page.get_by_role("option", name="orders-db/read").click()
    stage.wait_for(lambda: of_type(app, "block_actions"))
    monkeypatch.undo()
    form.get_by_role("button", name="Ask", exact=True).click()
    form.locator("footer").get_by_role("alert").get_by_text("This app is not connected.").wait_for()
    expect(form.get_by_role("button", name="Ask", exact=True)).not_to_have_attribute("aria-busy", "true")
    assert form.get_by_label("Reason").input_value() == "stuck"
