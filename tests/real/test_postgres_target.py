"""What the PostgreSQL target gives and ends, on both ends of the supported range, with a worker's login
that is no superuser.
"""

import shlex
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from jit.ports import Grant, Held, Holder, RevokeResult, TargetRefused
from tests.world.orders import ENDS_AT, can_read, grant_of, is_cut, modern, session, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.catalog import jit_roles_of
from workers.targets.postgres.revoke import drop

pytestmark = pytest.mark.real


@both_versions
def test_a_grant_is_usable_at_once_in_a_session_that_is_open(target, alice):
    assert not can_read(alice)
    held = target.grant(grant_of(), wanted)
    assert can_read(alice)
    assert held == Held("R-7F3K", "alice", ("orders_read",), ENDS_AT)


def test_the_target_itself_knows_what_is_given_and_until_when(target, dba):
    target.grant(grant_of("R-AAAA", "orders_write", "orders_read"), wanted)
    target.grant(grant_of("R-BBBB", principal="eve"), wanted)
    assert target.held("R-AAAA") == Held("R-AAAA", "alice", ("orders_read", "orders_write"), ENDS_AT)
    assert target.held("R-CCCC") is None
    assert [held.request_id for held in target.list_grants()] == ["R-AAAA", "R-BBBB"]


def test_another_target_in_the_same_cluster_keeps_its_grants_apart(prepared, target):
    target.grant(grant_of(), wanted)
    other = PostgresTarget("users-db", SecretStr(prepared.dsn("worker", "postgres")))
    assert other.list_grants() == []
    other.close()


@both_versions
def test_from_16_on_the_role_itself_cannot_be_put_on(target, alice):
    target.grant(grant_of(), wanted)
    for role in ("jit_r_7f3k", "orders_read"):
        if modern(alice):
            with pytest.raises(errors.InsufficientPrivilege):
                alice.execute(f"SET ROLE {role}")
        else:
            alice.execute(f"SET ROLE {role}; RESET ROLE")


@both_versions
def test_an_end_takes_the_access_cuts_the_session_and_leaves_no_role(prepared, target, alice, dba):
    target.grant(grant_of(), wanted)
    assert can_read(alice)
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
    assert is_cut(alice)
    with session(prepared, "alice") as again:
        assert not can_read(again)
    assert dba.execute("SELECT FROM pg_roles WHERE rolname ~ '^jit_'").fetchall() == []


@both_versions
def test_a_session_inside_set_role_and_an_open_cursor_are_cut(prepared, target, dba, alice):
    """Both went on reading after a mere REVOKE."""
    target.grant(grant_of(), wanted)
    with session(prepared, "alice") as reading, reading.transaction():
        reading.execute("DECLARE c CURSOR FOR SELECT * FROM orders")
        reading.execute("FETCH 1 FROM c")
        role = "orders_read"
        if modern(dba):
            dba.execute("GRANT orders_read TO alice WITH SET TRUE, INHERIT FALSE")
        else:
            role = "jit_r_7f3k"
        alice.execute(f"SET ROLE {role}")
        assert can_read(alice)
        assert target.revoke("R-7F3K", "alice").sessions == 2
        dba.execute("REVOKE orders_read FROM alice")
        with pytest.raises(psycopg.OperationalError):
            reading.execute("FETCH 1 FROM c")
    assert is_cut(alice)


def test_sessions_of_others_and_of_the_worker_are_left_alone(prepared, target, alice):
    target.grant(grant_of(), wanted)
    with session(prepared, "eve") as eve, session(prepared, "worker") as worker:
        assert target.revoke("R-7F3K", "alice").sessions == 1
        assert not is_cut(eve)
        assert not is_cut(worker)


def test_ending_what_was_never_given_says_so_and_still_cuts(target, alice):
    assert target.revoke("R-NONE", "alice") == RevokeResult(existed=False, sessions=1)
    assert is_cut(alice)
    assert target.revoke("R-NONE", "nobody there") == RevokeResult(existed=False)


def test_of_two_grants_that_overlap_the_end_of_one_leaves_the_other(prepared, target):
    target.grant(grant_of("R-AAAA"), wanted)
    target.grant(grant_of("R-BBBB"), wanted)
    target.revoke("R-AAAA", "alice")
    with session(prepared, "alice") as conn:
        assert can_read(conn)
    target.revoke("R-BBBB", "alice")
    with session(prepared, "alice") as conn:
        assert not can_read(conn)


def test_access_that_a_dba_gave_is_never_taken(prepared, target, dba):
    dba.execute("GRANT orders_read TO alice")
    target.grant(grant_of(), wanted)
    target.revoke("R-7F3K", "alice")
    with session(prepared, "alice") as conn:
        assert can_read(conn)
    dba.execute("REVOKE orders_read FROM alice")


@both_versions
def test_what_somebody_has_anyway_is_known_and_not_mixed_up_with_grants(target, dba):
    target.grant(grant_of("R-AAAA", "orders_write", "orders_read"), wanted)
    target.grant(grant_of("R-BBBB", principal="eve"), wanted)
    dba.execute("CREATE ROLE team; GRANT orders_read TO team; GRANT team TO alice")
    ours = [Holder("alice", "R-AAAA"), Holder("eve", "R-BBBB")]
    assert set(target.holders("orders_read")) == {Holder("alice"), *ours}
    assert target.holders("orders_write") == ours[:1]
    assert target.holders("no_such_role") == []
    dba.execute("DROP ROLE team")


