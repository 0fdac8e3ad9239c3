"""Where a holder attacks: a database with a table that is worth reading, three logins, and an eye on all of them.

Alice holds access for a while. Eve is her colleague, Mallory has a login and nothing else. After the end a row is
written that nobody of them may ever see, and nobody of them may write another.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from jit.ports import Grant, RevokeResult
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import T0
from workers.targets.postgres import PostgresTarget

SECRET = "written after the end"
THEIRS = "written by the holder after the end"
LOGINS = ("alice", "eve", "mallory")
ROLES = ("shop_read", "shop_write", "shop_all", "shop_other", "shop_owner", "shop_worker")
PERMISSIONS = ("shop_read", "shop_write")
TEMPLATE, DATABASE = "shop_template", "shop"

CLUSTER = """
    CREATE ROLE shop_owner; CREATE ROLE shop_read; CREATE ROLE shop_write; CREATE ROLE shop_all; CREATE ROLE shop_other;
    CREATE ROLE alice LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE mallory LOGIN;
    CREATE ROLE shop_worker LOGIN CREATEROLE; GRANT pg_signal_backend TO shop_worker;
    GRANT shop_read, shop_write, shop_all, shop_other TO shop_worker WITH ADMIN OPTION;
"""
INSIDE = """
    CREATE TABLE orders (id serial, what text); ALTER TABLE orders OWNER TO shop_owner;
    INSERT INTO orders (what) VALUES ('tea');
    GRANT SELECT ON orders TO shop_read; GRANT INSERT, UPDATE, DELETE ON orders TO shop_write;
    CREATE TABLE prices (id int); ALTER TABLE prices OWNER TO shop_owner; GRANT SELECT, UPDATE ON prices TO shop_other;
    GRANT USAGE ON SEQUENCE orders_id_seq TO shop_write;
    GRANT CREATE ON SCHEMA public TO alice, eve; GRANT TEMPORARY, CREATE ON DATABASE shop_template TO alice, eve;
"""


@contextmanager
def shops(server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """The logins, and a database to be copied for each attack."""
    with psycopg.connect(server.dsn(), autocommit=True) as dba:
        dba.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        dba.execute(CLUSTER)
        with psycopg.connect(server.dsn(database=TEMPLATE), autocommit=True) as inside:
            inside.execute(INSIDE)
        yield server
        dba.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(TEMPLATE)))
        for role in (*LOGINS, *ROLES):
            dba.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@contextmanager
def shop(server: EmbeddedPostgres) -> Iterator["Shop"]:
    """One attack's own database, and nothing of the attack before it in the cluster."""
    with ExitStack() as stack, psycopg.connect(server.dsn(), autocommit=True) as root:
        root.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
        root.execute(f"GRANT TEMPORARY, CREATE ON DATABASE {DATABASE} TO alice, eve")
        try:
            with stack:
                target = PostgresTarget("shop", SecretStr(server.dsn("shop_worker", DATABASE)))
                yield Shop(server, stack, stack.enter_context(closing(target)))
        finally:
            root.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            for (role,) in root.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^(jit_|odd_)'").fetchall():
                root.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
            for login in LOGINS:
                root.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(sql.Identifier(login)))


@dataclass
class Shop:
    server: EmbeddedPostgres
    stack: ExitStack
    target: PostgresTarget
    sessions: list[psycopg.Connection[Any]] = field(default_factory=list)

    def login(self, name: str = "alice", **how: Any) -> psycopg.Connection[Any]:
        """A session that stays open through the end. Two tricks at once may be in each other's way, not for long."""
        dsn = make_conninfo(self.server.dsn(name, DATABASE), **{"options": "-c lock_timeout=1s"} | how)
        made = self.stack.enter_context(closing(psycopg.connect(dsn, autocommit=True)))
        self.sessions.append(made)
        return made

    def dba(self) -> psycopg.Connection[Any]:
        return self.stack.enter_context(closing(psycopg.connect(self.server.dsn(database=DATABASE), autocommit=True)))

    def alice(self, statements: str) -> psycopg.Connection[Any]:
        """Alice does this, in a session that stays open."""
        session = self.login("alice")
        session.execute(statements)
        return session

    def granted(self, request_id: str = "R-ATTK", who: str = "alice", *permissions: str) -> Grant:
        return Grant(request_id, who, permissions or PERMISSIONS, T0 + timedelta(minutes=30))

    def give(self, request_id: str = "R-ATTK", *permissions: str) -> None:
        self.target.grant(self.granted(request_id, "alice", *permissions), int)

    def take(self, request_id: str = "R-ATTK") -> RevokeResult:
        return self.target.revoke(request_id, "alice")

    @property
    def modern(self) -> bool:
        return self.target_version >= 160000

    @property
    def target_version(self) -> int:
        with psycopg.connect(self.server.dsn()) as asked:
            return asked.info.server_version

    def reached(self, *more: Callable[[], Any]) -> list[str]:
        """What gets at the table after the end, by all that was left open, by new sessions, and by ``more``."""
        with psycopg.connect(self.server.dsn(database=DATABASE), autocommit=True) as owner:
            owner.execute("SET default_transaction_read_only = off")
            owner.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            owner.execute("INSERT INTO public.orders (what) VALUES (%s)", [SECRET])
            fresh = [self.login(name, options="-c statement_timeout=5s -c lock_timeout=2s") for name in LOGINS]
            ways = [("as agreed", one) for one in more]
            ways += chain.from_iterable(_ways(session) for session in (*self.sessions, *fresh))
            found = [name for name, way in ways if SECRET in _outcome(way)]
            theirs = owner.execute("SELECT count(*) FROM public.orders WHERE what = %s", [THEIRS]).fetchone()
            return found + ["writes"] * (theirs != (0,))


def _ways(session: psycopg.Connection[Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """All that this login can read or call, in whatever role its session is; and an attempt to write."""
    yield "select", lambda: session.execute("SELECT * FROM public.orders").fetchall()
    yield "insert", lambda: session.execute("INSERT INTO public.orders (what) VALUES (%s)", [THEIRS])
    for name in _listed(session, _RELATIONS):
        yield name, lambda name=name: session.execute(f"SELECT * FROM {name}").fetchall()
    for name in _listed(session, _FUNCTIONS):
        yield name, lambda name=name: session.execute(f"SELECT * FROM {name}()").fetchall()
    for name in _listed(session, "SELECT quote_ident(name) FROM pg_cursors"):
        yield name, lambda name=name: session.execute(f"FETCH ALL FROM {name}").fetchall()
    for name in _listed(session, "SELECT quote_ident(name) FROM pg_prepared_statements WHERE parameter_types = '{}'"):
        yield name, lambda name=name: session.execute(f"EXECUTE {name}").fetchall()
    for number in _listed(session, "SELECT oid::text FROM pg_largeobject_metadata"):
        yield number, lambda number=number: session.execute(f"SELECT encode(lo_get({number}), 'escape')").fetchall()


_RELATIONS = """SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^(pg_catalog|pg_toast|information_schema)'"""
_FUNCTIONS = """SELECT p.oid::regproc::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.pronargs = 0 AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND n.nspname !~ '^(pg_catalog|pg_toast|information_schema)'"""


def _listed(session: psycopg.Connection[Any], query: str) -> list[str]:
    with suppress(psycopg.Error):
        return [name for (name,) in session.execute(query).fetchall()]
    return []


def _outcome(way: Callable[[], Any]) -> str:
    """What came of it, in words; a refusal is none."""
    with suppress(psycopg.Error):
        return str(way())
    return ""
