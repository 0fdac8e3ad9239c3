"""What each kind of tampering comes to, by what the auditor has: written out by hand, tried on a real copy and on real
databases, and printed into docs/ledger.md.

With JIT_WRITE_DOCS=1 the table in the document is written anew; else it is compared.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, insert, update

from jit.cli.audit.export import export
from jit.cli.audit.verify import verify
from jit.clock import EPOCH
from jit.ledger import schema
from jit.proof.tlog.note import SignerKey, cosign
from jit.proof.verifier import Grade, Reason
from tests.world.checkpoints import signed_checkpoint, tree_of
from tests.world.record import LATER, Record
from tests.world.tamper import past_the_guards

DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger.md"
BEGIN, END = "<!-- tamper matrix: begin -->", "<!-- tamper matrix: end -->"
SIZES = (4, 8, 11)
"""Of the checkpoints that were signed, cosigned, posted and locked while all was well; the last covers everything."""
_PREVIOUS = re.compile(rb'"previous": "[0-9a-f]{64}"')


@dataclass(frozen=True)
class World:
    """A record as somebody hands it over: bodies, the hashes kept beside them in a database, checkpoints. In a database
    the entries stand at 1, 2, 3 and so on, but for those that are ``gone``.
    """

    bodies: tuple[bytes, ...]
    hashes: tuple[str, ...]
    checkpoints: tuple[bytes, ...]
    gone: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    """Of the log, as whoever hands over a copy adds them to those in it."""


@dataclass(frozen=True)
class Attacker:
    """``key`` is the log's, for whoever holds it."""

    key: SignerKey
    other: SignerKey
    at: Callable[[], object]

    def checkpoint(self, key, world, size):
        return signed_checkpoint((key,), size, tree_of(world.bodies[:size]).root(), self.at())


def put(world, place, body, *, rehash=False):
    bodies, hashes = list(world.bodies), list(world.hashes)
    bodies[place] = body
    if rehash:
        hashes[place] = hashlib.sha256(body).hexdigest()
    return replace(world, bodies=tuple(bodies), hashes=tuple(hashes))


def said_otherwise(body):
    """As long as before, and a fact still."""
    assert body.count(b"orders_read") >= 1
    return body.replace(b"orders_read", b"orders_root")


def rechained(world, start):
    """Every hash from ``start`` on computed anew."""
    bodies = list(world.bodies)
    for place in range(max(1, start), len(bodies)):
        previous = hashlib.sha256(bodies[place - 1]).hexdigest().encode()
        bodies[place] = _PREVIOUS.sub(b'"previous": "%b"' % previous, bodies[place], count=1)
    return replace(world, bodies=tuple(bodies), hashes=tuple(hashlib.sha256(body).hexdigest() for body in bodies))


def flip_a_bit(world, _attacker):
    body = bytearray(world.bodies[5])
    body[-20] ^= 1
    return put(world, 5, bytes(body))


def flip_a_bit_of_the_newest(world, _attacker):
    body = bytearray(world.bodies[-1])
    body[-20] ^= 1
    return put(world, len(world.bodies) - 1, bytes(body))


def drop(world, _attacker):
    bodies, hashes = world.bodies[:5] + world.bodies[6:], world.hashes[:5] + world.hashes[6:]
    return replace(world, bodies=bodies, hashes=hashes, gone=(6,))


def swap(world, _attacker):
    bodies, hashes = list(world.bodies), list(world.hashes)
    bodies[5], bodies[6] = bodies[6], bodies[5]
    hashes[5], hashes[6] = hashes[6], hashes[5]
    return replace(world, bodies=tuple(bodies), hashes=tuple(hashes))


def duplicate(world, _attacker):
    return replace(world, bodies=world.bodies[:6] + world.bodies[5:], hashes=world.hashes[:6] + world.hashes[5:])


def splice(world, _attacker):
    """An entry of the same place out of another record."""
    body = _PREVIOUS.sub(b'"previous": "%b"' % (b"ab" * 32), said_otherwise(world.bodies[5]))
    return put(world, 5, body, rehash=True)


def cut_the_tail(world, _attacker):
    return replace(world, bodies=world.bodies[:9], hashes=world.hashes[:9])


def cut_the_tail_and_its_checkpoint(world, attacker):
    return replace(cut_the_tail(world, attacker), checkpoints=world.checkpoints[:-1])


def sign_with_another_key(world, attacker):
    changed = rechained(put(world, 5, said_otherwise(world.bodies[5])), 6)
    return replace(changed, checkpoints=tuple(attacker.checkpoint(attacker.other, changed, size) for size in SIZES))


