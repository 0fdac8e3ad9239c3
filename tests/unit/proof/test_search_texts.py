"""The index of words: it finds what opening all finds, tells nobody a word, and is blind for who was erased."""

import zlib
from pathlib import Path

import pytest
from sqlalchemy import delete

from jit.ledger import TamperedEntry
from jit.ledger.privacy.erasing import erase
from jit.ledger.schema import person_keys
from jit.proof.audit import index, texts
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.reading import ALL, Part
from jit.proof.audit.search import Wanted, find_people, search
from jit.testing import ALICE, BOB, CAROL, ManualClock, Story, ledger_in

WORDS = (
    "platte",
    "voll",
    "PLATTE VOLL",
    "straße",
    "STRASSE",
    "nein",
    "in",
    "expired",
    "erased",
    "[erased]",
    "42",
    "xyz",
)
BASIS = {"legal_basis": "GDPR Art. 17(1)(a)", "actor": "cli:root@host"}


@pytest.fixture
def ledger(tmp_path):
    """Two requests of Alice's, one of them denied by Carol, one of Bob's, a refusal and an alert."""
    ledger = ledger_in(tmp_path / "ledger.db", ManualClock())
    alices = Story(ledger, ledger.clock, "R-AAAA", {"why": "Platte voll", "incident": "INC-42"}).active()
    alices.revoked("Rechner gestohlen, GROSSE Straße")
    alices.ending()
    alices.ended()
    denied = Story(ledger, ledger.clock, "R-BBBB", {"access": "books/read", "why": "neugierig", "incident": None})
    denied.asked()
    denied.denied("nein", by=CAROL)
    denied.refused()
    denied.alert()
    Story(ledger, ledger.clock, "R-CCCC", {"requester": BOB, "why": "Platte leer", "incident": "INC-43"}).active()
    return ledger


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "FEW", 0)
    return tmp_path / "searcher"


def found(ledger, wanted, folder=None, part=ALL):
    read = search(ledger, wanted, part, None if folder is None else SearchIndex(folder))
    return [str(each) if isinstance(each, TamperedEntry) else each.index for each in read]


def require_the_same(ledger, folder):
    for word in WORDS:
        for wanted in (
            Wanted(words=(word,)),
            Wanted(words=(word, "e")),
            Wanted(words=(word,), kinds=frozenset({"ended"})),
        ):
            assert found(ledger, wanted, folder) == found(ledger, wanted), wanted
    for incident in ("inc-42", "INC-43", "INC-4"):
        assert found(ledger, Wanted(incident=incident), folder) == found(ledger, Wanted(incident=incident)), incident


def test_it_finds_what_opening_all_finds(ledger, folder):
    require_the_same(ledger, folder)
    assert found(ledger, Wanted(words=("gestohlen",)), folder) == [6]
    Story(ledger, ledger.clock, "R-DDDD", {"why": "Platte voll", "incident": "INC-44"}).active()
    require_the_same(ledger, folder)
    newest = found(ledger, Wanted(words=("voll",)), folder, Part(newest_first=True))
    assert newest == found(ledger, Wanted(words=("voll",)))[::-1]


def test_of_who_was_erased_it_finds_what_reads_as_erased(ledger, folder):
    assert found(ledger, Wanted(words=("gestohlen",)), folder)
    erase(ledger, ALICE, **BASIS)
    ledger.ring.forget()
    assert found(ledger, Wanted(words=("gestohlen",)), folder) == []
    require_the_same(ledger, folder)
    assert 6 in found(ledger, Wanted(words=("erased",)), folder)


def test_a_key_that_is_gone_without_a_word_is_told_of(ledger, folder):
    wanted = Wanted(words=("gestohlen",))
    assert found(ledger, wanted, folder) == [6]
    with ledger.engine.begin() as connection:
        connection.execute(delete(person_keys).where(person_keys.c.person == ALICE))
    ledger.ring.forget()
    assert "entry 6: it cannot be read any more" in found(ledger, wanted, folder)
    assert found(ledger, wanted, folder) == found(ledger, wanted)


def test_no_word_of_a_person_can_be_read_in_the_file(ledger, folder):
    """Packed or not."""
    found(ledger, Wanted(words=("gestohlen",)), folder)
    (file,) = folder.glob("*.db")
    kept = file.read_bytes()
    unpacked = b""
    for at in range(len(kept)):
        if kept[at : at + 1] == b"\x78":
            try:
                unpacked += zlib.decompressobj().decompress(kept[at:])
            except zlib.error:
                continue
    assert b"not_allowed_to_decide" in unpacked  # of nobody, and in the clear in the record
    for said in (b"gestohlen", b"rechner", b"platte", b"inc-42", b"neugierig", b"alice", b"nein"):
        assert said not in kept.lower()
        assert said not in unpacked.lower()


def test_what_is_new_alone_is_opened(ledger, folder, monkeypatch):
    found(ledger, Wanted(words=("voll",)), folder)
    opened = []
    say_body = texts.say_body
    monkeypatch.setattr(texts, "say_body", lambda *args: opened.append(args) or say_body(*args))
    assert found(ledger, Wanted(words=("voll",)), folder)
    assert opened == []
    Story(ledger, ledger.clock, "R-DDDD", {"requester": BOB, "access": "books/read"}).asked()
    found(ledger, Wanted(words=("voll",)), folder)
    assert len(opened) == 1


def test_with_a_person_beside_them_words_need_no_index(ledger, tmp_path):
    wanted = Wanted(find_people(ledger.engine, ALICE, {}), words=("voll",))
    assert found(ledger, wanted, tmp_path / "searcher") == found(ledger, wanted)
    assert Path(tmp_path / "searcher").is_dir()
