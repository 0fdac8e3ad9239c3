"""The signer: what it signs, what it refuses to sign, and what it says then."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from jit.facts import AlertName, Source
from jit.ledger import LedgerUnavailable, connect
from jit.ledger.entry import hash_of
from jit.settings import CannotStart
from jit.signer import signer as module
from jit.signer.keys import MEMORY, make_key, old_of, rotate_key
from jit.signer.newest import newest_of
from jit.signer.signer import HEARTBEAT
from jit.signer.state import Store
from jit.signer.state import read_memory as remembered
from jit.tlog.note import SignerKey, checkpoint, sign
from jit.verifier import Grade, Reason, VerifierKey, cosigned_at, parse_checkpoint, parse_note, signed
from tests.fakes import SetClock
from tests.signing import ORIGIN, Desk, verdict


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.append(5)
    made.turn()
    yield made
    made.stopped()
    made.engine.dispose()


def refuses(desk: Desk) -> bool:
    """Whether nothing new is signed, though there is something new."""
    before = len(desk.sizes)
    desk.append()
    desk.turn(5)
    return len(desk.sizes) == before


class TestSigning:
    def test_a_change_is_signed_at_the_next_look(self, desk: Desk) -> None:
        desk.append(3)
        desk.turn(1)
        assert desk.size == desk.ledger.last_index()

    def test_what_is_signed_is_what_the_verifier_finds(self, desk: Desk) -> None:
        for many in (1, 7, 300):
            desk.append(many)
            desk.turn()
        found = desk.verdict()
        assert (found.grade, found.findings, found.covered[Grade.SIGNED]) == (Grade.SIGNED, (), found.size)

    def test_nothing_new_is_not_signed_again(self, desk: Desk) -> None:
        before = desk.sizes
        desk.turn(20)
        assert desk.sizes == before

    def test_a_heartbeat_is_the_same_head_at_a_later_time(self, desk: Desk) -> None:
        desk.clock.move(seconds=HEARTBEAT)
        desk.turn()
        before, last = list(desk.heads.all())[-2:]
        old, new = parse_note(before.note), parse_note(last.note)
        assert old.text == new.text
        assert cosigned_at(new, desk.vkey) >= cosigned_at(old, desk.vkey) + HEARTBEAT
        desk.turn(20)
        assert desk.heads.last() == last

    def test_time_in_heads_never_goes_back(self, desk: Desk) -> None:
        desk.clock.time -= timedelta(days=1)
        desk.append()
        desk.turn()
        times = [cosigned_at(parse_note(head.note), desk.vkey) for head in desk.heads.all()]
        assert times == sorted(times)
        assert desk.verdict().findings == ()

    def test_every_head_is_handed_on_once(self, desk: Desk) -> None:
        desk.append()
        desk.turn()
        assert desk.given.heads == list(desk.heads.all())

    def test_its_start_and_its_first_key_are_recorded(self, desk: Desk) -> None:
        (started,) = desk.facts("started")
        assert (started.process, started.source, started.warnings) == ("signer", Source.SIGNER, ())
        (change,) = desk.facts("key.changed")
        assert (change.key, change.before) == (str(desk.vkey), None)
        desk.restarted()
        desk.turn()
        assert len(desk.facts("key.changed")) == 1

    def test_the_key_stands_in_no_fact_file_or_log(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        secret = desk.place.read_text().strip().split("+", 4)[4].encode()
        desk.turn()
        files = [path for path in desk.folder.rglob("*") if path.is_file() and path != desk.place]
        assert len(files) > 2
        assert not any(secret in path.read_bytes() for path in files)
        assert secret.decode() not in caplog.text


def change_an_entry(desk: Desk) -> None:
    desk.sql('UPDATE entries SET body = replace(body, :a, :b) WHERE "index" = 3', a="request", b="requesT")


def change_an_entry_and_its_hash(desk: Desk) -> None:
    body = desk.ledger.read(after=2, limit=1)[0].body.replace(b"request", b"requesT")
    desk.sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = 3', body=body, hash=hash_of(body))


def rewrite_from_an_entry_on(desk: Desk) -> None:
    """With every hash and place made right again."""
    entries = desk.ledger.read(limit=1000)
    previous = entries[1].hash
    for entry in entries[2:]:
        body = entry.body.replace(b"request", b"requesT").replace(entry.previous.encode(), previous.encode())
        previous = hash_of(body)
        desk.sql(
            'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :at',
            body=body,
            hash=previous,
            at=entry.index,
        )


def drop_an_entry(desk: Desk) -> None:
    desk.sql('DELETE FROM entries WHERE "index" = 3')


def cut_the_tail(desk: Desk) -> None:
    desk.sql('DELETE FROM entries WHERE "index" > :at', at=desk.ledger.last_index() - 2)


def cut_the_last(desk: Desk) -> None:
    desk.sql('DELETE FROM entries WHERE "index" = :at', at=desk.ledger.last_index())


def empty_the_record(desk: Desk) -> None:
    desk.sql("DELETE FROM entries")


def change_the_last(desk: Desk) -> None:
    body = desk.ledger.read(after=desk.ledger.last_index() - 1)[0].body.replace(b"Z", b"z")
    at = desk.ledger.last_index()
    desk.sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = :at', body=body, hash=hash_of(body), at=at)


TAMPERING = [
    change_an_entry,
    change_an_entry_and_its_hash,
    rewrite_from_an_entry_on,
    drop_an_entry,
    cut_the_tail,
    cut_the_last,
    empty_the_record,
    change_the_last,
]


class TestRefusing:
    @pytest.mark.parametrize("tamper", TAMPERING)
    def test_a_record_that_was_changed_is_not_signed_any_more(self, desk: Desk, tamper: Any) -> None:
        tamper(desk)
        desk.turn()
        assert refuses(desk)
        assert [alert.name for alert in desk.alerts] == [AlertName.HEAD_REFUSED]
        assert "jit audit verify" in desk.alerts[0].says

    @pytest.mark.parametrize("tamper", TAMPERING)
    def test_nor_where_it_was_changed_while_the_signer_was_down(self, desk: Desk, tamper: Any) -> None:
        desk.restarted(lambda: tamper(desk))
        assert refuses(desk)
        assert [alert.name for alert in desk.alerts] == [AlertName.HEAD_REFUSED]

    @pytest.mark.parametrize("tamper", [cut_the_tail, empty_the_record, rewrite_from_an_entry_on])
    def test_nor_where_it_grows_beyond_what_was_signed(self, desk: Desk, tamper: Any) -> None:
        desk.restarted(lambda: (tamper(desk), desk.append(30)))
        assert refuses(desk)

    @pytest.mark.parametrize("tamper", [cut_the_tail, rewrite_from_an_entry_on])
    def test_nor_where_the_heads_were_deleted_along(self, desk: Desk, tamper: Any) -> None:
        desk.restarted(lambda: (tamper(desk), desk.sql("DELETE FROM heads"), desk.append(30)))
        before = desk.sizes
        desk.append()
        desk.turn(5)
        assert set(desk.sizes) - set(before) <= {parse_checkpoint(parse_note(desk.store.memory.last.note).text).size}
        assert len(desk.alerts) == 2

    def test_a_bad_new_entry_is_not_signed_with_the_good_ones_before_it(self, desk: Desk) -> None:
        desk.append(3)
        at = desk.ledger.last_index()
        desk.sql('UPDATE entries SET hash = :hash WHERE "index" = :at', hash="0" * 64, at=at)
        assert refuses(desk)

    def test_an_alert_is_told_once_and_once_more_when_it_happens_again(self, desk: Desk) -> None:
        copy = desk.copied()
        for told in (1, 2):
            cut_the_tail(desk)
            desk.turn(10)
            desk.restarted()
            desk.turn(10)
            assert len(desk.alerts) == 1
            desk.put_back(copy)
            desk.turn(40)
            desk.append(told)
            desk.turn()
            assert desk.size == desk.ledger.last_index()
            copy = desk.copied()

    def test_a_refusal_that_goes_on_is_told_again_every_ten_minutes(self, desk: Desk) -> None:
        cut_the_tail(desk)
        desk.turn()
        for told in (1, 2, 3):
            desk.turn(5)
            assert len(desk.alerts) == told
            desk.restarted()
            desk.turn(2)
            desk.clock.move(seconds=module.TELL_AGAIN)
            desk.turn()

    def test_who_refuses_keeps_its_lease_while_it_waits(self, desk: Desk) -> None:
        class Stop(Event):
            """Ten minutes on, by the clock that is moved."""

            def wait(self, timeout: float | None = None) -> bool:
                desk.clock.move(seconds=timeout or 0)
                held.append(not desk.signer._leases.hold("signer", "another"))
                return len(held) > 100

            def is_set(self) -> bool:
                return len(held) > 100

        held: list[bool] = []
        cut_the_tail(desk)
        desk.signer.run(Stop())
        assert all(held)
        assert desk.alerts

    def test_a_record_that_is_put_right_again_is_signed_again(self, desk: Desk) -> None:
        copy = desk.copied()
        rewrite_from_an_entry_on(desk)
        assert refuses(desk)
        desk.put_back(copy)
        desk.append()
        desk.turn()
        assert desk.size == desk.ledger.last_index()
        assert desk.verdict().grade is Grade.SIGNED

    def test_it_goes_on_refusing_where_the_alert_cannot_be_recorded(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
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
        assert desk.alerts == []
        desk.turn(5)
        assert desk.sizes == before
        assert [alert.name for alert in desk.alerts] == [AlertName.HEAD_REFUSED]

    def test_while_the_database_is_away_it_waits_longer_each_time(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(desk.signer, "_heads", None)
            patch.setattr(desk.signer._leases, "hold", lambda *_: (_ for _ in ()).throw(LedgerUnavailable("away")))
            waits = [(desk.signer.turn(), desk.clock.move(seconds=60))[0] for _ in range(6)]
        assert waits == sorted(waits)
        assert waits[-1] == module.BACK_OFF[-1]
        desk.append()
        assert desk.signer.turn() == module.LOOK_EVERY
        assert desk.size == desk.ledger.last_index()

    def test_a_database_that_goes_away_after_signing_gets_that_head_later(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any, **__: Any) -> None:
            raise LedgerUnavailable("away")

        desk.append()
        with monkeypatch.context() as patch:
            patch.setattr(type(desk.heads), "add", away)
            desk.turn(2)
        made = desk.store.memory.pending
        assert made.note not in [head.note for head in desk.heads.all()]
        desk.turn(2)
        assert made.note in [head.note for head in desk.heads.all()]
        assert desk.store.memory.pending is None
        assert desk.given.heads[-1] == desk.heads.last()
        assert desk.alerts == []
        assert desk.verdict().findings == ()


class TestTheTableOfHeads:
    def test_heads_that_are_gone_are_noticed_and_the_last_is_put_back(self, desk: Desk) -> None:
        last = desk.heads.last()
        desk.sql("DELETE FROM heads")
        desk.append()
        desk.turn()
        assert desk.heads.at(last.number) == last
        assert [alert.name for alert in desk.alerts] == [AlertName.HEAD_REFUSED]
        assert "deleted or exchanged" in desk.alerts[0].says
        assert desk.size == desk.ledger.last_index()

    def test_also_when_it_was_down(self, desk: Desk) -> None:
        desk.restarted(lambda: desk.sql("DELETE FROM heads"))
        desk.turn()
        assert "deleted or exchanged" in desk.alerts[0].says

    def test_heads_by_others_are_noticed(self, desk: Desk) -> None:
        evil = SignerKey.generate(ORIGIN)
        desk.heads.add(900, desk.clock.now(), sign(checkpoint(ORIGIN, 900, b"r" * 32), evil))
        desk.append()
        desk.turn()
        assert ["not signed with the key" in alert.says for alert in desk.alerts] == [True]
        assert desk.size == desk.ledger.last_index()


def forget(desk: Desk) -> None:
    (desk.folder / "signer" / MEMORY).unlink()


class TestItsMemory:
    def test_without_it_the_newest_head_of_its_key_is_where_it_goes_on(self, desk: Desk) -> None:
        desk.restarted(lambda: forget(desk))
        before = desk.size
        desk.turn()
        warned = desk.facts("started")[-1].warnings
        assert ["is lost" in warning for warning in warned] == [True]
        assert desk.size > before
        assert desk.verdict().findings == ()

    @pytest.mark.parametrize("tamper", [rewrite_from_an_entry_on, cut_the_tail])
    def test_without_it_what_does_not_fit_that_head_is_refused(self, desk: Desk, tamper: Any) -> None:
        desk.restarted(lambda: (forget(desk), tamper(desk)))
        assert refuses(desk)

    def test_heads_of_another_key_count_for_nothing(self, desk: Desk) -> None:
        evil = SignerKey.generate(ORIGIN)
        desk.heads.add(900, desk.clock.now(), sign(checkpoint(ORIGIN, 900, b"r" * 32), evil))
        desk.restarted(lambda: forget(desk))
        desk.turn()
        assert desk.size == desk.ledger.last_index()

    def test_without_it_and_without_heads_it_begins_anew(self, desk: Desk) -> None:
        desk.restarted(lambda: (forget(desk), desk.sql("DELETE FROM heads")))
        desk.turn()
        assert desk.size == desk.ledger.last_index()
        assert desk.facts("started")[-1].warnings == ()

    @pytest.mark.parametrize(
        "damage",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b'{"format": "jit signer 1", "last": 5, "pending": null, "told": []}',
            b"\xff" * 100,
            None,
        ],
    )
    def test_a_damaged_one_is_no_reason_to_begin_anew(self, desk: Desk, damage: bytes | None) -> None:
        path = desk.folder / "signer" / MEMORY
        desk.stopped()
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b'"note": "a', b'"note": "b') if damage is None else damage)
        with pytest.raises(CannotStart, match="backup"):
            Store(desk.folder / "signer")
        path.write_bytes(whole)
        desk.store = Store(desk.folder / "signer")

    def test_two_signers_cannot_share_it(self, desk: Desk) -> None:
        with pytest.raises(CannotStart, match="Another signer"):
            Store(desk.folder / "signer")

    def test_what_cannot_be_remembered_is_not_signed(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        before = desk.sizes
        desk.append()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            desk.turn(3)
        assert desk.sizes == before
        desk.turn(3)
        assert desk.size == desk.ledger.last_index()

    def test_it_is_remembered_before_it_is_given_away(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[bool] = []
        add = type(desk.heads).add

        def looking(heads: Any, size: int, at: Any, note: bytes, **how: Any) -> Any:
            seen.append(remembered(desk.folder / "signer" / MEMORY).pending.note == note)
            return add(heads, size, at, note, **how)

        monkeypatch.setattr(type(desk.heads), "add", looking)
        desk.append()
        desk.turn()
        assert seen == [True]


class TestTwoSigners:
    @pytest.fixture
    def other(self, desk: Desk, tmp_path: Path) -> Iterator[Desk]:
        """On another host: with the same key, and a memory of its own."""
        folder = tmp_path / "other"
        make_key(folder / "signer" / "log.key", "unused")
        (folder / "signer" / "log.key").write_bytes(desk.place.read_bytes())
        made = Desk(folder, url=desk.url, clock=desk.clock)
        made.stopped()
        made.signer = made.started("two")
        yield made
        made.stopped()
        made.engine.dispose()

    def test_only_who_holds_the_lease_signs(self, desk: Desk, other: Desk) -> None:
        for _ in range(10):
            desk.append()
            desk.signer.turn()
            other.signer.turn()
            desk.clock.move(seconds=1)
        assert other.given.heads == []
        assert desk.size == desk.ledger.last_index()

    def test_who_follows_goes_on_from_what_the_other_signed(self, desk: Desk, other: Desk) -> None:
        desk.append()
        desk.turn()
        desk.clock.move(seconds=6)
        other.append(4)
        other.turn()
        assert other.size == other.ledger.last_index()
        desk.clock.move(seconds=6)
        desk.append()
        desk.turn(4)
        found = desk.verdict()
        assert (found.findings, found.covered[Grade.SIGNED]) == ((), desk.ledger.last_index())
        assert desk.alerts == []

    def test_one_that_was_stopped_in_the_middle_signs_over_nobody(
        self, desk: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between what it remembers and what it gives away, the lease runs out and another signs."""
        add = type(desk.heads).add
        stopped: list[int] = []

        def slow(heads: Any, *given: Any, **how: Any) -> Any:
            if heads is desk.signer._heads and not stopped:
                stopped.append(1)
                desk.clock.move(seconds=20)
                other.append(2)
                other.turn(2)
            return add(heads, *given, **how)

        monkeypatch.setattr(type(desk.heads), "add", slow)
        desk.append()
        desk.turn(1)
        assert stopped
        assert other.given.heads
        desk.clock.move(seconds=20)
        desk.append()
        desk.turn(4)
        assert desk.size == desk.ledger.last_index()
        assert desk.verdict().findings == ()

    def test_a_fork_between_two_is_refused(self, desk: Desk, other: Desk) -> None:
        """The database was rewritten between their turns, and its heads with it; the second knows no better."""
        desk.sql("DELETE FROM heads")
        desk.append(2)
        rewrite_from_an_entry_on(desk)
        desk.clock.move(seconds=20)
        other.turn()
        assert other.size == other.ledger.last_index()
        desk.clock.move(seconds=20)
        assert refuses(desk)


