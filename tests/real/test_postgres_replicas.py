"""The PostgreSQL target and its hot standbys: an end reaches them, and is none before it has."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import RevokeResult, TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.exhaustive import exhaustive
from tests.world.orders import SET_UP, can_read, grant_of, is_cut, modern, wanted
from tests.world.servers import DEBIAN_15
from tests.world.standby import standby_of
from tests.world.waiting import wait_until
from workers.targets import check_settings
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

VERSIONS = [None, pytest.param(DEBIAN_15, marks=exhaustive("hot standbys of the oldest PostgreSQL"))]


@pytest.fixture(scope="module", params=VERSIONS, ids=["pg18", "pg15"])
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """A primary and its standby."""
    with EmbeddedPostgres(install=request.param, sync=False) as primary:
        with psycopg.connect(primary.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE orders")
        with psycopg.connect(primary.dsn(database="orders"), autocommit=True) as conn:
            conn.execute(SET_UP)
        with standby_of(primary, request.param) as standby:
            yield primary, standby


@pytest.fixture
def dba(servers: tuple[EmbeddedPostgres, EmbeddedPostgres]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(servers[0].dsn(database="orders"), autocommit=True) as conn:
        wait_until(lambda: conn.execute("SELECT count(*) FROM pg_stat_replication").fetchone() == (1,))
        yield conn


def target_of(servers: tuple[EmbeddedPostgres, EmbeddedPostgres], *replicas: str) -> closing[PostgresTarget]:
    named = SecretStr("\n".join(replicas)) if replicas else None
    return closing(PostgresTarget("orders-db", SecretStr(servers[0].dsn("worker", "orders")), replicas=named))


def on_standby(servers: tuple[EmbeddedPostgres, EmbeddedPostgres]) -> psycopg.Connection:
    return psycopg.connect(servers[1].dsn("alice", "orders"), autocommit=True)


def test_an_end_cuts_sessions_on_a_replica_too(servers, dba):
    """A session that had put on the role, or had a cursor, read on there, and nothing said so."""
    with target_of(servers, servers[1].dsn("worker", "orders")) as target:
        target.grant(grant_of(), wanted)
        with on_standby(servers) as cursor, on_standby(servers) as inside:
            wait_until(lambda: can_read(inside))
            if not modern(dba):
                inside.execute("SET ROLE orders_read")
            cursor.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders")
            assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=2)
            assert [is_cut(conn) for conn in (cursor, inside)] == [True, True]
        with on_standby(servers) as again:
            assert not can_read(again)
        assert [finding for finding in target.check(["orders_read"]) if not finding.ok] == []


def test_a_colleague_on_a_replica_who_goes_on_through_the_holders_view_is_cut(servers, dba):
    dba.execute("CREATE VIEW hers AS SELECT * FROM orders; ALTER VIEW hers OWNER TO alice; GRANT SELECT ON hers TO eve")
    with target_of(servers, servers[1].dsn("worker", "orders")) as target:
        target.grant(grant_of(), wanted)
        with psycopg.connect(servers[1].dsn("eve", "orders"), autocommit=True) as eve, on_standby(servers) as alice:
            wait_until(lambda: can_read(alice))
            eve.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM hers")
            assert target.revoke("R-7F3K", "alice").sessions == 2
            assert is_cut(eve)
    dba.execute("DROP VIEW hers")


def test_an_end_that_has_not_arrived_on_a_replica_is_access_that_remains(servers, dba):
    """Replay is held there; who connects there now still has the access."""
    with (
        target_of(servers, servers[1].dsn("worker", "orders")) as target,
        psycopg.connect(servers[1].dsn(), autocommit=True) as there,
    ):
        target.grant(grant_of(), wanted)
        with on_standby(servers) as alice:
            wait_until(lambda: can_read(alice))
        there.execute("SELECT pg_wal_replay_pause()")
        wait_until(lambda: there.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",))
        with pytest.raises(TargetRefused, match=r"access remains on its replica .*: the end has not arrived there yet"):
            target.revoke("R-7F3K", "alice")
        there.execute("SELECT pg_wal_replay_resume()")
        assert target.revoke("R-7F3K", "alice").existed
        with on_standby(servers) as again:
            assert not can_read(again)


@pytest.mark.parametrize("who", ["alice", "eve"])
def test_a_lock_on_a_replica_that_holds_up_its_replay_does_not_put_off_the_end_there(servers, dba, who):
    """For 30 s, or as long as the standby lets its readers hold up replay: whoever came in there read on."""
    dba.execute("CREATE TABLE hers (); ALTER TABLE hers OWNER TO alice; GRANT SELECT ON hers TO PUBLIC")
    with target_of(servers, servers[1].dsn("worker", "orders")) as target:
        target.grant(grant_of(), wanted)
        with on_standby(servers) as alice:
            wait_until(lambda: can_read(alice))
        with (
            psycopg.connect(servers[1].dsn(who, "orders"), autocommit=True) as reader,
            psycopg.connect(servers[0].dsn("alice", "orders"), autocommit=True) as hers,
        ):
            reader.execute("BEGIN; SELECT * FROM hers")
            hers.execute("BEGIN; LOCK TABLE hers IN ACCESS EXCLUSIVE MODE; TRUNCATE hers; COMMIT")
            assert target.revoke("R-7F3K", "alice").existed
            assert is_cut(reader)
        with on_standby(servers) as again:
            assert not can_read(again)
    dba.execute("DROP TABLE hers")


def test_a_replica_that_cannot_be_reached_or_is_none_is_named(servers, dba, tmp_path):
    away = f"postgresql://worker@/orders?host={tmp_path}"
    for address, why in ((away, "cannot be reached"), (servers[0].dsn("worker", "orders"), "is no standby")):
        with target_of(servers, address) as target:
            target.grant(grant_of(), wanted)
            with pytest.raises(TargetRefused, match=f"access remains on its replica .*{why}"):
                target.revoke("R-7F3K", "alice")
            (finding,) = [finding for finding in target.check() if not finding.ok]
            assert why in finding.what
        with target_of(servers, servers[1].dsn("worker", "orders")) as mended:
            assert mended.list_grants() == []
            mended.revoke("R-7F3K", "alice")


def test_standbys_that_nobody_named_are_told_by_the_doctor_and_at_the_end(servers, dba):
    said = "1 standby is not named in `replicas`: sessions there go on reading what they have begun"
    with target_of(servers) as target:
        assert said in [finding.what for finding in target.check() if finding.remedy]
        target.grant(grant_of(), wanted)
        assert target.revoke("R-7F3K", "alice") == RevokeResult(True, left_behind=(said,))


def test_replicas_are_named_as_a_secret():
    check_settings("orders-db", "postgres", {"dsn": "env:DSN", "replicas": "env:REPLICAS"})
    with pytest.raises(ValueError, match=r"orders-db: its replicas are not addresses") as caught:
        PostgresTarget("orders-db", SecretStr("host=/tmp"), replicas=SecretStr("hunter2 host=x"))
    assert "hunter2" not in str(caught.value)
