"""The table of checkpoints: in order, whatever somebody wrote into it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jit.proof.audit.checkpoints import LONGEST_LINE, LONGEST_NOTE, Checkpoints, CheckpointsMoved, is_signature_line
from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.verifier import NoteError, cosigned_at, parse_note, signed
from jit.testing import T0, InMemoryLedger
from tests.world.tamper import past_the_guards

KEY, WITNESS = SignerKey.generate("log.example"), SignerKey.generate("witness.example")
TEXT = checkpoint_text(KEY.name, 3, b"r" * 32)
NOTE = sign(TEXT, KEY)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Iterator[Checkpoints]:
    return Checkpoints(InMemoryLedger().engine)


def test_checkpoints_come_back_in_order_and_whole(checkpoints: Checkpoints) -> None:
    for size in (1, 3, 3, 7):
        checkpoints.add(size, T0 + timedelta(seconds=size), b"note %d\n" % size)
    assert [(checkpoint.number, checkpoint.size) for checkpoint in checkpoints.all()] == [
        (1, 1),
        (2, 3),
        (3, 3),
        (4, 7),
    ]
    assert [checkpoint.number for checkpoint in checkpoints.after(2)] == [3, 4]
    assert [checkpoint.number for checkpoint in checkpoints.latest(2, before=4)] == [3, 2]
    assert checkpoints.last() == checkpoints.at(4)
    assert checkpoints.at(4).signed_at == T0 + timedelta(seconds=7)
    assert checkpoints.at(9) is None


def test_the_first_checkpoint_that_covers_an_entry(checkpoints: Checkpoints) -> None:
    for size in (1, 3, 3, 7):
        checkpoints.add(size, T0, b"note\n")
    assert [(found := checkpoints.covering(index)) and found.number for index in (1, 2, 3, 4, 8)] == [1, 2, 2, 4, None]


def test_a_checkpoint_is_added_only_after_the_one_that_was_last(checkpoints: Checkpoints) -> None:
    checkpoints.add(1, T0, b"one\n", after=0)
    checkpoints.add(2, T0, b"two\n", after=1)
    with pytest.raises(CheckpointsMoved):
        checkpoints.add(2, T0, b"another two\n", after=1)
    assert [checkpoint.note for checkpoint in checkpoints.all()] == [b"one\n", b"two\n"]


def test_a_full_note_has_the_lines_of_witnesses(checkpoints: Checkpoints) -> None:
    checkpoint = checkpoints.add(3, T0, NOTE)
    assert checkpoints.cosign(checkpoint.number, WITNESS.name, cosign(TEXT, WITNESS, 1000))
    note = parse_note(checkpoints.full_note(checkpoint))
    assert signed(note, KEY.verifier())
    assert cosigned_at(note, WITNESS.verifier()) == 1000


def test_the_first_line_of_a_witness_stays(checkpoints: Checkpoints) -> None:
    checkpoint = checkpoints.add(3, T0, NOTE)
    checkpoints.cosign(checkpoint.number, WITNESS.name, cosign(TEXT, WITNESS, 1000))
    assert not checkpoints.cosign(checkpoint.number, WITNESS.name, cosign(TEXT, WITNESS, 2000))
    assert cosigned_at(parse_note(checkpoints.full_note(checkpoint)), WITNESS.verifier()) == 1000


def test_what_is_no_signature_line_does_not_spoil_a_note(checkpoints: Checkpoints) -> None:
    checkpoint = checkpoints.add(3, T0, NOTE)
    good = cosign(TEXT, WITNESS, 1000)
    checkpoints.cosign(checkpoint.number, WITNESS.name, good)
    for number, line in enumerate(
        (
            *(b"", b"\n", b"rubbish\n", b"\xff\xfe\n", good[:-1], good * 2),
            *(f"— w {rest}".encode() for rest in ("\n", "AAAA!AAAAAAA\n")),
            "— ".encode() + b"w" * LONGEST_LINE + b" AAAAAAAAAAAA\n",
        )
    ):
        checkpoints.cosign(checkpoint.number, f"evil{number}.example", line)
        assert not is_signature_line(line), line[:40]
        assert checkpoints.full_note(checkpoint) == NOTE + good, line[:40]


def test_a_note_that_is_too_long_comes_cut_and_is_none(checkpoints: Checkpoints) -> None:
    checkpoints.add(3, T0, NOTE + NOTE * LONGEST_NOTE)
    found = checkpoints.last()
    assert len(found.note) == LONGEST_NOTE + 1
    with pytest.raises(NoteError):
        parse_note(found.note)


def test_rows_of_other_types_are_read_and_say_nothing(checkpoints: Checkpoints) -> None:
    with checkpoints.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text("INSERT INTO checkpoints VALUES (1, 'three', 'never', 'a note in text')"))
        connection.execute(text(f"INSERT INTO checkpoints VALUES ({2**63 - 1}, -5, {2**63 - 1}, x'00ff')"))
        connection.execute(text("INSERT INTO cosignatures VALUES (1, x'ff', 17)"))
    found = list(checkpoints.all())
    assert [(checkpoint.number, checkpoint.size, checkpoint.note) for checkpoint in found] == [
        (1, 0, b"a note in text"),
        (2**63 - 1, -5, b"\x00\xff"),
    ]
    assert checkpoints.full_note(found[0]) == b"a note in text"


def test_an_empty_note_is_read_and_is_none(checkpoints: Checkpoints) -> None:
    checkpoints.add(1, T0, b"")
    found = checkpoints.last()
    assert found is not None
    assert found.note == b""
