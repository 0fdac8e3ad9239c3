"""The record read: it is recorded who does, and what is broken is said and passed over."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from jit.facts import RecordRead, Source, Started
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.entry import hash_of
from jit.ledger.schema import entries
from jit.proof.audit.reading import (
    LONGEST_ASKED,
    Part,
    kept_at,
    last_before,
    read_at,
    read_entries,
    read_kept,
    record_reading,
)
from jit.runtime.settings import CannotStart
from jit.testing import T0, InMemoryLedger, InterruptibleLedger, ManualClock
from tests.world.tamper import past_the_guards


@pytest.fixture
def ledger(tmp_path: Path) -> InterruptibleLedger:
    return InMemoryLedger(ManualClock())


def started(ledger: Ledger, count: int, *, seconds: float = 1) -> None:
    """So many entries, each so long after the one before."""
    for number in range(count):
        ledger.clock.move(seconds=seconds)
        ledger.append(
            [
                Started(
                    at=ledger.clock.now(),
                    actor="bot@host",
                    source=Source.BOT,
                    process=f"bot {number}",
                    version="1",
                    policy_version="ab",
                )
            ]
        )


def change(ledger: Ledger, index: int, **values) -> None:
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == index).values(**values))


def remove(ledger: Ledger, *indices: int) -> None:
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(delete(entries).where(entries.c.index.in_(indices)))


def told(found) -> list:
    return [str(each) if isinstance(each, TamperedEntry) else each.index for each in found]


def test_who_reads_is_recorded_with_what_they_asked(ledger: InterruptibleLedger):
    recorded = record_reading(ledger, "search", "--person U01ALICE0 “lager”", 7)
    fact = ledger.read()[-1].fact
    assert recorded.index == 1
    assert isinstance(fact, RecordRead)
    assert (fact.how, fact.asked, fact.after, fact.source) == ("search", "--person U01ALICE0 “lager”", 7, Source.CLI)
    assert fact.actor.startswith("cli:")
    assert "@" in fact.actor


def test_what_was_asked_is_cut_and_never_too_long_to_be_recorded(ledger: InterruptibleLedger):
    record_reading(ledger, "export", "x" * 100_000 + "\udcff", 0)
    record_reading(ledger, "export", "\udcff", 0)
    asked = [entry.fact.asked for entry in ledger.read()]
    assert len(asked[0]) == LONGEST_ASKED
    assert asked == ["x" * (LONGEST_ASKED - 1) + "…", "?"]


def test_where_it_cannot_be_recorded_nothing_may_be_shown(ledger: InterruptibleLedger):
    ledger.cut = True
    with pytest.raises(CannotStart, match="Nothing is shown"):
        record_reading(ledger, "tail", "", 0)


def test_all_entries_come_in_order_page_by_page(ledger: InterruptibleLedger):
    started(ledger, 3)
    assert told(read_entries(ledger)) == [1, 2, 3]
    assert told(read_entries(ledger, Part(newest_first=True))) == [3, 2, 1]
    assert told(read_entries(ledger, Part(1, 2))) == [2]
    assert told(read_entries(ledger, Part(3))) == []


def test_more_than_a_page_is_read_whole_both_ways(ledger: InterruptibleLedger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jit.proof.audit.reading.PAGE", 2)
    started(ledger, 7)
    assert told(read_entries(ledger)) == [1, 2, 3, 4, 5, 6, 7]
    assert told(read_entries(ledger, Part(1, 6, newest_first=True))) == [6, 5, 4, 3, 2]


def test_a_changed_entry_is_passed_over_and_said(ledger: InterruptibleLedger):
    started(ledger, 4)
    body = kept_at(ledger, 2)[1].replace(b"bot 1", b"bot 9")
    change(ledger, 2, body=body)
    wrong = "entry 2: its bytes do not have the hash they are kept under"
    assert told(read_entries(ledger)) == [1, wrong, 3, 4]
    assert told(read_entries(ledger, Part(newest_first=True))) == [4, 3, wrong, 1]


def test_some_are_read_by_their_places_in_the_order_asked_for(ledger: InterruptibleLedger):
    started(ledger, 5)
    change(ledger, 2, hash="0" * 64)
    remove(ledger, 3)
    wrong = "entry 2: its bytes do not have the hash they are kept under"
    assert told(read_at(ledger, [5, 3, 2, 1])) == [5, "entry 3: missing", wrong, 1]


PLACE = b'{"index": 2, "recorded_at": "2026-11-21T14:00:00+00:00", "previous": "' + b"0" * 64 + b'", "fact": {'


def test_whatever_stands_in_the_place_of_an_entry_is_passed_over(ledger: InterruptibleLedger):
    started(ledger, 3)
    huge, no_fact, deep = b"x" * (2 * 1024 * 1024), PLACE + b'"kind": 1}}', PLACE + b'"a":' + b"[" * 100_000
    for body in (b"", b"{}", b"\xff\xfe", huge, no_fact, deep):
        change(ledger, 2, body=body, hash=hash_of(body))
        first, second, third = told(read_entries(ledger))
        assert (first, third) == (1, 3), body[:100]
        assert second.startswith("entry 2: "), body[:100]


def test_one_that_belongs_elsewhere_is_no_entry_here(ledger: InterruptibleLedger):
    started(ledger, 3)
    _, body, kept_under = kept_at(ledger, 1)
    change(ledger, 2, body=body, hash=kept_under)
    assert told(read_entries(ledger)) == [1, "entry 2: it is not what was recorded here", 3]


def test_one_that_was_written_anew_is_no_entry(ledger: InterruptibleLedger):
    started(ledger, 2)
    body = json.dumps(json.loads(kept_at(ledger, 2)[1]), separators=(",", ":")).encode()
    change(ledger, 2, body=body, hash=hash_of(body))
    assert told(read_entries(ledger)) == [1, "entry 2: it is not what was recorded here"]


def test_one_that_says_its_place_twice_is_no_entry(ledger: InterruptibleLedger):
    started(ledger, 2)
    body = kept_at(ledger, 2)[1][:-1] + b', "index": 7}'
    change(ledger, 2, body=body, hash=hash_of(body))
    assert told(read_entries(ledger)) == [1, "entry 2: it is not what was recorded here"]


def test_what_is_missing_is_said_wherever_it_was(ledger: InterruptibleLedger):
    started(ledger, 7)
    remove(ledger, 1, 3, 4, 7)
    gone = ["entry 1: missing", 2, "entry 3: missing, and all up to 4", 5, 6]
    assert told(read_entries(ledger)) == gone
    assert told(read_entries(ledger, Part(upto=7))) == [*gone, "entry 7: missing"]
    assert told(read_entries(ledger, Part(upto=7, newest_first=True))) == ["entry 7: missing", *reversed(gone)]
    assert told(read_kept(ledger, Part(6, 9))) == ["entry 7: missing, and all up to 9"]


def test_what_the_columns_say_hides_no_entry(ledger: InterruptibleLedger):
    started(ledger, 3)
    change(ledger, 2, kind="nothing", recorded_at=T0 - timedelta(days=900), id="x")
    assert told(read_entries(ledger)) == [1, 2, 3]
    assert last_before(ledger, T0 + timedelta(seconds=1)) == 0


def test_the_last_before_a_moment_is_found_by_what_the_entries_say(ledger: InterruptibleLedger):
    assert last_before(ledger, T0) == 0
    started(ledger, 9)
    found = [last_before(ledger, T0 + timedelta(seconds=second)) for second in range(12)]
    assert found == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_a_moment_is_found_though_entries_are_broken(ledger: InterruptibleLedger):
    started(ledger, 9)
    for index in (4, 5, 6):
        body = kept_at(ledger, index)[1].replace(b"2026-11", b"2036-11")
        change(ledger, index, body=body)
    remove(ledger, 8)
    assert last_before(ledger, T0 + timedelta(seconds=4)) == 3
    assert last_before(ledger, T0 + timedelta(seconds=7.5)) == 7
    assert last_before(ledger, T0 + timedelta(seconds=8.5)) == 7
    assert last_before(ledger, T0 + timedelta(seconds=60)) == 9


def test_a_record_without_a_sound_entry_begins_at_its_beginning(ledger: InterruptibleLedger):
    started(ledger, 3)
    for index in (1, 2, 3):
        change(ledger, index, body=json.dumps({"index": index}).encode())
    assert last_before(ledger, T0 + timedelta(days=1)) == 0
