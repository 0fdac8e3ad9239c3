"""Entries taken out of the spool, changed in it or put into it are told; what can be read is recorded all the same."""

import re
import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from jit.facts import Alert, Fact, Source, SpoolTaken
from jit.ledger import Spool, TakenIn, TamperedEntry
from jit.ledger.opened import opened
from tests.world.hands import Hands
from tests.world.spooling import SIGNED, Host, Row, change, late, make_host, put_in, row_of
from tests.world.tamper import past_the_guards

Rows = list[Row]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


def spooled(says: str) -> Alert:
    return late(says).model_copy(update={"spooled": True})


def other_words(row: Row) -> Row:
    """Of the entry, and not of the hash it is kept under."""
    index, body, kept_under = row
    found = re.sub(rb'"says":"."', b'"says":"x"', body)
    assert found != body
    return index, found, kept_under


def made_anew(rows: Rows, changed: int) -> Rows:
    """The chain with a changed entry, its hashes right again."""
    facts = [opened(*row, {}).fact for row in rows]
    anew: Rows = []
    for number, fact in enumerate(facts):
        told = fact.model_copy(update={"says": "x"}) if number == changed else fact
        anew.append(row_of(told, after=anew[-1] if anew else None))
    return anew


DAMAGE: dict[str, tuple[Callable[[Rows], Rows], set[str], str]] = {
    "one is removed": (lambda five: [*five[:2], *five[3:]], {"a", "b", "d", "e"}, "entry 3: missing"),
    "the first are removed": (lambda five: five[2:], {"c", "d", "e"}, "entry 1: missing; 3 stands in its place"),
    "the last are removed": (lambda five: five[:3], {"a", "b", "c"}, "entries 4 to 5 are missing"),
    "all are removed": (lambda _: [], set(), "entries 1 to 5 are missing"),
    "one is changed": (
        lambda five: [*five[:2], other_words(five[2]), *five[3:]],
        {"a", "b", "d", "e"},
        "entry 3: its bytes do not have the hash",
    ),
    "one is changed, and its hash": (
        lambda five: [*five[:2], made_anew(five, 2)[2], *five[3:]],
        {"a", "b", "x", "d", "e"},
        "entry 4: it does not follow the entry before it",
    ),
    "a hash in one is changed": (
        lambda five: [*five[:2], (3, five[2][1].replace(five[1][2].encode(), b"0" * 64), five[2][2]), *five[3:]],
        {"a", "b", "d", "e"},
        "entry 3: its bytes do not have the hash",
    ),
    "the last is changed": (
        lambda five: [*five[:4], other_words(five[4])],
        {"a", "b", "c", "d"},
        "entry 5: its bytes do not have the hash",
    ),
    "all from one on are made anew": (
        lambda five: made_anew(five, 2),
        {"a", "b", "x", "d", "e"},
        "entry 5, its last, is not the one that was written",
    ),
    "two are swapped": (
        lambda five: [five[0], (2, *five[2][1:]), (3, *five[1][1:]), *five[3:]],
        {"a", "d", "e"},
        "entry 2: its bytes do not have the hash",
    ),
    "one stands twice": (
        lambda five: [*five, (6, *five[1][1:])],
        {"a", "b", "c", "d", "e"},
        "entry 6: its bytes do not have the hash",
    ),
    "one is put in at the end": (
        lambda five: [*five, row_of(spooled("in"), after=five[4])],
        {"a", "b", "c", "d", "e", "in"},
        "the last that was written is entry 5, and there are some up to 6",
    ),
    "one is put in before the first": (
        lambda five: [(0, *row_of(spooled("in"))[1:]), *five],
        {"a", "b", "c", "d", "e"},
        "entry 0: its bytes do not have the hash",
    ),
}


