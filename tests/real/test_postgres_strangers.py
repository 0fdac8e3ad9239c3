"""The PostgreSQL target where somebody else's login may create roles, or changed what the server does by itself."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from jit.embedded import EmbeddedPostgres
from jit.ports import Taken, TargetRefused
from tests.world.orders import can_read, grant_of, is_cut, modern, session, wanted
from tests.world.servers import both_versions
from workers.targets.postgres.note import Note

pytestmark = pytest.mark.real

MADE = ("aaa", "zzz", "worker_of", "jit_r_7f3k", "jit_r_aaaa")


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
        assert taken == Taken(existed=True)
        assert target.all_held() == []


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_note_hides_no_right_that_somebody_has_anyway(target, dba, mallory):
    mallory.execute("CREATE ROLE aaa")
    dba.execute("GRANT orders_read TO aaa; GRANT aaa TO alice")
    write_on(mallory, "aaa", 'jit {"oid": OID, "request": "R-AAAA", "x": 0}')
    assert target.already("alice", ("orders_read",)) == ("orders_read",)


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
def test_a_note_that_no_code_expects_hides_no_other_access(target, dba, mallory):
    """A time that is in no zone's calendar, and nesting without an end: the list of all that is held failed."""
    told = '"target": "orders-db", "principal": "alice", "permissions": [], "before": null'
    ends = f'{{"oid": OID, "request": "R-AAAA", "ends_at": "9999-12-31T23:59:59-23:59", {told}}}'
    target.grant(grant_of(), wanted)
    mallory.execute("CREATE ROLE jit_r_aaaa; CREATE ROLE zzz; GRANT zzz TO jit_r_aaaa; GRANT jit_r_aaaa TO alice")
    for note in (f"jit {ends}", "jit " + "[" * 200_000):
        write_on(mallory, "jit_r_aaaa", note)
        assert [(held.request_id, held.ends_at is None) for held in target.all_held()] == [
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
