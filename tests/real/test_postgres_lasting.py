"""Rights that the PostgreSQL target does not give, because they are asked only when something is made; and what others
pile onto a permission, which refuses nobody.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import Finding, RevokeResult, TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.exhaustive import distinct
from tests.world.orders import grant_of, session, wanted
from tests.world.servers import both_versions
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

MADE = """
    CREATE ROLE orders_rw; GRANT orders_rw TO worker WITH ADMIN OPTION;
    CREATE SCHEMA app; CREATE TABLE app.parts (id int PRIMARY KEY, name text);
    CREATE FUNCTION app.copies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION app.counts() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    REVOKE EXECUTE ON FUNCTION app.counts FROM PUBLIC;
    CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
    GRANT SELECT ON orders TO orders_rw;
"""
UNMADE = """
    DROP FOREIGN DATA WRAPPER elsewhere CASCADE; DROP SCHEMA app CASCADE; DROP OWNED BY orders_rw; DROP ROLE orders_rw;
"""


@pytest.fixture
def rw(dba: psycopg.Connection) -> Iterator[str]:
    """A permission that reads orders; whoever tests it adds what is too much."""
    dba.execute(MADE)
    yield "orders_rw"
    for (role,) in dba.execute(r"SELECT rolname FROM pg_roles WHERE rolname ~ '^jit_'").fetchall():
        dba.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    dba.execute(UNMADE)


def wrong(target: PostgresTarget, permission: str) -> list[Finding]:
    return [finding for finding in target.check([permission]) if not finding.ok]


def is_given(target: PostgresTarget, permission: str) -> bool:
    """Gives it, and takes it back."""
    given = target.grant(grant_of("R-7F3K", permission), wanted).permissions == (permission,)
    return given and target.revoke("R-7F3K", "alice") == RevokeResult(existed=True)


LASTING = (
    "ALL ON orders",
    "TRIGGER ON app.parts",
    "REFERENCES ON app.parts",
    "REFERENCES (id) ON app.parts",
    "CREATE ON SCHEMA app",
    "CREATE ON DATABASE orders",
    "USAGE ON FOREIGN SERVER far",
    "USAGE ON FOREIGN DATA WRAPPER elsewhere",
    "EXECUTE ON FUNCTION app.copies()",
    "SET ON PARAMETER session_replication_role",
    "ALTER SYSTEM ON PARAMETER log_statement",
)
"""A foreign server, for example, is asked for when a foreign table is made, which reads on without it."""
PASSING = (
    "SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON orders",
    "SELECT (id), UPDATE (name) ON app.parts",
    "USAGE ON SCHEMA app",
    "CONNECT, TEMPORARY ON DATABASE orders",
    "EXECUTE ON FUNCTION app.counts()",
)


@both_versions
def test_rights_that_are_asked_only_when_something_is_made_are_not_given(target, dba, rw):
    """`GRANT ALL ON orders`: a trigger copied rows and gave her SELECT at the owner's next write, quietly, for ever."""
    for right in LASTING:
        dba.execute(f"GRANT {right} TO {rw}")
        with pytest.raises(TargetRefused, match=r"orders_rw has .* on .*asked only when something is made"):
            target.grant(grant_of("R-7F3K", rw), wanted)
        assert target.held("R-7F3K") is None, right
        (finding,) = wrong(target, rw)
        dba.execute(finding.remedy)
        assert wrong(target, rw) == [], right
        assert is_given(target, rw), right


