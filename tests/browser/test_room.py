"""Channel, thread and what stands beside them, on a screen with less room than all three need."""

import pytest
from playwright.sync_api import expect

from playground.sample import ALICE, REQUESTS
from tests.browser.screen import messages, post
from tests.browser.tabs import kept


class Bare:
    """Beside the chat, with nothing on it yet."""

    def state(self):
        return {}

    def act(self, verb, values):
        raise KeyError(verb)


@pytest.fixture
def stage(slack, app, playgrounds):
    with playgrounds.running(slack, Bare(), kept) as serving:
        yield serving


def test_beside_an_open_thread_the_channel_stays_and_the_stage_steps_aside(page_of, slack):
    root = post(slack, "who has looked?")
    page = page_of(ALICE, REQUESTS)
    aside = page.get_by_role("complementary", name="Behind the scenes")
    for width, both in ((1280, False), (1440, False), (1600, True)):
        page.set_viewport_size({"width": width, "height": 800})
        expect(aside).to_be_visible()
        messages(page).get_by_role("article").hover()
        page.get_by_role("button", name="Reply").click()
        thread = page.get_by_role("region", name="Thread")
        expect(thread).to_be_visible()
        expect(messages(page).get_by_text(root["text"])).to_be_visible()
        expect(aside).to_be_visible(visible=both)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        thread.get_by_role("button", name="Close the thread").click()
        expect(aside).to_be_visible()


def test_on_a_phone_a_thread_leaves_the_people_and_the_panes_where_they_are(page_of, slack):
    post(slack, "who has looked?")
    page = page_of(ALICE, REQUESTS, width=390)
    messages(page).get_by_role("article").hover()
    page.get_by_role("button", name="Reply").click()
    expect(page.get_by_role("region", name="Thread")).to_be_visible()
    assert page.locator("header").first.bounding_box()["width"] == 390
    page.locator("#panes [data-pane=beside]").click()
    expect(page.get_by_role("complementary", name="Behind the scenes")).to_be_visible()
