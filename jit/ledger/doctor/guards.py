"""What the ledger's database itself refuses, and to whom: as `jit ledger init` makes it, or what to do."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, select, text

from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger.guard import KEPT, postgres, sqlite
from jit.ledger.guard.roles import LOGINS, Login, login_named
from jit.ledger.schema import may_write, metadata

INIT = "jit ledger init --admin-url file:superuser_url"
ATTRIBUTES = ("super", "createrole", "createdb", "replication", "bypassrls")
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
POWERS = frozenset(
    {
        *("pg_write_all_data", "pg_maintain", "pg_database_owner", "pg_signal_backend", "pg_create_subscription"),
        *("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"),
    }
)
"""Roles of PostgreSQL's own that lead past rights on tables."""


def look_at_guards(connection: Connection) -> Iterator[Line]:
    """Of a ledger whose tables are there, and of our version."""
    if connection.dialect.name == "sqlite":
        yield from _sqlite(connection)
        return
    lines = [*_postgres(connection)]
    yield from lines
    if all(line.ok for line in lines):
        yield fine(Part.LEDGER, "entries go in one after the other, and nothing recorded is changed or deleted")


def _sqlite(connection: Connection) -> Iterator[Line]:
    if gone := [name for name, _ in sqlite.missing(connection, KEPT)]:
        yield mend(
            Part.LEDGER,
            f"what keeps entries from being changed by mistake was taken away: {', '.join(gone)}",
            "Look who could write the file. To put it up again:\njit ledger init",
        )


def _postgres(connection: Connection) -> Iterator[Line]:
    found = postgres.Found(connection)
    yield from _functions(found)
    yield from _triggers(found)
    me = str(connection.scalar(text("SELECT session_user")))
    login = login_named(me)
    rows = {(row.login, row.kind) for row in connection.execute(select(may_write))}
    if not rows and login is None:
        yield note(
            Part.LEDGER,
            f"one login does all here: whoever has that of {me} can record anything"
            + (", and take away what keeps entries from being changed" if _owns(connection, found) else ""),
            f"To separate owner, bot, hands, signer and auditor, as its superuser:\n{INIT}",
        )
        return
    yield from _may_write(found, rows)
    yield from _owner(connection, found)
    if login is None:
        yield mend(
            Part.LEDGER,
            f"{me} is no login of a process of jit's",
            f"Put the room's own into JIT_LEDGER_URL: {', '.join(login.name for login in LOGINS)}.",
        )
        return
    if wide := [*_powers(connection, found, me)]:
        yield from wide
        return
    yield from _rights(connection, found, login)


def _owns(connection: Connection, found: postgres.Found) -> bool:
    return bool(connection.scalar(text("SELECT pg_has_role(session_user, :owner, 'MEMBER')"), {"owner": found.owner}))


def _functions(found: postgres.Found) -> Iterator[Line]:
    for function in postgres.FUNCTIONS:
        if not found.is_as_made(function):
            yield mend(
                Part.LEDGER,
                f"the function {function.name} is missing, or is not what this jit makes",
                f"Look who could change it, if jit was not upgraded just now. Then, as its superuser:\n{INIT}",
            )
        elif found.owners[function.name] != found.owner:
            signature = function.signature(found.schema)
            yield _sql(
                f"the function {function.name} is owned by {found.owners[function.name]}, who could change it",
                f"ALTER FUNCTION {signature} OWNER TO {found.owner};",
            )


def _triggers(found: postgres.Found) -> Iterator[Line]:
    for trigger in postgres.triggers(KEPT):
        if not found.stands(trigger):
            yield _sql(
                f"the trigger {trigger.name} is missing, or does not always fire: {trigger.missing}",
                "\n".join(f"{step};" for step in trigger.statements(found.schema)),
            )


def _may_write(found: postgres.Found, rows: set[tuple[str, str]]) -> Iterator[Line]:
    wanted = {(login.name, kind) for login in LOGINS for kind in login.kinds}
    for login, kinds in _by_login(rows - wanted).items():
        listed = ", ".join(_literal(kind) for kind in kinds)
        yield _sql(
            f"{login} may record {', '.join(kinds)}, which is not its to say",
            f"DELETE FROM {found.schema}.may_write WHERE login = {_literal(login)} AND kind IN ({listed});",  # noqa: S608  shown
        )
    for login, kinds in _by_login(wanted - rows).items():
        listed = ", ".join(f"('{login}', '{kind}')" for kind in kinds)
        yield _sql(
            f"{login} may not record {', '.join(kinds)}",
            f"INSERT INTO {found.schema}.may_write (login, kind) VALUES {listed};",  # noqa: S608  shown
        )