class TestRotation:
    def test_the_first_head_of_a_new_key_is_signed_by_both(self, desk: Desk) -> None:
        old = desk.vkey
        rotate_key(desk.place)
        desk.turn()
        new = desk.vkey
        notes = [parse_note(head.note) for head in desk.heads.all()]
        assert [(signed(note, old), signed(note, new)) for note in notes] == [(True, False), (True, True)]
        assert not old_of(desk.place).exists()
        desk.append()
        desk.turn()
        last = parse_note(desk.heads.last().note)
        assert (signed(last, old), signed(last, new)) == (False, True)
        changes = desk.facts("key.changed")
        assert [(change.key, change.before) for change in changes] == [(str(old), None), (str(new), str(old))]

    def rotated(self, desk: Desk) -> dict[str, VerifierKey]:
        old = desk.vkey
        rotate_key(desk.place)
        desk.turn()
        desk.append()
        desk.turn()
        return {"old": old, "new": desk.vkey}

    @pytest.mark.parametrize("named", [["new"], ["old", "new"]], ids=" and ".join)
    def test_who_names_the_key_of_today_believes_the_one_before(self, desk: Desk, named: list[str]) -> None:
        keys = self.rotated(desk)
        found = verdict(desk.engine, *(keys[name] for name in named), offered=tuple(keys.values()))
        assert (found.findings, found.covered[Grade.SIGNED]) == ((), desk.ledger.last_index())

    def test_who_names_the_key_before_alone_has_to_learn_the_new_one_elsewhere(self, desk: Desk) -> None:
        keys = self.rotated(desk)
        found = verdict(desk.engine, keys["old"], offered=tuple(keys.values()))
        assert [each.reason for each in found.findings] == [Reason.KEY_NOT_VOUCHED]

    @pytest.mark.parametrize("restart", [True, False])
    def test_a_rotation_is_noticed_at_once_and_at_the_next_start(self, desk: Desk, restart: bool) -> None:
        old = desk.vkey
        if restart:
            desk.restarted(lambda: rotate_key(desk.place))
        else:
            rotate_key(desk.place)
        desk.turn()
        first = next(note for head in desk.heads.all() if signed(note := parse_note(head.note), desk.vkey))
        assert signed(first, old)

    def test_a_key_that_was_replaced_by_hand_is_told_and_recorded(self, desk: Desk) -> None:
        old = desk.vkey
        another = desk.folder / "another" / "log.key"
        make_key(another, ORIGIN)
        desk.restarted(lambda: another.replace(desk.place))
        desk.turn()
        assert ["nothing vouches" in warning for warning in desk.facts("started")[-1].warnings] == [True]
        assert desk.facts("key.changed")[-1].before == str(old)
        assert desk.size == desk.ledger.last_index()
        found = verdict(desk.engine, old, offered=(old, desk.vkey))
        assert [each.reason for each in found.findings] == [Reason.KEY_NOT_VOUCHED]

    def test_a_new_key_does_not_forget_what_the_old_one_signed(self, desk: Desk) -> None:
        desk.restarted(lambda: (rotate_key(desk.place), rewrite_from_an_entry_on(desk)))
        assert refuses(desk)


def test_the_newest_head_is_the_largest_that_was_signed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, clock=SetClock())
    key = SignerKey.generate(ORIGIN)
    for size in (3, 9, 5):
        desk.heads.add(size, desk.clock.now(), sign(checkpoint(ORIGIN, size, b"r" * 32), key))
    desk.heads.add(99, desk.clock.now(), b"rubbish")
    found = newest_of(desk.heads, [key.verifier()])
    assert found is not None
    assert (found.number, found.checkpoint.size) == (2, 9)
    above = newest_of(desk.heads, [key.verifier()], above=2)
    assert above is not None
    assert above.checkpoint.size == 5
    assert newest_of(desk.heads, [SignerKey.generate(ORIGIN).verifier()]) is None
    desk.stopped()
    desk.engine.dispose()


def test_a_signer_whose_ledger_is_away_at_the_start_begins_when_it_is_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE heads RENAME TO gone")
    assert desk.signer.turn() > 0
    assert desk.signer.turn() > 0
    with connect(desk.url).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO heads")
    desk.clock.move(seconds=10)
    desk.turn()
    assert desk.size == desk.ledger.last_index() > 0
    desk.stopped()
