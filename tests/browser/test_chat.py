"""Messages as people live with them: they come, change and go by themselves, are read, and stand in threads."""

import re

import pytest
from playwright.sync_api import expect

from playground.page.reader import PAGE
from playground.person import Person
from playground.sample import ALERTS, ALICE, AUDIT, BOB, BOT, CAROL, EVE, REQUESTS
from tests.browser.kit import section
from tests.browser.screen import channel, messages, post, say, title
from tests.world.exhaustive import distinct


def test_what_one_says_the_other_reads_at_once(page_of, stage):
    alice, bob = page_of(ALICE, REQUESTS), page_of(BOB, REQUESTS)
    say(alice, "is orders-db slow for you too?")
    expect(messages(bob)).to_contain_text("is orders-db slow for you too?")
    say(bob, "yes, *very*")
    expect(messages(alice).get_by_role("article", name=re.compile("^Bob"))).to_contain_text("yes, very")
    assert Person(stage, EVE).sees(REQUESTS)[-1].text == "yes, *very*"


def test_what_others_said_stands_out_until_it_is_read_and_a_reload_keeps_it(page_of, slack):
    page = page_of(ALICE, REQUESTS)
    for number in range(3):
        post(slack, f"entry {number}", AUDIT)
    post(slack, "mine", ALERTS, user=ALICE)
    post(slack, "alert", ALERTS)
    expect(channel(page, "jit-audit")).to_contain_text("3")
    expect(page).to_have_title(re.compile(r"^\(4\) #access-requests · Alice"))
    channel(page, "jit-audit").click()
    expect(channel(page, "jit-audit").get_by_text("unread")).to_have_count(0)
    page.reload()
    expect(title(page)).to_have_text("#jit-audit")
    expect(messages(page)).to_contain_text("entry 2")
    expect(channel(page, "jit-alerts")).to_contain_text("1")
    expect(channel(page, "jit-audit").get_by_text("unread")).to_have_count(0)
    expect(channel(page_of(EVE, REQUESTS), "jit-audit")).to_contain_text("3")


def test_a_second_page_of_the_same_person_follows_what_the_first_has_read(page_of, slack):
    first, second = page_of(ALICE, REQUESTS), page_of(ALICE, REQUESTS)
    post(slack, "entry", AUDIT)
    expect(channel(second, "jit-audit")).to_contain_text("1")
    channel(first, "jit-audit").click()
    expect(channel(second, "jit-audit").get_by_text("unread")).to_have_count(0)


def test_coming_back_one_sees_where_the_new_begins(page_of, slack):
    post(slack, "old", AUDIT)
    page = page_of(ALICE, AUDIT)
    expect(messages(page)).to_contain_text("old")
    channel(page, "access-requests").click()
    expect(title(page)).to_have_text("#access-requests")
    post(slack, "new", AUDIT)
    expect(channel(page, "jit-audit")).to_contain_text("1")
    channel(page, "jit-audit").click()
    line = page.locator(".new-line")
    expect(line).to_be_visible()
    order = line.evaluate("line => [line.previousElementSibling.textContent, line.nextElementSibling.textContent]")
    assert "old" in order[0]
    assert "new" in order[1]


def test_what_only_one_sees_is_marked_and_the_other_sees_nothing(page_of, slack):
    alice, bob = page_of(ALICE, REQUESTS), page_of(BOB, REQUESTS)
    slack.world.whisper(REQUESTS, ALICE, {"user": BOT, "text": "You asked for this yourself."})
    post(slack, "for both", user=EVE)
    told = messages(alice).get_by_role("article").filter(has_text="You asked for this yourself.")
    expect(told).to_contain_text("Only visible to you")
    expect(messages(bob)).to_contain_text("for both")
    assert "yourself" not in bob.content()


def test_a_message_changes_and_goes_by_itself(page_of, slack):
    kept, changed, gone = (post(slack, text) for text in ("stays", "before", "leaves"))
    page = page_of(ALICE, REQUESTS)
    expect(messages(page).get_by_role("article")).to_have_count(3)
    untouched = messages(page).locator(f"[data-ts='{kept['ts']}']").element_handle()
    room = slack.world.channel(REQUESTS)
    slack.world.rewrite(room, changed["ts"], {"text": "after", "edited": {"user": BOB, "ts": slack.world.next_ts()}})
    expect(messages(page)).to_contain_text("after(edited)")
    expect(messages(page)).not_to_contain_text("before")
    slack.world.remove(room, gone["ts"])
    expect(messages(page).get_by_role("article")).to_have_count(2)
    assert untouched.evaluate("node => node.isConnected")


def test_an_admin_deletes_the_apps_message_for_everybody_and_others_cannot(page_of, slack):
    post(slack, "#1 granted", AUDIT, user=BOT)
    alice, carol = page_of(ALICE, AUDIT), page_of(CAROL, AUDIT)
    expect(messages(alice)).to_contain_text("#1 granted")
    messages(alice).get_by_role("article").hover()
    expect(alice.get_by_role("button", name="Delete")).to_have_count(0)
    messages(carol).get_by_role("article").hover()
    carol.get_by_role("button", name="Delete").click()
    carol.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(messages(carol).get_by_role("article")).to_have_count(0)
    expect(messages(alice).get_by_role("article")).to_have_count(0)


def test_the_keyboard_stays_on_a_button_whose_card_is_drawn_anew(page_of, slack):
    def card(text):
        button = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}}
        return {"text": text, "blocks": [section(text), {"type": "actions", "block_id": "b", "elements": [button]}]}

    room = slack.world.channel(REQUESTS)
    message = slack.world.post(room, {"user": BOT, **card("Alice asks")})
    page = page_of(BOB, REQUESTS)
    page.get_by_role("button", name="Approve").focus()
    slack.world.rewrite(room, message["ts"], card("Alice asks again"))
    expect(messages(page)).to_contain_text("Alice asks again")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()


