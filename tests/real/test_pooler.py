"""PgBouncer in transaction mode: no way to a target, nor to the ledger, and it says why."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ledger import LedgerUnavailable, connect, create_tables
from jit.ports import TargetUnreachable
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import grant_of, wanted
from tests.world.pooler import pgbouncer
from tests.world.servers import both_versions, new_ledger
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link

pytestmark = pytest.mark.real


def why(dsn: str) -> str:
    """That it is refused, in the words of a grant; the doctor says the same."""
    with closing(PostgresTarget("orders-db", SecretStr(dsn))) as target:
        with pytest.raises(TargetUnreachable) as refused:
            target.grant(grant_of(), wanted)
        (finding,) = target.check()
        assert (finding.ok, finding.what) == (False, str(refused.value))
    return str(refused.value)


@both_versions
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_that_drops_what_the_worker_sets_is_no_way_to_a_target(prepared, dba, mode):
    assert dba
    with pgbouncer(prepared, "worker", mode=mode, drops="options") as pooler:
        said = why(pooler.dsn("worker", "orders"))
    assert "on the worker's connection" in said
    assert "connect to the server itself, not through a pooler" in said


def test_a_pooler_that_refuses_what_the_worker_sets_is_named(prepared, dba):
    assert dba
    with pgbouncer(prepared, "worker") as pooler:
        said = why(pooler.dsn("worker", "orders"))
    assert "unsupported startup parameter" in said
    assert "give the dsn of the server itself, not of a pooler" in said


@pytest.fixture
def as_wanted(dba: psycopg.Connection) -> Iterator[None]:
    """All that the worker sets is so for its login anyway."""
    for key, value in link.BOUNDS.items():
        if value and key != "role":
            dba.execute("SELECT set_config('jit.value', %s, false)", [value])
            dba.execute(
                f"DO $$ BEGIN EXECUTE format('ALTER ROLE worker SET {key} = %L', current_setting('jit.value')); END $$"
            )
    yield
    dba.execute("ALTER ROLE worker RESET ALL")


@both_versions
def test_a_pooler_is_found_where_nothing_that_is_set_tells(prepared, as_wanted):
    with pgbouncer(prepared, "worker", drops="options") as pooler:
        assert "another session than the one it opened" in why(pooler.dsn("worker", "orders"))


def test_a_pooler_that_drops_the_time_limits_is_no_way_to_the_ledger(newest: EmbeddedPostgres):
    with new_ledger(newest) as url, pgbouncer(newest, "postgres", drops="options") as pooler:
        database = url.partition("?")[0].rpartition("/")[2]
        engine = connect(pooler.dsn("postgres", database))
        with pytest.raises(LedgerUnavailable, match=r"statement_timeout is 0 .* not a pooler"):
            create_tables(engine)
        engine.dispose()
