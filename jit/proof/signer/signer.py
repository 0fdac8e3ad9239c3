"""The signer: follows the record, and signs checkpoints over it with a key that nothing else can read.

It signs only what extends what it signed before, by its own memory: at its start, and after every refusal, it reads the
record from the first entry and compares the tree with the checkpoint it signed last; later it compares as it goes. What
it signs it remembers first, durably, and gives away then. So

- who has the database and not the key can stop new checkpoints, delete old ones and let the signer write false alarms,
  and can get signed what is appended, true or not; but nothing that was signed can be changed, cut off or forked
  unseen. Only where the signer's memory is lost too may what came after the newest checkpoint left in the database be
  rewritten;
- who has the key and not the database can sign any history and show it to who sees neither database, audit channel nor
  witness; it becomes a fork as soon as the two are compared;
- who has both can do as they like before everybody but witnesses, locked copies and who has read along.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

import structlog
from pydantic import SecretStr

from jit.facts import NO_POLICY, Alert, AlertName, Fact, KeyChanged, Source, Started
from jit.ledger import ClockSkew, Leases, Ledger, LedgerUnavailable
from jit.ledger.database import reading
from jit.ledger.entry import open_entry
from jit.ledger.schema import entries
from jit.ledger.tail import Tail
from jit.ports import Clock
from jit.proof.audit.checkpoints import Checkpoints, CheckpointsMoved
from jit.proof.audit.kept import kept_entries
from jit.proof.signer.following import CannotSign, FollowedRecord
from jit.proof.signer.keys import Keys, is_rotating, read_keys, retire_old
from jit.proof.signer.newest import newest_of, own
from jit.proof.signer.state import Signed, Store
from jit.proof.signer.witnesses import Courier
from jit.proof.tlog.note import checkpoint_text, cosign, sign
from jit.proof.verifier import VerifierKey
from jit.runtime.settings import CannotStart

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
"""Seconds: a checkpoint follows a change within about twice that."""
HEARTBEAT = 300.0
"""Seconds after which the same checkpoint is signed again: silence can be told from deletion."""
LEASE = "signer"
RENEW_EVERY = 2.0
"""Seconds."""
PATROL_EVERY = 10.0
"""Seconds until it looks again though nothing was recorded."""
BACK_OFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the next try: after a refusal, and while the database is away."""
TELL_AGAIN = 600.0
"""Seconds after which a refusal that goes on is told again."""
REFUSING, LOST, OTHERS = "record", "checkpoints", "others"
"""Troubles: the record is not signed, checkpoints are gone from the database, checkpoints of others are in it."""
LOOK = "Leave the database as it is, and look who could write to it: jit audit verify says what does not fit."


