"""What whoever owns the database can do to a record that is signed."""

from jit.ledger.entry import hash_of
from tests.world.signing import Signing


def change_an_entry(desk: Signing) -> None:
    desk.sql('UPDATE entries SET body = replace(body, :a, :b) WHERE "index" = 3', a="request", b="requesT")


def change_an_entry_and_its_hash(desk: Signing) -> None:
    body = desk.ledger.read(after=2, limit=1)[0].body.replace(b"request", b"requesT")
    desk.sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = 3', body=body, hash=hash_of(body))


def rewrite_from_an_entry_on(desk: Signing) -> None:
    """With every hash and place made right again."""
    entries = desk.ledger.read(limit=1000)
    previous = entries[1].hash
    for entry in entries[2:]:
        body = entry.body.replace(b"request", b"requesT").replace(entry.previous.encode(), previous.encode())
        previous = hash_of(body)
        desk.sql(
            'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :at',
            body=body,
            hash=previous,
            at=entry.index,
        )


def drop_an_entry(desk: Signing) -> None:
    desk.sql('DELETE FROM entries WHERE "index" = 3')


def cut_the_tail(desk: Signing) -> None:
    desk.sql('DELETE FROM entries WHERE "index" > :at', at=desk.ledger.last_index() - 2)


def cut_the_last(desk: Signing) -> None:
    desk.sql('DELETE FROM entries WHERE "index" = :at', at=desk.ledger.last_index())


def empty_the_record(desk: Signing) -> None:
    desk.sql("DELETE FROM entries")


def change_the_last(desk: Signing) -> None:
    body = desk.ledger.read(after=desk.ledger.last_index() - 1)[0].body.replace(b"Z", b"z")
    at = desk.ledger.last_index()
    desk.sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = :at', body=body, hash=hash_of(body), at=at)


TAMPERING = [
    change_an_entry,
    change_an_entry_and_its_hash,
    rewrite_from_an_entry_on,
    drop_an_entry,
    cut_the_tail,
    cut_the_last,
    empty_the_record,
    change_the_last,
]


def refuses(desk: Signing) -> bool:
    """Whether nothing new is signed, though there is something new."""
    before = len(desk.sizes)
    desk.append()
    desk.turn(5)
    return len(desk.sizes) == before
