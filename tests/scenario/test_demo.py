"""`jit demo` and `jit up`, as a person starts them: they do what they say, and leave nothing behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from demo.ending import catches_interrupts
from playground.control import elsewhere
from playground.person import Person
from playground.sample import ALERTS, ALICE, BOB, BOT_TOKEN, CAROL, REQUESTS, sample_workspace
from playground.server import running
from tests.scenario.told_up import of_up
from tests.world.exhaustive import distinct
from tests.world.processes import Forked
from tests.world.waiting import HUNG, wait_until

pytestmark = [pytest.mark.scenario, pytest.mark.real]

ROOT = Path(__file__).parents[2]
JIT = [sys.executable, "-m", "jit.cli"]


@contextmanager
def started(
    arguments: list[str], temporary: Path, program: Sequence[str] = JIT, **env: str | None
) -> Iterator[subprocess.Popen[str]]:
    """`jit …` with a temporary folder of its own, by which its processes are known."""
    process = subprocess.Popen(
        [*program, *arguments],
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


def read_until(demo: subprocess.Popen[str], text: str) -> str:
    """What it printed up to the line that holds ``text``; all of it if none does."""
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if text in line:
            break
    return said


def leaves_nothing(demo: subprocess.Popen[str], temporary: Path, code: int | None = 0) -> None:
    """Told to stop by a signal, once it has cleaned up. ``code`` None: as whoever runs it likes to say that."""
    rest, _ = demo.communicate(timeout=HUNG)
    assert "Traceback" not in rest
    if code is not None:
        assert demo.returncode == code, rest
        assert "Error" not in rest
    assert left_running(temporary) == []
    assert [*temporary.iterdir()] == []


def to_mend(said: str, temporary: Path) -> list[str]:
    """What the doctor finds in the demo, asked as the demo says how to ask."""
    [settings] = re.findall(r"\. (\S+/demo\.env);", said)
    asked = f"set -a; . {settings}; {sys.executable} -m jit.cli doctor --json"
    told = subprocess.run(
        ["/bin/sh", "-c", asked],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in told.stdout.splitlines() if json.loads(line)["ok"] is False]


ELSEWHERE = {
    "PGHOST": "db.example",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGSERVICE": "production",
    "PGREQUIREAUTH": "scram-sha-256",
}
"""What libpq may be told. The demo speaks to its own servers."""


def test_the_demo_opens_a_page_and_leaves_nothing_though_it_is_stopped_twice(temporary: Path):
    with started(["demo", "--port", "0"], temporary, **ELSEWHERE) as demo:
        said = read_until(demo, "Ctrl-C stops it all")
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/", said)
        with urllib.request.urlopen(url, timeout=HUNG) as page:
            assert "jit playground" in page.read().decode()
        known = urllib.request.Request(f"{url}api/auth.test", b"", {"Authorization": f"Bearer {BOT_TOKEN}"})
        with urllib.request.urlopen(known, timeout=HUNG) as answer:
            assert "invalid_auth" in answer.read().decode()
        alice = Person(elsewhere(url), ALICE)
        alice.command("/jit", "request orders-db/look 30s look at orders", channel=REQUESTS)
        alice.form().submit()
        alice.finds("asks for", channel=REQUESTS)
        assert to_mend(read_until(demo, "demo.env"), temporary) == []
        demo.send_signal(signal.SIGINT)
        wait_until(lambda: catches_interrupts(demo.pid) is False)
        demo.send_signal(signal.SIGINT)
        demo.send_signal(signal.SIGTERM)
        leaves_nothing(demo, temporary)


def beside(url: str, verb: str, **values: str) -> None:
    sent = urllib.request.Request(f"{url}beside/{verb}", json.dumps(values).encode())
    with urllib.request.urlopen(sent, timeout=HUNG) as answer:
        assert answer.status == 200


def test_the_demo_shows_what_is_done_with_access_and_carol_ends_it_with_one_press(temporary: Path):
    with started(["demo", "--port", "0"], temporary) as demo:
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/", read_until(demo, "Ctrl-C stops it all"))
        alice, bob, carol = (Person(elsewhere(url), who) for who in (ALICE, BOB, CAROL))
        alice.command("/jit", "request orders-db/fix 2m INC-47 orders are stuck", channel=REQUESTS)
        alice.form().submit()
        bob.press(bob.finds("asks for", channel=REQUESTS), "Approve")
        alice.finds("Active until", channel=REQUESTS)
        beside(url, "break", part="collector", how="kill")
        for typed in ("SELECT * FROM orders", "CREATE TEMP TABLE copied AS TABLE orders"):
            beside(url, "query", sql=typed)
        told = carol.finds("outside purpose", channel=ALERTS)
        assert "CREATE TEMP TABLE copied AS TABLE orders" in told.text
        carol.press(told, "Revoke", confirm=True)
        card = alice.finds("2 statements: ", channel=REQUESTS).text
        for said in ("revoked by", "1 read of orders", "1 change of the schema of copied", "log complete"):
            assert said in card
        assert [seen.text for seen in carol.sees(ALERTS) if "ALERT" in seen.text and "foreign" not in seen.text] == [
            carol.finds("outside purpose", channel=ALERTS).text
        ]
        demo.send_signal(signal.SIGINT)
        leaves_nothing(demo, temporary)


def test_the_demo_tells_the_story_and_leaves_nothing(temporary: Path):
    with started(["demo", "--story"], temporary) as demo:
        told, _ = demo.communicate()
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
    "moment",
    distinct(
        [
            (signal.SIGTERM, [], "Starting"),
            (signal.SIGINT, [], "Starting"),
            (signal.SIGTERM, [], "All of them real"),
            *(
                (signal.SIGINT, ["--story"], after)
                for after in ("Starting", "All of them real", "types /jit request", "presses Approve")
            ),
        ],
        [(signal.SIGTERM, [], "Starting")],
        "moments in which the demo is stopped",
    ),
)
def test_a_demo_that_is_stopped_at_any_moment_leaves_nothing(
    temporary: Path, moment: tuple[signal.Signals, list[str], str]
):
    told, arguments, after = moment
    with started(["demo", *arguments], temporary) as demo:
        read_until(demo, after)
        demo.send_signal(told)
        leaves_nothing(demo, temporary, code=130 if arguments else 0)


@pytest.mark.parametrize(
    "ending",
    distinct(
        [("all", signal.SIGINT), ("make", signal.SIGINT), ("make", signal.SIGTERM), ("make", signal.SIGKILL)],
        [("all", signal.SIGINT), ("make", signal.SIGINT)],
        "ways to end make",
    ),
    ids=str,
)
def test_make_demo_ends_without_an_error_and_leaves_nothing(temporary: Path, ending: tuple[str, signal.Signals]):
    """``all``: as Ctrl-C at a terminal, which reaches all in the foreground. Told to stop, make passes it on, and
    says what comes first: its own end or the demo's.
    """
    whom, told = ending
    make = ["make", "--directory", str(ROOT), "--assume-old", ".venv/demo", f"BIN={Path(sys.executable).parent}"]
    with started(["demo"], temporary, program=make, PYTHONPATH=str(ROOT), MAKEFLAGS="") as demo:
        read_until(demo, "Ctrl-C stops it all")
        if whom == "all":
            os.killpg(demo.pid, told)
        else:
            demo.send_signal(told)
        leaves_nothing(demo, temporary, code=None if told is signal.SIGTERM else -told)


@pytest.mark.parametrize(
    "arguments", distinct([["--port", "0"], ["--story"]], [["--port", "0"]], "kinds of demo, killed")
)
def test_a_demo_that_is_killed_takes_its_processes_along(temporary: Path, arguments: list[str]):
    with started(["demo", *arguments], temporary) as demo:
        assert "All of them real" in read_until(demo, "All of them real")
        demo.kill()
        demo.wait()
        wait_until(lambda: not left_running(temporary))


def refused(arguments: list[str], folder: Path, **env: str | None) -> str:
    """What `jit …` says that does not start."""
    with (folder / "said").open("w+b") as output:
        code = Forked([*JIT, *arguments], {**os.environ, **env}, output).wait(HUNG)
    said = (folder / "said").read_text()
    assert code == 1, said
    assert "Traceback" not in said
    return said


def test_the_demo_refuses_to_run_beside_what_is_not_its_own(tmp_path: Path):
    said = refused(["demo"], tmp_path, SLACK_BOT_TOKEN="xoxb-1234-5678-real")
    assert "unset it to use the playground" in said
    assert "xoxb-1234" not in said
    for name in ("JIT_LEDGER_URL", "REDIS_URL", "ORDERS_DB_ADMIN_DSN"):
        said = refused(["demo", "--story"], tmp_path, **{name: "redis://user:hidden@db.example/0"})
        assert f"{name} is set" in said
        assert "unset it first" in said
        assert "hidden" not in said


def test_the_demo_says_which_port_is_taken(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"Port {port} is taken" in refused(["demo", "--port", port], tmp_path)


def test_up_runs_the_product_until_told_to_stop_though_a_target_is_down(temporary: Path, tmp_path: Path):
    with (
        running(sample_workspace(), {}) as stage,
        started(["up"], temporary, **of_up(tmp_path / "data", stage.slack.url)) as up,
    ):
        said = read_until(up, "  processes")
        assert stage.connections()
        alice = Person(stage, ALICE)
        alice.command("/jit", "request orders-db/read 30m look at orders", channel=REQUESTS)
        alice.form().submit()
        alice.finds("asks for", channel=REQUESTS)
        up.terminate()
        rest, _ = up.communicate()
        assert up.returncode == 0
    assert re.search(r"^jit is ready, after [\d.]+ s\. Ctrl-C", said, re.MULTILINE)
    for line in (
        "Slack      127.0.0.1, by Socket Mode",
        f"ledger     SQLite, {tmp_path}/data/ledger.db",
        f"queue      Valkey, embedded in {tmp_path}/data/valkey",
        "targets    orders-db",
        "processes  bot, timekeeper, worker-1, worker-2, signer",
    ):
        assert f"  {line}\n" in said
    assert "  to mend    " in rest
    assert rest.endswith("Stopped.\n")
    said += rest
    assert [line for line in said.splitlines() if "doctor.mend" in line and "orders-db: " in line]
    assert "hunter2" not in said
    assert left_running(temporary) == []


def test_up_says_which_secret_is_missing(tmp_path: Path):
    for missing in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        assert missing in refused(["up"], tmp_path, **of_up(tmp_path / "data", **{missing: ""}))
