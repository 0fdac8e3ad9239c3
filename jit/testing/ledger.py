"""The real ledger, on a database in memory or in a new file, that can be cut off."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine

from jit.facts import Fact
from jit.ledger import CountedRequests, Entry, Ledger, LedgerUnavailable, Recorded, connect, create_tables
from jit.ports import Clock
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown
from jit.testing.clock import ManualClock


class InterruptibleLedger(Ledger):
    """A ledger that raises LedgerUnavailable while it is ``cut``.

    ``cut_before`` names kinds of facts: the append of one of them is when it is cut off.
    """

    cut = False
    cut_before: frozenset[str] = frozenset()

    def append(
        self, facts: Sequence[Fact], *, expect: Mapping[str, int] | None = None, counted: Sequence[CountedRequests] = ()
    ) -> Recorded:
        if self.cut_before & {fact.kind for fact in facts}:
            self.cut = True
        self._answer()
        return super().append(facts, expect=expect, counted=counted)

    def _answer(self) -> None:
        if self.cut:
            raise LedgerUnavailable("cut")

    def request(self, request_id: str) -> Request | None:
        self._answer()
        return super().request(request_id)

    def request_as_written(self, request_id: str) -> Request | None:
        self._answer()
        return super().request_as_written(request_id)

    def lockdowns(self, *, skip_changed: bool = False) -> tuple[Lockdown, ...]:
        self._answer()
        return super().lockdowns(skip_changed=skip_changed)

    def read(self, after: int = 0, limit: int = 500, *, skip_unreadable: bool = False) -> list[Entry]:
        self._answer()
        return super().read(after, limit, skip_unreadable=skip_unreadable)

    def newest(self, kinds: Sequence[str], limit: int) -> list[Fact]:
        self._answer()
        return super().newest(kinds, limit)

    def last_index(self) -> int:
        self._answer()
        return super().last_index()

    def history(self, request_id: str, *, skip_unreadable: bool = False) -> list[Entry]:
        self._answer()
        return super().history(request_id, skip_unreadable=skip_unreadable)


class InMemoryLedger(InterruptibleLedger):
    """A ledger in this process's memory: SQLite's tables, guards and transactions, and no file.

    ``url`` opens it again, in this process alone. It is gone when its ``engine`` is disposed of.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.url = f"sqlite:///file:/jit-{uuid4().hex}?vfs=memdb&uri=true"
        engine = connect(self.url)
        _fill(engine)
        super().__init__(engine, clock or ManualClock())


def ledger_in(path: Path, clock: Clock | None = None) -> InterruptibleLedger:
    """A new ledger in a SQLite file, or the one that is there."""
    engine = connect(f"sqlite:///{path}")
    if not path.exists():
        _fill(engine)
    return InterruptibleLedger(engine, clock or ManualClock())


def _fill(engine: Engine) -> None:
    """With the tables and guards of an empty ledger: copied, which takes less long than to make them."""
    with engine.connect() as connection:
        new = connection.connection.driver_connection
        assert isinstance(new, sqlite3.Connection)
        _template().backup(new)


@cache
def _template() -> sqlite3.Connection:
    url = f"file:/jit-template-{uuid4().hex}?vfs=memdb"
    kept = sqlite3.connect(url, uri=True, check_same_thread=False)
    engine = connect(f"sqlite:///{url}&uri=true")
    create_tables(engine)
    engine.dispose()
    return kept
