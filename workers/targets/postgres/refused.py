"""Why a server does not let the worker in: its own words, where they are its own, and what to do.

What libpq says by itself is not repeated, for it quotes the connection string: an @ in a password that is not
written as %40 makes part of it the host.
"""

import re
from collections.abc import Iterable
from typing import Any

MOST = 200

_SERVER_SAID = re.compile(r"\bFATAL: +([^\n]+)")
_LOGIN = "see that the login in its dsn is there, may log in, and may connect to this database"
_POOLER = "give the dsn of the server itself, not of a pooler"
_WHAT_TO_DO = {
    "password authentication failed": "see that the password in its dsn is right and has not expired (VALID UNTIL); "
    "where the dsn changes, restart workers and timekeeper",
    "no password supplied": "put the login's password into its dsn",
    "no pg_hba.conf entry": "add a line to pg_hba.conf for this host, login and database, and reload it; where it says "
    '"no encryption" and the line is hostssl, put sslmode=verify-full into its dsn',
    "pg_hba.conf rejects": "change the line in pg_hba.conf that rejects it, and reload it",
    "too many connections for role": "end its sessions that idle, or ALTER ROLE … CONNECTION LIMIT -1",
    "too many connections for database": "end sessions that idle, or ALTER DATABASE … CONNECTION LIMIT -1",
    "too many": "end sessions that idle, or raise max_connections or the login's CONNECTION LIMIT",
    "connection slots are reserved": "end sessions that idle, or keep some free (reserved_connections)",
    "unsupported startup parameter": _POOLER,
    "no such user": _POOLER,
    "no such database": _POOLER,
    "server login failed": _POOLER,
    "bouncer": _POOLER,
    "does not exist": _LOGIN,
    "not permitted to log in": f"{_LOGIN}: ALTER ROLE … LOGIN",
    "permission denied for database": f"{_LOGIN}: GRANT CONNECT ON DATABASE … TO …",
    "not currently accepting connections": "ALTER DATABASE … ALLOW_CONNECTIONS true",
    "the database system is": "wait until it has started, or start it",
}
"""By what is in the server's words, the first that fits; PgBouncer's are among them."""

_LIBPQ_SAID = {
    "does not support SSL": "the server does not speak TLS; set ssl = on there",
    "certificate": "its certificate does not hold; put the authority's file into its dsn as sslrootcert",
    "Connection refused": "nothing listens there; start the server, or mend host and port in its dsn",
    "No such file or directory": "nothing listens on that socket; start the server, or mend host and port in its dsn",
    "timeout expired": "no answer; look at the network and its firewalls",
    "no password supplied": "it asks for a password; put the login's into its dsn",
}
_ANYTHING = "look at its dsn, the server and the network"


def why_refused(said: str, secrets: Iterable[Any]) -> str:
    """From what psycopg said when a connection was not to be had."""
    if found := _SERVER_SAID.findall(said):
        words = "".join(char if char.isprintable() else " " for char in found[-1]).strip()
        for secret in filter(None, secrets):
            words = words.replace(str(secret), "…")
        return f"{words[:MOST]}; {_first(_WHAT_TO_DO, words)}"
    return _first(_LIBPQ_SAID, said)


def _first(table: dict[str, str], words: str) -> str:
    return next((then for part, then in table.items() if part in words), _ANYTHING)
