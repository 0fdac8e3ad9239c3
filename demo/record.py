"""The ledger as the demo reads it: entry by entry, over a connection of its own, and without the read model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from jit.facts import Alert, Ended, Life, Refused
from jit.ledger import Ledger, TamperedEntry, check_chain
from jit.ledger.entry import NO_ENTRY
from jit.proof.audit.checkpoints import Checkpoints, SignedCheckpoint
from jit.proof.verifier import Frontier, NoteError, VerifierKey, leaf_hash, parse_checkpoint, parse_note, signed
from jit.requests.lifecycle import CannotFollow, Request, apply

PAGE = 500


@dataclass(slots=True)
class Story:
    """One request as its entries tell it. ``kinds`` stand in the order of the record."""

    request: Request
    kinds: list[str]
    newest: int
    """The entry of its latest step."""
    ends: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When each `ended` was due, and when it was."""


@dataclass
class Record:
    """What was read so far: ``last`` entries, the last of them with ``hash``; ``key`` has signed over ``signed``."""

    ledger: Ledger
    key: VerifierKey | None = None
    last: int = 0
    hash: str = NO_ENTRY
    signed: int = 0
    tree: Frontier = field(default_factory=Frontier)
    roots: dict[int, bytes] = field(default_factory=dict)
    checkpoints_read: int = 0
    stories: dict[str, Story] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    def read_on(self) -> None:
        """Take in what is new; what was seen last must still be there.

        Raises:
            TamperedEntry: it is not, or something does not follow.
            LedgerUnavailable: it cannot be read.
        """
        self._last_stands()
        self._read_entries()
        if self.key is not None:
            for checkpoint in Checkpoints(self.ledger.engine).all(after=self.checkpoints_read):
                self._compare(checkpoint, self.key)

    def _read_entries(self) -> None:
        while entries := self.ledger.read(after=self.last, limit=PAGE):
            check_chain(entries, after=self.last, previous=self.hash)
            for entry in entries:
                if isinstance(entry.fact, Life):
                    self._live_on(entry.fact, entry.index)
                elif isinstance(entry.fact, Refused):
                    self.refusals.append(entry.fact)
                elif isinstance(entry.fact, Alert):
                    self.alerts.append(entry.fact)
                self.last, self.hash = entry.index, entry.hash
                self.tree.push(leaf_hash(entry.body))
                self.roots[self.last] = self.tree.root()

    def _compare(self, checkpoint: SignedCheckpoint, key: VerifierKey) -> None:
        """What has no signature of the key says nothing; whoever can write to the database could have put it there."""
        try:
            note = parse_note(checkpoint.note)
            said = parse_checkpoint(note.text) if signed(note, key) else None
        except NoteError:
            said = None
        if said is not None and said.size:
            if said.size > self.last:
                self._read_entries()
            if said.size > self.last:
                raise TamperedEntry(self.last + 1, "is gone; it had been signed")
            if self.roots[said.size] != said.root:
                raise TamperedEntry(said.size, f"the checkpoint signed over entries 1 to {said.size} was over others")
            self.signed = max(self.signed, said.size)
        self.checkpoints_read = checkpoint.number

    def read_whole(self) -> int:
        """Check the chain from the first entry to what was seen last. Returns how many. Raises as `read_on`."""
        checked, previous = 0, NO_ENTRY
        while checked < self.last:
            entries = self.ledger.read(after=checked, limit=min(PAGE, self.last - checked))
            if not entries:
                raise TamperedEntry(checked + 1, f"is gone; {self.last} entries had been seen")
            checked = check_chain(entries, after=checked, previous=previous)
            previous = entries[-1].hash
        if previous != self.hash:
            raise TamperedEntry(self.last, "is not what it was")
        return checked

    def lateness(self) -> Iterator[float]:
        """Seconds from each end's time to the read-back that it is gone; 0 for what was ended early."""
        for story in self.stories.values():
            yield from (max(0.0, (was - due).total_seconds()) for due, was in story.ends[:1])

    def _last_stands(self) -> None:
        if not self.last:
            return
        found = self.ledger.read(after=self.last - 1, limit=1)
        if not found or found[0].index != self.last:
            raise TamperedEntry(self.last, "is gone; it had been seen")
        if found[0].hash != self.hash:
            raise TamperedEntry(self.last, "is not what it was")

    def _live_on(self, fact: Life, index: int) -> None:
        story = self.stories.get(fact.request_id)
        try:
            request = apply(story.request if story else None, fact)
        except CannotFollow as wrong:
            raise TamperedEntry(index, str(wrong)) from None
        if story is None:
            story = self.stories[request.id] = Story(request, [], index)
        story.request, story.newest = request, index
        story.kinds.append(fact.kind)
        if isinstance(fact, Ended) and request.granted_at and request.ends_at:
            story.ends.append((request.ends_at, fact.at))
