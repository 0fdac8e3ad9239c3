"""What is no reason, and what is one all the same."""

from jit.requests.intake import reason_trouble

NOTHING = (
    *(".", "...", "?!", "x", "xxx", "XXXXXX", "1111", "asdf", "ASDFGH", "asdfasdfas", "asdf asdf", "qwerty", "qwertz"),
    *("lkjh", "yxcv", "azerty", "a", "- x -", "orders-db/read", "Orders DB read!", "\U0001f44d", "asdf" * 400),
)
REASONS = (
    *("INC-42", "db down", "look", "db", "4711", "12345", "a look", "fix", "asdf is what the log says", "mmm, stuck"),
    *("\u4fee", "orders-db/read is needed", "were", "dba", "test", "r\u00fcck"),
)


def test_what_says_nothing_is_no_reason() -> None:
    for text in NOTHING:
        assert "Say why" in (reason_trouble(text, "orders-db/read") or ""), text
    for text in REASONS:
        assert reason_trouble(text, "orders-db/read") is None, text
