"""The live ledger read for the verifier, on real databases: one moment of it, whatever is written meanwhile, and never
more than a page of it in memory.
"""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner

from jit.cli.audit.export import export
from jit.cli.audit.prove import prove
from jit.cli.audit.verify import verify
from jit.ledger import LedgerUnavailable, connect, create_tables
from jit.proof import verifier
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import astray, live
from tests.world.record import Record
from tests.world.tamper import past_the_guards

pytestmark = pytest.mark.real
MEASURED = """
import resource, sys
from jit.proof.audit import live
from jit.proof.verifier import Sources, Trust, check_record
live.PAGE = 100
for url in sys.argv[1:]:
    with live.live(url) as record:
        found = check_record(record.entries, Sources(log=record.checkpoints), Trust())
    print(found.size, found.grade.name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def record(ledger_url, tmp_path, monkeypatch):
    monkeypatch.setenv("JIT_LEDGER_URL", ledger_url)
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    record = Record(tmp_path, url=ledger_url)
    yield record
    record.close()


def test_what_is_appended_while_it_is_read_is_not_seen(record):
    record.whole()
    record.sign()
    with live(record.url) as found:
        first = next(found.entries)
        record.whole("R-8AAA")
        record.sign()
        assert 1 + sum(1 for _ in found.entries) == 10
        assert len(list(found.checkpoints)) == 1
    assert first[0] == 1


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_entries_and_checkpoints_are_of_one_moment(record, monkeypatch):
    """A checkpoint signed between the two questions would cover entries that the first did not see yet."""
    record.whole()
    execute = psycopg.ServerCursor.execute

    def interrupted(cursor, *arguments, **named):
        execute(cursor, *arguments, **named)
        if cursor.name == "entries":
            monkeypatch.setattr(psycopg.ServerCursor, "execute", execute)
            record.whole("R-8AAA")
            record.sign()

    monkeypatch.setattr(psycopg.ServerCursor, "execute", interrupted)
    with live(record.url) as found:
        assert len(list(found.entries)) == 10
        assert list(found.checkpoints) == []


def test_bytes_hashes_and_checkpoints_come_as_they_are_kept(record):
    record.whole()
    notes = [record.sign(size=4), record.sign()]
    with live(record.url) as found:
        entries = list(found.entries)
        assert list(found.checkpoints) == notes
    assert all(hashlib.sha256(body).hexdigest() == kept_under for _, body, kept_under in entries)
    assert [index for index, _, _ in entries] == list(range(1, 11))
    assert astray(record.url) == []


def test_a_checkpoint_with_an_empty_note_is_read_and_is_none(record):
    record.whole()
    Checkpoints(record.ledger.engine).add(1, record.ledger.clock.now(), b"")
    with live(record.url) as found:
        assert list(found.checkpoints) == [b""]


def test_reading_changes_nothing_and_cannot(record):
    with live(record.url) as found:
        list(found.entries)
    assert len(record.entries()) == 1


def test_prove_and_verify_as_typed(record):
    record.names()
    record.whole()
    record.sign()
    assert CliRunner().invoke(prove, ["R-7F3K"]).exit_code == 0
    for what in ([], ["R-7F3K.evidence.json"], ["R-7F3K.evidence.html"]):
        done = CliRunner().invoke(verify, [*what, "--key", str(record.key.verifier())])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["grade"] == "signed"


def test_an_exported_copy_checks_elsewhere_and_by_the_single_file_too(record, tmp_path):
    record.whole()
    record.sign()
    done = CliRunner().invoke(export, ["--out", str(tmp_path / "copy")])
    assert done.exit_code == 0, done.output
    key = ("--key", str(record.key.verifier()))
    done = CliRunner().invoke(verify, [str(tmp_path / "copy"), *key], env={"JIT_LEDGER_URL": "sqlite:////nowhere/x.db"})
    assert json.loads(done.stdout)["reached"] == ["signed"]
    CliRunner().invoke(prove, ["R-7F3K"])
    shutil.copy(verifier.__file__, tmp_path / "alone.py")
    for what in ("copy", "R-7F3K.evidence.json"):
        alone = [sys.executable, "-I", "alone.py", what, *key]
        assert subprocess.run(alone, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_columns_that_say_something_else_than_the_bytes_are_found(record):
    record.whole()
    unguarded(
        record,
        "UPDATE entries SET request_id = 'R-9999' WHERE \"index\" = 2",
        'UPDATE entries SET request_id = NULL WHERE "index" = 4',
        "UPDATE entries SET request_id = 'R-7F3K' WHERE \"index\" = 1",
        "UPDATE entries SET kind = 'withdrawn' WHERE \"index\" = 6",
    )
    assert astray(record.url) == [1, 2, 4, 6]


def test_a_fact_written_with_blanks_is_as_good_as_any_and_a_false_column_beside_it_is_found(record):
    """Older databases took such a one, from any login; then `jit audit verify` exited with 4 for good."""
    record.whole()
    (last,) = record.ledger.read(after=9)
    place = {"index": 11, "recorded_at": last.recorded_at.isoformat(), "previous": last.hash}
    fact = {"id": str(UUID(int=7)), "kind": "requested", "request_id": "R-7F3K"}
    body = json.dumps(place | {"fact": fact}).encode()
    hash_ = hashlib.sha256(body).hexdigest()
    as_hex = f"X'{body.hex()}'" if record.url.startswith("sqlite") else f"'\\x{body.hex()}'"
    unguarded(
        record, f"INSERT INTO entries VALUES (11, '{UUID(int=7)}', 0, 'requested', 'R-7F3K', {as_hex}, '{hash_}')"
    )
    record.sign()
    assert astray(record.url) == []
    done = CliRunner().invoke(verify, ["--key", str(record.key.verifier())])
    assert (done.exit_code, json.loads(done.stdout)["reached"]) == (0, ["signed"])
    unguarded(record, "UPDATE entries SET kind = 'denied' WHERE \"index\" = 11")
    assert astray(record.url) == [11]


def test_a_quote_in_free_text_passes_for_no_field(record):
    record.whole(why='","kind":"ended","request_id":"R-9999","x":"')
    unguarded(record, "UPDATE entries SET kind = 'ended' WHERE \"index\" = 2")
    assert astray(record.url) == [2]


def unguarded(record, *changes):
    """As whoever owns the database."""
    with record.engine.begin() as connection, past_the_guards(connection):
        for change in changes:
            connection.exec_driver_sql(change)


def test_a_server_that_is_not_there_is_said_without_its_password():
    with pytest.raises(LedgerUnavailable) as failed, live("postgresql://jit:secret-word@127.0.0.1:1/ledger"):
        pass
    assert "secret-word" not in str(failed.value)


def many(path, entries):
    """A ledger of that many entries, made without the product's care for durability."""
    engine = connect(f"sqlite:///{path}")
    create_tables(engine)
    engine.dispose()
    with sqlite3.connect(path) as database:
        database.executemany("INSERT INTO entries VALUES (?, ?, 0, 'granted', ?, ?, ?)", rows(entries))
    database.close()
    return f"sqlite:///{path}"


