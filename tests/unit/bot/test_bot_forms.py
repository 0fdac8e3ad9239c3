"""The forms, and what of a typed command goes into them."""

from datetime import timedelta

from bot.forms import Filled, chosen, deny_form, options, request_form, value_of
from bot.listeners.names import without_slip
from bot.listeners.typed import fill, fill_at_once, nearest, request_id_in, split
from jit.facts import Quorum
from jit.policy import Access, Rule
from playground.blocks import suggestion_problems, view_problems


def access(name: str, describe: str = "Read it", incident: str | None = None) -> Access:
    return Access(
        name=name,
        describe=describe,
        target="orders-db",
        grants=("orders_read",),
        max_duration=timedelta(hours=8),
        channel="C0ACCESS1",
        request=("group:engineering",),
        rules=(Rule((Quorum(label="dba", who=("group:dba",), count=1),)),),
        incident=incident,
    )


READ, WRITE, ADMIN = (
    access("orders-db/read"),
    access("orders-db/write"),
    access("orders-db/admin", incident=r"(INC|CHG)-\d+"),
)
ALL = [READ, WRITE, ADMIN, access("billing")]

TYPED = {
    "orders-db/read 30m INC-42 db down: need shell": ("orders-db/read", "30m", "db down: need shell", "INC-42"),
    "30M orders-db/READ inc-42": ("orders-db/read", "30m", "", "INC-42"),
    "“orders-db/read” \u20181h30m\u2019 “db down”": ("orders-db/read", "1h30m", "db down", ""),
    "orders\u2013db/read 2 hours  db\tdown\nnow": ("orders-db/read", "2h", "db\tdown\nnow", ""),
    "orders-db/rea 90min": ("orders-db/read", "90m", "", ""),
    "bill 1d": ("billing", "1d", "", ""),
    "orders-db/admin 1h CHG-7 drop": ("orders-db/admin", "1h", "drop", "CHG-7"),
    "orders-db/admin 1h JIRA-7 drop": ("orders-db/admin", "1h", "JIRA-7 drop", ""),
    "orders-db/admin 1h broken (see inc-9)": ("orders-db/admin", "1h", "broken (see inc-9)", "INC-9"),
    "db down since 30m": ("", "", "db down since 30m", ""),
    "orders are stuck": ("", "", "orders are stuck", ""),
    "5xx everywhere": ("", "", "5xx everywhere", ""),
    "": ("", "", "", ""),
    "1h orders-db/read db down": ("orders-db/read", "1h", "db down", ""),
    "db down orders-db/read for 1h INC-42": ("orders-db/read", "1h", "db down", "INC-42"),
    "orders-db/read for 1h db down": ("orders-db/read", "1h", "db down", ""),
    "INC-42 db down 1h orders-db/read": ("orders-db/read", "1h", "db down", "INC-42"),
    "orders-db/read db down 2h": ("orders-db/read", "2h", "db down", ""),
    "orders-db/read 1h slow for 30m": ("orders-db/read", "1h", "slow for 30m", ""),
    "orders-db/read db down since 30m": ("orders-db/read", "", "db down since 30m", ""),
    "need orders-db/read as it is stuck": ("orders-db/read", "", "need orders-db/read as it is stuck", ""),
    "db down because of INC-42": ("", "", "db down because of INC-42", "INC-42"),
    "see what billing says": ("billing", "", "see what billing says", ""),
    "orders-db/read or orders-db/write 1h": ("orders-db/read", "1h", "or orders-db/write", ""),
    "is it orders-db/read or orders-db/write now": ("", "", "is it orders-db/read or orders-db/write now", ""),
    "logs are in /var/log/read 1h": ("", "1h", "logs are in /var/log/read", ""),
    "write 1h": ("orders-db/write", "1h", "", ""),
    "1h adm db down": ("orders-db/admin", "1h", "adm db down", ""),
    "for a look at bills": ("", "", "for a look at bills", ""),
    "db/wri 1h down": ("orders-db/write", "1h", "down", ""),
    "read the stuck orders": ("", "", "read the stuck orders", ""),
    "for 1h": ("", "1h", "", ""),
    "for": ("", "", "for", ""),
    "1h db": ("", "1h", "db", ""),
    "bill 30m is too slow": ("billing", "30m", "bill is too slow", ""),
    "bill INC-42 is too slow": ("billing", "", "bill is too slow", "INC-42"),
    "write, 1h: disk is full": ("orders-db/write", "1h", "write, disk is full", ""),
    "Orders-DB/Write, 1h. disk is full": ("orders-db/write", "1h", "disk is full", ""),
    "orders-db/write: disk is full, 1h": ("orders-db/write", "1h", "disk is full,", ""),
}


