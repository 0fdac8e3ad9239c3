"""The record cannot be changed quietly: whoever changes, drops, swaps, doubles or moves entries in the database is
found out by reading the chain, and where. (That no killed writer leaves a gap: test_writers_killed.py.)

The chain alone does not tell of the newest entries cut off, nor of all entries rewritten from some place on, hashes
included: only who has seen a newer or another checkpoint can. Those are signed, and kept outside the database too.
"""

import random  # noqa: TID251  seeded
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from jit.clock import SystemClock
from jit.ledger import Ledger, TamperedEntry, check_chain, connect
from jit.ledger.entry import NO_ENTRY, hash_of
from jit.testing import BOB, InMemoryLedger
from tests.world.facts import refused
from tests.world.tamper import past_the_guards

pytestmark = [pytest.mark.fault, pytest.mark.real]

COUNT = 6
OTHER = b'"not_allowed_to_decide"', b'"own_request"'
"""A reason, and one that it was not."""
Tampering = Callable[[Connection], None]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    engine = connect(ledger_url)
    made = Ledger(engine, SystemClock())
    made.append([refused(made.clock.now()) for _ in range(COUNT)])
    assert check_chain(made.read()) == COUNT
    yield made
    engine.dispose()


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


def flipped(body: bytes, place: int, bit: int = 0) -> bytes:
    return body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]


def flipped_bit(connection: Connection) -> None:
    body = body_of(connection, 3)
    place = body.index(OTHER[0]) + 3
    rewrite(connection, 3, flipped(body, place))


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
    other = InMemoryLedger()
    other.append([refused(other.clock.now(), actor=BOB) for _ in range(COUNT)])
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
    with ledger.engine.begin() as connection, past_the_guards(connection):
        tamper(connection)
    with pytest.raises(TamperedEntry) as broken:
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
    chosen = random.Random(4)
    for _ in range(40):
        index = chosen.randint(1, COUNT)
        with ledger.engine.begin() as connection, past_the_guards(connection):
            body = body_of(connection, index)
            place = chosen.randrange(len(body))
            rewrite(connection, index, flipped(body, place, chosen.randrange(8)))
        with pytest.raises(TamperedEntry) as broken:
            verified(ledger)
        assert broken.value.index == index
        with ledger.engine.begin() as connection, past_the_guards(connection):
            rewrite(connection, index, body)
    assert verified(ledger) == COUNT
