"""A signer on a ledger of its own, and what it takes to look at what it signed."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from jit.clock import SystemClock
from jit.facts import Fact, RefusalReason, Source
from jit.ledger import Leases, Ledger, connect
from jit.ports import Clock
from jit.proof.audit.checkpoints import Checkpoints, SignedCheckpoint
from jit.proof.signer.keys import make_key, read_key
from jit.proof.signer.signer import Signer
from jit.proof.signer.state import Store
from jit.proof.verifier import Sources, Trust, Verdict, VerifierKey, check_record, parse_checkpoint, parse_note
from jit.proof.witness.process import make_witness
from tests.world.base import World, ledger_at
from tests.world.facts import refused
from tests.world.processes import Forked
from tests.world.servers import Logins
from tests.world.tamper import past_the_guards
from tests.world.waiting import HUNG, wait_until

ORIGIN = "jit.example.com/test"


def something(clock: Clock, n: int = 0) -> Fact:
    """A fact that stands for itself."""
    told = {"actor": "signer@test", "source": Source.SIGNER, "reason": RefusalReason.NOT_ALLOWED_TO_ASK}
    return refused(clock.now(), attempted=f"request {n}", **told)


def verdict(engine: Engine, *vkeys: Any, offered: Sequence[Any] = (), witnesses: Sequence[Any] = ()) -> Verdict:
    """What an auditor with these keys finds in the database."""
    with engine.connect().execution_options(reading=True) as connection:
        rows = [
            (index, bytes(body), kept)
            for index, body, kept in connection.execute(
                text('SELECT "index", body, hash FROM entries ORDER BY "index"')
            )
        ]
    checkpoints = Checkpoints(engine)
    notes = [checkpoints.full_note(checkpoint) for checkpoint in checkpoints.all()]
    return check_record(rows, Sources(log=notes), Trust(keys=vkeys, offered=tuple(offered), witnesses=tuple(witnesses)))


class Given:
    """A courier that keeps what it is offered."""

    def __init__(self) -> None:
        self.checkpoints: list[SignedCheckpoint] = []

    def begin(self, _tell: object) -> None: ...

    def offer(self, checkpoint: SignedCheckpoint, _tree: object) -> None:
        self.checkpoints.append(checkpoint)

    def end(self) -> None: ...


class Signing(World):
    """A ledger with a signer. ``turn`` lets it look until it has nothing to do; `restarted` is a new process."""

    def __init__(self, folder: Path, url: str = "", *, couriers: Sequence[Any] = (), clock: Any = None) -> None:
        self.url = url or f"sqlite:///{folder / 'ledger.db'}"
        super().__init__(folder, clock=clock, ledger=partial(ledger_at, self.url))
        self.couriers = couriers
        self.given = Given()
        self.checkpoints = Checkpoints(self.engine)
        self.place = self.folder / "signer" / "log.key"
        if not self.place.exists():
            make_key(self.place, ORIGIN)
        self.store: Store | None = None
        self.signer = self.started()

    @property
    def vkey(self) -> Any:
        return read_key(self.place).verifier()

    def started(self, holder: str = "one", folder: Path | None = None) -> Signer:
        self.store = Store(folder or self.folder / "signer")
        self.begun = list(self.couriers)
        return Signer(
            ledger=self.ledger,
            leases=Leases(self.engine, self.clock, timedelta(seconds=5)),
            store=self.store,
            key=self.place,
            couriers=[self.given, *self.couriers],  # type: ignore[list-item]  it plays one
            clock=self.clock,
            actor="signer@test",
            holder=holder,
        )

    def stopped(self) -> None:
        assert self.store is not None
        self.store.close()
        for courier in self.begun:
            courier.end()

    def restarted(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.stopped()
        meanwhile()
        self.signer = self.started()

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.signer.turn()
            self.clock.move(seconds=1)

    def append(self, many: int = 1) -> None:
        self.ledger.append([something(self.clock, n) for n in range(many)])

    def sql(self, statement: str, **values: Any) -> None:
        """As whoever owns the database can: guards are for the others, signatures for them."""
        with self.engine.begin() as connection, past_the_guards(connection):
            connection.execute(text(statement), values)

    def copied(self) -> Path:
        """The database as it is now, in a file."""
        copy = self.folder / "copy.db"
        copy.unlink(missing_ok=True)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
            connection.connection.driver_connection.execute(f"VACUUM INTO '{copy}'")  # type: ignore[union-attr]
        return copy

    def put_back(self, copy: Path) -> None:
        self.engine.dispose()
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copy(copy, self.folder / "ledger.db")

    @property
    def sizes(self) -> list[int]:
        return [parse_checkpoint(parse_note(checkpoint.note).text).size for checkpoint in self.checkpoints.all()]

    @property
    def size(self) -> int:
        return self.sizes[-1] if self.sizes else 0

    def verdict(self) -> Verdict:
        return verdict(self.engine, self.vkey)


class SignedLedger:
    """What a signer's process signs. ``engine`` may do anything, ``ledger`` is the bot's."""

    def __init__(self, logins: Logins) -> None:
        self.signer_url = logins("jit_signer")
        self.engine, self._writer = connect(logins("postgres")), connect(logins("jit_bot"))
        self.ledger = Ledger(self._writer, SystemClock())
        self.checkpoints = Checkpoints(self.engine)

    def append(self, many: int = 1) -> None:
        self.ledger.append([something(SystemClock(), n) for n in range(many)])

    @property
    def size(self) -> int:
        last = self.checkpoints.last()
        return parse_checkpoint(parse_note(last.note).text).size if last else 0

    def signed(self) -> bool:
        return 0 < self.size == self.ledger.last_index()

    def close(self) -> None:
        self.engine.dispose()
        self._writer.dispose()


class Room:
    """One of our processes; `kill` is a crash. ``log`` has what it said."""

    def __init__(self, folder: Path, *argv: object, module: str = "jit.cli", **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._argv = [sys.executable, "-m", module, *map(str, argv)]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
        self._environment |= environment
        self._process: Forked | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = Forked(self._argv, self._environment, log)

    @property
    def process(self) -> Forked:
        assert self._process is not None, "it was not started"
        return self._process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ready(self) -> None:
        wait_until(lambda: ".ready" in self.log)

    def kill(self) -> None:
        """If it runs."""
        if self._process is not None:
            self._process.kill()
            self.ended()

    def stop(self) -> int:
        self.process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it has come to its end."""
        return self.process.wait(HUNG)


def signer_room(folder: Path, url: str, **environment: str) -> Room:
    return Room(folder, "signer", JIT_DATA=str(folder), JIT_LEDGER_URL=url, **environment)


class WitnessRoom(Room):
    """A witness, where it listens, and its key. ``place`` keeps its port from others while it is down."""

    def __init__(self, folder: Path, log: VerifierKey) -> None:
        self.vkey = make_witness("witness.example", folder / "w.key", folder / "w.json")
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port = self.place.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        where = ("--key", folder / "w.key", "--state", folder / "w.json", "--listen", f"127.0.0.1:{self.port}")
        super().__init__(folder, "witness", "--log", log, *where)

    @property
    def line(self) -> str:
        """For JIT_WITNESSES."""
        return f"{self.vkey} {self.url}"

    @property
    def seen(self) -> int:
        """The size it has kept for its one log; 0 for none."""
        logs = json.loads((self.folder / "w.json").read_text())["logs"]
        return max((one["size"] for one in logs.values()), default=0)
