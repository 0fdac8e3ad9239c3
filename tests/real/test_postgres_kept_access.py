"""The PostgreSQL target against a holder who wants to keep what was given, with what was given."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Barrier, Event, current_thread, main_thread

import psycopg
import pytest
from psycopg import errors, sql
from pydantic import SecretStr

from jit.ports import Held, Holder, RevokeResult, TargetRefused, TargetUnreachable
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.exhaustive import distinct, exhaustive
from tests.world.orders import ENDS_AT, can_read, grant_of, is_cut, modern, session, wanted
from tests.world.servers import DEBIAN_15, both_versions
from tests.world.waiting import HUNG, wait_until
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link
from workers.targets.postgres.grantable import NEAR, NEVER
from workers.targets.postgres.lock import lock_key

pytestmark = pytest.mark.real


@pytest.fixture
def lead(dba: psycopg.Connection) -> Iterator[str]:
    """A role that a policy gives, and that the tests let do too much."""
    dba.execute("CREATE ROLE lead; GRANT lead TO worker WITH ADMIN OPTION; GRANT SELECT ON orders TO lead")
    yield "lead"
    for (role,) in dba.execute(r"SELECT rolname FROM pg_roles WHERE rolname ~ '^jit_'").fetchall():
        dba.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
    dba.execute("REVOKE SELECT ON orders FROM lead CASCADE; DROP OWNED BY lead CASCADE; DROP ROLE lead")


@pytest.fixture
def lax(prepared: EmbeddedPostgres) -> Iterator[PostgresTarget]:
    """As the file says it where owners may be given."""
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")), allow_owners=True)) as target:
        yield target


@contextmanager
def both_ways(lead: str, dba: psycopg.Connection, granted: str) -> Iterator[tuple[str, ...]]:
    """A role granted to ``lead``, so that it is given by itself and through it."""
    dba.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), sql.Identifier(lead)))
    yield granted, lead
    dba.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(granted), sql.Identifier(lead)))


def test_what_lets_the_holder_stop_the_end_is_never_given(target, lax, dba, lead):
    roles = (
        "pg_signal_backend",
        "pg_maintain",
        "pg_use_reserved_connections",
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
    )
    there = [role for role in roles if dba.execute("SELECT to_regrole(%s)", [role]).fetchone() != (None,)]
    assert len(there) >= 4
    for role in there:
        with both_ways(lead, dba, role) as names:
            for permission in names:
                for tried in (target, lax):
                    with pytest.raises(TargetRefused, match=f"^orders-db: {permission} (equals|ends|can|takes)"):
                        tried.grant(grant_of("R-7F3K", permission), wanted)
                    assert tried.held("R-7F3K") is None, role
                wrong = [finding.what for finding in target.check([permission]) if not finding.ok]
                assert [what for what in wrong if what.startswith(permission)], role


@both_versions
def test_a_role_of_the_server_that_reaches_everything_is_given_only_where_the_file_says_so(target, lax, dba, lead):
    """`pg_read_all_data` was given without a word, password hashes included."""
    there = dba.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pg_' AND rolname <> 'pg_database_owner'")
    roles = {role for (role,) in there} - {*NEVER}
    assert {"pg_read_all_data", "pg_write_all_data", "pg_monitor", "pg_read_all_settings"} <= roles
    for role in sorted(roles):
        with both_ways(lead, dba, role) as names:
            dba.execute(f"GRANT {role} TO worker WITH ADMIN OPTION")
            for permission in names:
                if role in NEAR - {"pg_monitor"}:
                    assert target.grant(grant_of("R-AAAA", permission), wanted).permissions == (permission,)
                    target.revoke("R-AAAA", "alice")
                    continue
                with pytest.raises(TargetRefused, match=rf"{permission} (reads|writes|makes) .*\(allow_owners\)"):
                    target.grant(grant_of("R-AAAA", permission), wanted)
                assert lax.grant(grant_of("R-AAAA", permission), wanted).permissions == (permission,)
                lax.revoke("R-AAAA", "alice")
            dba.execute(f"REVOKE {role} FROM worker")


def test_a_role_that_may_give_another_on_is_never_given(target, lax, dba, lead):
    dba.execute("GRANT orders_read TO lead WITH ADMIN OPTION")
    for tried in (target, lax):
        with pytest.raises(TargetRefused, match="lead may give orders_read on"):
            tried.grant(grant_of("R-7F3K", lead), wanted)
    (finding,) = [finding for finding in target.check([lead]) if not finding.ok]
    dba.execute(finding.remedy)
    assert target.grant(grant_of("R-7F3K", lead), wanted).permissions == (lead,)


def test_a_role_that_may_give_rights_on_is_refused(target, dba, lead):
    dba.execute("CREATE FUNCTION given(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    for right in (
        "SELECT ON orders",
        "SELECT (id) ON orders",
        "USAGE ON SCHEMA public",
        "CONNECT ON DATABASE orders",
        "EXECUTE ON FUNCTION given(int)",
    ):
        dba.execute(f"GRANT {right} TO lead WITH GRANT OPTION")
        with pytest.raises(TargetRefused, match=r"lead may give rights on .* on"):
            target.grant(grant_of("R-7F3K", lead), wanted)
        (remedy,) = [finding.remedy for finding in target.check([lead]) if not finding.ok]
        dba.execute(remedy)
        assert target.grant(grant_of("R-7F3K", lead), wanted).permissions == (lead,), right
        target.revoke("R-7F3K", "alice")
    dba.execute("DROP FUNCTION given(int)")


def test_rights_that_the_holder_gave_on_to_themselves_are_told_where_such_a_role_may_be_given(
    prepared, lax, dba, lead, alice
):
    dba.execute("GRANT SELECT ON orders TO lead WITH GRANT OPTION; GRANT SELECT ON owned TO alice")
    lax.grant(grant_of("R-7F3K", lead), wanted)
    alice.execute("GRANT SELECT ON orders TO alice")
    taken = lax.revoke("R-7F3K", "alice")
    assert taken.left_behind == ("alice was given rights by name meanwhile, and keeps them: table public.orders",)
    with session(prepared, "alice") as again:
        assert can_read(again)
    dba.execute("REVOKE SELECT ON owned FROM alice")


def test_a_role_that_the_holder_got_meanwhile_is_told(prepared, target, dba, lead, alice):
    target.grant(grant_of("R-7F3K", lead), wanted)
    dba.execute("GRANT orders_read TO lead WITH ADMIN OPTION")
    alice.execute("GRANT orders_read TO alice")
    taken = target.revoke("R-7F3K", "alice")
    (word,) = taken.left_behind
    assert word.startswith("alice got orders_read by another way meanwhile and still has it")
    dba.execute("REVOKE orders_read FROM lead CASCADE; REVOKE orders_read FROM alice CASCADE")


def test_what_was_held_before_is_not_told_as_left_behind_and_more_time_does_not_forget_it(target, dba, alice):
    dba.execute("GRANT orders_read TO alice; GRANT SELECT ON owned TO alice")
    target.grant(grant_of(), wanted)
    target.grant(grant_of(), wanted)
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
    dba.execute("REVOKE orders_read FROM alice")
    target.grant(grant_of(), wanted)
    dba.execute("GRANT orders_read TO alice")
    target.grant(grant_of(), wanted)
    assert len(target.revoke("R-7F3K", "alice").left_behind) == 1
    dba.execute("REVOKE orders_read FROM alice; REVOKE SELECT ON owned FROM alice")


@both_versions
def test_before_16_where_everybody_may_create_a_role_can(target, dba, lead):
    """From 16 on what the holder makes belongs to the holder's login, and acts with its rights."""
    dba.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    try:
        if modern(dba):
            assert target.grant(grant_of("R-7F3K", lead), wanted).permissions == (lead,)
            return
        with pytest.raises(TargetRefused, match="lead may create in SCHEMA public"):
            target.grant(grant_of("R-7F3K", lead), wanted)
        remedies = [finding.remedy for finding in target.check([lead]) if not finding.ok]
        assert remedies == ["REVOKE CREATE ON SCHEMA public FROM PUBLIC;"]
    finally:
        dba.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


