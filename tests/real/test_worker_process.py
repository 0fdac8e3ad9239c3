"""Worker and timekeeper as processes, on a real Valkey and a SQLite ledger."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from jit.cli.doctor import PROCESSES
from jit.doctor import Line
from jit.doctor import State as Found
from jit.facts import Released, Revoked, Source, Started
from jit.ledger.doctor.processes import look_at_processes
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedValkey
from jit.runtime.queue import ON_DISK_REMEDY, UNPROVEN, RqQueue
from jit.testing import ALICE
from tests.world.base import in_a_file
from tests.world.exhaustive import exhaustive
from tests.world.folder_target import FolderTarget
from tests.world.hands import Hands
from tests.world.servers import redis_7
from tests.world.shared_clock import SharedClock
from tests.world.signing import Room
from tests.world.waiting import wait_until
from workers.queue.presence import LEASE_LASTS

pytestmark = pytest.mark.real


class Workers:
    """A house whose workers are processes of their own."""

    def __init__(self, folder: Path, server: EmbeddedValkey) -> None:
        self.folder = folder
        self.server = server
        self.clock = SharedClock(folder / "clock")
        self.house = Hands(folder, clock=self.clock, ledger=in_a_file(folder))
        self.queue = RqQueue(server.url)
        self.target = FolderTarget("orders-db", folder / "targets")
        self.rooms: list[Room] = []

    def start(self, name: str, **environment: str) -> Room:
        settings = {
            "JIT_DATA": str(self.folder),
            "JIT_POLICIES": str(self.folder / "policies"),
            "JIT_LEDGER_URL": f"sqlite:///{self.folder / 'ledger.db'}",
            "REDIS_URL": self.server.url,
        }
        where = (self.clock.path, self.folder / "targets")
        folder = self.folder / f"{name}-{len(self.rooms)}"
        room = Room(folder, name, *where, module="tests.world.folder_target", **settings | environment)
        self.rooms.append(room)
        room.start()
        return room

    def approve(self, request_id: str = "R-TEST", **how: Any) -> None:
        self.house.approved(request_id, **how)
        self.queue.grant(request_id)

    def becomes(self, state: State, request_id: str = "R-TEST") -> None:
        wait_until(lambda: self.house.request(request_id).state is state)

    def stop(self) -> None:
        for room in self.rooms:
            room.kill()


@pytest.fixture
def hands(tmp_path: Path, valkey_server: EmbeddedValkey) -> Iterator[Workers]:
    Redis.from_url(valkey_server.url).flushall()
    made = Workers(tmp_path, valkey_server)
    yield made
    made.stop()


def test_an_approval_becomes_access_and_the_worker_ends_it_alone(hands: Workers) -> None:
    hands.start("worker").ready()
    hands.approve(minutes=30)
    hands.becomes(State.ACTIVE)
    assert hands.target.held("R-TEST") is not None

    hands.clock.advance(timedelta(minutes=30, seconds=1))
    hands.becomes(State.ENDED)

    assert hands.target.held("R-TEST") is None
    assert hands.house.ledger.history("R-TEST")[-1].fact.source is Source.WORKER


def test_the_doctor_finds_a_worker_that_is_at_work_and_one_that_is_not(hands: Workers) -> None:
    def workers_line() -> Line:
        url = SecretStr(f"sqlite:///{hands.folder / 'ledger.db'}")
        lines = look_at_processes(url, hands.clock, [one for one in PROCESSES if one.process == "worker"])
        return next(iter(lines))

    worker = hands.start("worker")
    worker.ready()
    wait_until(lambda: workers_line().state is Found.OK)
    hands.clock.advance(LEASE_LASTS + timedelta(seconds=60))
    wait_until(lambda: workers_line().state is Found.OK)  # its loop has gone round since
    worker.stop()
    assert "no worker runs" in workers_line().what
    hands.start("worker")
    wait_until(lambda: workers_line().state is Found.OK)
    hands.stop()
    hands.clock.advance(LEASE_LASTS + timedelta(seconds=6))
    assert "the worker has been down since" in workers_line().what


def test_a_worker_starts_on_a_redis_without_waitaof_and_says_what_is_lost(tmp_path: Path) -> None:
    with redis_7() as server:
        hands = Workers(tmp_path, server)
        try:
            hands.start("worker").ready()
            hands.approve(minutes=30)
            hands.becomes(State.ACTIVE)
        finally:
            hands.stop()
    [began] = [entry.fact for entry in hands.house.ledger.read() if isinstance(entry.fact, Started)]
    assert began.warnings == (f"Redis: {UNPROVEN}. {ON_DISK_REMEDY}",)


def test_the_timekeeper_ends_it_alone_with_redis_wiped(hands: Workers) -> None:
    worker = hands.start("worker")
    hands.start("timekeeper").ready()
    hands.approve(minutes=30)
    hands.becomes(State.ACTIVE)
    worker.kill()
    Redis.from_url(hands.server.url).flushall()

    hands.clock.advance(timedelta(minutes=30))
    hands.becomes(State.ENDED)

    assert hands.target.held("R-TEST") is None


def test_an_approval_nobody_announced_is_found_by_the_timekeeper(hands: Workers) -> None:
    hands.start("worker")
    hands.start("timekeeper")
    hands.house.approved()

    hands.becomes(State.ACTIVE)


def test_an_order_to_revoke_is_heard_at_once_by_the_worker(hands: Workers) -> None:
    hands.start("worker")
    hands.approve()
    hands.becomes(State.ACTIVE)
    request = hands.house.request()
    now = hands.clock.now()
    hands.house.ledger.append([Revoked.about(request, at=now, actor="cli:x@y", source=Source.CLI, reason="stop")])
    hands.queue.revoke("R-TEST")

    hands.becomes(State.ENDED)


def test_two_workers_and_a_timekeeper_end_once(hands: Workers) -> None:
    for room in ("worker", "worker", "timekeeper"):
        hands.start(room)
    hands.approve(minutes=30)
    hands.becomes(State.ACTIVE)

    hands.clock.advance(timedelta(minutes=30, seconds=1))
    hands.becomes(State.ENDED)
    wait_until(lambda: not Redis.from_url(hands.server.url).exists("rq:scheduled:jit-ends"))

    assert hands.house.kinds().count("ended") == 1


@pytest.mark.parametrize(
    ("room", "how"),
    [
        ("worker", signal.SIGTERM),
        ("timekeeper", signal.SIGINT),
        pytest.param("worker", signal.SIGINT, marks=exhaustive("each signal to each process")),
        pytest.param("timekeeper", signal.SIGTERM, marks=exhaustive("each signal to each process")),
    ],
)
def test_its_start_is_recorded_and_a_signal_stops_it_in_good_order(
    hands: Workers, room: str, how: signal.Signals
) -> None:
    process = hands.start(room)
    process.ready()
    started = [entry.fact for entry in hands.house.ledger.read() if entry.fact.kind == "started"]
    assert [fact.process for fact in started] == [room]  # type: ignore[union-attr]

    os.kill(process.process.pid, how)

    assert process.ended() == 0
    assert f"{room}.stopped" in process.log


def test_the_timekeeper_starts_without_redis(hands: Workers) -> None:
    hands.start("timekeeper", REDIS_URL="unix:///nowhere/at/all.sock")
    hands.house.asked()
    hands.clock.advance(timedelta(hours=8))

    hands.becomes(State.LAPSED)


def test_a_redis_that_forgets_refuses_the_start(hands: Workers) -> None:
    redis = Redis.from_url(hands.server.url)
    wrong = {"maxmemory-policy": "allkeys-lru", "appendonly": "no"}
    right = redis.config_get(*wrong)
    redis.config_set(*(word for setting in wrong.items() for word in setting))
    try:
        worker = hands.start("worker")
        assert worker.ended() != 0
    finally:
        redis.config_set(*(word for setting in right.items() for word in setting))

    for setting in wrong:
        assert f"CONFIG SET {setting} {right[setting]}" in worker.log


def test_a_worker_waits_for_redis_and_goes_on(hands: Workers, tmp_path: Path) -> None:
    with EmbeddedValkey() as other:
        worker = hands.start("worker", REDIS_URL=other.url)
        worker.ready()
        other.kill()
        wait_until(lambda: "queue.unavailable" in worker.log)
        other.start()
        wait_until(lambda: "queue.back" in worker.log)
        hands.house.approved()
        RqQueue(other.url).grant("R-TEST")
        hands.becomes(State.ACTIVE)
        assert worker.process.poll() is None


def test_released_access_is_gone_though_the_announcement_was_lost(hands: Workers) -> None:
    hands.start("worker")
    hands.start("timekeeper")
    hands.approve()
    hands.becomes(State.ACTIVE)
    request, now = hands.house.request(), hands.clock.now()
    hands.house.ledger.append([Released.about(request, at=now, actor=ALICE, source=Source.SLACK)])

    hands.becomes(State.ENDED)
    assert hands.target.held("R-TEST") is None
