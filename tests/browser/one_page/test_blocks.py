"""Text and blocks look as in Slack."""

from playground.sample import ALICE, BOB, REQUESTS
from tests.browser.kit import DOT, actions, mrkdwn, plain, post, section

PICTURE = {"type": "image", "image_url": DOT, "alt_text": "a dot"}


def test_text_looks_as_in_slack(page, slack):
    text = (
        "*bold* _it_ ~gone~ `a*b*c` snake_case_name 2*3*4 (*in*) *not\nover* <@U02BOB000> <!subteam^S0DBA0001> "
        "<#C0ACCESS1> <!here> <https://a.example/x_y_z|here> &lt;b&gt; &amp;amp; :tada: *with <@U01ALICE0> inside*\n"
        "&gt; quoted\n> more\n```\nSELECT *\n  FROM x\n```\nafter <!date^1700000000^{date_num} {time_secs}|then> "
        "<!date^x^{time}|no date> *_both_*"
    )
    ts = post(slack, section(text))
    words = page.locator(f'[data-ts="{ts}"] .block .text')
    words.wait_for()
    texts = lambda tag: words.locator(tag).all_inner_texts()  # noqa: E731
    assert texts("strong") == ["bold", "in", "with @Alice inside", "both"]
    assert texts("em") == ["it", "both"]
    assert texts("s") == ["gone"]
    assert texts("code") == ["a*b*c", "SELECT *\n  FROM x"]
    assert texts("pre") == ["SELECT *\n  FROM x"]
    assert texts("blockquote") == ["quoted\nmore"]
    assert texts(".mention") == ["@Bob", "@dba", "#access-requests", "@here", "@Alice"]
    assert texts(".mention.mine") == ["@here", "@Alice"]
    assert texts("time") == ["2023-11-14 23:13:20"]
    assert words.get_by_role("link").get_attribute("href") == "https://a.example/x_y_z"
    said = words.inner_text()
    for plainly in ("snake_case_name", "2*3*4", "*not\nover*", "<b>", "&amp;", ":tada:", "no date"):
        assert plainly in said


def test_rich_text_of_every_kind_is_drawn(page, slack):
    pieces = [
        {"type": "text", "text": "bold", "style": {"bold": True, "italic": True}},
        {"type": "link", "url": "https://a.example/", "text": "a link"},
        {"type": "user", "user_id": BOB},
        {"type": "usergroup", "usergroup_id": "S0DBA0001"},
        {"type": "channel", "channel_id": REQUESTS},
        {"type": "broadcast", "range": "here"},
        {"type": "emoji", "name": "tada"},
        {"type": "date", "timestamp": 1700000000, "format": "{time}", "fallback": "then"},
        {"type": "novelty"},
    ]
    item = {"type": "rich_text_section", "elements": pieces[:1]}
    parts = [
        {"type": "rich_text_section", "elements": pieces},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "INC-42 *db* down\nnow"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "SELECT 1;"}]},
        {"type": "rich_text_list", "style": "bullet", "elements": [item]},
    ]
    ts = post(slack, {"type": "rich_text", "elements": parts})
    at = page.locator(f'[data-ts="{ts}"] .rich_text')
    at.wait_for()
    assert at.locator("strong em, em strong").first.inner_text() == "bold"
    assert at.locator("p").inner_text() == (
        "bolda link@Bob@dba#access-requests@here:tada:23:13Unsupported text: novelty"
    )
    assert at.locator("blockquote").inner_text() == "INC-42 *db* down\nnow"
    assert at.locator("pre").inner_text() == "SELECT 1;"
    assert at.locator("ul li").inner_text() == "bold"


def test_blocks_that_only_show_are_drawn(page, slack):
    ts = post(
        slack,
        {"type": "header", "text": plain("A header")},
        {"type": "divider"},
        section("With fields", fields=[mrkdwn("*one*"), plain("*two*")], accessory=PICTURE),
        {"type": "context", "elements": [PICTURE, mrkdwn("_small_")]},
        {"type": "image", "image_url": DOT, "alt_text": "a picture", "title": plain("Its title")},
        {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "of elsewhere"},
    )
    at = page.locator(f'[data-ts="{ts}"]')
    at.get_by_role("heading", name="A header").wait_for()
    assert at.locator("hr").count() == 1
    assert at.locator(".fields strong").all_inner_texts() == ["one"]
    assert "*two*" in at.locator(".fields").inner_text()
    assert at.locator(".context em").inner_text() == "small"
    assert at.get_by_alt_text("a dot").count() == 2
    assert at.locator("figcaption").first.inner_text() == "Its title"
    assert at.get_by_role("link", name="of elsewhere").get_attribute("href") == "https://a.example/x.png"


def test_what_is_not_known_is_shown_as_unsupported(page, slack):
    room = slack.world.channel(REQUESTS)
    strange = [{"type": "card", "block_id": "c"}, actions({"type": "lever", "action_id": "l"}), {"type": "toString"}]
    message = slack.world.post(room, {"user": ALICE, "text": "x", "blocks": strange})
    at = page.locator(f'[data-ts="{message["ts"]}"]')
    at.get_by_text("Unsupported block: card").wait_for()
    at.get_by_text("Unsupported block: toString").wait_for()
    at.get_by_text("Unsupported element: lever").wait_for()