@both_versions
def test_before_16_a_role_that_may_log_in_is_never_given(prepared, target, dba, lead, alice):
    """Alice put it on and set its password, with which she could come back."""
    dba.execute("ALTER ROLE lead LOGIN")
    if modern(dba):
        target.grant(grant_of("R-7F3K", lead), wanted)
        with pytest.raises(errors.InsufficientPrivilege):
            alice.execute("ALTER ROLE lead PASSWORD 'x'")
        return
    with pytest.raises(TargetRefused, match="lead may log in"):
        target.grant(grant_of("R-7F3K", lead), wanted)
    (finding,) = [finding for finding in target.check([lead]) if not finding.ok]
    dba.execute(finding.remedy)
    assert target.grant(grant_of("R-7F3K", lead), wanted).permissions == (lead,)


def test_an_open_transaction_of_somebody_else_keeps_the_role_and_not_the_access(prepared, target, dba):
    """The inspection drops it when nothing names it any more, however long that takes."""
    target.grant(grant_of(), wanted)
    with session(prepared, "eve") as eve:
        eve.execute("BEGIN; CREATE TEMP TABLE hers (id int); GRANT SELECT ON hers TO jit_r_7f3k")
        left = "jit_r_7f3k stays, without any right: named by an open transaction"
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, left_behind=(left,))
        eve.execute("COMMIT")
        assert (target.held("R-7F3K"), target.list_grants()) == (None, [])
        assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == ("jit_r_7f3k",)
    assert target.list_grants() == []
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
@pytest.mark.parametrize("objects", distinct([2_000, 1_200_000], [2_000], "so many that no statement may take so long"))
def test_any_number_of_large_objects_that_name_the_role_keeps_no_access(prepared, target, dba, alice, objects):
    """DROP ROLE ran into its time limit, and the access stayed."""
    target.grant(grant_of(), wanted)
    alice.execute(
        f"""DO $$ BEGIN FOR i IN 1..{objects} LOOP
            PERFORM lo_create(1000000 + i);
            EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO jit_r_7f3k', 1000000 + i);
            IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$"""
    )
    taken = target.revoke("R-7F3K", "alice")
    assert (taken.existed, taken.sessions) == (True, 1)
    assert taken.left_behind[0].startswith("jit_r_7f3k stays, without any right: named by large object 1")
    assert (target.held("R-7F3K"), target.list_grants()) == (None, [])
    with session(prepared, "alice") as again:
        assert not can_read(again)
    dba.execute(
        """DO $$ DECLARE i oid; BEGIN FOR i IN SELECT oid FROM pg_largeobject_metadata LOOP
            PERFORM lo_unlink(i); COMMIT; END LOOP; END $$"""
    )
    assert target.list_grants() == []
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)


