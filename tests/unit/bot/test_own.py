"""Which of what one holds is meant by what is typed after `/jit extend` and `/jit release`."""

from dataclasses import replace

from bot.listeners.own import which
from jit.requests.lifecycle import State
from tests.unit.bot.test_bot_forms import ADMIN, ALL
from tests.unit.bot.test_bot_listeners import REQUEST

READ = replace(REQUEST, state=State.ACTIVE)
WRITE = replace(READ, id="R-ABCD", access="orders-db/write")
GONE = replace(READ, id="R-2345", access="old-db/all")
"""Of an access that has left the rules."""

MORE_TIME = {
    "30m still at it": ("30m", "still at it"),
    "still at it 30m": ("30m", "still at it"),
    "for 30m still": ("30m", "still"),
    "still at it for 30 min": ("30m", "still at it"),
    "two orders left, 30m will do": ("30m", "two orders left, will do"),
    "orders-db/read 30m why": ("30m", "why"),
    "30m why orders-db/read": ("30m", "why"),
    "why 30m: orders-db/read": ("30m", "why"),
    "Orders-DB/Read for 1h30m why": ("1h30m", "why"),
    "read 30m why": ("30m", "read why"),
    "orders-db read 30m why": ("30m", "why"),
    "30m why R-7F3K": ("30m", "why"),
    "7f3k 30m why": ("30m", "why"),
    "30m 7f3k why": ("30m", "why"),
    "why 30m r-7f3k": ("30m", "why"),
    "r\u20117f3k why 30m": ("30m", "why"),
    "7f3k": ("", ""),
    "read": ("", ""),
    "30m": ("30m", ""),
    "": ("", ""),
    "INC-42 still burns 30m": ("30m", "INC-42 still burns"),
    "as in R-7F3K before, 30m": ("30m", "as in R-7F3K before,"),
    "it takes 10m a table": ("", "it takes 10m a table"),
}


def test_more_time_is_read_in_any_order_with_or_without_the_access() -> None:
    for typed, (duration, reason) in MORE_TIME.items():
        meant = which(typed, [READ], ALL, reasoned=True)
        asked = meant.filled.asked
        assert ([each.id for each in meant.among], asked.duration, asked.reason) == ([READ.id], duration, reason), typed
        assert meant.filled.note == "", typed


def test_of_several_the_one_that_is_named_is_extended() -> None:
    for typed, request in (
        ("orders-db/write 30m why", WRITE),
        ("write 30m why", WRITE),
        ("30m why orders-db/read", READ),
        ("abcd 30m why", WRITE),
        ("why 30m R-7F3K", READ),
        ("old-db/all 30m why", GONE),
        ("old 30m why", GONE),
        ("orders-db/read 30m, not orders-db/admin", READ),
    ):
        meant = which(typed, [READ, WRITE, GONE], ALL, reasoned=True)
        assert (list(meant.among), meant.filled.asked.duration) == ([request], "30m"), typed


def test_what_names_another_access_or_none_of_several_extends_nothing() -> None:
    for typed, live in (
        ("orders-db/read 30m why", [WRITE]),
        ("read 30m why", [WRITE]),
        ("30m why orders-db/read", [WRITE]),
        ("billing 30m why", [WRITE]),
        ("orders-db/wriet 30m why", [WRITE]),
        ("wriet 30m why", [WRITE]),
        ("no/such 30m why", [WRITE]),
        ("orders 30m why", [READ, WRITE]),
        ("30m why", [READ, WRITE]),
        ("", [READ, WRITE]),
    ):
        assert len(which(typed, live, ALL, reasoned=True).among) != 1, typed


def test_a_duration_that_cannot_be_used_is_said() -> None:
    for typed in ("1.5h why", "why 0m", "orders-db/read -1h why"):
        assert "was not used as a duration" in which(typed, [READ], ALL, reasoned=True).filled.note, typed


def test_what_is_given_back_is_named_by_any_piece_of_it() -> None:
    live = [READ, WRITE, GONE]
    for typed, ids in (
        ("read", [READ.id]),
        ("READ", [READ.id]),
        ("write please", [WRITE.id]),
        ("my orders-db read now", [READ.id]),
        ("“orders-db/write”", [WRITE.id]),
        ("orders", [READ.id, WRITE.id]),
        ("db/wri", [WRITE.id]),
        ("R-ABCD", [WRITE.id]),
        ("abcd now", [WRITE.id]),
        ("all", [GONE.id]),
        ("admin", []),
        ("read write", []),
        ("orders-db/admin", []),
        ("", [READ.id, WRITE.id, GONE.id]),
    ):
        assert [each.id for each in which(typed, live, [*ALL, ADMIN], reasoned=False).among] == ids, typed
    for typed in ("admin", "orders-db/read", "asap"):
        assert which(typed, [WRITE], ALL, reasoned=False).among == [], typed
