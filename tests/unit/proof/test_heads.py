"""The table of heads: in order, whatever somebody wrote into it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jit.proof.audit.checkpoints import LONGEST_LINE, LONGEST_NOTE, Heads, HeadsMoved, is_signature_line
from jit.proof.tlog.note import SignerKey, checkpoint, cosign, sign
from jit.proof.verifier import NoteError, cosigned_at, parse_note, signed
from jit.testing import T0, InMemoryLedger
from tests.world.tamper import past_the_guards

KEY, WITNESS = SignerKey.generate("log.example"), SignerKey.generate("witness.example")
TEXT = checkpoint(KEY.name, 3, b"r" * 32)
NOTE = sign(TEXT, KEY)


@pytest.fixture
def heads(tmp_path: Path) -> Iterator[Heads]:
    return Heads(InMemoryLedger().engine)


def test_heads_come_back_in_order_and_whole(heads: Heads) -> None:
    for size in (1, 3, 3, 7):
        heads.add(size, T0 + timedelta(seconds=size), b"note %d\n" % size)
    assert [(head.number, head.size) for head in heads.all()] == [(1, 1), (2, 3), (3, 3), (4, 7)]
    assert [head.number for head in heads.after(2)] == [3, 4]
    assert [head.number for head in heads.latest(2, before=4)] == [3, 2]
    assert heads.last() == heads.at(4)
    assert heads.at(4).signed_at == T0 + timedelta(seconds=7)
    assert heads.at(9) is None


def test_the_first_head_that_covers_an_entry(heads: Heads) -> None:
    for size in (1, 3, 3, 7):
        heads.add(size, T0, b"note\n")
    assert [(found := heads.covering(index)) and found.number for index in (1, 2, 3, 4, 8)] == [1, 2, 2, 4, None]


def test_a_head_is_added_only_after_the_one_that_was_last(heads: Heads) -> None:
    heads.add(1, T0, b"one\n", after=0)
    heads.add(2, T0, b"two\n", after=1)
    with pytest.raises(HeadsMoved):
        heads.add(2, T0, b"another two\n", after=1)
    assert [head.note for head in heads.all()] == [b"one\n", b"two\n"]


def test_a_full_note_has_the_lines_of_witnesses(heads: Heads) -> None:
    head = heads.add(3, T0, NOTE)
    assert heads.cosign(head.number, WITNESS.name, cosign(TEXT, WITNESS, 1000))
    note = parse_note(heads.full_note(head))
    assert signed(note, KEY.verifier())
    assert cosigned_at(note, WITNESS.verifier()) == 1000


def test_the_first_line_of_a_witness_stays(heads: Heads) -> None:
    head = heads.add(3, T0, NOTE)
    heads.cosign(head.number, WITNESS.name, cosign(TEXT, WITNESS, 1000))
    assert not heads.cosign(head.number, WITNESS.name, cosign(TEXT, WITNESS, 2000))
    assert cosigned_at(parse_note(heads.full_note(head)), WITNESS.verifier()) == 1000


def test_what_is_no_signature_line_does_not_spoil_a_note(heads: Heads) -> None:
    head = heads.add(3, T0, NOTE)
    good = cosign(TEXT, WITNESS, 1000)
    heads.cosign(head.number, WITNESS.name, good)
    for number, line in enumerate(
        (
            *(b"", b"\n", b"rubbish\n", b"\xff\xfe\n", good[:-1], good * 2),
            *(f"— w {rest}".encode() for rest in ("\n", "AAAA!AAAAAAA\n")),
            "— ".encode() + b"w" * LONGEST_LINE + b" AAAAAAAAAAAA\n",
        )
    ):
        heads.cosign(head.number, f"evil{number}.example", line)
        assert not is_signature_line(line), line[:40]
        assert heads.full_note(head) == NOTE + good, line[:40]


def test_a_note_that_is_too_long_comes_cut_and_is_none(heads: Heads) -> None:
    heads.add(3, T0, NOTE + NOTE * LONGEST_NOTE)
    found = heads.last()
    assert len(found.note) == LONGEST_NOTE + 1
    with pytest.raises(NoteError):
        parse_note(found.note)


def test_rows_of_other_types_are_read_and_say_nothing(heads: Heads) -> None:
    with heads.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text("INSERT INTO heads VALUES (1, 'three', 'never', 'a note in text')"))
        connection.execute(text(f"INSERT INTO heads VALUES ({2**63 - 1}, -5, {2**63 - 1}, x'00ff')"))
        connection.execute(text("INSERT INTO cosignatures VALUES (1, x'ff', 17)"))
    found = list(heads.all())
    assert [(head.number, head.size, head.note) for head in found] == [
        (1, 0, b"a note in text"),
        (2**63 - 1, -5, b"\x00\xff"),
    ]
    assert heads.full_note(found[0]) == b"a note in text"


def test_an_empty_note_is_read_and_is_none(heads: Heads) -> None:
    heads.add(1, T0, b"")
    found = heads.last()
    assert found is not None
    assert found.note == b""
