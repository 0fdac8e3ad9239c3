"""What a person looks for on the page, and what the people around them do."""

import re

from playwright.sync_api import expect

from bot.playground.sample import BOB, REQUESTS


def post(slack, text, channel=REQUESTS, user=BOB, **more):
    return slack.world.post(slack.world.channel(channel), {"user": user, "text": text, **more})


def box(page):
    return page.get_by_role("textbox", name=re.compile("^Message"))


def say(page, text):
    box(page).fill(text)
    box(page).press("Enter")


def messages(page):
    return page.get_by_role("region", name="Messages")


def channel(page, name):
    return page.get_by_role("navigation", name="Channels").get_by_role("link", name=re.compile(f"^{name}"))


def person(page, name):
    return page.get_by_role("navigation", name="Who you are").get_by_role("link", name=re.compile(f"^{name}"))


def title(page):
    return page.get_by_role("heading", level=1)


def ask(page, words):
    """Through the message box and the form."""
    box = page.locator("#composer textarea")
    box.fill(f"/jit request {words}")
    box.press("Enter")
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(form).to_have_count(0)


def approve(page):
    page.get_by_role("button", name="Approve").last.click()
    expect(page.locator("#messages")).to_contain_text("is to be granted")
