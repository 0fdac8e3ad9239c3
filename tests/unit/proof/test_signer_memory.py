"""What a signer keeps beside its key: what it signed last, who else signs, and a key that follows another."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jit.proof.signer.keys import MEMORY, make_key, old_of, rotate_key
from jit.proof.signer.state import Store
from jit.proof.signer.state import read_memory as remembered
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.verifier import Grade, Reason, VerifierKey, parse_note, signed
from jit.runtime.settings import CannotStart
from tests.world.raised import raised
from tests.world.rewriting import (
    cut_the_tail,
    refuses,
    rewrite_from_an_entry_on,
)
from tests.world.signing import ORIGIN, Signing, verdict


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Signing]:
    made = Signing(tmp_path)
    made.append(5)
    made.turn()
    yield made
    made.stopped()
    made.engine.dispose()


def forget(desk: Signing) -> None:
    (desk.folder / "signer" / MEMORY).unlink()


class TestItsMemory:
    def test_without_it_the_newest_checkpoint_of_its_key_is_where_it_goes_on(self, desk: Signing) -> None:
        desk.restarted(lambda: forget(desk))
        before = desk.size
        desk.turn()
        warned = desk.facts("started")[-1].warnings
        assert ["is lost" in warning for warning in warned] == [True]
        assert desk.size > before
        assert desk.verdict().findings == ()

    @pytest.mark.parametrize("tamper", [rewrite_from_an_entry_on, cut_the_tail])
    def test_without_it_what_does_not_fit_that_checkpoint_is_refused(self, desk: Signing, tamper: Any) -> None:
        desk.restarted(lambda: (forget(desk), tamper(desk)))
        assert refuses(desk)

    def test_checkpoints_of_another_key_count_for_nothing(self, desk: Signing) -> None:
        evil = SignerKey.generate(ORIGIN)
        desk.checkpoints.add(900, desk.clock.now(), sign(checkpoint_text(ORIGIN, 900, b"r" * 32), evil))
        desk.restarted(lambda: forget(desk))
        desk.turn()
        assert desk.size == desk.ledger.last_index()

    def test_without_it_and_without_checkpoints_it_begins_anew(self, desk: Signing) -> None:
        desk.restarted(lambda: (forget(desk), desk.sql("DELETE FROM checkpoints")))
        desk.turn()
        assert desk.size == desk.ledger.last_index()
        assert desk.facts("started")[-1].warnings == ()

    def test_a_damaged_one_is_no_reason_to_begin_anew(self, desk: Signing) -> None:
        path = desk.folder / "signer" / MEMORY
        desk.stopped()
        whole = path.read_bytes()
        for damaged in (
            *(b"", b"{}", b"[]", b"null", b"\xff" * 100),
            b'{"format": "jit signer 1", "last": 5, "pending": null, "told": []}',
            whole.replace(b'"note": "a', b'"note": "b'),
        ):
            path.write_bytes(damaged)
            assert "backup" in str(raised(CannotStart, Store, desk.folder / "signer")), damaged
        path.write_bytes(whole)
        desk.store = Store(desk.folder / "signer")

    def test_two_signers_cannot_share_it(self, desk: Signing) -> None:
        with pytest.raises(CannotStart, match="Another signer"):
            Store(desk.folder / "signer")

    def test_what_cannot_be_remembered_is_not_signed(self, desk: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_it_is_remembered_before_it_is_given_away(self, desk: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[bool] = []
        add = type(desk.checkpoints).add

        def looking(checkpoints: Any, size: int, at: Any, note: bytes, **how: Any) -> Any:
            seen.append(remembered(desk.folder / "signer" / MEMORY).pending.note == note)
            return add(checkpoints, size, at, note, **how)

        monkeypatch.setattr(type(desk.checkpoints), "add", looking)
        desk.append()
        desk.turn()
        assert seen == [True]


class TestTwoSigners:
    @pytest.fixture
    def other(self, desk: Signing, tmp_path: Path) -> Iterator[Signing]:
        """On another host: with the same key, and a memory of its own."""
        folder = tmp_path / "other"
        make_key(folder / "signer" / "log.key", "unused")
        (folder / "signer" / "log.key").write_bytes(desk.place.read_bytes())
        made = Signing(folder, url=desk.url, clock=desk.clock)
        made.stopped()
        made.signer = made.started("two")
        yield made
        made.stopped()
        made.engine.dispose()

    def test_only_who_holds_the_lease_signs(self, desk: Signing, other: Signing) -> None:
        for _ in range(10):
            desk.append()
            desk.signer.turn()
            other.signer.turn()
            desk.clock.move(seconds=1)
        assert other.given.checkpoints == []
        assert desk.size == desk.ledger.last_index()

    def test_who_follows_goes_on_from_what_the_other_signed(self, desk: Signing, other: Signing) -> None:
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
        assert desk.alerts() == []

    def test_one_that_was_stopped_in_the_middle_signs_over_nobody(
        self, desk: Signing, other: Signing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between what it remembers and what it gives away, the lease runs out and another signs."""
        add = type(desk.checkpoints).add
        stopped: list[int] = []

        def slow(checkpoints: Any, *given: Any, **how: Any) -> Any:
            if not stopped:
                stopped.append(1)
                desk.clock.move(seconds=20)
                other.append(2)
                other.turn(2)
            return add(checkpoints, *given, **how)

        monkeypatch.setattr(type(desk.checkpoints), "add", slow)
        desk.append()
        desk.turn(1)
        assert stopped
        assert other.given.checkpoints
        desk.clock.move(seconds=20)
        desk.append()
        desk.turn(4)
        assert desk.size == desk.ledger.last_index()
        assert desk.verdict().findings == ()

    def test_a_fork_between_two_is_refused(self, desk: Signing, other: Signing) -> None:
        """The database was rewritten between their turns, and its checkpoints with it; the second knows no better."""
        desk.sql("DELETE FROM checkpoints")
        desk.append(2)
        rewrite_from_an_entry_on(desk)
        desk.clock.move(seconds=20)
        other.turn()
        assert other.size == other.ledger.last_index()
        desk.clock.move(seconds=20)
        assert refuses(desk)


