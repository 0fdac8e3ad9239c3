"""All tests of a file are at one page, Alice's in the channel of requests. What each puts there is taken away again."""

import pytest
from playwright.sync_api import expect

from playground import sample_workspace
from playground.sample import ALICE, REQUESTS
from tests.browser.kit import FORM, FOUND
from tests.browser.tabs import kept

SIZE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def slack():
    slack = sample_workspace()
    slack.rate.enabled = False
    return slack


@pytest.fixture(scope="module")
def stage(slack, playgrounds):
    with playgrounds.running(slack, around=kept) as serving:
        yield serving


@pytest.fixture(scope="module")
def standing(tabs, stage):
    page = tabs.take()
    page.set_viewport_size(SIZE)
    page.goto(f"{stage.slack.url}/#{ALICE}/{REQUESTS}")
    yield page
    tabs.give_back(page)


@pytest.fixture
def page(standing, slack, tabs, app):
    """As if it had just been opened."""
    tabs.complaints.clear()
    standing.locator("#composer textarea").focus()
    yield standing
    with slack.world.changed:
        slack.views.clear(ALICE)
        slack.world.whispers.clear()
        room = slack.world.channel(REQUESTS)
        for ts in list(room.messages):
            slack.world.remove(room, ts)
        slack.world.notify()
    expect(standing.locator("dialog, #messages article")).to_have_count(0)
    standing.mouse.move(0, 0)
    standing.set_viewport_size(SIZE)
    assert tabs.complaints == [], "the browser complains"


@pytest.fixture
def form(page, slack, app):
    """The request form; its menu finds what holds the letters typed."""
    app.says["block_suggestion"] = lambda asked: {
        "options": [each for each in FOUND["options"] if asked["value"] in each["value"]]
    }
    slack.views.open(ALICE, FORM)
    dialog = page.get_by_role("dialog", name="Ask for access")
    dialog.wait_for()
    return dialog


@pytest.fixture
def entered(slack):
    """What the server has of Alice's form, by block and action."""

    def held(block, action):
        entry = slack.views.top(ALICE)["state"]["values"][block][action]
        return next(value for key, value in entry.items() if key != "type")

    return held
