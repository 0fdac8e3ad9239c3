"""What the PostgreSQL target finds out about its own login."""

from contextlib import closing
from datetime import timedelta

import pytest
from pydantic import SecretStr

from jit.ports import RevokeResult
from tests.world.orders import ENDS_AT, grant_of, modern, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.check import skew

pytestmark = pytest.mark.real


@both_versions
def test_the_check_finds_nothing_wrong_with_a_login_as_it_should_be(target):
    findings = target.check(("orders_read", "orders_write"))
    assert [finding for finding in findings if not finding.ok] == []
    assert "worker may give orders_read" in [finding.what for finding in findings]


@both_versions
def test_each_remedy_of_the_check_is_sql_that_mends(prepared, dba):
    dba.execute("CREATE ROLE apprentice LOGIN; CREATE ROLE orders_new")
    dba.execute("GRANT pg_write_server_files TO apprentice")
    target = PostgresTarget("orders-db", SecretStr(prepared.dsn("apprentice", "orders")))

    def wrong() -> list:
        return [finding for finding in target.check(("orders_new", "orders_later")) if not finding.ok]

    first = wrong()
    assert len(first) == 5
    for finding in first:
        dba.execute(finding.remedy)
    for finding in wrong():
        dba.execute(finding.remedy)
    assert wrong() == []
    target.close()
    dba.execute("DROP ROLE apprentice, orders_new, orders_later")


def test_the_check_names_permissions_that_equal_a_superuser(target):
    what = [finding.what for finding in target.check(("pg_execute_server_program",)) if not finding.ok]
    assert what[0].startswith("pg_execute_server_program equals a superuser")


@both_versions
def test_the_check_says_what_reaches_further_than_it_seems(prepared, dba):
    dba.execute("GRANT pg_read_all_data TO worker WITH ADMIN OPTION")
    dsn = SecretStr(prepared.dsn("worker", "orders"))
    with closing(PostgresTarget("orders-db", dsn, allow_owners=True)) as target:
        findings = target.check(("pg_read_all_data",))
    dba.execute("REVOKE pg_read_all_data FROM worker")
    assert all(finding.ok for finding in findings)
    advice = [finding.what for finding in findings if finding.remedy]
    assert "pg_read_all_data reaches every database of the server, not this one alone" in advice
    assert any("CREATEROLE" in what for what in advice) is not modern(dba)


def test_clocks_are_apart_by_what_the_round_trip_does_not_explain():
    before, after = ENDS_AT - timedelta(seconds=1), ENDS_AT + timedelta(seconds=1)
    for theirs, apart in ((-5, 4), (-1, 0), (0, 0), (1, 0), (5, 4)):
        assert skew(ENDS_AT + timedelta(seconds=theirs), before, after) == timedelta(seconds=apart), theirs


@both_versions
def test_from_16_on_grants_of_an_earlier_worker_login_are_found(prepared, target, dba):
    target.grant(grant_of(), wanted)
    dba.execute("CREATE ROLE worker2 LOGIN CREATEROLE; GRANT pg_signal_backend TO worker2")
    newer = PostgresTarget("orders-db", SecretStr(prepared.dsn("worker2", "orders")))
    found = [finding for finding in newer.check() if not finding.ok]
    assert len(found) == modern(dba), "before 16 CREATEROLE is enough to drop them"
    assert newer.list_grants() == target.list_grants()
    for finding in found:
        dba.execute(finding.remedy)
    assert newer.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
    newer.close()
    dba.execute("DROP ROLE worker2")


@both_versions
def test_what_the_login_does_not_need_is_a_note_that_the_sql_printed_mends(prepared, dba):
    dba.execute("CREATE ROLE apprentice LOGIN CREATEROLE CREATEDB REPLICATION BYPASSRLS")
    dba.execute("GRANT pg_signal_backend, orders_read TO apprentice")
    dba.execute("GRANT orders_read TO apprentice WITH ADMIN OPTION")
    target = PostgresTarget("orders-db", SecretStr(prepared.dsn("apprentice", "orders")))

    def needless() -> list:
        return [finding for finding in target.check(("orders_read",)) if "need" in finding.what]

    assert len(needless()) == (4 if modern(dba) else 3)
    for finding in needless():
        assert finding.ok
        for step in finding.remedy.split("\n"):
            dba.execute(step)
    assert needless() == []
    assert all(finding.ok for finding in target.check(("orders_read",)))
    target.close()
    dba.execute("DROP ROLE apprentice")


@both_versions
def test_people_whose_login_is_not_there_or_cannot_be_given_anything_are_named(target, dba):
    """Before somebody approves something for one, and is told then."""
    dba.execute("CREATE ROLE shut; CREATE ROLE maker LOGIN CREATEROLE; CREATE ROLE loner LOGIN NOINHERIT")
    try:
        names = ("alice", "nobody", "root2", "shut", "maker", "loner", "n" * 64)
        wrong = [found.what for found in target.check(("orders_read",), names) if not found.ok]
    finally:
        dba.execute("DROP ROLE shut, maker, loner")
    for said in (
        "nnnn",
        "nobody: no such login",
        "root2 is a superuser",
        "shut cannot log in",
        "maker may create roles",
    ):
        assert len([what for what in wrong if said in what]) == 1, (said, wrong)
    assert len(wrong) == 5 + (not modern(dba)), wrong
    assert any("loner is NOINHERIT" in what for what in wrong) is not modern(dba)
    fine = [found.what for found in target.check(("orders_read",), ("alice", "eve")) if found.ok]
    assert "2 logins of people can be given something" in fine


@both_versions
def test_a_person_who_may_not_connect_is_named_and_the_sql_mends(target, dba):
    dba.execute("REVOKE CONNECT ON DATABASE orders FROM PUBLIC; GRANT CONNECT ON DATABASE orders TO worker, eve")
    try:
        (found,) = [found for found in target.check((), ("alice", "eve")) if not found.ok]
        assert "alice may not connect to orders" in found.what
        dba.execute(found.remedy)
        assert all(found.ok for found in target.check((), ("alice", "eve")))
    finally:
        dba.execute("REVOKE CONNECT ON DATABASE orders FROM worker, eve, alice")
        dba.execute("GRANT CONNECT ON DATABASE orders TO PUBLIC")


def test_a_name_that_no_role_can_have_does_not_hide_the_rest(target):
    wrong = [found.what for found in target.check(("g" * 64, "orders_nobody"), ()) if not found.ok]
    assert [what[:16] for what in wrong] == [f"'{'g' * 15}", "orders_nobody: n"]