@pytest.mark.parametrize("name", ["reports", "jit_r_aaaa"])
def test_a_role_that_was_renamed_is_found_and_ended(prepared, target, dba, alice, name):
    target.grant(grant_of(), wanted)
    dba.execute(sql.SQL("ALTER ROLE jit_r_7f3k RENAME TO {}").format(sql.Identifier(name)))
    held = Held("R-7F3K", "alice", ("orders_read",), ENDS_AT)
    assert (target.held("R-7F3K"), target.list_grants()) == (held, [held])
    assert target.holders("orders_read") == [Holder("alice", "R-7F3K")]
    with pytest.raises(TargetRefused, match=f"{name} is there already"):
        target.grant(grant_of(), wanted)
    assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
    with session(prepared, "alice") as again:
        assert not can_read(again)
    assert dba.execute("SELECT to_regrole(%s)", [name]).fetchone() == (None,)


def test_a_note_copied_to_another_role_makes_it_none_of_ours(target, dba):
    target.grant(grant_of(), wanted)
    dba.execute("CREATE ROLE bystander; GRANT orders_read TO bystander; GRANT bystander TO eve")
    (note,) = dba.execute("SELECT shobj_description('jit_r_7f3k'::regrole, 'pg_authid')").fetchone()
    dba.execute(sql.SQL("COMMENT ON ROLE bystander IS {}").format(sql.Literal(note)))
    target.revoke("R-7F3K", "alice")
    assert dba.execute("SELECT pg_has_role('eve', 'bystander', 'MEMBER')").fetchone() == (True,)
    assert target.list_grants() == []
    dba.execute("DROP ROLE bystander")


def test_a_session_of_the_role_itself_is_cut(prepared, target, dba):
    """A DBA let it log in; its cursor went on reading."""
    target.grant(grant_of(), wanted)
    dba.execute("ALTER ROLE jit_r_7f3k LOGIN")
    with session(prepared, "jit_r_7f3k") as itself:
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=1)
        assert is_cut(itself)


