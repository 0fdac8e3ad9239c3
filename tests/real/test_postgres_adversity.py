"""The PostgreSQL target when things go wrong: stalls, races, a server that fails, and people who want to
keep what they have.
"""

import json
import os
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from psycopg import errors
from pydantic import SecretStr

from jit.ports import Held, RevokeResult, TargetRefused, TargetUnreachable
from tests.world.exhaustive import distinct
from tests.world.orders import can_read, grant_of, is_cut, session, wanted
from tests.world.servers import both_versions
from tests.world.waiting import HUNG
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link
from workers.targets.postgres.lock import lock_key
from workers.targets.postgres.sessions import Sessions

pytestmark = pytest.mark.real


def test_a_decision_that_fell_meanwhile_gives_nothing(target):
    class Fallen(Exception):
        pass

    def fallen() -> None:
        raise Fallen

    with pytest.raises(Fallen):
        target.grant(grant_of(), fallen)
    assert target.list_grants() == []


def test_the_decision_is_looked_at_inside_the_lock(target, prepared):
    seen = []

    def look() -> None:
        with session(prepared, "eve") as conn:
            seen.append(conn.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key("alice")]).fetchone())

    target.grant(grant_of(), look)
    assert seen == [(False,)]


def test_a_worker_that_stalls_inside_a_grant_is_broken_off_and_cannot_give_it_later(target):
    stalled, go_on = threading.Event(), threading.Event()

    def stall() -> None:
        stalled.set()
        assert go_on.wait(HUNG)

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(target.grant, grant_of(), stall)
        try:
            assert stalled.wait(HUNG)
            assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=False)
        finally:
            go_on.set()
        with pytest.raises(TargetUnreachable):
            late.result(HUNG)
    assert target.held("R-7F3K") is None


@pytest.mark.parametrize("holder", ["alice", "root2"])
def test_nobody_keeps_an_access_by_holding_the_lock(prepared, target, holder):
    """Advisory locks are open to everybody, and a superuser's session cannot be ended."""
    target.grant(grant_of(), wanted)
    with session(prepared, holder) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
        assert target.revoke("R-7F3K", "alice").existed
    assert target.held("R-7F3K") is None


def test_a_busy_lock_puts_a_grant_off_and_does_not_refuse_it(prepared, hasty):
    """A stalled worker may hold it: whether it gave something is not known."""
    with session(prepared, "worker") as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
        with pytest.raises(TargetUnreachable, match="busy"):
            hasty.grant(grant_of(), wanted)
    assert hasty.held("R-7F3K") is None


def test_nobody_keeps_an_access_by_naming_its_role_in_privileges(prepared, target, alice, dba):
    """Only the table's owner could take its name out again; the role stays, and gives nothing."""
    target.grant(grant_of(), wanted)
    alice.execute("CREATE TABLE mine (id int); GRANT SELECT ON mine TO jit_r_7f3k")
    taken = target.revoke("R-7F3K", "alice")
    assert taken == RevokeResult(True, 1, ("jit_r_7f3k stays, without any right: named by table public.mine",))
    assert target.held("R-7F3K") is None
    with session(prepared, "alice") as again:
        assert not can_read(again)
    dba.execute("DROP TABLE mine")
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=False)
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)


def test_nobody_keeps_an_access_by_a_transaction_that_is_open(prepared, target, alice, dba):
    """An uncommitted GRANT locks the role against being dropped."""
    target.grant(grant_of(), wanted)
    alice.execute("CREATE TABLE mine (id int)")
    alice.execute("BEGIN; GRANT SELECT ON mine TO jit_r_7f3k")
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)
    with session(prepared, "alice") as again:
        assert not can_read(again)
    dba.execute("DROP TABLE mine")


@both_versions
def test_a_transaction_of_whoever_else_may_give_a_permission_holds_up_no_end(prepared, dba, monkeypatch):
    """Three seconds each, one after the other: as long as a lock is waited for; here that is for ever."""
    dba.execute("CREATE ROLE lead LOGIN; GRANT orders_read TO lead WITH ADMIN OPTION")
    monkeypatch.setattr(link, "CALL_SECONDS", 5.0)
    for bound in ("lock_timeout", "statement_timeout"):
        monkeypatch.setitem(link.BOUNDS, bound, "1h")
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as patient:
        patient.grant(grant_of(), wanted)
        with session(prepared, "lead") as lead:
            lead.execute("BEGIN; GRANT orders_read TO eve")
            assert patient.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
            assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)
    dba.execute("REVOKE orders_read FROM lead; DROP ROLE lead")


def test_a_role_that_owns_data_is_emptied_kept_and_reported(prepared, target, dba):
    target.grant(grant_of(), wanted)
    dba.execute("CREATE TABLE left_over (id int); ALTER TABLE left_over OWNER TO jit_r_7f3k")
    taken = target.revoke("R-7F3K", "alice")
    assert taken.existed
    assert taken.left_behind == ("jit_r_7f3k stays, without any right: it owns table public.left_over",)
    assert target.held("R-7F3K") is None
    with session(prepared, "alice") as conn:
        assert not can_read(conn)
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute("SELECT * FROM left_over")
    with pytest.raises(TargetRefused, match="something else"):
        target.grant(grant_of(), wanted)