@both_versions
def test_all_that_is_too_much_is_narrowed_by_the_sql_of_one_look(target, dba, rw):
    dba.execute("REVOKE EXECUTE ON FUNCTION app.copies FROM PUBLIC")
    dba.execute(f"GRANT ALL ON orders, app.parts TO {rw}; GRANT ALL ON SCHEMA app, public TO {rw}")
    dba.execute(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {rw}")
    dba.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT TRIGGER ON TABLES TO {rw}")
    (finding,) = wrong(target, rw)
    assert "and the like on 5 more" in finding.what
    dba.execute(finding.remedy)
    assert wrong(target, rw) == []
    assert is_given(target, rw)
    held = dba.execute("SELECT has_table_privilege(%s, 'app.parts', 'SELECT, INSERT, UPDATE, DELETE')", [rw])
    assert held.fetchone() == (True,)


def test_rights_that_are_asked_at_each_use_are_given(target, dba, rw):
    dba.execute("REVOKE EXECUTE ON FUNCTION app.copies FROM PUBLIC")
    for right in (*PASSING, *(["MAINTAIN ON orders"] if dba.info.server_version >= 170000 else [])):
        dba.execute(f"GRANT {right} TO {rw}")
        assert (is_given(target, rw), wrong(target, rw)) == (True, []), right


OPEN = (
    "GRANT SELECT ON app.parts TO PUBLIC",
    "GRANT UPDATE (name) ON app.parts TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION app.counts TO PUBLIC",
    "CREATE VIEW app.seen AS TABLE app.parts; GRANT SELECT ON app.seen TO PUBLIC",
)


@both_versions
def test_a_schema_that_alone_keeps_everybody_from_what_is_in_it_is_not_opened(target, dba, rw):
    """Whether one may look into a schema is asked when a view is made, which reads on without that: quietly, for ever.
    What a stranger has put there refuses nobody.
    """
    dba.execute(f"REVOKE EXECUTE ON FUNCTION app.copies FROM PUBLIC; GRANT USAGE ON SCHEMA app TO {rw}")
    for everybody in OPEN:
        dba.execute(everybody)
        with pytest.raises(TargetRefused, match="orders_rw opens a schema in which everybody has "):
            target.grant(grant_of("R-7F3K", rw), wanted)
        (finding,) = wrong(target, rw)
        dba.execute(finding.remedy)
        assert (is_given(target, rw), wrong(target, rw)) == (True, []), everybody
    dba.execute("CREATE TABLE app.hers (); ALTER TABLE app.hers OWNER TO eve; GRANT ALL ON app.hers TO PUBLIC")
    assert (is_given(target, rw), wrong(target, rw)) == (True, [])


PILED = (
    "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO {} WITH GRANT OPTION",
    "CREATE TEMP TABLE hers (id int); GRANT ALL ON hers TO {} WITH GRANT OPTION",
    "CREATE TEMP TABLE hers (id int); GRANT TRIGGER ON hers TO {}",
    """CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
       GRANT EXECUTE ON FUNCTION pg_temp.f() TO {} WITH GRANT OPTION""",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {} WITH GRANT OPTION",
    "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {}",
    "CREATE TABLE hers.t (id int); GRANT ALL ON hers.t TO {} WITH GRANT OPTION",
    "CREATE TYPE hers.t AS (id int); GRANT USAGE ON TYPE hers.t TO {} WITH GRANT OPTION",
    "GRANT ALL ON SCHEMA hers TO {} WITH GRANT OPTION",
    "GRANT ALL ON SCHEMA hers TO PUBLIC",
    "GRANT USAGE ON SCHEMA hers TO {}; CREATE TABLE hers.t (); GRANT ALL ON hers.t TO PUBLIC",
)


@contextmanager
def piling(server: EmbeddedPostgres, dba: psycopg.Connection, pile: str) -> Iterator[None]:
    dba.execute("CREATE SCHEMA hers AUTHORIZATION eve")
    with session(server, "eve") as eve:
        eve.execute(pile)
        yield
    dba.execute("DROP OWNED BY eve CASCADE")


@both_versions
@pytest.mark.parametrize("permission", ["orders_read", "orders_rw"])
def test_what_a_stranger_piles_onto_a_permission_refuses_nobody(prepared, target, dba, rw, permission):
    """Any login could: nobody got orders_read until a DBA cleaned up."""
    assert rw

    def told() -> list[Finding]:
        return [finding for finding in target.check([permission]) if finding.what.startswith("eve gave")]

    for pile in PILED:
        with piling(prepared, dba, pile.format(permission)):
            assert is_given(target, permission), pile
            assert wrong(target, permission) == [], pile
            assert bool(told()) is ("PUBLIC" not in pile), pile
            for note in told():
                dba.execute(note.remedy)
            assert told() == [], pile


def test_rights_on_the_tables_of_a_login_that_the_permission_is_for_are_looked_at(target, dba):
    """An application's login owns them, and not the database."""
    dba.execute("CREATE ROLE app LOGIN; CREATE SCHEMA app AUTHORIZATION app; CREATE ROLE app_rw")
    dba.execute("GRANT app_rw TO worker WITH ADMIN OPTION; SET ROLE app; CREATE TABLE app.parts (id int)")
    dba.execute("GRANT SELECT ON app.parts TO app_rw WITH GRANT OPTION; GRANT TRIGGER ON app.parts TO app_rw")
    dba.execute("RESET ROLE")
    for seen in ("rights on table app.parts on", "TRIGGER on table app.parts"):
        (finding,) = wrong(target, "app_rw")
        assert seen in finding.what
        dba.execute(finding.remedy)
    assert wrong(target, "app_rw") == []
    dba.execute("DROP SCHEMA app CASCADE; DROP ROLE app, app_rw")


@pytest.mark.parametrize("objects", distinct([3_000, 300_000], [3_000], "so many that looking at all takes too long"))
def test_any_number_of_piled_objects_keeps_nobody_from_getting_a_permission(prepared, target, dba, objects):
    with session(prepared, "eve") as eve:
        eve.execute(
            f"""DO $$ BEGIN FOR i IN 1..{objects} LOOP
                PERFORM lo_create(1000000 + i);
                EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO orders_read WITH GRANT OPTION', 1000000 + i);
                IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$"""
        )
    assert is_given(target, "orders_read")
    assert wrong(target, "orders_read") == []
    dba.execute(
        """DO $$ DECLARE i oid; BEGIN FOR i IN SELECT oid FROM pg_largeobject_metadata LOOP
            PERFORM lo_unlink(i); COMMIT; END LOOP; END $$"""
    )


MAKING = {
    "trigger late on table public.orders": (
        "GRANT ALL ON orders TO orders_rw; GRANT USAGE ON SCHEMA app TO orders_rw",
        "CREATE TRIGGER late BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION app.copies()",
    ),
    "trigger calls on table public.hers": (
        """GRANT USAGE ON SCHEMA app TO orders_rw; REVOKE EXECUTE ON FUNCTION app.copies() FROM PUBLIC;
           GRANT EXECUTE ON FUNCTION app.copies() TO orders_rw""",
        """CREATE TABLE hers (id int);
           CREATE TRIGGER calls BEFORE INSERT ON hers FOR EACH ROW EXECUTE FUNCTION app.copies()""",
    ),
    "constraint hers_id_fkey on table public.hers": (
        "GRANT REFERENCES ON app.parts TO orders_rw; GRANT USAGE ON SCHEMA app TO orders_rw",
        "CREATE TABLE hers (id int REFERENCES app.parts)",
    ),
    "foreign table public.hers": (
        "GRANT USAGE ON FOREIGN SERVER far TO orders_rw",
        "CREATE FOREIGN TABLE hers (id int) SERVER far",
    ),
    "function app.lower(character varying)": (
        "GRANT USAGE, CREATE ON SCHEMA app TO orders_rw",
        "CREATE FUNCTION app.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    ),
    "view public.parts": (
        "GRANT SELECT ON app.parts TO PUBLIC; GRANT USAGE ON SCHEMA app TO orders_rw",
        "CREATE VIEW parts AS TABLE app.parts",
    ),
    "view public.counts": (
        "GRANT EXECUTE ON FUNCTION app.counts TO PUBLIC; GRANT USAGE ON SCHEMA app TO orders_rw",
        "CREATE VIEW counts AS SELECT app.counts()",
    ),
    "view app.hers": ("GRANT USAGE, CREATE ON SCHEMA app TO orders_rw", "CREATE VIEW app.hers AS SELECT 1"),
    "schema hers": ("GRANT CREATE ON DATABASE orders TO orders_rw", "CREATE SCHEMA hers"),
    "publication hers": ("GRANT CREATE ON DATABASE orders TO orders_rw", "CREATE PUBLICATION hers"),
    "the settings of login alice": (
        "GRANT SET ON PARAMETER session_replication_role TO orders_rw",
        "ALTER ROLE alice SET session_replication_role = replica",
    ),
    "rights that were given on, on table public.orders": (
        "GRANT SELECT ON orders TO orders_rw WITH GRANT OPTION",
        "GRANT SELECT ON orders TO PUBLIC",
    ),
}
UNDO = """
    ALTER ROLE alice RESET ALL; DROP TRIGGER IF EXISTS late ON orders; DROP PUBLICATION IF EXISTS hers;
    DROP SCHEMA IF EXISTS hers; DROP VIEW IF EXISTS app.hers, public.parts, public.counts;
    REVOKE USAGE ON SCHEMA app FROM orders_rw; DROP FUNCTION IF EXISTS app.lower(varchar);
    REVOKE ALL ON orders FROM orders_rw CASCADE; GRANT SELECT ON orders TO orders_rw;
"""


@both_versions
def test_what_was_made_with_such_rights_is_told_where_they_may_be_given(prepared, dba, rw):
    """Compared before and after: what is older, and what she may make without the grant, is not."""
    dba.execute("CREATE FUNCTION app.older() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")), allow_owners=True)) as lax:
        for what, (given, makes) in MAKING.items():
            dba.execute(given)
            with session(prepared, "alice") as alice:
                lax.grant(grant_of("R-7F3K", rw), wanted)
                alice.execute(makes)
                alice.execute("CREATE TABLE hers_anyway (id int); DROP TABLE hers_anyway")
                (left,) = lax.revoke("R-7F3K", "alice").left_behind
            assert left.startswith("alice may have made by means of it what stays: "), what
            assert what in left, what
            dba.execute(UNDO)
            dba.execute("DROP FOREIGN TABLE hers" if "foreign" in what else "DROP TABLE IF EXISTS hers")


def test_rights_given_on_by_name_are_told_although_a_stranger_named_the_person_too_often_to_compare(prepared, dba, rw):
    """More privileges than fit the note: then nothing by name was compared, and she kept hers quietly."""
    dba.execute(f"GRANT SELECT ON orders TO {rw} WITH GRANT OPTION")
    with session(prepared, "eve") as eve:
        eve.execute(
            """DO $$ BEGIN FOR i IN 1..300 LOOP PERFORM lo_create(1000000 + i);
               EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO alice', 1000000 + i); END LOOP; END $$"""
        )
    with (
        closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")), allow_owners=True)) as lax,
        session(prepared, "alice") as alice,
    ):
        lax.grant(grant_of("R-7F3K", rw), wanted)
        alice.execute("GRANT SELECT ON orders TO alice")
        (left,) = lax.revoke("R-7F3K", "alice").left_behind
    assert "rights that were given on, on table public.orders" in left
    dba.execute("REVOKE SELECT ON orders FROM orders_rw CASCADE; SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
