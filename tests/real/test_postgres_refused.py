"""What the PostgreSQL target says where the server does not let its login in: the server's words, and what to do."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from jit.ports import TargetUnreachable
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import hba, session
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.refused import why_refused

pytestmark = pytest.mark.real

PASSWORD = "hunter" + "2"


def said(server: EmbeddedPostgres, user: str = "guest", database: str = "orders", **more: str) -> str:
    dsn = SecretStr(make_conninfo(server.dsn(user, database), **more))
    with closing(PostgresTarget("orders-db", dsn)) as target:
        with pytest.raises(TargetUnreachable, match=r"^orders-db: cannot be reached: ") as caught:
            target.list_grants()
        (finding,) = target.check()
    assert finding.what == str(caught.value)
    assert PASSWORD not in finding.what
    return finding.what.removeprefix("orders-db: cannot be reached: ")


@pytest.fixture
def guest(prepared: EmbeddedPostgres, dba: psycopg.Connection) -> Iterator[EmbeddedPostgres]:
    dba.execute("CREATE ROLE guest LOGIN PASSWORD 'another'")
    yield prepared
    dba.execute("DROP ROLE guest")


def test_a_wrong_and_an_expired_password_and_none(guest, dba):
    with hba(dba, "local all guest scram-sha-256"):
        wrong = said(guest, password=PASSWORD)
        assert wrong.startswith('password authentication failed for user "guest"; see that the password')
        assert "asks for a password" in said(guest)
        dba.execute(f"ALTER ROLE guest PASSWORD '{PASSWORD}' VALID UNTIL '2001-01-01'")
        assert "expired (VALID UNTIL)" in said(guest, password=PASSWORD)


def test_a_line_in_pg_hba_that_says_no(guest, dba):
    with hba(dba, "local all guest reject"):
        assert said(guest, password=PASSWORD).startswith("pg_hba.conf rejects connection")


def test_a_login_or_a_database_that_is_not_there_or_closed(guest, dba):
    assert said(guest, "nobody").startswith('role "nobody" does not exist; see that the login')
    assert said(guest, "orders_read").startswith('role "orders_read" is not permitted to log in; see that the login')
    assert said(guest, database="missing").startswith('database "missing" does not exist; see that the login')
    dba.execute("REVOKE CONNECT ON DATABASE orders FROM PUBLIC")
    try:
        assert said(guest).startswith('permission denied for database "orders"; see that the login')
    finally:
        dba.execute("GRANT CONNECT ON DATABASE orders TO PUBLIC")


def test_slots_that_are_full(guest, dba):
    dba.execute("ALTER ROLE guest CONNECTION LIMIT 1")
    with ExitStack() as stack:
        stack.enter_context(session(guest, "guest"))
        assert said(guest).startswith('too many connections for role "guest"; end its sessions')


def test_words_that_no_server_here_says():
    head = 'connection failed: connection to server at "10.0.0.9", port 5432 failed: '
    for words, told in {
        "FATAL:  unsupported startup parameter: options": "unsupported startup parameter: options; give the dsn",
        "FATAL:  no such database: orders": "no such database: orders; give the dsn of the server itself",
        'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "w"': "no pg_hba.conf entry",
        "FATAL:  remaining connection slots are reserved for roles with SUPERUSER": "remaining connection slots",
        "FATAL:  sorry, too many clients already": "sorry, too many clients already; end sessions that idle",
        "FATAL:  the database system is starting up": "the database system is starting up; wait",
        f"FATAL:  odd \x1b[31m{PASSWORD} words": "odd  [31m… words; look at its dsn",
        "FATAL:  " + "x" * 9000: "x" * 200 + ";",
        "server does not support SSL, but SSL was required": "the server does not speak TLS",
        "SSL error: certificate verify failed": "its certificate does not hold",
        "Connection refused\n\tIs the server running on that host?": "nothing listens there",
        'socket "/run/x/.s.PGSQL.5432" failed: No such file or directory': "nothing listens on that socket; start",
        "timeout expired": "no answer",
    }.items():
        assert why_refused(head + words, [None, PASSWORD]).startswith(told), words


def test_part_of_a_password_that_became_the_host_is_not_told():
    target = PostgresTarget("orders-db", SecretStr(f"postgresql://worker:x@{PASSWORD}@db.invalid/orders"))
    with closing(target), pytest.raises(TargetUnreachable, match="look at its dsn") as caught:
        target.list_grants()
    assert PASSWORD not in str(caught.value)
