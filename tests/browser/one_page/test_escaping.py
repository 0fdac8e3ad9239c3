"""What people type, and what an app sends, is text: nothing of it runs, leads astray, or breaks the page."""

import pytest
from playwright.sync_api import expect

from playground.chat import post_message
from playground.people import UserGroup
from playground.sample import ALICE, BOB, REQUESTS
from playground.web_api import Arguments
from tests.browser.kit import actions, button, field, modal, mrkdwn, option, plain, section, typed
from tests.world.exhaustive import distinct, exhaustive

HOSTILE = [
    "<script>window.ran = 1</script>",
    "&lt;script&gt;window.ran = 1&lt;/script&gt;",
    "<img src=x onerror=window.ran=1>",
    '"><svg onload=window.ran=1>',
    "<javascript:window.ran=1|press me>",
    "<JaVaScRiPt:window.ran=1|press me>",
    "<data:text/html,<script>window.ran=1</script>|press me>",
    "<vbscript:x|press me> <file:///etc/passwd|press me> <blob:http://x|press me>",
    "<https://a.example/|<b>bold</b>> <https:javascript:1|x> <//a.example|x> <https://|x>",
    "<!date^1^{time}^javascript:window.ran=1|then> <!date^99999999999999999^{time}|then> <!date^1^|then>",
    "<@U01ALICE0|<img src=x onerror=window.ran=1>> <@> <#> <!> <!subteam^> <|> <||>",
    "{{constructor.constructor('window.ran=1')()}} ${window.ran=1} `${window.ran=1}`",
    "\u202eesrever \u2066isolated \u2067 \u200f \u061c never closed",
    "שלום *עולם* _مرحبا_ <https://a.example/|עולם>",
    "*_~`*_~`*_~` ``` ```` `` ``` *** ___ ~~~ > >> >>> &gt;&gt;&gt; x",
    "\u0000\u0001\u0007\ufeff\u2028\u2029\ud7ff\ufffd",
    "W" * 3000,
    "🧨" * 1500,
    "long_word_with_underscores/" * 110,
    "a\n" * 400,
    "*a _b ~c " * 330,
    "\u0301" * 500 + "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢" * 20,
]
RUNNABLE = "script, iframe, object, embed, svg, style, [onerror], [onload], [style*=url]"
WIDTHS = (390, 1280)


def clipped(text, most=3000):
    return text.encode("utf-16-le")[: most * 2].decode("utf-16-le", "ignore") or "x"


def blocks_of(text):
    text, short = clipped(text), clipped(text, 75)
    return [
        section(text, fields=[mrkdwn(clipped(text, 2000)), plain(clipped(text, 2000))]),
        {"type": "header", "text": plain(clipped(text, 150))},
        {"type": "context", "elements": [mrkdwn(text), plain(text)]},
        {"type": "image", "image_url": short, "alt_text": short, "title": plain(short)},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]},
                {"type": "rich_text_quote", "elements": [{"type": "link", "url": text, "text": text}]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]},
            ],
        },
        actions(
            button(short, action_id="go", url=text),
            {"type": "static_select", "action_id": "menu", "options": [option(short)], "initial_option": option(short)},
        ),
    ]


def nothing_ran_or_overflowed(page):
    assert page.evaluate("window.ran") is None
    inside = page.locator("#messages, dialog")
    for at in range(inside.count()):
        assert inside.nth(at).locator(RUNNABLE).count() == 0
    hrefs = page.locator("#messages a, dialog a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(hrefs) <= {"http:", "https:"}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll('#messages, dialog, dialog .body')]
                .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.outerHTML.slice(0, 80))"""
        )
        assert wide == [], width


def test_hostile_messages_are_text(page, slack):
    room = slack.world.channel(REQUESTS)
    for text in HOSTILE:
        slack.world.post(room, {"user": BOB, "text": clipped(text)})
        slack.world.post(room, {"user": BOB, "text": "x", "blocks": blocks_of(text)})
    page.locator("#messages .header").nth(len(HOSTILE) - 1).wait_for()
    nothing_ran_or_overflowed(page)
    assert page.get_by_text("<script>window.ran = 1</script>", exact=True).count() > 0


def form_of(*texts):
    """With each of them in every place of a form; its title and its button are the first's."""

    def blocks(number, text):
        short, long = clipped(text, 75), clipped(text, 2000)
        menu = {"type": "static_select", "action_id": "m", "options": [option(short, short)]}
        return (
            section(clipped(text)),
            field(f"Why {number}", typed("why", initial_value=clipped(text), multiline=True), hint=plain(long)),
            field(f"Menu {number}", menu | {"placeholder": plain(short)}) | {"label": plain(long)},
        )

    inside = [block for number, text in enumerate(texts) for block in blocks(number, text)]
    return modal(*inside, title=clipped(texts[0], 24), submit=plain(clipped(texts[0], 24)))