class TestRotation:
    def test_the_first_checkpoint_of_a_new_key_is_signed_by_both(self, desk: Signing) -> None:
        old = desk.vkey
        rotate_key(desk.place)
        desk.turn()
        new = desk.vkey
        notes = [parse_note(checkpoint.note) for checkpoint in desk.checkpoints.all()]
        assert [(signed(note, old), signed(note, new)) for note in notes] == [(True, False), (True, True)]
        assert not old_of(desk.place).exists()
        desk.append()
        desk.turn()
        last = parse_note(desk.checkpoints.last().note)
        assert (signed(last, old), signed(last, new)) == (False, True)
        changes = desk.facts("key.changed")
        assert [(change.key, change.before) for change in changes] == [(str(old), None), (str(new), str(old))]

    def rotated(self, desk: Signing) -> dict[str, VerifierKey]:
        old = desk.vkey
        rotate_key(desk.place)
        desk.turn()
        desk.append()
        desk.turn()
        return {"old": old, "new": desk.vkey}

    @pytest.mark.parametrize("named", [["new"], ["old", "new"]], ids=" and ".join)
    def test_who_names_the_key_of_today_believes_the_one_before(self, desk: Signing, named: list[str]) -> None:
        keys = self.rotated(desk)
        found = verdict(desk.engine, *(keys[name] for name in named), offered=tuple(keys.values()))
        assert (found.findings, found.covered[Grade.SIGNED]) == ((), desk.ledger.last_index())

    def test_who_names_the_key_before_alone_has_to_learn_the_new_one_elsewhere(self, desk: Signing) -> None:
        keys = self.rotated(desk)
        found = verdict(desk.engine, keys["old"], offered=tuple(keys.values()))
        assert [each.reason for each in found.findings] == [Reason.KEY_NOT_VOUCHED]

    @pytest.mark.parametrize("restart", [True, False])
    def test_a_rotation_is_noticed_at_once_and_at_the_next_start(self, desk: Signing, restart: bool) -> None:
        old = desk.vkey
        if restart:
            desk.restarted(lambda: rotate_key(desk.place))
        else:
            rotate_key(desk.place)
        desk.turn()
        first = next(
            note for checkpoint in desk.checkpoints.all() if signed(note := parse_note(checkpoint.note), desk.vkey)
        )
        assert signed(first, old)

    def test_a_key_that_was_replaced_by_hand_is_told_and_recorded(self, desk: Signing) -> None:
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

    def test_a_new_key_does_not_forget_what_the_old_one_signed(self, desk: Signing) -> None:
        desk.restarted(lambda: (rotate_key(desk.place), rewrite_from_an_entry_on(desk)))
        assert refuses(desk)