def test_damage_is_told_and_what_can_be_read_is_recorded(tmp_path: Path) -> None:
    for damage, (harm, left, says) in DAMAGE.items():
        (tmp_path / damage).mkdir()
        host = make_host(tmp_path / damage)
        host.write("a", "b", "c", "d", "e")
        host.put(harm(host.rows()))
        taken = host.take_in()
        assert set(host.recorded()) == left, damage
        [told] = host.broken()
        assert says in told, damage
        assert taken.broken, damage
        assert host.taken() == [], damage
        assert host.rows() == [], damage
        assert host.take_in() == TakenIn(), damage
        host.write("after")
        assert host.take_in().broken == (), damage
        assert len(host.broken()) == 1, damage
        assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 1)], damage


def test_what_was_changed_is_put_aside_as_it_is(host: Host) -> None:
    host.write("a", "b", "c", "d")
    rows = host.rows()
    changed = other_words(rows[2])
    host.put([*rows[:2], changed, rows[3]])
    assert host.take_in().refused == 0
    assert (host.folder / "spool.unreadable").read_bytes() == changed[1] + b"\n"
    assert "missing" not in host.broken()[0]


def test_the_file_deleted_is_told(host: Host) -> None:
    host.write("a", "b")
    host.file.unlink()
    host.take_in()
    assert "what was noted of its chain is gone" in host.broken()[0]


@pytest.mark.parametrize("left", [b"", b"not a database" * 100])
def test_another_file_in_its_place_is_told(host: Host, left: bytes) -> None:
    host.write("a", "b")
    host.take_in()
    host.file.write_bytes(left)
    host.write("c")
    host.take_in()
    assert host.recorded() == ["a", "b", "c"]
    assert "what was noted of its chain is gone" in host.broken()[0]
    host.write("d")
    assert host.take_in() == TakenIn(recorded=1)
    assert len(host.broken()) == 1


def test_an_untouched_spool_is_taken_in_by_one_fact_for_each_taking(host: Host) -> None:
    for round_ in range(3):
        host.write(f"{round_}a", f"{round_}b")
        assert host.take_in() == TakenIn(recorded=2)
        assert host.take_in() == TakenIn()
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 2), (3, 4), (5, 6)]
    assert len({fact.host for fact in host.taken()}) == 1
    assert host.taken()[0].host.startswith(f"{socket.gethostname()}/")
    assert host.broken() == []


def test_a_spool_that_was_taken_in_is_small_and_holds_no_words(host: Host) -> None:
    host.spool.write([late("secret words " * 300) for _ in range(200)])
    grown = host.file.stat().st_size
    assert host.take_in() == TakenIn(recorded=200)
    assert [path.name for path in host.folder.glob("spool.db*")] == ["spool.db"]
    assert host.file.stat().st_size < 100_000 < grown
    assert b"secret" not in host.file.read_bytes()
    host.write("more")
    assert host.take_in() == TakenIn(recorded=1)


def test_the_head_that_is_told_is_the_hash_of_the_last_entry(host: Host) -> None:
    host.write("a", "b")
    (*_, head) = host.rows()[-1]
    host.take_in()
    assert host.taken()[0].head == head


def test_an_older_spool_put_back_is_told(host: Host, tmp_path: Path) -> None:
    host.write("a")
    host.take_in()
    shutil.copytree(host.folder, tmp_path / "older")
    host.write("b")
    host.take_in()
    shutil.rmtree(host.folder)
    shutil.copytree(tmp_path / "older", host.folder)
    host.take_in()
    assert "put back to an older state: it had been taken in up to entry 2" in host.broken()[0]


def test_an_older_spool_put_back_and_written_on_is_told_and_loses_nothing(host: Host, tmp_path: Path) -> None:
    host.write("a")
    host.take_in()
    shutil.copytree(host.folder, tmp_path / "older")
    host.write("b")
    host.take_in()
    shutil.rmtree(host.folder)
    shutil.copytree(tmp_path / "older", host.folder)
    host.write("other", "more")
    host.take_in()
    assert set(host.recorded()) == {"a", "b", "other", "more"}
    assert "entry 2 is another than the one that was taken in" in host.broken()[0]


def test_entries_taken_in_once_and_put_back_are_told(host: Host) -> None:
    host.write("a", "b", "c")
    before = host.rows()
    host.take_in()
    host.put(before[:2])
    host.take_in()
    assert "put back to an older state" in host.broken()[0]
    assert sorted(host.recorded()) == ["a", "b", "c"]


