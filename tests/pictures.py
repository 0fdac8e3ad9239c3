"""The picture of the story in the README: played in the page, on real parts, and put together as one.

python -m tests.pictures docs/story.png
"""

import base64
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from demo.panel import LatePanel, open_panel
from demo.rules import lay_out
from demo.stack import Stack, running_stack
from jit.runtime.embedded import EmbeddedPostgres
from playground.sample import ALICE, AUDIT, BOB, CAROL, REQUESTS
from tests.browser.chromium import launched
from tests.world.product import POLICIES

WIDTH, HEIGHT = 1240, 780
LONG = 60_000  # milliseconds

SHEET = """
body {{ margin: 0; padding: 28px; width: 2 * {width}px; background: #eef0f3; font: 24px/1.4 sans-serif; }}
main {{ display: grid; grid-template-columns: {width}px {width}px; gap: 28px; }}
figure {{ margin: 0; }}
figcaption {{ margin-bottom: 10px; color: #1d1c1d; }}
img {{ display: block; border: 1px solid #c9ccd1; border-radius: 10px; }}
"""


class Album:
    """Pictures with what is said to each, in order."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser = browser
        self._site = site
        self._pictures: list[tuple[str, bytes]] = []

    def opens(self, person: str, channel: str) -> Page:
        """The page as this person has it."""
        context = self._browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="Europe/Berlin", color_scheme="light"
        )
        page = context.new_page()
        page.set_default_timeout(LONG)
        page.goto(f"{self._site}/#{person}/{channel}")
        return page

    def takes(self, page: Page, caption: str) -> None:
        self._pictures.append((caption, page.screenshot(animations="disabled")))

    def put_together(self, out: Path) -> None:
        figures = "".join(
            f"<figure><figcaption>{number}. {escape(caption)}</figcaption>"
            f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}"></figure>'
            for number, (caption, picture) in enumerate(self._pictures, 1)
        )
        page = self._browser.new_page(viewport={"width": 2 * WIDTH + 84, "height": HEIGHT}, device_scale_factor=0.6)
        page.set_content(f"<style>{SHEET.format(width=WIDTH)}</style><main>{figures}</main>")
        page.screenshot(path=out, full_page=True)


def play(stage: Stack, album: Album) -> None:
    """The story, as in the guide beside the chat."""
    alice = album.opens(ALICE, REQUESTS)
    expect(alice.locator(".lights > li.ok")).to_have_count(5)
    box = alice.locator("#composer textarea")
    box.fill("/jit request orders-db/fix 30s INC-42 db down, need to look at stuck orders")
    box.press("Enter")
    form = alice.get_by_role("dialog")
    expect(form.get_by_label("Reason")).to_have_value("db down, need to look at stuck orders")
    album.takes(alice, "Alice asks. What she typed stands in the form.")
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(alice.locator("#messages")).to_contain_text("asks for")

    bob = album.opens(BOB, REQUESTS)
    expect(bob.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    album.takes(bob, "Bob may decide: who, what exactly, how long, why.")
    bob.get_by_role("button", name="Approve", exact=True).click()
    expect(alice.locator(".terminal .answer")).to_contain_text("Sato")
    expect(alice.locator("#messages")).to_contain_text("Active until")
    album.takes(alice, "A moment later Alice's session can read the table.")

    expect(alice.locator(".terminal .fatal").first).to_contain_text("terminating connection")
    carol = album.opens(CAROL, AUDIT)
    expect(carol.locator("#messages")).to_contain_text("ended orders-db/fix")
    album.takes(carol, "Her time is over: the session is cut, and security reads all of it.")


def main(out: Path) -> None:
    panel = LatePanel()
    with (
        TemporaryDirectory(prefix="jit-pictures-") as name,
        EmbeddedPostgres(sync=False) as ledger,
        sync_playwright() as playwright,
        launched(playwright) as browser,
    ):
        folder = Path(name)
        with (
            (folder / "log.jsonl").open("wb") as log,
            running_stack(
                folder, lay_out(folder, POLICIES), ledger_url=ledger.dsn(), output=log, beside=panel
            ) as stage,
            open_panel(stage, ledger, panel),
        ):
            expect.set_options(timeout=LONG)
            stage.ready(60)
            album = Album(browser, stage.stage.slack.url)
            play(stage, album)
            album.put_together(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
