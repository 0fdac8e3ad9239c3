"""`jit ledger init`: run again, printed, for a database that another login had, and for an older one."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.ledger import Ledger, LedgerMisconfigured, connect, create_tables
from jit.ledger.guard.postgres import FUNCTIONS
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.tlog.note import SignerKey, cosign
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import EVE, Story
from tests.world.servers import LedgerDatabase, both_versions

pytestmark = pytest.mark.real

PRINTED = Path(__file__).parents[2] / "deploy/postgresql/ledger.sql"
NO_RIGHT = "42501"


def test_running_it_again_changes_nothing_and_loses_nothing(guarded: LedgerDatabase, opened) -> None:
    bot = opened("jit_bot")
    Story(bot, bot.clock, id="R-DDDD", fields={"requester": EVE}).asked()
    before = bot.last_index()
    told = guarded.harden()
    assert "\\password jit_bot" in told
    assert bot.last_index() == before
    assert bot.request("R-DDDD").state is State.PENDING


def test_what_is_deployed_by_psql_is_what_is_printed() -> None:
    assert CliRunner().invoke(cli, ["ledger", "init", "--print"]).output == PRINTED.read_text()


@both_versions
def test_what_is_printed_does_the_same_in_psql(postgres: EmbeddedPostgres, admin: psycopg.Connection):
    """Twice: it may be run again."""
    other = PRINTED.read_text().replace("DATABASE jit ", "DATABASE other ").replace("= 'jit'", "= 'other'")
    other = other.replace("\\connect jit", "\\connect other")
    try:
        for _ in range(2):
            program = postgres.programs() / "psql"
            done = subprocess.run(
                [program, "--no-psqlrc", postgres.dsn()], input=other, text=True, capture_output=True, check=False
            )
            assert (done.returncode, re.findall("ERROR.*", done.stderr)) == (0, [])
        made = LedgerDatabase(postgres, "other")
        bot = tables_made(made, "jit_bot")
        bot.require_writable()
        bot.engine.dispose()
        assert not made.came_of("jit_bot", ["UPDATE entries SET body = ''"], refusal=NO_RIGHT)
    finally:
        admin.execute("DROP DATABASE IF EXISTS other WITH (FORCE)")


@pytest.fixture
def old(guarded: LedgerDatabase, admin: psycopg.Connection) -> Iterator[LedgerDatabase]:
    """A database whose tables a login of its own made, as the first process that starts does."""
    admin.execute("CREATE ROLE once LOGIN; CREATE ROLE friend LOGIN")
    admin.execute("CREATE DATABASE old OWNER once")
    made = LedgerDatabase(guarded.server, "old")
    tables_made(made, "once").engine.dispose()
    yield made
    admin.execute("DROP DATABASE old WITH (FORCE)")
    admin.execute("DROP ROLE once, friend")


def tables_made(database: LedgerDatabase, login: str) -> Ledger:
    """As each process does at its start."""
    engine = connect(database.dsn(login))
    create_tables(engine)
    return Ledger(engine, SystemClock())


def test_a_database_that_one_login_had_is_that_logins_no_more(old: LedgerDatabase) -> None:
    with old.login("once") as once:
        for what in ("TABLES", "FUNCTIONS"):
            once.execute(f"GRANT ALL ON ALL {what} IN SCHEMA public TO friend, PUBLIC")
    before = tables_made(old, "once")
    Story(before, before.clock, id="R-EEEE").asked()
    before.engine.dispose()
    old.harden()
    bot = tables_made(old, "jit_bot")
    assert bot.request("R-EEEE").state is State.PENDING
    bot.engine.dispose()
    with old.login() as admin:
        admin.execute("GRANT CONNECT ON DATABASE old TO once, friend; GRANT USAGE ON SCHEMA public TO once, friend")
    tried = ("DELETE FROM entries", "SELECT jit_append('{}')", "DELETE FROM may_write")
    for login in ("once", "friend"):
        assert not old.came_of(login, tried, refusal=NO_RIGHT)


@pytest.fixture
def older(old: LedgerDatabase) -> LedgerDatabase:
    """Of version 1, as it was before checkpoints and guards."""
    with old.login("once") as once:
        for name in ("checkpoints", "cosignatures", "policy_texts", "person_keys", "may_write"):
            once.execute(f"DROP TABLE {name}")
        for function in FUNCTIONS:
            once.execute(f"DROP FUNCTION {function.name} CASCADE")
        once.execute("UPDATE made_by SET version = 1")
    return old


COSIGNED = cosign(b"text\n", SignerKey.generate("witness"), 1)
NAMES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
"""Of tables, indexes, triggers and functions."""


@pytest.fixture
def version_2(old: LedgerDatabase) -> LedgerDatabase:
    """With a checkpoint and a cosignature, under the names of then."""
    ledger = tables_made(old, "once")
    Checkpoints(ledger.engine).add(1, ledger.clock.now(), b"note\n")
    Checkpoints(ledger.engine).cosign(1, "witness", COSIGNED)
    ledger.engine.dispose()
    with old.login("once") as once:
        once.execute("ALTER TABLE checkpoints RENAME TO heads")
        once.execute("ALTER TABLE cosignatures RENAME COLUMN checkpoint TO head")
        for what in ("of_size", "pkey"):
            once.execute(f"ALTER INDEX checkpoints_{what} RENAME TO heads_{what}")
        for what in ("kept", "not_emptied", "numbered"):
            once.execute(f"ALTER TRIGGER checkpoints_{what} ON heads RENAME TO heads_{what}")
        once.execute("ALTER FUNCTION jit_checkpoint() RENAME TO jit_head")
        once.execute("UPDATE made_by SET version = 2")
    return old


@pytest.mark.parametrize("by", ["its owner", "the superuser"])
def test_the_heads_of_version_2_are_checkpoints_with_their_cosignatures(
    version_2: LedgerDatabase, guarded: LedgerDatabase, by: str
) -> None:
    if by == "the superuser":
        version_2.harden()
    ledger = tables_made(version_2, "jit_signer" if by == "the superuser" else "once")
    checkpoints = Checkpoints(ledger.engine)
    assert [checkpoints.full_note(each) for each in checkpoints.all()] == [b"note\n" + COSIGNED]
    checkpoints.add(2, ledger.clock.now(), b"another\n")
    ledger.engine.dispose()
    with version_2.login() as admin, guarded.login() as other:
        assert set(admin.execute(NAMES)) == set(other.execute(NAMES))
        with pytest.raises(psycopg.Error, match="what is in checkpoints stays as it is"):
            admin.execute("DELETE FROM checkpoints")


def test_an_older_database_is_brought_up_by_its_owner(older: LedgerDatabase) -> None:
    ledger = tables_made(older, "once")
    Story(ledger, ledger.clock).asked()
    ledger.engine.dispose()
    with older.login("once") as once, pytest.raises(psycopg.Error, match="what is in entries stays as it is"):
        once.execute("DELETE FROM entries")


def test_an_older_database_is_left_to_the_superuser_where_the_login_owns_nothing(older: LedgerDatabase) -> None:
    with older.login("once") as once:
        once.execute("GRANT SELECT ON made_by TO jit_bot")
    with pytest.raises(LedgerMisconfigured, match="`jit ledger init` as the database's superuser"):
        tables_made(older, "jit_bot")
    older.harden()
    bot = tables_made(older, "jit_bot")
    bot.require_writable()
    bot.engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--admin-url", "postgresql://postgres:hunter2@db/x"], "env:NAME or file"),
        (["--admin-url", "env:NOT_THERE"], "NOT_THERE is not set"),
        (["--database", 'jit"; DROP'], "small letters"),
    ],
)
def test_what_cannot_be_used_is_said_without_secrets(monkeypatch, arguments: list[str], says: str) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    told = CliRunner().invoke(cli, ["ledger", "init", *arguments])
    assert told.exit_code != 0
    assert says in f"{told.output}{told.exception}"
    assert "hunter2" not in f"{told.output}{told.exception}"


def test_who_is_no_superuser_is_told_so(guarded: LedgerDatabase, monkeypatch) -> None:
    monkeypatch.setenv("SUPERUSER_URL", guarded.dsn("jit_bot"))
    told = CliRunner().invoke(cli, ["ledger", "init", "--admin-url", "env:SUPERUSER_URL"])
    assert told.exit_code != 0
    assert "no superuser" in str(told.exception)


def test_sqlite_is_told_plainly(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    told = CliRunner().invoke(cli, ["ledger", "init"])
    assert told.exit_code == 0
    assert "whoever can write the file can write the record" in told.output
    assert (tmp_path / "ledger.db").exists()