def test_a_ledger_that_lost_what_it_took_in_is_told(host: Host, tmp_path: Path) -> None:
    host.write("a")
    host.take_in()
    (tmp_path / "other").mkdir()
    host.ledger = make_host(tmp_path / "other").ledger
    host.write("b")
    host.take_in()
    assert host.recorded() == ["b"]
    assert "the record does not hold any more that it was taken in up to entry 1" in host.broken()[0]


def test_the_loss_of_what_was_noted_is_told_and_costs_no_fact(tmp_path: Path) -> None:
    for number, noted in enumerate((None, "", "{}", '{"n": 1', "\xff" * 9000)):
        for waiting in ([], ["b"]):
            folder = tmp_path / f"{number}{waiting}"
            folder.mkdir()
            host = make_host(folder)
            host.write("a")
            host.take_in()
            host.write(*waiting)
            host.forget_chain(noted)
            host.write("c")
            host.take_in()
            assert set(host.recorded()) == {"a", *waiting, "c"}, (noted, waiting)
            assert "what was noted of its chain is gone" in host.broken()[0], (noted, waiting)
            assert "missing" not in host.broken()[0], (noted, waiting)
            host.write("d")
            assert host.take_in().broken == (), (noted, waiting)


def test_a_folder_emptied_under_a_running_process_is_told(host: Host) -> None:
    spool = host.spool
    host.write("a")
    spool.take_in(host.ledger, SIGNED)
    shutil.rmtree(host.folder)
    spool.take_in(host.ledger, SIGNED)
    assert len(host.broken()) == 1
    assert spool.take_in(host.ledger, SIGNED) == TakenIn()
    assert len(host.broken()) == 1


def test_two_folders_of_one_host_are_two_chains(host: Host, tmp_path: Path) -> None:
    other = Host(tmp_path / "second" / "spool", host.ledger)
    for one in (host, other, host, other):
        one.write("x")
        one.take_in()
    assert host.broken() == []
    names = [fact.host for fact in host.taken()]
    assert names[0] == names[2] != names[1] == names[3]
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 1), (1, 1), (2, 2), (2, 2)]


def test_a_host_that_is_called_otherwise_today_keeps_its_chain(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("a")
    host.take_in()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    host.write("b")
    host.take_in()
    assert host.broken() == []
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 1), (2, 2)]


def test_a_taking_that_was_changed_in_the_ledger_vouches_for_nothing(host: Host) -> None:
    host.write("a")
    host.take_in()
    with host.ledger.engine.begin() as connection, past_the_guards(connection):
        other = "CAST(replace(body, '\"first\":1', '\"first\":0') AS BLOB)"
        connection.exec_driver_sql(f"UPDATE entries SET body = {other} WHERE kind = 'spool.taken'")
    host.write("b")
    assert host.take_in().broken


def test_files_that_others_can_read_are_closed_to_them(host: Host) -> None:
    host.write("a")
    files = [host.folder / name for name in ("spool.db", "spool.lock")]
    for file in files:
        file.chmod(0o644)
    host.write("b")
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 2


@pytest.mark.parametrize("name", ["spool.db", "spool.lock"])
def test_a_link_to_elsewhere_is_not_written_through(host: Host, tmp_path: Path, name: str) -> None:
    host.folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"not ours")
    (host.folder / name).symlink_to(elsewhere)
    with pytest.raises(Exception, match="cannot write the spool"):
        host.write("a")
    assert elsewhere.read_bytes() == b"not ours"


def test_an_entry_of_any_length_stops_nothing(host: Host) -> None:
    host.write("a", "b")
    put_in(host.file, [(3, b"{" * (3 << 20), "")])
    taken = host.take_in()
    assert host.recorded() == ["a", "b"]
    assert taken.refused == 1
    assert taken.broken == ()