PIECES = {
    "read orders-db 1h db down": ("orders-db/read", "1h", "db down"),
    "orders-db read 1h db down": ("orders-db/read", "1h", "db down"),
    "1h orders-db read db down": ("orders-db/read", "1h", "db down"),
    "1h: orders-db, db down": ("", "1h", "db down"),
    "orders db write 1h db down": ("orders-db/write", "1h", "orders db write db down"),
    "read for 1h db down": ("orders-db/read", "1h", "read db down"),
    "1h db down read": ("orders-db/read", "1h", "db down read"),
    "db down read 1h": ("orders-db/read", "1h", "db down read"),
    "read db down 1h": ("orders-db/read", "1h", "read db down"),
    "db down read orders 1h": ("orders-db/read", "1h", "db down read orders"),
    "orders are stuck, look into write 1h": ("", "1h", "orders are stuck, look into write"),
    "orders stuck 1h write": ("orders-db/write", "1h", "orders stuck write"),
    "INC-42 db down read": ("orders-db/read", "", "db down read"),
    "db down 1h need shell orders-db/read": ("orders-db/read", "1h", "db down need shell"),
    "db down 2 hours need shell": ("", "2h", "db down need shell"),
    "orders-db/read db down, need shell for 1h to look": ("orders-db/read", "1h", "db down, need shell to look"),
    "orders-db/read it takes 10m to run": ("orders-db/read", "", "it takes 10m to run"),
    "orders-db/read replica is 5m behind by now": ("orders-db/read", "", "replica is 5m behind by now"),
    "orders-db/read it broke 30m ago again": ("orders-db/read", "", "it broke 30m ago again"),
    "orders-db/read 1h it broke 30m, or 40m": ("orders-db/read", "1h", "it broke 30m, or 40m"),
    "orders-db/read db down 20m need shell 1h": ("orders-db/read", "1h", "db down 20m need shell"),
    "1h db down": ("", "1h", "db down"),
    "1h the disk is dead": ("", "1h", "the disk is dead"),
}


def test_a_piece_of_a_name_and_a_duration_are_found_wherever_they_stand() -> None:
    for typed, fields in PIECES.items():
        asked = fill(typed, ALL).asked
        assert (asked.access, asked.duration, asked.reason) == fields, typed


def test_a_piece_that_fits_several_says_so_beside_a_reason() -> None:
    for typed, piece, reason in (
        ("orders-db 1h db down", "orders-db", "db down"),
        ("orders-db db down", "orders-db", "db down"),
        ("1h orders-db db down", "orders-db", "db down"),
        ("orders 1h db down", "orders", "orders db down"),
        ("1h db down orders", "orders", "db down orders"),
        ("orders down 1h", "orders", "orders down"),
    ):
        filled = fill(typed, ALL)
        assert filled.note == f"“{piece}” fits 3 accesses: choose one.", typed
        assert (filled.access, filled.offered, filled.asked.reason) == (None, None, reason), typed


