"""What a session sets up for itself changes nothing of what PostgreSQL takes into the record, although its login may
even make things of its own here.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.world.next_entry import Next, append, count

pytestmark = pytest.mark.real


@pytest.fixture
def maker(guarded, owner) -> Iterator[psycopg.Connection[Any]]:
    owner.execute("GRANT CREATE, TEMPORARY ON DATABASE jit TO jit_bot")
    with guarded.login("jit_bot") as session:
        append(session, Next(session).body())
        yield session
    owner.execute("DROP OWNED BY jit_bot")
    guarded.harden()


def refused(session: psycopg.Connection[Any]) -> None:
    before = count(session)
    with pytest.raises(psycopg.Error, match="may not record granted"):
        append(session, Next(session).body(kind="granted"))
    entry = Next(session)
    with pytest.raises(psycopg.Error, match="does not follow"):
        append(session, entry.bent(entry.previous, "0" * 64))
    assert count(session) == before
    append(session, Next(session).body())
    assert count(session) == before + 1


def test_temporary_tables_of_the_same_names(maker) -> None:
    maker.execute("CREATE TEMP TABLE may_write (login text, kind text)")
    maker.execute("INSERT INTO may_write VALUES ('jit_bot', 'granted')")
    maker.execute("CREATE TEMP TABLE entries (LIKE public.entries)")
    maker.execute("GRANT ALL ON may_write, entries TO PUBLIC")
    refused(maker)


def test_a_schema_of_its_own_first_in_the_path(maker) -> None:
    maker.execute("CREATE SCHEMA jit_bot")
    maker.execute("CREATE TABLE may_write (login text, kind text)")
    maker.execute("CREATE TABLE entries (LIKE public.entries)")
    maker.execute("INSERT INTO may_write VALUES ('jit_bot', 'granted')")
    maker.execute("GRANT ALL ON SCHEMA jit_bot TO PUBLIC")
    maker.execute("GRANT ALL ON jit_bot.may_write, jit_bot.entries TO PUBLIC")
    maker.execute("SET search_path = jit_bot, public, pg_catalog")
    refused(maker)


def test_functions_and_operators_that_shadow_the_servers(maker) -> None:
    maker.execute("CREATE SCHEMA mine")
    maker.execute("GRANT USAGE ON SCHEMA mine TO PUBLIC")
    for function in (
        "sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$",
        "repeat(text, integer) RETURNS text LANGUAGE sql AS $$ SELECT '' $$",
        "clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$",
        "same(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$",
        "differs(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$",
        "jit_append(bytea) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$",
    ):
        maker.execute(f"CREATE FUNCTION mine.{function}")
    maker.execute("CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.same)")
    maker.execute("CREATE OPERATOR mine.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.differs)")
    maker.execute("SET search_path = mine, public, pg_catalog")
    refused(maker)


def test_settings(guarded) -> None:
    for setting in (
        "standard_conforming_strings = off",
        "DateStyle = 'SQL, DMY'",
        "TimeZone = 'Asia/Tokyo'",
        "default_transaction_isolation = 'serializable'",
        "transform_null_equals = on",
        "row_security = off",
        "bytea_output = 'escape'",
        "plan_cache_mode = force_generic_plan",
    ):
        with guarded.login("jit_bot") as session:
            try:
                session.execute(f"SET {setting}")
            except psycopg.errors.InvalidParameterValue:
                assert setting == "standard_conforming_strings = off", "a server to come may refuse that"
            refused(session)


def test_a_snapshot_from_before(guarded, bot) -> None:
    with guarded.login("jit_bot") as late:
        late.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        entry = Next(late)
        append(bot, Next(bot).body())
        with pytest.raises(psycopg.Error, match=r"recorded already|could not serialize"):
            append(late, entry.body())
        late.execute("ROLLBACK")


def test_more_arguments_or_others_are_no_other_function(maker) -> None:
    maker.execute("CREATE SCHEMA mine")
    maker.execute("GRANT USAGE ON SCHEMA mine TO PUBLIC")
    maker.execute("CREATE FUNCTION mine.jit_append(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'")
    maker.execute("CREATE FUNCTION mine.jit_kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    maker.execute("SET search_path = mine, public")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        maker.execute("SELECT public.jit_append('{}'::text[])")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        maker.execute("DELETE FROM public.entries")
