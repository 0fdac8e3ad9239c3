"""The stage reads the record with its own eyes, and sees whatever was done to it."""

import pytest
from sqlalchemy import text

from demo.record import Record
from jit.ledger import TamperedEntry
from jit.ledger.entry import NO_ENTRY, hash_of, seal
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import leaf_hash
from jit.testing import InMemoryLedger, Story
from tests.world.tamper import past_the_guards


@pytest.fixture
def ledger():
    return InMemoryLedger()


@pytest.fixture
def story(ledger):
    return Story(ledger, ledger.clock).active()


@pytest.fixture
def record(ledger, story):
    read = Record(ledger)
    read.read_on()
    return read


def change(ledger, statement, **values):
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text(statement), values)


def test_it_reads_on_from_where_it_was(record, story):
    assert record.last == 5
    assert record.stories[story.id].kinds == ["requested", "approval", "approved", "grant.intent", "granted"]
    story.refused()
    story.released()
    record.read_on()
    assert (record.last, record.stories[story.id].request.state) == (7, "ending")
    assert [fact.reason for fact in record.refusals] == ["not_allowed_to_decide"]
    assert record.read_whole() == 7


def test_a_changed_entry_is_found(record, ledger):
    change(ledger, """UPDATE entries SET body = replace(CAST(body AS TEXT), 'medium', 'low') WHERE "index" = 1""")
    with pytest.raises(TamperedEntry, match="entry 1"):
        record.read_whole()


def test_an_entry_rewritten_with_a_fitting_hash_is_found(record, ledger):
    body = ledger.read(limit=1)[0].body.replace(b"orders_read", b"orders_admin")
    values = {"body": body, "hash": hash_of(body)}
    change(ledger, 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = 1', **values)
    with pytest.raises(TamperedEntry, match="entry 2"):
        record.read_whole()


def test_the_newest_entry_rewritten_is_found_at_the_next_look(record, ledger):
    body = ledger.read(after=4)[0].body.replace(b"orders_read", b"orders_admin")
    values = {"body": body, "hash": hash_of(body)}
    change(ledger, 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = 5', **values)
    with pytest.raises(TamperedEntry, match="is not what it was"):
        record.read_on()


def test_entries_cut_off_are_missed_at_the_next_look(record, ledger):
    change(ledger, 'DELETE FROM entries WHERE "index" >= 4')
    with pytest.raises(TamperedEntry, match="is gone"):
        record.read_on()
    with pytest.raises(TamperedEntry, match="is gone"):
        record.read_whole()


@pytest.mark.parametrize("look", ["read_on", "read_whole"])
def test_a_record_written_anew_from_the_start_is_not_the_one_that_was_seen(record, ledger, look):
    change(ledger, "DELETE FROM entries")
    change(ledger, "DELETE FROM requests")
    Story(ledger, ledger.clock).active()
    with pytest.raises(TamperedEntry, match="is not what it was"):
        getattr(record, look)()


class TestWithSignedCheckpoints:
    @pytest.fixture
    def key(self):
        return SignerKey.generate("jit.example/stage")

    @pytest.fixture
    def signed(self, ledger, story, key):
        self.sign(ledger, key)
        read = Record(ledger, key.verifier())
        read.read_on()
        return read

    def sign(self, ledger, key):
        tree = HashTree(leaf_hash(entry.body) for entry in ledger.read())
        Checkpoints(ledger.engine).add(
            tree.size, ledger.clock.now(), sign(checkpoint_text(key.name, tree.size, tree.root()), key)
        )

    def test_what_is_signed_is_counted(self, signed, story, ledger, key):
        assert signed.signed == 5
        story.released()
        signed.read_on()
        assert (signed.last, signed.signed) == (6, 5)
        self.sign(ledger, key)
        signed.read_on()
        assert signed.signed == 6

    def test_a_record_rewritten_whole_is_found_by_who_comes_later(self, signed, ledger, key):
        kept = ledger.read()
        previous = NO_ENTRY
        for entry in kept:
            anew = seal(entry.fact, index=entry.index, recorded_at=entry.recorded_at, previous=previous)
            body = anew.body.replace(b"medium", b"low")
            previous = hash_of(body)
            values = {"body": body, "hash": previous, "index": entry.index}
            change(ledger, 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :index', **values)
        Record(ledger).read_on()
        with pytest.raises(TamperedEntry, match="signed over entries 1 to 5"):
            Record(ledger, key.verifier()).read_on()

    def test_a_cut_end_is_found_by_who_comes_later(self, signed, ledger, key):
        change(ledger, 'DELETE FROM entries WHERE "index" = 5')
        Record(ledger).read_on()
        with pytest.raises(TamperedEntry, match="entry 5: is gone; it had been signed"):
            Record(ledger, key.verifier()).read_on()

    def test_a_checkpoint_that_the_key_did_not_sign_says_nothing(self, signed, ledger):
        self.sign(ledger, SignerKey.generate("jit.example/stage"))
        Checkpoints(ledger.engine).add(99, ledger.clock.now(), b"nothing of the kind")
        signed.read_on()
        assert signed.signed == 5