def is_text(page, slack, *texts):
    """The form of these texts shows them, and nothing of it runs or overflows."""
    view = slack.views.open(ALICE, form_of(*texts))
    slack.views.complain(view["id"], {f"why {number}": clipped(text, 2000) for number, text in enumerate(texts)})
    expect(page.locator("dialog .wrong:visible")).to_have_count(len(texts))
    entered = page.locator("dialog textarea").evaluate_all("boxes => boxes.map(box => box.value)")
    assert entered == [clipped(text).replace("\r", "") for text in texts]
    page.get_by_role("combobox").last.click()
    page.get_by_role("option").wait_for()
    nothing_ran_or_overflowed(page)
    slack.views.clear(ALICE)
    page.get_by_role("dialog").wait_for(state="detached")


def test_hostile_forms_are_text(page, slack):
    is_text(page, slack, *HOSTILE)


@exhaustive("hostile texts in a form of their own")
def test_every_hostile_form_is_text(page, slack):
    for text in HOSTILE:
        is_text(page, slack, text)


def test_hostile_names_are_text(page, slack):
    evil = "<img src=x onerror=window.ran=1>\u202e" + "W" * 200
    slack.world.change_user(BOB, real_name=evil)
    slack.world.add_group(UserGroup("S0EVIL001", evil))
    post_message(slack, Arguments({"channel": REQUESTS, "text": f"<@{BOB}> <!subteam^S0EVIL001> *Alice*"}))
    page.get_by_text("Alice", exact=True).last.wait_for()
    assert page.locator("#messages .mention").first.inner_text().startswith("@<img")
    nothing_ran_or_overflowed(page)
    slack.world.change_user(BOB, real_name="Bob")


def test_a_direction_does_not_leak_into_what_stands_beside_it(page, slack):
    words = {"type": "rich_text_quote", "elements": [{"type": "text", "text": "\u202eedirrevo on eb llahs siht"}]}
    ts = post_message(
        slack,
        Arguments(
            {
                "channel": REQUESTS,
                "text": "x",
                "blocks": [{"type": "rich_text", "elements": [words]}, section("Approve")],
            }
        ),
    )["ts"]
    at = page.locator(f'[data-ts="{ts}"] .section .text')
    at.wait_for()
    x = """(node, [from, to]) => {
        const range = document.createRange();
        range.setStart(node.firstChild, from);
        range.setEnd(node.firstChild, to);
        return range.getBoundingClientRect().x;
    }"""
    assert at.evaluate(x, [0, 1]) < at.evaluate(x, [6, 7])


def test_marks_heaped_on_a_letter_cover_nothing_else(page, slack):
    def blocks(words):
        return [section(words, block_id="words"), section("Gives: orders_read", block_id="gives")]

    room = slack.world.channel(REQUESTS)
    message = slack.world.post(room, {"user": BOB, "text": "x", "blocks": blocks("x")})
    at = page.locator(f'[data-ts="{message["ts"]}"] .section')
    at.last.wait_for()
    before = at.last.screenshot()
    slack.world.rewrite(room, message["ts"], {"blocks": blocks("x" + "\u0317" * 500)})
    expect(at.first).to_contain_text("\u0317")
    assert at.last.screenshot() == before


@pytest.mark.parametrize("turns", distinct([1000, 20_000], [1000], "lines of random markup"))
def test_no_markup_takes_long_or_makes_what_it_should_not(page, turns):
    """Lines made of Slack's own signs, at random but the same each time, and some as long as Slack takes."""
    tags, protocols = page.evaluate(
        """async (turns) => {
            const { mrkdwn } = await import("/page/text/mrkdwn.js");
            const names = { person: (id) => id, group: (id) => id, channel: (id) => id, tz: "UTC", me: "U1" };
            const signs = ["*", "_", "~", "`", "```", ">", "<", "&gt;", "&lt;", "|", "@U1", "!here", "é", "🧨", "a",
              "!date^1^{time}", "https://a.example", "javascript:1", "\\n", " ", "<@U1>", "<https://a.example|b>",
              "\\u202e"];
            let seed = 7;
            const next = (most) => (seed = (seed * 48271) % 2147483647) % most;
            const tags = new Set(), protocols = new Set();
            for (let turn = 0; turn < turns; turn += 1) {
              const text = Array.from({ length: next(40) }, () => signs[next(signs.length)]).join("");
              const box = document.createElement("div");
              box.append(mrkdwn(text, names));
              box.querySelectorAll("*").forEach((node) => tags.add(node.localName));
              box.querySelectorAll("a").forEach((node) => protocols.add(node.protocol));
            }
            return [[...tags], [...protocols]];
        }""",
        turns,
    )
    assert set(tags) == {"strong", "em", "s", "code", "pre", "blockquote", "br", "a", "span", "time"}
    assert protocols == ["https:"]
    for text in ("*a " * 13_000, "`" * 40_000, "<" * 40_000, "&gt;" * 10_000, "*_~" * 13_000):
        length = page.evaluate(
            """async (text) => {
                const { mrkdwn } = await import("/page/text/mrkdwn.js");
                return mrkdwn(text, { tz: "UTC" }).textContent.length;
            }""",
            text,
        )
        assert length > 0, text[:4]
