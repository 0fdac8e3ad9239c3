"""Locked copies against a server that speaks S3 (moto), over HTTP."""

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from jit.audit.heads import Heads
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.copies import copier as copying
from jit.copies import reading
from jit.copies.bucket import Bucket, CopiesUnavailable
from jit.copies.copier import Copier, open_copier
from jit.copies.reading import Copies, open_copies
from jit.facts import Alert, AlertName, Source
from jit.ledger import Ledger, connect, create_tables
from jit.settings import CannotStart, CopySettings
from jit.tlog.note import SignerKey, checkpoint, cosign, sign
from jit.verifier import Frontier, Grade, Sources, Trust, check_record, leaf_hash

pytestmark = pytest.mark.real
KEEP = timedelta(days=30)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "copier")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@dataclass
class Ticking:
    """The machine's time, moved on by hand."""

    ahead: timedelta = timedelta(0)
    ticked: float = 0.0

    def now(self) -> Any:
        return SystemClock().now() + self.ahead

    def ticks(self) -> float:
        return self.ticked


@dataclass
class Shop:
    """A ledger, its signer, and a bucket. ``troubles`` are those that are not over, ``told`` all there were."""

    folder: Path
    endpoint: str
    bucket: str
    s3: Any
    ledger: Ledger
    key: SignerKey
    clock: Ticking = field(default_factory=Ticking)
    troubles: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    signed_at: int = 1_800_000_000

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/log/one"

    def append(self, count: int) -> None:
        facts = [
            Alert(at=self.clock.now(), actor="t", source=Source.BOT, name=AlertName.END_LATE, says=f"{number}")
            for number in range(count)
        ]
        self.ledger.append(facts)

    def bodies(self) -> list[bytes]:
        return [entry.body for entry in self.ledger.read(limit=100_000)]

    def sign(self, size: int | None = None, *keys: SignerKey, seconds: int = 1) -> bytes:
        tree = Frontier()
        for body in self.bodies()[:size]:
            tree.push(leaf_hash(body))
        self.signed_at += seconds
        text = checkpoint("log.example/one", tree.size, tree.root())
        note = sign(text, *(keys or (self.key,))) + cosign(text, self.key, self.signed_at)
        Heads(self.ledger.engine).add(tree.size, self.clock.now(), note)
        return note

    def grow(self, count: int) -> bytes:
        self.append(count)
        return self.sign()

    def trouble(self, name: str, says: str | None) -> None:
        if says is None:
            self.troubles.pop(name, None)
        else:
            self.troubles[name] = says
            self.told.append(says)

    def copier(self) -> Copier:
        return Copier(
            engine=self.ledger.engine,
            bucket=Bucket(self.url, self.endpoint),
            keep=KEEP,
            keys=lambda: [self.key.verifier()],
            trouble=self.trouble,
            clock=self.clock,
        )

    def names(self, folder: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"log/one/{folder}").get("Contents", [])
        return [each["Key"].removeprefix("log/one/") for each in found]

    def segments(self) -> list[tuple[int, int]]:
        spans = [name.removeprefix("segments/").removesuffix(".jsonl").split("-") for name in self.names("segments/")]
        return [(int(first), int(last)) for first, last in spans]

    def put(self, name: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"log/one/{name}", Body=data)

    def remove(self, name: str) -> None:
        """As nobody can while the lock holds: behind the server's back."""
        del s3_backends["123456789012"]["aws"].buckets[self.bucket].keys[f"log/one/{name}"]

    def read(self) -> Copies:
        return open_copies(self.url, self.clock, endpoint=self.endpoint)

    def verdict(self) -> Any:
        found = self.read()
        trust = Trust(keys=(self.key.verifier(),))
        locked = list(found.heads(trust.keys))
        return check_record(found.entries(), Sources(log=locked, locked=locked), trust)


@pytest.fixture
def shop(endpoint: str, tmp_path: Path, credentials: None) -> Iterator[Shop]:
    s3 = boto3.client("s3", endpoint_url=endpoint)
    bucket = f"copies-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    clock = Ticking()
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    key = SignerKey.generate("log.example/one")
    yield Shop(tmp_path, endpoint, bucket, s3, Ledger(engine, clock), key, clock)
    engine.dispose()