def _by_login(rows: set[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    return {login: sorted(kind for one, kind in rows if one == login) for login in sorted({one for one, _ in rows})}


def _owner(connection: Connection, found: postgres.Found) -> Iterator[Line]:
    if connection.scalar(text("SELECT rolcanlogin FROM pg_roles WHERE quote_ident(rolname) = :o"), {"o": found.owner}):
        yield _sql(
            f"{found.owner}, who owns the record, can log in, and take away what keeps it from being changed",
            f"ALTER ROLE {found.owner} NOLOGIN;",
        )


def _powers(connection: Connection, found: postgres.Found, me: str) -> Iterator[Line]:
    """What would make every other right beside the point."""
    has = connection.execute(text("SELECT * FROM pg_roles WHERE rolname = :me"), {"me": me}).mappings().one()
    if attributes := [f"NO{name.upper()}{'USER' * (name == 'super')}" for name in ATTRIBUTES if has[f"rol{name}"]]:
        yield _sql(f"{me} has more power than a process needs", f"ALTER ROLE {me} {' '.join(attributes)};")
    if has["rolsuper"]:
        return
    query = text(
        "SELECT DISTINCT quote_ident(given.rolname) FROM pg_roles AS given WHERE given.rolname <> :me"
        " AND pg_has_role(:me, given.oid, 'MEMBER') ORDER BY 1"
    )
    other = POWERS | {found.owner} | {login.name for login in LOGINS}
    for role in connection.scalars(query, {"me": me}):
        if role == "pg_database_owner":
            owned = "ALTER DATABASE %1$I OWNER TO %2$s;\nGRANT CONNECT ON DATABASE %1$I TO %3$I;"
            ask = text("SELECT format(:owned, current_database(), CAST(:owner AS text), CAST(:me AS text))")
            remedy = connection.scalar(ask, {"owned": owned, "owner": found.owner, "me": me})
            yield _sql(f"{me} owns the database", str(remedy))
        elif role in other:
            yield _sql(f"{me} is a member of {role}, and may do what that may", f"REVOKE {role} FROM {me};")


def _rights(connection: Connection, found: postgres.Found, login: Login) -> Iterator[Line]:
    schema, me = found.schema, login.name
    if connection.scalar(text("SELECT has_schema_privilege(:me, current_schema(), 'CREATE')"), {"me": me}):
        yield _sql(f"{me} may make tables and functions", f"REVOKE CREATE ON SCHEMA {schema} FROM {me}, PUBLIC;")
    for function in postgres.CALLED:
        signature = function.signature(schema)
        ask = text("SELECT has_function_privilege(:me, :signature, 'EXECUTE')")
        if found.is_as_made(function) and not connection.scalar(ask, {"me": me, "signature": signature}):
            yield _sql(f"{me} may record nothing", f"GRANT EXECUTE ON FUNCTION {signature} TO {me};")
    rows = connection.execute(
        _HELD, {"me": me, "tables": [table.name for table in metadata.sorted_tables], "privileges": list(PRIVILEGES)}
    )
    held = {(row.name, row.privilege) for row in rows}
    wanted = {(table, right) for table, rights in login.rights.items() for right in rights.split(", ")}
    for table, rights in _by_login(held - wanted).items():
        those = ", ".join(rights)
        yield _sql(
            f"{me} may {those} {table}, and should not", f"REVOKE {those} ON {schema}.{table} FROM {me}, PUBLIC;"
        )
    for table, rights in _by_login(wanted - held).items():
        those = ", ".join(rights)
        yield _sql(f"{me} may not {those} {table}, and has to", f"GRANT {those} ON {schema}.{table} TO {me};")


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _sql(what: str, remedy: str) -> Line:
    return mend(Part.LEDGER, what, remedy, is_sql=True)


_HELD = text(
    "SELECT c.relname AS name, p AS privilege FROM pg_class AS c, unnest(CAST(:privileges AS text[])) AS p"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(CAST(:tables AS text[]))"
    " AND (has_table_privilege(:me, c.oid, p) OR (p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')"
    " AND has_any_column_privilege(:me, c.oid, p)))"
)
"""By table, and for one of its columns too."""
