"""Servers and logins whose encoding is not ours: with SQL_ASCII psycopg hands out bytes, unless told otherwise."""

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import Held, Taken
from tests.world.orders import ENDS_AT, grant_of, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

ENCODINGS = ("SQL_ASCII", "LATIN1", "EUC_TW")


def gives_and_ends(dsn: str) -> None:
    target = PostgresTarget("odd", SecretStr(dsn))
    try:
        assert [finding for finding in target.check(("orders_read",)) if not finding.ok] == []
        assert target.grant(grant_of(), wanted) == Held("R-7F3K", "alice", ("orders_read",), ENDS_AT)
        assert [held.request_id for held in target.all_held()] == ["R-7F3K"]
        assert target.revoke("R-7F3K", "alice") == Taken(existed=True)
    finally:
        target.close()


@both_versions
def test_a_database_in_another_encoding_is_given_and_ended_as_any(prepared, dba: psycopg.Connection) -> None:
    for encoding in ENCODINGS:
        how = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 STRATEGY file_copy"
        dba.execute(f"CREATE DATABASE odd {how}")
        try:
            gives_and_ends(prepared.dsn("worker", "odd"))
        finally:
            dba.execute("DROP DATABASE odd WITH (FORCE)")


@both_versions
def test_no_default_of_role_database_or_dsn_makes_bytes_of_text(
    prepared, dba: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = prepared.dsn("worker", "orders")
    for where in ("ROLE worker", "DATABASE orders"):
        dba.execute(f"ALTER {where} SET client_encoding TO 'SQL_ASCII'")
        try:
            gives_and_ends(dsn)
        finally:
            dba.execute(f"ALTER {where} RESET client_encoding")
    gives_and_ends(f"{dsn}&client_encoding=SQL_ASCII")
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    gives_and_ends(dsn)
