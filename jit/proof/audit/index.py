"""An index of the record, made by whoever searches it, from the bytes of the entries they read for that.

By each term it has the places of the entries that hold it. It is there to find entries, never to show one: what it
finds is read from the record again. It knows people by the ids of their keys, as the entries do, so that erasing
somebody leaves nothing in it that leads to them; of texts and incidents, which are closed, it knows nothing.

A search

1. waits until no other one uses the file,
2. uses the file only if it is byte for byte what the search before left; else begins a new one,
3. begins a new one, too, where the record no longer holds the last entry of the index,
4. adds what was recorded since, each entry held against its hash and the hash of the entry before,
5. looks up its terms.
"""

import fcntl
import json
import os
import sqlite3
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jit.clock import to_micros
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.entry import NO_ENTRY, hash_of
from jit.ledger.privacy.fields import naming_fields
from jit.proof.audit import texts
from jit.proof.audit.reading import Part, kept_at, preamble_of, read_kept

VERSION = 2
"""Of the tables below. A file of another version is made anew."""
BATCH = 10_000
"""Entries that are added in one transaction."""
MANY = 100_000
"""Entries that take so long to read that it is said."""
FEW = 2_000
"""Entries that are sooner read than their words looked up."""
_HASH = 16
"""Bytes of an entry's hash that are remembered."""
_KEY = "key"
_PLAIN = ("kind", "request_id", "access", "target")
_STEPS = {"granted": True, "ended": False}
_TABLES = (
    "CREATE TABLE places (term BLOB, first INTEGER, places BLOB, PRIMARY KEY (term, first)) WITHOUT ROWID",
    "CREATE TABLE hashes (first INTEGER PRIMARY KEY, hashes BLOB)",
    "CREATE TABLE odd (first INTEGER PRIMARY KEY, last INTEGER)",
    "CREATE TABLE held (given INTEGER PRIMARY KEY, request TEXT, since INTEGER, ended INTEGER, until INTEGER)",
    "CREATE INDEX held_by ON held (request) WHERE ended IS NULL",
    "CREATE TABLE reached (upto INTEGER, sound INTEGER, hash TEXT)",
    *texts.TABLES,
    f"INSERT INTO reached VALUES (0, 0, '{NO_ENTRY}')",  # noqa: S608  no entry of anybody
    f"PRAGMA user_version = {VERSION}",
)

Answer = TypeVar("Answer")
Term = bytes
"""A field and what it says. One of a key's id also stands for all keys whose ids begin with it."""


def term(field: str, value: str) -> Term:
    return f"{field}={value}".encode(errors="surrogatepass")


def key_term(key_id: str) -> Term:
    return term(_KEY, key_id)


class Step(NamedTuple):
    """Access was ``given``, or had ended, ``at`` these microseconds."""

    given: bool
    request: str
    at: int


def read_body(body: bytes) -> tuple[set[Term], Step | None] | None:
    """What can be looked for of an entry, and whether it tells that somebody holds access from here on, or does no
    more; None if these bytes are none.
    """
    try:
        fact = json.loads(body)["fact"]
        if not isinstance(fact["kind"], str):
            return None
        plain = ((name, fact.get(name)) for name in _PLAIN)
        terms = {term(name, value) for name, value in plain if isinstance(value, str)} | set(_people_in(fact))
        return terms, _step_of(fact) if fact["kind"] in _STEPS else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def terms_of(body: bytes) -> set[Term] | None:
    """What can be looked for of an entry; None if these bytes are none."""
    found = read_body(body)
    return None if found is None else found[0]


def _step_of(fact: dict[str, Any]) -> Step:
    return Step(_STEPS[fact["kind"]], str(fact["request_id"]), to_micros(datetime.fromisoformat(fact["at"])))


