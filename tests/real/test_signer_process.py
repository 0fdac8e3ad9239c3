"""Signer and witness as processes, on both databases: on PostgreSQL with the rights that `jit ledger init` gives."""

import base64
import hashlib
import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jit.proof.signer.keys import make_key, rotate_key
from jit.proof.signer.witnesses import post
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import Grade, cosigned_at, leaf_hash, parse_note
from jit.proof.witness.witness import LARGEST
from tests.world.servers import Logins
from tests.world.signing import ORIGIN, Room, SignedLedger, WitnessRoom, signer_room, verdict
from tests.world.waiting import wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def place(logins: Logins) -> Iterator[SignedLedger]:
    made = SignedLedger(logins)
    yield made
    made.close()


@pytest.fixture
def rooms() -> Iterator[list[Room]]:
    """Those put in here are ended, however the test ends."""
    started: list[Room] = []
    yield started
    for room in started:
        room.kill()


def test_what_is_appended_is_signed_and_witnessed_and_so_on_after_a_stop(
    place: SignedLedger, tmp_path: Path, rooms: list[Room]
) -> None:
    folder = tmp_path / "signer-host"
    key = make_key(folder / "signer" / "log.key", ORIGIN).verifier()
    witness = WitnessRoom(tmp_path / "witness-host", key)
    signer = signer_room(folder, place.signer_url, JIT_WITNESSES=witness.line)
    rooms += [witness, signer]
    witness.start()
    witness.ready()
    checkpoints = place.checkpoints
    for _ in range(2):
        signer.start()
        for many in (1, 40, 3):
            place.append(many)
            wait_until(place.signed)
        wait_until(lambda: checkpoints.cosigned(checkpoints.last().number))
        assert signer.stop() == 0
    assert witness.seen == place.size
    assert cosigned_at(parse_note(checkpoints.full_note(checkpoints.last())), witness.vkey)
    found = verdict(place.engine, key, witnesses=[witness.vkey])
    assert (found.grade, found.findings, found.covered[Grade.WITNESSED]) == (Grade.WITNESSED, (), place.size)
    assert witness.stop() == 0
    assert "Traceback" not in signer.log + witness.log


def test_a_rotation_under_way_is_finished(place: SignedLedger, tmp_path: Path, rooms: list[Room]) -> None:
    path = tmp_path / "s" / "signer" / "log.key"
    old = make_key(path, ORIGIN).verifier()
    signer = signer_room(tmp_path / "s", place.signer_url)
    rooms.append(signer)
    signer.start()
    wait_until(place.signed)
    new = rotate_key(path).verifier()
    wait_until(lambda: not path.with_name("log.key.old").exists())
    place.append()
    wait_until(place.signed)
    assert verdict(place.engine, new, offered=(old, new)).findings == ()
    kinds = [entry.fact.kind for entry in place.ledger.read(limit=100)]
    assert kinds.count("key.changed") == 2


def test_a_second_one_in_the_same_folder_does_not_start(tmp_path: Path, rooms: list[Room]) -> None:
    make_key(tmp_path / "s" / "signer" / "log.key", ORIGIN)
    one, two = (signer_room(tmp_path / "s", f"sqlite:///{tmp_path / 'ledger.db'}") for _ in range(2))
    rooms += [one, two]
    one.start()
    one.ready()
    two.start()
    assert two.ended() == 1
    assert "Another signer works in" in two.log


def test_a_signer_without_a_key_says_how_to_make_one(tmp_path: Path, rooms: list[Room]) -> None:
    signer = signer_room(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}")
    rooms.append(signer)
    signer.start()
    assert signer.ended() == 1
    assert "jit audit keygen" in signer.log


class TestTheWitnessOverHttp:
    LOG = SignerKey.generate(ORIGIN)

    @pytest.fixture
    def witness(self, tmp_path: Path, rooms: list[Room]) -> WitnessRoom:
        made = WitnessRoom(tmp_path / "w", self.LOG.verifier())
        rooms.append(made)
        return made

    def request(self, old: int, tree: HashTree) -> bytes:
        steps = tree.consistency(old, tree.size) if old else []
        proof = b"".join(base64.b64encode(step) + b"\n" for step in steps)
        return b"old %d\n" % old + proof + b"\n" + sign(checkpoint_text(ORIGIN, tree.size, tree.root()), self.LOG)

    def get(self, witness: WitnessRoom, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", witness.port)
        connection.request("GET", path)
        return connection.getresponse().status

    def test_of_two_that_contradict_each_other_one_is_cosigned_and_read_by_monitors(self, witness: WitnessRoom) -> None:
        witness.start()
        witness.ready()
        url, shown = f"{witness.url}/add-checkpoint", f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        trees = [HashTree(leaf_hash(b"%d %d" % (k, n)) for n in range(9)) for k in range(8)]
        assert self.get(witness, shown) == 404
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda tree: post(url, self.request(0, tree)), trees))
        assert sorted(answer.status for answer in answers) == [200, *[409] * 7]
        assert {(answer.content_type, answer.body) for answer in answers if answer.status == 409} == {
            ("text/x.tlog.size", b"9\n")
        }
        assert [self.get(witness, path) for path in (shown, "/nothing/checkpoint", "/add-checkpoint", "/healthz")] == [
            200,
            404,
            405,
            200,
        ]
        assert post(url, b"x" * (LARGEST + 1)).status == 413

    def test_an_address_that_is_taken_is_told(self, witness: WitnessRoom) -> None:
        witness.place.listen()
        witness.start()
        assert witness.ended() == 1
        assert "--listen" in witness.log
