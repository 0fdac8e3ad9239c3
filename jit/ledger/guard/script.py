"""The SQL of `jit ledger init`: roles, tables, functions, triggers and rights. All of it can be run again and again."""

from collections.abc import Iterator

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from jit.ledger.guard import KEPT, postgres
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.ledger.renamed import IN_POSTGRES, OLD_TABLE
from jit.ledger.schema import metadata
from jit.ledger.version import OLDER, VERSION

SCHEMA = "public"
_ALL = ", ".join(login.name for login in LOGINS)
_NO_MORE = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def of_the_cluster() -> Iterator[str]:
    """The roles. They are given no password: who has none cannot log in over a network."""
    for name, login in ((OWNER, "NOLOGIN"), *((login.name, "LOGIN") for login in LOGINS)):
        yield (
            f"DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN "
            f"CREATE ROLE {name} {login}; END IF; END $jit$"
        )
        yield f"ALTER ROLE {name} {login} {_NO_MORE}"
    yield f"""DO $jit$ DECLARE one record; BEGIN
    FOR one IN SELECT m.roleid::regrole AS role, m.member::regrole AS member, m.grantor::regrole AS grantor
        FROM pg_auth_members AS m JOIN pg_roles AS given ON given.oid = m.roleid
        WHERE given.rolname IN ({_quoted(OWNER, *(login.name for login in LOGINS))})
    LOOP
        EXECUTE format('REVOKE %s FROM %s GRANTED BY %s CASCADE', one.role, one.member, one.grantor);
    END LOOP;
END $jit$"""  # noqa: S608  names of ours


def make_database(name: str) -> str:
    return f"CREATE DATABASE {name} OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0"


def of_the_database(name: str) -> Iterator[str]:
    """In one transaction."""
    yield f"SELECT pg_advisory_xact_lock({0x6A6974})"
    yield f"SET LOCAL search_path = {SCHEMA}"
    yield from _tables()
    yield from _owned(name)
    yield from postgres.statements(KEPT, SCHEMA)
    for function in postgres.FUNCTIONS:
        yield f"ALTER FUNCTION {function.signature(SCHEMA)} OWNER TO {OWNER}"
    yield from _rights(name)


def _tables() -> Iterator[str]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    yield f"""DO $jit$ BEGIN
    IF to_regclass('{SCHEMA}.entries') IS NOT NULL AND to_regclass('{SCHEMA}.made_by') IS NULL THEN
        RAISE EXCEPTION 'the tables in this database were made by another version of jit';
    END IF;
END $jit$"""
    renames = "".join(f"\n        {step};" for step in IN_POSTGRES)
    yield f"""DO $jit$ BEGIN
    IF to_regclass('{SCHEMA}.{OLD_TABLE}') IS NOT NULL THEN{renames}
    END IF;
END $jit$"""
    for table in metadata.sorted_tables:
        yield _in_one(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _in_one(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))
    known = ", ".join(str(version) for version in (*OLDER, VERSION))
    yield f"""DO $jit$ BEGIN
    IF EXISTS (SELECT FROM {SCHEMA}.made_by WHERE version NOT IN ({known})) THEN
        RAISE EXCEPTION 'the tables in this database were made by another version of jit';
    END IF;
    UPDATE {SCHEMA}.made_by SET version = {VERSION} WHERE version <> {VERSION};
    INSERT INTO {SCHEMA}.made_by SELECT {VERSION} WHERE NOT EXISTS (SELECT FROM {SCHEMA}.made_by);
END $jit$"""  # noqa: S608  names of ours


def _owned(name: str) -> Iterator[str]:
    yield f"ALTER DATABASE {name} OWNER TO {OWNER}"
    yield f"ALTER SCHEMA {SCHEMA} OWNER TO {OWNER}"
    for table in metadata.sorted_tables:
        yield f"ALTER TABLE {SCHEMA}.{table.name} OWNER TO {OWNER}"


def _rights(name: str) -> Iterator[str]:
    yield f"REVOKE ALL ON DATABASE {name} FROM PUBLIC, {_ALL}"
    yield f"GRANT CONNECT ON DATABASE {name} TO {_ALL}"
    yield f"REVOKE ALL ON SCHEMA {SCHEMA} FROM PUBLIC, {_ALL}"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {_ALL}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM PUBLIC, {_ALL}"
    yield f"""DO $jit$ DECLARE other regrole; BEGIN
    FOR other IN SELECT DISTINCT a.grantee::regrole FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES'
            ' IN SCHEMA {SCHEMA} FROM %s CASCADE', other);
    END LOOP;
    FOR other IN SELECT DISTINCT a.grantee::regrole FROM pg_proc AS p, aclexplode(p.proacl) AS a
        WHERE p.pronamespace = '{SCHEMA}'::regnamespace AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM %s CASCADE', other);
    END LOOP;
END $jit$"""  # noqa: S608  names of ours
    for login in LOGINS:
        for table, rights in sorted(login.rights.items()):
            yield f"GRANT {rights} ON {SCHEMA}.{table} TO {login.name}"
    for function in postgres.CALLED:
        yield f"GRANT EXECUTE ON FUNCTION {function.signature(SCHEMA)} TO {_ALL}"
    yield f"DELETE FROM {SCHEMA}.may_write"  # noqa: S608  as above
    rows = (f"('{login.name}', '{kind}')" for login in LOGINS for kind in sorted(login.kinds))
    yield f"INSERT INTO {SCHEMA}.may_write (login, kind) VALUES\n    " + ",\n    ".join(rows)


def for_psql(database: str) -> str:
    """All of it, for psql. One transaction for what lies in the database."""
    guide = "\n".join(f"--   {login.name:<12} {login.whose}" for login in LOGINS)
    statement = make_database(database).replace("'", "''")
    absent = f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}')"
    make = f"SELECT '{statement}'\n    {absent}\n\\gexec"
    return "\n".join(
        [
            "-- The ledger's database, its owner and logins, and who may do what, as `jit ledger init --print` has it.",
            "-- In psql, connected to the database postgres as a superuser. It may be run again, and has to be after",
            "-- an upgrade of jit. The logins have no passwords yet; give each that is used one: \\password jit_bot",
            guide,
            "\\set ON_ERROR_STOP on",
            *(f"{step};" for step in of_the_cluster()),
            make,
            f"\\connect {database}",
            "BEGIN;",
            *(f"{step};" for step in of_the_database(database)),
            "COMMIT;",
            "",
        ]
    )


def _in_one(statement: str) -> str:
    """A statement without empty lines and tabs. In the schema that is first in the search path."""
    return "\n".join(line.replace("\t", "    ").rstrip() for line in statement.strip().splitlines() if line.strip())


def _quoted(*names: str) -> str:
    return ", ".join(f"'{name}'" for name in names)