def test_names_as_long_as_they_can_be_keep_no_end_from_the_record(prepared, target, alice):
    """A million characters of what was left behind: the record did not take it, nor the alert."""
    target.grant(grant_of(), wanted)
    long = '"' + 63 * "\x01" + '"'
    alice.execute(f"CREATE TYPE {long} AS ENUM ()")
    for place in range(20):
        alice.execute(f"CREATE FUNCTION f{place}({', '.join(100 * [long])}) RETURNS int LANGUAGE sql RETURN 1")
        alice.execute(f"GRANT EXECUTE ON FUNCTION f{place} TO jit_r_7f3k")
    assert len(json.dumps(target.revoke("R-7F3K", "alice").left_behind)) < 50_000
    with session(prepared, "alice") as again:
        again.execute(f"DROP TYPE {long} CASCADE")


def test_a_grant_that_a_dba_passed_on_ends_for_the_other_too(prepared, target, dba):
    target.grant(grant_of(), wanted)
    dba.execute("GRANT jit_r_7f3k TO eve")
    with session(prepared, "eve") as eve:
        assert can_read(eve)
        taken = target.revoke("R-7F3K", "alice")
        assert taken == RevokeResult(True, 1, ("jit_r_7f3k had also been given to eve, who lost it too",))
        assert is_cut(eve)


def test_a_note_that_was_tampered_with_hides_nothing(target, dba):
    target.grant(grant_of(), wanted)
    dba.execute("COMMENT ON ROLE jit_r_7f3k IS 'jit {\"ends_at\": 7}'")
    assert target.list_grants() == [Held("R-7F3K", "alice", ("orders_read",), None)]
    left = target.revoke("R-7F3K", "alice").left_behind
    assert left == ("somebody changed the note on jit_r_7f3k: what was made by means of it is not known",)


def test_roles_that_only_look_like_ours_are_not_touched(target, dba):
    dba.execute("CREATE ROLE jit_reports; GRANT orders_read TO jit_reports; GRANT jit_reports TO alice")
    assert target.list_grants() == []
    for request_id in ("R-EPORTS;", "EPORTS", "R-", "R-eports", "R-7F3K'"):
        with pytest.raises(TargetRefused, match="is no request id"):
            target.revoke(request_id, "alice")
    assert dba.execute("SELECT pg_has_role('alice', 'jit_reports', 'MEMBER')").fetchone() == (True,)


@pytest.mark.parametrize("rounds", distinct([5, 25], [5], "more grants at once"))
def test_many_at_once_for_the_same_and_for_different_people(target, dba, rounds):
    def pairs(worker: int) -> None:
        for round_ in range(rounds):
            for principal in ("alice", "eve"):
                request_id = f"R-{worker}{round_:02}{principal[0].upper()}"
                target.grant(grant_of(request_id, "orders_read", "orders_write", principal=principal), wanted)
                assert target.revoke(request_id, principal).existed

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(pairs, worker) for worker in range(4)]:
            done.result()
    assert target.list_grants() == []
    assert dba.execute("SELECT FROM pg_roles WHERE rolname ~ '^jit_'").fetchall() == []


def test_a_grant_and_its_end_at_the_same_time_never_fail_and_the_end_wins_when_last(target):
    with ThreadPoolExecutor(2) as pool:
        for number in range(20):
            request_id = f"R-RACE{number:02}"
            giving = pool.submit(target.grant, grant_of(request_id), wanted)
            ending = pool.submit(target.revoke, request_id, "alice")
            ending.result()
            with suppress(TargetUnreachable):  # ended between its commit and its read-back: it says so
                giving.result()
            target.revoke(request_id, "alice")
    assert target.list_grants() == []


def test_a_late_grant_between_an_end_and_its_read_back_is_taken_too(target, monkeypatch):
    late, cut_all_of = [grant_of()], Sessions.cut_all_of

    def cut(*args) -> None:
        if late:
            target.grant(late.pop(), wanted)
        cut_all_of(*args)

    monkeypatch.setattr(Sessions, "cut_all_of", cut)
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
    assert target.held("R-7F3K") is None


def test_a_server_that_cannot_be_reached_is_named_and_no_secret_is(tmp_path):
    dsn = SecretStr(f"postgresql://worker:{'hunter' + '2'}@/orders?host={tmp_path}")
    target = PostgresTarget("orders-db", dsn)
    calls = [
        lambda: target.grant(grant_of(), wanted),
        lambda: target.revoke("R-7F3K", "alice"),
        lambda: target.held("R-7F3K"),
        target.list_grants,
        lambda: target.holders("orders_read"),
    ]
    for call in calls:
        with pytest.raises(TargetUnreachable, match="orders-db: cannot be reached") as caught:
            call()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert [finding.ok for finding in target.check()] == [False]
    inside = [part.__dict__ for part in vars(target).values() if hasattr(part, "__dict__")]
    assert len(inside) == 2, "the link, and the sessions"
    assert "hunter2" not in repr(target) + repr(vars(target)) + repr(inside) + str(target.check())


def test_a_server_that_freezes_holds_no_call_for_ever(target, dba):
    """No time-out of a server comes from one that is stopped."""
    frozen = []

    def freeze() -> None:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'jit' AND state LIKE 'idle in%'"
        frozen.extend(pid for (pid,) in dba.execute(query).fetchall())
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)

    try:
        for seconds in (0.5, 5.0, 50.0):  # where it takes so long to get to the freeze, it is tried again
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(link, "CALL_SECONDS", seconds)
                with pytest.raises(TargetUnreachable):
                    target.grant(grant_of(), freeze)
            if frozen:
                break
        assert frozen
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=False)


def test_a_dsn_that_is_none_is_refused_without_showing_it():
    dsn = SecretStr("hunter" + "2")
    with pytest.raises(ValueError, match="orders-db: its dsn is not") as caught:
        PostgresTarget("orders-db", dsn)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
