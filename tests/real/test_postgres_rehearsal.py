"""`jit doctor` does what a grant does, and rolls it back: whatever forbids it on a server, the doctor comes upon."""

from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import Finding, TargetError
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import SET_UP, grant_of, wanted
from tests.world.servers import DEBIAN_15, both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real


def wrong(target: PostgresTarget) -> list[Finding]:
    return [found for found in target.check(("orders_read", "orders_write")) if not found.ok]


@both_versions
def test_what_is_as_it_should_be_is_tried_out_and_leaves_nothing(target, dba):
    before = dba.execute("SELECT count(*) FROM pg_roles").fetchone()
    assert any("tried out, ended, and rolled back" in found.what for found in target.check(("orders_read",)))
    assert dba.execute("SELECT count(*) FROM pg_roles").fetchone() == before


@both_versions
def test_a_database_that_is_read_only_by_default_is_no_hindrance_and_the_doctor_knows(prepared, dba):
    dba.execute("ALTER DATABASE orders SET default_transaction_read_only = on")
    try:
        with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as target:
            assert wrong(target) == []
            target.grant(grant_of(), wanted)
            assert target.revoke("R-7F3K", "alice").existed
    finally:
        dba.execute("SET transaction_read_only = off; ALTER DATABASE orders RESET default_transaction_read_only")


@both_versions
@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_advisory_xact_lock"])
def test_a_function_that_hardening_took_from_everybody_is_found_and_the_sql_mends(target, dba, function):
    """As guides to hardening say, who revoke what is not needed by an application."""
    signatures = [
        row[0]
        for row in dba.execute(
            "SELECT oid::regprocedure FROM pg_proc WHERE proname = %s AND pronamespace = 'pg_catalog'::regnamespace",
            [function],
        )
    ]
    for signature in signatures:
        dba.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    try:
        (found,) = wrong(target)
        assert f"permission denied for function {function}" in found.what
        assert found.is_sql
        dba.execute(found.remedy)
        assert wrong(target) == []
    finally:
        for signature in signatures:
            dba.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM worker")
            dba.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO PUBLIC")


@both_versions
@pytest.mark.parametrize("catalog", ["pg_shdepend", "pg_shdescription", "pg_stat_activity"])
def test_a_catalog_that_hardening_closed_is_found_and_the_sql_mends(target, dba, catalog):
    dba.execute(f"REVOKE SELECT ON {catalog} FROM PUBLIC")
    try:
        (found,) = wrong(target)
        assert f"{catalog}" in found.what
        dba.execute(found.remedy)
        assert wrong(target) == []
    finally:
        dba.execute(f"REVOKE SELECT ON {catalog} FROM worker; GRANT SELECT ON {catalog} TO PUBLIC")


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_login_trigger_that_lets_nobody_in_says_so_itself(prepared, dba):
    """There are such from 17 on."""
    dba.execute(
        """CREATE FUNCTION no_worker() RETURNS event_trigger LANGUAGE plpgsql AS $$
           BEGIN IF session_user = 'worker' THEN RAISE EXCEPTION 'only from the bastion'; END IF; END $$"""
    )
    dba.execute("CREATE EVENT TRIGGER no_worker ON login EXECUTE FUNCTION no_worker()")
    dba.execute("ALTER EVENT TRIGGER no_worker ENABLE ALWAYS")
    try:
        with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as target:
            (found,) = wrong(target)
    finally:
        dba.execute("DROP EVENT TRIGGER no_worker; DROP FUNCTION no_worker")
    assert "only from the bastion" in found.what


class Standby(EmbeddedPostgres):
    """One that goes on from the files of a server that was stopped, and never ends doing so."""

    def become_standby(self) -> None:
        self._end(self.gentle)
        (self.home / "data" / "standby.signal").touch()
        self.start()

    def _ready(self) -> bool:
        try:
            with psycopg.connect(self.dsn()):
                return True
        except psycopg.Error:
            return False


@pytest.mark.parametrize("install", [DEBIAN_15, None], ids=["pg15", "pg18"])
def test_a_standby_is_no_target_and_the_doctor_says_why(install, clusters):
    clusters(15 if install else 18)  # or skipped with the reason
    server = Standby(install=install, sync=False)
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(SET_UP)
        server.become_standby()
        with closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker")))) as target:
            (found,) = wrong(target)
            assert "standby" in found.what
            assert "primary" in found.remedy
            with pytest.raises(TargetError, match="in a read-only transaction"):
                target.grant(grant_of(), wanted)
    finally:
        server.stop()