class Signer:
    """`turn` looks once; `run` goes on until told to stop. ``couriers`` are offered each checkpoint."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        store: Store,
        key: Path | SecretStr,
        couriers: Sequence[Courier] = (),
        clock: Clock,
        actor: str,
        holder: str,
    ) -> None:
        """Raises CannotStart."""
        self._ledger = ledger
        self._checkpoints = Checkpoints(ledger.engine)
        self._leases = leases
        self._store = store
        self._place = key
        self._keys = read_keys(key)
        self._couriers = couriers
        self._clock = clock
        self._signature = {"actor": actor, "source": Source.SIGNER}
        self._holder = holder
        self._held_until = 0.0
        self._greeted = False
        self._record: FollowedRecord | None = None
        self._pins: dict[int, bytes] = {}
        self._newest: Signed | None = None
        self._announced = ""
        self._table = 0
        self._beat_at = 0.0
        self._failures = 0
        self._untold: list[tuple[Fact, str]] = []
        self._told_at: dict[str, float] = {}
        self._troubles: SimpleQueue[tuple[str, str | None]] = SimpleQueue()
        for courier in couriers:
            courier.begin(self.trouble)

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Whose signatures are ours: the key's, and that of the one before it while a rotation is under way."""
        return tuple(key.verifier() for key in self._keys.all)

    def run(self, stop: Event) -> None:
        tail = Tail(self._ledger.engine)
        Thread(target=tail.keep_watching, args=(stop,), name="tail", daemon=True).start()
        while not stop.is_set():
            seen, pause = tail.changes, self.turn()
            self._wait(stop, pause)
            if pause == LOOK_EVERY:
                self._rest(stop, partial(tail.has_changed, seen))
        for courier in self._couriers:
            courier.end()
        try:
            self._leases.let_go(LEASE, self._holder)
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))

    def _rest(self, stop: Event, has_news: Callable[[], bool]) -> None:
        """Keeping the lease, until something is recorded, or it is time to look at what was."""
        until = self._clock.ticks() + PATROL_EVERY
        with suppress(LedgerUnavailable):
            while self._holds_lease() and not has_news() and self._clock.ticks() < until:
                if stop.wait(LOOK_EVERY):
                    return

    def _wait(self, stop: Event, seconds: float) -> None:
        """Keeping the lease: who refuses is at work, and nobody else's turn has come."""
        while not stop.wait(min(seconds, RENEW_EVERY)) and (seconds := seconds - RENEW_EVERY) > 0:
            with suppress(LedgerUnavailable):
                self._holds_lease()

    def trouble(self, name: str, says: str | None) -> None:
        """Tell of it once, however often it is said, a refusal to sign every `TELL_AGAIN`; None once it is over.

        From any thread.
        """
        self._troubles.put((name, says))

    def turn(self) -> float:
        """Seconds until the next."""
        try:
            self._tell()
            self._turn()
        except CannotSign as refused:
            log.error("checkpoint.refused", because=str(refused))  # noqa: TRY400  no fault of ours
            self._record = None
            self.trouble(REFUSING, f"The record is not signed any more: {refused}. {LOOK}")
            self._tell()
        except CheckpointsMoved:
            self._record = None
            return LOOK_EVERY
        except (LedgerUnavailable, OSError) as silent:
            log.warning("signer.waits", because=str(silent))
        else:
            self._failures = 0
            return LOOK_EVERY
        self._failures += 1
        return BACK_OFF[min(self._failures, len(BACK_OFF)) - 1]

    def _turn(self) -> None:
        if not self._greeted:
            self._greet()
        if not self._holds_lease():
            return
        self._look_for_rotation()
        self._announce()
        if self._record is None:
            self._begin()
            self._record = FollowedRecord(self._ledger.engine)
        record = self._record
        while record.read_on():
            if not self._holds_lease():
                return
        self._require_extended(record)
        self._publish_again()
        if REFUSING in self._store.memory.told:
            self.trouble(REFUSING, None)
        record.patrol()
        if self._is_due(record):
            self._sign(record)

    def _holds_lease(self) -> bool:
        if self._clock.ticks() < self._held_until:
            return True
        if not self._leases.hold(LEASE, self._holder):
            return False
        self._held_until = self._clock.ticks() + RENEW_EVERY
        return True

    def _greet(self) -> None:
        """Raises LedgerUnavailable."""
        warnings = []
        last, known = self._store.memory.last, self.keys
        if last is None and (newest := newest_of(self._checkpoints, known)) is not None:
            warnings.append(
                f"What the signer remembered is lost. It goes on from checkpoint {newest.number}, the largest with its "
                "signature in the database: had later ones been deleted there, this would not show here. Compare with "
                "the audit channel (jit audit mirror-check) and the witnesses."
            )
        if last is not None and last.key not in map(str, known):
            warnings.append(
                "The key was replaced without `jit audit keygen --rotate`: nothing vouches for the new one. "
                "Give it to auditors and witnesses yourself."
            )
        try:
            self._ledger.require_clocks_agree()
        except ClockSkew as wrong:
            warnings.append(str(wrong))
        for warning in warnings:
            log.warning("start.warning", says=warning)
        started = Started(
            at=self._clock.now(),
            process="signer",
            version=version("jit"),
            policy_version=NO_POLICY,
            warnings=tuple(warnings),
            **self._signature,
        )
        self._untold.append((started, ""))
        self._greeted = True
        self._tell()

    def _begin(self) -> None:
        """What was signed before, by memory and by the database, is what the record has to begin with."""
        self._compare_tables()
        memory = self._store.memory
        last = memory.last
        self._newest = newest_of(self._checkpoints, self.keys, above=last.number if last else 0)
        pins = [signed.checkpoint for signed in (last, memory.pending, self._newest) if signed]
        self._pins = {pin.size: pin.root for pin in pins}
        if any(self._pins[pin.size] != pin.root for pin in pins):
            raise CannotSign("its key signed two checkpoints of one size over different entries")
        age = self._clock.now().timestamp() - last.at if last else HEARTBEAT
        self._beat_at = self._clock.ticks() + HEARTBEAT - min(max(age, 0.0), HEARTBEAT)

    def _compare_tables(self) -> None:
        """The table of checkpoints with what is remembered. What is missing there is put back if its place is free."""
        memory, there = self._store.memory, self._checkpoints.last()
        self._table = there.number if there else 0
        if memory.last is not None and not self._has(memory.last):
            size = memory.last.checkpoint.size
            self.trouble(
                LOST,
                f"Checkpoint {memory.last.number}, signed over {size} entries, is not in the database any more: signed "
                f"checkpoints were deleted or exchanged there. {LOOK}",
            )
            self._put(memory.last)
        else:
            self.trouble(LOST, None)
        self._look_for_others(memory.last.number if memory.last else 0)
        if memory.pending is not None and (self._has(memory.pending) or self._put(memory.pending)):
            self._store.save(replace(memory, last=memory.pending, pending=None))

    def _has(self, signed: Signed) -> bool:
        found = self._checkpoints.at(signed.number)
        return found is not None and found.note == signed.note

    def _put(self, signed: Signed) -> bool:
        """Under its own number; False if that is taken."""
        if self._table >= signed.number:
            return False
        size, at = signed.checkpoint.size, _moment(signed.at)
        self._table = self._checkpoints.add(size, at, signed.note, after=self._table, at_least=signed.number).number
        return True

    def _look_for_others(self, number: int) -> None:
        """Checkpoints after this one that no key of ours has signed."""
        others = [
            checkpoint.number
            for checkpoint in self._checkpoints.after(number)
            if number and own(checkpoint, self.keys) is None
        ]
        says = (
            f"Checkpoint {others[0]} in the database was not signed with the key of this signer. {LOOK}"
            if others
            else None
        )
        self.trouble(OTHERS, says)

    def _publish_again(self) -> None:
        """What was signed when the database went away. It is signed anew then, so that everybody gets it."""
        if self._store.memory.pending is not None:
            self._compare_tables()
            self._store.save(replace(self._store.memory, pending=None))
            self._beat_at = self._clock.ticks()

    def _require_extended(self, record: FollowedRecord) -> None:
        """Raises CannotSign unless the record begins with all that was signed before."""
        for size, root in self._pins.items():
            if record.size < size:
                raise CannotSign(f"a checkpoint was signed over {size} entries, and it ends with entry {record.size}")
            if record.tree.root(size) != root:
                raise CannotSign(
                    f"entries 1 to {size} are not those over which the checkpoint of size {size} was signed"
                )
        self._pins = {}
        last, newest, self._newest = self._store.memory.last, self._newest, None
        if newest and (last is None or newest.checkpoint.size >= last.checkpoint.size):
            self._store.save(replace(self._store.memory, last=newest))

    def _look_for_rotation(self) -> None:
        if self._keys.old is not None or not is_rotating(self._place):
            return
        try:
            self._keys = read_keys(self._place)
        except CannotStart as wrong:
            log.error("key.unusable", because=str(wrong))  # noqa: TRY400  no fault of ours

    def _announce(self) -> None:
        """That there is a new key stands in the record, once, before the first checkpoint that it signs."""
        key = str(self._keys.now.verifier())
        if self._announced == key:
            return
        before = self._announced_before()
        if before != key:
            fact = KeyChanged(at=self._clock.now(), key=key, before=before, **self._signature)
            self._untold.append((fact, ""))
            self._tell()
        self._announced = key

    def _announced_before(self) -> str | None:
        """The key that the record says it is signed with."""
        is_one = entries.c.kind == KeyChanged.model_fields["kind"].default
        with reading(self._ledger.engine) as connection:
            found = kept_entries(connection, is_one, limit=1, newest_first=True)
        try:
            fact = open_entry(found[0][1]).fact if found else None
        except (ValueError, TypeError, RecursionError):
            return None
        return fact.key if isinstance(fact, KeyChanged) else None

    def _is_due(self, record: FollowedRecord) -> bool:
        last = self._store.memory.last
        if not record.size:
            return False
        return (
            last is None
            or record.size > last.checkpoint.size
            or last.key != str(self._keys.now.verifier())
            or self._clock.ticks() >= self._beat_at
        )

    def _sign(self, record: FollowedRecord) -> None:
        last, keys = self._store.memory.last, self._keys
        size, root = record.size, record.tree.root()
        if last and (size < last.checkpoint.size or record.tree.root(last.checkpoint.size) != last.checkpoint.root):
            raise CannotSign(f"it does not extend the checkpoint of size {last.checkpoint.size}")
        at = max(int(self._clock.now().timestamp()), last.at if last else 0)
        text = checkpoint_text(keys.now.name, size, root)
        note = sign(text, *keys.all) + cosign(text, keys.now, at)
        number = max(self._table, last.number if last else 0) + 1
        made = Signed(str(keys.now.verifier()), number, at, note)
        self._store.save(replace(self._store.memory, pending=made))
        checkpoint = self._checkpoints.add(size, _moment(at), note, after=self._table, at_least=number)
        self._store.save(replace(self._store.memory, last=made, pending=None))
        self._table = checkpoint.number
        self._beat_at = self._clock.ticks() + HEARTBEAT
        log.info("checkpoint.signed", number=checkpoint.number, size=size)
        self._finish_rotation(keys)
        for courier in self._couriers:
            courier.offer(checkpoint, record.tree)

    def _finish_rotation(self, keys: Keys) -> None:
        if keys.old is None:
            return
        try:
            retire_old(self._place)
        except OSError as wrong:
            log.warning("key.old_not_deleted", because=str(wrong))
        self._keys = Keys(keys.now)

    def _tell(self) -> None:
        """What cannot be recorded waits: no checkpoint depends on it."""
        self._take_troubles()
        waiting: list[tuple[Fact, str]] = []
        for fact, trouble in self._untold:
            try:
                self._ledger.append([fact])
            except LedgerUnavailable as silent:
                log.warning("ledger.unavailable", because=str(silent))
                waiting.append((fact.model_copy(update={"spooled": True}), trouble))
            else:
                self._note(self._store.memory.told | ({trouble} - {""}))
        self._untold = waiting

    def _take_troubles(self) -> None:
        while True:
            try:
                name, says = self._troubles.get_nowait()
            except Empty:
                return
            if says is None:
                self._note(self._store.memory.told - {name})
            elif self._is_news(name) and all(name != waiting for _, waiting in self._untold):
                self._told_at[name] = self._clock.ticks()
                alert = Alert(at=self._clock.now(), name=AlertName.CHECKPOINT_REFUSED, says=says, **self._signature)
                self._untold.append((alert, name))

    def _is_news(self, name: str) -> bool:
        if name not in self._store.memory.told:
            return True
        since = self._told_at.setdefault(name, self._clock.ticks())
        return name == REFUSING and self._clock.ticks() - since >= TELL_AGAIN

    def _note(self, told: frozenset[str]) -> None:
        try:
            self._store.tell(told)
        except OSError as full:
            log.warning("signer.waits", because=str(full))


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
