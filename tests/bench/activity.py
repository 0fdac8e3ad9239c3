"""Session activity: how much of it is read, recorded and judged in a second, and how long a line takes to its alert."""

import json
import multiprocessing
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.followers.follower import Tools
from bot.followers.purposes import Purposes
from jit.clock import SystemClock
from jit.detect.activity.collector import Collector
from jit.detect.activity.looks import Looker
from jit.detect.activity.parsers import KINDS
from jit.detect.activity.posted import Posted, PostedLines
from jit.detect.activity.recorder import Recorder
from jit.detect.activity.ties import Ties
from jit.ledger import Ledger, Notes, connect, create_tables
from jit.policy import PolicyFolder
from jit.ports import Clock
from jit.runtime import logs
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import InMemoryQueue, Story
from playground.sample import ALERTS
from tests.bench.results import Aim, Result, one_run
from tests.world.activity import FOR, json_line, with_purpose
from tests.world.product import POLICIES, Product, product

LINES, GRANTS = 30_000, 60
"""500 of each grant: below the rate from which they are only counted."""
BATCH = 1_000
ALERTS_TIMED, OF_ONE_TIME = 38, 19
LOOK_EVERY = 0.5
"""As `jit collect` looks."""
AIM = 5_000


def measure_activity() -> Sequence[Result]:
    return [*_throughput(), *_latency()]


def _throughput() -> Sequence[Result]:
    """The collector and the judge each in a process, beside the PostgreSQL of the ledger, with commits that sync."""
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, EmbeddedPostgres() as server:
        url, rules, log = server.dsn(), Path(folder) / "rules", Path(folder) / "log.json"
        rules.mkdir()
        (rules / "a.policy.yml").write_text(with_purpose(FOR))
        create_tables(connect(url))
        ledger = Ledger(connect(url), SystemClock())
        _grants(ledger)
        _write(log)
        spawned = multiprocessing.get_context("spawn")
        begin, took, read = spawned.Barrier(3), spawned.Queue(), spawned.Event()
        processes = [
            spawned.Process(target=_collect, args=(url, str(log), begin, took, read)),
            spawned.Process(target=_judge, args=(url, str(rules), begin, took, read)),
        ]
        for process in processes:
            process.start()
        begin.wait()
        found = {name: spent for name, *spent in (took.get(timeout=1200) for _ in processes)}
        for process in processes:
            process.join()
        alerts = len(ledger.newest_of("alert", 1_000))
        posted = _post(ledger)
    return [
        _rate("read and recorded", *found["collector"], LINES),
        _rate("judged meanwhile, to the last alert", *found["judge"], LINES, f"{alerts} alerts"),
        _rate(f"handed in by batches of {BATCH:,}", *posted, 20 * BATCH),
    ]


def _rate(what: str, seconds: float, processor: float, lines: int, more: str = "") -> Result:
    """By the clock, and by what the process itself took of a core: on a busy machine that alone says how fast it is."""
    by_clock, by_core = lines / seconds, lines / processor
    met = f"{'met' if max(by_clock, by_core) > AIM else 'missed'} (aim: over {AIM:,} a second)"
    met += "" if by_clock > AIM else " by processor time"
    says = (
        f"{lines:,} lines",
        f"{by_clock:,.0f} a second",
        f"{by_core:,.0f} a second of its processor time",
        met,
        more,
    )
    return one_run(what, "ms", [seconds * 1000], says=" · ".join(filter(None, says)))


def _grants(ledger: Ledger) -> None:
    for number in range(GRANTS):
        about = {"requester": f"U{number:08}", "principal": f"person{number}", "target": "orders-db"}
        Story(ledger, ledger.clock, f"R-{number:04}", about).active()  # type: ignore[arg-type]  # any ledger will do


def _write(log: Path) -> None:
    """A thousandth of it is outside what the access is for."""
    now = SystemClock().now()
    with log.open("w") as file:
        for number in range(LINES):
            who = number % GRANTS
            sent = f"SELECT id, note FROM orders WHERE id = {number}" if number % 1000 else f"DROP TABLE t{number}"
            told = {"user": f"person{who}", "session_id": f"s{who}", "line_num": number}
            file.write(json_line(f"statement: {sent}", at=now, **told))


