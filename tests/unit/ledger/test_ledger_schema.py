"""Databases live longer than code: whoever changes a table says so, and older tables are brought up in place."""

import hashlib
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import create_mock_engine, inspect, text

from jit.facts import Alert, AlertName, Source
from jit.ledger import Ledger, LedgerUnavailable, check_chain, connect, create_tables
from jit.ledger.database import writing
from jit.ledger.guard import KEPT
from jit.ledger.schema import metadata
from jit.ledger.version import VERSION
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.tlog.note import SignerKey, cosign
from jit.testing import T0, ManualClock
from tests.world.at_once import at_once
from tests.world.raised import raised
from tests.world.tamper import past_the_guards

DIGESTS = {1: "7a7949344d482154", 2: "fa9d97fa745e5d42", 3: "e359ce960f838acd"}
"""By version, of the statements that make the tables in PostgreSQL. Lines are added here and never changed."""
COSIGNED = cosign(b"text\n", SignerKey.generate("witness"), 1)
NEW_IN_2 = ("checkpoints", "cosignatures", "policy_texts", "person_keys", "may_write")
OF_ANY_VERSION = ("requests_in_state", "requests_asked", "requests_held", "requests_emergency")
"""Indexes that are made where they are missing: what is kept is the same without them."""


def test_changed_tables_have_another_version():
    made: list[str] = []
    engine = create_mock_engine("postgresql+psycopg://", lambda sql, *_, **__: made.append(str(sql.compile(engine))))
    metadata.create_all(engine, checkfirst=False)
    made = [each for each in made if not any(f"CREATE INDEX {name} " in each for name in OF_ANY_VERSION)]
    words = " ".join("\n".join(sorted(made)).split())
    assert hashlib.sha256(words.encode()).hexdigest()[:16] == DIGESTS[VERSION], "raise VERSION, and add a line above"


def alert() -> Alert:
    return Alert(at=T0, actor="bot@host", source=Source.BOT, name=AlertName.END_LATE, says="late")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    return Ledger(engine, ManualClock())


def as_of_version_1(ledger: Ledger) -> None:
    """Without what came later."""
    with writing(ledger.engine) as connection:
        for name in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for name in NEW_IN_2:
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("UPDATE made_by SET version = 1")


def as_of_version_2(ledger: Ledger) -> None:
    """With the names of then, its guards' too."""
    with writing(ledger.engine) as connection:
        guards = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in guards:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("DROP INDEX checkpoints_of_size")
        connection.exec_driver_sql("ALTER TABLE checkpoints RENAME TO heads")
        connection.exec_driver_sql("CREATE INDEX heads_of_size ON heads (size)")
        connection.exec_driver_sql("ALTER TABLE cosignatures RENAME COLUMN checkpoint TO head")
        for _, makes in guards:
            connection.exec_driver_sql(makes.replace("checkpoints", "heads").replace("checkpoint", "head"))
        connection.exec_driver_sql("UPDATE made_by SET version = 2")


def made_in(ledger: Ledger) -> set[tuple[str, str, str]]:
    """Tables, indexes and guards: the kind, the name, and the table of each."""
    with writing(ledger.engine) as connection:
        return {tuple(row) for row in connection.execute(text("SELECT type, name, tbl_name FROM sqlite_master"))}


def bring_up(url: str, together: Barrier) -> None:
    engine = connect(url)
    together.wait()
    create_tables(engine)
    Ledger(engine, ManualClock()).append([alert()])


@pytest.mark.parametrize("make_older", [as_of_version_1, as_of_version_2])
def test_older_tables_are_brought_up_in_place_by_many_processes_at_once(
    ledger: Ledger, make_older: Callable[[Ledger], None]
):
    ledger.append([alert()])
    new = made_in(ledger)
    make_older(ledger)
    with at_once(ledger.engine.url.render_as_string(), *[bring_up] * 3):
        pass
    assert check_chain(ledger.read()) == 4
    assert made_in(ledger) == new
    with writing(ledger.engine) as connection:
        assert connection.scalar(text("SELECT version FROM made_by")) == VERSION
    refuses(ledger, "DELETE FROM entries")


