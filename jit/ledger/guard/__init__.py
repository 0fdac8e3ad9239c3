"""What the database itself holds against: entries that are not the next, and changes to what is recorded.

On PostgreSQL entries go in through a function that its owner alone could change, and triggers refuse every UPDATE,
DELETE and TRUNCATE, a superuser's too. Beside the entries each login writes rows of its own, and no key of a person
goes without an entry that says so. On SQLite triggers refuse changes; whoever can write the file can drop them.
"""

from sqlalchemy import Connection

from jit.ledger.guard import postgres, sqlite

KEPT = ("entries", "checkpoints", "cosignatures", "policy_texts")
"""Tables in which nothing is ever changed or deleted."""


def put_up(connection: Connection) -> list[str]:
    """Make the guards that are missing or are not ours. Returns what was made, by name."""
    if connection.dialect.name == "postgresql":
        return postgres.put_up(connection, KEPT)
    return sqlite.put_up(connection, KEPT)