class TestLock:
    """Any login can hold an advisory lock, and queue for it."""

    def test_a_queue_of_strangers_is_pushed_aside(self, prepared, target, alice):
        """Each that was broken off made room for the next, and the end waited for all of them."""
        target.grant(grant_of(), wanted)
        over, ready = Event(), Barrier(9)

        def queue() -> None:
            first = True
            while not over.is_set():
                with suppress(psycopg.OperationalError), session(prepared, "eve") as conn:
                    conn.execute("SET statement_timeout = 0")
                    if first:
                        first = False
                        ready.wait(HUNG)
                    conn.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
                    while not over.wait(0.02):
                        conn.execute("SELECT 1")

        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(queue)
            try:
                ready.wait(HUNG)
                waits: list[int] = []
                taken = self.counting_waits(target, waits)
            finally:
                over.set()
        assert taken.existed
        assert sum(waits) <= 500
        assert is_cut(alice)

    @staticmethod
    def counting_waits(target: PostgresTarget, waits: list[int]) -> RevokeResult:
        """What the end allowed itself to wait for the lock, in milliseconds: no test of ours reads a clock."""
        with pytest.MonkeyPatch.context() as patched:
            from workers.targets.postgres import revoke as ending  # noqa: PLC0415 - patched here alone

            real = ending.lock_briefly

            def lock_briefly(conn, principal, wait) -> None:
                waits.append(wait)
                real(conn, principal, wait)

            patched.setattr(ending, "lock_briefly", lock_briefly)
            return target.revoke("R-7F3K", "alice")

    def test_a_stranger_who_holds_it_keeps_nobody_from_getting_anything(self, prepared, hasty, alice):
        """Any login could, for as long as it liked: the grant was refused until a DBA ended that session."""
        with session(prepared, "eve") as eve:
            eve.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
            assert hasty.grant(grant_of(), wanted).principal == "alice"
            assert is_cut(eve)

    def test_a_busy_grant_says_who_holds_it_and_what_helps(self, prepared, target, hasty, dba):
        """Whoever cannot be pushed aside."""
        with session(prepared, "root2") as root:
            root.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
            with pytest.raises(TargetUnreachable, match="busy, root2 holds its lock") as busy:
                hasty.grant(grant_of(), wanted)
            dba.execute(str(busy.value).rpartition("lock: ")[2])
            assert is_cut(root)
        assert target.grant(grant_of(), wanted).principal == "alice"


@pytest.fixture(
    scope="module",
    params=[None, pytest.param(DEBIAN_15, marks=exhaustive("few connections on the oldest PostgreSQL too"))],
    ids=["pg18", "pg15"],
)
def small(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """Few connections, and transactions can be prepared."""
    few = {"max_connections": "20", "max_prepared_transactions": "5"}
    with EmbeddedPostgres(install=request.param, sync=False, settings=few) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE orders")
        with psycopg.connect(server.dsn(database="orders"), autocommit=True) as conn:
            conn.execute("CREATE TABLE orders (id int); CREATE ROLE orders_read; CREATE ROLE alice LOGIN")
            conn.execute("GRANT SELECT, INSERT ON orders TO orders_read")
            conn.execute("CREATE ROLE worker LOGIN CREATEROLE; GRANT pg_signal_backend TO worker")
            conn.execute("GRANT orders_read TO worker WITH ADMIN OPTION")
        yield server


@pytest.fixture
def small_target(small: EmbeddedPostgres) -> Iterator[PostgresTarget]:
    with closing(PostgresTarget("orders-db", SecretStr(small.dsn("worker", "orders")))) as target:
        yield target
        with psycopg.connect(small.dsn(database="orders"), autocommit=True) as dba:
            for (gid,) in dba.execute("SELECT gid FROM pg_prepared_xacts").fetchall():
                dba.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))


def test_a_prepared_transaction_delays_no_end_and_is_told_with_what_helps(small, small_target, monkeypatch):
    small_target.grant(grant_of(), wanted)
    with psycopg.connect(small.dsn("alice", "orders")) as alice:
        alice.execute("INSERT INTO orders VALUES (666)")
        alice.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("alice")])
        alice.execute("PREPARE TRANSACTION 'la''ter'")
    taken = small_target.revoke("R-7F3K", "alice")
    help_ = "ROLLBACK PREPARED 'la''ter';"
    assert taken.existed
    assert taken.left_behind == (f"a prepared transaction of alice in database orders can still be committed: {help_}",)
    monkeypatch.setitem(link.BOUNDS, "lock_timeout", "100ms")
    with (
        closing(PostgresTarget("orders-db", SecretStr(small.dsn("worker", "orders")))) as hasty,
        pytest.raises(TargetUnreachable, match="busy, a prepared transaction of alice holds its lock: ROLLBACK"),
    ):
        hasty.grant(grant_of(), wanted)
    with psycopg.connect(small.dsn(database="orders"), autocommit=True) as dba:
        dba.execute(help_)
    assert small_target.grant(grant_of(), wanted).principal == "alice"
    assert small_target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)


