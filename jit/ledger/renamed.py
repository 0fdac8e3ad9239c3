"""Names that tables of versions 1 and 2 had: what C2SP calls a checkpoint was called a head there."""

from sqlalchemy import Connection, inspect

from jit.ledger.schema import checkpoints

OLD_TABLE = "heads"
_STEPS = (
    f"ALTER TABLE {OLD_TABLE} RENAME TO checkpoints",
    "ALTER TABLE cosignatures RENAME COLUMN head TO checkpoint",
    "DROP INDEX IF EXISTS heads_of_size",
)
IN_POSTGRES = (
    *_STEPS,
    "ALTER INDEX heads_pkey RENAME TO checkpoints_pkey",
    *(f"DROP TRIGGER IF EXISTS heads_{what} ON checkpoints" for what in ("kept", "not_emptied", "numbered")),
    "DROP FUNCTION IF EXISTS jit_head()",
)
"""In the schema that is first in the search path."""
_IN_SQLITE = (*_STEPS, *(f"DROP TRIGGER IF EXISTS heads_no_{what}" for what in ("update", "delete", "replace")))


def rename(connection: Connection) -> None:
    """Where the old table is found. All rows stay; its guards go, and are made anew under the new names."""
    if not inspect(connection).has_table(OLD_TABLE):
        return
    for step in IN_POSTGRES if connection.dialect.name == "postgresql" else _IN_SQLITE:
        connection.exec_driver_sql(step)
    for index in checkpoints.indexes:
        index.create(connection)
