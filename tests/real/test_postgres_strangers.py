"""The PostgreSQL target where somebody else's login may create roles, or changed what the server does by itself."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from jit.ports import Holder, RevokeResult, TargetRefused, TargetUnreachable
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import ENDS_AT, can_read, grant_of, is_cut, modern, session, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link
from workers.targets.postgres.grantable import NEVER
from workers.targets.postgres.lock import lock_key
from workers.targets.postgres.note import Note

pytestmark = pytest.mark.real

MADE = ("aaa", "zzz", "worker_of", "jit_r_7f3k", "jit_r_aaaa", "jit_r_0000")


@pytest.fixture
def mallory(prepared: EmbeddedPostgres, dba: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A login that may create roles, and is no principal of ours."""
    dba.execute("CREATE ROLE mallory LOGIN CREATEROLE")
    with session(prepared, "mallory") as conn:
        yield conn
    for role in MADE:
        dba.execute(f"DROP ROLE IF EXISTS {role}")
    dba.execute("DROP ROLE mallory")


def write_on(conn: psycopg.Connection, role: str, note: str) -> None:
    (oid,) = conn.execute("SELECT %s::regrole::oid::int", [role]).fetchone()
    said = sql.Literal(note.replace("OID", str(oid)))
    conn.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(role), said))


@both_versions
@pytest.mark.parametrize("given", ["", "GRANT {} TO worker WITH ADMIN OPTION", "GRANT worker_of TO {}"])
def test_a_note_on_a_strangers_role_stops_no_end(prepared, target, dba, mallory, given):
    """`permission denied to drop role`, at every end of the request, for ever."""
    target.grant(grant_of(), wanted)
    mallory.execute("CREATE ROLE worker_of; GRANT worker_of TO eve")
    for role in ("aaa", "zzz"):
        mallory.execute(f"CREATE ROLE {role}; GRANT worker_of TO {role}; GRANT {role} TO mallory, eve")
        mallory.execute(given.format(role) or "SELECT 1")
        write_on(mallory, role, 'jit {"oid": OID, "request": "R-7F3K", "x": 0}')
    with session(prepared, "eve") as eve:
        taken = target.revoke("R-7F3K", "alice")
        assert taken.existed
        assert is_cut(eve) is not modern(dba)
    assert dba.execute("SELECT to_regrole('jit_r_7f3k')").fetchone() == (None,)
    with session(prepared, "alice") as again:
        assert not can_read(again)
    if modern(dba):
        assert taken == RevokeResult(existed=True)
        assert target.list_grants() == []


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_note_hides_no_right_that_somebody_has_anyway(target, dba, mallory):
    mallory.execute("CREATE ROLE aaa")
    dba.execute("GRANT orders_read TO aaa; GRANT aaa TO alice")
    write_on(mallory, "aaa", 'jit {"oid": OID, "request": "R-AAAA", "x": 0}')
    assert target.holders("orders_read") == [Holder("alice")]


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_strangers_role_of_the_grants_name_does_not_keep_the_renamed_one(prepared, target, dba, mallory):
    """The real one ends first; what is left is told as what it is."""
    target.grant(grant_of(), wanted)
    dba.execute("ALTER ROLE jit_r_7f3k RENAME TO aaa")
    mallory.execute("CREATE ROLE jit_r_7f3k; CREATE ROLE zzz; GRANT zzz TO jit_r_7f3k; GRANT jit_r_7f3k TO alice")
    with pytest.raises(TargetRefused, match="the worker's login may not"):
        target.revoke("R-7F3K", "alice")
    assert dba.execute("SELECT to_regrole('aaa')").fetchone() == (None,)
    with session(prepared, "alice") as again:
        assert not can_read(again)


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_note_on_a_strangers_role_of_such_a_name_ends_nobodys_access_and_gets_nothing(target, dba, mallory):
    """What somebody else holds was ended as *expired*, as it said; what a permission was made to own became hers."""
    target.grant(grant_of(), wanted)
    mallory.execute("CREATE ROLE jit_r_0000; CREATE ROLE zzz; GRANT zzz TO jit_r_0000; GRANT jit_r_0000 TO eve, worker")
    (read,) = dba.execute("SELECT 'orders_read'::regrole::oid::int").fetchone()
    before = f'"before": {{"holder": 1, "reached": [{read}], "had": [], "owned": 0, "named": [], "since": 3, '
    before += '"makes": false}'
    told = f'"request": "R-7F3K", "target": "orders-db", "principal": "eve", "permissions": ["orders_read"], {before}'
    write_on(mallory, "jit_r_0000", f'jit {{"oid": OID, {told}, "ends_at": "2000-01-01T00:00:00+00:00"}}')
    dba.execute("CREATE VIEW v AS SELECT 1; ALTER VIEW v OWNER TO orders_read")
    found = [(held.request_id, held.ends_at) for held in target.list_grants()]
    assert found == [("R-7F3K", ENDS_AT), ("R-0000", None)]
    owner = dba.execute("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'v'").fetchone()
    assert owner == ("jit_r_7f3k",)
    dba.execute("DROP VIEW v; REVOKE ALL ON ALL TABLES IN SCHEMA public FROM jit_r_7f3k")


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_note_that_no_code_expects_hides_no_other_access(target, dba, mallory):
    """A time that is in no zone's calendar, and nesting without an end: the list of all that is held failed."""
    told = '"target": "orders-db", "principal": "alice", "permissions": [], "before": null'
    ends = f'{{"oid": OID, "request": "R-AAAA", "ends_at": "9999-12-31T23:59:59-23:59", {told}}}'
    target.grant(grant_of(), wanted)
    mallory.execute("CREATE ROLE jit_r_aaaa; CREATE ROLE zzz; GRANT zzz TO jit_r_aaaa; GRANT jit_r_aaaa TO alice")
    for note in (f"jit {ends}", "jit " + "[" * 200_000):
        write_on(mallory, "jit_r_aaaa", note)
        assert [(held.request_id, held.ends_at is None) for held in target.list_grants()] == [
            ("R-7F3K", False),
            ("R-AAAA", True),
        ]
        assert Note.read(note) is None