def test_what_a_head_covers_is_copied_and_nothing_else(shop: Shop) -> None:
    note = shop.grow(3)
    shop.append(2)
    assert shop.copier().turn() == copying.LOOK_EVERY
    assert shop.names() == [f"heads/000000000003-{shop.signed_at}.note", "segments/000000000001-000000000003.jsonl"]
    found = shop.read()
    assert list(found.heads()) == [note]
    assert list(found.entries()) == [(n, body, None) for n, body in enumerate(shop.bodies()[:3], 1)]
    assert found.faults == found.remarks == []
    assert shop.troubles == {}


def test_a_copy_reads_as_locked(shop: Shop) -> None:
    copier = shop.copier()
    for count in (3, 1, 7):
        shop.grow(count)
        copier.turn()
    verdict = shop.verdict()
    assert (verdict.grade, verdict.size, verdict.findings) == (Grade.LOCKED, 11, ())


def test_each_copy_is_locked_for_as_long_as_asked(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    found = shop.read()
    list(found.heads())
    list(found.entries())
    assert found.locked_until is not None
    assert abs(found.locked_until - shop.clock.now() - KEEP) < timedelta(minutes=5)


def test_a_copy_can_neither_be_deleted_nor_replaced(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    name = shop.names("segments/")[0]
    [version] = shop.s3.list_object_versions(Bucket=shop.bucket, Prefix=f"log/one/{name}")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        shop.s3.delete_object(Bucket=shop.bucket, Key=version["Key"], VersionId=version["VersionId"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        shop.s3.put_object(Bucket=shop.bucket, Key=version["Key"], Body=b"other", IfNoneMatch="*")
    assert shop.verdict().grade is Grade.LOCKED


@pytest.mark.parametrize("over", ["a newer version", "a delete marker"])
def test_what_is_laid_over_a_copy_is_told_and_the_copy_is_read(shop: Shop, over: str) -> None:
    shop.grow(3)
    shop.copier().turn()
    name = shop.names("segments/")[0]
    if over == "a newer version":
        shop.put(name, b'{"index": 1}\n')
    else:
        shop.s3.delete_object(Bucket=shop.bucket, Key=f"log/one/{name}")

    found = shop.read()
    assert [body for _, body, _ in found.entries()] == shop.bodies()
    assert over in found.remarks[0]
    assert found.faults == []
    assert shop.verdict().grade is Grade.LOCKED

    shop.grow(1)
    shop.copier().turn()
    assert over in shop.troubles[copying.DISTURBED]
    assert shop.read().segments[-1].last == 4


def test_a_copier_started_again_goes_on_where_the_copy_ends(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.grow(2)
    again = shop.copier()
    again.turn()
    again.turn()
    assert shop.segments() == [(1, 3), (4, 5)]
    assert shop.troubles == {}
    assert len(shop.names("heads/")) == 2


KILLED = """
import os, sys
from pathlib import Path
from jit.copies import copier as copying
from jit.copies.bucket import Bucket
from jit.clock import SystemClock
from jit.copies.copier import Copier
from jit.ledger import connect
from jit.verifier import VerifierKey
folder, endpoint, url, vkey, left, after = sys.argv[1:]
left = int(left)
put = Bucket.put
def deadly(self, *given):
    global left
    left -= 1
    if left == 0 and after == "0":
        os._exit(9)
    found = put(self, *given)
    if left == 0:
        os._exit(9)
    return found
Bucket.put = deadly
copying.MOST_ENTRIES = 4
from datetime import timedelta
Copier(
    engine=connect(f"sqlite:///{folder}/ledger.db"), bucket=Bucket(url, endpoint), keep=timedelta(days=30),
    keys=lambda: [VerifierKey.parse(vkey)], trouble=lambda name, says: None, clock=SystemClock(),
).turn()
"""


@pytest.mark.fault
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_copier_killed_at_any_object_is_followed_by_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool
) -> None:
    shop.grow(10)
    arguments = [str(shop.folder), shop.endpoint, shop.url, str(shop.key.verifier()), str(at), str(int(after))]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, timeout=60)
    assert killed.returncode == 9
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.append(2)
    shop.sign()
    shop.copier().turn()
    assert shop.troubles == {}
    assert [body for _, body, _ in shop.read().entries()] == shop.bodies()
    assert (shop.verdict().grade, shop.read().faults) == (Grade.LOCKED, [])
    assert (
        shop.segments()[:3]
        == [(1, 4), (5, 8), (9, 10)][: at if after else at - 1] + shop.segments()[(at if after else at - 1) : 3]
    )


def test_another_history_in_the_copy_is_told_and_nothing_more_is_copied(shop: Shop) -> None:
    shop.grow(3)
    shop.put("segments/000000000001-000000000003.jsonl", b'{"index": 1}\n{"index": 2}\n{"index": 3}\n')
    copier = shop.copier()
    assert copier.turn() == copying.LOOK_AFTER_REFUSAL
    assert "holds other entries than the record" in shop.troubles[copying.DIFFERENT]
    shop.grow(2)
    copier.turn()
    assert shop.names() == ["segments/000000000001-000000000003.jsonl"]


def test_another_history_put_first_while_we_copy_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there by the time ours is put, and was not when the copier looked."""
    shop.grow(3)
    copier = shop.copier()
    put = Bucket.put

    def overtaken(bucket: Bucket, name: str, data: bytes, until: Any) -> Any:
        shop.put(name, b"other\n")
        return put(bucket, name, data, until)

    monkeypatch.setattr(Bucket, "put", overtaken)
    copier.turn()
    assert "holds other entries" in shop.troubles[copying.DIFFERENT]


def test_the_same_put_by_another_copier_is_fine(shop: Shop) -> None:
    shop.grow(3)
    one, two = shop.copier(), shop.copier()
    one._begin()
    two.turn()
    one._turn()
    assert shop.troubles == {}
    assert shop.segments() == [(1, 3)]


OTHER_WORDS = "UPDATE entries SET body = CAST(replace(body, 'end_late', 'not_begun') AS BLOB) WHERE \"index\" = 2"


def rewrite(shop: Shop, statement: str) -> None:
    """As somebody who owns the database."""
    with shop.ledger.engine.begin() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql(statement)


def test_a_record_rewritten_and_signed_anew_is_told(shop: Shop) -> None:
    """By somebody who owns the database and holds the log's key."""
    shop.grow(3)
    shop.copier().turn()
    rewrite(shop, OTHER_WORDS)
    rewrite(shop, "DELETE FROM heads")
    shop.sign()
    shop.copier().turn()
    assert "holds other entries than the record" in shop.troubles[copying.DIFFERENT]


def test_a_rewritten_record_is_noticed_by_a_copier_that_runs_on(shop: Shop) -> None:
    copier = shop.copier()
    shop.grow(3)
    copier.turn()
    rewrite(shop, OTHER_WORDS)
    shop.clock.ticked += copying.COMPARE_EVERY
    copier.turn()
    assert copying.DIFFERENT in shop.troubles


def test_a_record_cut_off_with_its_heads_is_told(shop: Shop) -> None:
    shop.grow(3)
    shop.grow(3)
    shop.copier().turn()
    rewrite(shop, 'DELETE FROM entries WHERE "index" > 3')
    rewrite(shop, "DELETE FROM heads WHERE size > 3")
    shop.copier().turn()
    assert "the copy holds 6 entries, and the heads in the database cover 3" in shop.troubles[copying.DIFFERENT]


def test_entries_that_the_head_was_not_signed_over_are_not_copied(shop: Shop) -> None:
    shop.grow(3)
    rewrite(shop, OTHER_WORDS)
    shop.copier().turn()
    assert "not the one over which the head of 3 entries was signed" in shop.troubles[copying.DIFFERENT]
    assert shop.names() == []


def test_a_head_that_the_key_has_not_signed_covers_nothing(shop: Shop) -> None:
    shop.append(3)
    shop.sign(None, SignerKey.generate("log.example/one"))
    shop.copier().turn()
    assert shop.names() == []


def test_a_missing_segment_is_told_and_copied_again(shop: Shop) -> None:
    copier = shop.copier()
    for _ in range(3):
        shop.grow(2)
        copier.turn()
    shop.remove("segments/000000000003-000000000004.jsonl")

    found = shop.read()
    assert [index for index, _, _ in found.entries()] == [1, 2, 5, 6]
    assert found.faults == ["Entries 3 to 4 are in no segment."]
    assert shop.verdict().grade is Grade.BROKEN

    shop.copier().turn()
    assert "entries 3 to 4 are missing" in shop.troubles[copying.DISTURBED]
    assert shop.segments() == [(1, 2), (3, 4), (5, 6)]
    assert shop.verdict().grade is Grade.LOCKED


def test_an_object_without_a_lock_is_told_and_its_head_is_no_locked_one(shop: Shop) -> None:
    note = shop.grow(3)
    shop.put("segments/000000000001-000000000003.jsonl", b"".join(body + b"\n" for body in shop.bodies()))
    shop.put(f"heads/000000000003-{shop.signed_at}.note", note)
    found = shop.read()
    assert list(found.heads()) == []
    list(found.entries())
    assert found.locked_until is None
    assert len(found.remarks) == 2


def test_a_lock_that_ran_out_is_told(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.clock.ahead = KEEP + timedelta(minutes=1)
    found = shop.read()
    assert list(found.heads()) == []
    list(found.entries())
    assert found.locked_until is None


def test_two_histories_in_overlapping_segments_are_told(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.put("segments/000000000002-000000000004.jsonl", b"other\n" * 3)
    found = shop.read()
    list(found.entries())
    assert any("Entry 2 is another" in fault for fault in found.faults)


JUNK = {
    "a head that is none": ("heads/000000000001-1.note", b"junk"),
    "a head that is longer than any": ("heads/000000000001-1.note", b"x" * ((1 << 20) + 2)),
    "a head far beyond": ("heads/000000000999-1.note", b"junk"),
    "other entries in between": ("segments/000000000002-000000000004.jsonl", b"other\n" * 3),
    "other entries at the beginning": ("segments/000000000001-000000000001.jsonl", b"other\n"),
    "entries far beyond": ("segments/000000000900-000000000901.jsonl", b"other\n" * 2),
    "fewer entries than named": ("segments/000000000004-000000000900.jsonl", b"other\n"),
    "a line that never ends": ("segments/000000000002-000000000002.jsonl", b"x" * (2 << 20)),
    "nothing": ("segments/000000000002-000000000002.jsonl", b""),
}


def lock(shop: Shop, name: str, data: bytes) -> None:
    until = shop.clock.now() + KEEP
    lasting: dict[str, Any] = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    shop.s3.put_object(Bucket=shop.bucket, Key=f"log/one/{name}", Body=data, ChecksumAlgorithm="SHA256", **lasting)


@pytest.mark.parametrize("what", JUNK)
@pytest.mark.parametrize("before", [False, True], ids=["after ours", "before ours"])
def test_what_somebody_else_locks_in_is_remarked_on_and_breaks_nothing(shop: Shop, what: str, *, before: bool) -> None:
    shop.grow(3)
    if not before:
        shop.copier().turn()
        lock(shop, *JUNK[what])
    else:
        segment, note = b"".join(body + b"\n" for body in shop.bodies()), shop.sign()
        lock(shop, *JUNK[what])
        lock(shop, "segments/000000000001-000000000003.jsonl", segment)
        lock(shop, f"heads/000000000003-{shop.signed_at}.note", note)
    verdict = shop.verdict()
    assert (verdict.grade, verdict.size, verdict.findings) == (Grade.LOCKED, 3, ())
    found = shop.read()
    list(found.heads([shop.key.verifier()]))
    list(found.entries())
    assert found.faults == []
    assert any(JUNK[what][0] in remark for remark in found.remarks)


def test_a_copy_whose_name_somebody_else_took_first_is_read(shop: Shop) -> None:
    shop.grow(3)
    lock(shop, "segments/000000000001-000000000003.jsonl", b"other\n" * 3)
    lock(shop, "segments/000000000001-000000000003.jsonl", b"".join(body + b"\n" for body in shop.bodies()))
    note = shop.sign()
    lock(shop, f"heads/000000000003-{shop.signed_at}.note", b"junk")
    lock(shop, f"heads/000000000003-{shop.signed_at}.note", note)
    assert (shop.verdict().grade, shop.verdict().size) == (Grade.LOCKED, 3)


def forged(shop: Shop, first: int) -> bytes:
    """Entries that follow on from those before, and say something else."""
    bodies, previous = shop.bodies(), ""
    lines = []
    for number, body in enumerate(bodies, 1):
        if number < first:
            continue
        other = body.replace(b"end_late", b"not_begun")
        if previous:
            other = re.sub(rb'"previous": "[0-9a-f]{64}"', f'"previous": "{previous}"'.encode(), other)
        previous = hashlib.sha256(other).hexdigest()
        lines.append(other + b"\n")
    return b"".join(lines)


def test_entries_that_follow_on_and_that_no_head_covers_are_remarked_on(shop: Shop) -> None:
    shop.grow(5)
    lock(shop, "segments/000000000003-000000000005.jsonl", forged(shop, 3))
    bodies, note = shop.bodies(), shop.sign()
    lock(shop, "segments/000000000001-000000000002.jsonl", b"".join(body + b"\n" for body in bodies[:2]))
    lock(shop, "segments/000000000001-000000000005.jsonl", b"".join(body + b"\n" for body in bodies))
    lock(shop, f"heads/000000000005-{shop.signed_at}.note", note)
    verdict = shop.verdict()
    assert (verdict.grade, verdict.size) == (Grade.LOCKED, 5)


def test_a_head_of_another_key_is_remarked_on_and_one_of_ours_that_contradicts_breaks(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    text = checkpoint("log.example/one", 3, b"x" * 32)
    lock(shop, "heads/000000000003-7.note", sign(text, SignerKey.generate("log.example/one")))
    assert shop.verdict().grade is Grade.LOCKED
    lock(shop, "heads/000000000003-8.note", sign(text, shop.key))
    verdict = shop.verdict()
    assert verdict.grade is Grade.BROKEN
    assert "forked" in {finding.reason for finding in verdict.findings}


def test_other_entries_than_a_head_covers_break_where_no_others_are_there(shop: Shop) -> None:
    shop.grow(3)
    lock(shop, "segments/000000000001-000000000003.jsonl", forged(shop, 1))
    lock(shop, "segments/000000000002-000000000003.jsonl", b"other\n" * 2)
    note = shop.sign()
    lock(shop, f"heads/000000000003-{shop.signed_at}.note", note)
    assert shop.verdict().grade is Grade.BROKEN


def test_names_that_are_none_of_ours_are_passed_over(shop: Shop) -> None:
    shop.grow(3)
    for name in ("segments/1-2.jsonl", "segments/000000000009-000000000002.jsonl", "heads/x.note", "readme"):
        shop.put(name, b"x")
    shop.copier().turn()
    assert shop.verdict().grade is Grade.LOCKED


def test_many_objects_are_listed_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.copies.bucket.PAGE", 2)
    copier = shop.copier()
    for _ in range(5):
        shop.grow(1)
        copier.turn()
    assert len(shop.read().segments) == 5
    assert shop.verdict().size == 5


def test_a_long_record_is_cut_into_segments(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.grow(10)
    shop.copier().turn()
    assert shop.segments() == [(1, 4), (5, 8), (9, 10)]
    monkeypatch.setattr(copying, "MOST_ENTRIES", 100)
    monkeypatch.setattr(copying, "MOST_BYTES", 1000)
    shop.grow(6)
    shop.copier().turn()
    assert len(shop.segments()) > 4
    assert shop.verdict().grade is Grade.LOCKED


def test_a_heartbeat_is_copied_once_an_hour(shop: Shop) -> None:
    copier = shop.copier()
    shop.grow(2)
    copier.turn()
    for seconds in (300, 300, 3100):
        shop.sign(seconds=seconds)
        copier.turn()
    assert len(shop.names("heads/")) == 2


def test_a_head_that_vouches_for_a_new_key_is_always_copied(shop: Shop) -> None:
    """Also when another of the same size was, a moment ago."""
    copier = shop.copier()
    shop.grow(2)
    copier.turn()
    before, shop.key = shop.key, SignerKey.generate("log.example/one")
    vouching = shop.sign(None, shop.key, before)
    shop.grow(1)
    copier.turn()
    assert vouching in list(shop.read().heads())
    trust = Trust(keys=(shop.key.verifier(),), offered=(before.verifier(),))
    locked = list(shop.read().heads())
    verdict = check_record(shop.read().entries(), Sources(log=locked, locked=locked), trust)
    assert (verdict.grade, verdict.size) == (Grade.LOCKED, 3)


def test_an_outage_is_waited_out_and_after_an_hour_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    copier = shop.copier()
    copier._bucket = Bucket(shop.url, "http://127.0.0.1:1")
    assert copier.turn() == copying.LOOK_EVERY
    assert shop.troubles == {}
    shop.clock.ticked += copying.SILENT_FOR
    copier.turn()
    assert copying.AWAY in shop.troubles
    copier._bucket = Bucket(shop.url, shop.endpoint)
    copier.turn()
    assert shop.troubles == {}
    assert shop.segments() == [(1, 3)]


def test_an_outage_in_the_middle_costs_no_second_copy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.grow(10)
    put, left = Bucket.put, 2

    def gone(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise CopiesUnavailable("gone")
        return put(*given)

    copier = shop.copier()
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", gone)
        copier.turn()
    assert shop.segments() == [(1, 4), (5, 8)]
    copier.turn()
    assert shop.segments() == [(1, 4), (5, 8), (9, 10)]


def test_a_fault_of_ours_stops_no_later_copy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    copier = shop.copier()
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", lambda *_: 1 / 0)
        copier.turn()
    copier.turn()
    assert shop.segments() == [(1, 3)]


def test_a_store_that_ignores_the_lock_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    monkeypatch.setattr(Bucket, "locked_until", lambda *_: None)
    shop.copier().turn()
    assert "without the lock asked for" in shop.troubles[copying.AWAY]


def test_of_two_signers_one_copies_until_it_is_gone(shop: Shop) -> None:
    one, two = opened(shop), opened(shop)
    assert one is not None
    assert two is not None
    shop.grow(2)
    one.turn()
    shop.grow(2)
    two.turn()
    assert shop.segments() == [(1, 2)]
    shop.clock.ahead = copying.LEASE_LASTS + timedelta(seconds=1)
    two.turn()
    shop.grow(2)
    one.turn()
    assert shop.segments() == [(1, 2), (3, 4)]


def test_it_ends_when_told(shop: Shop) -> None:
    stop = Event()
    stop.set()
    shop.copier().keep_copying(stop)
    assert shop.names() == []


def opened(shop: Shop, **settings: Any) -> Copier | None:
    given = CopySettings(**{"copies": shop.url, "copies_endpoint": shop.endpoint, "copies_keep": 30, **settings})
    return open_copier(given, shop.ledger.engine, lambda: [shop.key.verifier()], shop.trouble, shop.clock)


def test_the_verifier_reads_them_and_finds_them_locked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    shop.copier().turn()
    monkeypatch.setenv("JIT_COPIES_ENDPOINT", shop.endpoint)
    monkeypatch.setenv("JIT_DATA", str(shop.folder))
    command = ["audit", "verify", shop.url, "--key", str(shop.key.verifier()), "--require", "locked"]
    found = CliRunner().invoke(cli, command)
    assert (found.exit_code, json.loads(found.stdout)["grade"]) == (0, "locked")

    shop.put("segments/000000000002-000000000003.jsonl", b"other\n" * 2)
    assert CliRunner().invoke(cli, command).exit_code == 0
    text = checkpoint("log.example/one", 3, b"x" * 32)
    lock(shop, "heads/000000000003-8.note", sign(text, shop.key))
    assert CliRunner().invoke(cli, command).exit_code == 4


def test_it_is_set_up_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CopySettings().copies == ""
    monkeypatch.setenv("JIT_COPIES", "s3://bucket/prefix")
    monkeypatch.setenv("JIT_COPIES_KEEP", "90")
    monkeypatch.setenv("JIT_COPIES_ENDPOINT", "https://store.example")
    given = CopySettings()
    assert (given.copies, given.copies_keep, given.copies_endpoint) == (
        "s3://bucket/prefix",
        90,
        "https://store.example",
    )
    monkeypatch.setenv("JIT_COPIES_KEEP", "0")
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        CopySettings()


def test_without_an_address_nothing_is_copied(shop: Shop) -> None:
    assert opened(shop, copies="") is None


def test_a_bucket_with_object_lock_will_do(shop: Shop) -> None:
    assert opened(shop) is not None
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}}
    shop.s3.put_object_lock_configuration(Bucket=shop.bucket, ObjectLockConfiguration=default)
    assert opened(shop) is not None


def default_of_10_days(shop: Shop) -> dict[str, Any]:
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 10}}}
    shop.s3.put_object_lock_configuration(Bucket=shop.bucket, ObjectLockConfiguration=default)
    return {}


def no_lock(shop: Shop) -> dict[str, Any]:
    shop.s3.create_bucket(Bucket=f"plain-{shop.bucket}")
    return {"copies": f"s3://plain-{shop.bucket}/log"}


UNFIT: dict[str, tuple[Callable[[Shop], dict[str, Any]], str]] = {
    "a default of ten days": (default_of_10_days, "keeps objects for 10 days by default.*lower JIT_COPIES_KEEP"),
    "a bucket without Object Lock": (no_lock, "has no Object Lock.*Make a bucket with Object Lock"),
    "no such bucket": (lambda _: {"copies": "s3://nowhere/log"}, "There is no bucket nowhere"),
    "no address": (lambda _: {"copies": "https://copies/log"}, "s3://bucket/prefix"),
    "a login in the address": (lambda _: {"copies": "s3://key:secret@bucket/log"}, "s3://bucket/prefix"),
    "no endpoint": (lambda _: {"copies_endpoint": "nonsense"}, "cannot be set up"),
}


@pytest.mark.parametrize("how", UNFIT)
def test_a_store_that_cannot_keep_copies_is_refused_at_the_start(shop: Shop, how: str) -> None:
    make, says = UNFIT[how]
    with pytest.raises(CannotStart, match=says):
        opened(shop, **make(shop))


def test_without_credentials_it_is_refused_at_the_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CannotStart, match="AWS_PROFILE"):
        opened(shop)


def test_without_boto3_it_is_refused_at_the_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CannotStart, match=r"pip install 'jit\[s3\]'"):
        opened(shop)


def test_a_store_that_is_away_holds_up_no_start(shop: Shop) -> None:
    assert opened(shop, copies_endpoint="http://127.0.0.1:1") is not None


def test_no_copies_are_said_to_be_none(shop: Shop) -> None:
    with pytest.raises(CopiesUnavailable, match="there are no copies"):
        shop.read()


def test_a_line_that_never_ends_is_refused(shop: Shop) -> None:
    shop.put("segments/000000000001-000000000001.jsonl", b"x" * (2 << 20))
    with pytest.raises(CopiesUnavailable, match="too long"):
        list(shop.read().entries())


def test_faults_are_told_up_to_a_number(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_FAULTS", 2)
    for index in range(1, 6):
        shop.put(f"segments/{index:012d}-{index:012d}.jsonl", b"x\n")
    found = shop.read()
    list(found.entries())
    assert len(found.remarks) == 2
