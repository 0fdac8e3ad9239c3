"""What a holder may try, to keep or to hand on what she was given. Each is done while she holds it.

A trick may give back a way to get at the table that nobody would find by looking: it is tried after the end.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from tests.attack.shop import SECRET, THEIRS, Shop
from workers.targets.postgres.lock import lock_key

Way = Callable[[], Any]
Trick = Callable[[Shop], Way | None]
TRICKS: dict[str, Trick] = {}
READ = "SELECT string_agg(what, ',') FROM orders"
RUNS_AS_HER = f"CREATE FUNCTION f() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ {READ} $$"


def trick(says: str) -> Callable[[Trick], Trick]:
    def kept(made: Trick) -> Trick:
        assert says not in TRICKS
        TRICKS[says] = made
        return made

    return kept


def made(says: str, sql: str) -> None:
    @trick(says)
    def done(at: Shop) -> None:
        at.alice(sql)


def attempted(says: str, tried: tuple[str, ...]) -> None:
    @trick(says)
    def done(at: Shop) -> None:
        alice = at.login("alice")
        for sql in tried:
            with suppress(psycopg.Error):
                alice.execute(sql)


OBJECTS = {
    "a view for everybody": "CREATE VIEW v AS SELECT * FROM orders; GRANT SELECT ON v TO PUBLIC",
    "a view of a view for everybody": (
        "CREATE VIEW v AS SELECT * FROM orders; CREATE VIEW w AS SELECT * FROM v; GRANT SELECT ON v, w TO PUBLIC"
    ),
    "a view that lets write": "CREATE VIEW v AS SELECT * FROM orders; GRANT ALL ON v TO PUBLIC",
    "a view in a schema of her own": (
        "CREATE SCHEMA hers; CREATE VIEW hers.v AS SELECT * FROM orders; GRANT USAGE ON SCHEMA hers TO PUBLIC;"
        "GRANT SELECT ON hers.v TO PUBLIC"
    ),
    "a recursive view": "CREATE RECURSIVE VIEW v (what) AS SELECT what FROM orders; GRANT SELECT ON v TO PUBLIC",
    "a function that runs as her": RUNS_AS_HER,
    "a function that runs as her and writes": (
        f"CREATE FUNCTION f() RETURNS void LANGUAGE sql SECURITY DEFINER AS "
        f"$$ INSERT INTO orders (what) VALUES ('{THEIRS}') $$"
    ),
    "a procedural function that runs as her": (
        f"CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS "
        f"$$ DECLARE t text; BEGIN EXECUTE '{READ.replace(chr(39), chr(39) * 2)}' INTO t; RETURN t; END $$"
    ),
    "a view over a function that runs as her": (
        f"{RUNS_AS_HER};CREATE VIEW v AS SELECT f(); GRANT SELECT ON v TO PUBLIC"
    ),
    "a rule that writes for whoever writes elsewhere": (
        "CREATE TABLE box (what text); GRANT ALL ON box TO PUBLIC;"
        f"CREATE RULE r AS ON INSERT TO box DO ALSO INSERT INTO orders (what) VALUES ('{THEIRS}')"
    ),
    "a trigger of her own table that runs as her": (
        "CREATE TABLE box (what text); GRANT ALL ON box TO PUBLIC; CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql"
        " SECURITY DEFINER AS $$ BEGIN SELECT string_agg(what, ',') INTO NEW.what FROM orders; RETURN NEW; END $$;"
        "CREATE TRIGGER t BEFORE INSERT ON box FOR EACH ROW EXECUTE FUNCTION t()"
    ),
    "a default that runs as her": (
        f"{RUNS_AS_HER};CREATE TABLE box (id int, what text DEFAULT f()); GRANT ALL ON box TO PUBLIC"
    ),
    "an operator that runs as her": (
        f"CREATE FUNCTION f(int, int) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ {READ} $$;"
        "CREATE OPERATOR public.|||| (FUNCTION = f, LEFTARG = int, RIGHTARG = int)"
    ),
    "a policy on her own table that looks into the other": (
        "CREATE TABLE box (what text); INSERT INTO box VALUES ('x'); GRANT SELECT ON box TO PUBLIC;"
        "ALTER TABLE box ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON box USING (EXISTS (SELECT FROM orders))"
    ),
    "a copy that stays as it was": "CREATE MATERIALIZED VIEW m AS SELECT * FROM orders; GRANT ALL ON m TO PUBLIC",
}
"""Objects of her own that reach the table through her rights, each made in a session that stays open."""
GIVEN_ON = {
    "the right itself": (
        "GRANT SELECT ON orders TO eve",
        "GRANT SELECT ON orders TO PUBLIC",
    ),
    "the roles themselves": (
        "GRANT shop_read TO eve",
        "GRANT shop_read TO alice",
        "GRANT jit_r_attk TO eve",
        "GRANT alice TO eve",
        "GRANT alice TO eve WITH ADMIN OPTION",
    ),
    "default rights in the role's name": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE shop_read GRANT SELECT ON TABLES TO alice",
        "ALTER DEFAULT PRIVILEGES FOR ROLE jit_r_attk GRANT SELECT ON TABLES TO alice",
    ),
    "all that she owns given to the permission": (
        "CREATE VIEW v AS SELECT * FROM orders",
        "GRANT ALL ON v TO PUBLIC",
        "REASSIGN OWNED BY alice TO shop_read",
    ),
    "a view given to the permission": (
        "CREATE VIEW v AS SELECT * FROM orders",
        "GRANT ALL ON v TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO shop_read",
        "CREATE SCHEMA hers",
        "GRANT ALL ON SCHEMA hers TO PUBLIC",
        "ALTER VIEW v SET SCHEMA hers",
        "ALTER VIEW hers.v OWNER TO shop_read",
        "ALTER VIEW v OWNER TO shop_read",
    ),
    "a function given to the permission": (
        RUNS_AS_HER,
        "CREATE SCHEMA hers",
        "GRANT ALL ON SCHEMA hers TO PUBLIC",
        "ALTER FUNCTION f() SET SCHEMA hers",
        "ALTER FUNCTION hers.f() OWNER TO shop_read",
    ),
    "a view made as the permission": (
        "CREATE SCHEMA hers",
        "GRANT ALL ON SCHEMA hers TO PUBLIC",
        "SET ROLE shop_read",
        "CREATE VIEW hers.v AS SELECT * FROM public.orders",
        "GRANT ALL ON hers.v TO PUBLIC",
    ),
    "a view made as the grant's own role": (
        "CREATE SCHEMA hers",
        "GRANT ALL ON SCHEMA hers TO PUBLIC",
        "SET ROLE jit_r_attk",
        "CREATE VIEW hers.v AS SELECT * FROM public.orders",
        "GRANT ALL ON hers.v TO PUBLIC",
    ),
    "a trigger, a key, a rule on the table itself": (
        (
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN GRANT SELECT ON orders TO alice; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION t()",
        "CREATE TABLE child (id int REFERENCES orders)",
        "CREATE RULE r AS ON INSERT TO orders DO ALSO SELECT 1",
    ),
    "a publication, a subscription, a slot, a server elsewhere": (
        "CREATE PUBLICATION p FOR TABLE orders",
        "CREATE SUBSCRIPTION s CONNECTION 'dbname=shop' PUBLICATION p WITH (connect = false)",
        "SELECT pg_create_logical_replication_slot('s', 'test_decoding')",
        "CREATE EXTENSION postgres_fdw",
        "CREATE EXTENSION dblink",
    ),
    "an event trigger, a cast, a language": (
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
        "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION e()",
        "CREATE CAST (int AS text) WITHOUT FUNCTION",
        "CREATE LANGUAGE plpgsql",
    ),
}
"""Giving on what she has, statement by statement: the server may refuse any of them, and she goes on."""


for _says, _sql in OBJECTS.items():
    made(_says, _sql)
for _says, _tried in GIVEN_ON.items():
    attempted(_says, _tried)


# Sessions and transactions that are open.
@trick("a session inside SET ROLE")
def _(at: Shop) -> None:
    with suppress(psycopg.Error):
        at.login("alice").execute("SET ROLE shop_read")


@trick("sessions that begin in the permission's role")
def _(at: Shop) -> Way:
    with suppress(psycopg.Error):
        at.login("alice").execute("ALTER ROLE alice SET role = 'shop_read'")
    return lambda: at.login("alice").execute("SELECT * FROM orders").fetchall()


@trick("an open transaction with a cursor")
def _(at: Shop) -> Way:
    alice = at.login("alice")
    alice.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders, generate_series(1, 100000)")
    alice.execute("FETCH 1 FROM c")
    return lambda: alice.execute("FETCH 100 FROM c").fetchall()


@trick("a cursor that outlives its transaction")
def _(at: Shop) -> None:
    at.alice("DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders")


@trick("a colleague's cursor on her view")
def _(at: Shop) -> Way:
    at.alice("CREATE VIEW v AS SELECT o.* FROM orders o, generate_series(1, 100000); GRANT SELECT ON v TO eve")
    eve = at.login("eve")
    eve.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM v")
    eve.execute("FETCH 1 FROM c")
    return lambda: [SECRET, eve.execute("FETCH 10 FROM c").fetchall()]  # whatever it reads, it reads on


@trick("a colleague's statement prepared on her view")
def _(at: Shop) -> None:
    at.alice("CREATE VIEW v AS SELECT * FROM orders; GRANT SELECT ON v TO eve")
    eve = at.login("eve")
    eve.execute("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT * FROM v; EXECUTE p")


@trick("a colleague inside her function")
def _(at: Shop) -> None:
    at.alice(f"CREATE FUNCTION f() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ {READ} $$")
    eve = at.login("eve")
    eve.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT f()")


@trick("a statement that she prepared")
def _(at: Shop) -> None:
    at.alice("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT * FROM orders; EXECUTE p")


@trick("a statement to be, prepared in two phases")
def _(at: Shop) -> Way:
    alice = at.login("alice")
    with suppress(psycopg.Error):
        alice.execute(f"BEGIN; INSERT INTO orders (what) VALUES ('{THEIRS}'); PREPARE TRANSACTION 'later'")
    return lambda: at.login("alice").execute("COMMIT PREPARED 'later'")


@trick("twenty sessions, each in a transaction")
def _(at: Shop) -> None:
    for _ in range(20):
        at.alice("BEGIN; SELECT * FROM orders")


@trick("the table locked")
def _(at: Shop) -> None:
    at.alice("BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE")


@trick("a role renamed under the worker's feet, by herself and by a DBA")
def _(at: Shop) -> None:
    with suppress(psycopg.Error):
        at.login("alice").execute("ALTER ROLE jit_r_attk RENAME TO odd_mine")
    at.dba().execute("ALTER ROLE jit_r_attk RENAME TO odd_one")


@trick("the note on the role rewritten")
def _(at: Shop) -> None:
    with suppress(psycopg.Error):
        at.login("alice").execute("COMMENT ON ROLE jit_r_attk IS 'mine'")
    at.dba().execute("COMMENT ON ROLE jit_r_attk IS '{}'")


@trick("rights given to the grant's role")
def _(at: Shop) -> None:
    at.alice("CREATE TABLE box (); GRANT ALL ON box TO jit_r_attk; GRANT ALL ON SCHEMA public TO jit_r_attk")


@trick("hundreds of rights given to the grant's role")
def _(at: Shop) -> None:
    at.alice(
        "DO $$ BEGIN FOR n IN 1..500 LOOP PERFORM lo_create(n); "
        "EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO jit_r_attk, shop_read', n); END LOOP; END $$"
    )


@trick("what the worker's statements call, made anew in public")
def _(at: Shop) -> None:
    at.alice(
        "CREATE FUNCTION public.pg_terminate_backend(int) RETURNS bool LANGUAGE sql AS $$ SELECT true $$;"
        "CREATE FUNCTION public.to_regrole(text) RETURNS regrole LANGUAGE sql AS $$ SELECT NULL::regrole $$;"
        "CREATE VIEW public.pg_roles AS SELECT * FROM pg_catalog.pg_roles WHERE false;"
        "CREATE VIEW public.pg_auth_members AS SELECT * FROM pg_catalog.pg_auth_members WHERE false;"
        "CREATE VIEW public.pg_stat_activity AS SELECT * FROM pg_catalog.pg_stat_activity WHERE false"
    )


@trick("the worker's search path, time limit and role, set for the database")
def _(at: Shop) -> None:
    at.dba().execute(
        "ALTER DATABASE shop SET search_path = public; ALTER DATABASE shop SET statement_timeout = '1ms';"
        "ALTER DATABASE shop SET lock_timeout = '1ms'; ALTER DATABASE shop SET default_transaction_read_only = on"
    )


@trick("a session that calls itself the worker's")
def _(at: Shop) -> None:
    at.login("alice", application_name="jit").execute("SELECT * FROM orders")


@trick("the lock of her own name held by a stranger")
def _(at: Shop) -> None:
    at.login("mallory").execute("SELECT pg_advisory_lock(%s)", [lock_key("alice")])


@trick("a stranger's lock on what the roles are written in")
def _(at: Shop) -> None:
    mallory = at.login("mallory")
    for catalog in ("pg_authid", "pg_auth_members", "pg_shdescription", "pg_shdepend"):
        with suppress(psycopg.Error):
            mallory.execute(f"BEGIN; LOCK TABLE pg_catalog.{catalog} IN ACCESS SHARE MODE")


@trick("a stranger's objects given to the permission")
def _(at: Shop) -> None:
    at.login("mallory").execute(
        "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO shop_read WITH GRANT OPTION"
    )


@trick("a large object with a copy")
def _(at: Shop) -> None:
    at.alice("SELECT lo_from_bytea(7, convert_to((SELECT string_agg(what, ',') FROM orders), 'UTF8'))")


@trick("a snapshot given to a colleague")
def _(at: Shop) -> None:
    alice = at.login("alice")
    alice.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM orders")
    (snapshot,) = alice.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    at.login("eve").execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{snapshot}'")


@trick("news of the table for whoever listens")
def _(at: Shop) -> None:
    at.login("eve").execute("LISTEN orders")
    at.alice("LISTEN orders; NOTIFY orders, 'x'")


@trick("a second grant that has not ended")
def _(at: Shop) -> None:
    """Of another right: what she does with it must not reach further than it."""
    at.give("R-OTHR", "shop_other")
    at.alice("CREATE VIEW v AS SELECT * FROM orders; GRANT ALL ON v TO PUBLIC")
