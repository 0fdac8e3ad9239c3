"""The logins of people, before anybody approves something for one: whether they are there, and can use it."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from jit.ports import Finding
from workers.targets.postgres import catalog
from workers.targets.postgres.grantable import NEVER, unfit_principal

ELSE = "make it there, or write another name under `people` in the rules"


def look_up(conn: psycopg.Connection[Any], principals: Sequence[str], prefix: str) -> list[Finding]:
    """One for each that is unfit; one for all where none is."""
    wrong = [found for name in principals for found in _wrong(conn, name, prefix)]
    if wrong or not principals:
        return wrong
    many = "1 login" if len(principals) == 1 else f"{len(principals)} logins"
    return [Finding(ok=True, what=f"{many} of people can be given something")]


def _wrong(conn: psycopg.Connection[Any], name: str, prefix: str) -> list[Finding]:
    if unfit := unfit_principal(catalog.account(conn, name, NEVER), name, prefix):
        return [Finding(ok=False, what=unfit, remedy=ELSE)]
    row = conn.execute(
        """SELECT rolinherit OR current_setting('server_version_num')::int >= 160000,
                  has_database_privilege(oid, current_database(), 'CONNECT'), current_database()
           FROM pg_roles WHERE rolname = %s""",
        [name],
    ).fetchone()
    inherits, connects, database = row or (True, True, "")
    login = sql.Identifier(name).as_string(conn)
    found: list[Finding] = []
    if not inherits:
        what = f"{name} is NOINHERIT, and would not have what it is given"
        found.append(Finding(ok=False, what=what, remedy=f"ALTER ROLE {login} INHERIT;", is_sql=True))
    if not connects:
        grant = f"GRANT CONNECT ON DATABASE {sql.Identifier(database).as_string(conn)} TO {login};"
        found.append(Finding(ok=False, what=f"{name} may not connect to {database}", remedy=grant, is_sql=True))
    return found
