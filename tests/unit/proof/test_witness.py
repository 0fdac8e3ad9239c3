"""The witness: what it cosigns, what it answers else, and that it never goes back. The statuses are C2SP's."""

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random  # noqa: TID251  seeded
from typing import Any

import pytest
from click.testing import CliRunner

from jit.cli.signer import witness
from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import EMPTY_ROOT, VerifierKey, cosigned_at, leaf_hash, parse_checkpoint, parse_note, signed
from jit.proof.witness.memory import Memory
from jit.proof.witness.process import make_witness, read_logs
from jit.proof.witness.witness import LARGEST, Answer, Witness
from jit.runtime.settings import CannotStart
from jit.testing import ManualClock
from tests.world.raised import raised

LOG, OTHER_LOG = SignerKey.generate("log.example"), SignerKey.generate("another.example")
KEY = SignerKey.generate("witness.example")
TREE = HashTree(leaf_hash(b"%d" % n) for n in range(200))
FORK = HashTree(leaf_hash(b"%d" % n if n < 50 else b"other %d" % n) for n in range(200))


def checkpoint(size: int, tree: HashTree = TREE, key: SignerKey = LOG) -> bytes:
    return sign(checkpoint_text(key.name, size, tree.root(size)), key)


def request(
    old: int, size: int, tree: HashTree = TREE, *, note: bytes | None = None, proof: list[bytes] | None = None
) -> bytes:
    steps = (tree.consistency(old, size) if old else []) if proof is None else proof
    lines = [f"old {old}".encode(), *(base64.b64encode(step) for step in steps), b"", note or checkpoint(size, tree)]
    return b"\n".join(lines)


