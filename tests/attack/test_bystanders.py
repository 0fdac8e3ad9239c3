"""What a holder or a stranger does by means of others: a colleague who goes on, an application that is to suffer, and
everybody who waits for the same permission.
"""

from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import TargetRefused
from jit.runtime.embedded import EmbeddedPostgres
from tests.attack.shop import DATABASE, PERMISSIONS, TEMPLATE, Shop, shop, shops
from tests.world.exhaustive import exhaustive
from tests.world.orders import is_cut
from tests.world.waiting import wait_until
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.through import MOST_ASKED

pytestmark = pytest.mark.real

READS_ON = "SELECT o.* FROM public.orders o, generate_series(1, 100000)"
OPENS = f"""CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS
    $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR {READS_ON}; RETURN c; END $$"""
BEGINS = "BEGIN; SELECT opens(); FETCH 1 FROM c"


HIDDEN = {
    "she may write there herself": ("GRANT INSERT ON orders TO eve", BEGINS, "SELECT"),
    "she may read a part of it herself": ("GRANT SELECT (id) ON orders TO eve", BEGINS, "SELECT"),
    "she may not call it any more": ("SELECT", BEGINS, "REVOKE ALL ON FUNCTION opens() FROM PUBLIC"),
    "it does not act as the holder any more": ("SELECT", BEGINS, "ALTER FUNCTION opens() SECURITY INVOKER"),
    "it is the holder's team's by now": (
        "CREATE ROLE odd_team; GRANT odd_team TO alice; GRANT CREATE ON SCHEMA public TO odd_team",
        BEGINS,
        "ALTER FUNCTION opens() OWNER TO odd_team",
    ),
    "it is called by another's": (
        """GRANT CREATE ON SCHEMA public TO mallory; SET ROLE mallory; CREATE FUNCTION mid() RETURNS refcursor
           LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN public.opens(); END $$; RESET ROLE""",
        "BEGIN; SELECT mid(); FETCH 1 FROM c",
        "REVOKE ALL ON FUNCTION opens() FROM PUBLIC; GRANT EXECUTE ON FUNCTION opens() TO mallory",
    ),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_colleague_inside_a_function_of_the_holders_is_cut_though(how: str, at: Shop) -> None:
    """She read on, and it was *ended* without a word."""
    before, begins, then = HIDDEN[how]
    at.dba().execute(before)
    at.give()
    alice = at.alice(OPENS)
    eve = at.login("eve")
    eve.execute(begins)
    alice.execute(then)
    assert at.take().left_behind == ("eve went on through function public.opens(); that session was cut",)
    assert is_cut(eve)


LENDS = """CREATE ROLE odd_calls; GRANT odd_calls TO shop_worker WITH ADMIN OPTION;
    CREATE FUNCTION told(int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN RETURN (SELECT string_agg(what, ',') FROM public.orders); END $$; ALTER FUNCTION told OWNER TO {owner};
    REVOKE ALL ON FUNCTION told FROM PUBLIC; GRANT EXECUTE ON FUNCTION told TO odd_calls"""


@pytest.mark.parametrize("owner", ["shop_owner", "CURRENT_USER"])
def test_a_colleague_who_goes_on_calling_the_function_that_was_given_is_cut(owner: str, at: Shop) -> None:
    """The permission is to call a function, and has no right to what that reads: she read what was new for hours."""
    at.dba().execute(LENDS.format(owner=owner))
    at.give("R-ATTK", "odd_calls")
    at.alice(OPENS.replace(READS_ON, "SELECT public.told(n) FROM generate_series(1, 100000) n"))
    eve = at.login("eve")
    eve.execute(BEGINS)
    assert at.take().left_behind == ("eve went on through function public.opens(); that session was cut",)
    assert is_cut(eve)
    assert at.reached() == []


def test_a_colleague_who_was_the_holder_for_a_moment_is_cut(at: Shop) -> None:
    """By somebody who may give the holder's login on, and who took it back: nobody was found."""
    dba = at.dba()
    at.give()
    dba.execute("GRANT alice TO eve")
    eve = at.login("eve")
    eve.execute(f"BEGIN; DECLARE c CURSOR FOR {READS_ON}; FETCH 1 FROM c")
    dba.execute("REVOKE alice FROM eve")
    assert at.take().left_behind == ("eve went on through a right that it has no more; that session was cut",)
    assert is_cut(eve)


def test_a_colleague_inside_a_function_that_the_holder_dropped_is_cut_where_nothing_else_explains_it(at: Shop) -> None:
    at.give()
    alice = at.alice(OPENS)
    eve = at.login("eve")
    eve.execute(BEGINS)
    alice.execute("DROP FUNCTION opens")
    assert at.take().left_behind == ("eve went on through a right that it has no more; that session was cut",)
    assert is_cut(eve)


COUNTS = """CREATE ROLE odd_app; CREATE FUNCTION counts() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN RETURN (SELECT count(*) FROM public.orders); END $$; ALTER FUNCTION counts OWNER TO shop_owner;
    REVOKE ALL ON FUNCTION counts FROM PUBLIC"""
EXPLAINED = {
    "a view of the application": "CREATE VIEW apps AS TABLE orders; ALTER VIEW apps OWNER TO shop_owner;"
    "GRANT SELECT ON apps TO eve",
    "a function of the application": "CREATE FUNCTION apps() RETURNS SETOF orders LANGUAGE sql SECURITY DEFINER AS "
    "$$ TABLE public.orders $$; ALTER FUNCTION apps OWNER TO shop_owner",
    "a role that she puts on": "CREATE ROLE odd_team; GRANT SELECT ON orders TO odd_team; ALTER ROLE eve NOINHERIT;"
    "GRANT odd_team TO eve",
    "a right of her own to a part of it": "GRANT SELECT (id) ON orders TO eve",
    "a function that a function calls": f"{COUNTS}; GRANT EXECUTE ON FUNCTION counts TO odd_app;"
    "CREATE FUNCTION outer_one() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS "
    "$$ BEGIN RETURN public.counts(); END $$;"
    "ALTER FUNCTION outer_one OWNER TO odd_app",
    "a trigger of the application": f"{COUNTS}; CREATE TABLE apps (id int); ALTER TABLE apps OWNER TO odd_app;"
    "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id = public.counts(); RETURN NEW; END $$;"
    "ALTER FUNCTION t SECURITY DEFINER; ALTER FUNCTION t OWNER TO odd_app; REVOKE ALL ON FUNCTION t FROM PUBLIC;"
    "GRANT EXECUTE ON FUNCTION counts TO odd_app; GRANT INSERT ON apps TO eve;"
    "CREATE TRIGGER t BEFORE INSERT ON apps FOR EACH ROW EXECUTE FUNCTION t()",
    "a table that it is a part of": "CREATE TABLE apps (id serial, what text); GRANT SELECT ON apps TO eve;"
    "ALTER TABLE orders INHERIT apps",
}
READS = {
    "a function of the application": "SELECT * FROM apps()",
    "a role that she puts on": "SELECT * FROM orders",
    "a right of her own to a part of it": "SELECT id FROM orders",
    "a function that a function calls": "SELECT outer_one()",
    "a trigger of the application": "INSERT INTO apps VALUES (1)",
}


@pytest.mark.parametrize("how", EXPLAINED)
def test_a_colleague_whose_reading_is_explained_is_left_alone(how: str, at: Shop) -> None:
    at.dba().execute(EXPLAINED[how])
    at.give()
    eve = at.login("eve")
    eve.execute("SET ROLE odd_team" if "role" in how else "SELECT")
    eve.execute(f"BEGIN; {READS.get(how, 'SELECT * FROM apps')}")
    taken = at.take()
    assert not is_cut(eve)
    assert taken.left_behind == ()
    at.dba().execute("ALTER ROLE eve INHERIT")


def test_any_number_of_functions_of_the_holders_is_asked_about_briefly(at: Shop) -> None:
    """Of each it was asked, for each session that reads there, whether that may call it: the end took too long."""
    at.dba().execute(f"{EXPLAINED['a view of the application']}")
    at.alice(
        f"""DO $$ BEGIN FOR n IN 1..{2 * MOST_ASKED} LOOP EXECUTE format(
            'CREATE FUNCTION f%s() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;
             REVOKE ALL ON FUNCTION f%s FROM PUBLIC', n, n); END LOOP; END $$"""
    )
    at.give()
    eve = at.login("eve")
    eve.execute("BEGIN; SELECT * FROM apps")
    assert at.take().left_behind == ("eve went on through function public.f1(); that session was cut",)


def test_who_reads_by_a_right_of_their_own_is_left_alone_though_the_holder_could_write(at: Shop) -> None:
    at.dba().execute("GRANT SELECT ON orders TO eve")
    at.give()
    at.alice(OPENS)
    eve = at.login("eve")
    eve.execute(f"BEGIN; DECLARE c CURSOR FOR {READS_ON}")
    assert at.take().left_behind == ()
    assert not is_cut(eve)


def test_a_colleagues_cursor_on_the_holders_view_in_another_database_is_cut(at: Shop) -> None:
    """Roles are of the whole server, and so is what they reach."""
    with psycopg.connect(at.server.dsn(), autocommit=True) as root:
        root.execute(f"CREATE DATABASE elsewhere TEMPLATE {TEMPLATE}")
        at.give()
        with (
            closing(psycopg.connect(at.server.dsn("alice", "elsewhere"), autocommit=True)) as alice,
            closing(psycopg.connect(at.server.dsn("eve", "elsewhere"), autocommit=True)) as eve,
            closing(psycopg.connect(at.server.dsn("mallory", "elsewhere"), autocommit=True)) as mallory,
        ):
            alice.execute(f"GRANT CREATE ON SCHEMA public TO alice; CREATE VIEW v AS {READS_ON}; GRANT ALL ON v TO eve")
            eve.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM v; FETCH 1 FROM c")
            mallory.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM pg_class")
            said = "eve went on through something in database elsewhere; that session was cut"
            assert at.take().left_behind == (said,)
            assert [is_cut(one) for one in (eve, mallory)] == [True, False]
        root.execute("DROP DATABASE elsewhere WITH (FORCE)")


def test_who_may_act_as_the_holder_is_cut_also_by_a_second_worker_that_finds_the_rights_gone(at: Shop) -> None:
    at.dba().execute("GRANT alice TO eve")
    at.give()
    eve = at.login("eve")
    eve.execute(f"BEGIN; DECLARE c CURSOR FOR {READS_ON}; FETCH 1 FROM c")
    with closing(PostgresTarget("shop", SecretStr(at.server.dsn("shop_worker", DATABASE)))) as first:
        first.take_rights("R-ATTK", "alice")
    assert at.take().sessions == 1
    assert is_cut(eve)
    at.dba().execute("REVOKE alice FROM eve")


PILES = {
    "of the holder, on what the permission was made to own": (
        "alice",
        "CREATE TABLE hers (); GRANT ALL ON hers TO shop_write WITH GRANT OPTION; REASSIGN OWNED BY alice TO shop_read",
    ),
    "of the holder, as default rights of the permission": (
        "alice",
        "ALTER DEFAULT PRIVILEGES FOR ROLE shop_read GRANT ALL ON TABLES TO shop_write",
    ),
    "of the holder, as default rights of the grant's own role": (
        "alice",
        "ALTER DEFAULT PRIVILEGES FOR ROLE jit_r_attk GRANT ALL ON TABLES TO shop_read",
    ),
    "of a stranger, on what belongs to a team of theirs": (
        "mallory",
        "SET ROLE odd_team; SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO shop_read WITH GRANT OPTION",
    ),
    "of a stranger, as default rights of a team of theirs": (
        "mallory",
        """SELECT lo_create(4712); ALTER LARGE OBJECT 4712 OWNER TO odd_team; SET ROLE odd_team;
           ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO shop_read""",
    ),
}


@pytest.mark.parametrize("pile", PILES)
def test_nobody_is_refused_a_permission_for_a_pile(pile: str, at: Shop) -> None:
    """Until a DBA had cleaned up, for everybody."""
    who, does = PILES[pile]
    at.dba().execute("CREATE ROLE odd_team; GRANT odd_team TO mallory")
    at.give()
    at.login(who).execute(does)
    at.take()
    at.give("R-NEXT")
    held = at.target.held("R-NEXT")
    assert held is not None
    assert set(held.permissions) == set(PERMISSIONS)


def test_what_an_application_owned_before_it_was_given_to_a_permission_stays_its_own(at: Shop) -> None:
    """A DBA did that while access was active; the next inspection made the grant's role the owner of all it had."""
    dba = at.dba()
    dba.execute("CREATE ROLE odd_app; GRANT odd_app TO shop_worker WITH ADMIN OPTION")
    dba.execute("CREATE TABLE app (); ALTER TABLE app OWNER TO odd_app")
    at.give()
    dba.execute("GRANT odd_app TO shop_read; CREATE TABLE later (); ALTER TABLE later OWNER TO odd_app")
    at.target.list_grants()
    taken = at.take()
    owners = dba.execute("SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname IN ('app', 'later')")
    assert owners.fetchall() == [("odd_app",)]
    (said,) = taken.left_behind
    assert said == "shop_read, shop_write own 2 more objects than before: table public.app, table public.later"


def test_what_the_permission_is_made_to_own_beside_an_application_is_still_taken_from_it(at: Shop) -> None:
    dba = at.dba()
    dba.execute("CREATE ROLE odd_app; CREATE TABLE app (); ALTER TABLE app OWNER TO odd_app")
    at.give()
    at.alice("CREATE VIEW v AS SELECT * FROM orders; GRANT ALL ON v TO PUBLIC; REASSIGN OWNED BY alice TO shop_read")
    dba.execute("GRANT odd_app TO shop_read")
    at.take()
    assert at.reached() == []
    assert dba.execute("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'v'").fetchone() == ("jit_r_attk",)


@exhaustive("the server looks at a table only after a while")
def test_the_server_itself_inside_a_function_of_the_holders_is_access_that_remains() -> None:
    """Autovacuum runs the functions of an index as the owner of the table, and belongs to no login."""
    hurried = {"autovacuum": "on", "autovacuum_naptime": "1s"}
    with EmbeddedPostgres(sync=False, settings=hurried) as server, shops(server), shop(server) as at:
        at.give()
        at.alice(
            """CREATE FUNCTION reads() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
                   PERFORM pg_sleep(0.1), what FROM public.orders, generate_series(1, 10000); END $$;
               CREATE FUNCTION looks(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
                   IF session_user <> 'alice' THEN PERFORM public.reads(); END IF; RETURN 1; END $$;
               CREATE TABLE box (id int); CREATE INDEX ON box (looks(id));
               INSERT INTO box SELECT generate_series(1, 1000)"""
        )
        dba = at.dba()
        begun = "SELECT pid FROM pg_locks WHERE relation = 'public.orders'::regclass AND pid <> pg_backend_pid()"
        wait_until(lambda: dba.execute(begun).fetchone() is not None)
        with pytest.raises(
            TargetRefused, match=r"access remains: autovacuum goes on through table public\.box: "
        ) as it:
            at.take()
        dba.execute(str(it.value).rpartition(": ")[2].removesuffix(" as a superuser"))
        wait_until(lambda: dba.execute(begun).fetchone() is None)
        assert at.take().left_behind == ()
