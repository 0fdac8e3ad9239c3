"""What every target must do, of PostgreSQL."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from jit.runtime.embedded import EmbeddedPostgres
from jit.testing.targets import TargetCase, TargetTests
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

TABLES = {"orders_read": "SELECT", "orders_write": "INSERT"}


class TestPostgres(TargetTests):
    @pytest.fixture
    def case(self, prepared: EmbeddedPostgres, dba: psycopg.Connection, tmp_path: Path) -> Iterator[TargetCase]:
        def opened() -> PostgresTarget:
            made = PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))
            return stack.enter_context(closing(made))

        def has(principal: str, permission: str) -> bool:
            with psycopg.connect(prepared.dsn(principal, "orders")) as conn:
                asked = conn.execute("SELECT has_table_privilege('orders', %s)", [TABLES[permission]])
                return bool(asked.fetchone()[0])

        def by_hand(words: str, principal: str, permission: str) -> None:
            names = sql.Identifier(permission), sql.Identifier(principal)
            dba.execute(sql.SQL(words).format(*names))

        secret = "hunter" + "2"
        gone = PostgresTarget("orders-db", SecretStr(f"postgresql://worker:{secret}@/orders?host={tmp_path}"))
        with ExitStack() as stack:
            yield TargetCase(
                target=opened(),
                anew=opened,
                unreachable=gone,
                permissions=("orders_read", "orders_write"),
                principals=("alice", "eve"),
                has=has,
                give_by_hand=lambda *names: by_hand("GRANT {} TO {}", *names),
                take_by_hand=lambda *names: by_hand("REVOKE {} FROM {}", *names),
                no_names=("nobodys_role", "", "x" * 64, "a\x00b"),
                secret=secret,
            )