def test_an_entry_in_the_place_of_the_next_costs_no_fact(host: Host) -> None:
    host.write("a")
    put_in(host.file, [row_of(spooled("in"), after=host.rows()[0])])
    host.write("b")
    host.write("c")
    host.take_in()
    assert set(host.recorded()) == {"a", "in", "b", "c"}
    assert len(host.broken()) == 1
    host.write("d")
    assert host.take_in() == TakenIn(recorded=1)


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1, 999_999_999_999_999])
def test_a_lying_number_stops_nothing(host: Host, number: int, *, noted: bool) -> None:
    host.write("a")
    lying = row_of(spooled("b"), after=(number - 1, b"", "0" * 64))
    put_in(host.file, [lying])
    if not noted:
        host.forget_chain()
    host.write("b")
    host.take_in()
    host.take_in()
    assert set(host.recorded()) == {"a", "b"}
    assert len(host.broken()) == 1


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE TRIGGER trap BEFORE INSERT ON entries BEGIN SELECT raise(ABORT, 'no'); END",
        "CREATE TRIGGER trap AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
        "CREATE VIEW trap AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x FROM n",
        "CREATE TRIGGER trap BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'no'); END",
        "DROP TABLE notes",
        "DROP TABLE entries",
        "ALTER TABLE entries RENAME COLUMN body TO text",
    ],
)
def test_what_somebody_does_to_the_tables_stops_nothing_and_costs_no_fact(host: Host, trap: str) -> None:
    host.write("a")
    host.take_in()
    change(host.file, trap)
    host.write("b")
    host.write("c")
    for _ in range(3):
        with suppress(OSError):
            host.take_in()
    host.write("d")
    host.take_in()
    assert set(host.recorded()) == {"a", "b", "c", "d"}


def test_without_facts_nothing_is_written(host: Host) -> None:
    host.spool.write([])
    assert not host.folder.exists()


def test_the_timekeeper_tells(tmp_path: Path) -> None:
    house = Hands(tmp_path)
    house.timekeeper.sweep()
    for says in ("a", "b"):
        house.spool.write([Alert(at=house.clock.now(), actor="t", source=Source.WORKER, name="end_late", says=says)])
    house.timekeeper.sweep()
    [taken] = [entry.fact for entry in house.ledger.read() if isinstance(entry.fact, SpoolTaken)]
    assert (taken.first, taken.last, taken.actor) == (1, 2, "timekeeper@test")
    change(house.folder / "spool" / "spool.db", "DELETE FROM notes")
    house.timekeeper.sweep()
    assert "spool_broken" in [alert.name for alert in house.alerts()]


def test_somebody_else_at_it_is_not_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("a")
    second: list[TakenIn] = []
    append = host.ledger.append

    def meanwhile(*given: object, **named: object) -> object:
        if not second:
            second.append(host.take_in())
        return append(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(host.ledger, "append", meanwhile)
    assert host.take_in() == TakenIn(recorded=1)
    assert second == [TakenIn()]


def test_the_same_fact_written_twice_is_recorded_once(host: Host) -> None:
    fact = late("a").model_copy(update={"id": uuid4()})
    Spool(host.folder).write([fact])
    Spool(host.folder).write([fact])
    assert host.take_in().broken == ()
    assert host.recorded() == ["a"]


def test_entries_that_are_refused_one_after_the_other_are_taken_in_once_a_second(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, append = host.spool, host.ledger.append

    def refuses(facts: Sequence[Fact]) -> object:
        if isinstance(facts[0], SpoolTaken):
            return append(facts)
        raise TamperedEntry(1, "its key is gone")

    monkeypatch.setattr(host.ledger, "append", refuses)
    refused = 0
    for quarter in range(21):
        spool.write([late(str(quarter))])
        at = SIGNED["at"] + timedelta(seconds=quarter / 4)
        refused += spool.take_in(host.ledger, {**SIGNED, "at": at}).refused
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 1), (2, 5), (6, 9), (10, 13), (14, 17), (18, 21)]
    assert refused == 21
    assert spool.take_in(host.ledger, {**SIGNED, "at": SIGNED["at"]}).broken == ()
