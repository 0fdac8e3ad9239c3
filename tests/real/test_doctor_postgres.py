"""What the doctor says of a ledger and of targets in PostgreSQL: the SQL printed, run as it is, mends the line."""

import re
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from jit.clock import SystemClock
from jit.doctor import Check, Part, State, examine
from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from jit.ledger.database import APPEND_LOCK, reading
from jit.policy import load_policy
from jit.proof.doctor.ledger import look_at_ledger
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.servers import both_versions
from tests.world.waiting import HUNG, wait_until
from workers.doctor import checks

pytestmark = pytest.mark.real

RULES = """
channels: {audit: C0AUDIT01}
targets:
  orders-db: {kind: postgres, dsn: env:DOCTOR_DSN}
access:
  orders-db/new:
    describe: Something new
    grants: [orders_new]
    max_duration: 1h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve: [{all_of: [{from: [U02BOB000]}]}]
"""


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "a.policy.yml").write_text(RULES)
    return load_policy(tmp_path)


@pytest.fixture
def url(single):
    return SecretStr(single.dsn("jit"))


@pytest.fixture
def tables(url):
    """Made by its one login."""
    engine = connect(url.get_secret_value())
    create_tables(engine)
    yield engine
    engine.dispose()


class Ahead(SystemClock):
    def now(self):
        return super().now() + timedelta(hours=1)


def ledger_lines(url, clock=None):
    return examine([Check(Part.LEDGER, "the ledger", lambda: look_at_ledger(url, clock or SystemClock()))], HUNG)


def about(lines, word):
    return [line for line in lines if word in line.what]


def test_an_empty_ledger_is_a_note(url):
    (line,) = about(ledger_lines(url), "empty")
    assert line.state is State.NOTE


def test_one_with_tables_is_fine(url, tables):
    lines = ledger_lines(url)
    assert about(lines, "no entry yet")
    (line,) = about(lines, "clock and ours")
    assert (line.part, line.state) == (Part.CLOCKS, State.OK)


@pytest.mark.parametrize("where", ["ROLE jit", "DATABASE single", "ROLE jit IN DATABASE single"])
def test_a_default_by_which_commits_may_be_lost_makes_none_of_ours_lost(admin, url, where):
    """A stolen login may set it for itself, and nothing told before somebody asked the doctor."""
    admin.execute(f"ALTER {where} SET synchronous_commit = off")
    engine = connect(url.get_secret_value())
    with reading(engine) as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
    engine.dispose()


def test_a_transaction_that_was_prepared_and_left_is_mended_by_the_sql_printed():
    """Any login of the ledger can leave one that holds the lock of those who append: nothing was recorded any more."""
    with EmbeddedPostgres(sync=False, settings={"max_prepared_transactions": "1"}) as server:
        admin = psycopg.connect(server.dsn(), autocommit=True)
        engine = connect(server.dsn())
        create_tables(engine)
        admin.execute(f"BEGIN; SELECT pg_advisory_xact_lock({APPEND_LOCK}); PREPARE TRANSACTION 'it''s'")
        with pytest.raises(LedgerUnavailable):
            Ledger(engine, SystemClock()).require_writable()
        (line,) = about(ledger_lines(SecretStr(server.dsn())), "prepared")
        assert line.state is State.MEND
        admin.execute(line.remedy)
        Ledger(engine, SystemClock()).require_writable()
        engine.dispose()
        admin.close()


def test_a_setting_of_the_server_is_mended_by_the_sql_printed(admin, url):
    admin.execute("ALTER SYSTEM SET full_page_writes = off")
    admin.execute("SELECT pg_reload_conf()")
    try:
        (line,) = wait_until(lambda: about(ledger_lines(url), "full_page_writes"))
        for step in line.remedy.split("\n"):
            admin.execute(step)
        wait_until(lambda: all(line.ok for line in about(ledger_lines(url), "full_page_writes")))
    finally:
        admin.execute("ALTER SYSTEM RESET full_page_writes")
        admin.execute("SELECT pg_reload_conf()")


def test_what_is_off_on_the_command_line_is_said_to_be_so(url):
    (line,) = about(ledger_lines(url), "fsync is off")
    assert line.remedy == "Start the server without fsync=off on its command line."


def test_clocks_that_are_apart_are_to_be_mended(url, tables):
    (line,) = about(ledger_lines(url, Ahead()), "clock and ours")
    assert line.state is State.MEND
    assert re.search(r" 36\d\d\.\d s apart: nothing is granted", line.what)


def test_a_ledger_that_does_not_answer_is_one_line_without_the_password():
    (line,) = ledger_lines(SecretStr("postgresql://jit:hunter2@127.0.0.1:1/ledger"))
    assert line.state is State.MEND
    assert "does not answer" in line.what
    assert "hunter2" not in str(line)


@both_versions
def test_a_login_that_may_do_too_little_is_mended_line_by_line_by_the_sql_printed(
    admin, postgres, policy, tmp_path, monkeypatch
):
    admin.execute("CREATE ROLE apprentice LOGIN")
    admin.execute("GRANT pg_write_server_files TO apprentice")
    monkeypatch.setenv("DOCTOR_DSN", postgres.dsn("apprentice"))

    def to_mend():
        found = examine(checks(policy, None, tmp_path), HUNG)
        return [line for line in found if line.ok is False]

    try:
        left = to_mend()
        assert {line.what.split(": ")[0] for line in left} == {"orders-db"}
        assert [line.what for line in left if "orders_new" in line.what] == ["orders-db: orders_new: no such role"]
        while left:
            for step in left[0].remedy.split("\n"):
                admin.execute(step)
            now = to_mend()
            assert left[0] not in now
            left = now
        assert about(examine(checks(policy, None, tmp_path), HUNG), "apprentice may give orders_new")
    finally:
        admin.execute("DROP ROLE IF EXISTS orders_new")
        admin.execute("DROP ROLE apprentice")


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)  # before 16 none can be kept free
def test_what_is_a_note_about_a_target_can_be_copied_line_by_line(admin, postgres, policy, tmp_path, monkeypatch):
    admin.execute("CREATE ROLE apprentice LOGIN CREATEROLE")
    monkeypatch.setenv("DOCTOR_DSN", postgres.dsn("apprentice"))
    try:
        (note,) = about(examine(checks(policy, None, tmp_path), HUNG), "kept free")
        assert note.state is State.NOTE
        for step in note.remedy.split("\n"):
            admin.execute(step)
        (note,) = about(examine(checks(policy, None, tmp_path), HUNG), "kept free")
        assert "apprentice may use them" in note.what
    finally:
        admin.execute("ALTER SYSTEM RESET reserved_connections")
        admin.execute("DROP ROLE apprentice")