def test_a_worker_that_runs_gets_in_when_every_connection_is_taken(small, small_target, monkeypatch):
    """Its connection idled, and the server ended it just when there were none. Now it is used again and again."""
    assert float(link.BOUNDS["idle_session_timeout"].removesuffix("s")) > 2 * link.WARM_SECONDS
    monkeypatch.setattr(link, "WARM_SECONDS", 0.05)
    used = "SELECT max(query_start) FROM pg_stat_activity WHERE application_name = 'jit'"
    with ExitStack() as stack:
        target = stack.enter_context(closing(PostgresTarget("orders-db", SecretStr(small.dsn("worker", "orders")))))
        target.grant(grant_of(), wanted)
        dba = stack.enter_context(psycopg.connect(small.dsn(), autocommit=True))
        last = dba.execute(used).fetchone()
        wait_until(lambda: dba.execute(used).fetchone() > last)
        taken: list[psycopg.Connection] = []
        with suppress(psycopg.OperationalError):
            while True:
                taken.append(stack.enter_context(psycopg.connect(small.dsn("alice", "orders"), autocommit=True)))
        with pytest.raises(TargetUnreachable):
            small_target.held("R-7F3K")
        assert target.revoke("R-7F3K", "alice") == RevokeResult(existed=True, sessions=len(taken))


def test_an_end_waits_for_the_connection_that_is_just_being_kept_warm(small, monkeypatch):
    """The server gives no other. Before, such an end failed, and was late by the time of another try."""
    monkeypatch.setattr(link, "ANSWER_SECONDS", HUNG)
    in_use, refused = Event(), Event()
    execute, connect = psycopg.Connection.execute, psycopg.connect

    def slowly(conn, *args, **more):
        if current_thread() is not main_thread():
            in_use.set()
            refused.wait(HUNG)
        return execute(conn, *args, **more)

    def fill():
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(connect(small.dsn("alice", "orders"), autocommit=True))

    def without_room(*args, **more):
        fill()  # somebody may have left meanwhile
        try:
            return connect(*args, **more)
        except psycopg.OperationalError:
            refused.set()
            raise

    with ExitStack() as stack:
        way = stack.enter_context(closing(link.Link("orders-db", SecretStr(small.dsn("worker", "orders")))))
        with way.open():
            pass
        fill()
        monkeypatch.setattr(psycopg.Connection, "execute", slowly)
        monkeypatch.setattr(psycopg, "connect", without_room)
        pool = stack.enter_context(ThreadPoolExecutor())
        warmed = pool.submit(way.warm)
        assert in_use.wait(HUNG)
        with way.open() as conn:
            assert conn.execute("SELECT current_user").fetchone() == ("worker",)
        warmed.result()
        assert refused.is_set()


def test_a_call_that_was_refused_leaves_the_connection_for_the_next(small, small_target):
    small_target.grant(grant_of(), wanted)
    with psycopg.connect(small.dsn(), autocommit=True) as dba:
        ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'jit'"
        kept = dba.execute(ours).fetchall()
        with pytest.raises(TargetRefused):
            small_target.grant(grant_of("R-AAAA", "no_such_role"), wanted)
        assert small_target.held("R-7F3K") is not None
        assert dba.execute(ours).fetchall() == kept
    small_target.revoke("R-7F3K", "alice")


def test_a_restart_of_the_server_costs_nothing_but_a_new_connection(small, small_target):
    given = small_target.grant(grant_of(), wanted)
    small.kill()
    with pytest.raises(TargetUnreachable):
        small_target.held("R-7F3K")
    small.start()
    assert small_target.held("R-7F3K") == given
    small.kill()
    small.start()
    assert small_target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)


def test_the_check_says_how_to_keep_connections_free(small, small_target):
    (finding,) = [finding for finding in small_target.check() if "connection" in finding.what]
    with psycopg.connect(small.dsn(), autocommit=True) as dba:
        if not modern(dba):
            assert "upgrade" in finding.remedy
            return
        for step in ("ALTER SYSTEM SET reserved_connections = 5;", 'GRANT pg_use_reserved_connections TO "worker";'):
            assert step in finding.remedy
            dba.execute(step)
    with closing(PostgresTarget("orders-db", SecretStr(small.dsn("worker", "orders")))) as target:
        small.kill()
        small.start()
        (after,) = [finding for finding in target.check() if "connection" in finding.what]
    assert (after.what, after.remedy) == ("5 connections are kept free, and worker may use them", "")