def fork_from_an_earlier_checkpoint(world, attacker):
    """What came after the second checkpoint is another story, signed with the log's key; those before it stay."""
    changed = rechained(put(world, 9, world.bodies[9].replace(b'"spooled":false', b'"spooled":true ')), 10)
    return replace(changed, checkpoints=(*world.checkpoints[:2], attacker.checkpoint(attacker.key, changed, SIZES[2])))


def take_out_the_newest_checkpoint(world, _attacker):
    return replace(world, checkpoints=world.checkpoints[:-1])


def sign_an_old_checkpoint_again(world, attacker):
    return replace(world, checkpoints=(*world.checkpoints, attacker.checkpoint(attacker.key, world, SIZES[1])))


def rewrite(world, _attacker):
    """A superuser of the database: one entry says something else, and every hash after it fits."""
    return rechained(put(world, 5, said_otherwise(world.bodies[5])), 6)


def rewrite_and_sign(world, attacker):
    """The same, by one who also holds the log's key."""
    changed = rewrite(world, attacker)
    return replace(changed, checkpoints=tuple(attacker.checkpoint(attacker.key, changed, size) for size in SIZES))


def sign_on_with_a_retired_key(world, attacker):
    """A stolen key that today's replaced at the first checkpoint: of the genuine checkpoints only the one that both
    have signed stays, and what came after it is another story, signed with the stolen key.
    """
    root = tree_of(world.bodies[: SIZES[0]]).root()
    link = signed_checkpoint((attacker.key, attacker.other), SIZES[0], root, attacker.at())
    changed = rewrite(world, attacker)
    checkpoints = (link, attacker.checkpoint(attacker.other, changed, SIZES[2]))
    return replace(changed, checkpoints=checkpoints, keys=(str(attacker.other.verifier()),))


ATTACKS = {
    "nothing (for comparison)": lambda world, _attacker: world,
    "flip a bit": flip_a_bit,
    "flip a bit of the newest entry": flip_a_bit_of_the_newest,
    "drop an entry": drop,
    "swap two entries": swap,
    "duplicate an entry": duplicate,
    "splice in an entry of another record": splice,
    "cut the tail": cut_the_tail,
    "cut the tail, and the checkpoint over it": cut_the_tail_and_its_checkpoint,
    "rewrite, sign with another key": sign_with_another_key,
    "a stolen retired key signs on": sign_on_with_a_retired_key,
    "fork from an earlier checkpoint, with the log's key": fork_from_an_earlier_checkpoint,
    "roll the checkpoints back: take out the newest": take_out_the_newest_checkpoint,
    "roll the checkpoints back: sign an old one again, with the log's key": sign_an_old_checkpoint_again,
    "rewrite with recomputed hashes": rewrite,
    "rewrite with recomputed hashes and the log's key": rewrite_and_sign,
}
COLUMNS = ("bare copy", "copy and log key", "live database and log key", "audit channel", "a witness", "locked copy")
UNSEEN = "not found"
_BEHIND = "not found; signed to 8 of 11"
_BEHIND_CUT = "not found; signed to 8 of 9"
_CHAIN = "`chain_broken`, `root_mismatch`"
_OTHER_STORY = "`forked`, `root_mismatch`"
_ANOTHER_KEY = "`signed_by_another_key`"
_BOTH = "`root_mismatch`, `signed_by_another_key`"
_SHORT = "`checkpoint_rolled_back`, `tail_cut`"
EXPECTED = {
    "nothing (for comparison)": (UNSEEN,) * 6,
    "flip a bit": ("`chain_broken`", _CHAIN, "`entry_changed`, `root_mismatch`", _CHAIN, _CHAIN, _CHAIN),
    "flip a bit of the newest entry": (
        *(UNSEEN, "`root_mismatch`", "`entry_changed`, `root_mismatch`", *("`root_mismatch`",) * 3),
    ),
    "drop an entry": ("`entry_missing`",) * 6,
    "swap two entries": (
        *("`entry_missing`, `entry_out_of_place`",) * 2,
        "`chain_broken`, `entry_out_of_place`, `root_mismatch`",
        *("`entry_missing`, `entry_out_of_place`",) * 3,
    ),
    "duplicate an entry": (
        *("`entry_out_of_place`",) * 2,
        "`entry_out_of_place`, `root_mismatch`",
        *("`entry_out_of_place`",) * 3,
    ),
    "splice in an entry of another record": ("`chain_broken`", *(_CHAIN,) * 5),
    "cut the tail": (UNSEEN, *("`tail_cut`",) * 5),
    "cut the tail, and the checkpoint over it": (
        *(UNSEEN, _BEHIND_CUT, _BEHIND_CUT, _SHORT, "not found; witnessed to 8 of 9", _SHORT),
    ),
    "rewrite, sign with another key": (UNSEEN, _ANOTHER_KEY, _ANOTHER_KEY, _BOTH, _ANOTHER_KEY, _BOTH),
    "a stolen retired key signs on": (
        UNSEEN,
        "`key_not_vouched`",
        _ANOTHER_KEY,
        "`forked`, `key_retired`, `root_mismatch`",
        "`key_not_vouched`",
        "`forked`, `key_retired`, `root_mismatch`",
    ),
    "fork from an earlier checkpoint, with the log's key": (
        *(UNSEEN, UNSEEN, UNSEEN, _OTHER_STORY, "not found; witnessed to 8 of 11", _OTHER_STORY),
    ),
    "roll the checkpoints back: take out the newest": (
        *(
            UNSEEN,
            _BEHIND,
            _BEHIND,
            "`checkpoint_rolled_back`",
            "not found; witnessed to 8 of 11",
            "`checkpoint_rolled_back`",
        ),
    ),
    "roll the checkpoints back: sign an old one again, with the log's key": (
        UNSEEN,
        *("`checkpoint_rolled_back`",) * 5,
    ),
    "rewrite with recomputed hashes": (UNSEEN, *("`root_mismatch`",) * 5),
    "rewrite with recomputed hashes and the log's key": (
        *(UNSEEN, UNSEEN, UNSEEN, _OTHER_STORY, "less than witnessed", _OTHER_STORY),
    ),
}
"""By hand, column by column. What is not covered, the verdict says."""


