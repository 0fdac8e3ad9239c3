"""The index of searches: it finds what reading all finds, and what cannot be trusted in it is made anew."""

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from jit.ledger import Ledger, LedgerUnavailable, TamperedEntry
from jit.ledger.entry import hash_of
from jit.ledger.privacy.erasing import erase
from jit.ledger.schema import entries, person_keys
from jit.proof.audit import index
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.reading import ALL, Part, kept_at, read_entries, read_kept
from jit.proof.audit.search import People, Wanted, find_people, search
from jit.testing import ALICE, BOB, CAROL, EVE, ManualClock, Story, ledger_in
from tests.world.tamper import past_the_guards


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Ten requests: Alice's and Bob's in turns, of which every third is denied."""
    ledger = ledger_in(tmp_path / "ledger.db", ManualClock())
    for number in range(10):
        who = (ALICE, BOB)[number % 2]
        target = ("orders-db", "books")[number % 3 == 0]
        fields = {"requester": who, "target": target, "access": f"{target}/{number}"}
        story = Story(ledger, ledger.clock, id=f"R-AAA{number}", fields=fields)
        if number % 3 == 0:
            story.asked()
            story.denied("nein", by=CAROL)
        else:
            story.active()
            story.released()
            story.ending()
            story.ended()
    Story(ledger, ledger.clock, id="R-AAA1").refused()
    return ledger


class Searcher:
    """Whoever searches with an index in ``folder``; ``said`` is what they were told beside."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.folder = folder
        self.said: list[str] = []

    def finds(self, wanted: Wanted, part: Part = ALL) -> list[int | str]:
        index = SearchIndex(self.folder, self.said.append)
        found = search(self.ledger, wanted, part, index)
        return [str(each) if isinstance(each, TamperedEntry) else each.index for each in found]

    def person(self, who: str, **rest) -> Wanted:
        return Wanted(find_people(self.ledger.engine, who, {}), **rest)

    @property
    def file(self) -> Path:
        (found,) = self.folder.glob("search-index-*.db")
        return found


@pytest.fixture
def searcher(ledger: Ledger, tmp_path: Path) -> Searcher:
    return Searcher(ledger, tmp_path / "data")


GRANTED = Wanted(kinds=frozenset({"granted"}))


def all_granted(ledger: Ledger) -> list[int]:
    return [each.index for each in ledger.read() if each.fact.kind == "granted"]


def change(ledger: Ledger, place: int, **values) -> None:
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == place).values(**values))


def remove(ledger: Ledger, *where) -> None:
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(delete(entries).where(*where))


def rewrite(ledger: Ledger, place: int, old: bytes, new: bytes) -> None:
    """Other bytes, under the hash that they have."""
    body = kept_at(ledger, place)[1].replace(old, new)
    change(ledger, place, body=body, hash=hash_of(body))


def test_it_finds_what_reading_all_finds(searcher: Searcher):
    asked = [
        *(searcher.person(who) for who in (ALICE, BOB, CAROL, EVE, "worker@host")),
        *(searcher.person(who, kinds=frozenset({"granted", "denied"})) for who in (ALICE, CAROL)),
        *(Wanted(request=f"R-AAA{number}") for number in (1, 3, 77)),
        Wanted(target="books"),
        Wanted(access="orders-db/2", kinds=frozenset({"approval"})),
        searcher.person(ALICE, words=("INC-42",)),
        searcher.person(CAROL, words=("nein",)),
        Wanted(target="books", incident="inc-42"),
    ]
    for wanted in asked:
        for part in (ALL, Part(7, 23), Part(7, 23, newest_first=True), Part(newest_first=True)):
            every = [each.index for each in read_entries(searcher.ledger, part) if wanted.fits(each.fact)]
            assert searcher.finds(wanted, part) == every, (wanted, part)
    assert searcher.said == []


