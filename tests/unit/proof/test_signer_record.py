"""The record as the signer reads it: each kind of change shows by itself, whatever else would show later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jit.ledger.entry import LONGEST, NO_ENTRY, hash_of
from jit.proof.signer.following import PAGE, CannotSign, FollowedRecord
from jit.proof.verifier import Frontier, leaf_hash
from tests.world.signing import Signing


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Signing]:
    made = Signing(tmp_path)
    made.append(PAGE * 2 + 50)
    yield made
    made.stopped()
    made.engine.dispose()


def read(desk: Signing) -> FollowedRecord:
    record = FollowedRecord(desk.engine)
    while record.read_on():
        pass
    return record


def once_around(record: FollowedRecord) -> None:
    for _ in range(3):
        record.patrol()


def rewritten(desk: Signing, index: int) -> None:
    """With a hash that fits."""
    body = desk.ledger.read(after=index - 1, limit=1)[0].body.replace(b"request", b"requesT")
    desk.sql(
        'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :at', body=body, hash=hash_of(body), at=index
    )


def test_the_tree_is_over_the_bytes_that_are_kept(desk: Signing) -> None:
    frontier = Frontier()
    for entry in desk.ledger.read(limit=10_000):
        frontier.push(leaf_hash(entry.body))
    record = read(desk)
    assert (record.size, record.tree.root()) == (frontier.size, frontier.root())


def test_the_last_entry_is_looked_at_each_time(desk: Signing) -> None:
    record = read(desk)
    rewritten(desk, record.size)
    with pytest.raises(CannotSign, match=f"entry {record.size} is not the one"):
        record.read_on()


@pytest.mark.parametrize("index", [1, PAGE, PAGE + 1, PAGE * 2 + 49])
def test_what_was_read_long_ago_is_looked_at_again(desk: Signing, index: int) -> None:
    record = read(desk)
    for _ in range(7):
        record.patrol()
    rewritten(desk, index)
    with pytest.raises(CannotSign, match=f"entry {index} is not the one"):
        once_around(record)


@pytest.mark.parametrize("index", [1, PAGE, PAGE + 1, PAGE * 2 + 49])
def test_what_is_gone_from_the_middle_is_missed(desk: Signing, index: int) -> None:
    record = read(desk)
    desk.sql('DELETE FROM entries WHERE "index" = :at', at=index)
    with pytest.raises(CannotSign, match=f"entry {index} is not there"):
        once_around(record)


def test_a_patrol_of_nothing_finds_nothing(tmp_path: Path) -> None:
    desk = Signing(tmp_path)
    FollowedRecord(desk.engine).patrol()
    desk.stopped()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", b""),
        ("body", b"{}"),
        ("body", b"x" * (LONGEST + 5)),
        ("body", "text instead of bytes"),
        ("hash", NO_ENTRY),
        ("hash", "x" * 5000),
        ("hash", b"\xff"),
    ],
)
def test_a_row_that_is_no_entry_is_refused(desk: Signing, column: str, value: object) -> None:
    desk.sql(f'UPDATE entries SET {column} = :value WHERE "index" = 7', value=value)
    with pytest.raises(CannotSign, match="entry 7"):
        read(desk)
