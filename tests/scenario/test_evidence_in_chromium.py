"""The evidence page as an auditor has it: a file, opened and printed in Chromium."""

import pytest
from playwright.sync_api import sync_playwright

from jit.evidence.page import page_of
from tests.browser.chromium import CHROMIUM, launched
from tests.life import ALICE, BOB
from tests.sealed_record import Record

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed: apt install chromium"),
]
HOSTILE = (
    "<img src=http://127.0.0.1:1/x onerror=document.title='owned'> </script><script>document.title='owned'</script>"
)


@pytest.fixture
def page_file(tmp_path):
    record = Record(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path)
    record.whole(why=f"INC-42 {'stuck-orders-' * 30} {HOSTILE} \u202egnp.exe", permissions=("orders_read" * 12,))
    record.sign()
    path = tmp_path / "R-7F3K.evidence.html"
    path.write_text(page_of(record.prove(), {ALICE: "Alice", BOB: "Bob"}), encoding="utf-8")
    record.close()
    return path


@pytest.fixture
def browser():
    with sync_playwright() as playwright, launched(playwright) as found:
        yield found


def test_the_page_stands_alone_and_nothing_in_it_acts(browser, page_file):
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file.as_uri())
    assert asked == [page_file.as_uri()]
    assert said == []
    assert page.title() == "R-7F3K: evidence"
    assert page.locator("h1").inner_text() == "R-7F3K"
    assert page.locator("img").count() == 0
    assert page.locator(".verdict").evaluate("element => getComputedStyle(element).borderLeftStyle") == "solid"


@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_of_it_stands_outside_the_window(browser, page_file, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_on_a4_with_its_words_inside_the_margins(browser, page_file):
    page = browser.new_page()
    page.goto(page_file.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"/MediaBox [0 0 595" in printed
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
