"""Facts made of what was done: many things in one entry, and past a stated rate not every one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

from jit.detect.activity.lines import Line
from jit.detect.activity.model import MORE, Activity
from jit.detect.activity.ties import Tie, takes_own_role
from jit.facts import ActivityClass, ActivityRecorded, Item, Source, Tally

MOST_ITEMS = 200
"""In one entry."""
MOST_BYTES = 300_000
"""Of statements and objects in one entry, which holds 1 MiB, closed."""
KEPT_PER_MINUTE = 600
"""Things done with one grant, or by one session of nobody's grant, that are kept one by one. More of them are counted;
one of each kind, by class and objects, or by what was run, is kept all the same.
"""
MOST_KINDS = 200
MOST_RANGES = 500
_OURS = UUID("5b2d4f0e-8a34-4c57-9d0a-1f6f3b7b8c11")


@dataclass(frozen=True, slots=True)
class Seen:
    """A line, what was done by it, when that was as far as it can be believed, and whose grant it is."""

    line: Line
    done: Activity
    at: datetime
    tie: Tie


@dataclass(frozen=True, slots=True)
class Place:
    """What was read: of which log, in which file, from which byte to which, and the hash over that.

    ``after`` is up to where the record knew the file before.
    """

    log: str
    file: str
    after: int
    begins: int
    ends: int
    digest: str


@dataclass(slots=True)
class _Minute:
    number: int = -1
    kept: int = 0
    kinds: set[tuple[ActivityClass, tuple[str, ...]]] = field(default_factory=set)


@dataclass(slots=True)
class Batches:
    """Makes facts, and remembers how many things were kept in the minute that runs."""

    actor: str
    _minutes: dict[tuple[str, str], _Minute] = field(default_factory=dict)

    def facts(
        self, seen: Sequence[Seen], place: Place, now: datetime, remarks: Sequence[str] = ()
    ) -> list[ActivityRecorded]:
        """One or more for each session and grant. They are the same for the same lines: whoever reads them as well
        records nothing twice.
        """
        groups: dict[tuple[str, ...], list[Seen]] = {}
        for each in seen:
            request = each.tie.request.id if each.tie.request else ""
            groups.setdefault((request, each.tie.by, each.done.principal, each.done.session), []).append(each)
        facts: list[ActivityRecorded] = []
        for key, group in groups.items():
            for part in _parts(group):
                facts.append(
                    self._fact(
                        part, place, now, (remarks if not facts else ()), whose=key[0] or key[3], number=len(facts)
                    )
                )
        return facts

    def _fact(
        self,
        group: Sequence[Seen],
        place: Place,
        now: datetime,
        remarks: Sequence[str],
        *,
        whose: str,
        number: int,
    ) -> ActivityRecorded:
        first = group[0]
        request = first.tie.request
        statements, objects = _Distinct(), _Distinct()
        kept = [each for each in group if self._keeps(whose, each)]
        items = [_item(each, statements, objects) for each in kept]
        lost = {id(each) for each in group} - {id(each) for each in kept}
        unlike = {id(each) for each in group if id(each) in lost and not self._knows(whose, each)}
        everything = _counted(group, objects, unlike) if lost else ()
        return ActivityRecorded(
            id=fact_id(place.log, place.file, place.after, number),
            at=now,
            actor=self.actor,
            source=Source.COLLECTOR,
            request_id=request.id if request else None,
            requester=request.requester if request else None,
            access=request.access if request else None,
            target=first.done.target,
            principal=first.done.principal,
            session=first.done.session,
            client=next((each.done.client for each in group if each.done.client), ""),
            tied_by=first.tie.by,
            also_held=first.tie.others,
            log=place.log,
            file=place.file,
            begins=place.begins,
            ends=place.ends,
            digest=place.digest,
            raw=_hash_of(dict.fromkeys((each.line.begins, each.line.data) for each in group)),
            items=tuple(items),
            sampled=everything,
            counted=_ranges(each.done.seq for each in group if id(each) in lost),
            statements=statements.each,
            objects=objects.each,
            hides=any(each.done.hides for each in group),
            remarks=tuple(remarks),
        )

    def _keeps(self, whose: str, each: Seen) -> bool:
        minute = self._minutes.setdefault((whose, each.done.source), _Minute())
        number = int(each.at.timestamp()) // 60
        if number != minute.number:
            minute.number, minute.kept, minute.kinds = number, 0, set()
            if len(self._minutes) > MOST_KINDS * 10:
                self._minutes = {(whose, each.done.source): minute}
        kind = _kind_of(each.done)
        new = kind not in minute.kinds and len(minute.kinds) < MOST_KINDS
        if new:
            minute.kinds.add(kind)
        minute.kept += 1
        return minute.kept <= KEPT_PER_MINUTE or new or each.done.hides

    def _knows(self, whose: str, each: Seen) -> bool:
        """Whether what was run in this minute and is kept is like it, where that is what counts."""
        run = each.done.class_ is ActivityClass.EXEC
        return not run or _kind_of(each.done) in self._minutes[whose, each.done.source].kinds


def fact_id(log: str, file: str, after: int, number: int = 0) -> UUID:
    """The id of what is recorded next of a file that the record knows up to ``after``: it can be there once."""
    return uuid5(_OURS, f"{log}\0{file}\0{after}\0{number}")


def _kind_of(done: Activity) -> tuple[ActivityClass, tuple[str, ...]]:
    run = (done.text,) if done.class_ is ActivityClass.EXEC else ()
    return done.class_, (*done.objects, *run)


class _Distinct:
    """Texts, each once, by their place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))

    @property
    def each(self) -> tuple[str, ...]:
        return tuple(self._places)


