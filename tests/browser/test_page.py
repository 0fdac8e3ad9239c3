"""The page around the messages: who one is, where one is, how one gets there and what it looks like."""

import re

from playwright.sync_api import expect

from playground import running, sample_workspace
from playground.page.reader import Reader
from playground.sample import ALICE, AUDIT, BOB, BOT, REQUESTS
from playground.world import Channel
from tests.browser.kit import actions, button, section
from tests.browser.screen import box, channel, messages, person, post, say, title
from tests.world.web import free_port

LOST = r"WebSocket connection|ERR_CONNECTION_REFUSED"


def test_the_page_opens_where_a_request_begins(page_of):
    page = page_of()
    expect(person(page, "Alice")).to_have_attribute("aria-current", "page")
    expect(title(page)).to_have_text("#access-requests")
    expect(messages(page)).to_contain_text("Type /jit request.")
    expect(box(page)).to_be_focused()


def test_an_address_that_leads_nowhere_comes_to_the_first_channel(page_of, site):
    page = page_of()
    for address in ("U0NOBODY", f"{ALICE}/C0NOWHERE", "%", "/", f"{BOT}/{REQUESTS}"):
        page.goto("about:blank")
        page.goto(f"{site}/#{address}")
        expect(person(page, "Alice")).to_have_attribute("aria-current", "page")
        expect(title(page)).to_have_text("#access-requests")


def test_becoming_somebody_else_stays_in_the_channel(page_of, slack):
    slack.world.whisper(AUDIT, ALICE, {"user": BOT, "text": "for Alice"})
    page = page_of(ALICE, AUDIT)
    expect(messages(page)).to_contain_text("for Alice")
    person(page, "Bob").click()
    expect(person(page, "Bob")).to_have_attribute("aria-current", "page")
    expect(title(page)).to_have_text("#jit-audit")
    expect(messages(page)).not_to_contain_text("for Alice")
    say(page, "here is Bob")
    expect(messages(page).get_by_role("article", name=re.compile("^Bob"))).to_be_visible()
    page.go_back()
    expect(messages(page)).to_contain_text("for Alice")


def test_nobody_takes_their_own_direct_messages_along(page_of, slack):
    slack.world.post(slack.world.direct(ALICE), {"user": BOT, "text": "Granted: orders-db/read"})
    page = page_of(ALICE)
    channel(page, r"jit(?!-)").click()
    expect(messages(page)).to_contain_text("Granted: orders-db/read")
    person(page, "Eve").click()
    expect(person(page, "Eve")).to_have_attribute("aria-current", "page")
    expect(title(page)).to_have_text("#access-requests")
    channel(page, r"jit(?!-)").click()
    expect(messages(page)).to_contain_text("Here jit writes to you alone.")
    expect(messages(page)).not_to_contain_text("Granted")


def test_the_keyboard_alone_is_enough(page_of, slack):
    post(slack, "who has looked?")
    page = page_of(ALICE, REQUESTS)
    expect(messages(page)).to_contain_text("who has looked?")
    expect(box(page)).to_be_focused()
    first = page.locator("a, button, textarea, [tabindex='0']").first
    first.focus()
    expect(page.get_by_role("button", name="Skip to the message box")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("I will")
    page.keyboard.press("Enter")
    expect(messages(page)).to_contain_text("I will")
    for _ in range(6):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "Reply":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    page.keyboard.type("seen")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Thread")).to_contain_text("seen")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Thread")).to_be_hidden()
    channel(page, "jit-audit").focus()
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("#jit-audit")
    expect(box(page)).to_be_focused()


def test_what_comes_in_is_announced_once_and_politely(page_of, slack):
    post(slack, "from before")
    page = page_of(ALICE, REQUESTS)
    expect(messages(page)).to_contain_text("from before")
    announcer = page.locator("[aria-live=polite]")
    expect(announcer).to_have_text("")
    post(slack, f"look, <@{ALICE}>")
    expect(announcer).to_have_text("Bob: look, @Alice")
    slack.world.whisper(REQUESTS, ALICE, {"user": BOT, "text": "Approved."})
    expect(announcer).to_have_text("Only visible to you. jit: Approved.")