def rows(entries):
    previous = "0" * 64
    for index in range(1, entries + 1):
        request = f"R-{index:06d}"
        fact = {"id": str(UUID(int=index)), "request_id": request, "why": "x" * 6000, "kind": "granted"}
        head = f'{{"index": {index}, "recorded_at": "2026-11-21T14:00:00+00:00", "previous": "{previous}", "fact": '
        body = f"{head}{json.dumps(fact, separators=(',', ':'))}}}".encode()
        previous = hashlib.sha256(body).hexdigest()
        yield index, str(UUID(int=index)), request, body, previous


def test_a_record_twenty_times_as_long_takes_no_more_memory(tmp_path):
    """Held whole, it would take 24 MB more."""
    urls = [many(tmp_path / f"{entries}.db", entries) for entries in (200, 4000)]
    done = subprocess.run([sys.executable, "-c", MEASURED, *urls], capture_output=True, check=True, text=True)
    short, long = (line.split() for line in done.stdout.splitlines())
    assert (short[:2], long[:2]) == (["200", "UNSIGNED"], ["4000", "UNSIGNED"])
    assert int(long[2]) - int(short[2]) < 8 * 1024


def test_a_record_that_many_look_at_is_judged_as_by_one(record, monkeypatch):
    """With a checkpoint within what one process looks at, and an entry changed in what another does."""
    for number in range(3):
        record.whole(f"R-{number}AAA")
        record.sign()

    trust = verifier.Trust(keys=(record.key.verifier(),))

    def judged(name):
        with live(record.url) as found:
            judge = verifier.check_record if name == "entries" else verifier.check_pages
            return judge(getattr(found, name), verifier.Sources(log=found.checkpoints), trust)

    alone = judged("entries")
    monkeypatch.setattr("jit.proof.audit.live.MANY", 1)
    monkeypatch.setattr("jit.proof.audit.live.BLOCK", 7)
    assert judged("pages") == alone
    assert alone.grade is verifier.Grade.SIGNED
    unguarded(record, """UPDATE entries SET hash = 'x' WHERE "index" = 10""")
    broken = judged("pages")
    assert broken == judged("entries")
    assert [finding.reason for finding in broken.findings] == ["entry_changed", "chain_broken"]
