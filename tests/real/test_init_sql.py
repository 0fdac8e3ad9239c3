"""The SQL that `jit init` prints makes a login that `jit doctor` finds nothing wrong with."""

import psycopg
import pytest
from pydantic import SecretStr

from jit.cli.answers import WORKER
from jit.cli.init import worker_sql
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import modern
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

ODD = "orders.read-2"
ROLES = ("orders_read", ODD)


@both_versions
def test_the_workers_login_can_do_what_it_must(postgres: EmbeddedPostgres, admin: psycopg.Connection) -> None:
    admin.execute(f'CREATE ROLE orders_read NOLOGIN; CREATE ROLE "{ODD}" NOLOGIN')
    try:
        for line in worker_sql(ROLES):
            if not line.startswith(("\\", "--")):
                admin.execute(
                    line if modern(admin) else line.replace("ADMIN TRUE, INHERIT FALSE, SET FALSE", "ADMIN OPTION")
                )
        target = PostgresTarget("orders-db", SecretStr(postgres.dsn(WORKER, "postgres")))
        findings = target.check(ROLES)
        target.close()
        assert [finding for finding in findings if not finding.ok] == []
        assert f"{WORKER} may give {ODD}" in [finding.what for finding in findings]
    finally:
        admin.execute(f'DROP ROLE IF EXISTS {WORKER}; DROP ROLE orders_read, "{ODD}"')
