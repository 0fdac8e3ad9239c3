"""How each connection to a ledger in PostgreSQL is opened, with and without SQLAlchemy."""

from typing import Any

from jit.ledger.unavailable import LedgerUnavailable

BUSY_SECONDS = 3

_BOUNDS = {
    "statement_timeout": f"{BUSY_SECONDS}s",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "0",
    "TimeZone": "UTC",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
}
"""What each connection to PostgreSQL is opened with, as the server writes it: a login can give itself other defaults.
"""


def opened_with(busy_seconds: int) -> dict[str, Any]:
    """For the driver, beside the address."""
    return {
        "connect_timeout": busy_seconds,
        "options": " ".join(f"-c {key}=" + value.replace(" ", r"\ ") for key, value in _BOUNDS.items()),
        "tcp_user_timeout": busy_seconds * 1000,
    }


_FIND_TABLES = (
    "SELECT set_config('search_path', 'public', false)"
    " WHERE to_regclass('entries') IS NULL AND to_regclass('public.entries') IS NOT NULL"
)
"""Where the login's own search path leads past them: without them no process of the workers would start."""

_ON_DISK = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
"""Any login may switch it off for itself, and then a crash takes back what was said to be recorded. What else it may be
is the server's to say: it is about standbys.
"""


def prepare(connection: Any) -> None:
    """Refuses a pooler that drops what was asked for when connecting, so that nothing would bound our waiting.

    Raises LedgerUnavailable.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k, current_setting(k), v FROM unnest(%s::text[], %s::text[]) w(k, v) WHERE current_setting(k) <> v",
            [[*_BOUNDS], [*_BOUNDS.values()]],
        )
        wrong = cursor.fetchone()
        cursor.execute(_FIND_TABLES)
        cursor.execute(_ON_DISK)
    connection.commit()
    if wrong:
        connection.close()
        key, found, value = wrong
        raise LedgerUnavailable(
            f"{key} is {found} on a connection to the ledger's database, and {value} was asked for: in JIT_LEDGER_URL "
            "name the server itself, not a pooler."
        )