def test_replies_stand_in_a_thread(page_of, slack):
    root = post(slack, "who has looked?")
    alice, bob = page_of(ALICE, REQUESTS), page_of(BOB, REQUESTS)
    messages(alice).get_by_role("article").hover()
    alice.get_by_role("button", name="Reply").click()
    thread = alice.get_by_role("region", name="Thread")
    reply = thread.get_by_role("textbox", name="Reply")
    expect(reply).to_be_focused()
    reply.fill("I have")
    reply.press("Enter")
    expect(thread.get_by_role("region", name="Replies")).to_contain_text("I have")
    bob.get_by_role("button", name=re.compile("^1 reply")).click()
    other = bob.get_by_role("region", name="Thread")
    expect(other).to_contain_text("I have")
    expect(messages(bob)).not_to_contain_text("I have")
    other.get_by_role("textbox", name="Reply").fill("thanks")
    other.get_by_role("button", name="Send").click()
    expect(thread).to_contain_text("thanks")
    expect(thread).to_contain_text("2 replies")
    assert [m.get("thread_ts") for m in slack.world.channel(REQUESTS).messages.values()] == [
        None,
        root["ts"],
        root["ts"],
    ]
    alice.reload()
    expect(alice.get_by_role("region", name="Thread")).to_contain_text("thanks")
    alice.get_by_role("button", name="Close the thread").click()
    expect(alice.get_by_role("region", name="Thread")).to_be_hidden()


def test_a_reply_leaves_the_channel_where_it_is(page_of, slack):
    root = post(slack, "who has looked?")
    for number in range(60):
        post(slack, f"line {number}")
    page = page_of(ALICE, f"{REQUESTS}/{root['ts']}")
    expect(messages(page)).to_contain_text("line 59")
    messages(page).evaluate("list => { list.scrollTop = 0 }")
    expect(page.get_by_role("button", name="To the newest")).to_be_visible()
    thread = page.get_by_role("region", name="Thread")
    thread.get_by_role("textbox", name="Reply").fill("I have")
    thread.get_by_role("button", name="Send").click()
    expect(thread.get_by_role("region", name="Replies")).to_contain_text("I have")
    assert messages(page).evaluate("list => list.scrollTop") == 0


def test_a_thread_whose_beginning_was_deleted_says_so(page_of, slack):
    root = post(slack, "who has looked?")
    post(slack, "I have", thread_ts=root["ts"])
    page = page_of(ALICE, f"{REQUESTS}/{root['ts']}")
    expect(page.get_by_role("region", name="Thread")).to_contain_text("who has looked?")
    slack.world.remove(slack.world.channel(REQUESTS), root["ts"])
    expect(page.get_by_role("region", name="Thread")).to_contain_text("The first message is not here")
    expect(messages(page)).to_contain_text("I have")


@pytest.mark.parametrize("count", distinct([300, 1000], [300], "lengths of a channel"))
def test_a_long_channel_is_read_back_to_the_first(page_of, slack, count):
    for number in range(count):
        post(slack, f"entry {number:04}", user=(BOB, EVE)[number % 2])
    page = page_of(ALICE, REQUESTS)
    rows = messages(page).get_by_role("article")
    expect(rows.last).to_contain_text(f"entry {count - 1:04}")
    expect(rows.last).to_be_in_viewport()
    for seen in range(PAGE, count, PAGE):
        expect(rows).to_have_count(seen)
        first = rows.first.element_handle()
        place = first.evaluate("node => { node.scrollIntoView(); return node.getBoundingClientRect().top; }")
        expect(rows).to_have_count(seen + PAGE)
        assert first.evaluate("node => node.getBoundingClientRect().top") == pytest.approx(place, abs=2)
    expect(rows.first).to_contain_text("entry 0000")
    expect(messages(page)).to_contain_text("This is where #access-requests begins.")
    say(page, "enough")
    expect(rows.last).to_contain_text("enough")
    expect(rows.last).to_be_in_viewport()


def test_who_reads_back_is_not_pulled_away_by_what_is_new(page_of, slack):
    for number in range(80):
        post(slack, f"entry {number:04}", user=(BOB, EVE)[number % 2])
    page = page_of(ALICE, REQUESTS)
    row = messages(page).get_by_role("article").filter(has_text="entry 0005")
    row.evaluate("node => node.scrollIntoView()")
    post(slack, "new", user=BOB)
    expect(messages(page).get_by_role("article").filter(has_text="new")).to_have_count(1)
    expect(row).to_be_in_viewport()
    expect(channel(page, "access-requests")).to_contain_text("1 unread")
    page.get_by_role("button", name="To the newest").click()
    expect(messages(page).get_by_role("article").last).to_be_in_viewport()
    expect(channel(page, "access-requests").get_by_text("unread")).to_have_count(0)
    expect(page.get_by_role("button", name="To the newest")).to_be_hidden()


def test_days_and_hours_are_the_readers_own(page_of, slack):
    for when in (1_700_000_000, 1_700_090_000):
        slack.world.clock = lambda when=when: when
        post(slack, f"at {when}")
    slack.world.change_user(ALICE, tz="Asia/Tokyo")
    page = page_of(ALICE, REQUESTS)
    expect(page.locator(".day")).to_have_text([re.compile("15 November 2023"), re.compile("16 November 2023")])
    expect(messages(page).locator("time").first).to_have_text("07:13")