def test_at_a_phones_width_one_pane_is_seen_at_a_time(page_of, slack, shot):
    post(slack, f"a {'very ' * 40}long line and a word{'ss' * 200}")
    page = page_of(ALICE, REQUESTS, width=390, height=780)
    expect(messages(page)).to_contain_text("long line")
    expect(page.get_by_role("navigation", name="Channels")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert messages(page).evaluate("node => node.scrollWidth <= node.clientWidth")
    post(slack, "entry", AUDIT)
    page.get_by_role("button", name="Channels").click()
    expect(messages(page)).to_be_hidden()
    expect(channel(page, "jit-audit")).to_contain_text("1")
    shot(page, "phone-channels")
    channel(page, "jit-audit").click()
    expect(title(page)).to_have_text("#jit-audit")
    expect(messages(page)).to_contain_text("entry")
    page.get_by_role("button", name="Reply").click()
    expect(page.get_by_role("region", name="Thread")).to_be_visible()
    expect(box(page)).to_be_hidden()
    page.get_by_role("button", name="Close the thread").click()
    say(page, "from a phone")
    expect(messages(page)).to_contain_text("from a phone")
    shot(page, "phone-chat")


def test_on_a_phone_a_hidden_channel_does_not_count_as_read(page_of, slack):
    page = page_of(ALICE, REQUESTS, width=390, height=780)
    page.get_by_role("button", name="Channels").click()
    post(slack, "unseen")
    expect(channel(page, "access-requests")).to_contain_text("1")
    page.get_by_role("button", name="Chat").click()
    page.get_by_role("button", name="Channels").click()
    expect(channel(page, "access-requests").get_by_text("unread")).to_have_count(0)


def test_colours_follow_the_system_until_one_chooses(page_of):
    page = page_of(ALICE, REQUESTS, colours="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    toggle = page.get_by_role("button", name="Colours: as your system")
    toggle.click()
    expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Colours: light").click()
    assert page.evaluate(ground) == dark


def test_what_the_app_publishes_stands_in_its_home(page_of, slack):
    page = page_of(ALICE)
    channel(page, "App Home").click()
    expect(title(page)).to_have_text("App Home")
    home = page.get_by_role("region", name="App Home")
    expect(home).to_contain_text("The app shows nothing here yet.")
    slack.views.publish(ALICE, {"type": "home", "blocks": [section("Nothing is open.")]})
    expect(home).to_contain_text("Nothing is open.")
    slack.views.publish(ALICE, {"type": "home", "blocks": [section("until 14:32"), actions(button("Release"))]})
    expect(home.get_by_role("button", name="Release")).to_be_visible()
    expect(home).not_to_contain_text("Nothing is open.")


def test_who_is_taken_into_a_channel_sees_it_come_up(page_of, slack):
    page = page_of(ALICE, REQUESTS)
    expect(title(page)).to_have_text("#access-requests")
    slack.world.add_channel(Channel("C0WARROOM", "war-room", {ALICE, BOB}))
    post(slack, "all hands", "C0WARROOM")
    channel(page, "war-room").click()
    expect(messages(page)).to_contain_text("all hands")
    slack.world.channel("C0WARROOM").members.remove(ALICE)
    post(slack, "without Alice", "C0WARROOM")
    expect(title(page)).to_have_text("#access-requests")
    assert "without Alice" not in page.content()


def test_a_lost_connection_is_said_and_comes_back_by_itself(page_of):
    port = free_port()
    page = page_of(expects=LOST)
    before, after = sample_workspace(), sample_workspace()
    post(before, "before")
    post(after, "after")
    with running(before, {}, port):
        page.goto(f"{before.url}/#{BOB}/{REQUESTS}")
        expect(messages(page)).to_contain_text("before")
    expect(page.get_by_role("status").filter(has_text="Connecting again…")).to_be_visible()
    expect(messages(page)).to_contain_text("before")
    say(page, "lost?")
    expect(page.locator("#composer")).to_contain_text("The playground does not answer.")
    expect(box(page)).to_have_value("lost?")
    with running(after, {}, port):
        expect(messages(page)).to_contain_text("after")
        expect(messages(page)).not_to_contain_text("before")
        expect(page.get_by_text("Connecting again…")).to_be_hidden()
        expect(title(page)).to_have_text("#access-requests")
        expect(person(page, "Bob")).to_have_attribute("aria-current", "page")


def test_until_one_is_told_who_one_is_nothing_of_the_one_before_can_be_pressed(page_of, monkeypatch):
    frames = Reader.frames
    monkeypatch.setattr(Reader, "frames", lambda reader: [] if reader.person == BOB else frames(reader))
    page = page_of(ALICE, REQUESTS)
    expect(title(page)).to_have_text("#access-requests")
    person(page, "Bob").click()
    expect(page.locator("#sidebar")).to_have_js_property("inert", value=True)
    assert page.evaluate("[...document.querySelectorAll('#sidebar, #chat, #thread')].every(part => part.inert)")
    person(page, "Eve").click()
    expect(person(page, "Eve")).to_have_attribute("aria-current", "page")
    say(page, "here is Eve")
    expect(messages(page).get_by_role("article", name=re.compile("^Eve"))).to_be_visible()
