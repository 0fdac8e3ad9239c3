"""Servers and logins whose encoding is not ours: with SQL_ASCII psycopg hands out bytes, unless told otherwise."""

from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import Held, RevokeResult
from tests.world.orders import ENDS_AT, grant_of, is_cut, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

ENCODINGS = ("SQL_ASCII", "LATIN1", "EUC_TW")


def gives_and_ends(dsn: str) -> None:
    target = PostgresTarget("odd", SecretStr(dsn))
    try:
        assert [finding for finding in target.check(("orders_read",)) if not finding.ok] == []
        assert target.grant(grant_of(), wanted) == Held("R-7F3K", "alice", ("orders_read",), ENDS_AT)
        assert [held.request_id for held in target.list_grants()] == ["R-7F3K"]
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
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


def test_a_name_that_is_no_text_keeps_nobody_from_getting_access_nor_an_end_from_being_found_complete(
    prepared, dba: psycopg.Connection
) -> None:
    """The server sends nothing of what it stands in: any login kept a permission from everybody, and a colleague went
    on through the holder's view.
    """
    dba.execute("CREATE DATABASE odd ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    dsn = prepared.dsn("{}", "odd").replace("%7B%7D", "{}") + "&client_encoding=SQL_ASCII"
    odd = b'"\xff"'
    with psycopg.connect(dsn.format("postgres"), autocommit=True) as root:
        root.execute("CREATE TABLE orders AS SELECT generate_series(1, 100000) AS id")
        root.execute("GRANT SELECT ON orders TO orders_read; GRANT CREATE ON SCHEMA public TO alice, eve")
    with (
        closing(PostgresTarget("odd", SecretStr(dsn.format("worker")))) as target,
        closing(psycopg.connect(dsn.format("alice"), autocommit=True)) as alice,
        closing(psycopg.connect(dsn.format("eve"), autocommit=True)) as eve,
    ):
        eve.execute(b"CREATE TABLE " + odd + b" (); GRANT ALL ON " + odd + b" TO orders_read WITH GRANT OPTION")
        target.grant(grant_of(), wanted)
        eve.execute(b"DROP TABLE " + odd)
        alice.execute(b"CREATE VIEW " + odd + b" AS TABLE orders; GRANT ALL ON " + odd + b" TO eve, jit_r_7f3k")
        eve.execute(b"BEGIN; DECLARE c CURSOR FOR SELECT * FROM " + odd)
        went_on, stays = target.revoke("R-7F3K", "alice").left_behind
        assert went_on == 'eve went on through view public."?"; that session was cut'
        assert stays == 'jit_r_7f3k stays, without any right: named by view public."?"'
        assert is_cut(eve)
    dba.execute("DROP DATABASE odd WITH (FORCE)")
