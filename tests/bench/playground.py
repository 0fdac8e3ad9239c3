"""The playground page in Chromium: from a message in a channel to the person's screen, and with a thousand cards."""

import json
import time
from collections.abc import Sequence

from playwright.sync_api import Browser, Page, expect, sync_playwright

from playground import running, sample_workspace
from playground.sample import ALICE, BOB, REQUESTS
from playground.slack import Slack
from tests.bench.results import Aim, Result, one_run
from tests.browser.chromium import launched

LIVE = Aim(p99=200)
MESSAGES = 200
CARDS = 1000
SWITCHES = 20
APART = 0.05
"""Seconds between two messages: each is drawn for itself."""

WATCH = """
() => {
  window.drawn = {};
  const look = (changes) => {
    const now = performance.timeOrigin + performance.now();
    for (const node of changes.flatMap((change) => [...change.addedNodes]))
      for (const word of node.textContent.match(/bench-\\d+!/g) ?? []) window.drawn[word] ??= now;
  };
  new MutationObserver(look).observe(document.getElementById("messages"), { childList: true, subtree: true });
}
"""


def measure_playground() -> Sequence[Result]:
    with sync_playwright() as playwright, launched(playwright) as browser:
        return [*_measured(browser, 0, "an empty channel"), *_measured(browser, CARDS, f"{CARDS:,} cards")]


def _measured(browser: Browser, cards: int, where: str) -> list[Result]:
    slack = sample_workspace()
    with running(slack, {}):
        for number in range(cards):
            _post(slack, f"card {number}", _card(number))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        opening = _opened(page, slack)
        results = [one_run(f"message to screen, {where}", "ms", _latencies(page, slack), aim=LIVE)]
        if cards:
            results.append(one_run(f"page opened, {where}", "ms", [opening]))
            results.append(one_run(f"another channel and back, {where}", "ms", _switches(page)))
            results.append(one_run(f"up to the first, {where}", "ms", [_climbed(page)]))
            results.append(one_run(f"message to screen, {where}, all drawn", "ms", _latencies(page, slack), aim=LIVE))
        page.close()
    return results


def _opened(page: Page, slack: Slack) -> float:
    began = time.perf_counter()
    page.goto(f"{slack.url}/#{ALICE}/{REQUESTS}")
    last = "card 999" if slack.world.channel(REQUESTS).messages else "begins"
    expect(page.locator("#messages")).to_contain_text(last)
    return (time.perf_counter() - began) * 1000


def _latencies(page: Page, slack: Slack) -> list[float]:
    """Milliseconds until the page's document holds the message, by the machine's one clock."""
    page.evaluate(WATCH)
    posted: dict[str, float] = {}
    for _ in range(MESSAGES):
        word = f"bench-{slack.world.number()}!"
        posted[word] = time.time() * 1000
        _post(slack, word)
        page.wait_for_timeout(APART * 1000)
    expect(page.locator("#messages")).to_contain_text(word)
    drawn = json.loads(page.evaluate("() => JSON.stringify(window.drawn)"))
    return [drawn[word] - when for word, when in posted.items()]


def _switches(page: Page) -> list[float]:
    took = []
    for name, sees in [("jit-audit", "begins"), ("access-requests", "bench-")] * SWITCHES:
        began = time.perf_counter()
        page.get_by_role("link", name=name).click()
        expect(page.locator("#messages")).to_contain_text(sees)
        took.append((time.perf_counter() - began) * 1000)
    return took


def _climbed(page: Page) -> float:
    """Scrolled up until the channel's first card is there."""
    began = time.perf_counter()
    while not page.locator("#messages").get_by_text("card 0", exact=True).count():
        page.locator("#messages").evaluate("list => { (list.closest('[tabindex]') ?? list).scrollTop = 0 }")
        page.keyboard.press("Home")
        page.wait_for_timeout(20)
    return (time.perf_counter() - began) * 1000


def _post(slack: Slack, text: str, blocks: list[dict[str, object]] | None = None) -> None:
    message = {"user": BOB, "text": text} | ({"blocks": blocks} if blocks else {})
    slack.world.post(slack.world.channel(REQUESTS), message)


def _card(number: int) -> list[dict[str, object]]:
    """As large as a request's."""

    def text(words: str) -> dict[str, str]:
        return {"type": "mrkdwn", "text": words}

    return [
        {"type": "section", "text": text(f"*Alice* asks for *orders-db/read* for *30 min*, card {number}")},
        {"type": "section", "text": text("Gives: orders_read on orders-db as alice · risk medium")},
        {"type": "section", "text": text(f"card {number}")},
        {"type": "context", "elements": [text("INC-42 · 1st request this week")]},
        {"type": "context", "elements": [text(f"Needs 1 of <@{BOB}> · lapses <!date^1793000000^{{time}}|09:00>")]},
        {
            "type": "actions",
            "block_id": "acts",
            "elements": [
                {"type": "button", "action_id": f"a{n}", "text": {"type": "plain_text", "text": name}, "value": "x"}
                for n, name in enumerate(("Approve", "Deny", "Withdraw"))
            ],
        },
    ]
