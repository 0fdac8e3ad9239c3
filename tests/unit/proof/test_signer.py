"""The signer: what it signs, what it refuses to sign, and what it says then."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Any

import pytest

from jit.facts import AlertName, Source
from jit.ledger import Leases, LedgerUnavailable, connect
from jit.proof.signer import signer as module
from jit.proof.signer.newest import newest_of
from jit.proof.signer.signer import HEARTBEAT
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.verifier import Grade, cosigned_at, parse_checkpoint, parse_note
from jit.testing import ManualClock
from tests.world.exhaustive import distinct
from tests.world.rewriting import (
    TAMPERING,
    change_an_entry,
    cut_the_tail,
    empty_the_record,
    refuses,
    rewrite_from_an_entry_on,
)
from tests.world.signing import ORIGIN, Signing


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Signing]:
    made = Signing(tmp_path)
    made.append(5)
    made.turn()
    yield made
    made.stopped()
    made.engine.dispose()


class TestSigning:
    def test_a_change_is_signed_at_the_next_look(self, desk: Signing) -> None:
        desk.append(3)
        desk.turn(1)
        assert desk.size == desk.ledger.last_index()

    def test_what_is_signed_is_what_the_verifier_finds(self, desk: Signing) -> None:
        for many in (1, 7, 300):
            desk.append(many)
            desk.turn()
        found = desk.verdict()
        assert (found.grade, found.findings, found.covered[Grade.SIGNED]) == (Grade.SIGNED, (), found.size)

    def test_nothing_new_is_not_signed_again(self, desk: Signing) -> None:
        before = desk.sizes
        desk.turn(20)
        assert desk.sizes == before

    def test_a_heartbeat_is_the_same_checkpoint_at_a_later_time(self, desk: Signing) -> None:
        desk.clock.move(seconds=HEARTBEAT)
        desk.turn()
        before, last = list(desk.checkpoints.all())[-2:]
        old, new = parse_note(before.note), parse_note(last.note)
        assert old.text == new.text
        assert cosigned_at(new, desk.vkey) >= cosigned_at(old, desk.vkey) + HEARTBEAT
        desk.turn(20)
        assert desk.checkpoints.last() == last

    def test_time_in_checkpoints_never_goes_back(self, desk: Signing) -> None:
        desk.clock.time -= timedelta(days=1)
        desk.append()
        desk.turn()
        times = [cosigned_at(parse_note(checkpoint.note), desk.vkey) for checkpoint in desk.checkpoints.all()]
        assert times == sorted(times)
        assert desk.verdict().findings == ()

    def test_every_checkpoint_is_handed_on_once(self, desk: Signing) -> None:
        desk.append()
        desk.turn()
        assert desk.given.checkpoints == list(desk.checkpoints.all())

    def test_its_start_and_its_first_key_are_recorded(self, desk: Signing) -> None:
        (started,) = desk.facts("started")
        assert (started.process, started.source, started.warnings) == ("signer", Source.SIGNER, ())
        (change,) = desk.facts("key.changed")
        assert (change.key, change.before) == (str(desk.vkey), None)
        desk.restarted()
        desk.turn()
        assert len(desk.facts("key.changed")) == 1

    def test_the_key_stands_in_no_fact_file_or_log(self, desk: Signing, caplog: pytest.LogCaptureFixture) -> None:
        secret = desk.place.read_text().strip().split("+", 4)[4].encode()
        desk.turn()
        files = [path for path in desk.folder.rglob("*") if path.is_file() and path != desk.place]
        assert len(files) > 2
        assert not any(secret in path.read_bytes() for path in files)
        assert secret.decode() not in caplog.text


DIFFERENT = (change_an_entry, rewrite_from_an_entry_on, cut_the_tail, empty_the_record)
"""By its hash, by the root that was signed, by its size, and by there being none."""


class TestRefusing:
    @pytest.mark.parametrize("tamper", TAMPERING)
    def test_a_record_that_was_changed_is_not_signed_any_more(self, desk: Signing, tamper: Any) -> None:
        tamper(desk)
        desk.turn()
        assert refuses(desk)
        assert [alert.name for alert in desk.alerts()] == [AlertName.CHECKPOINT_REFUSED]
        assert "jit audit verify" in desk.alerts()[0].says

    @pytest.mark.parametrize("tamper", distinct(TAMPERING, DIFFERENT, "ways to change a record while no signer runs"))
    def test_nor_where_it_was_changed_while_the_signer_was_down(self, desk: Signing, tamper: Any) -> None:
        desk.restarted(lambda: tamper(desk))
        assert refuses(desk)
        assert [alert.name for alert in desk.alerts()] == [AlertName.CHECKPOINT_REFUSED]

    @pytest.mark.parametrize("tamper", [cut_the_tail, empty_the_record, rewrite_from_an_entry_on])
    def test_nor_where_it_grows_beyond_what_was_signed(self, desk: Signing, tamper: Any) -> None:
        desk.restarted(lambda: (tamper(desk), desk.append(30)))
        assert refuses(desk)

    @pytest.mark.parametrize("tamper", [cut_the_tail, rewrite_from_an_entry_on])
    def test_nor_where_the_checkpoints_were_deleted_along(self, desk: Signing, tamper: Any) -> None:
        desk.restarted(lambda: (tamper(desk), desk.sql("DELETE FROM checkpoints"), desk.append(30)))
        before = desk.sizes
        desk.append()
        desk.turn(5)
        assert set(desk.sizes) - set(before) <= {parse_checkpoint(parse_note(desk.store.memory.last.note).text).size}
        assert len(desk.alerts()) == 2

    def test_a_bad_new_entry_is_not_signed_with_the_good_ones_before_it(self, desk: Signing) -> None:
        desk.append(3)
        at = desk.ledger.last_index()
        desk.sql('UPDATE entries SET hash = :hash WHERE "index" = :at', hash="0" * 64, at=at)
        assert refuses(desk)

    def test_an_alert_is_told_once_and_once_more_when_it_happens_again(self, desk: Signing) -> None:
        copy = desk.copied()
        for told in (1, 2):
            cut_the_tail(desk)
            desk.turn()
            desk.restarted()
            desk.turn()
            assert len(desk.alerts()) == 1
            desk.put_back(copy)
            desk.clock.move(seconds=40)
            desk.turn()
            desk.append(told)
            desk.turn()
            assert desk.size == desk.ledger.last_index()
            copy = desk.copied()

    def test_a_refusal_that_goes_on_is_told_again_every_ten_minutes(self, desk: Signing) -> None:
        cut_the_tail(desk)
        desk.turn()
        for told in (1, 2, 3):
            desk.turn(5)
            assert len(desk.alerts()) == told
            desk.restarted()
            desk.turn(2)
            desk.clock.move(seconds=module.TELL_AGAIN)
            desk.turn()

    def test_who_refuses_keeps_its_lease_while_it_waits(self, desk: Signing) -> None:
        class Stop(Event):
            """By the clock that is moved, for the signer itself."""

            def wait(self, timeout: float | None = None) -> bool:
                if current_thread() is not main_thread():
                    return super().wait(0.01)
                desk.clock.move(seconds=timeout or 0)
                held.append(not others.hold("signer", "another"))
                return len(held) > 30

            def is_set(self) -> bool:
                return len(held) > 30

        held: list[bool] = []
        others = Leases(desk.engine, desk.clock, timedelta(seconds=5))
        cut_the_tail(desk)
        desk.signer.run(Stop())
        assert all(held)
        assert desk.alerts()

    def test_a_record_that_is_put_right_again_is_signed_again(self, desk: Signing) -> None:
        copy = desk.copied()
        rewrite_from_an_entry_on(desk)
        assert refuses(desk)
        desk.put_back(copy)
        desk.append()
        desk.turn()
        assert desk.size == desk.ledger.last_index()
        assert desk.verdict().grade is Grade.SIGNED

    def test_it_goes_on_refusing_where_the_alert_cannot_be_recorded(
        self, desk: Signing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise LedgerUnavailable("full")

        cut_the_tail(desk)
        before = desk.sizes
        with monkeypatch.context() as patch:
            patch.setattr(desk.ledger, "append", full)
            desk.turn(5)
            desk.restarted()
            desk.turn(5)
        assert desk.sizes == before
        assert desk.alerts() == []
        desk.turn(5)
        assert desk.sizes == before
        assert [alert.name for alert in desk.alerts()] == [AlertName.CHECKPOINT_REFUSED]

    def test_while_the_database_is_away_it_waits_longer_each_time(
        self, desk: Signing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> bool:
            raise LedgerUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(Leases, "hold", away)
            waits = [(desk.signer.turn(), desk.clock.move(seconds=60))[0] for _ in range(6)]
        assert waits == sorted(waits)
        assert waits[-1] == module.BACK_OFF[-1]
        desk.append()
        assert desk.signer.turn() == module.LOOK_EVERY
        assert desk.size == desk.ledger.last_index()

    def test_a_database_that_goes_away_after_signing_gets_that_checkpoint_later(
        self, desk: Signing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any, **__: Any) -> None:
            raise LedgerUnavailable("away")

        desk.append()
        with monkeypatch.context() as patch:
            patch.setattr(type(desk.checkpoints), "add", away)
            desk.turn(2)
        made = desk.store.memory.pending
        assert made.note not in [checkpoint.note for checkpoint in desk.checkpoints.all()]
        desk.turn(2)
        assert made.note in [checkpoint.note for checkpoint in desk.checkpoints.all()]
        assert desk.store.memory.pending is None
        assert desk.given.checkpoints[-1] == desk.checkpoints.last()
        assert desk.alerts() == []
        assert desk.verdict().findings == ()


class TestTheTableOfCheckpoints:
    def test_checkpoints_that_are_gone_are_noticed_and_the_last_is_put_back(self, desk: Signing) -> None:
        last = desk.checkpoints.last()
        desk.sql("DELETE FROM checkpoints")
        desk.append()
        desk.turn()
        assert desk.checkpoints.at(last.number) == last
        assert [alert.name for alert in desk.alerts()] == [AlertName.CHECKPOINT_REFUSED]
        assert "deleted or exchanged" in desk.alerts()[0].says
        assert desk.size == desk.ledger.last_index()

    def test_also_when_it_was_down(self, desk: Signing) -> None:
        desk.restarted(lambda: desk.sql("DELETE FROM checkpoints"))
        desk.turn()
        assert "deleted or exchanged" in desk.alerts()[0].says

    def test_checkpoints_by_others_are_noticed(self, desk: Signing) -> None:
        evil = SignerKey.generate(ORIGIN)
        desk.checkpoints.add(900, desk.clock.now(), sign(checkpoint_text(ORIGIN, 900, b"r" * 32), evil))
        desk.append()
        desk.turn()
        assert ["not signed with the key" in alert.says for alert in desk.alerts()] == [True]
        assert desk.size == desk.ledger.last_index()


def test_the_newest_checkpoint_is_the_largest_that_was_signed(tmp_path: Path) -> None:
    desk = Signing(tmp_path, clock=ManualClock())
    key = SignerKey.generate(ORIGIN)
    for size in (3, 9, 5):
        desk.checkpoints.add(size, desk.clock.now(), sign(checkpoint_text(ORIGIN, size, b"r" * 32), key))
    desk.checkpoints.add(99, desk.clock.now(), b"rubbish")
    found = newest_of(desk.checkpoints, [key.verifier()])
    assert found is not None
    assert (found.number, found.checkpoint.size) == (2, 9)
    above = newest_of(desk.checkpoints, [key.verifier()], above=2)
    assert above is not None
    assert above.checkpoint.size == 5
    assert newest_of(desk.checkpoints, [SignerKey.generate(ORIGIN).verifier()]) is None
    desk.stopped()
    desk.engine.dispose()


def test_a_signer_whose_ledger_is_away_at_the_start_begins_when_it_is_there(tmp_path: Path) -> None:
    desk = Signing(tmp_path)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE checkpoints RENAME TO gone")
    assert desk.signer.turn() > 0
    assert desk.signer.turn() > 0
    with connect(desk.url).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO checkpoints")
    desk.clock.move(seconds=10)
    desk.turn()
    assert desk.size == desk.ledger.last_index() > 0
    desk.stopped()
