"""The PostgreSQL target against sessions that nothing ends, because they look for no interrupt."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import RevokeResult, TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.exhaustive import exhaustive
from tests.world.orders import SET_UP, can_read, grant_of, is_cut, session, wanted
from tests.world.servers import DEBIAN_15
from tests.world.waiting import wait_until
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.catalog import account
from workers.targets.postgres.sessions import CUT_SECONDS, Sessions

pytestmark = pytest.mark.real


@pytest.fixture(params=[18, pytest.param(15, marks=exhaustive("what looks for no interrupt on the oldest PostgreSQL"))])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """Killed at the end: it cannot stop in good order."""
    install = DEBIAN_15 if request.param == 15 else None
    with EmbeddedPostgres(install=install, sync=False) as made:
        with psycopg.connect(made.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE orders")
        with psycopg.connect(made.dsn(database="orders"), autocommit=True) as conn:
            conn.execute(SET_UP)
        yield made
        made.kill()


@pytest.fixture
def stuck(server: EmbeddedPostgres) -> Iterator[list[int]]:
    """Two sessions of alice in one expression each, which takes minutes."""
    with ExitStack() as stack, psycopg.connect(server.dsn(), autocommit=True) as dba:
        same = ", ".join(["(n*n)=(n-0)"] * 1_500)  # a minute and longer
        query = f"SELECT pg_advisory_lock_shared(4711), {same} FROM (SELECT repeat('9', 65000)::numeric n OFFSET 0) s"
        pids = []
        for _ in range(2):
            conn = stack.enter_context(closing(psycopg.connect(server.dsn("alice", "orders"), autocommit=True)))
            pids.append(conn.info.backend_pid)
            conn.pgconn.send_query(query.encode())
        begun = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = ANY(%s)"
        wait_until(lambda: dba.execute(begun, [pids]).fetchone() == (2,))
        yield pids


def test_sessions_that_do_not_end_hold_up_nobody_elses_end(server, stuck):
    """Seven accesses of one person ended: somebody else's was gone 9.8 s after its end."""
    ids = [f"R-AAA{number}" for number in range(2, 9)]
    with closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker", "orders")))) as target:
        for request_id in ids:
            target.grant(grant_of(request_id), wanted)
        target.grant(grant_of("R-EVE2", principal="eve"), wanted)
        for request_id in ids:
            target.take_rights(request_id, "alice")
        with session(server, "alice") as again:
            assert not can_read(again)
        for request_id in ids:
            with pytest.raises(TargetRefused, match=r"access is taken away, but session .* does not end"):
                target.revoke(request_id, "alice")
        assert target.revoke("R-EVE2", "eve") == RevokeResult(existed=True)
        assert target.list_grants() == []
        server.kill()
        server.start()
        for request_id in ids:
            wait_until(lambda id_=request_id: ended(target, id_))
        with psycopg.connect(server.dsn(), autocommit=True) as dba:
            assert dba.execute("SELECT FROM pg_roles WHERE rolname ~ '^jit_'").fetchall() == []


def ended(target: PostgresTarget, request_id: str) -> bool:
    return target.revoke(request_id, "alice").existed


def test_a_session_that_does_not_end_is_waited_for_once(server, stuck):
    ticks = count()
    sessions = Sessions("orders-db", lambda: next(ticks) * CUT_SECONDS / 5)
    with psycopg.connect(server.dsn("worker", "orders"), autocommit=True) as conn:
        alice = account(conn, "alice")
        assert alice
        for looks in (True, False, False):
            before, cut = next(ticks), set[int]()
            with pytest.raises(TargetRefused) as refused:
                sessions.cut_all_of(conn, [alice], cut)
            assert all(str(pid) in str(refused.value) for pid in stuck)
            assert cut == set()
            assert (next(ticks) - before > 5) is looks


def test_a_session_that_does_not_end_keeps_no_other_copy_of_the_right(server, stuck):
    """A colleague's cursor on her view, and what the permission was made to own, are reached all the same."""
    assert stuck
    with (
        closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker", "orders")))) as target,
        closing(psycopg.connect(server.dsn("alice", "orders"), autocommit=True)) as alice,
        session(server, "eve") as eve,
        psycopg.connect(server.dsn(database="orders"), autocommit=True) as dba,
    ):
        target.grant(grant_of(), wanted)
        alice.execute("CREATE VIEW hers AS SELECT * FROM orders; GRANT SELECT ON hers TO eve")
        alice.execute("REASSIGN OWNED BY alice TO orders_read")
        eve.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM hers")
        with pytest.raises(TargetRefused, match="access is taken away, but session"):
            target.revoke("R-7F3K", "alice")
        assert is_cut(eve)
        owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'hers'"
        assert dba.execute(owner).fetchone() == ("jit_r_7f3k",)
