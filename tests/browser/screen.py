"""What a person looks for on the page, and what the people around them do."""

import re

from playground.sample import BOB, REQUESTS


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
