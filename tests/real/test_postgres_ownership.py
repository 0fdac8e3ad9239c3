"""The PostgreSQL target against a holder who makes the permission own what is hers, so that it keeps its rights."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr

from jit.ports import RevokeResult, TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import can_read, grant_of, modern, session, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

MINE = "CREATE VIEW v AS SELECT * FROM orders; GRANT ALL ON v TO PUBLIC; REASSIGN OWNED BY alice TO orders_read"


@pytest.fixture(autouse=True)
def nothing_is_left(dba: psycopg.Connection) -> Iterator[None]:
    yield
    dba.execute("DROP VIEW IF EXISTS v; DROP OWNED BY orders_read; GRANT SELECT ON orders TO orders_read")


def sees(server: EmbeddedPostgres, user: str, what: str = "SELECT count(*) FROM v") -> bool:
    with session(server, user) as conn:
        try:
            return conn.execute(what).fetchone() == (3,)
        except errors.InsufficientPrivilege:
            return False


@both_versions
def test_a_view_that_the_permission_was_made_to_own_reads_nothing_after_the_end(prepared, target, alice):
    """It read for everybody, for ever, and was told as left behind."""
    target.grant(grant_of(), wanted)
    alice.execute(MINE)
    assert sees(prepared, "eve")
    taken = target.revoke("R-7F3K", "alice")
    assert taken == RevokeResult(True, 1, ("jit_r_7f3k stays, without any right: it owns view public.v",))
    for user in ("eve", "alice"):
        assert not sees(prepared, user), user
    assert target.grant(grant_of("R-AAAA", principal="eve"), wanted).permissions == ("orders_read",)
    assert target.revoke("R-AAAA", "eve") == RevokeResult(existed=True)


@pytest.mark.parametrize("postgres", [15], indirect=True, ids="pg{}".format)
def test_a_function_that_acts_as_the_permission_reads_nothing_after_the_end(prepared, target, dba, alice):
    """From 16 on that asks for SET ROLE, which is not given."""
    dba.execute("CREATE SCHEMA hers AUTHORIZATION alice")
    target.grant(grant_of(), wanted)
    alice.execute("GRANT USAGE ON SCHEMA hers TO PUBLIC; GRANT CREATE ON SCHEMA hers TO orders_read")
    body = "CREATE FUNCTION hers.back() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
    alice.execute(f"SET ROLE orders_read; {body} AS 'SELECT count(*) FROM public.orders'")
    assert sees(prepared, "eve", "SELECT hers.back()")
    left = "jit_r_7f3k stays, without any right: it owns function hers.back()"
    assert target.revoke("R-7F3K", "alice").left_behind == (left,)
    assert not sees(prepared, "eve", "SELECT hers.back()")
    kept = "SELECT FROM pg_auth_members WHERE 'jit_r_7f3k'::regrole IN (roleid, member)"
    assert dba.execute(kept).fetchall() == []
    dba.execute("DROP SCHEMA hers CASCADE")


@pytest.mark.parametrize("postgres", [15], indirect=True, ids="pg{}".format)
@pytest.mark.parametrize("first", [True, False], ids=["by an inspection", "by the end"])
def test_a_schema_that_the_permission_was_made_to_own_holds_up_no_end(prepared, target, dba, alice, first):
    """To give one away asks for more than to give away what lies in it. From 16 on she cannot."""
    dba.execute("GRANT CREATE ON DATABASE orders TO alice")
    target.grant(grant_of(), wanted)
    alice.execute("CREATE SCHEMA hers; GRANT ALL ON SCHEMA hers TO PUBLIC; CREATE VIEW hers.v AS SELECT * FROM orders")
    alice.execute("GRANT ALL ON hers.v TO PUBLIC; ALTER VIEW hers.v OWNER TO orders_read")
    alice.execute("ALTER SCHEMA hers OWNER TO orders_read")
    if first:
        target.list_grants()
    (left,) = target.revoke("R-7F3K", "alice").left_behind
    assert left == "jit_r_7f3k stays, without any right: it owns schema hers, view hers.v"
    assert not sees(prepared, "eve", "SELECT count(*) FROM hers.v")
    assert dba.execute("SELECT FROM pg_auth_members WHERE 'alice'::regrole IN (roleid, member)").fetchall() == []
    dba.execute("DROP SCHEMA hers CASCADE; REVOKE CREATE ON DATABASE orders FROM alice")


@both_versions
def test_an_inspection_takes_from_a_permission_what_it_was_made_to_own(target, dba, alice):
    """While the access lasts the view goes on by it."""
    held = target.grant(grant_of(), wanted)
    alice.execute(MINE)
    assert target.list_grants() == [held]
    assert dba.execute("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'v'").fetchone() == ("jit_r_7f3k",)
    assert can_read(alice)
    own = "SELECT FROM pg_auth_members WHERE member = 'worker'::regrole AND roleid = 'jit_r_7f3k'::regrole"
    used = f"{own} AND inherit_option" if modern(dba) else own
    assert dba.execute(used).fetchall() == [], "the worker keeps none of the rights that this took"


@both_versions
def test_a_holder_who_makes_the_permission_own_things_keeps_nobody_from_getting_it(target, alice):
    target.grant(grant_of(), wanted)
    alice.execute(MINE)
    assert target.grant(grant_of("R-AAAA", principal="eve"), wanted).principal == "eve"
    alice.execute("ALTER DEFAULT PRIVILEGES FOR ROLE orders_read GRANT SELECT ON TABLES TO PUBLIC")
    assert target.grant(grant_of("R-BBBB", principal="o'brien"), wanted).principal == "o'brien"


@both_versions
@pytest.mark.parametrize("holds", ["SELECT FROM v", "GRANT SELECT ON v TO eve"])
def test_a_lock_on_what_the_permission_was_made_to_own_keeps_nobody_from_getting_it(
    prepared, target, dba, alice, holds
):
    """She held it open, and nobody got orders_read while she did."""
    held = target.grant(grant_of(), wanted)
    alice.execute(MINE)
    with session(prepared, "eve") as eve:
        eve.execute("BEGIN; SELECT FROM v")
        alice.execute(f"BEGIN; {holds}")
        assert target.grant(grant_of("R-AAAA", principal="o'brien"), wanted).principal == "o'brien"
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'v'"
    assert dba.execute(owner).fetchone() == ("jit_r_7f3k",)
    assert held in target.list_grants()


@both_versions
def test_a_holder_who_drops_what_the_permission_owns_takes_no_right_from_it(prepared, target, alice):
    target.grant(grant_of(), wanted)
    alice.execute("DROP OWNED BY orders_read; DROP OWNED BY jit_r_7f3k")
    assert can_read(alice)
    target.grant(grant_of("R-AAAA", principal="eve"), wanted)
    assert sees(prepared, "eve", "SELECT count(*) FROM orders")


@both_versions
def test_what_a_permission_was_made_to_own_in_another_database_is_access_that_remains(prepared, target, dba, alice):
    """From here it cannot be taken away: the end is not proven, and says what to do."""
    with psycopg.connect(prepared.dsn(), autocommit=True) as other:
        other.execute("GRANT CREATE ON SCHEMA public TO alice")
        target.grant(grant_of(), wanted)
        with psycopg.connect(prepared.dsn("alice"), autocommit=True) as there:
            there.execute("CREATE TABLE hers (id int); REASSIGN OWNED BY alice TO orders_read")
        for _ in range(2):
            with pytest.raises(TargetRefused, match="access remains: orders_read owns something in another database"):
                target.revoke("R-7F3K", "alice")
            assert (target.held("R-7F3K"), target.list_grants()) == (None, [])
        with session(prepared, "alice") as again:
            assert not can_read(again)
        other.execute("DROP TABLE hers; REVOKE CREATE ON SCHEMA public FROM alice")
    taken = target.revoke("R-7F3K", "alice")
    assert (taken.existed, taken.left_behind) == (True, ())
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)


@both_versions
def test_somebody_who_locks_what_the_permission_owns_puts_off_no_end_quietly(prepared, target, alice):
    target.grant(grant_of(), wanted)
    alice.execute(MINE)
    with session(prepared, "root2") as root2, root2.transaction():
        root2.execute("SELECT FROM v")
        with pytest.raises(TargetRefused, match=r"access remains: orders_read owns view public\.v, .*lock timeout"):
            target.revoke("R-7F3K", "alice")
    assert target.revoke("R-7F3K", "alice").left_behind == (
        "jit_r_7f3k stays, without any right: it owns view public.v",
    )
    assert not sees(prepared, "eve")


def test_a_permission_that_owned_something_before_keeps_it(prepared, dba, alice):
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")), allow_owners=True)) as lax:
        lax.grant(grant_of("R-7F3K", "orders_owner"), wanted)
        alice.execute("CREATE VIEW v AS SELECT FROM owned; REASSIGN OWNED BY alice TO orders_owner")
        assert [held.request_id for held in lax.list_grants()] == ["R-7F3K"]
        (word,) = lax.revoke("R-7F3K", "alice").left_behind
    assert word == "orders_owner own 1 more objects than before"
    owners = "SELECT relowner::regrole::text FROM pg_class WHERE relname IN ('v', 'owned')"
    assert dba.execute(owners).fetchall() == [("orders_owner",)] * 2