def test_the_heads_of_version_2_are_checkpoints_with_their_cosignatures(ledger: Ledger):
    checkpoints = Checkpoints(ledger.engine)
    signed = [checkpoints.add(size, T0, b"note %d\n" % size) for size in (1, 2)]
    checkpoints.cosign(2, "witness", COSIGNED)
    as_of_version_2(ledger)
    create_tables(ledger.engine)
    assert list(checkpoints.all()) == signed
    assert checkpoints.full_note(signed[1]) == b"note 2\n" + COSIGNED
    for statement in ("DELETE FROM checkpoints", "UPDATE cosignatures SET checkpoint = 1"):
        refuses(ledger, statement)


def test_indexes_that_came_later_are_made_in_databases_of_before(ledger: Ledger):
    for name in OF_ANY_VERSION:
        execute(ledger, f"DROP INDEX {name}")
    create_tables(ledger.engine)
    there = {index["name"] for index in inspect(ledger.engine).get_indexes("requests")}
    assert there == {index.name for index in metadata.tables["requests"].indexes}


def execute(ledger: Ledger, statement: str) -> None:
    with writing(ledger.engine) as connection:
        connection.exec_driver_sql(statement)


def refuses(ledger: Ledger, statement: str, says: str = "stays as it is") -> None:
    assert says in str(raised(LedgerUnavailable, execute, ledger, statement)), statement


class TestSqlite:
    """What stops a mistake. It separates nobody."""

    @pytest.fixture
    def filled(self, ledger: Ledger) -> Ledger:
        ledger.append([alert(), alert()])
        with writing(ledger.engine) as connection:
            connection.exec_driver_sql("INSERT INTO checkpoints VALUES (1, 1, 1, 'x')")
            connection.exec_driver_sql("INSERT INTO cosignatures VALUES (1, 'w', 'x')")
            connection.exec_driver_sql("INSERT INTO policy_texts VALUES ('v', 'x')")
        return ledger

    def test_refuses_changes_of_what_is_kept(self, filled: Ledger):
        columns = {"entries": "body", "checkpoints": "note", "cosignatures": "line", "policy_texts": "files"}
        assert columns.keys() == set(KEPT)
        for table, column in columns.items():
            refuses(filled, f"UPDATE {table} SET {column} = 'y'")
            refuses(filled, f"UPDATE OR REPLACE {table} SET {column} = 'y'")
            refuses(filled, f"DELETE FROM {table}")

    def test_refuses_to_replace_a_row(self, filled: Ledger):
        for statement in (
            "INSERT OR REPLACE INTO checkpoints VALUES (1, 2, 2, 'y')",
            "INSERT OR REPLACE INTO cosignatures VALUES (1, 'w', 'y')",
            "REPLACE INTO policy_texts VALUES ('v', 'y')",
            "INSERT INTO policy_texts VALUES ('v', 'y') ON CONFLICT DO UPDATE SET files = excluded.files",
        ):
            refuses(filled, statement)

    def test_refuses_an_entry_that_is_not_the_next(self, filled: Ledger):
        """Out of place, over another, of a fact that is there, and of such a fact without a place."""
        for row in (
            """("index", id, recorded_at, kind, body, hash) VALUES (5, 'other', 0, 'alert', '', '')""",
            """("index", id, recorded_at, kind, body, hash) VALUES (1, 'other', 0, 'alert', '', '')""",
            """("index", id, recorded_at, kind, body, hash) SELECT 3, id, 0, 'alert', '', '' FROM entries LIMIT 1""",
            """(id, recorded_at, kind, body, hash) SELECT id, 0, 'alert', '', '' FROM entries LIMIT 1""",
        ):
            for how in ("INSERT", "INSERT OR REPLACE"):
                refuses(filled, f"{how} INTO entries {row}", "not the next entry")
        assert check_chain(filled.read()) == 2

    def test_goes_on_as_before_once_its_guards_were_lifted(self, filled: Ledger):
        with writing(filled.engine) as connection, past_the_guards(connection):
            connection.exec_driver_sql("UPDATE entries SET kind = kind")
        refuses(filled, "UPDATE entries SET kind = kind")

    def test_is_guarded_again_by_the_next_process_that_starts(self, filled: Ledger):
        with writing(filled.engine) as connection:
            connection.exec_driver_sql("DROP TRIGGER entries_no_update")
            connection.exec_driver_sql("DROP TRIGGER entries_no_delete")
            connection.exec_driver_sql(
                "CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries WHEN 0 BEGIN SELECT 1; END"
            )
        create_tables(filled.engine)
        refuses(filled, "UPDATE entries SET kind = kind")
        refuses(filled, "DELETE FROM entries")
