"""What the doctor says of the ledger's guards in PostgreSQL: the SQL printed, run as it is, mends the line."""

import pytest
from pydantic import SecretStr

from jit.clock import SystemClock
from jit.doctor import Check, Line, Part, State, examine
from jit.ledger import connect, create_tables
from jit.ledger.doctor.guards import INIT
from jit.ledger.guard.roles import LOGINS
from jit.proof.doctor.ledger import look_at_ledger
from tests.world.servers import LedgerDatabase, both_versions
from tests.world.waiting import HUNG

pytestmark = pytest.mark.real


def looked(ledger: LedgerDatabase, login: str = "jit_bot") -> list[Line]:
    url = SecretStr(ledger.dsn(login))
    return examine([Check(Part.LEDGER, "the ledger", lambda: look_at_ledger(url, SystemClock()))], HUNG)


def to_mend(ledger: LedgerDatabase, login: str = "jit_bot") -> list[Line]:
    return [line for line in looked(ledger, login) if is_to_mend(line)]


def is_to_mend(line: Line) -> bool:
    return line.ok is False and "fsync" not in line.what


@both_versions
def test_as_it_was_made_there_is_nothing_to_mend_for_any_login(guarded) -> None:
    for login in LOGINS:
        found = looked(guarded, login.name)
        assert [line for line in found if is_to_mend(line)] == []
        assert any("nothing recorded is changed" in line.what for line in found)


def test_a_login_that_is_none_of_ours_is_said(guarded) -> None:
    (line,) = to_mend(guarded, "postgres")
    assert "postgres is no login of a process" in line.what


BLIND = """CREATE OR REPLACE TRIGGER entries_kept BEFORE UPDATE OR DELETE ON entries FOR EACH ROW
WHEN (OLD.index < 0) EXECUTE FUNCTION jit_kept()"""
BROKEN = {
    "an owner that can log in": ("ALTER ROLE jit_owner LOGIN", "jit_owner, who owns the record, can log in"),
    "a function of somebody else": ("ALTER FUNCTION jit_append(bytea[]) OWNER TO postgres", "is owned by postgres"),
    "a trigger switched off": ("ALTER TABLE entries DISABLE TRIGGER entries_kept", "entries_kept is missing"),
    "a trigger that sleeps in a replica": (
        "ALTER TABLE checkpoints ENABLE TRIGGER checkpoints_kept",
        "checkpoints_kept is missing",
    ),
    "a trigger dropped": ("DROP TRIGGER policy_texts_not_emptied ON policy_texts", "policy_texts_not_emptied is miss"),
    "rows of another": ("DROP TRIGGER leases_own_rows ON leases", "leases_own_rows is missing"),
    "keys that go": ("ALTER TABLE person_keys DISABLE TRIGGER person_keys_kept", "can be deleted without an entry"),
    "texts of nothing": ("DROP TRIGGER policy_texts_proven ON policy_texts", "policy_texts_proven is missing"),
    "a trigger that looks away": (BLIND, "entries_kept is missing"),
    "a login that inserts": ("GRANT INSERT ON entries TO jit_bot", "jit_bot may INSERT entries"),
    "everybody inserts": ("GRANT INSERT, UPDATE ON entries TO PUBLIC", "jit_bot may INSERT, UPDATE entries"),
    "a column that is changed": ("GRANT UPDATE (body) ON entries TO jit_bot", "jit_bot may UPDATE entries"),
    "a login that makes triggers": ("GRANT TRIGGER ON requests TO jit_bot", "jit_bot may TRIGGER requests"),
    "a login that makes tables": ("GRANT CREATE ON SCHEMA public TO jit_bot", "jit_bot may make tables"),
    "a login that cannot note": ("REVOKE DELETE ON notes FROM jit_bot", "jit_bot may not DELETE notes"),
    "a login that cannot append": ("REVOKE ALL ON FUNCTION jit_append FROM jit_bot", "jit_bot may record nothing"),
    "more kinds": ("INSERT INTO may_write VALUES ('jit_bot', 'granted')", "jit_bot may record granted"),
    "another login": ("INSERT INTO may_write VALUES ('e''ve', 'granted')", "e've may record granted"),
    "fewer kinds": ("DELETE FROM may_write WHERE kind = 'approved'", "jit_bot may not record approved"),
    "no kinds at all": ("DELETE FROM may_write", "jit_bot may not record alert, "),
    "a member of the owner": ("GRANT jit_owner TO jit_bot", "jit_bot is a member of jit_owner"),
    "a member of the workers": ("GRANT jit_hands TO jit_bot", "jit_bot is a member of jit_hands"),
    "a power of the server": ("GRANT pg_write_all_data TO jit_bot", "jit_bot is a member of pg_write_all_data"),
    "a superuser": ("ALTER ROLE jit_bot SUPERUSER", "jit_bot has more power than a process needs"),
    "who makes roles": ("ALTER ROLE jit_bot CREATEROLE BYPASSRLS", "jit_bot has more power than a process needs"),
    "the database's owner": ("ALTER DATABASE jit OWNER TO jit_bot", "jit_bot owns the database"),
}


def test_what_is_wrong_is_named_and_mended_by_the_sql_printed(guarded, owner) -> None:
    for name, (break_it, says) in BROKEN.items():
        owner.execute(break_it)
        found = to_mend(guarded)
        assert any(says in line.what for line in found), (name, found)
        for _ in range(3):
            for line in found:
                assert line.is_sql, name
                for step in line.remedy.split("\n"):
                    owner.execute(step)
            if not (found := to_mend(guarded)):
                break
        assert found == [], name


FUNCTIONS = {
    "another body": "CREATE OR REPLACE FUNCTION jit_append(bodies bytea[]) RETURNS bigint LANGUAGE plpgsql"
    " SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on"
    " AS 'BEGIN RETURN 1; END'",
    "the caller's rights": "ALTER FUNCTION jit_append(bytea[]) SECURITY INVOKER",
    "the caller's names": "ALTER FUNCTION jit_append(bytea[]) RESET search_path",
    "other names": "ALTER FUNCTION jit_append(bytea[]) SET search_path = public",
    "no function": "DROP FUNCTION jit_append(bytea[])",
    "a guard that lets through": "CREATE OR REPLACE FUNCTION jit_kept() RETURNS trigger LANGUAGE plpgsql"
    " SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS 'BEGIN RETURN OLD; END'",
}


def test_a_function_that_is_not_ours_is_made_anew_by_the_command_printed(guarded, owner) -> None:
    for name, break_it in FUNCTIONS.items():
        owner.execute(break_it)
        assert [line.remedy.split("\n")[1:] for line in to_mend(guarded)] == [[INIT]], name
        guarded.harden()
        assert to_mend(guarded) == [], name


def test_one_login_for_all_is_a_note_with_the_command(single) -> None:
    engine = connect(single.dsn("jit"))
    create_tables(engine)
    engine.dispose()
    (note,) = [line for line in looked(single, "jit") if "one login does all" in line.what]
    assert note.state is State.NOTE
    assert INIT in note.remedy