def test_a_slip_in_a_piece_is_met_with_the_nearest_and_takes_none() -> None:
    for typed, offered, reason in (
        ("reads 1h db down", READ, "reads db down"),
        ("1h redd db down", READ, "redd db down"),
        ("wriet 1h", WRITE, ""),
        ("1h db down wriet", WRITE, "db down wriet"),
        ("billng db down 1h", ALL[-1], "billng db down"),
    ):
        filled = fill(typed, ALL)
        assert (filled.access, filled.offered, filled.asked.access) == (None, offered, ""), typed
        assert (filled.asked.duration, filled.asked.reason) == ("1h", reason), typed
        assert view_problems(request_form(filled, "C0ACCESS1"), ("modal",)) == [], typed
    note = fill("ordres-db 1h db down", ALL).note
    assert note.endswith("accesses you may ask for. Did you mean one of 3 that are nearly called so?")
    assert without_slip(note) == ""
    assert fill("1h reads", ()).note == ""  # nothing is told of what one may not ask for


def test_typed_command_fills_the_form() -> None:
    for typed, fields in TYPED.items():
        filled = fill(typed, ALL)
        asked = filled.asked
        assert (asked.access, asked.duration, asked.reason, asked.incident) == fields, typed
        assert filled.note == "", typed
        assert (filled.access.name if filled.access else "") == asked.access, typed


def test_several_accesses_are_taken_where_they_stand_together() -> None:
    both, reason = ["orders-db/read", "orders-db/write"], "db down"
    for typed, accesses, said in (
        ("orders-db/read,orders-db/write 1h db down", both, reason),
        ("orders-db/read orders-db/write 1h db down", both, reason),
        ("orders-db/read, orders-db/write, 1h: db down", both, reason),
        ("1h orders-db/read and orders-db/write db down", both, reason),
        ("1h db down orders-db/read orders-db/write", both, reason),
        ("1h db down orders-db/read,orders-db/write", both, reason),
        ("ORDERS-DB/read,orders-db/wri 1h db down", both, reason),
        ("orders-db/read,bill 1h db down", ["orders-db/read", "billing"], reason),
        ("orders-db/read,orders-db/read 1h db down", ["orders-db/read"], reason),
        ("orders-db/read 1h db down orders-db/write", ["orders-db/read"], "db down orders-db/write"),
        ("orders-db/read 1h compare with orders-db/write", ["orders-db/read"], "compare with orders-db/write"),
        ("1h db down,again and/or slow", [], "db down,again and/or slow"),
    ):
        filled = fill(typed, ALL)
        asked = filled.asked
        assert [*filter(None, (asked.access, *asked.also))] == accesses, typed
        assert [each.name for each in filled.also] == accesses[1:], typed
        assert (asked.duration, asked.reason, filled.note) == ("1h", said, ""), typed


def test_of_several_the_nearest_is_offered_and_more_than_fit_are_said() -> None:
    filled = fill("orders-db/read,orders-db/wriet 1h db down", ALL)
    assert (filled.asked.also, filled.offered) == ((), WRITE)
    assert "Did you mean orders-db/write?" in filled.note
    assert "fits 3 accesses" in fill("orders-db/read,orders 1h", ALL).note
    filled = fill("orders-db/read,orders-db/wriet,orders-db/admin 1h db down", ALL)
    assert (filled.asked.also, filled.offered) == (("orders-db/admin",), WRITE), "a slip stops none of the others"
    assert filled.asked.reason == "db down"
    many = [access(f"db-{number}/read") for number in range(7)]
    filled = fill(" ".join(each.name for each in many) + " 1h all", many)
    assert len(filled.also) == 4
    assert "“db-6/read” is left out" in filled.note
    assert view_problems(request_form(filled, "C0ACCESS1"), ("modal",)) == []


def test_break_glass_takes_one_access_and_leaves_others_in_the_reason() -> None:
    filled = fill_at_once("orders-db/read orders-db/write are stuck INC-42", ALL)
    assert (filled.access, filled.also, filled.asked.reason) == (READ, (), "orders-db/write are stuck")