@pytest.fixture(scope="module")
def witness():
    return SignerKey.generate("witness.example.org")


@pytest.fixture
def house(ledger_url, tmp_path, witness):
    """A record signed and cosigned at every size of `SIZES`, while all was well."""
    record = Record(tmp_path, url=ledger_url)
    record.whole()
    record.started()
    assert len(record.entries()) == SIZES[-1]
    for number, size in enumerate(SIZES, 1):
        note = record.sign(size=size)
        line = cosign(note.partition(b"\n\n")[0] + b"\n", witness, int(record.clock.now().timestamp()))
        record.checkpoints.cosign(number, witness.name, line)
    yield record
    record.close()


on_sqlite = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


def world_of(record):
    entries = record.entries()
    checkpoints = tuple(record.checkpoints.full_note(checkpoint) for checkpoint in record.checkpoints.all())
    return World(tuple(body for _, body, _ in entries), tuple(hash_ for _, _, hash_ in entries), checkpoints)


def attacks(record):
    """Each by its name, with what it makes of the record as it is now."""
    honest = world_of(record)
    record.clock.move(seconds=LATER.total_seconds())
    attacker = Attacker(record.key, SignerKey.generate(record.key.name), record.clock.now)
    for name, attack in ATTACKS.items():
        yield name, attack(honest, attacker)


def checkpoints_in(path, checkpoints):
    path.write_text("".join(json.dumps({"note": note.decode()}) + "\n" for note in checkpoints))
    return path


def changed_copy(exported, folder, world):
    """The exported folder as the attacker hands it over."""
    shutil.copytree(exported, folder)
    (folder / "entries.jsonl").write_bytes(b"".join(body + b"\n" for body in world.bodies))
    checkpoints_in(folder / "checkpoints.jsonl", world.checkpoints)
    with (folder / "keys.txt").open("a") as keys:
        keys.writelines(f"{key}\n" for key in world.keys)
    return folder


def outcome(arguments, require, **environment):
    done = CliRunner().invoke(verify, [*map(str, arguments), "--require", require, "--json"], env=environment)
    verdict = json.loads(done.stdout)
    assert done.exit_code == verdict["exit_code"]
    if done.exit_code == 4:
        return ", ".join(sorted({f"`{finding['reason']}`" for finding in verdict["findings"]}))
    if done.exit_code == 3:
        return f"less than {require}"
    covered = verdict["covered"].get(require, verdict["size"])
    return UNSEEN if covered == verdict["size"] else f"{UNSEEN}; {require} to {covered} of {verdict['size']}"


