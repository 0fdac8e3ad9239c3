"""The evidence page as an auditor has it: a file, opened and printed in Chromium."""

import pytest

from jit.proof.evidence.page import page_of
from jit.testing import ALICE, BOB
from tests.world.record import Record

HOSTILE = (
    "<img src=http://127.0.0.1:1/x onerror=document.title='owned'> </script><script>document.title='owned'</script>"
)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    record = Record(folder)
    record.whole(why=f"INC-42 {'stuck-orders-' * 30} {HOSTILE} \u202egnp.exe", permissions=("orders_read" * 12,))
    record.sign()
    path = folder / "R-7F3K.evidence.html"
    path.write_text(page_of(record.prove(), {ALICE: "Alice", BOB: "Bob"}), encoding="utf-8")
    record.close()
    return path


@pytest.fixture
def page(browser):
    with browser.new_page() as opened:
        yield opened


def test_the_page_stands_alone_and_nothing_in_it_acts(page, page_file):
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


def test_its_words_stay_inside_the_window_and_the_margins_of_a4(page, page_file):
    page.goto(page_file.as_uri())
    for width, media in ((390, "screen"), (1100, "screen"), (680, "print")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media=media)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, media)
    printed = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"/MediaBox [0 0 595" in printed
