"""`jit collect` on a real PostgreSQL's log: killed, rotated under it, and the log damaged; everything is there once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from bot.followers.purposes import Purposes
from tests.world.activity import RealTime, judge, log_of, logging_postgres, with_purpose
from tests.world.base import World, in_a_file
from tests.world.waiting import wait_until

pytestmark = pytest.mark.real
NOISE = b"\0" * 5_000 + b'\n{"timestamp": "2026-\n' + b"x" * 3_000_000 + b'\n{"message": 7}\n[]\n"AUDIT: "\n'


class Collecting:
    """A process of `jit collect` that can be killed."""

    def __init__(self, world: World, pattern: Path) -> None:
        url = f"sqlite:///{world.folder / 'ledger.db'}"
        self.command = [sys.executable, "-m", "jit.cli", "collect", "orders-db", str(pattern), "--log", "log"]
        self.variables = os.environ | {"JIT_LEDGER_URL": url, "JIT_DATA": str(world.folder)}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.variables)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_killed_and_with_its_log_rotated_and_damaged_it_records_each_statement_once_and_is_judged(tmp_path: Path):
    purpose = "for: {objects: [orders], classes: [read]}"
    world = World(tmp_path, clock=RealTime(), ledger=in_a_file(tmp_path), rules=with_purpose(purpose))
    judged = judge(world)
    with logging_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("CREATE ROLE alice LOGIN; CREATE TABLE orders (id int); GRANT ALL ON orders TO alice")
            world.story().active()
            collecting = Collecting(world, log_of(server).parent / "*.json")
            with psycopg.connect(server.dsn("alice"), autocommit=True) as alice:
                for number in range(90):
                    alice.execute(f"SELECT {number} AS n FROM orders")  # type: ignore[arg-type]  # made here
                    if number in {20, 60}:
                        wait_until(lambda: statements(world))
                        collecting.kill()
                    if number in {30, 65}:
                        log_of(server).rename(log_of(server).parent / f"before{number}.json")
                        admin.execute("SELECT pg_rotate_logfile()")
                        wait_until(log_of(server).exists)
                    if number in {40, 70}:
                        with log_of(server).open("ab") as damaged:
                            damaged.write(NOISE)
                    if number in {50, 80}:
                        collecting.start()
                alice.execute("DELETE FROM orders")
        wait_until(lambda: "DELETE FROM orders" in statements(world))
        collecting.kill()
    seen = Counter(said for said in statements(world) if said.startswith("SELECT") and " AS n " in said)
    assert seen == {f"SELECT {number} AS n FROM orders": 1 for number in range(90)}
    remarks = {remark.partition(": ")[2] for fact in world.facts("activity") for remark in fact.remarks}
    assert {"a line too long", "torn, or not JSON", "a line without a message", "not an object of JSON"} <= remarks
    assert told(world, judged) == ["write of orders; it is for read"]


def statements(world: World) -> list[str]:
    """What alice did, by the record."""
    done = [fact for fact in world.facts("activity") if fact.principal == "alice"]
    return [fact.statement_of(item) for fact in done for item in fact.items]


def told(world: World, judged: Purposes) -> list[str]:
    while judged.step() == 0:
        pass
    return [alert.says.partition("That is ")[2].rstrip(".") for alert in world.alerts()]