def test_a_start_is_read_before_the_reason_and_at_the_end_and_is_said() -> None:
    for typed, start, rest in (
        ("orders-db/read 1h at 22:00 migrate", "22:00", ("orders-db/read", "1h", "migrate", "")),
        ("orders-db/read at 22:00 1h migrate", "22:00", ("orders-db/read", "1h", "migrate", "")),
        ("at 22:00 orders-db/read 1h migrate", "22:00", ("orders-db/read", "1h", "migrate", "")),
        ("orders-db/read 1h migrate at 22:00", "22:00", ("orders-db/read", "1h", "migrate", "")),
        ("orders-db/read 1h At Tomorrow  8:00", "Tomorrow 8:00", ("orders-db/read", "1h", "", "")),
        ("INC-42 1h orders-db/read at 2026-11-30 08:00", "2026-11-30 08:00", ("orders-db/read", "1h", "", "INC-42")),
        ("orders-db/read 1h at 22:00 UTC", "22:00 UTC", ("orders-db/read", "1h", "", "")),
        ("orders-db/read 1h at 22:00 Europe/Berlin", "22:00 Europe/Berlin", ("orders-db/read", "1h", "", "")),
    ):
        filled = fill(typed, ALL)
        asked = filled.asked
        assert asked.start == start, typed
        assert (asked.access, asked.duration, asked.reason, asked.incident) == rest, typed
        assert filled.note == f"It is to begin at {start}. Empty Start to begin at once.", typed
        assert view_problems(request_form(filled, "C0ACCESS1"), ("modal",)) == [], typed


def test_a_time_amid_a_reason_is_no_start() -> None:
    for typed in (
        "orders-db/read 1h db down at 22:00 and since",
        "it broke at 8:00 again",
        "at 22 it broke",
        "look at it",
    ):
        filled = fill(typed, ALL)
        assert filled.asked.start == "", typed
        assert filled.asked.reason in typed, typed
        assert filled.note == "", typed


def test_what_cannot_begin_later_keeps_a_time_in_its_reason() -> None:
    filled = fill_at_once("orders-db/read INC-42 db down at 22:00", ALL)
    assert (filled.asked.start, filled.asked.reason) == ("", "db down at 22:00")
    assert fill("orders-db/read INC-42 db down at 22:00", ALL).asked.start == "22:00"


def test_a_slip_in_an_access_is_met_with_the_nearest_that_one_may_ask_for_and_takes_none() -> None:
    for typed, nearest_is in (
        ("orders-db/raed 30m db down", "orders-db/read"),
        ("order-db/write", "orders-db/write"),
        ("ORDERS-DB/ADMN 1h", "orders-db/admin"),
    ):
        filled = fill(typed, ALL)
        assert filled.access is None, typed
        assert filled.note.endswith(f"is not among the accesses you may ask for. Did you mean {nearest_is}?"), typed
        assert filled.offered is not None
        assert filled.offered.name == nearest_is
        assert filled.asked.access == "", typed
    assert "Did you mean" not in fill("no/such 30m", ALL).note


def test_a_slip_is_found_in_any_place_where_an_access_may_stand() -> None:
    for typed, nearest_is, reason in (
        ("db down orders-db/raed 1h", "orders-db/read", "db down"),
        ("billng 1h", "billing", ""),
        ("billng", "billing", ""),
        ("billng db down", "", "billng db down"),
        ("see /var/log 1h", "", "see /var/log"),
        ("orders-db/raed 30m db down orders-db/write", "orders-db/read", "db down orders-db/write"),
    ):
        filled = fill(typed, ALL)
        assert (filled.offered.name if filled.offered else "") == nearest_is, typed
        assert filled.asked.reason == reason, typed
    assert fill("orders-db/raed 1h", ()).offered is None  # nothing is told of what one may not ask for


def test_what_cannot_be_used_is_said() -> None:
    for typed, note, reason in (
        ("orders-db/ 30m db down", "“orders-db/” fits 3 accesses: choose one.", "db down"),
        ("no/such 30m db down", "“no/such” is not among the accesses you may ask for.", "db down"),
        ("orders-db/read 1.5h db down", "“1.5h” was not used as a duration.", "db down"),
        ("orders-db/read -1h db down", "“-1h” was not used as a duration.", "db down"),
        ("orders-db/read 0m db down", "“0m” was not used as a duration.", "db down"),
        ("orders-db/read 1h " + "x" * 2001, "The reason was not taken over. 2001 characters", ""),
        ("orders-db/read 1h nul \0", "The reason was not taken over. There is a NUL", ""),
        ("orders-db/read 1h password=hunter2hunter2", "leave it out", ""),
    ):
        filled = fill(typed, ALL)
        assert note in filled.note, note
        assert filled.asked.reason == reason, note
        assert view_problems(request_form(filled, "C0ACCESS1"), ("modal",)) == [], note