def test_each_search_reads_what_is_new_alone(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    read: list[Part] = []

    def watched(ledger, part):
        read.append(part)
        return read_kept(ledger, part)

    monkeypatch.setattr(index, "read_kept", watched)
    last = searcher.ledger.last_index()
    searcher.finds(GRANTED)
    Story(searcher.ledger, searcher.ledger.clock, id="R-NEW1").active()
    assert last + 5 in searcher.finds(GRANTED)
    assert read == [Part(0, last), Part(last, last + 5)]


def test_the_file_is_its_owners_alone(searcher: Searcher):
    searcher.finds(GRANTED)
    assert {stat.S_IMODE(path.stat().st_mode) for path in searcher.folder.iterdir()} == {0o600}


def test_it_leads_to_nobody_who_was_erased(searcher: Searcher):
    """Of a person it holds the id of the key, which the record names for ever; what led there from them is deleted."""
    ledger = searcher.ledger
    before = searcher.person(BOB)
    places = searcher.finds(before)
    assert places
    held = searcher.file.read_bytes()
    assert all(key.encode() in held for key in before.people.keys)
    assert [word for word in (ALICE, BOB, CAROL, "INC-42", "stuck", "nein") if word.encode() in held] == []
    erase(ledger, BOB, legal_basis="GDPR Art. 17(1)(a)", actor="cli:root@host")
    assert searcher.finds(searcher.person(BOB)) == []
    assert searcher.finds(Wanted(People(frozenset({BOB}), before.people.keys))) == []
    (key,) = before.people.keys
    assert searcher.finds(searcher.person(f"erased:{key[:8]}")) == places
    assert BOB.encode() not in searcher.file.read_bytes()


def test_a_record_put_back_to_how_it_was_is_read_anew(searcher: Searcher):
    searcher.finds(GRANTED)
    last = searcher.ledger.last_index()
    remove(searcher.ledger, entries.c.index > last - 3)
    Story(searcher.ledger, searcher.ledger.clock, id="R-NEW1").active()
    assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
    assert ["it was changed or restored" in said for said in searcher.said] == [True]
    assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
    assert len(searcher.said) == 1


def test_another_record_at_the_same_address_is_read_anew(searcher: Searcher, tmp_path: Path):
    searcher.finds(GRANTED)
    other = ledger_in(tmp_path / "other.db", ManualClock())
    Story(other, other.clock).active()
    for table in (entries, person_keys):
        with other.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
        with searcher.ledger.engine.begin() as connection, past_the_guards(connection):
            connection.execute(delete(table))
            connection.execute(insert(table), rows)
    assert searcher.finds(GRANTED) == [5]
    assert len(searcher.said) == 1


def test_ledgers_of_different_addresses_have_an_index_each(searcher: Searcher, tmp_path: Path):
    other = ledger_in(tmp_path / "other.db", ManualClock())
    Story(other, other.clock).active()
    second = Searcher(other, searcher.folder)
    for _ in range(2):
        assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
        assert second.finds(GRANTED) == [5]
    assert searcher.said + second.said == []


def test_a_file_that_is_not_what_the_search_before_left_is_made_anew(searcher: Searcher):
    granted = all_granted(searcher.ledger)
    assert searcher.finds(GRANTED) == granted
    good = searcher.file.read_bytes()
    at = good.index(b"kind=granted")
    for bad in (b"", b"junk", good[:-4096], good[:at] + b"x" + good[at + 1 :], b"\0" * len(good)):
        searcher.file.write_bytes(bad)
        assert searcher.finds(GRANTED) == granted, bad[:20]
    with sqlite3.connect(searcher.file) as emptied:
        emptied.execute("DELETE FROM places")
    assert searcher.finds(GRANTED) == granted
    searcher.file.unlink()
    assert searcher.finds(GRANTED) == granted
    searcher.file.with_suffix(".sum").write_bytes(b"\xff" * 10)
    assert searcher.finds(GRANTED) == granted


def test_where_no_file_can_be_kept_all_is_read_and_that_is_said(searcher: Searcher):
    granted = all_granted(searcher.ledger)
    searcher.folder.write_text("no folder")
    assert searcher.finds(GRANTED) == granted
    assert ["cannot be kept" in said for said in searcher.said] == [True]
    searcher.folder.unlink()
    searcher.finds(GRANTED)
    path = searcher.file
    path.unlink()
    path.mkdir()
    assert searcher.finds(GRANTED) == granted
    assert len(searcher.said) == 2


def test_where_the_disk_is_full_all_is_read(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    add = index.add

    def full(database: sqlite3.Connection, batch) -> None:
        if database.execute("PRAGMA database_list").fetchone()[2]:
            raise sqlite3.OperationalError("database or disk is full")
        add(database, batch)

    monkeypatch.setattr(index, "add", full)
    assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
    assert ["disk is full" in said for said in searcher.said] == [True]


def test_a_search_that_was_broken_off_leaves_what_it_read(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    read: list[int] = []

    def away(ledger, part):
        for kept in read_kept(ledger, part):
            read.append(kept[0])
            yield kept
            if kept[0] == 12:
                raise LedgerUnavailable("away")

    monkeypatch.setattr(index, "read_kept", away)
    monkeypatch.setattr(index, "BATCH", 5)
    with pytest.raises(LedgerUnavailable):
        searcher.finds(GRANTED)
    monkeypatch.setattr(index, "read_kept", lambda ledger, part: (read.append(part.after), read_kept(ledger, part))[1])
    assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
    assert read == [*range(1, 13), 10]


def test_two_at_once_find_the_same(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index, "BATCH", 3)
    granted = all_granted(searcher.ledger)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: searcher.finds(GRANTED), range(24)))
    assert found == [granted] * 24
    assert searcher.said == []


def test_what_is_broken_is_told_by_every_search_until_it_is_mended(searcher: Searcher):
    granted = all_granted(searcher.ledger)
    body = kept_at(searcher.ledger, granted[1])[1]
    change(searcher.ledger, granted[1], body=body.replace(b"granted", b"started"))
    wrong = f"entry {granted[1]}: its bytes do not have the hash they are kept under"
    for _ in range(2):
        assert searcher.finds(GRANTED) == [granted[0], wrong, *granted[2:]]
        assert searcher.finds(Wanted(request="R-77")) == [wrong]
        assert searcher.finds(GRANTED, Part(newest_first=True)) == [*granted[:1:-1], wrong, granted[0]]
        assert searcher.finds(GRANTED, Part(granted[1])) == granted[2:]
    change(searcher.ledger, granted[1], body=body)
    assert searcher.finds(GRANTED) == granted


def test_what_is_missing_is_told_by_every_search_as_far_as_it_is_asked_for(searcher: Searcher):
    remove(searcher.ledger, entries.c.index.in_([4, 5, 6, 7]))
    for _ in range(2):
        assert searcher.finds(Wanted(request="R-77")) == ["entry 4: missing, and all up to 7"]
        assert searcher.finds(Wanted(request="R-77"), Part(5, 9)) == ["entry 6: missing, and all up to 7"]
        assert searcher.finds(Wanted(request="R-77"), Part(1, 4, newest_first=True)) == ["entry 4: missing"]
        assert searcher.finds(Wanted(request="R-77"), Part(7)) == []


def test_what_was_changed_since_it_was_read_is_not_shown(searcher: Searcher):
    """Even where somebody put the hash right that it is kept under."""
    granted = all_granted(searcher.ledger)
    searcher.finds(GRANTED)
    rewrite(searcher.ledger, granted[0], b"orders-db/1", b"orders-db/9")
    remove(searcher.ledger, entries.c.index == granted[1])
    assert searcher.finds(GRANTED)[:2] == [
        f"entry {granted[0]}: it is not what an earlier search read here",
        f"entry {granted[1]}: missing",
    ]
    assert searcher.finds(GRANTED)[2:] == granted[2:]


def test_an_entry_that_does_not_follow_the_one_before_is_told_and_shown(searcher: Searcher):
    """Which of the two is wrong cannot be known here."""
    granted = all_granted(searcher.ledger)
    rewrite(searcher.ledger, granted[0] - 1, b"worker@host", b"worker@evil")
    wrong = f"entry {granted[0]}: it does not follow the entry before it"
    for _ in range(2):
        assert searcher.finds(GRANTED) == [wrong, *granted]
        newest = searcher.finds(GRANTED, Part(newest_first=True))
        assert sorted(newest, key=str) == sorted([wrong, *granted], key=str)
        assert [each for each in searcher.finds(Wanted()) if isinstance(each, str)] == [wrong]


def test_what_cannot_be_taken_apart_may_be_anything(searcher: Searcher):
    head = kept_at(searcher.ledger, 2)[1].partition(b'"fact": {')[0] + b'"fact": {'
    for body in (head + b'"kind": 1}}', head, head + b'"a":' + b"[" * 100_000):
        change(searcher.ledger, 2, body=body, hash=hash_of(body))
        found = Searcher(searcher.ledger, searcher.folder / str(len(body))).finds(Wanted(request="R-77"))
        assert found[0] == "entry 2: it cannot be read any more"


def test_the_address_of_its_ledger_names_it_whatever_the_password(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    searcher.finds(GRANTED)
    monkeypatch.chdir(searcher.folder.parent)
    url = searcher.ledger.engine.url.set(database=os.path.relpath(searcher.ledger.engine.url.database), password="x")
    monkeypatch.setattr(searcher.ledger.engine, "url", url)
    assert searcher.finds(GRANTED) == all_granted(searcher.ledger)
    assert searcher.file.exists()
