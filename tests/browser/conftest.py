"""The page in a real browser. What a page says on its console as an error, also of its security policy, fails
the test.
"""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect, sync_playwright

from playground import sample_workspace
from tests.browser.chromium import CHROMIUM, launched
from tests.browser.tabs import PATIENCE_MS, Tabs, kept

SCREENSHOTS = os.environ.get("JIT_SCREENSHOTS", "")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    missing = pytest.mark.skip(reason="chromium is not installed: apt install chromium")
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM and not os.environ.get("CI"):
                item.add_marker(missing)


@pytest.fixture(scope="package")
def browser():
    """For these tests alone: while Playwright runs, nothing else of this process can run an event loop of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, launched(playwright) as chromium:
        yield chromium


@pytest.fixture(scope="package")
def tabs(browser):
    return Tabs(browser)


@pytest.fixture
def slack():
    return sample_workspace()


@pytest.fixture
def app(slack, monkeypatch):
    """The app on the other side, as a stub: what it ``got``, and by type of payload what it ``says``: an answer,
    or something to call with the payload that makes one.
    """
    stub = SimpleNamespace(got=[], says={})

    def ask(kind, payload):
        stub.got.append(payload)
        said = stub.says.get(payload.get("type", kind), {})
        return said(payload) if callable(said) else said

    monkeypatch.setattr(slack.hub, "ask", ask)
    return stub


@pytest.fixture
def stage(slack, app, playgrounds):
    with playgrounds.running(slack, around=kept) as serving:
        yield serving


@pytest.fixture
def site(stage):
    """Where the page is. A test of the whole product has one of its own."""
    return stage.slack.url


@pytest.fixture
def page_of(tabs, site, request):
    """Opens the page as a person, each time another: ``page_of(ALICE, channel=REQUESTS)``.

    ``expects`` matches errors on the console that belong to the test.
    """
    used, expected = [], []
    tabs.complaints.clear()

    def opened(person="", channel="", *, width=1280, height=800, colours="light", expects=""):
        page = tabs.take()
        used.append(page)
        expected.extend([expects] if expects else [])
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours)
        page.goto(f"{site}/#{person}/{channel}" if person else site)
        return page

    yield opened
    for number, page in enumerate(used):
        shoot(page, f"{request.node.name}-{number}")
        tabs.give_back(page)
    told = [said for said in tabs.complaints if not any(re.search(each, said) for each in expected)]
    assert told == [], "the browser complains"


@pytest.fixture
def shot():
    """``shot(page, name)`` puts a picture into the folder that JIT_SCREENSHOTS names, if it names one."""
    return shoot


def shoot(page, name):
    if SCREENSHOTS:
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:120]}.png")