def test_request_id_is_understood_in_any_spelling() -> None:
    for text in ("r-7f3k", "R-7F3K", "7f3k", "“R-7F3K”", "r\u20117f3k"):
        assert request_id_in(f"{text} seen  in logs") == ("R-7F3K", "seen  in logs"), text


def test_what_is_no_request_id_is_none() -> None:
    for text in ("", "R-", "R-7F", "7f3k;drop", "R-\u0667\u0668\u0669\u0660", "R-" + "7" * 13):
        assert request_id_in(text)[0] is None, text


def test_subcommand_is_read_in_any_casing_with_or_without_quotes() -> None:
    assert split("  LiSt ") == ("list", "")
    assert split("\u201cshow\u201d\u00a0R-7F3K") == ("show", "R-7F3K")
    assert split("@jit revoke R-7F3K why not") == ("revoke", "R-7F3K why not")
    assert split("") == ("help", "")
    assert split("@") == ("help", "")
    assert split("@a " * 2000 + "list") == ("list", "")
    assert nearest("relase") == "release"
    assert nearest("breakglass") == "break-glass"
    assert nearest("zzzz") is None


def test_form_has_its_labels_and_stays_within_slacks_limits() -> None:
    long = access("x" * 200, "y" * 500, incident="(" + "INC|" * 300 + "CHG)")
    for filled in (Filled(), fill(TYPED_LONG, ALL), Filled(access=long, deciders="z" * 900, note="n" * 900)):
        view = request_form(filled, "C0ACCESS1")
        assert view_problems(view, ("modal",)) == []
        fields = [block for block in view["blocks"] if block["type"] == "input"]
        labels = ["Access", "Also", "Duration", "Reason", "Incident", "Start"]
        assert [block["label"]["text"] for block in fields] == labels
    assert view_problems(deny_form("R-7F3K " + "0" * 64, "R-7F3K"), ("modal",)) == []


TYPED_LONG = "orders-db/read 30m INC-42 " + "why " * 499


def test_incident_is_required_only_where_the_access_wants_one() -> None:
    def optional(filled: Filled) -> bool:
        (incident,) = (block for block in request_form(filled, "")["blocks"] if block.get("block_id") == "incident")
        return incident["optional"]

    assert optional(Filled())
    assert optional(Filled(access=READ))
    assert not optional(Filled(access=ADMIN))


def test_options_hold_every_word_and_begin_with_what_was_asked_for_most() -> None:
    names = [option["value"] for option in options(ALL, {"orders-db/write": 3, "billing": 1}, "")]
    assert names == ["orders-db/write", "billing", "orders-db/admin", "orders-db/read"]
    assert [option["value"] for option in options(ALL, {}, "DB wri")] == ["orders-db/write"]
    assert options(ALL, {}, "db nothing") == []


def test_options_fit_a_menu_however_many_and_long_they_are() -> None:
    many = [access(f"{'n' * 195}{number:04}", "d" * 300) for number in range(1, 3000)]
    shown = options(many, {}, "0")
    assert len(shown) == 100
    assert suggestion_problems({"options": shown}) == []
    assert len({option["value"] for option in shown}) == 100


def test_value_of_a_menu_leads_back_to_its_access() -> None:
    long = access("n" * 200)
    accesses = {each.name: each for each in (READ, long)}
    assert chosen(value_of(READ.name), accesses) is READ
    assert chosen(value_of(long.name), accesses) is long
    assert chosen("sha256:" + "0" * 64, accesses) is None
    assert chosen("", accesses) is None


def test_access_without_a_description_has_none() -> None:
    assert "description" not in options([access("billing", " ")], {}, "")[0]
