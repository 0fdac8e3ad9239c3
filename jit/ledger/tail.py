"""The end of the ledger, watched once for each process: whoever follows it waits here, and asks nothing meanwhile.

PostgreSQL notifies; of a SQLite file the number is read that grows with every commit. What is not heard of by
itself, since a connection was lost, say, or goes through a pooler, is found by a look at the end now and then.
"""

import time
from collections.abc import Callable
from threading import Condition, Event
from typing import Any

import structlog
from sqlalchemy import Engine, text

from jit.ledger.database import reading
from jit.ledger.unavailable import LedgerUnavailable

log = structlog.get_logger(__name__)

CHANNEL = "jit_ledger"
"""What PostgreSQL notifies under, of entries and of followers' notes."""
NOTIFIES = f"pg_notify('{CHANNEL}', '')"
LOOK_EVERY = 5.0
"""Seconds between looks at the end while nothing is heard."""
DEAF_LOOK_EVERY = 0.1
"""The same, once something was found that was not heard of."""
FILE_LOOK_EVERY = 0.05
TOGETHER = 0.02
"""Seconds within which what comes is told once."""
AGAIN_AFTER = 1.0
STOPS_WITHIN = 0.5

_END = {
    "sqlite": """SELECT (SELECT "index" || ' ' || hash FROM entries ORDER BY "index" DESC LIMIT 1),
        (SELECT max(rowid) FROM notes)""",
    "postgresql": "SELECT index, hash FROM entries ORDER BY index DESC LIMIT 1",
}

Wait = Callable[[float], bool]
"""Waits so many seconds at most; true if it is time to stop."""


class Tail:
    """The watch on the ledger's end: `keep_watching` looks, in a thread of its own, and wakes whoever waits with a
    `waiter`. Thread-safe.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = Condition()
        self._changes = 0
        self._end: Any = None

    @property
    def changes(self) -> int:
        """How often something new was told. Another number: there may be more to read."""
        return self._changes

    def has_changed(self, since: int) -> bool:
        """``since``: what `changes` was then."""
        return self._changes != since

    def waiter(self, stop: Event) -> Wait:
        """Waits until something is recorded or noted, too, if that was not before it was called last."""
        seen = self._changes

        def wait(seconds: float) -> bool:
            nonlocal seen
            with self._changed:
                self._changed.wait_for(lambda: stop.is_set() or self._changes != seen, seconds)
                seen = self._changes
            return stop.is_set()

        return wait

    def keep_watching(self, stop: Event) -> None:
        """Until ``stop`` is set, which wakes those who wait."""
        watch = self._watch_file if self._engine.dialect.name == "sqlite" else self._listen
        broken = self._engine.dialect.loaded_dbapi.Error
        while not stop.is_set():
            try:
                watch(stop)
            except (LedgerUnavailable, broken, OSError) as silent:
                log.warning("ledger.unavailable", because=type(silent).__name__)
            except Exception:
                log.exception("tail.failed")
            self.wake()  # what happened meanwhile is not known
            stop.wait(AGAIN_AFTER)
        self.wake()

    def wake(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def _has_moved(self) -> bool:
        with reading(self._engine) as connection:
            found = connection.execute(text(_END[self._engine.dialect.name])).one_or_none()
        moved = bool(found != self._end)
        self._end = found
        return moved

    def _watch_file(self, stop: Event) -> None:
        with self._engine.connect() as held:
            connection: Any = held.connection.driver_connection
            version = None
            while not stop.wait(FILE_LOOK_EVERY):
                (now,) = connection.execute("PRAGMA data_version").fetchone()
                if now != version and self._has_moved():
                    self.wake()
                version = now

    def _listen(self, stop: Event) -> None:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # it is ours alone from now on
        try:
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            self._has_moved()
            self.wake()
            looked, every = time.monotonic(), LOOK_EVERY
            while not stop.is_set():
                if any(True for _ in connection.notifies(timeout=min(every, STOPS_WITHIN), stop_after=1)):
                    every = LOOK_EVERY
                    self._has_moved()
                    self.wake()
                    stop.wait(TOGETHER)
                elif time.monotonic() - looked >= every:
                    looked = time.monotonic()
                    if self._has_moved():
                        every = DEAF_LOOK_EVERY
                        self.wake()
        finally:
            connection.close()
