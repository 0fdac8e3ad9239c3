"""The stage reads the record with its own eyes, and sees whatever was done to it."""

import pytest
from sqlalchemy import text

from jit.cli.stage.record import Record
from jit.ledger import BrokenChain, Ledger, connect, create_tables
from jit.ledger.entry import hash_of
from tests.fakes import SetClock
from tests.life import Story


@pytest.fixture
def ledger(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    return Ledger(engine, SetClock())


@pytest.fixture
def story(ledger):
    return Story(ledger, ledger.clock).active()


@pytest.fixture
def record(ledger, story):
    read = Record(ledger)
    read.read_on()
    return read


def change(ledger, statement, **values):
    with ledger.engine.begin() as connection:
        connection.execute(text(statement), values)


def test_it_reads_on_from_where_it_was(record, story):
    assert record.head == 5
    assert record.stories[story.id].kinds == ["requested", "approval", "approved", "grant.intent", "granted"]
    story.refused()
    story.released()
    record.read_on()
    assert (record.head, record.stories[story.id].request.state) == (7, "ending")
    assert [fact.reason for fact in record.refusals] == ["not_allowed_to_decide"]
    assert record.read_whole() == 7


def test_a_changed_entry_is_found(record, ledger):
    change(ledger, """UPDATE entries SET body = replace(CAST(body AS TEXT), 'stuck', 'other') WHERE "index" = 1""")
    with pytest.raises(BrokenChain, match="entry 1"):
        record.read_whole()


def test_an_entry_rewritten_with_a_fitting_hash_is_found(record, ledger):
    body = ledger.read(limit=1)[0].body.replace(b"stuck", b"other")
    values = {"body": body, "hash": hash_of(body)}
    change(ledger, 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = 1', **values)
    with pytest.raises(BrokenChain, match="entry 2"):
        record.read_whole()


def test_the_newest_entry_rewritten_is_found_at_the_next_look(record, ledger):
    body = ledger.read(after=4)[0].body.replace(b"alice", b"mally")
    values = {"body": body, "hash": hash_of(body)}
    change(ledger, 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = 5', **values)
    with pytest.raises(BrokenChain, match="is not what it was"):
        record.read_on()


def test_entries_cut_off_are_missed_at_the_next_look(record, ledger):
    change(ledger, 'DELETE FROM entries WHERE "index" >= 4')
    with pytest.raises(BrokenChain, match="is gone"):
        record.read_on()
    with pytest.raises(BrokenChain, match="is gone"):
        record.read_whole()


@pytest.mark.parametrize("look", ["read_on", "read_whole"])
def test_a_record_written_anew_from_the_start_is_not_the_one_that_was_seen(record, ledger, look):
    change(ledger, "DELETE FROM entries")
    change(ledger, "DELETE FROM requests")
    Story(ledger, ledger.clock).active()
    with pytest.raises(BrokenChain, match="is not what it was"):
        getattr(record, look)()
