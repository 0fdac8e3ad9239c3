"""What is no reason, and what is one all the same."""

from jit.requests.intake import reason_trouble

NOTHING = (
    *(".", "...", "?!", "x", "xxx", "XXXXXX", "1111", "asdf", "ASDFGH", "asdfasdfas", "asdf asdf", "qwerty", "qwertz"),
    *("lkjh", "yxcv", "azerty", "a", "- x -", "orders-db/read", "Orders DB read!", "\U0001f44d", "asdf" * 400),
    *(
        "test",
        "Test!",
        "testing 123",
        "just a test",
        "this is a test",
        "testtest",
        "for testing",
        "foo",
        "foo bar",
        "bla",
    ),
    *("foo bar", "bla", "bla bla", "blablabla", "123", "12345"),
    *("1 2 3", "42", "asdfqwer", "qwe asd", "qwertyasdf123", "1qaz2wsx", "n/a"),
    *("N.A.", "none", "null", "-none-", "tbd", "idk", "because", "just because", "no reason", "ok", "hello", "abc"),
    *("lorem ipsum", "hahaha", "xyxyxy", "please", "whatever", "asdasdas"),
)
REASONS = (
    *("INC-42", "db down", "look", "db", "4711", "12945", "a look", "fix", "asdf is what the log says", "mmm, stuck"),
    *(
        "\u4fee",
        "orders-db/read is needed",
        "were",
        "dba",
        "r\u00fcck",
        "load test",
        "test the backup",
        "none of them answers",
    ),
    *(
        "no",
        "not now",
        "not needed",
        "no need",
        "too long",
        "on call",
        "ticket 123",
        "null pointers",
        "because of INC-42",
    ),
    *("property", "power", "hdfs", "kafka", "papa's test", "power outage", "why is it slow"),
)


def test_what_says_nothing_is_no_reason() -> None:
    for text in NOTHING:
        assert "Say why" in (reason_trouble(text, "orders-db/read") or ""), text
    for text in REASONS:
        assert reason_trouble(text, "orders-db/read") is None, text
