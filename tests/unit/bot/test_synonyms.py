"""What is said to a subcommand that there is not: what was meant, and all that was typed."""

from bot.listeners.command import HELP, helped
from bot.listeners.synonyms import guess
from bot.listeners.typed import SUBCOMMANDS

MEANT = {
    "end": "release",
    "end orders-db/read": "release orders-db/read",
    "stop R-7F3K": "release R-7F3K",
    "give back read": "release read",
    "break INC-42 db down": "break-glass INC-42 db down",
    "break glass INC-42": "break-glass INC-42",
    "emergency": "break-glass",
    "ask orders-db/read 1h": "request orders-db/read 1h",
    "need orders-db/read 1h": "request orders-db/read 1h",
    "read 1h db down": "request read 1h db down",
    "db down, orders-db/read": "request db down, orders-db/read",
    "exted 30m still at it": "extend 30m still at it",
    "prolong 30m": "extend 30m",
    "home": "list",
    "kick R-7F3K he left": "revoke R-7F3K he left",
    "rel": "release",
    "rev R-7F3K": "revoke R-7F3K",
    "revok R-7F3K": "revoke R-7F3K",
    "who-is orders-db": "who orders-db",
    "vacation 3d @carol": "away 3d @carol",
    "emergancy INC-42": "break-glass INC-42",
    "?": "help",
}
BY_BUTTON = {
    "cancel R-7F3K": "Withdraw",
    "withdraw": "Withdraw",
    "cancle R-7F3K": "Withdraw",
    "approve R-7F3K": "Approve",
    "aprove R-7F3K": "Approve",
    "deny R-7F3K not now": "Deny",
    "review R-7F3K justified": "Justified",
}
MEAN_NOTHING = ("frobnicate the orders", "zzzz", "orders are stuck")


def test_other_words_for_a_subcommand_are_understood_with_what_was_typed_after_them() -> None:
    for typed, meant in MEANT.items():
        first, _, rest = typed.partition(" ")
        found = guess(first, rest)
        assert f"{found.subcommand} {found.rest}".strip() == meant, typed
        assert found.says == "", typed
        assert found.subcommand in SUBCOMMANDS


def test_what_no_subcommand_does_says_where_its_button_is() -> None:
    for typed, button in BY_BUTTON.items():
        first, _, rest = typed.partition(" ")
        found = guess(first, rest)
        assert (found.subcommand, found.rest) == ("", rest), typed
        assert f"*{button}*" in found.says, typed


def test_nothing_that_was_typed_is_lost_and_no_secret_is_repeated() -> None:
    for typed in (*BY_BUTTON, *MEAN_NOTHING, *MEANT):
        first, _, rest = typed.partition(" ")
        answer = helped(first, rest)
        last = rest.rpartition(" ")[2]
        assert last in answer.text, typed
        assert last in str(answer.blocks), typed
    for typed in MEAN_NOTHING:
        first, _, rest = typed.partition(" ")
        assert HELP in helped(first, rest).text, typed
    for typed in ("cancel password=hunter2hunter2", "zzzz token=hunter2hunter2", "end secret=hunter2hunter2"):
        first, _, rest = typed.partition(" ")
        assert "hunter2" not in str(helped(first, rest)), typed
