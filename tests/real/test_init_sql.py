"""The SQL that `jit init` prints makes a login that `jit doctor` finds nothing wrong with."""

import psycopg
import pytest
from pydantic import SecretStr

from jit.cli.setup.answers import WORKER, Answers
from jit.cli.setup.steps import worker_sql
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import modern
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

ODD = "orders.read-2"
ANSWERS = Answers(
    workspace="acme.slack.com",
    audit="C0AUDIT01",
    requests="C0ACCESS1",
    engineers={"U01ALICE0": "alice"},
    approvers=("U02BOB000",),
    target="orders-db",
    host="localhost",
    port=5432,
    database="postgres",
    roles=("orders_read", ODD),
    http=None,
)


@both_versions
def test_the_workers_login_can_do_what_it_must(postgres: EmbeddedPostgres, admin: psycopg.Connection) -> None:
    admin.execute(f'CREATE ROLE orders_read NOLOGIN; CREATE ROLE "{ODD}" NOLOGIN')
    try:
        for line in worker_sql(ANSWERS):
            if not line.startswith(("\\", "--")):
                admin.execute(
                    line if modern(admin) else line.replace("ADMIN TRUE, INHERIT FALSE, SET FALSE", "ADMIN OPTION")
                )
        target = PostgresTarget("orders-db", SecretStr(postgres.dsn(WORKER, ANSWERS.database)))
        findings = target.check(ANSWERS.roles)
        target.close()
        assert [finding for finding in findings if not finding.ok] == []
        assert f"{WORKER} may give {ODD}" in [finding.what for finding in findings]
    finally:
        admin.execute(f'DROP ROLE IF EXISTS {WORKER}; DROP ROLE orders_read, "{ODD}"')
