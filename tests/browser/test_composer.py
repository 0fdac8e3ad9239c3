"""The box to write in: commands, names, and what was begun."""

from playwright.sync_api import expect

from playground.sample import ALICE, AUDIT, BOB, EVE, REQUESTS
from playground.socket_mode import NotConnected
from tests.browser.screen import box, channel, messages, person, post, say, title
from tests.world.waiting import wait_until


def test_a_command_is_offered_as_one_types_and_sent_as_it_was_typed(page_of, app):
    page = page_of(ALICE, REQUESTS)
    offers = page.get_by_role("listbox", name="Suggestions")
    box(page).press_sequentially("/")
    expect(offers.get_by_role("option").first).to_contain_text("/jit request orders-db/read 30m INC-42 why")
    box(page).press_sequentially("jit li")
    expect(offers.get_by_role("option")).to_have_count(1)
    box(page).press("ArrowDown")
    box(page).press("Enter")
    expect(box(page)).to_have_value("/jit list ")
    expect(offers).to_be_hidden()
    say(page, "/jit request orders-db/read 30m <b> & @Bob")
    expect(box(page)).to_have_value("")
    sent = wait_until(lambda: [got for got in app.got if got.get("command")])
    assert (sent[0]["command"], sent[0]["text"]) == ("/jit", "request orders-db/read 30m <b> & @Bob")
    assert (sent[0]["user_id"], sent[0]["channel_id"]) == (ALICE, REQUESTS)


def test_a_command_that_cannot_be_sent_is_said_and_kept(page_of, slack, app):
    def nobody(_payload):
        raise NotConnected

    app.says["slash_commands"] = nobody
    root = post(slack, "who has looked?")
    page = page_of(ALICE, f"{REQUESTS}/{root['ts']}")
    reply = page.get_by_role("textbox", name="Reply")
    reply.fill("/jit list")
    reply.press("Enter")
    expect(page.get_by_role("region", name="Thread")).to_contain_text("/jit does not work in a thread.")
    say(page, "/jti request")
    expect(page.locator("#composer")).to_contain_text("/jti is not a command here. There is /jit.")
    expect(box(page)).to_have_value("/jti request")
    assert not app.got
    say(page, "/jit list")
    expect(page.locator("#composer")).to_contain_text("This app is not connected.")
    expect(messages(page)).to_contain_text("/jit failed")
    expect(box(page)).to_have_value("/jit list")


def test_what_is_typed_is_sent_as_slack_wants_it(page_of, slack):
    typed_and_sent = {
        "hello @Bob, see #jit-audit": f"hello <@{BOB}>, see <#{AUDIT}>",
        "@dba and @here": "<!subteam^S0DBA0001> and <!here>",
        "@Bobby and bob@Bob.example": "@Bobby and bob@Bob.example",
        f"<@{EVE}> <!channel> & co": f"&lt;@{EVE}&gt; &lt;!channel&gt; &amp; co",
        "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)&gt;",
        "two\nlines": "two\nlines",
    }
    page = page_of(ALICE, REQUESTS)
    for count, typed in enumerate(typed_and_sent, 1):
        say(page, typed)
        expect(messages(page).get_by_role("article")).to_have_count(count)
    assert [m["text"] for m in slack.world.channel(REQUESTS).messages.values()] == list(typed_and_sent.values())
    assert messages(page).locator(".words").all_inner_texts() == list(typed_and_sent)


def test_a_name_is_offered_after_its_sign(page_of):
    page = page_of(ALICE, REQUESTS)
    box(page).press_sequentially("ask @ca")
    expect(page.get_by_role("option")).to_have_text(["@Carol Security, and DBA"])
    box(page).press("Enter")
    expect(box(page)).to_have_value("ask @Carol ")
    box(page).press_sequentially("in #jit-a")
    expect(page.get_by_role("option")).to_have_count(2)
    box(page).press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box(page)).to_have_value("ask @Carol in #jit-a")


def test_what_was_begun_stays_with_its_channel_and_its_person(page_of):
    page = page_of(ALICE, REQUESTS)
    box(page).fill("not yet")
    channel(page, "jit-audit").click()
    expect(box(page)).to_have_value("")
    person(page, "Bob").click()
    channel(page, "access-requests").click()
    expect(title(page)).to_have_text("#access-requests")
    expect(box(page)).to_have_value("")
    person(page, "Alice").click()
    expect(box(page)).to_have_value("not yet")
    page.reload()
    expect(box(page)).to_have_value("not yet")
