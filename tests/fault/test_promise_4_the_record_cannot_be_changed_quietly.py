"""The record cannot be changed quietly: whoever changes, drops, swaps, doubles or moves entries in the database is
found out by reading the chain, and where; and no killed writer leaves a gap.

The chain alone does not tell of the newest entries cut off, nor of all entries rewritten from some place on, hashes
included: only who has seen a newer or another head can. Those are signed, and kept outside the database too.
"""

import multiprocessing
import random  # noqa: TID251  seeded
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection, text

from jit.clock import SystemClock
from jit.facts import RefusalReason, Refused, Source
from jit.ledger import BrokenChain, Ledger, check_chain, connect, create_tables
from jit.ledger.entry import NO_ENTRY, hash_of
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.servers import postgres_18
from tests.world.tamper import past_the_guards
from tests.world.waiting import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.real]

COUNT = 6
OTHER = b'"not_allowed_to_decide"', b'"own_request"'
"""A reason, and one that it was not."""
Tampering = Callable[[Connection], None]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with postgres_18() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    running: EmbeddedPostgres = request.getfixturevalue("server")
    name = f"ledger_{uuid4().hex}"
    with psycopg.connect(running.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of ours
    return running.dsn(database=name)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    made = open_ledger(url)
    yield made
    made.engine.dispose()


def open_ledger(url: str) -> Ledger:
    engine = connect(url)
    create_tables(engine)
    return Ledger(engine, SystemClock())


def press(actor: str = "U04EVE000") -> Refused:
    return Refused(
        at=datetime.now(UTC),
        actor=actor,
        source=Source.SLACK,
        attempted="approve",
        reason=RefusalReason.NOT_ALLOWED_TO_DECIDE,
    )


def body_of(connection: Connection, index: int) -> bytes:
    return bytes(connection.scalar(text('SELECT body FROM entries WHERE "index" = :index'), {"index": index}))


def rewrite(connection: Connection, index: int, body: bytes, *, new_hash: bool = False) -> None:
    changed = text('UPDATE entries SET body = :body WHERE "index" = :index')
    connection.execute(changed, {"body": body, "index": index})
    if new_hash:
        changed = text('UPDATE entries SET hash = :hash WHERE "index" = :index')
        connection.execute(changed, {"hash": hash_of(body), "index": index})


def other_actor(connection: Connection) -> None:
    rewrite(connection, 3, body_of(connection, 3).replace(*OTHER))


def other_actor_and_hash(connection: Connection) -> None:
    rewrite(connection, 3, body_of(connection, 3).replace(*OTHER), new_hash=True)


def flipped_bit(connection: Connection) -> None:
    body = body_of(connection, 3)
    place = body.index(OTHER[0]) + 3
    rewrite(connection, 3, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])


def changed_last(connection: Connection) -> None:
    rewrite(connection, COUNT, body_of(connection, COUNT).replace(*OTHER))


def dropped(connection: Connection) -> None:
    connection.execute(text('DELETE FROM entries WHERE "index" = 3'))


def dropped_first(connection: Connection) -> None:
    connection.execute(text('DELETE FROM entries WHERE "index" = 1'))


def dropped_and_closed_up(connection: Connection) -> None:
    """The later ones move down, in the column; their bytes still say where they belong."""
    connection.execute(text('DELETE FROM entries WHERE "index" = 3'))
    for index in range(4, COUNT + 1):
        connection.execute(text('UPDATE entries SET "index" = :to WHERE "index" = :at'), {"to": index - 1, "at": index})


def swapped(connection: Connection) -> None:
    third, fourth = body_of(connection, 3), body_of(connection, 4)
    rewrite(connection, 3, fourth, new_hash=True)
    rewrite(connection, 4, third, new_hash=True)


def doubled(connection: Connection) -> None:
    rewrite(connection, 4, body_of(connection, 3), new_hash=True)


def spliced(connection: Connection) -> None:
    """An entry of another ledger in the place of ours."""
    other = open_ledger("sqlite://")
    for _ in range(COUNT):
        other.append([press("U02BOB000")])
    rewrite(connection, 3, other.read()[2].body, new_hash=True)
    other.engine.dispose()


FOUND_AT = {
    other_actor: 3,
    other_actor_and_hash: 4,  # the entry itself is whole again, but the next one does not follow it
    flipped_bit: 3,
    changed_last: COUNT,
    dropped: 3,
    dropped_first: 1,
    dropped_and_closed_up: 3,
    swapped: 3,
    doubled: 4,
    spliced: 3,
}


@pytest.mark.parametrize(("tamper", "index"), FOUND_AT.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_tampering_is_found_at_the_right_entry(ledger: Ledger, tamper: Tampering, index: int) -> None:
    for _ in range(COUNT):
        ledger.append([press()])
    assert check_chain(ledger.read()) == COUNT
    with ledger.engine.begin() as connection, past_the_guards(connection):
        tamper(connection)
    with pytest.raises(BrokenChain) as broken:
        verified(ledger)
    assert broken.value.index == index


def verified(ledger: Ledger) -> int:
    """The last index, read on and on as a follower reads."""
    seen, previous = 0, NO_ENTRY
    while entries := ledger.read(seen):
        seen, previous = check_chain(entries, after=seen, previous=previous), entries[-1].hash
    return seen


def test_any_flipped_bit_of_the_record_is_found_where_it_is(ledger: Ledger) -> None:
    """Entries that cannot be read any more are found out too."""
    for _ in range(COUNT):
        ledger.append([press()])
    chosen = random.Random(4)
    for _ in range(40):
        index = chosen.randint(1, COUNT)
        with ledger.engine.begin() as connection, past_the_guards(connection):
            body = body_of(connection, index)
            place = chosen.randrange(len(body))
            rewrite(
                connection, index, body[:place] + bytes([body[place] ^ 1 << chosen.randrange(8)]) + body[place + 1 :]
            )
        with pytest.raises(BrokenChain) as broken:
            verified(ledger)
        assert broken.value.index == index
        with ledger.engine.begin() as connection, past_the_guards(connection):
            rewrite(connection, index, body)
    assert verified(ledger) == COUNT


def write_for_ever(url: str) -> None:
    ledger = Ledger(connect(url), SystemClock())
    while True:
        ledger.append([press(), press()])


def test_writers_killed_in_the_middle_leave_no_gap_and_no_half(url: str, ledger: Ledger) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_for_ever, args=(url,), daemon=True) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for killed, writer in enumerate(writers):
            wait_until(lambda: ledger.last_index() >= 40 * (killed + 1), 60)  # noqa: B023  called at once
            writer.kill()
            writer.join()
    finally:
        for writer in writers:
            writer.kill()
    last = check_chain(ledger.read(limit=100_000))
    assert last == ledger.last_index()
    assert last % 2 == 0, "two facts are recorded together or not at all"
    ledger.append([press()])
    assert check_chain(ledger.read(limit=100_000)) == last + 1
