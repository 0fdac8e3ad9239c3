"""Signers and their witness are killed at random, and the database is put back to how it was: never two checkpoints of
one size over different entries, never a step back, and what is remembered agrees with what was given away.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random  # noqa: TID251  seeded
from typing import Any

import pytest
from sqlalchemy import text

from jit.facts import AlertName
from jit.ledger import LedgerUnavailable
from jit.proof.signer.keys import MEMORY, make_key
from jit.proof.signer.state import read_memory
from jit.proof.verifier import Grade, cosigned_at, parse_checkpoint, parse_note, signed
from tests.world.exhaustive import exhaustive
from tests.world.servers import Logins
from tests.world.signing import ORIGIN, Room, SignedLedger, WitnessRoom, signer_room, verdict
from tests.world.tamper import past_the_guards
from tests.world.waiting import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.real]


class Place(SignedLedger):
    """A ledger, and two hosts that may sign it with the same key."""

    def __init__(self, folder: Path, logins: Logins) -> None:
        super().__init__(logins)
        self.hosts = [folder / "host-1", folder / "host-2"]
        self.key = make_key(self.hosts[0] / "signer" / "log.key", ORIGIN).verifier()
        shutil.copytree(self.hosts[0], self.hosts[1])
        self.witness = WitnessRoom(folder / "witness", self.key)
        self.signers = [signer_room(host, self.signer_url, JIT_WITNESSES=self.witness.line) for host in self.hosts]

    def start_again(self, room: Room) -> None:
        """After a kill. The lease it may have held runs out at once, and that of another with it."""
        room.kill()
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM leases"))
        room.start()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Somebody appends all the time."""
        stop = threading.Event()

        def write() -> None:
            while not stop.wait(0.03):
                try:
                    self.append()
                except LedgerUnavailable:
                    continue

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def require_one_history(self) -> None:
        notes = [parse_note(checkpoint.note) for checkpoint in self.checkpoints.all()]
        checkpoints = [parse_checkpoint(note.text) for note in notes]
        roots: dict[int, set[bytes]] = {}
        for checkpoint in checkpoints:
            roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
        assert all(len(found) == 1 for found in roots.values())
        assert [checkpoint.size for checkpoint in checkpoints] == sorted(checkpoint.size for checkpoint in checkpoints)
        assert all(signed(note, self.key) for note in notes)
        assert [checkpoint.number for checkpoint in self.checkpoints.all()] == list(range(1, len(notes) + 1))
        for host in self.hosts:
            memory = read_memory(host / "signer" / MEMORY)
            for one in (memory.last, memory.pending):
                assert one is None or {one.checkpoint.root} == roots.get(one.checkpoint.size, {one.checkpoint.root})
            if memory.last is not None:
                checkpoint = self.checkpoints.at(memory.last.number)
                assert checkpoint is not None
                assert checkpoint.note == memory.last.note
        for checkpoint in self.checkpoints.all():
            if self.checkpoints.cosigned(checkpoint.number):
                assert cosigned_at(parse_note(self.checkpoints.full_note(checkpoint)), self.witness.vkey)
        found = verdict(self.engine, self.key, witnesses=[self.witness.vkey])
        assert found.findings == ()
        assert found.covered[Grade.SIGNED] == self.size


@pytest.fixture
def place(logins: Logins, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, logins)
    yield made
    for room in (*made.signers, made.witness):
        room.kill()
    made.close()


often = exhaustive("kills of signers and witness at random")


@pytest.mark.parametrize(
    ("logins", "kills"),
    [
        ("sqlite", 3),
        ("postgresql", 6),
        pytest.param("sqlite", 30, marks=often),
        pytest.param("postgresql", 30, marks=often),
    ],
    indirect=["logins"],
)
def test_killed_at_any_moment_they_tell_one_history(place: Place, kills: int) -> None:
    chance = Random(11)
    rooms = [place.witness, *place.signers]
    with place.writing():
        for room in rooms:
            room.start()
        for kill in range(kills):
            signed = place.size
            wait_until(lambda signed=signed: place.size > signed)
            until = place.ledger.last_index() + chance.randrange(30)
            wait_until(lambda until=until: place.ledger.last_index() >= until)
            place.start_again(rooms[kill % len(rooms)])
    wait_until(place.signed)
    wait_until(lambda: place.witness.seen == place.size or (place.signed() and place.append()))
    for room in rooms:
        room.kill()
    place.require_one_history()
    assert alerts(place) == []


either = exhaustive("a database put back, on either database")


@pytest.mark.parametrize(
    ("logins", "running"),
    [
        ("sqlite", True),
        ("postgresql", False),
        pytest.param("sqlite", False, marks=either),
        pytest.param("postgresql", True, marks=either),
    ],
    indirect=["logins"],
)
def test_a_database_put_back_to_an_older_copy_is_refused(place: Place, *, running: bool) -> None:
    """While the signer runs, or while it is down. With its checkpoints, and then written on: what the witness and the
    signer saw is not forgotten.
    """
    place.witness.start()
    place.witness.ready()
    signer = place.signers[0]
    signer.start()
    place.append(5)
    wait_until(place.signed)
    older, checkpoints = place.ledger.last_index(), len(list(place.checkpoints.all()))
    place.append(20)
    wait_until(place.signed)
    newest = place.size
    wait_until(lambda: place.witness.seen == newest)
    if not running:
        signer.kill()
    with place.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text('DELETE FROM entries WHERE "index" > :at'), {"at": older})
        connection.execute(text("DELETE FROM checkpoints WHERE number > :at"), {"at": checkpoints})
        connection.execute(text("DELETE FROM cosignatures WHERE checkpoint > :at"), {"at": checkpoints})
    place.append(50)
    if not running:
        place.start_again(signer)
    wait_until(lambda: alerts(place))
    assert {alert.name for alert in alerts(place)} == {AlertName.CHECKPOINT_REFUSED}
    place.append(50)
    if running:
        place.start_again(signer)
    wait_until(lambda: signer.log.count("checkpoint.refused") >= 3)
    signer.kill()
    sizes = [parse_checkpoint(parse_note(checkpoint.note).text).size for checkpoint in place.checkpoints.all()]
    assert max(sizes) <= newest
    assert verdict(place.engine, place.key).grade is Grade.BROKEN or max(sizes) <= older
    assert read_memory(place.hosts[0] / "signer" / MEMORY).last.checkpoint.size == newest
    assert place.witness.seen == newest
    assert 1 <= len(alerts(place)) <= 2


def alerts(place: Place) -> list[Any]:
    return [entry.fact for entry in place.ledger.read(limit=100_000) if entry.fact.kind == "alert"]