def _people_in(fact: dict[str, Any]) -> Iterator[Term]:
    left = [fact]
    for each in left:  # which grows by what stands within
        for name, value in each.items():
            if isinstance(value, str):
                if name in _naming():
                    yield term("person", value)
            elif isinstance(value, list):
                left += [inner for inner in value if isinstance(inner, dict)]
            elif isinstance(value, dict):
                if isinstance(sealed := value.get("sealed"), dict):
                    yield key_term(str(sealed.get("key")))
                left.append(value)


@cache
def _naming() -> frozenset[str]:
    return frozenset(naming_fields())


class _Read(NamedTuple):
    """One entry; or, without ``terms``, all from ``first`` to ``last`` that are missing or not what was recorded."""

    first: int
    last: int
    hash: str = NO_ENTRY
    terms: Iterable[Term] | None = None
    step: Step | None = None


class Found(NamedTuple):
    """``places`` of the entries that may fit, in order; no two of ``odd`` touch each other."""

    places: list[int]
    odd: list[tuple[int, int]]
    """From where to where entries were missing, or not what was recorded. They may be anything."""
    hashes: list[tuple[int, bytes]]
    """Of entries that follow each other: where the first stands, and what the hash of each begins with."""

    def in_order(self) -> Iterator[list[int] | tuple[int, int]]:
        """The places, and between them what is odd."""
        start = 0
        for first, last in self.odd:
            end = bisect_left(self.places, first, start)
            yield self.places[start:end]
            yield first, last
            start = end
        yield self.places[start:]

    def known(self, index: int, kept_under: str) -> bool:
        """Whether an entry of this hash stood at one of the ``places``."""
        first, block = self.hashes[bisect_right(self.hashes, index, key=lambda each: each[0]) - 1]
        begins = (index - first) * _HASH
        return block[begins : begins + _HASH] == _remembered(kept_under)


def _remembered(kept_under: str) -> bytes:
    return bytes.fromhex(kept_under)[:_HASH]


Ends = dict[int, int | None]
"""By where it was given, where access ended; None where it has not."""


class SearchIndex:
    """The index in a file of ``folder``, one for each ledger; in memory, for one search, where that cannot be used.
    ``say`` takes what whoever searches should know.
    """

    def __init__(self, folder: Path | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self._folder = folder
        self._say = say

    def find(self, ledger: Ledger, terms: Sequence[Sequence[Term]], part: Part, words: Sequence[str] = ()) -> Found:
        """Where entries stand that have one of each of ``terms``, and what is odd, in ``part``, whose end is given. By
        ``words`` it is looked where the terms leave many. Raises LedgerUnavailable.
        """

        def ask(database: sqlite3.Connection) -> Found:
            found = _look_up(database, terms, part)
            if not words or (terms and len(found.places) <= FEW):
                return found
            texts.bring_up_to(database, ledger, part.upto or 0, self._say)
            fitting = texts.fitting(database, ledger, words, lambda key: _places_of(database, key_term(key)))
            return _look_up(database, terms, part, fitting)

        return self._ask(ledger, part.upto or 0, ask)

    def held(
        self, ledger: Ledger, at: datetime, terms: Sequence[Term], upto: int
    ) -> tuple[Found, dict[int, int | None]]:
        """Where entries stand by which somebody held access at a moment, of those that have one of ``terms`` if there
        are any, and those by which it has ended since; and of the first, which of the second is its end. Raises
        LedgerUnavailable.
        """

        def ask(database: sqlite3.Connection) -> tuple[Found, Ends]:
            held = _held_in(database, to_micros(at))
            if terms:
                fitting = {place for each in terms for place in _places_of(database, each)}
                held = {given: ended for given, ended in held.items() if given in fitting}
            places = sorted({*held, *(ended for ended in held.values() if ended is not None)})
            hashes = _hashes_of(database, places[0], places[-1]) if places else []
            return Found(places, _joined(_odd_in(database, 0, upto)), hashes), held

        return self._ask(ledger, upto, ask)

    def _ask(self, ledger: Ledger, upto: int, ask: Callable[[sqlite3.Connection], Answer]) -> Answer:
        if self._folder is not None:
            path = self._folder / f"search-index-{_named_by(ledger)}.db"
            try:
                with _kept(path) as database:
                    self._bring_up_to(database, ledger, upto)
                    return ask(database)
            except (OSError, sqlite3.Error) as wrong:
                self._say(f"the index of searches cannot be kept ({path}: {wrong}), so this one reads all entries")
        with closing(_opened(":memory:")) as database:
            self._bring_up_to(database, ledger, upto)
            return ask(database)

    def _bring_up_to(self, database: sqlite3.Connection, ledger: Ledger, upto: int) -> None:
        reached, sound, kept_under = database.execute("SELECT upto, sound, hash FROM reached").fetchone()
        if sound and not _still_there(ledger, sound, kept_under):
            self._say(
                "the record is not the one that was searched before: it was changed or restored; all is read anew"
            )
            _empty(database)
            reached, sound, kept_under = 0, 0, NO_ENTRY
        if upto - reached > MANY:
            self._say(f"the index of searches is made: {upto - reached:,} entries are read")
        previous = kept_under if sound == reached else None
        new = _read(ledger, reached, previous, upto)
        while batch := list(islice(new, BATCH)):
            add(database, batch)


def _named_by(ledger: Ledger) -> str:
    """The same for the same database, whatever the password."""
    url = ledger.engine.url.set(password=None)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(Path(url.database).absolute()))
    return sha256(str(url).encode(errors="surrogatepass")).hexdigest()[:12]


