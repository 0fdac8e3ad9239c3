"""The chain of a spool: how far it was written and taken in, and whether its entries follow each other. Pure.

Who can write the whole folder can make all of it anew; that shows against what the ledger holds of earlier takings.
"""

import secrets

from pydantic import BaseModel, ConfigDict, Field

from jit.ledger.entry import NO_ENTRY, Entry, breaks, hash_of

MOST_FAULTS = 5
"""As many are told in words; of the rest only how many."""


class Place(BaseModel):
    """Up to where a chain goes: the number and the hash of an entry."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n: int = Field(ge=0, lt=10**15)
    head: str = Field(pattern=r"^[0-9a-f]{64}$")


START = Place(n=0, head=NO_ENTRY)


class Chain(BaseModel):
    """What a spool notes of its chain, in the transaction that adds to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    spool: str = Field(pattern=r"^[0-9a-f]{8}$")
    """Tells apart the spools of one host."""
    successor: str = Field(pattern=r"^[0-9a-f]{8}$")
    """The name of the chain that begins where this one turns out to be broken."""
    written: Place
    taken: Place
    lost: bool
    """It began where the note of an earlier one should have been."""

    @classmethod
    def begin(cls, name: str | None = None, *, written: Place = START, lost: bool = False) -> "Chain":
        """A chain of which nothing was taken in."""
        names = {"spool": name or secrets.token_hex(4), "successor": secrets.token_hex(4)}
        return cls(**names, written=written, taken=START, lost=lost)

    def known_from(self, before: "Chain | None") -> "Chain":
        """Lost, where it is the chain that was written ``before``, and does not go as far any more."""
        put_back = before is not None and self.spool == before.spool and self.written.n < before.written.n
        return self.model_copy(update={"lost": True}) if put_back else self

    def moved(self, written: Place) -> "Chain":
        return self.model_copy(update={"written": written})

    def taken_up_to(self, place: Place) -> "Chain":
        return self.model_copy(update={"written": place, "taken": place})


class Walk:
    """Follows the entries of a spool from ``base``, where it was last taken in, to ``until``, where its writers left
    it. Without ``base`` it begins wherever the first entry does.
    """

    def __init__(self, base: Place | None, until: Place) -> None:
        self.base = base
        self.faults: list[str] = []
        self._until = until
        self._at: Place | None = None
        self._suspect: set[str] = set()

    @property
    def at(self) -> Place:
        return self._at or self.base or START

    @property
    def broken(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        more = len(self.faults) - MOST_FAULTS
        return (*self.faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else []))

    def follow(self, entry: Entry, *, suspect: bool) -> bool:
        """Whether the entry's bytes are those it was kept with.

        Args:
            entry: the next one.
            suspect: it lies in a file that failed a writer. What such a file holds may stand once more in the next.
        """
        if entry.hash in self._suspect:
            return True
        if suspect:
            self._suspect.add(entry.hash)
        before = self._before(entry)
        for broken in breaks([entry], after=before.n, previous=before.head):
            self.faults.append(str(broken))
        if self.base and entry.index == self.base.n and entry.hash != self.base.head:
            self.faults.append(f"entry {entry.index} is another than the one that was taken in")
        if entry.hash:
            self._at = Place.model_construct(n=entry.index, head=entry.hash)
        return entry.hash == hash_of(entry.body)

    def _before(self, entry: Entry) -> Place:
        """A file that was taken in and not emptied, as the process was killed, is read again from its first entry."""
        if self._at is None and (self.base is None or entry.index <= self.base.n):
            return Place.model_construct(n=entry.index - 1, head=entry.previous)
        return self.at

    def end(self) -> None:
        """After the last entry: whether all is there, and no more."""
        at, until = self.at, self._until
        if self.base and min(at.n, until.n) < self.base.n:
            self.faults.append(f"it was put back to an older state: it had been taken in up to entry {self.base.n}")
        if at.n < until.n:
            self.faults.append(_missing(at.n + 1, until.n))
        elif at.n > until.n:
            self.faults.append(f"the last that was written is entry {until.n}, and there are some up to {at.n}")
        elif at.head != until.head:
            self.faults.append(f"entry {at.n}, its last, is not the one that was written")


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
