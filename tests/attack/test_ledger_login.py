"""Whoever has logins in the ledger keeps nobody's access alive, whatever they do there: the timekeeper ends it."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4, uuid5

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from jit.clock import SystemClock
from jit.facts import SAME, AlertName, EndCause, Ended, Lapsed, Source, write_fact
from jit.ledger import Leases, connect
from jit.ledger.guard.roles import LOGINS
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import InterruptibleLedger
from tests.world.base import ledger_at
from tests.world.exhaustive import distinct
from tests.world.hands import TEST, Hands
from tests.world.next_entry import Next, append
from tests.world.servers import LedgerDatabase, hardened, new_ledger
from tests.world.waiting import wait_until
from workers.timekeeper.timekeeper import LEASE

pytestmark = pytest.mark.real

NAMES = [login.name for login in LOGINS]


class Attacked:
    """Access that is over in a moment, kept by a timekeeper with the login of the workers."""

    def __init__(self, stack: ExitStack, ledger: LedgerDatabase, house: Hands) -> None:
        self.house = house
        self._stack, self._ledger = stack, ledger

    def login(self, name: str, **how: Any) -> psycopg.Connection[Any]:
        """A session that stays open until all is over."""
        dsn = make_conninfo(self._ledger.dsn(name), options="-c lock_timeout=100ms")
        return self._stack.enter_context(closing(psycopg.connect(dsn, autocommit=True, **how)))

    def ends(self) -> None:
        """The timekeeper works until nothing is held any more. Raises AssertionError where it hangs."""
        stop, keeper = Event(), self.house.make_timekeeper(holder="real")
        work = Thread(target=keeper.run, args=(stop,))
        work.start()
        try:
            wait_until(lambda: self.house.target.gives == {})
        finally:
            stop.set()
            work.join()


@pytest.fixture
def attacked(newest: EmbeddedPostgres, tmp_path: Path) -> Iterator[Attacked]:
    with new_ledger(newest) as url, ExitStack() as stack:
        database = str(make_url(url).database)
        house = Hands(tmp_path, ledger=partial(ledger_at, url), clock=SystemClock())
        house.active(minutes=1 / 60)
        house.engine.dispose()
        ledger = stack.enter_context(hardened(newest, database))
        house.engine = connect(ledger.dsn("jit_hands"))
        house.ledger = InterruptibleLedger(house.engine, house.clock)
        stack.callback(house.engine.dispose)
        yield Attacked(stack, ledger, house)


Act = Callable[[Attacked, str], object]
ACTS: dict[str, Act] = {}


def act(says: str) -> Callable[[Act], Act]:
    def kept(made: Act) -> Act:
        ACTS[says] = made
        return made

    return kept


def all_of_them(at: Attacked, login: str, *statements: str) -> None:
    """In one transaction that stays open, each as far as it is let."""
    session = at.login(login)
    session.execute("BEGIN")
    for one in statements:
        with suppress(psycopg.Error), session.transaction():
            session.execute(one)


@act("rewrites what wakes the timekeeper")
def _(at: Attacked, login: str) -> None:
    for change in ("wakes_at = NULL", "wakes_at = 9000000000000000000", "state = 'denied'", "state = 'ended'"):
        with suppress(psycopg.Error):
            at.login(login).execute(f"UPDATE requests SET {change}")


@act("rewrites whose and which request it is")
def _(at: Attacked, login: str) -> None:
    for change in ("requester = 'U0OTHER'", "access = 'x'", "id = 'R-XXXX'", "version = 99"):
        with suppress(psycopg.Error):
            at.login(login).execute(f"UPDATE requests SET {change}")


@act("holds the lock of those who append")
def _(at: Attacked, login: str) -> None:
    at.login(login).execute("SELECT pg_try_advisory_lock(6973812)")


@act("holds the rows of every table")
def _(at: Attacked, login: str) -> None:
    tables = ("requests", "leases", "notes", "directory", "person_keys", "checkpoints", "entries")
    all_of_them(at, login, *(f"SELECT * FROM {table} FOR UPDATE" for table in tables), "UPDATE requests SET id = id")


@act("locks the tables")
def _(at: Attacked, login: str) -> None:
    modes = ("ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE", "ROW EXCLUSIVE", "ROW SHARE", "ACCESS SHARE")
    all_of_them(
        at, login, *(f"LOCK TABLE {table} IN {mode} MODE" for table in ("entries", "requests") for mode in modes)
    )


@act("takes the timekeeper's lease, for ever")
def _(at: Attacked, login: str) -> None:
    with suppress(psycopg.Error):
        at.login(login).execute(
            "INSERT INTO leases VALUES (%s, 'eve', 9000000000000000000) ON CONFLICT (name) "
            "DO UPDATE SET holder = 'eve', until = 9000000000000000000",
            [LEASE],
        )


@act("takes connections, as many as there are")
def _(at: Attacked, login: str) -> None:
    with suppress(psycopg.OperationalError):
        while True:
            at.login(login)


@act("says that it has ended")
def _(at: Attacked, login: str) -> None:
    request = at.house.ledger.request_as_written(TEST)
    ended = Ended.about(
        request,
        at=at.house.clock.now(),
        actor="timekeeper@host",
        source=Source.TIMEKEEPER,
        cause=EndCause.EXPIRED,
        existed=True,
        sessions=0,
        left_behind=(),
    )
    session = at.login(login)
    with suppress(psycopg.Error):
        append(session, Next(session).body(**json.loads(write_fact(ended))))


@act("writes steps that cannot follow, or that nobody can read")
def _(at: Attacked, login: str) -> None:
    session = at.login(login)
    for kind in (
        "denied",
        "withdrawn",
        "lapsed",
        "granted",
        "grant.intent",
        "requested",
        "approved",
        "ended",
        "revoked",
    ):
        for changes in ({"request_id": TEST}, {"request_id": TEST, "permissions": [], "at": "never"}):
            with suppress(psycopg.Error):
                append(session, Next(session).body(kind, **changes))


@act("fills the record")
def _(at: Attacked, login: str) -> None:
    session = at.login(login)
    kind = min(next(one.kinds for one in LOGINS if one.name == login))
    for _ in range(10):  # each is dated when it is made, which may not be long before it is handed in
        first, previous, bodies = Next(session), "", []
        for number in range(30):
            entry = Next.__new__(Next)
            entry.__dict__.update(first.__dict__, index=first.index + number)
            entry.previous, entry.fact = previous or first.previous, first.fact | {"id": str(uuid4())}
            bodies.append(entry.body(kind, **({"says": "x" * 1000} if kind == "alert" else {})))
            previous = hashlib.sha256(bodies[-1]).hexdigest()
        append(session, *bodies)


@act("sends notices, cancels and ends sessions")
def _(at: Attacked, login: str) -> None:
    all_of_them(
        at,
        login,
        "NOTIFY jit, 'x'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jit_hands'",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'jit_hands'",
    )


@act("changes the settings of whoever it can")
def _(at: Attacked, login: str) -> None:
    for one in (
        f"ALTER ROLE {login} SET statement_timeout = '1ms'",
        "ALTER ROLE jit_hands SET statement_timeout = '1ms'",
        "ALTER DATABASE jit SET default_transaction_read_only = on",
        f"ALTER ROLE {login} SET client_encoding = 'SQL_ASCII'",
        f"ALTER ROLE {login} SET search_path = pg_catalog",
        f"ALTER ROLE {login} SET default_transaction_read_only = on",
        f"ALTER ROLE {login} PASSWORD 'x'",
        "ALTER ROLE jit_hands PASSWORD 'x'",
    ):
        with suppress(psycopg.Error):
            at.login(login).execute(one)


@act("closes it in every way, over and over, and puts it to sleep")
def _(at: Attacked, login: str) -> None:
    request = at.house.ledger.request_as_written(TEST)
    signed = {"at": at.house.clock.now(), "actor": "x", "source": Source.BOT}
    told = json.loads(write_fact(Lapsed.about(request, because="unanswered", **signed)))
    session = at.login(login)
    for kind, more in (("lapsed", {}), ("denied", {"reason": "", "approver": "x", "digest": ""}), ("withdrawn", {})):
        fields = {name: value for name, value in told.items() if name not in {"id", "kind", "because"}} | more
        for _ in range(20):
            with suppress(psycopg.Error):
                append(session, Next(session).body(kind, **fields, **({"because": "x"} if kind == "lapsed" else {})))
    with suppress(psycopg.Error):
        session.execute("UPDATE requests SET state = 'lapsed', wakes_at = NULL")


@act("takes the ids of the alerts to come")
def _(at: Attacked, login: str) -> None:
    request, session = at.house.ledger.request_as_written(TEST), at.login(login)
    kind = min(next(one.kinds for one in LOGINS if one.name == login) - {"alert"})
    assert request is not None
    for name in AlertName:
        told = uuid5(SAME, f"{name} {TEST} {request.ends_at.isoformat()} 0" if request.ends_at else name)
        with suppress(psycopg.Error):
            append(session, Next(session).body(kind, id=str(told)))


MOST_UNLIKE = ("rewrites what wakes the timekeeper", "holds the rows of every table", "says that it has ended")


@pytest.mark.parametrize("says", distinct(list(ACTS), MOST_UNLIKE, "what a login of the ledger may try"))
def test_access_ends_though_every_login_of_the_ledger(says: str, attacked: Attacked) -> None:
    assert attacked.house.target.gives
    for login in NAMES:
        ACTS[says](attacked, login)
    attacked.ends()


def test_a_lease_until_the_end_of_time_is_none(attacked: Attacked) -> None:
    """It is no moment that a process can hold: every sweep failed over it."""
    leases = Leases(attacked.house.engine, attacked.house.clock)
    assert leases.hold(LEASE, "eve")
    attacked.login("jit_hands").execute("UPDATE leases SET until = %s", [2**62])
    assert leases.hold(LEASE, "another")
