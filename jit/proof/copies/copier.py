"""Copies of the record into a store that lets nobody replace them: what a signed checkpoint covers, and nothing else.

It keeps nothing of its own. What is there already is listed, compared with the record, and gone on from; so a copy
that tells another history than the record is noticed, at each start and once a day.
"""

import hashlib
import secrets
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import structlog
from sqlalchemy import Engine

from jit.ledger import Leases, LedgerUnavailable
from jit.ledger.database import reading
from jit.ledger.entry import LONGEST
from jit.ledger.schema import entries
from jit.ports import Clock
from jit.proof.audit.checkpoints import Checkpoints, SignedCheckpoint
from jit.proof.audit.kept import kept_entries
from jit.proof.copies.bucket import Bucket, CopiesUnavailable, StoredObject
from jit.proof.copies.reading import (
    LONGEST_CHECKPOINT,
    checkpoint_name,
    checkpoints_in,
    gaps,
    hidden,
    segment_name,
    segments_in,
)
from jit.proof.copies.segments import Segment
from jit.proof.verifier import (
    Checkpoint,
    Frontier,
    NoteError,
    VerifierKey,
    cosigned_at,
    leaf_hash,
    parse_checkpoint,
    parse_note,
)
from jit.proof.verifier import signed as signed_by
from jit.runtime.settings import CannotStart, CopySettings, process_name

log = structlog.get_logger(__name__)

LOOK_EVERY = 60.0
"""Seconds: entries are copied at most so often, and at once at the first."""
LOOK_AFTER_REFUSAL = 600.0
COMPARE_EVERY = 86_400.0
"""Seconds after which all that is there is compared anew."""
LEASE = "copier"
LEASE_LASTS = timedelta(minutes=15)
"""More than the longest wait between two turns."""
CHECKPOINT_EVERY = 3600
"""Seconds after which a checkpoint is copied though no entry came."""
SILENT_FOR = 3600.0
"""Seconds without a copy after which somebody is told."""
MOST_ENTRIES, MOST_BYTES = 5000, 8 << 20
"""Of one segment."""
_PAGE = 500

DIFFERENT = "copies"
AWAY = "copies away"
DISTURBED = "copies disturbed"
"""Troubles, by the name under which they are told once and called over."""


class Differs(Exception):
    """The copy and the record are not one history; the message says where."""


@dataclass(frozen=True, slots=True)
class Covering:
    """A checkpoint of the database whose signature holds."""

    size: int
    root: bytes
    at: int
    note: bytes
    vouches: bool
    """Signed by two keys: it says that the second follows the first."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    first: int
    last: int
    digest: bytes
    nodes: tuple[bytes, ...]
    """The tree's, up to ``last``."""


