"""Reading the record, which is itself recorded, and passing over what is broken in it."""

import getpass
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Literal, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from jit.facts import RecordRead, Source
from jit.ledger import Entry, Ledger, LedgerUnavailable, TamperedEntry
from jit.ledger.database import reading
from jit.ledger.entry import hash_of, open_entry
from jit.ledger.privacy.opening import Keys
from jit.ledger.schema import entries
from jit.ledger.unavailable import Forbidden
from jit.proof.audit.kept import KeptEntry, kept_entries
from jit.proof.audit.told import ToldEntry, tell_body
from jit.runtime.settings import CannotStart

How = Literal["search", "tail", "export", "prove", "mirror_check"]
LONGEST_ASKED = 1000
"""Characters of what was typed. Two commands that differ only behind them read the same in the record."""
PAGE = 500
LOOK_EVERY = 0.5
"""Seconds between looks for what is new."""
_LONGEST_NAME = 200
Read = TypeVar("Read", bound="_Placed")
_PREAMBLE = re.compile(
    rb'\{"index": ([0-9]{1,18}), "recorded_at": "([0-9T:.-]{19,26}\+00:00)", "previous": "([0-9a-f]{64})", "fact": \{'
)


def actor() -> str:
    """Whoever runs this command, as the record names them."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"cli:{user}@{socket.gethostname()}"[:_LONGEST_NAME]


def record_reading(ledger: Ledger, how: How, asked: str, after: int) -> Entry:
    """Record that the entries behind ``after`` are about to be read. ``asked`` is what was typed.

    Raises:
        CannotStart: it could not be recorded, so nothing may be shown.
    """
    typed = asked if len(asked) <= LONGEST_ASKED else asked[: LONGEST_ASKED - 1] + "…"
    typed = typed.encode(errors="replace").decode()
    fact = RecordRead(at=ledger.clock.now(), actor=actor(), source=Source.CLI, how=how, asked=typed, after=after)
    try:
        return ledger.append([fact]).entries[0]
    except Forbidden as refused:
        raise CannotStart(
            f"Nothing is shown, as this login may not record who reads: {refused}. Use one that may write record.read; "
            "`jit ledger init` makes jit_auditor for it."
        ) from None
    except LedgerUnavailable as away:
        raise CannotStart(
            f"Nothing is shown, as it could not be recorded who reads: {away}. Try again when the ledger takes entries."
        ) from None


@dataclass(frozen=True, slots=True)
class Part:
    """Of the record: the entries behind ``after``, up to ``upto`` where that is given."""

    after: int = 0
    upto: int | None = None
    newest_first: bool = False


ALL = Part()


def read_kept(ledger: Ledger, part: Part = ALL) -> Iterator[KeptEntry | TamperedEntry]:
    """Entries as they are kept, and in their places what is missing. Never more than a page is in memory.

    Raises LedgerUnavailable.
    """
    for page, _ in _pages(ledger, part):
        yield from page


def read_entries(ledger: Ledger, part: Part = ALL) -> Iterator[Entry | TamperedEntry]:
    """The same, opened; and of what is broken, what is wrong with it. Raises LedgerUnavailable."""
    return read_by(ledger, part, open_entry)


def read_told(ledger: Ledger, part: Part = ALL) -> Iterator[ToldEntry | TamperedEntry]:
    """The same, with facts as JSON. Raises LedgerUnavailable."""
    return read_by(ledger, part, tell_body)


class _Placed(Protocol):
    @property
    def index(self) -> int: ...


def read_by(ledger: Ledger, part: Part, read: Callable[[bytes, str, Keys], Read]) -> Iterator[Read | TamperedEntry]:
    """The same, by what ``read`` makes of their bytes. Raises LedgerUnavailable."""
    for page, keys in _pages(ledger, part, to_open=True):
        for kept in page:
            yield kept if isinstance(kept, TamperedEntry) else _opened(kept, keys, read)


def read_at(ledger: Ledger, places: Sequence[int]) -> Iterator[Entry | TamperedEntry]:
    """The entries that stand at these ``places``, opened, in this order. Raises LedgerUnavailable."""
    for start in range(0, len(places), PAGE):
        page = places[start : start + PAGE]
        with reading(ledger.engine) as connection:
            rows = {kept[0]: kept for kept in kept_entries(connection, entries.c.index.in_(page), limit=PAGE)}
            keys = ledger.ring.opening(connection, (body for _, body, _ in rows.values()))
        for index in page:
            yield _opened(rows[index], keys, open_entry) if index in rows else _missing(index, index)


def coming(
    ledger: Ledger, after: int, wait: Callable[[float], None], warn: Callable[[str], None]
) -> Iterator[list[Entry | TamperedEntry]]:
    """What is recorded behind ``after``, as it comes, for ever. A ledger that does not answer is asked again."""
    away = False
    while True:
        try:
            last = min(ledger.last_index(), after + PAGE)
            if last < after:
                yield [TamperedEntry(last + 1, f"gone, and all up to {after}, which was here before")]
            elif last > after:
                yield list(read_entries(ledger, Part(after, last)))
            waits, after, away = last - after < PAGE, last, False
        except LedgerUnavailable as silent:
            if not away:
                warn(f"the ledger does not answer ({silent}); it is asked again")
            waits = away = True
        if waits:
            wait(LOOK_EVERY)


def kept_at(ledger: Ledger, index: int) -> KeptEntry | None:
    """Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        return next(iter(_rows(connection, Part(index - 1, index))), None)