def test_how_to_connect_names_the_server_and_no_secret(prepared):
    dsn = "postgresql://worker:" + "hunter2@db.example:6543/orders?sslmode=require"
    target = PostgresTarget("orders-db", SecretStr(dsn))
    assert target.how_to_connect("o'brien").startswith("psql ")
    command, beside = target.how_to_connect("o'brien").splitlines()
    (_, conninfo) = shlex.split(command)
    assert beside == "Open sessions have it too."
    assert conninfo_to_dict(conninfo) == {"host": "db.example", "port": "6543", "dbname": "orders", "user": "o'brien"}


def test_an_end_keeps_the_plans_that_the_next_one_needs(prepared, target):
    """psycopg throws all of them away after a DROP: then to plan them anew is most of what an end takes."""
    target.grant(grant_of(), wanted)
    with psycopg.connect(prepared.dsn("worker", "orders"), autocommit=True) as conn:
        (role,) = jit_roles_of(conn, "jit_r_7f3k", "R-7F3K")
        assert drop(conn, role) == []
        planned = conn.execute("SELECT statement FROM pg_prepared_statements").fetchall()
        assert jit_roles_of(conn, "jit_r_7f3k", "R-7F3K") == []
        assert conn.execute("SELECT statement FROM pg_prepared_statements").fetchall() == planned != []


def test_giving_the_same_again_is_no_change_and_more_time_moves_the_end(target, dba):
    first = target.grant(grant_of(), wanted)
    oid = dba.execute("SELECT 'jit_r_7f3k'::regrole::oid").fetchone()
    assert target.grant(grant_of(), wanted) == first
    later = target.grant(grant_of(ends_at=ENDS_AT + timedelta(hours=1)), wanted)
    assert later.ends_at == ENDS_AT + timedelta(hours=1)
    assert dba.execute("SELECT 'jit_r_7f3k'::regrole::oid").fetchone() == oid


def test_a_grant_that_is_there_is_never_turned_into_another(target):
    first = target.grant(grant_of(), wanted)
    for other in (
        grant_of(principal="eve"),
        grant_of("R-7F3K", "orders_write"),
        grant_of("R-7F3K", "orders_read", "orders_write"),
    ):
        with pytest.raises(TargetRefused, match="something else"):
            target.grant(other, wanted)
        assert target.list_grants() == [first], other


UNFIT = [
    (grant_of("R-7F3K", "orders_admin"), "orders_admin: no such role"),
    (grant_of("R-7F3K", "orders_read", "missing"), "missing: no such role"),
    (grant_of("R-7F3K", "orders_owner"), "orders_owner owns objects"),
    (grant_of("R-7F3K", "through_owner"), "through_owner owns objects through orders_owner"),
    (grant_of("R-7F3K", "orders_super"), "orders_super is a superuser"),
    (grant_of("R-7F3K", "orders_maker"), "orders_maker may create roles"),
    (grant_of("R-7F3K", "worker"), "worker (owns objects|may create roles)"),
    (grant_of("R-7F3K", "pg_read_all_data; DROP TABLE orders"), "no such role"),
    (grant_of("R-7F3K", "orders_read, orders_super"), "no such role"),
    (grant_of("R-7F3K", "x" * 64), "no name of a role"),
    (Grant("R-7F3K", "alice", (), ENDS_AT), "nothing to give"),
    (grant_of(principal="bob"), "bob: no such login"),
    (grant_of(principal="public"), "public: no such login"),
    (grant_of(principal="CURRENT_USER"), "no such login"),
    (grant_of(principal="root2"), "root2 is a superuser"),
    (grant_of(principal="worker"), "worker is jit's own"),
    (grant_of(principal="orders_write"), "orders_write cannot log in"),
    (grant_of(principal='alice"; DROP TABLE orders; --'), "no such login"),
    (grant_of(principal="alice\x00"), "no name of a role"),
    (grant_of(principal="\ud800"), "no name of a role"),
    (grant_of("R-7F3K; DROP"), "is no request id"),
    (grant_of("r-7f3k"), "is no request id"),
    (grant_of("R-٣٣٣٣"), "is no request id"),
    (grant_of("R-7F3K\n"), "is no request id"),
]


def test_what_must_not_be_given_is_refused_with_the_reason(target, dba):
    for grant, why in UNFIT:
        with pytest.raises(TargetRefused, match=why):
            target.grant(grant, wanted)
        assert dba.execute("SELECT FROM pg_roles WHERE rolname ~ '^jit_'").fetchall() == [], grant
        assert dba.execute("SELECT count(*) FROM orders").fetchone() == (3,), grant


@pytest.mark.parametrize("principal", ["o'brien", 'we"ird'])
def test_odd_but_real_names_work(prepared, target, principal):
    target.grant(grant_of(principal=principal), wanted)
    with session(prepared, principal) as conn:
        assert can_read(conn)
    assert target.revoke("R-7F3K", principal) == RevokeResult(existed=True)


def test_a_role_that_owns_things_is_given_where_the_file_says_so(prepared, dba):
    target = PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")), allow_owners=True)
    assert target.grant(grant_of("R-7F3K", "orders_owner"), wanted).permissions == ("orders_owner",)
    target.revoke("R-7F3K", "alice")
    target.close()


@both_versions
def test_a_login_that_does_not_inherit_is_refused_where_it_would_get_nothing(target, dba):
    dba.execute("ALTER ROLE alice NOINHERIT")
    try:
        if modern(dba):
            assert target.grant(grant_of(), wanted).principal == "alice"
        else:
            with pytest.raises(TargetRefused, match="NOINHERIT"):
                target.grant(grant_of(), wanted)
            assert target.held("R-7F3K") is None
    finally:
        dba.execute("ALTER ROLE alice INHERIT")
