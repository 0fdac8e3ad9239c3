"""A spool on a ledger of its own, for tests."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from jit.clock import SystemClock
from jit.facts import Alert, AlertName, Fact, Source, SpoolTaken
from jit.ledger import Ledger, Spool, TakenIn
from jit.ledger.entry import seal
from jit.testing import ledger_in
from tests.world import facts

SIGNED = {"at": datetime(2026, 5, 4, 12, tzinfo=UTC), "actor": "timekeeper@test", "source": Source.TIMEKEEPER}


Row = tuple[int, bytes, str]
"""Where an entry stands, its bytes, the hash it is kept under."""


def late(says: str = "late") -> Alert:
    return facts.late(**SIGNED, says=says)


@dataclass
class Host:
    """One data folder, and a ledger beside it. ``written`` are the facts that `write` took."""

    folder: Path
    ledger: Ledger
    written: list[Alert] = field(default_factory=list)

    @property
    def spool(self) -> Spool:
        return Spool(self.folder)

    @property
    def file(self) -> Path:
        return self.folder / "spool.db"

    def write(self, *says: str) -> None:
        for text in says:
            fact = late(text)
            self.spool.write([fact])
            self.written.append(fact)

    def take_in(self) -> TakenIn:
        return self.spool.take_in(self.ledger, SIGNED)

    def rows(self) -> list[Row]:
        return rows_in(self.file)

    def put(self, rows: Sequence[Row]) -> None:
        """These rows in place of those that are there, past whatever `write` would see to."""
        change(self.file, "DELETE FROM entries")
        put_in(self.file, rows)

    def forget_chain(self, noted: str | None = None) -> None:
        """What is noted of the chain, or something else in its place."""
        change(self.file, "DELETE FROM notes")
        if noted is not None:
            change(self.file, "INSERT INTO notes VALUES ('spool', 'chain', ?)", noted)

    def taken(self) -> list[SpoolTaken]:
        return [entry.fact for entry in self.ledger.read() if isinstance(entry.fact, SpoolTaken)]

    def alerts(self, name: AlertName) -> list[Alert]:
        facts = [entry.fact for entry in self.ledger.read()]
        return [fact for fact in facts if isinstance(fact, Alert) and fact.name is name]

    def recorded(self) -> list[str]:
        return [fact.says for fact in self.alerts(AlertName.END_LATE)]

    def broken(self) -> list[str]:
        return [fact.says for fact in self.alerts(AlertName.SPOOL_BROKEN)]


def make_host(folder: Path) -> Host:
    return Host(folder / "spool", ledger_in(folder / "ledger.db", SystemClock()))


def rows_in(file: Path) -> list[Row]:
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as spool:
        return spool.execute('SELECT "index", body, hash FROM entries ORDER BY "index"').fetchall()


def facts_in(file: Path) -> list[str]:
    """The facts that wait there, as JSON."""
    try:
        return [json.dumps(json.loads(body)["fact"]) for _, body, _ in rows_in(file)]
    except sqlite3.OperationalError:
        return []  # it is being made


def put_in(file: Path, rows: Sequence[Row]) -> None:
    """Beside those that are there."""
    for index, body, kept_under in rows:
        columns = '("index", id, recorded_at, kind, body, hash)'
        change(file, f"INSERT INTO entries {columns} VALUES (?, ?, 0, 'x', ?, ?)", index, str(index), body, kept_under)


def change(file: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(file)) as spool, spool:
        spool.execute(statement, values)


def row_of(fact: Fact, *, after: Row | None = None) -> Row:
    """As `write` would leave it behind another."""
    index, _, previous = after or (0, b"", "0" * 64)
    entry = seal(fact, index=index + 1, recorded_at=fact.at, previous=previous)
    return entry.index, entry.body, entry.hash
