"""`jit demo` and `jit up`, as a person starts them: they do what they say, and leave nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bot.playground.control import elsewhere
from bot.playground.person import Person
from bot.playground.sample import ALICE, APP_TOKEN, BOT_TOKEN, REQUESTS, sample_workspace
from bot.playground.server import running
from jit.cli.demo import READY_WITHIN
from jit.cli.sample import DATABASE, WORKER, furnish
from tests.house import POLICIES
from tests.servers import postgres_18

pytestmark = [pytest.mark.scenario, pytest.mark.real]

JIT = [sys.executable, "-m", "jit.cli"]


@contextmanager
def started(arguments: list[str], temporary: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """`jit …` with a temporary folder of its own, by which its processes are known."""
    process = subprocess.Popen(
        [*JIT, *arguments],
        env={**os.environ, "TMPDIR": str(temporary), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Short, as paths of sockets must be, and open: under root, PostgreSQL runs as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="jit-t-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def left_running(temporary: Path) -> list[str]:
    """Processes that were started with this temporary folder, or name it."""
    found = []
    for process in psutil.process_iter():
        try:
            about = [*process.cmdline(), process.environ().get("TMPDIR", ""), process.cwd()]
            running = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
            if running and any(str(temporary) in each for each in about):
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


def gone(temporary: Path, within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while left_running(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left_running(temporary)


def read_until(demo: subprocess.Popen[str], text: str) -> str:
    """What it printed up to the line that holds ``text``; all of it if none does."""
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if text in line:
            break
    return said


def test_the_demo_opens_a_page_and_leaves_nothing(temporary: Path):
    with started(["demo", "--port", "0"], temporary) as demo:
        said = read_until(demo, "Ctrl-C stops it all")
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/", said)
        with urllib.request.urlopen(url, timeout=30) as page:
            assert "jit playground" in page.read().decode()
        known = urllib.request.Request(f"{url}api/auth.test", b"", {"Authorization": f"Bearer {BOT_TOKEN}"})
        with urllib.request.urlopen(known, timeout=30) as answer:
            assert "invalid_auth" in answer.read().decode()
        alice = Person(elsewhere(url), ALICE)
        alice.command("/jit", "request orders-db/look 30s look at orders", channel=REQUESTS)
        alice.form().submit()
        alice.finds("asks for", channel=REQUESTS, within=20)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=30)
        assert demo.returncode == 130, rest
    assert "Traceback" not in rest
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


def test_the_demo_speaks_to_its_own_servers_whatever_libpq_is_told(temporary: Path):
    elsewhere_is = {
        "PGHOST": "db.example",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGSERVICE": "production",
        "PGREQUIREAUTH": "scram-sha-256",
    }
    with started(["demo", "--port", "0"], temporary, **elsewhere_is) as demo:
        said = read_until(demo, "Ctrl-C stops it all")
        assert "Ctrl-C stops it all" in said, said
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
        assert demo.returncode == 130


def test_the_demo_tells_the_story_and_leaves_nothing(temporary: Path):
    with started(["demo", "--story"], temporary) as demo:
        told, _ = demo.communicate(timeout=110)
        assert demo.returncode == 0, told
    for step in (
        "permission denied for table orders",
        "You are not among those who decide on this",
        "You asked for this yourself",
        "Approve pressed to usable in PostgreSQL",
        "terminating connection due to administrator command",
        "both workers are killed for good, and Redis is wiped",
        "none is missing",
    ):
        assert step in " ".join(told.replace("│", " ").split()), step
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        ([], "Starting"),
        (["--story"], "Starting"),
        (["--story"], "All of them real"),
        (["--story"], "types /jit request"),
        (["--story"], "presses Approve"),
    ],
)
def test_ctrl_c_at_any_moment_leaves_nothing(temporary: Path, arguments: list[str], after: str):
    with started(["demo", *arguments], temporary) as demo:
        read_until(demo, after)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=30)
        assert demo.returncode == 130, rest
    assert "Traceback" not in rest
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--story"]])
def test_a_demo_that_is_killed_takes_its_processes_along(temporary: Path, arguments: list[str]):
    with started(["demo", *arguments], temporary) as demo:
        read_until(demo, "All of them real")
        demo.kill()
        demo.wait()
        assert gone(temporary), left_running(temporary)


def test_the_demo_stops_for_sigterm_as_well(temporary: Path):
    with started(["demo", "--port", "0"], temporary) as demo:
        read_until(demo, "All of them real")
        demo.terminate()
        rest, _ = demo.communicate(timeout=30)
        assert demo.returncode == 130, rest
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


def test_the_demo_refuses_to_run_beside_real_tokens(temporary: Path):
    with started(["demo"], temporary, SLACK_BOT_TOKEN="xoxb-1234-5678-real") as demo:
        said, _ = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert "unset it to use the playground" in said
    assert "xoxb-1234" not in said


@pytest.mark.parametrize("name", ["JIT_LEDGER_URL", "REDIS_URL", "ORDERS_DB_ADMIN_DSN"])
@pytest.mark.parametrize("arguments", [[], ["--story"]])
def test_the_demo_refuses_to_run_beside_parts_that_are_not_its_own(temporary: Path, name: str, arguments: list[str]):
    with started(["demo", *arguments], temporary, **{name: "redis://user:hidden@db.example/0"}) as demo:
        said, _ = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert f"{name} is set" in said
    assert "unset it first" in said
    assert "hidden" not in said


def test_the_demo_says_which_port_is_taken(temporary: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with started(["demo", "--port", port], temporary) as demo:
            said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert f"Port {port} is taken" in said
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


def test_up_runs_the_product_until_told_to_stop(temporary: Path, tmp_path: Path):
    with running(sample_workspace(), {}) as stage, postgres_18() as orders:
        furnish(orders)
        env = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{stage.slack.url}/api/",
            "ORDERS_DB_ADMIN_DSN": orders.dsn(WORKER, DATABASE),
            "JIT_POLICIES": str(POLICIES),
            "JIT_DATA": str(tmp_path / "data"),
        }
        with started(["up"], temporary, **env) as up:
            stage.wait_for(lambda: stage.slack.hub.connections, READY_WITHIN)
            alice = Person(stage, ALICE)
            alice.command("/jit", "request orders-db/read 30m look at orders", channel=REQUESTS)
            alice.form(within=20).submit()
            alice.finds("asks for", channel=REQUESTS, within=20)
            up.terminate()
            up.communicate(timeout=30)
            assert up.returncode == 0
    assert left_running(temporary) == []


@pytest.mark.parametrize("missing", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ORDERS_DB_ADMIN_DSN"])
def test_up_says_which_secret_is_missing(temporary: Path, tmp_path: Path, missing: str):
    env = {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit@127.0.0.1:1/orders",
        "JIT_POLICIES": str(POLICIES),
        "JIT_DATA": str(tmp_path / "data"),
        missing: "",
    }
    with started(["up"], temporary, **env) as up:
        said, _ = up.communicate(timeout=30)
    assert up.returncode == 1
    assert missing in said
    assert "Traceback" not in said
