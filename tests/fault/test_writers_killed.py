"""Many processes write and are killed at random, again and again: nothing that was acknowledged is missing, no place is
empty or taken twice, two facts recorded together are both there or neither, and all who read see one tree.
"""

import os
import random  # noqa: TID251  seeded
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jit.clock import SystemClock
from jit.ledger import Ledger, LedgerUnavailable, check_chain, connect
from jit.ledger.entry import NO_ENTRY
from jit.proof.verifier import Frontier, leaf_hash
from jit.runtime import logs
from tests.world.exhaustive import exhaustive
from tests.world.facts import refused
from tests.world.processes import forkserver
from tests.world.servers import Logins
from tests.world.waiting import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.real]


def write_for_ever(url: str, acknowledged: Path) -> None:
    """Two facts at a time; what the ledger took is noted before the next."""
    logs.set_up("CRITICAL")
    ledger = Ledger(connect(url), SystemClock())
    told = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        facts = [refused(ledger.clock.now()) for _ in range(2)]
        try:
            ledger.append(facts)
        except LedgerUnavailable:
            continue  # SQLite makes some wait for too long
        os.write(told, "".join(f"{fact.id}\n" for fact in facts).encode())


class Reader:
    """Reads on while others write, and grows the tree of what it saw."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.tree = Frontier()
        self.last_hash = NO_ENTRY
        self.ids: list[str] = []

    def read_on(self) -> int:
        while entries := self.ledger.read(self.tree.size):
            check_chain(entries, after=self.tree.size, previous=self.last_hash)
            self.last_hash = entries[-1].hash
            for entry in entries:
                self.tree.push(leaf_hash(entry.body))
                self.ids.append(str(entry.fact.id))
        return self.tree.size


def is_alone(engine: Engine) -> bool:
    """Whether PostgreSQL is done with what the killed had sent."""
    if engine.dialect.name == "sqlite":
        return True
    others = "SELECT FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        return not connection.execute(text(others)).fetchall()


often = exhaustive("kills of many writers at random")


@pytest.mark.parametrize(
    ("logins", "writers", "kills"),
    [
        ("sqlite", 3, 4),
        ("postgresql", 4, 6),
        pytest.param("sqlite", 4, 24, marks=often),
        pytest.param("postgresql", 8, 48, marks=[often, pytest.mark.timeout(2400)]),  # 48 processes are started
    ],
    indirect=["logins"],
)
def test_nothing_acknowledged_is_missing_and_all_read_one_tree(
    logins: Logins, tmp_path: Path, writers: int, kills: int
) -> None:
    url = logins("jit_bot")
    engine = connect(url)
    ledger = Ledger(engine, SystemClock())
    reader, chosen = Reader(ledger), random.Random(8)
    noted = tmp_path / "acknowledged"
    noted.mkdir()
    at_work: list[BaseProcess] = []

    def one_more() -> None:
        path = noted / str(len(list(noted.iterdir())))
        path.touch()
        writer = forkserver.Process(target=write_for_ever, args=(url, path), daemon=True)
        writer.start()
        at_work.append(writer)

    try:
        for _ in range(writers):
            one_more()
        wait_until(lambda: all(path.stat().st_size for path in noted.iterdir()))
        for _ in range(kills):
            until = reader.read_on() + chosen.randint(1, 60)
            wait_until(lambda: reader.read_on() >= until)  # noqa: B023  called at once
            victim = at_work.pop(chosen.randrange(writers))
            victim.kill()
            victim.join()
            one_more()
    finally:
        for writer in at_work:
            writer.kill()
        for writer in at_work:
            writer.join()
    engine.dispose()
    wait_until(lambda: is_alone(engine))
    reader.read_on()
    anew = Reader(Ledger(engine, SystemClock()))
    assert anew.read_on() == ledger.last_index() == reader.tree.size
    assert anew.tree.root() == reader.tree.root()
    assert len(set(anew.ids)) == len(anew.ids)
    acknowledged = {line for path in noted.iterdir() for line in path.read_text().splitlines() if len(line) == 36}
    assert len(acknowledged) >= 2 * writers
    assert acknowledged - set(anew.ids) == set()
    assert len(anew.ids) % 2 == 0, "two facts are recorded together or not at all"
    assert len(anew.ids) - len(acknowledged) <= 2 * (writers + kills), "one append each was not told of"
    engine.dispose()
