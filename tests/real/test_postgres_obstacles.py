"""What is taken from the worker's login while access is active is found before the end, with what mends it, on a
connection of its own: the one that is kept for the end may outlive what a new one would not get.
"""

from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.world.orders import grant_of, hba, modern, wanted
from tests.world.servers import both_versions
from tests.world.waiting import wait_until
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link

pytestmark = pytest.mark.real

GIVEN = ("orders_read",)


@pytest.fixture
def active(target):
    """Something to be ended, and a connection that is kept."""
    target.grant(grant_of(), wanted)
    assert target.obstacles(GIVEN) == []
    return target


def said(target):
    return " ".join(f"{found.what} {found.remedy}" for found in target.obstacles(GIVEN))


@both_versions
@pytest.mark.parametrize(
    ("taken", "from_whom"),
    [
        ("pg_signal_backend", "worker"),
        ("EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(integer,bigint)", "PUBLIC"),
        ("EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint)", "PUBLIC"),
        ("SELECT ON pg_catalog.pg_auth_members", "PUBLIC"),
        ("SELECT ON pg_catalog.pg_roles", "PUBLIC"),
    ],
)
def test_a_right_taken_from_the_worker_is_found_and_the_sql_mends(active, dba, taken, from_whom):
    dba.execute(f"REVOKE {taken} FROM {from_whom}")
    try:
        (found,) = active.obstacles(GIVEN)
        assert taken.removesuffix("(integer,bigint)").removesuffix("(bigint)") in found.remedy
        dba.execute(found.remedy)
        assert active.obstacles(GIVEN) == []
    finally:
        dba.execute(f"GRANT {taken} TO {from_whom}")


@both_versions
def test_a_worker_that_may_not_create_roles_any_more_is_found_and_the_sql_mends(active, dba):
    dba.execute("ALTER ROLE worker NOCREATEROLE")
    try:
        for found in active.obstacles(GIVEN):
            dba.execute(found.remedy)
        assert active.obstacles(GIVEN) == []
        (right,) = dba.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = 'worker'").fetchone()
        assert right
    finally:
        dba.execute("ALTER ROLE worker CREATEROLE")


@both_versions
def test_the_right_to_give_on_what_is_held_is_found_missing(active, dba):
    """From 16 on that takes the grants away with it, and so is no obstacle; before, CREATEROLE is right enough."""
    if modern(dba):
        dba.execute("REVOKE ADMIN OPTION FOR orders_read FROM worker CASCADE")
        dba.execute("REVOKE ADMIN OPTION FOR jit_r_7f3k FROM worker CASCADE")
    else:
        dba.execute("ALTER ROLE worker NOCREATEROLE; REVOKE ADMIN OPTION FOR orders_read FROM worker")
    try:
        for one in active.obstacles(GIVEN):
            dba.execute(one.remedy)
        assert active.obstacles(GIVEN) == []
        active.revoke("R-7F3K", "alice")
        assert active.held("R-7F3K") is None
    finally:
        dba.execute("ALTER ROLE worker CREATEROLE; GRANT orders_read TO worker WITH ADMIN OPTION")


@both_versions
def test_a_login_that_is_not_let_in_any_more_is_found_though_a_connection_is_kept(active, dba, prepared):
    for taken, undone, found in (
        ("ALTER ROLE worker NOLOGIN", "ALTER ROLE worker LOGIN", "ALTER ROLE … LOGIN"),
        ("ALTER ROLE worker CONNECTION LIMIT 0", "ALTER ROLE worker CONNECTION LIMIT -1", "CONNECTION LIMIT -1"),
        (
            "REVOKE CONNECT ON DATABASE orders FROM PUBLIC",
            "GRANT CONNECT ON DATABASE orders TO PUBLIC",
            "GRANT CONNECT ON DATABASE",
        ),
    ):
        dba.execute(taken)
        try:
            assert found in said(active), taken
            assert len(active.list_grants()) == 1, "by the connection that is kept"
        finally:
            dba.execute(undone)
    with hba(dba, "local all worker reject"):
        assert "change the line in pg_hba.conf" in said(active)
    assert active.obstacles(GIVEN) == []


def test_looking_again_and_again_leaves_no_connections(prepared, dba, monkeypatch):
    """The server, which ends those that idle, is told to wait for longer than this test does."""
    monkeypatch.setitem(link.BOUNDS, "idle_session_timeout", "1h")
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'worker'"
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as target:
        target.list_grants()
        for _ in range(5):
            target.obstacles(GIVEN)
        wait_until(lambda: dba.execute(count).fetchone() == (1,))


@both_versions
def test_a_password_that_was_changed_is_found(prepared, dba):
    """And what is to be done says that the workers have to start again."""
    dba.execute("ALTER ROLE worker PASSWORD 'first'")
    with hba(dba, "local all worker scram-sha-256"):
        dsn = SecretStr(make_conninfo(prepared.dsn("worker", "orders"), password="first"))
        with closing(PostgresTarget("orders-db", dsn)) as target:
            target.grant(grant_of(), wanted)
            dba.execute("ALTER ROLE worker PASSWORD 'second'")
            assert "password authentication failed" in said(target)
            assert "restart workers and timekeeper" in said(target)
            dba.execute("ALTER ROLE worker PASSWORD 'first' VALID UNTIL '2001-01-01'")
            assert "password authentication failed" in said(target)
            dba.execute("ALTER ROLE worker VALID UNTIL 'infinity'")
            assert target.obstacles(GIVEN) == []
    dba.execute("ALTER ROLE worker PASSWORD NULL")


@both_versions
def test_a_database_that_was_renamed_and_a_role_that_is_gone(prepared, dba):
    with psycopg.connect(prepared.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE books")
        try:
            with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "books")))) as target:
                assert target.obstacles(("nobodys_role",)) == []
                target.close()
                admin.execute("ALTER DATABASE books RENAME TO ledgers")
                assert 'database "books" does not exist' in said(target)
        finally:
            for name in ("books", "ledgers"):
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
