"""A PostgreSQL with 10,000 roles, half of them with access, compared with the ledger, as a worker does it."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from pydantic import SecretStr

from jit.detect.reconcile import SETTLES
from jit.ports import Grant
from jit.runtime.embedded import EmbeddedPostgres
from tests.bench.results import Aim, Result, one_run
from tests.world.hands import Hands
from workers.targets.postgres import PostgresTarget

ROLES, GRANTS, TABLES, RUNS = 10_000, 100, 500, 5
AIM = Aim(worst=5)

SET_UP = f"""
    CREATE ROLE orders_read; CREATE ROLE alice LOGIN; CREATE ROLE team;
    CREATE ROLE worker LOGIN CREATEROLE; GRANT pg_signal_backend TO worker;
    GRANT orders_read TO worker WITH ADMIN OPTION; GRANT orders_read TO team;
    DO $$ BEGIN
        FOR i IN 1..{ROLES} LOOP EXECUTE format('CREATE ROLE u%s LOGIN', i); END LOOP;
        FOR i IN 1..{TABLES} LOOP EXECUTE format('CREATE TABLE t%s (id int)', i); END LOOP;
        FOR i IN 1..{ROLES // 4} LOOP EXECUTE format('GRANT orders_read TO u%s', i); END LOOP;
        FOR i IN {ROLES // 4 + 1}..{ROLES // 2} LOOP EXECUTE format('GRANT team TO u%s', i); END LOOP;
        FOR i IN 1..{ROLES // 4} LOOP EXECUTE format('GRANT SELECT ON t%s TO u%s', 1 + i % {TABLES}, i); END LOOP;
    END $$
"""


def measure_reconcile() -> Sequence[Result]:
    """The first comparison, which finds all of it, and those after it, which find it again."""
    with _target() as (target, dba), tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        house = Hands(Path(folder))
        house.targets["orders-db"] = target
        for number in range(GRANTS):
            _granted(house, target, number)
        first = _seconds(lambda: _compared(house))
        again = [_seconds(lambda: _compared(house)) for _ in range(RUNS)]
        listed = [_seconds(lambda: target.inventory(("orders_read",), ("alice",))) for _ in range(RUNS)]
        dba.execute("GRANT orders_read TO u6000")
        found = _seconds(lambda: _compared(house))
    says = f"{ROLES:,} roles, half with access, {GRANTS} grants"
    return [
        one_run("first comparison: both looks", "s", [first], aim=AIM, says=says),
        one_run("comparison that finds one thing more", "s", [found], aim=AIM),
        one_run("comparison that finds what is known", "s", again, aim=AIM),
        one_run("of it, listing the target", "s", listed),
    ]


def _granted(house: Hands, target: PostgresTarget, number: int) -> None:
    request_id, principal = f"R-{number:06}", f"u{ROLES - number}"
    house.story(request_id, requester=f"U{number:08}", principal=principal).active()
    ends_at = house.request(request_id).ends_at
    assert ends_at is not None
    target.grant(Grant(request_id, principal, ("orders_read",), ends_at), int)


def _compared(house: Hands) -> None:
    reconciler = house.make_reconciler()
    while reconciler.look("orders-db") is None:
        house.clock.move(seconds=SETTLES.total_seconds())


def _seconds(does: Callable[[], object]) -> float:
    began = time.monotonic()
    does()
    return time.monotonic() - began


@contextmanager
def _target() -> Iterator[tuple[PostgresTarget, psycopg.Connection]]:
    with EmbeddedPostgres(sync=False) as server, psycopg.connect(server.dsn(), autocommit=True) as dba:
        dba.execute(SET_UP)
        with closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker", "postgres")))) as target:
            yield target, dba
