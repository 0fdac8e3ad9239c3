"""What a message looks like to the one who reads it, and whom it pings."""

import pytest

from playground.text import pinged, rendered

NAMES = {"U1": "Alice", "S1": "dba", "C1": "access-requests"}.__getitem__


def mrkdwn(text):
    return {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*Alice* asks", "*Alice* asks"),
        ("<@U1> of <!subteam^S1> in <#C1>", "@Alice of @dba in #access-requests"),
        ("<!channel> <!here>", "@channel @here"),
        ("&lt;!channel&gt; &amp;amp;", "<!channel> &amp;"),
        ("<https://x.example|runbook> <https://y.example>", "runbook https://y.example"),
        ("until <!date^1700000000^{time}|22:13 UTC>", "until 23:13"),
        ("on <!date^1700000000^{date_short} {time_secs}|x>", "on Nov 14, 2023 23:13:20"),
        ("<!date^soon^{time}|later>", "later"),
    ],
)
def test_markup_is_spelled_out_in_the_readers_zone(text, shown):
    assert rendered(mrkdwn(text), NAMES, "Europe/Berlin") == shown


def test_blocks_are_read_in_order_with_buttons_last_of_their_block():
    def plain(text):
        return {"type": "plain_text", "text": text}

    def button(text):
        return {"type": "button", "text": plain(text)}

    message = {
        "text": "only a notification",
        "blocks": [
            {"type": "header", "text": plain("Head & <tail>")},
            {"type": "section", "text": plain("body"), "accessory": button("Show")},
            {"type": "section", "fields": [plain("one"), plain("two")]},
            {"type": "divider"},
            {"type": "context", "elements": [plain("small"), plain("print")]},
            {"type": "actions", "elements": [button("Approve"), button("Deny")]},
        ],
    }
    assert rendered(message, NAMES).splitlines() == [
        "Head & <tail>",
        "body",
        "[Show]",
        "one",
        "two",
        "———",
        "small  print",
        "[Approve] [Deny]",
    ]


def test_a_block_that_is_not_known_is_marked_as_such():
    message = {"blocks": [{"type": "card", "title": "hidden"}, *mrkdwn("below")["blocks"]]}
    assert rendered(message, NAMES).splitlines() == ["[unsupported block: card]", "below"]


def test_a_message_without_blocks_shows_its_text():
    assert rendered({"text": "a &lt; b"}, NAMES) == "a < b"


def test_pings_come_from_mrkdwn_only():
    plain = {"type": "context", "elements": [{"type": "plain_text", "text": "<!everyone> <@U9>"}]}
    message = {
        "text": "<!channel> <!subteam^S1>",
        "blocks": [*mrkdwn("<@U1> &lt;!here&gt; <!date^1^x|y>")["blocks"], plain],
    }
    assert pinged(message) == {"channel", "S1", "U1"}
