"""The PostgreSQL target against a colleague whose transaction goes on through what the holder made."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from jit.ports import RevokeResult, TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import can_read, grant_of, is_cut, session, wanted
from tests.world.servers import DEBIAN_15, both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

HERS = """
    CREATE VIEW hers AS SELECT * FROM orders; GRANT SELECT ON hers TO PUBLIC;
    CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS
        $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT * FROM public.orders; RETURN c; END $$;
    CREATE FUNCTION counts() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM public.orders';
    CREATE TABLE drop_box (id int); GRANT INSERT ON drop_box TO PUBLIC;
    CREATE FUNCTION reads() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN NEW.id := (SELECT count(*) FROM public.orders); RETURN NEW; END $$;
    CREATE TRIGGER reads BEFORE INSERT ON drop_box FOR EACH ROW EXECUTE FUNCTION reads();
"""
NOT_HERS = "DROP TABLE drop_box CASCADE; DROP VIEW hers; DROP FUNCTION opens(); DROP FUNCTION counts(), reads()"


@pytest.fixture
def hers(alice: psycopg.Connection, dba: psycopg.Connection) -> Iterator[None]:
    """Made before anything is given."""
    alice.execute(HERS)
    yield
    dba.execute(NOT_HERS)


WAYS = {
    "view": ("DECLARE c CURSOR FOR SELECT * FROM hers", "view public.hers"),
    "view of a view": ("DECLARE c CURSOR FOR SELECT * FROM eves", "view public.hers"),
    "function's cursor": ("SELECT opens()", "function public.counts()"),
    "function": ("SELECT counts()", "function public.counts()"),
    "trigger": ("INSERT INTO drop_box VALUES (1)", "table public.drop_box"),
}


@both_versions
@pytest.mark.parametrize("way", WAYS)
def test_a_transaction_of_a_colleague_through_what_the_holder_made_is_cut(prepared, target, dba, hers, way):
    """A cursor on her view: 15,000 rows were fetched after the end, quietly, and it said *ended*."""
    does, through = WAYS[way]
    dba.execute("CREATE VIEW eves AS SELECT * FROM hers; ALTER VIEW eves OWNER TO eve")
    target.grant(grant_of(), wanted)
    with session(prepared, "eve") as eve:
        eve.execute("BEGIN")
        eve.execute(does)
        if "cursor" in does.lower() or "opens" in does:
            eve.execute("FETCH 1 FROM c")
        taken = target.revoke("R-7F3K", "alice")
        assert is_cut(eve)
    assert taken == RevokeResult(True, 2, (f"eve went on through {through}; that session was cut",))
    dba.execute("DROP VIEW eves")


@both_versions
def test_sessions_that_do_not_go_on_through_the_grant_are_left_alone(prepared, target, dba, hers):
    """Right of their own, an owner's view, what is hers and reads nothing of the grant, and no transaction."""
    dba.execute("GRANT SELECT ON orders TO eve; CREATE VIEW official AS SELECT * FROM orders")
    dba.execute('GRANT SELECT ON official TO "o\'brien"; CREATE TABLE other (id int); GRANT SELECT ON other TO PUBLIC')
    dba.execute("CREATE VIEW harmless AS SELECT * FROM other; ALTER VIEW harmless OWNER TO alice")
    dba.execute("GRANT SELECT ON harmless TO PUBLIC")
    dba.execute("REVOKE EXECUTE ON FUNCTION opens(), counts(), reads() FROM PUBLIC")
    target.grant(grant_of(), wanted)
    with (
        session(prepared, "eve") as own_right,
        session(prepared, "o'brien") as official,
        session(prepared, 'we"ird') as harmless,
        session(prepared, "eve") as idle,
    ):
        own_right.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders")
        official.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM official")
        harmless.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM harmless")
        idle.execute("SELECT * FROM hers")
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
        assert [is_cut(conn) for conn in (own_right, official, harmless, idle)] == [False] * 4
    dba.execute("DROP VIEW official, harmless; DROP TABLE other; REVOKE SELECT ON orders FROM eve")


@both_versions
def test_a_colleague_who_goes_on_through_what_the_permission_was_made_to_own_is_cut(prepared, target, dba, alice):
    target.grant(grant_of(), wanted)
    alice.execute("CREATE VIEW v AS SELECT * FROM orders; GRANT SELECT ON v TO PUBLIC")
    alice.execute("REASSIGN OWNED BY alice TO orders_read")
    with session(prepared, "eve") as eve:
        eve.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM v")
        assert target.revoke("R-7F3K", "alice").sessions == 2
        assert is_cut(eve)
    dba.execute("DROP VIEW v")


@both_versions
def test_a_statement_that_was_prepared_by_another_asks_for_the_right_anew(prepared, target, hers):
    target.grant(grant_of(), wanted)
    with session(prepared, "eve") as eve:
        eve.execute("PREPARE p AS SELECT count(*) FROM hers")
        assert eve.execute("EXECUTE p").fetchone() == (3,)
        target.revoke("R-7F3K", "alice")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            eve.execute("EXECUTE p")


@pytest.fixture(scope="module", params=[None, DEBIAN_15], ids=["pg18", "pg15"])
def preparing(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """Where transactions can be prepared."""
    with EmbeddedPostgres(install=request.param, sync=False, settings={"max_prepared_transactions": "5"}) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE orders")
        with psycopg.connect(server.dsn(database="orders"), autocommit=True) as conn:
            conn.execute(
                "CREATE TABLE orders (id int); CREATE ROLE orders_write; GRANT INSERT ON orders TO orders_write"
            )
            conn.execute("CREATE ROLE alice LOGIN; CREATE ROLE eve LOGIN; GRANT CREATE ON SCHEMA public TO alice")
            conn.execute("CREATE ROLE worker LOGIN CREATEROLE; GRANT pg_signal_backend TO worker")
            conn.execute("GRANT orders_write TO worker WITH ADMIN OPTION")
        yield server


@contextmanager
def target_in(server: EmbeddedPostgres) -> Iterator[PostgresTarget]:
    with closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker", "orders")))) as target:
        yield target


def test_a_transaction_that_a_colleague_prepared_through_the_holders_view_is_access_that_remains(preparing):
    with target_in(preparing) as target:
        target.grant(grant_of("R-7F3K", "orders_write"), wanted)
        with session(preparing, "alice") as alice:
            alice.execute("CREATE VIEW hers AS SELECT * FROM orders; GRANT INSERT ON hers TO eve")
        with session(preparing, "eve") as eve:
            eve.execute("BEGIN")
            eve.execute("INSERT INTO hers VALUES (666)")
            eve.execute("PREPARE TRANSACTION 'la''ter'")
        for _ in range(2):
            with pytest.raises(TargetRefused, match=r"access remains: .*view public\.hers is prepared") as remains:
                target.revoke("R-7F3K", "alice")
            assert (target.held("R-7F3K"), target.list_grants()) == (None, [])
        with psycopg.connect(preparing.dsn(database="orders"), autocommit=True) as dba:
            dba.execute(sql.SQL(str(remains.value).rpartition("committed: ")[2]))
            assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
            assert dba.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_what_was_given_stays_what_it_was_over_tries(prepared, target, dba):
    """What an end found before it could not go on is told by the one that could."""
    target.grant(grant_of(), wanted)
    target.take_rights("R-7F3K", "alice")
    with session(prepared, "alice") as alice:
        assert not can_read(alice)
        assert target.held("R-7F3K") is None
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)
