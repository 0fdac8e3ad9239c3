"""What reads the record, as processes, on both databases: on PostgreSQL with the rights of `jit ledger init`."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, update

from jit.audit.reading import Part, last_before, read_entries
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.embedded import EmbeddedPostgres
from jit.ledger import Ledger, connect, create_tables
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.ledger.schema import entries
from tests.life import ALICE, Story
from tests.servers import postgres_18
from tests.tamper import past_the_guards

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with postgres_18() as running:
        yield running


class Place:
    """A ledger with one request in it. ``url`` is a reader's, ``ledger`` may do anything."""

    def __init__(self, url: str, ledger: Ledger, folder: Path) -> None:
        self.url = url
        self.ledger = ledger
        self.folder = folder
        Story(ledger, ledger.clock).active()

    def start(self, *words: str | Path, url: str = "", **how) -> subprocess.Popen:
        environment = os.environ | {"JIT_LEDGER_URL": url or self.url, "JIT_DATA": str(self.folder)}
        command = [sys.executable, "-m", "jit.cli", "audit", *map(str, words)]
        return subprocess.Popen(
            command,
            env=environment,
            stdout=how.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )

    def run(self, *words: str | Path, **how) -> tuple[int, str, str]:
        process = self.start(*words, **how)
        told, said = process.communicate()
        assert "Traceback" not in said
        return process.returncode, told, said


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        engine = connect(url)
        create_tables(engine)
        yield Place(url, Ledger(engine, SystemClock()), tmp_path)
        engine.dispose()
        return
    server: EmbeddedPostgres = request.getfixturevalue("server")
    monkeypatch.setenv("SUPERUSER_URL", server.dsn())
    assert CliRunner().invoke(cli, ["ledger", "init", "--admin-url", "env:SUPERUSER_URL"]).exit_code == 0
    with psycopg.connect(server.dsn(database="jit")) as admin:
        admin.execute("INSERT INTO may_write SELECT DISTINCT 'postgres', kind FROM may_write")
    engine = connect(server.dsn(database="jit"))
    yield Place(server.dsn("jit_auditor", "jit"), Ledger(engine, SystemClock()), tmp_path)
    engine.dispose()
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE jit WITH (FORCE)")
        for name in (*(login.name for login in LOGINS), OWNER):
            admin.execute(f"DROP ROLE {name}")


def test_a_search_finds_and_is_recorded(place: Place):
    code, told, said = place.run("search", "--person", ALICE, "--kind", "granted")
    assert (code, said) == (0, "")
    assert [json.loads(line)["index"] for line in told.splitlines()] == [5]
    (_, _, fact) = [entry.fact for entry in place.ledger.read(after=3)]
    assert (fact.kind, fact.how) == ("record.read", "search")
    assert fact.asked.startswith("--person sealed:")
    assert fact.asked.endswith(" --kind granted")


def test_a_copy_made_twice_is_whole(place: Place):
    copy = place.folder / "copy"
    for _ in range(2):
        assert place.run("export", "--out", copy)[0] == 0
    bodies = [entry.body for entry in place.ledger.read()]
    assert (copy / "entries.jsonl").read_bytes().splitlines() == bodies
    assert len(bodies) == 7
    code, told, _ = place.run("export", "--after", "6", "--format", "ocsf")
    assert code == 0
    assert [json.loads(line)["metadata"]["sequence"] for line in told.splitlines()] == [7, 8]


def test_the_tail_follows_and_ends_well(place: Place):
    following = place.start("tail", "-f", "-n", "1", bufsize=1)
    assert following.stdout is not None
    seen = [json.loads(following.stdout.readline())["index"] for _ in range(2)]
    Story(place.ledger, place.ledger.clock).released()
    seen.append(json.loads(following.stdout.readline())["index"])
    following.send_signal(signal.SIGINT)
    _, said = following.communicate()
    assert seen == [5, 6, 7]
    assert (following.returncode, said) == (0, "")


def test_whoever_stops_listening_stops_the_command(place: Place):
    reading, writing = os.pipe()
    os.close(reading)
    process = place.start("export", stdout=writing)
    os.close(writing)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in said


def test_a_file_that_may_not_grow_is_said_and_goes_on_later(place: Place):
    events = place.folder / "events.jsonl"

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    if place.url.startswith("postgresql"):  # the limit would hold for the file of SQLite too
        code, _, said = place.run("export", "--format", "ocsf", "--out", events, preexec_fn=small_files)
        assert code == 1
        assert "File too large" in said
        assert events.stat().st_size == 4000
    assert place.run("export", "--format", "ocsf", "--out", events)[0] == 0
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
    code, told, said = place.run("search", "--kind", "granted")
    assert code == 4
    assert [json.loads(line)["index"] for line in told.splitlines()] == [5]
    assert "entry 2: " in said
    assert "entry 3: missing" in said


def test_a_login_that_may_not_record_who_reads_is_shown_nothing(place: Place, server: EmbeddedPostgres):
    if not place.url.startswith("postgresql"):
        pytest.skip("SQLite separates nobody")
    for command in ("search", "tail", "export"):
        code, told, said = place.run(command, url=server.dsn("jit_bot", "jit"))
        assert (code, told) == (1, "")
        assert "Nothing is shown" in said
        assert "jit_auditor" in said
