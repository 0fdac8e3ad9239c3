"""A login that may write a table of the ledger's database writes its own rows there alone."""

from collections.abc import Iterator

import psycopg
import pytest

from jit.clock import SystemClock
from jit.testing import Story
from tests.world.leases import LEASES
from tests.world.servers import LedgerDatabase

pytestmark = pytest.mark.real

ANOTHERS_ROW = "JIT02"
HELD = [name for names in LEASES.values() for name in names]
GROUPS = '{"members": {"S0DBA": ["U0ALICE01", "U0BOB0001"]}, "handles": {"S0DBA": "dba"}}'


@pytest.fixture
def filled(guarded: LedgerDatabase, opened) -> Iterator[psycopg.Connection]:
    """As a superuser, who may write every row."""
    bot = opened("jit_bot")
    if bot.request("R-ROWS") is None:
        Story(bot, SystemClock(), id="R-ROWS", fields={"requester": "U0ROWS001"}).asked()
    with guarded.login() as dba:
        for table in ("leases", "notes", "directory"):
            dba.execute(f"DELETE FROM {table}")
        dba.execute("INSERT INTO leases SELECT unnest(%s::text[]), 'one', 9", [HELD])
        dba.execute(
            "INSERT INTO notes VALUES ('mirror', 'cursor', '3'), ('audit_channel', 'announced:1700000.001', 'x'),"
            " ('homes', 'opened:U0ALICE01', ''), ('mirror_check', 'posting:1', '')"
        )
        dba.execute(
            "INSERT INTO directory VALUES ('groups', %s, 1), ('workspace', '{}', 1), ('person:U0ALICE01', '{}', 1)",
            [GROUPS],
        )
        yield dba
        for table in ("leases", "notes", "directory"):
            dba.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("login", LEASES)
def test_a_lease_is_held_renewed_and_let_go_by_its_rooms_login_alone(
    guarded: LedgerDatabase, filled, login: str
) -> None:
    for name in HELD:
        renamed = f"UPDATE leases SET name = 'other' WHERE name = '{name}'"
        changes = (
            f"UPDATE leases SET holder = 'eve' WHERE name = '{name}'",
            f"DELETE FROM leases WHERE name = '{name}'",
            f"INSERT INTO leases VALUES ('{name}', 'eve', 9) ON CONFLICT (name) DO UPDATE SET holder = 'eve'",
        )
        came = guarded.came_of(login, [*changes, renamed], refusal=ANOTHERS_ROW)
        assert came == (dict.fromkeys(changes, 1) if name in LEASES[login] else {})


def test_are_not_written(guarded: LedgerDatabase, filled) -> None:
    tried = {
        "jit_auditor": (
            "DELETE FROM notes WHERE follower = 'mirror'",
            "INSERT INTO notes VALUES ('audit_channel', 'announced:1.000001', '[]')",
            "INSERT INTO notes VALUES ('mirror', 'shown', '999 ff')",
            "UPDATE requests SET state = 'ended', wakes_at = NULL WHERE id = 'R-ROWS'",
            "UPDATE requests SET requester = 'U0SOMEONE' WHERE id = 'R-ROWS'",
        ),
        "jit_privacy": (
            "DELETE FROM notes WHERE key = 'cursor'",
            "DELETE FROM notes WHERE follower = 'audit_channel'",
            "DELETE FROM directory WHERE key = 'groups'",
            "DELETE FROM directory WHERE key = 'workspace'",
            "UPDATE directory SET value = '{}' WHERE key = 'workspace'",
            "UPDATE directory SET value = '{}' WHERE key = 'person:U0ALICE01'",
            "UPDATE directory SET as_of = 99 WHERE key = 'groups'",
            "UPDATE directory SET key = 'x' WHERE key = 'groups'",
            "UPDATE directory SET value = '{}' WHERE key = 'groups'",
            "UPDATE directory SET value = replace(value, 'BOB0', 'EVE0') WHERE key = 'groups'",
            "UPDATE directory SET value = replace(value, '\"dba', '\"sre') WHERE key = 'groups'",
            "UPDATE directory SET value = value || repeat(' ', 9000000) WHERE key = 'groups'",
            """UPDATE directory SET value = replace(value, '["U', '[' || repeat('"U0ALICE01", ', 9) || '"U')""",
            "UPDATE requests SET state = 'ended'",
            "UPDATE requests SET wakes_at = 99999999999999999",
            "UPDATE requests SET requester = 'U0SOMEONE' WHERE id = 'R-ROWS'",  # it is open
        ),
    }
    for login, statements in tried.items():
        came = guarded.came_of(login, statements, refusal=ANOTHERS_ROW)
        assert not came, f"{len(came)} of the {len(statements)} that {login} tried"


def test_security_revokes_and_opens_nothing_in_anothers_name(guarded: LedgerDatabase, opened) -> None:
    """Somebody's own revoked request, made an open one of another's for the same access: who is asked for was told
    that they had asked already.
    """
    bot, auditor = (Story(opened(login), SystemClock(), id="R-MINE") for login in ("jit_bot", "jit_auditor"))
    for step in (bot.asked, bot.approval, bot.approved, auditor.revoked):
        last = step()
    changes = [
        f"UPDATE requests SET last_entry = {last.index}, requester = 'U0BOB', state = '{state}' WHERE id = 'R-MINE'"
        for state in ("pending", "approved", "granting", "active")
    ]
    assert not guarded.came_of("jit_auditor", changes, refusal=ANOTHERS_ROW)


def test_a_checkpoint_leaves_room_for_those_that_come(guarded: LedgerDatabase) -> None:
    """With the highest number there is, which no login may take away again, the signer was out of numbers."""
    numbers = (2**63 - 1, 2**40, 0, -1)
    tried = [f"INSERT INTO checkpoints VALUES ({number}, 1, 1, '')" for number in numbers]
    assert not guarded.came_of("jit_signer", tried, refusal="JIT04")


def test_a_login_that_was_given_another_as_a_role_writes_none(guarded: LedgerDatabase, filled) -> None:
    filled.execute("CREATE ROLE eve LOGIN IN ROLE jit_bot")
    filled.execute("GRANT CONNECT ON DATABASE jit TO eve")
    try:
        with guarded.login("eve") as conn, pytest.raises(psycopg.Error, match="the login eve may not UPDATE this row"):
            conn.execute("UPDATE leases SET holder = 'eve'")
    finally:
        filled.execute("DROP OWNED BY eve")
        filled.execute("DROP ROLE eve")


def test_what_an_erasure_takes_out_is_taken_out(guarded: LedgerDatabase, filled) -> None:
    filled.execute("UPDATE requests SET state = 'withdrawn' WHERE id = 'R-ROWS'")
    erasing = [
        "DELETE FROM notes WHERE key = 'opened:U0ALICE01'",
        "DELETE FROM directory WHERE key = 'person:U0ALICE01'",
        "UPDATE directory SET value = replace(value, '\"U0ALICE01\", ', '') WHERE key = 'groups'",
        "UPDATE requests SET requester = 'erased:1a2b3c4d' WHERE id = 'R-ROWS'",
    ]
    assert guarded.came_of("jit_privacy", erasing, refusal=ANOTHERS_ROW) == dict.fromkeys(erasing, 1)