@both_versions
def test_who_may_create_roles_is_given_nothing(target, dba):
    """By themselves, or as a role that they can put on."""
    dba.execute("CREATE ROLE makers CREATEROLE; CREATE ROLE kings SUPERUSER")
    for make, undo in (
        ("ALTER ROLE alice CREATEROLE", "ALTER ROLE alice NOCREATEROLE"),
        ("GRANT makers TO alice", "REVOKE makers FROM alice"),
        ("GRANT kings TO alice", "REVOKE kings FROM alice"),
    ):
        dba.execute(make)
        with pytest.raises(TargetRefused, match="alice may create roles"):
            target.grant(grant_of(), wanted)
        dba.execute(undo)
        assert target.held("R-7F3K") is None, make
    assert target.grant(grant_of(), wanted).principal == "alice"
    dba.execute("DROP ROLE makers, kings")


@both_versions
def test_who_can_stop_the_worker_by_a_role_of_the_server_is_given_nothing(target, dba):
    """Her sessions ended each of the worker's before it had said a word: her access had no end."""
    dba.execute("CREATE ROLE ops; GRANT pg_signal_backend TO ops")
    for role in ("ops", *(found for (found,) in dba.execute(THERE, [list(NEVER)]).fetchall())):
        dba.execute(f"GRANT {role} TO alice")
        with pytest.raises(TargetRefused, match=r"alice has pg_\w+, which .*; give it to another login"):
            target.grant(grant_of(), wanted)
        assert [finding.ok for finding in target.check((), ["alice"])].count(False) == 1
        dba.execute(f"REVOKE {role} FROM alice")
    assert target.grant(grant_of(), wanted).principal == "alice"
    dba.execute("DROP ROLE ops")