@on_sqlite
def test_what_each_attack_on_an_exported_copy_comes_to(house, witness, tmp_path):
    key, worlds, honest = ("--key", house.key.verifier()), dict(attacks(house)), world_of(house)
    exported = tmp_path / "exported"
    done = CliRunner().invoke(export, ["--out", str(exported)], env={"JIT_LEDGER_URL": house.url})
    assert done.exit_code == 0, done.output
    elsewhere = checkpoints_in(tmp_path / "elsewhere.jsonl", honest.checkpoints)
    seen = {}
    for number, (attack, world) in enumerate(worlds.items()):
        copy = changed_copy(exported, tmp_path / f"copy{number}", world)
        seen[attack] = (
            outcome([copy / "entries.jsonl"], "unsigned"),
            outcome([copy, *key], "signed"),
            outcome([copy, *key, "--channel", elsewhere], "anchored"),
            outcome([copy, *key, "--witness", witness.verifier()], "witnessed"),
            outcome([copy, *key, "--locked", elsewhere], "locked"),
        )
    assert_expected(seen, {attack: (*columns[:2], *columns[3:]) for attack, columns in EXPECTED.items()})


@pytest.mark.real
def test_what_each_attack_on_a_database_comes_to(house):
    seen = {}
    for attack, world in attacks(house):
        if seen:  # the first is none
            rewrite_database(house, world)
        seen[attack] = outcome(["--key", house.key.verifier()], "signed", JIT_LEDGER_URL=house.url)
    assert_expected(seen, {attack: columns[2] for attack, columns in EXPECTED.items()})


def assert_expected(seen, expected):
    assert seen.keys() == expected.keys()
    other = {attack: (seen[attack], columns) for attack, columns in expected.items() if seen[attack] != columns}
    assert not other, f"{len(other)} of {len(seen)} attacks come to something else: {other}"


def rewrite_database(record, world):
    """As whoever owns the database can: the guards taken away, and put back. The columns beside an entry say what its
    bytes say: an attacker who leaves them is found by that already.
    """
    places = [place for place in range(1, len(world.bodies) + len(world.gone) + 1) if place not in world.gone]
    with record.engine.begin() as connection, past_the_guards(connection):
        for table in (schema.entries, schema.checkpoints, schema.cosignatures):
            connection.execute(delete(table))
        for index, body, kept_under in zip(places, world.bodies, world.hashes, strict=True):
            kind, request = (re.search(rb'"%b":"([^"]*)"' % name, body) for name in (b"kind", b"request_id"))
            connection.execute(
                insert(schema.entries).values(
                    index=index,
                    id=str(uuid4()),
                    recorded_at=EPOCH,
                    kind=kind[1].decode(),
                    request_id=request and request[1].decode(),
                    body=body,
                    hash=kept_under,
                )
            )
        for number, note in enumerate(world.checkpoints, 1):
            size = int(note.split(b"\n")[1])
            connection.execute(insert(schema.checkpoints).values(number=number, size=size, signed_at=EPOCH, note=note))


@on_sqlite
def test_an_attacker_who_leaves_the_columns_beside_an_entry_is_found_by_them(house):
    """To hide a denial from whoever asks for a request by its column, no byte of an entry need be touched."""
    with house.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(schema.entries).where(schema.entries.c.index == 3).values(request_id=None))
        connection.execute(update(schema.entries).where(schema.entries.c.index == 5).values(kind="granted"))
    done = CliRunner().invoke(verify, ["--key", str(house.key.verifier())], env={"JIT_LEDGER_URL": house.url})
    assert done.exit_code == 4
    assert [finding["index"] for finding in json.loads(done.stdout)["findings"]] == [3, 5]


def table():
    lines = ["| attack | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    lines += ["| " + " | ".join((attack, *EXPECTED[attack])) + " |" for attack in ATTACKS]
    return "\n".join(lines)


def test_the_document_names_every_reason_and_every_grade():
    written = DOCUMENT.read_text(encoding="utf-8")
    assert {reason.value for reason in Reason} <= set(re.findall(r"`([a-z_]+)`", written))
    assert all(f"| {grade.name.lower()} |" in written for grade in Grade)


def test_the_document_has_the_matrix():
    written = DOCUMENT.read_text(encoding="utf-8")
    before, begin, rest = written.partition(BEGIN)
    inside, end, after = rest.partition(END)
    assert begin
    assert end
    if os.environ.get("JIT_WRITE_DOCS"):
        DOCUMENT.write_text(f"{before}{begin}\n{table()}\n{end}{after}", encoding="utf-8")
    else:
        assert inside.strip() == table()