def _collect(url: str, log: str, begin: Any, took: Any, read: Any) -> None:
    logs.set_up("CRITICAL")
    reader = _collector(Ledger(connect(url), SystemClock()), Path(log), SystemClock())
    begin.wait()
    began, processor = time.perf_counter(), time.process_time()
    while reader.step():
        pass
    read.set()
    took.put(("collector", time.perf_counter() - began, time.process_time() - processor))


def _collector(ledger: Ledger, log: Path, clock: Clock) -> Collector:
    ties = Ties("orders-db")
    recorder = Recorder(ledger, "orders-db", "bench", "collector@bench", ties)
    return Collector(log, Looker("bench", KINDS["postgres-json"]("orders-db", None), ties, clock), recorder, clock)


def _judge(url: str, rules: str, begin: Any, took: Any, read: Any) -> None:
    logs.set_up("CRITICAL")
    engine, clock = connect(url), SystemClock()
    tools = Tools(
        ledger=Ledger(engine, clock),
        notes=Notes(engine, Purposes.name),
        policies=PolicyFolder(Path(rules), clock),
        clock=clock,
    )
    judge = Purposes(tools, InMemoryQueue())
    judge.begin()
    begin.wait()
    began, processor = time.perf_counter(), time.process_time()
    while True:
        all_is_read = read.is_set()
        if judge.step() != 0:
            if all_is_read:
                break
            time.sleep(0.02)
    took.put(("judge", time.perf_counter() - began, time.process_time() - processor))


def _post(ledger: Ledger) -> tuple[float, float]:
    """What `POST /v1/activity` does with a batch, without the way through the net."""
    way = Posted(ledger, "bench", "orders-db", PostedLines("orders-db", "bench"), "api@bench")
    now = SystemClock().now().isoformat()
    line = {"time": now, "class": "read", "text": "select id from orders where id = 1", "objects": ["orders"]}
    bodies = [
        "".join(
            json.dumps(line | {"principal": f"person{seq % GRANTS}", "session": f"p{seq % GRANTS}", "seq": seq}) + "\n"
            for seq in range(first, first + BATCH)
        )
        for first in range(0, 20 * BATCH, BATCH)
    ]
    began, processor = time.perf_counter(), time.process_time()
    for body in bodies:
        way.take(body.encode())
    return time.perf_counter() - began, time.process_time() - processor


def _latency() -> Sequence[Result]:
    """In the running product: a line is written, and the alert is in the record, and read in the alerts channel."""
    recorded, read = [], []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as name:
        folder = Path(name)
        policies = folder / "policies"
        shutil.copytree(POLICIES, policies)
        file = policies / "orders.policy.yml"
        before = "    # for: {classes: [read, write]}"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, "    for: {classes: [read, write]}"))
        with product(folder / "house", policies=policies) as it:
            log = folder / "log.json"
            it.granted(it.stage.alice, "orders-db/write 2h INC-42 to see how fast it is")
            with _collecting(it, log):
                for number in range(ALERTS_TIMED):
                    if number % OF_ONE_TIME == 0:
                        it.pass_time(timedelta(minutes=16))
                    began = time.perf_counter()
                    with log.open("a") as opened:
                        opened.write(json_line(f"statement: DROP TABLE t{number}x", at=it.clock.now()))
                    it.until(lambda n=number: _is_recorded(it, n))
                    recorded.append((time.perf_counter() - began) * 1000)
                    it.until(lambda n=number: _is_read(it, n))
                    read.append((time.perf_counter() - began) * 1000)
                    time.sleep(0.1 + number % 7 * 0.1)
    aim = Aim(p99=2_000)
    return [
        one_run("line of the log to alert, by the record", "ms", recorded, aim=aim),
        one_run("line of the log to alert, in the channel", "ms", read, aim=aim),
    ]


def _is_recorded(it: Product, number: int) -> bool:
    return any(f"t{number}x" in entry.fact.says for entry in it.stage.ledger.newest_of("alert", 3))


def _is_read(it: Product, number: int) -> bool:
    return any(f"t{number}x" in seen.text for seen in it.stage.carol.sees(ALERTS))


@contextmanager
def _collecting(it: Product, log: Path) -> Iterator[None]:
    stop = threading.Event()
    engine = connect(it.stage.everything["JIT_LEDGER_URL"])
    reader = _collector(Ledger(engine, it.clock), log, it.clock)

    def follow() -> None:
        pause = 0.0
        while not stop.wait(pause):
            pause = 0.0 if reader.step() else LOOK_EVERY

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        engine.dispose()