def last_before(ledger: Ledger, moment: datetime) -> int:
    """The index of the last entry recorded before ``moment``; 0 if there is none. It looks at a few entries only.

    Raises LedgerUnavailable.
    """
    low, high = 0, ledger.last_index()
    while low < high:
        middle = (low + high + 1) // 2
        found = _first_sound(ledger, Part(middle - 1, high))
        if found is not None and found[1] < moment:
            low = found[0]
        else:
            high = middle - 1
    return low


def _first_sound(ledger: Ledger, part: Part) -> tuple[int, datetime] | None:
    """Where the first entry stands that is not broken, and when it was recorded."""
    with reading(ledger.engine) as connection:
        first = _rows(connection, part, 1)
    for kept in chain(first, read_kept(ledger, part)):
        if not isinstance(kept, TamperedEntry) and hash_of(kept[1]) == kept[2] and (preamble := preamble_of(kept)):
            return kept[0], preamble.recorded_at
    return None


class Preamble(NamedTuple):
    """What the bytes of an entry say beside its fact."""

    recorded_at: datetime
    previous: str


def preamble_of(kept: KeptEntry) -> Preamble | None:
    """None where its bytes do not say that it stands here."""
    preamble = _PREAMBLE.match(kept[1])
    if preamble is None or int(preamble[1]) != kept[0]:
        return None
    try:
        return Preamble(datetime.fromisoformat(preamble[2].decode()), preamble[3].decode())
    except ValueError:
        return None


_Page = tuple[list[KeptEntry | TamperedEntry], Keys]


def _pages(ledger: Ledger, part: Part, *, to_open: bool = False) -> Iterator[_Page]:
    """With each page the keys of its entries, where they are ``to_open``."""
    low, high = part.after, ledger.last_index() if part.upto is None else part.upto
    expected, step = (high, -1) if part.newest_first else (low + 1, 1)
    while low < high:
        with reading(ledger.engine) as connection:
            rows = _rows(connection, replace(part, after=low, upto=high))
            keys = ledger.ring.opening(connection, (body for _, body, _ in rows)) if to_open else {}
        if not rows:
            break
        page: list[KeptEntry | TamperedEntry] = []
        for kept in rows:
            if kept[0] != expected:
                page.append(_missing(expected, kept[0] - step))
            page.append(kept)
            expected = kept[0] + step
        low, high = (low, expected) if part.newest_first else (expected - 1, high)
        yield page, keys
    if low < high:
        yield [_missing(low + 1, high)], {}


def _missing(one: int, other: int) -> TamperedEntry:
    first, last = sorted((one, other))
    return TamperedEntry(first, "missing" if first == last else f"missing, and all up to {last}")


def _rows(connection: Connection, part: Part, limit: int = PAGE) -> list[KeptEntry]:
    where = [entries.c.index > part.after]
    if part.upto is not None:
        where.append(entries.c.index <= part.upto)
    return kept_entries(connection, *where, limit=limit, newest_first=part.newest_first)


def _opened(kept: KeptEntry, keys: Keys, read: Callable[[bytes, str, Keys], Read]) -> Read | TamperedEntry:
    index, body, kept_under = kept
    if hash_of(body) != kept_under:
        return TamperedEntry(index, "its bytes do not have the hash they are kept under")
    if preamble_of(kept) is None:
        return TamperedEntry(index, "it is not what was recorded here")
    try:
        entry = read(body, kept_under, keys)
    except ValueError:
        return TamperedEntry(index, "it cannot be read any more")
    return entry if entry.index == index else TamperedEntry(index, "it is not what was recorded here")
