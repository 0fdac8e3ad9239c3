"""A ledger, its signer, and a bucket of a server that speaks S3 (moto), for tests of the locked copies."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jit.clock import SystemClock
from jit.ledger import Ledger
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.copies.bucket import Bucket
from jit.proof.copies.copier import Copier, open_copier
from jit.proof.copies.reading import Copies, checkpoint_name, open_copies, segment_name
from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.verifier import Sources, Trust, Verdict, check_record
from jit.runtime.settings import CopySettings
from tests.world.checkpoints import tree_of
from tests.world.facts import late

KEEP = timedelta(days=30)
ORIGIN = "log.example/one"
NOBODY = "http://127.0.0.1:1"
"""Where nothing listens."""
OTHER_WORDS = "UPDATE entries SET body = CAST(replace(body, 'end_late', 'not_begun') AS BLOB) WHERE \"index\" = 2"


@dataclass
class Ticking:
    """The machine's time, which moto goes by, moved on by hand."""

    ahead: timedelta = timedelta(0)
    ticked: float = 0.0

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def ticks(self) -> float:
        return self.ticked


@dataclass
class Shop:
    """``troubles`` are those that are not over."""

    endpoint: str
    bucket: str
    s3: Any
    ledger: Ledger
    clock: Ticking
    key: SignerKey = field(default_factory=lambda: SignerKey.generate(ORIGIN))
    troubles: dict[str, str] = field(default_factory=dict)
    signed_at: int = 1_800_000_000

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/log/one"

    def append(self, count: int) -> None:
        self.ledger.append([late(self.clock.now(), says=f"{number}") for number in range(count)])

    def bodies(self) -> list[bytes]:
        return [entry.body for entry in self.ledger.read(limit=100_000)]

    def sign(self, *keys: SignerKey, seconds: int = 1) -> bytes:
        tree = tree_of(self.bodies())
        self.signed_at += seconds
        text = checkpoint_text(ORIGIN, tree.size, tree.root())
        note = sign(text, *(keys or (self.key,))) + cosign(text, self.key, self.signed_at)
        Checkpoints(self.ledger.engine).add(tree.size, self.clock.now(), note)
        return note

    def grow(self, count: int) -> bytes:
        self.append(count)
        return self.sign()

    def rewrite(self, statement: str) -> None:
        """As somebody who owns the database."""
        with self.ledger.engine.begin() as connection:
            triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            for name in triggers.all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            connection.exec_driver_sql(statement)

    def trouble(self, name: str, says: str | None) -> None:
        if says is None:
            self.troubles.pop(name, None)
        else:
            self.troubles[name] = says

    def copier(self, endpoint: str = "") -> Copier:
        return Copier(
            engine=self.ledger.engine,
            bucket=Bucket(self.url, endpoint or self.endpoint),
            keep=KEEP,
            keys=lambda: [self.key.verifier()],
            trouble=self.trouble,
            clock=self.clock,
        )

    def opened(self, **settings: Any) -> Copier | None:
        """As a signer opens it."""
        given = {"copies": self.url, "copies_endpoint": self.endpoint, "copies_keep": KEEP.days, **settings}
        return open_copier(
            CopySettings(**given), self.ledger.engine, lambda: [self.key.verifier()], self.trouble, self.clock
        )

    def names(self, folder: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"log/one/{folder}").get("Contents", [])
        return [each["Key"].removeprefix("log/one/") for each in found]

    def segments(self) -> list[tuple[int, int]]:
        spans = [name.removeprefix("segments/").removesuffix(".jsonl").split("-") for name in self.names("segments/")]
        return [(int(first), int(last)) for first, last in spans]

    def put(self, name: str, data: bytes, **lock: Any) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"log/one/{name}", Body=data, **lock)

    def lock(self, name: str, data: bytes) -> None:
        """Put under a lock, as whoever may put objects there can."""
        until = self.clock.now() + KEEP
        lasting: dict[str, Any] = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        self.put(name, data, ChecksumAlgorithm="SHA256", **lasting)

    def lines(self, first: int, last: int) -> bytes:
        """What a segment of these entries holds."""
        return b"".join(body + b"\n" for body in self.bodies()[first - 1 : last])

    def lock_segment(self, first: int, last: int, data: bytes | None = None) -> None:
        """Of these entries; ``data`` is what it holds instead of them."""
        self.lock(segment_name(first, last), self.lines(first, last) if data is None else data)

    def lock_checkpoint(self, size: int, note: bytes) -> None:
        self.lock(checkpoint_name(size, self.signed_at), note)

    def forged(self, first: int) -> bytes:
        """Entries that follow on from those before, and say something else."""
        previous = ""
        lines = []
        for body in self.bodies()[first - 1 :]:
            other = body.replace(b"end_late", b"not_begun")
            if previous:
                other = re.sub(rb'"previous": "[0-9a-f]{64}"', f'"previous": "{previous}"'.encode(), other)
            previous = hashlib.sha256(other).hexdigest()
            lines.append(other + b"\n")
        return b"".join(lines)

    def read(self) -> Copies:
        return open_copies(self.url, self.clock, endpoint=self.endpoint)

    def verdict(self, found: Copies | None = None, trust: Trust | None = None) -> Verdict:
        """What an auditor with these keys, or the log's, finds there."""
        found, trust = found or self.read(), trust or Trust(keys=(self.key.verifier(),))
        locked = list(found.checkpoints(trust.keys))
        return check_record(found.entries(), Sources(log=locked, locked=locked), trust)