def _still_there(ledger: Ledger, index: int, kept_under: str) -> bool:
    kept = kept_at(ledger, index)
    return kept is not None and hash_of(kept[1]) == kept[2] == kept_under


@contextmanager
def _kept(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, for one search at a time. What it is when it is closed stands in a file beside it. Raises OSError,
    sqlite3.Error.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path.with_suffix(".sum"), os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as beside:
        fcntl.flock(beside, fcntl.LOCK_EX)
        if _sum_of(path) != beside.read():
            path.unlink(missing_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with closing(_opened(path)) as database:
                yield database
        except sqlite3.Error:
            path.unlink(missing_ok=True)
            raise
        finally:
            beside.seek(0)
            beside.truncate()
            beside.write(_sum_of(path))


def _sum_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = 0
            while some := file.read(1 << 20):
                found = zlib.crc32(some, found)
            return f"{file.tell()} {found:08x} {VERSION}\n".encode()
    except FileNotFoundError:
        return b"none"


def _opened(path: Path | str) -> sqlite3.Connection:
    """With its tables. Its transactions need not outlive a crash, as a file that was not closed is made anew."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute("PRAGMA synchronous = OFF")
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            for statement in _TABLES:
                database.execute(statement)
    except BaseException:
        database.close()
        raise
    return database


def _empty(database: sqlite3.Connection) -> None:
    with _transaction(database):
        for name in ("places", "hashes", "odd", "held", "texts", "apart"):
            database.execute(f"DELETE FROM {name}")  # noqa: S608  one of six
        database.execute("UPDATE texts_reached SET upto = 0")
        database.execute("UPDATE reached SET upto = 0, sound = 0, hash = ?", (NO_ENTRY,))


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _read(ledger: Ledger, after: int, previous: str | None, upto: int) -> Iterator[_Read]:
    """What stands in the record behind ``after``; ``previous`` is the hash of the entry there, None if nobody knows."""
    for kept in read_kept(ledger, Part(after, upto)):
        if isinstance(kept, TamperedEntry):
            continue  # missing, which the next entry tells as well
        index, body, kept_under = kept
        if index > after + 1:
            yield _Read(after + 1, index - 1)
            previous = None
        preamble = preamble_of(kept) if hash_of(body) == kept_under else None
        follows = preamble is not None and previous in {None, preamble.previous}
        terms, step = (read_body(body) if follows else None) or (None, None)
        yield _Read(index, index, kept_under, terms, step)
        after, previous = index, kept_under if preamble is not None else None
    if after < upto:
        yield _Read(after + 1, upto)


def add(database: sqlite3.Connection, batch: Sequence[_Read]) -> None:
    places: dict[Term, array[int]] = {}
    odd: list[tuple[int, int]] = []
    hashes: list[tuple[int, bytearray]] = []
    after = None
    for read in batch:
        if read.terms is None:
            odd.append((read.first, read.last))
            continue
        for each in read.terms:
            places.setdefault(each, array("Q")).append(read.first)
        if read.first != after:
            hashes.append((read.first, bytearray()))
        hashes[-1][1].extend(_remembered(read.hash))
        after = read.first + 1
    with _transaction(database):
        rows = ((each, places[each][0], zlib.compress(places[each].tobytes(), 1)) for each in sorted(places))
        database.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
        database.executemany("INSERT INTO hashes VALUES (?, ?)", hashes)
        database.executemany("INSERT INTO odd VALUES (?, ?)", odd)
        for read in batch:
            if read.step is not None:
                _add_step(database, read.first, read.step)
        database.execute("UPDATE reached SET upto = ?", (batch[-1].last,))
        sound = next((read for read in reversed(batch) if read.terms is not None), None)
        if sound is not None:
            database.execute("UPDATE reached SET sound = ?, hash = ?", (sound.first, sound.hash))


def _add_step(database: sqlite3.Connection, place: int, step: Step) -> None:
    """An end is one of all that its request was given before, whatever the clocks of two hosts say."""
    if step.given:
        database.execute("INSERT INTO held VALUES (?, ?, ?, NULL, NULL)", (place, step.request, step.at))
    else:
        query = "UPDATE held SET ended = ?, until = max(since, ?) WHERE request = ? AND ended IS NULL"
        database.execute(query, (place, step.at, step.request))


def _held_in(database: sqlite3.Connection, at: int) -> Ends:
    query = "SELECT given, ended FROM held WHERE since <= ? AND (ended IS NULL OR until > ?)"
    return dict(database.execute(query, (at, at)))


def _look_up(
    database: sqlite3.Connection, terms: Sequence[Sequence[Term]], part: Part, among: set[int] | None = None
) -> Found:
    low, high = part.after, part.upto or 0
    fitting = [{place for each in any_of for place in _places_of(database, each)} for any_of in terms]
    fitting += [] if among is None else [among]
    places = sorted(place for place in (set.intersection(*fitting) if fitting else ()) if low < place <= high)
    hashes = _hashes_of(database, places[0], places[-1]) if places else []
    return Found(places, _joined(_odd_in(database, low, high)), hashes)


def _hashes_of(database: sqlite3.Connection, first: int, last: int) -> list[tuple[int, bytes]]:
    query = (
        "SELECT first, hashes FROM hashes WHERE first <= :last"
        " AND first >= (SELECT max(first) FROM hashes WHERE first <= :first) ORDER BY first"
    )
    return database.execute(query, {"first": first, "last": last}).fetchall()


def _places_of(database: sqlite3.Connection, wanted: Term) -> Iterator[int]:
    beyond = wanted + b"g" if wanted.startswith(key_term("")) else wanted + b"\0"  # "g" comes after every hex digit
    query = "SELECT places FROM places WHERE term >= ? AND term < ?"
    for (packed,) in database.execute(query, (wanted, beyond)):
        found = array("Q")
        found.frombytes(zlib.decompress(packed))
        yield from found


def _odd_in(database: sqlite3.Connection, low: int, high: int) -> Iterator[tuple[int, int]]:
    query = "SELECT max(first, ?), min(last, ?) FROM odd WHERE first <= ? AND last > ? ORDER BY first"
    yield from database.execute(query, (low + 1, high, high, low))


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch each other, as one."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined
