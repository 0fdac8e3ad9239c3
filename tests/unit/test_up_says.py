"""What `jit up` says when it starts, in words for people."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from jit.cli.ready import PATIENCE, Start, ledger_said, queue_said
from jit.runtime.readiness import READY, Readiness, say_ready
from jit.runtime.settings import Address
from jit.runtime.supervisor import Child, Supervisor
from tests.world.waiting import wait_until

WANTED = ["bot", "timekeeper", "worker-1"]
READY_ALL = {"bot": "slack.com, by Socket Mode", "timekeeper": "", "worker-1": ""}
REACHED = {"ledger": "SQLite, var/ledger.db", "queue": "Redis at localhost:6379", "targets": "orders-db"}


def test_it_says_once_that_all_are_ready_and_what_they_reached():
    start = Start(began=10.0, reached=REACHED)
    assert [*start.news(WANTED, {"timekeeper": ""}, 10.5)] == []
    assert [*start.news(WANTED, READY_ALL, 12.0)] == [
        "jit is ready, after 2.0 s. Ctrl-C stops all of it.",
        "  Slack      slack.com, by Socket Mode",
        "  ledger     SQLite, var/ledger.db",
        "  queue      Redis at localhost:6379",
        "  targets    orders-db",
        "  processes  bot, timekeeper, worker-1",
    ]
    assert [*start.news(WANTED, READY_ALL, 13.0)] == []


def test_it_says_once_who_keeps_it_waiting():
    start = Start(began=0.0, reached=REACHED)
    late = PATIENCE + 1
    assert [*start.news(WANTED, {"timekeeper": ""}, PATIENCE)] == []
    [line] = start.news(WANTED, {"timekeeper": ""}, late)
    assert line.startswith("Not ready yet: bot, worker-1.")
    assert [*start.news(WANTED, {"timekeeper": ""}, late)] == []
    assert next(start.news(WANTED, READY_ALL, late)).startswith("jit is ready")


def test_what_the_doctor_found_is_not_forgotten_over_it():
    [*_, last] = Start(began=0.0, reached=REACHED, to_mend=2).news(WANTED, READY_ALL, 1.0)
    assert last == "  to mend    2 things: `jit doctor` says which, and how"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////srv/jit/ledger.db", "SQLite, /srv/jit/ledger.db"),
        ("postgresql://jit:hunter2@db.example:5433/jit", "PostgreSQL, jit at db.example:5433"),
        ("postgresql://db.example/jit", "PostgreSQL, jit at db.example"),
        ("postgresql:///jit", "PostgreSQL, jit at localhost"),
    ],
)
def test_the_ledgers_place_is_said_without_its_password(url: str, says: str):
    assert ledger_said(SecretStr(url)) == says


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://jit:hunter2@queue.example:6380/1", "Redis at queue.example:6380"),
        ("rediss://:hunter2@queue.example", "Redis at queue.example"),
        ("unix:///run/redis.sock?password=hunter2", "Redis at /run/redis.sock"),
    ],
)
def test_the_queues_place_is_said_without_its_password(url: str, says: str):
    assert queue_said(url) == says


def test_an_address_reads_as_it_is_written():
    assert [str(Address("127.0.0.1", 3000)), str(Address("::1", 3000))] == ["127.0.0.1:3000", "[::1]:3000"]


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    script = "import sys; from jit.runtime.readiness import say_ready; say_ready('there'); sys.stdin.read()"
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ready = Child("ready", [sys.executable, "-c", script], env)
    mute = Child("mute", [sys.executable, "-c", "import sys; sys.stdin.read()"], env)
    fallen = Child("fallen", [sys.executable, "-c", "pass"], env)
    supervisor = Supervisor([ready, mute, fallen])
    supervisor.start()
    yield supervisor
    supervisor.stop()


def test_a_child_is_ready_when_it_says_so_and_again_after_it_fell(supervisor: Supervisor):
    wait_until(lambda: supervisor.ready() == {"ready": "there"})
    supervisor.kill("ready", stay_down=True)
    assert supervisor.ready() == {}
    supervisor.bring_back("ready")
    wait_until(lambda: supervisor.ready() == {"ready": "there"})


def test_what_nobody_waits_for_is_said_to_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(READY, raising=False)
    say_ready("there")


def test_it_is_said_once_also_where_whoever_waited_is_gone(monkeypatch: pytest.MonkeyPatch):
    readiness = Readiness()
    monkeypatch.setenv(READY, str(os.dup(readiness.writing)))
    readiness.started()
    readiness.close()
    say_ready("there")
    assert READY not in os.environ