def _item(each: Seen, statements: _Distinct, objects: _Distinct) -> Item:
    done = each.done
    own = takes_own_role(done, each.tie)
    return Item(
        at=each.at,
        seq=done.seq,
        activity=ActivityClass.READ if own else done.class_,
        objects=() if own else tuple(map(objects.place, done.objects)),
        rows=done.rows,
        statement=statements.place(done.text) if done.text else None,
    )


def _counted(group: Sequence[Seen], objects: _Distinct, unlike: Collection[int]) -> tuple[Tally, ...]:
    """All of them, kept or not; by their class alone kinds past `MOST_KINDS`, and those ``unlike`` all that is kept."""
    counted: dict[tuple[ActivityClass, tuple[str, ...]], tuple[int, int]] = {}
    for each in group:
        own = takes_own_role(each.done, each.tie)
        kind = (ActivityClass.READ, ()) if own else (each.done.class_, each.done.objects)
        if id(each) in unlike or (kind not in counted and len(counted) >= MOST_KINDS):
            kind = (each.done.class_, (MORE,))
        number, rows = counted.get(kind, (0, 0))
        counted[kind] = number + 1, rows + (each.done.rows or 0)
    return tuple(
        Tally(activity=class_, objects=tuple(map(objects.place, named)), number=number, rows=rows)
        for (class_, named), (number, rows) in counted.items()
    )


def _ranges(seqs: Iterable[str]) -> tuple[str, ...]:
    """`5-204`, as many as may stand in an entry."""
    numbers = sorted({number for seq in seqs if (number := whole(seq)) is not None})
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return tuple(f"{first}-{last}" for first, last in found[:MOST_RANGES])


def whole(seq: str) -> int | None:
    """A log's number of something, if it is a whole one."""
    return int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= 18 else None


def _parts(group: Sequence[Seen]) -> Iterable[Sequence[Seen]]:
    """As much as fits in an entry each; of a storm as many as may be counted in one."""
    part: list[Seen] = []
    texts: set[str] = set()
    size = 0
    for each in group:
        new = {each.done.text, *each.done.objects} - texts
        weight = sum(len(text.encode()) for text in new)
        if part and (size + weight > MOST_BYTES or (len(part) >= MOST_ITEMS and len(group) <= KEPT_PER_MINUTE)):
            yield part
            part, texts, size = [], set(), 0
        part.append(each)
        texts |= new
        size += weight
    if part:
        yield part


def _hash_of(lines: Iterable[tuple[int, bytes]]) -> str:
    found = sha256()
    for _, data in lines:
        found.update(data + b"\n")
    return found.hexdigest()
