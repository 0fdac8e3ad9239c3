"""What reads the record, on both databases: on PostgreSQL with the rights of `jit ledger init`. As processes, where a
signal, a pipe or a limit of theirs is in it.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, update

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.ledger import Ledger, connect
from jit.ledger.schema import entries
from jit.proof.audit.reading import Part, last_before, read_entries
from jit.runtime.settings import CannotStart
from jit.testing import ALICE, Story
from tests.world.processes import Forked
from tests.world.servers import Logins
from tests.world.tamper import past_the_guards
from tests.world.waiting import HUNG

pytestmark = pytest.mark.real


class Place:
    """A ledger with one request in it. ``url`` is a reader's, ``ledger`` may do anything."""

    def __init__(self, url: str, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.folder = folder
        self.environment = {"JIT_LEDGER_URL": url, "JIT_DATA": str(folder)}
        Story(ledger, ledger.clock).active()

    def run(self, *words: str | Path, **environment: str) -> Result:
        return CliRunner().invoke(cli, ["audit", *map(str, words)], env=self.environment | environment)

    def start(self, *words: str | Path, **how) -> subprocess.Popen:
        """As a process."""
        command = [sys.executable, "-m", "jit.cli", "audit", *map(str, words)]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
        return subprocess.Popen(command, env=os.environ | self.environment, **how)


@pytest.fixture
def place(logins: Logins, tmp_path: Path) -> Iterator[Place]:
    engine = connect(logins("postgres"))
    with engine.begin() as connection:  # the owner may record whatever anybody may
        connection.exec_driver_sql("INSERT INTO may_write SELECT DISTINCT 'postgres', kind FROM may_write")
    yield Place(logins("jit_auditor"), Ledger(engine, SystemClock()), tmp_path)
    engine.dispose()


on_sqlite = pytest.mark.parametrize("logins", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("logins", ["postgresql"], indirect=True)


def test_a_search_finds_and_is_recorded(place: Place):
    done = place.run("search", "--person", ALICE, "--kind", "granted")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [json.loads(line)["index"] for line in done.stdout.splitlines()] == [5]
    (_, _, fact) = [entry.fact for entry in place.ledger.read(after=3)]
    assert (fact.kind, fact.how) == ("record.read", "search")
    assert fact.asked.startswith("--person sealed:")
    assert fact.asked.endswith(" --kind granted")


def test_a_copy_made_twice_is_whole(place: Place):
    copy = place.folder / "copy"
    for _ in range(2):
        assert place.run("export", "--out", copy).exit_code == 0
    bodies = [entry.body for entry in place.ledger.read()]
    assert (copy / "entries.jsonl").read_bytes().splitlines() == bodies
    assert len(bodies) == 7
    done = place.run("export", "--after", "6", "--format", "ocsf")
    assert done.exit_code == 0
    assert [json.loads(line)["metadata"]["sequence"] for line in done.stdout.splitlines()] == [7, 8]


def test_the_tail_follows_and_ends_well(place: Place):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as output:
        command = [sys.executable, "-m", "jit.cli", "audit", "tail", "-f", "-n", "1"]
        following = Forked(command, os.environ | place.environment, output)
    with os.fdopen(reading) as told:
        seen = [json.loads(told.readline())["index"] for _ in range(2)]
        Story(place.ledger, place.ledger.clock).released()
        seen.append(json.loads(told.readline())["index"])
        os.kill(following.pid, signal.SIGINT)
        assert following.wait(HUNG) == 0
        assert told.read() == ""
    assert seen == [5, 6, 7]


@on_sqlite
def test_whoever_stops_listening_stops_the_command(place: Place):
    reading, writing = os.pipe()
    os.close(reading)
    process = place.start("export", stdout=writing)
    os.close(writing)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in said


@on_postgresql  # the limit would hold for the file of SQLite too
def test_a_file_that_may_not_grow_is_said_and_goes_on_later(place: Place):
    events = place.folder / "events.jsonl"

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    limited = place.start("export", "--format", "ocsf", "--out", events, preexec_fn=small_files)
    _, said = limited.communicate()
    assert limited.returncode == 1
    assert "File too large" in said
    assert "Traceback" not in said
    assert events.stat().st_size == 4000
    assert place.run("export", "--format", "ocsf", "--out", events).exit_code == 0
    found = [json.loads(line)["metadata"]["sequence"] for line in events.open()]
    assert found == list(range(1, place.ledger.last_index() + 1))


def test_entries_are_read_around_what_is_broken(place: Place):
    with place.ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == 2).values(body=b""))
        connection.execute(update(entries).where(entries.c.index == 5).values(kind="x", recorded_at=entries.c.index))
        connection.execute(delete(entries).where(entries.c.index == 3))
    found = [getattr(each, "index", None) for each in read_entries(place.ledger, Part(newest_first=True))]
    assert found == [5, 4, 3, 2, 1]
    assert last_before(place.ledger, place.ledger.clock.now()) == 5
    done = place.run("search", "--kind", "granted")
    assert done.exit_code == 4
    assert [json.loads(line)["index"] for line in done.stdout.splitlines()] == [5]
    assert "entry 2: " in done.stderr
    assert "entry 3: missing" in done.stderr


@on_postgresql
def test_a_login_that_may_not_record_who_reads_is_shown_nothing(place: Place, logins: Logins):
    for command in ("search", "tail", "export"):
        done = place.run(command, JIT_LEDGER_URL=logins("jit_bot"))
        assert isinstance(done.exception, CannotStart), command
        assert "Nothing is shown" in str(done.exception)
        assert "jit_auditor" in str(done.exception)
        assert done.stdout == ""