class Copier:
    """`turn` copies what is new; `keep_copying` goes on until told to stop. Nothing here raises or holds anybody up."""

    def __init__(
        self,
        *,
        engine: Engine,
        bucket: Bucket,
        keep: timedelta,
        keys: Callable[[], Sequence[VerifierKey]],
        trouble: Callable[[str, str | None], None],
        clock: Clock,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """``trouble`` is told a name and what is wrong, or None once it is over. Who does not lead copies nothing."""
        self._engine = engine
        self._checkpoints = Checkpoints(engine)
        self._bucket = bucket
        self._keep = keep
        self._keys = keys
        self._trouble = trouble
        self._clock = clock
        self._leads = leads
        self._fit = False
        self._silent_since: float | None = None
        self._begun: float | None = None
        self._forget()

    def _forget(self) -> None:
        self._begun = None
        self._tree = Frontier()
        self._known: dict[int, Segment] = {}
        self._starts: list[int] = []
        self._names: set[str] = set()
        self._reach = 0
        self._number = 0
        self._newest: Covering | None = None
        self._vouching: list[Covering] = []
        self._checkpoint_at = 0

    def keep_copying(self, stop: Event) -> None:
        while not stop.is_set():
            stop.wait(self.turn())

    def turn(self) -> float:
        """Seconds until the next."""
        try:
            if self._leads():
                self._turn()
            else:
                self._forget()
        except Differs as differs:
            log.error("copies.differ", because=str(differs))  # noqa: TRY400  no fault of ours
            self._forget()
            self._trouble(DIFFERENT, f"Nothing more is copied to {self._bucket.url}: {differs}.")
            return LOOK_AFTER_REFUSAL
        except CannotStart as unfit:
            log.error("copies.unfit", because=str(unfit))  # noqa: TRY400  as above
            self._trouble(AWAY, f"The record is not copied: {unfit}")
        except (CopiesUnavailable, LedgerUnavailable) as away:
            self._wait(str(away))
        except Exception:
            log.exception("copies.failed")
            self._forget()
            self._wait("the copier failed; its log says why")
        else:
            self._silent_since = None
            self._trouble(AWAY, None)
            self._trouble(DIFFERENT, None)
        return LOOK_EVERY

    def _wait(self, why: str) -> None:
        log.warning("copies.wait", because=why)
        now = self._clock.ticks()
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since >= SILENT_FOR:
            self._trouble(AWAY, f"For an hour and more nothing could be copied to {self._bucket.url}: {why}")

    def _turn(self) -> None:
        if not self._fit:
            self._bucket.require_lock(self._keep)
            self._fit = True
        if self._begun is None or self._clock.ticks() - self._begun >= COMPARE_EVERY:
            self._begin()
        self._look_at_checkpoints()
        newest = self._newest
        if newest is None or newest.size < self._reach:
            if self._reach:
                covered = newest.size if newest else 0
                raise Differs(
                    f"the copy holds {self._reach} entries, and the checkpoints in the database cover {covered}"
                )
            return
        self._copy(newest)

    def _begin(self) -> None:
        self._forget()
        segments, checkpoints = segments_in(self._bucket), checkpoints_in(self._bucket)
        self._known = {each.first: each for each in segments}
        self._starts = sorted(self._known)
        self._reach = max((each.last for each in segments), default=0)
        self._names = {checkpoint_name(each.size, each.at) for each in checkpoints}
        self._checkpoint_at = max((each.at for each in checkpoints), default=0)
        disturbed = [f"{stored.name} lies under {stored.covered}" for stored in hidden(segments, checkpoints)]
        disturbed += [f"entries {first} to {last} are missing" for first, last in gaps(segments)]
        self._trouble(
            DISTURBED,
            f"Somebody was at the locked copies in {self._bucket.url}: {'; '.join(disturbed[:5])}. "
            "What is missing is copied again; look who may write there."
            if disturbed
            else None,
        )
        self._begun = self._clock.ticks()

    def _look_at_checkpoints(self) -> None:
        """The newest whose signature holds, and those that vouch for a new key."""
        keys = self._keys()
        for checkpoint in self._checkpoints.all(self._number):
            self._number = checkpoint.number
            found = _covering(checkpoint, keys)
            if found is None:
                continue
            if found.vouches:
                self._vouching.append(found)
            if self._newest is None or (found.size, found.at) >= (self._newest.size, self._newest.at):
                self._newest = Covering(
                    found.size, found.root, found.at, self._checkpoints.full_note(checkpoint), found.vouches
                )

    def _copy(self, newest: Covering) -> None:
        wanted = [*(each for each in self._vouching if each.size <= newest.size), newest]
        roots = {self._tree.size: self._tree.root()}
        chunks = list(self._planned(newest.size, {each.size for each in wanted}, roots))
        if roots.get(newest.size) != newest.root:
            raise Differs(f"the record is not the one over which the checkpoint of {newest.size} entries was signed")
        for chunk in chunks:
            self._put_segment(chunk)
            self._tree = Frontier(chunk.last, chunk.nodes)
            self._reach = max(self._reach, chunk.last)
        for each in wanted:
            self._put_checkpoint(each, roots.get(each.size), always=each.vouches)
        self._vouching = []

    def _planned(self, until: int, sizes: set[int], roots: dict[int, bytes]) -> Iterator[_Chunk]:
        """What to copy, cut as what is there already is; and the ``roots`` at these ``sizes``."""
        tree = Frontier(self._tree.size, self._tree.nodes)
        while tree.size < until:
            first = tree.size + 1
            digest, length = hashlib.sha256(), 0
            last = self._end_of(first, until)
            for body in _bodies(self._engine, first, last):
                line = body + b"\n"
                if length and length + len(line) > MOST_BYTES and first not in self._known:
                    break
                digest.update(line)
                length += len(line)
                tree.push(leaf_hash(body))
                if tree.size in sizes:
                    roots[tree.size] = tree.root()
            if tree.size < first:
                raise Differs(f"a checkpoint was signed over {until} entries, and entry {first} is not in the record")
            yield _Chunk(first, tree.size, digest.digest(), tree.nodes)

    def _end_of(self, first: int, until: int) -> int:
        known = self._known.get(first)
        if known is not None and known.last <= min(until, first + 2 * MOST_ENTRIES):
            return known.last
        following = bisect_right(self._starts, first)
        before_next = self._starts[following] - 1 if following < len(self._starts) else until
        return min(until, first + MOST_ENTRIES - 1, before_next)

    def _put_segment(self, chunk: _Chunk) -> None:
        bodies = list(_bodies(self._engine, chunk.first, chunk.last))
        data = b"".join(body + b"\n" for body in bodies)
        if hashlib.sha256(data).digest() != chunk.digest:
            raise Differs(f"entries {chunk.first} to {chunk.last} were changed while they were copied")
        known = self._known.get(chunk.first)
        name = segment_name(chunk.first, chunk.last)
        if known is not None and known.stored.name == name:
            self._require_same(known.stored, data)
        elif not self._put(name, data) and (there := self._bucket.first(name)) is not None:
            self._require_same(there, data)

    def _require_same(self, stored: StoredObject, data: bytes) -> None:
        if not self._bucket.has(stored, data):
            raise Differs(f"{stored.name} there holds other entries than the record")

    def _put_checkpoint(self, checkpoint: Covering, root: bytes | None, *, always: bool) -> None:
        name = checkpoint_name(checkpoint.size, checkpoint.at)
        if name in self._names or not (always or self._is_due(checkpoint)):
            return
        if root != checkpoint.root:
            raise Differs(
                f"the record is not the one over which the checkpoint of {checkpoint.size} entries was signed"
            )
        if not self._put(name, checkpoint.note) and (there := self._bucket.first(name)) is not None:
            self._require_same_checkpoint(there, checkpoint)
        self._names.add(name)
        self._checkpoint_at = max(self._checkpoint_at, checkpoint.at)

    def _is_due(self, checkpoint: Covering) -> bool:
        covered = any(name.startswith(f"checkpoints/{checkpoint.size:012d}-") for name in self._names)
        return not covered or checkpoint.at >= self._checkpoint_at + CHECKPOINT_EVERY

    def _require_same_checkpoint(self, stored: StoredObject, checkpoint: Covering) -> None:
        """Witnesses may have added lines to one of the two."""
        try:
            text = parse_note(self._bucket.get(stored).all(LONGEST_CHECKPOINT)).text
        except NoteError:
            text = b""
        if text != parse_note(checkpoint.note).text:
            raise Differs(f"{stored.name} there is another checkpoint")

    def _put(self, name: str, data: bytes) -> bool:
        """False if something of that name is there. Raises CannotStart if it was taken and not locked."""
        until = self._clock.now() + self._keep
        stored = self._bucket.put(name, data, until)
        if stored is None:
            return False
        locked = self._bucket.locked_until(stored)
        if locked is None or locked < until - timedelta(minutes=1):
            self._fit = False
            raise CannotStart(f"the store took {name} without the lock asked for. Name a bucket with Object Lock.")
        log.info("copies.put", name=name, bytes=len(data))
        return True


def open_copier(
    settings: CopySettings,
    engine: Engine,
    keys: Callable[[], Sequence[VerifierKey]],
    trouble: Callable[[str, str | None], None],
    clock: Clock,
) -> Copier | None:
    """None if JIT_COPIES is not set. A store that does not answer now is asked again later.

    Raises:
        CannotStart: boto3 is missing, or the bucket cannot keep copies.
    """
    if not settings.copies:
        return None
    bucket, keep = Bucket(settings.copies, settings.copies_endpoint), timedelta(days=settings.copies_keep)
    try:
        bucket.require_lock(keep)
    except CopiesUnavailable as away:
        log.warning("copies.wait", because=str(away))
    leases, holder = Leases(engine, clock, LEASE_LASTS), f"{process_name('copier')}#{secrets.token_hex(4)}"
    return Copier(
        engine=engine,
        bucket=bucket,
        keep=keep,
        keys=keys,
        trouble=trouble,
        clock=clock,
        leads=lambda: leases.hold(LEASE, holder),
    )


def _covering(checkpoint: SignedCheckpoint, keys: Sequence[VerifierKey]) -> Covering | None:
    """None for one that none of the keys has signed."""
    try:
        note = parse_note(checkpoint.note)
        found: Checkpoint = parse_checkpoint(note.text)
        ours = [key for key in keys if key.name == found.origin]
        key = next((key for key in ours if signed_by(note, key)), None)
        if key is None:
            return None
        at = cosigned_at(note, key)
    except NoteError:
        return None
    plain = {each.key_id for each in note.signatures if each.name == found.origin and len(each.blob) == _ED25519}
    return Covering(
        found.size, found.root, at or int(checkpoint.signed_at.timestamp()), checkpoint.note, len(plain) > 1
    )


_ED25519 = 64
"""Bytes of a signature; with a time before it, it is a cosignature."""


def _bodies(engine: Engine, first: int, last: int) -> Iterator[bytes]:
    """Entries ``first`` to ``last``, until one is missing or is too long to be one."""
    while first <= last:
        with reading(engine) as connection:
            page = kept_entries(connection, entries.c.index >= first, entries.c.index <= last, limit=_PAGE)
        if not page:
            return
        for index, body, _ in page:
            if index != first or len(body) > LONGEST:
                return
            yield body
            first += 1
