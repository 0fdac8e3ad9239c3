"""A spool on a ledger of its own, for tests."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from jit.clock import SystemClock
from jit.facts import Alert, AlertName, Source, SpoolTaken
from jit.ledger import Ledger, Spool, TakenIn
from jit.testing import ledger_in

SIGNED = {"at": datetime(2026, 5, 4, 12, tzinfo=UTC), "actor": "timekeeper@test", "source": Source.TIMEKEEPER}


def late(says: str = "late") -> Alert:
    return Alert(name=AlertName.END_LATE, says=says, **SIGNED)


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
        return self.folder / "spool.jsonl"

    @property
    def chain(self) -> Path:
        return self.folder / "spool.chain"

    def write(self, *says: str) -> None:
        for text in says:
            fact = late(text)
            self.spool.write([fact])
            self.written.append(fact)

    def take_in(self) -> TakenIn:
        return self.spool.take_in(self.ledger, SIGNED)

    def lines(self) -> list[bytes]:
        return self.file.read_bytes().splitlines()

    def put(self, lines: list[bytes]) -> None:
        self.file.write_bytes(b"".join(line + b"\n" for line in lines))

    def taken(self) -> list[SpoolTaken]:
        return [entry.fact for entry in self.ledger.read() if isinstance(entry.fact, SpoolTaken)]

    def alerts(self, name: AlertName) -> list[Alert]:
        facts = [entry.fact for entry in self.ledger.read()]
        return [fact for fact in facts if isinstance(fact, Alert) and fact.name is name]

    def recorded(self) -> list[str]:
        return [fact.says for fact in self.alerts(AlertName.END_LATE)]

    def broken(self) -> list[str]:
        return [fact.says for fact in self.alerts(AlertName.SPOOL_BROKEN)]

    def number(self) -> int:
        return int(json.loads(self.chain.read_bytes())["n"])


def make_host(folder: Path) -> Host:
    return Host(folder / "spool", ledger_in(folder / "ledger.db", SystemClock()))