THERE = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
HOSTILE = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "exit_on_error": "on",
    "synchronous_commit": "off",
    "role": "orders_owner",
    "DateStyle": "German",
    "standard_conforming_strings": "off",
    "search_path": "public",
    "client_encoding": "LATIN1",
    "createrole_self_grant": "set, inherit",
    "transaction_timeout": "1h",
    "jit": "on",
}
SINCE = {key: version for version, known in link.LATER_BOUNDS.items() for key in known}


@contextmanager
def defaults(dba: psycopg.Connection, whose: str) -> Iterator[dict[str, str]]:
    """Every hostile default that this server knows."""
    known = {key: value for key, value in HOSTILE.items() if dba.info.server_version >= SINCE.get(key, 0)}
    try:
        for key, value in known.items():
            dba.execute(sql.SQL("ALTER {} SET {} = {}").format(sql.SQL(whose), sql.Identifier(key), sql.Literal(value)))
        yield known
    finally:
        dba.execute(f"ALTER {whose} RESET ALL")


@both_versions
@pytest.mark.parametrize("whose", ["DATABASE orders", "ROLE worker", "ROLE worker IN DATABASE orders"])
def test_a_default_that_somebody_set_keeps_no_access(prepared, target, dba, whose):
    """`default_transaction_read_only = on`: no DROP ROLE, for ever, and the doctor said ok."""
    target.grant(grant_of(), wanted)
    dsn = SecretStr(prepared.dsn("worker", "orders"))
    with defaults(dba, whose) as known:
        with closing(link.Link("orders-db", dsn)) as fixed, fixed.open() as conn:
            for key, value in known.items():
                assert conn.execute("SELECT current_setting(%s)", [key]).fetchone() != (value,), key
        with closing(PostgresTarget("orders-db", dsn)) as later:
            assert [finding for finding in later.check(("orders_read",)) if not finding.ok] == []
            assert later.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
            assert later.grant(grant_of("R-AAAA"), wanted).principal == "alice"
            holds = "m.inherit_option OR m.set_option" if modern(dba) else "true"
            mine = "m.roleid = 'jit_r_aaaa'::regrole AND m.member = 'worker'::regrole"
            used = f"SELECT FROM pg_auth_members m WHERE {mine} AND ({holds})"
            assert dba.execute(used).fetchall() == []
            with session(prepared, "root2") as root2:
                root2.execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])
                assert later.revoke("R-AAAA", "alice").existed


@both_versions
def test_a_library_that_the_databases_owner_asks_for_keeps_no_worker_out(prepared, target, dba):
    """It is not there: nobody's session could begin any more, the worker's and a superuser's neither."""
    target.grant(grant_of(), wanted)
    dba.execute("ALTER DATABASE orders OWNER TO alice")
    with session(prepared, "alice") as alice:
        alice.execute("ALTER DATABASE orders SET local_preload_libraries = 'nowhere'")
    try:
        with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as later:
            assert later.revoke("R-7F3K", "alice") == RevokeResult(existed=True)
    finally:
        dba.execute("ALTER DATABASE orders RESET ALL; ALTER DATABASE orders OWNER TO CURRENT_USER")


def test_a_pooler_that_drops_what_is_asked_for_is_no_way_to_a_target(prepared, dba, monkeypatch):
    real = psycopg.connect

    def dropping(conninfo: str, **more) -> psycopg.Connection:
        return real(make_conninfo(**{**conninfo_to_dict(conninfo), "options": ""}), **more)

    monkeypatch.setattr(link.psycopg, "connect", dropping)
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as target:
        with pytest.raises(TargetUnreachable, match=r"search_path is .* asked for: connect to the server itself"):
            target.grant(grant_of(), wanted)
        (finding,) = target.check()
        assert "not through a pooler" in finding.what
