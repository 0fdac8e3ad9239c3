"""The guards of SQLite. They stop mistakes, and nobody who can write the file: they can be dropped."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from jit.ledger.schema import metadata

STAYS = "what is in {table} stays as it is"
NEXT = """CREATE TRIGGER entries_in_place BEFORE INSERT ON entries
WHEN NEW."index" IS NOT (SELECT coalesce(max("index"), 0) + 1 FROM entries)
OR EXISTS (SELECT 1 FROM entries WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'this is not the next entry, or its fact is recorded already'); END"""
"""INSERT OR REPLACE deletes without asking a trigger on DELETE."""


def triggers(tables: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each with the statement that makes it."""
    yield "entries_in_place", NEXT
    for table in tables:
        says = STAYS.format(table=table)
        for what in ("UPDATE", "DELETE"):
            name = f"{table}_no_{what.lower()}"
            yield name, f"CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{says}'); END"
        if table != "entries":
            same = " AND ".join(f'"{key.name}" = NEW."{key.name}"' for key in metadata.tables[table].primary_key)
            name = f"{table}_no_replace"
            found = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  names of ours
            refuse = f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            yield name, f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {found} {refuse}"


def missing(connection: Connection, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Those that are not there, or are others under their names."""
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {row.name: row.sql for row in connection.execute(query)}
    return [(name, makes) for name, makes in triggers(tables) if found.get(name) != makes]


def put_up(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Make what is missing, or is not ours. Returns the names."""
    made = missing(connection, tables)
    for name, makes in made:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(makes)
    return [name for name, _ in made]