class House:
    """A witness over HTTP, and its file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "witness.json"
        Memory.create(self.path)
        self.clock = ManualClock()
        self.memory: Memory | None = None
        self.start()

    def start(self) -> None:
        if self.memory is not None:
            self.memory.close()
        self.memory = Memory(self.path)
        logs = [LOG.verifier(), OTHER_LOG.verifier()]
        self.witness = Witness(key=KEY, logs=logs, memory=self.memory, clock=self.clock)

    def ask(self, body: bytes) -> Answer:
        return self.witness.add_checkpoint(body)

    def latest(self) -> Answer:
        return self.witness.checkpoint(hashlib.sha256(LOG.name.encode()).hexdigest())

    @property
    def size(self) -> int:
        """As it is kept."""
        found = self.latest()
        return parse_checkpoint(parse_note(found.body).text).size if found.status == 200 else 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    assert made.memory
    made.memory.close()


def test_a_log_that_grows_is_cosigned_with_the_time(house: House) -> None:
    old = 0
    for size in (1, 2, 50, 50, 173, 200):
        house.clock.move(seconds=10)
        said = house.ask(request(old, size))
        assert said.status == 200, (old, size)
        note = parse_note(checkpoint(size) + said.body)
        assert cosigned_at(note, KEY.verifier()) == int(house.clock.now().timestamp())
        assert house.size == size
        old = size


def test_the_time_of_cosignatures_never_goes_back(house: House) -> None:
    first = house.ask(request(0, 5))
    house.clock.move(hours=-1)
    second = house.ask(request(5, 6))
    assert cosigned_at(parse_note(checkpoint(6) + second.body), KEY.verifier()) >= cosigned_at(
        parse_note(checkpoint(5) + first.body), KEY.verifier()
    )


def test_who_names_another_old_size_is_told_the_right_one(house: House) -> None:
    house.ask(request(0, 50))
    for old in (0, 1, 49, 51):
        said = house.ask(request(old, 60))
        assert (said.status, said.content_type, said.body) == (409, "text/x.tlog.size", b"50\n")
    assert house.ask(request(50, 60)).status == 200


def test_an_earlier_checkpoint_is_never_cosigned_again(house: House) -> None:
    house.ask(request(0, 100))
    for size in (1, 50, 99):
        assert house.ask(request(0, size)).status == 409
        assert house.ask(request(100, size, proof=[])).status == 400
    assert house.size == 100


def test_what_does_not_extend_what_was_seen_is_refused(house: House) -> None:
    house.ask(request(0, 60))
    proof = TREE.consistency(60, 100)
    for case, body in {
        "a fork": request(60, 100, FORK),
        "another of the same size": request(60, 60, note=checkpoint(60, HashTree(leaf_hash(b"x") for _ in range(60)))),
        "no proof": request(60, 100, proof=[]),
        "a short proof": request(60, 100, proof=proof[:-1]),
        "a long proof": request(60, 100, proof=[*proof, b"x" * 32]),
        "another proof": request(60, 100, proof=TREE.consistency(59, 100)),
        "a proof of nothing": request(60, 60, proof=[b"x" * 32]),
    }.items():
        assert house.ask(body).status == 422, case
        assert house.size == 60, case


def test_from_the_empty_tree_there_is_no_proof(house: House) -> None:
    assert house.ask(request(0, 5, proof=[b"x" * 32])).status == 422
    assert house.size == 0


def test_an_empty_tree_has_the_root_of_one(house: House) -> None:
    assert house.ask(request(0, 0, note=sign(checkpoint_text(LOG.name, 0, b"x" * 32), LOG))).status == 422
    assert house.ask(request(0, 0, note=sign(checkpoint_text(LOG.name, 0, EMPTY_ROOT), LOG))).status == 200
    assert house.ask(request(0, 7)).status == 200


def test_a_log_that_is_not_known_here(house: House) -> None:
    stranger = SignerKey.generate("stranger.example")
    assert house.ask(request(0, 5, note=checkpoint(5, key=stranger))).status == 404


def test_a_log_that_is_not_signed_with_its_key(house: House) -> None:
    impostor = SignerKey.generate(LOG.name)
    text = checkpoint_text(LOG.name, 5, TREE.root(5))
    broken = bytearray(checkpoint(5))
    broken[-10] ^= 1
    for note in (sign(text, impostor), sign(text, OTHER_LOG), text + b"\n" + cosign(text, LOG, 9)):
        assert house.ask(request(0, 5, note=note)).status == 403
    assert house.ask(request(0, 5, note=checkpoint(5).replace(TREE_ROOT_5, TREE_ROOT_6))).status == 403
    assert house.ask(request(0, 5, note=checkpoint(5) + sign(text, impostor).rpartition(b"\n\n")[2])).status == 200


TREE_ROOT_5, TREE_ROOT_6 = (base64.b64encode(TREE.root(size)) for size in (5, 6))


def test_what_is_no_request_is_refused(house: House) -> None:
    for body in (
        b"",
        b"\n",
        b"old 0",
        b"old 0\n\n",
        b"old 0\n\nrubbish",
        b"old 00\n\n" + checkpoint(5),
        b"old -1\n\n" + checkpoint(5),
        b"old 1e3\n\n" + checkpoint(5),
        b"old  0\n\n" + checkpoint(5),
        b"old 0\r\n\r\n" + checkpoint(5),
        b"new 0\n\n" + checkpoint(5),
        b"old " + b"9" * 40 + b"\n\n" + checkpoint(5),
        "old \u0660\n\n".encode() + checkpoint(5),
        b"old 0\nnot base64\n\n" + checkpoint(5),
        b"old 0\nAAAA\n\n" + checkpoint(5),
        b"old 0\n" + (base64.b64encode(b"x" * 32) + b"\n") * 64 + b"\n" + checkpoint(5),
        b"old 0\n" + checkpoint(5),
        b"\xff\xfe" + request(0, 5),
        b"old 0\n\n" + checkpoint(5).replace(b"\n5\n", b"\n05\n"),
        b"old 0\n\n" + b"\n".join(checkpoint(5).split(b"\n")[:3]) + b"\n",
        request(9, 5, proof=[]),
    ):
        assert house.ask(body).status == 400, body[:40]
        assert house.size == 0, body[:40]


def test_a_body_that_is_too_long_is_refused(house: House) -> None:
    assert house.ask(b"old 0\n\n" + b"x" * LARGEST).status == 400


def test_nothing_that_is_sent_makes_it_fail(house: House) -> None:
    chance = Random(7)
    good = request(0, 150)
    for _ in range(300):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        said = house.ask(bytes(body))
        assert said.status in {400, 403, 404, 422} or bytes(body) == good


def test_monitors_get_the_checkpoint_with_both_signatures(house: House) -> None:
    house.ask(request(0, 5, note=checkpoint(5) + cosign(checkpoint_text(LOG.name, 5, TREE.root(5)), OTHER_LOG, 3)))
    found = house.latest()
    note = parse_note(found.body)
    assert signed(note, LOG.verifier())
    assert cosigned_at(note, KEY.verifier())
    assert len(note.signatures) == 2
    unknown = hashlib.sha256(b"unknown").hexdigest()
    assert house.witness.checkpoint(unknown).status == 404


def test_two_logs_do_not_touch_each_other(house: House) -> None:
    house.ask(request(0, 100))
    assert house.ask(request(0, 7, note=checkpoint(7, FORK, OTHER_LOG))).status == 200
    assert house.size == 100


def test_of_many_that_contradict_each_other_one_is_cosigned(house: House) -> None:
    """All at once, and all of them consistent with what was seen before."""
    house.ask(request(0, 40))
    trees = [HashTree(leaf_hash(b"%d" % n if n < 40 else b"%d of %d" % (n, k)) for n in range(60)) for k in range(16)]
    bodies = [request(40, 60, tree) for tree in trees]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(house.witness.add_checkpoint, bodies))
    assert sorted(answer.status for answer in answers) == [200, *[409] * 15]
    (won,) = [tree for tree, answer in zip(trees, answers, strict=True) if answer.status == 200]
    assert house.memory.seen(LOG.name).root == won.root()


def test_it_never_goes_back_whoever_comes_first(house: House) -> None:
    """The race that the specification describes: a smaller checkpoint stored after a larger one."""
    house.ask(request(0, 10))
    bodies = [request(10, size) for size in range(11, 60)]
    Random(3).shuffle(bodies)
    seen: list[int] = []
    keep = house.memory.keep

    def watched(origin: str, what: Any) -> None:
        seen.append(what.size)
        keep(origin, what)

    house.memory.keep = watched  # type: ignore[method-assign]
    with ThreadPoolExecutor(16) as pool:
        statuses = [answer.status for answer in pool.map(house.witness.add_checkpoint, bodies)]
    assert statuses.count(200) == len(seen) == 1
    assert house.size == seen[0]


class TestItsMemory:
    def test_it_outlives_a_restart(self, house: House) -> None:
        house.ask(request(0, 50))
        house.start()
        assert house.size == 50
        assert house.ask(request(0, 60)).status == 409
        assert house.ask(request(50, 60)).status == 200

    def test_nothing_is_given_away_that_is_not_kept(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        house.ask(request(0, 50))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            said = house.ask(request(50, 60))
        assert said.status == 500
        assert "—".encode() not in said.body
        assert house.size == 50
        house.start()
        assert house.size == 50
        assert house.ask(request(50, 70)).status == 200

    def test_it_is_durable_before_the_answer(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: list[str] = []
        fsync, replace = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("fsync"), fsync(handle))[1])
        monkeypatch.setattr(Path, "replace", lambda path, to: (steps.append("replace"), replace(path, to))[1])
        house.ask(request(0, 50))
        assert steps == ["fsync", "replace", "fsync"]

    def test_one_that_is_lost_is_not_begun_anew(self, house: House) -> None:
        assert house.memory
        house.memory.close()
        house.path.unlink()
        with pytest.raises(CannotStart, match="must not begin anew"):
            Memory(house.path)
        Memory.create(house.path)
        house.memory = Memory(house.path)

    def test_a_damaged_one_is_not_begun_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "w.json"
        for damage in (b"", b"{}", b"[]", b'{"format": "jit witness 1", "logs": [1]}', b"\xff"):
            path.write_bytes(damage)
            assert "backup" in str(raised(CannotStart, Memory, path)), damage

    def test_two_witnesses_cannot_share_one(self, house: House) -> None:
        with pytest.raises(CannotStart, match="Another witness"):
            Memory(house.path)

    def test_it_is_for_its_owner_alone(self, house: House) -> None:
        house.ask(request(0, 5))
        assert house.path.stat().st_mode & 0o777 == 0o600


class TestMakingOne:
    def test_key_and_memory_are_new(self, tmp_path: Path) -> None:
        key, state = tmp_path / "w" / "w.key", tmp_path / "w" / "w.json"
        vkey = make_witness("witness.example", key, state)
        assert vkey.alg == 4
        assert key.stat().st_mode & 0o777 == 0o600
        with pytest.raises(CannotStart, match="already"):
            make_witness("witness.example", key, state)
        with pytest.raises(CannotStart, match="already"):
            make_witness("witness.example", tmp_path / "w" / "other.key", state)
        assert not (tmp_path / "w" / "other.key").exists()

    def test_a_log_is_named_by_the_key_it_signs_with(self) -> None:
        for written in ([], ["rubbish"], [str(KEY.verifier().cosigning())]):
            assert "keygen" in str(raised(CannotStart, read_logs, written)), written
        assert read_logs([f"{LOG.verifier()}\n"]) == (LOG.verifier(),)


def test_it_knows_no_database_and_no_ledger() -> None:
    script = (
        "import sys, jit.proof.witness.process as _;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('sqlalchemy', 'psycopg', 'sqlite3')"
        " or m.startswith(('jit.ledger', 'jit.facts'))])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


class TestTheCommand:
    @pytest.fixture
    def where(self, tmp_path: Path) -> list[str]:
        return ["--key", str(tmp_path / "w.key"), "--state", str(tmp_path / "w.json")]

    def test_makes_a_witness_and_prints_its_public_half(self, where: list[str]) -> None:
        said = CliRunner().invoke(witness, ["--keygen", "witness.example", *where])
        assert VerifierKey.parse(said.stdout.strip()).name == "witness.example"
        assert "PRIVATE" not in said.output
        assert "JIT_WITNESSES" in said.stderr
        again = CliRunner().invoke(witness, ["--keygen", "witness.example", *where])
        assert isinstance(again.exception, CannotStart)

    def test_an_address_that_is_none_is_told(self, where: list[str]) -> None:
        for address in ("", "3300", "host:", ":1", "host:port", "host:70000", "host:-1"):
            said = CliRunner().invoke(witness, ["--log", str(LOG.verifier()), *where, "--listen", address])
            assert said.exit_code == 2, address
            assert "HOST:PORT" in said.output, address

    def test_it_does_not_start_without_a_log(self, where: list[str]) -> None:
        assert isinstance(CliRunner().invoke(witness, where).exception, CannotStart)
