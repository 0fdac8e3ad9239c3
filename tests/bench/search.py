"""How long a search takes in a ledger of 100,000 entries, and of 1,000,000.

The entries are those of requests from beginning to end, closed with the keys of 2,000 people, written in one go, past
`Ledger.append`, with bytes as `append` makes them. The first search of each ledger makes the index.
"""

import json
import multiprocessing
import random  # noqa: TID251  seeded
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from jit.clock import SystemClock, to_micros
from jit.ledger import Ledger, connect, create_tables
from jit.ledger.entry import NO_ENTRY, hash_of, told_of
from jit.ledger.privacy import fields, sealing
from jit.ledger.privacy.sealing import PersonKey
from jit.proof.audit.held import held_at
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.reading import ALL, Part, last_before
from jit.proof.audit.search import Wanted, find_people, search
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ALICE, BOB, InMemoryLedger, ManualClock, Story
from tests.bench.results import Aim, Result, one_run

SIZES = (100_000, 1_000_000)
PEOPLE = 2_000
ACCESSES = 50
RUNS = 20
NEWEST = 100
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HELD_FOR = timedelta(minutes=30)
ENDS = frozenset({"released", "revoke.intent", "ended"})
WHO = [f"U0{number:07}" for number in range(PEOPLE)]
_Row = tuple[int, str, int, str, str, bytes, str]


def measure_search(sizes: Sequence[int] = SIZES) -> Sequence[Result]:
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.db"
            write_sqlite(path, size)
            found += Searches(Ledger(connect(f"sqlite:///{path}"), SystemClock()), Path(folder), size).measured()
        with EmbeddedPostgres() as server:
            write_postgres(server.dsn(), min(sizes))
            found += Searches(Ledger(connect(server.dsn()), SystemClock()), Path(folder), min(sizes)).measured()
    return found


@dataclass(frozen=True, slots=True)
class Searches:
    """The searches of one ledger; ``folder`` is for its index."""

    ledger: Ledger
    folder: Path
    size: int

    def measured(self) -> Iterator[Result]:
        chance = random.Random(1)
        before = set(self.folder.glob("*.db"))
        yield self._took("by request, the first: makes the index", lambda: self._request(chance), 1, Aim())
        (made,) = set(self.folder.glob("*.db")) - before
        yield one_run(f"{self._where}: the index", "MB", [made.stat().st_size / 1e6])
        fast = Aim(worst=300)
        yield self._took("by request", lambda: self._request(chance), RUNS, fast)
        yield self._took("by person", lambda: self._person(chance), RUNS, fast)
        yield self._took("by person and kind", lambda: self._person(chance, kinds=frozenset({"granted"})), RUNS, fast)
        yield self._took("by access, in an hour", lambda: self._access(chance), RUNS, fast)
        newest = Wanted(kinds=frozenset({"granted"})), Part(newest_first=True)
        yield self._took(f"by kind, the newest {NEWEST}", lambda: newest, RUNS, fast)
        yield self._took("by person and words", lambda: self._person(chance, words=("stuck",)), RUNS, Aim(worst=3000))
        words = Wanted(words=("nowhere",)), ALL
        yield self._took("by words, the first: makes the index of words", lambda: words, 1, Aim())
        yield self._took("by words alone", lambda: words, RUNS, Aim(worst=3000))
        yield self._who_held(chance, fast)

    def _who_held(self, chance: random.Random, aim: Aim) -> Result:
        """All that everybody held then."""
        index, samples, found = SearchIndex(self.folder), [], 0
        for _ in range(RUNS):
            at = BEGAN + timedelta(seconds=chance.randrange(self.size))
            began = time.perf_counter()
            found += len(list(held_at(self.ledger, at, index)))
            samples.append((time.perf_counter() - began) * 1000)
        return one_run(
            f"{self._where}: who held what at a moment", "ms", samples, aim=aim, says=f"{found / RUNS:,.0f} found"
        )

    def _took(self, what: str, ask: Callable[[], tuple[Wanted, Part]], runs: int, aim: Aim) -> Result:
        index, samples, found = SearchIndex(self.folder), [], 0
        for _ in range(runs):
            began = time.perf_counter()
            wanted, part = ask()
            limit = NEWEST if part.newest_first else None
            found += len(list(islice(search(self.ledger, wanted, part, index), limit)))
            samples.append((time.perf_counter() - began) * 1000)
        return one_run(f"{self._where}: {what}", "ms", samples, aim=aim, says=f"{found / runs:,.0f} found")

    @property
    def _where(self) -> str:
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[self.ledger.engine.dialect.name]
        return f"{name}, {self.size:,}"

    def _request(self, chance: random.Random) -> tuple[Wanted, Part]:
        return Wanted(request=_request_id(chance.randrange(self.size // len(_templates())))), ALL

    def _person(self, chance: random.Random, **rest: Any) -> tuple[Wanted, Part]:
        return Wanted(find_people(self.ledger.engine, chance.choice(WHO), {}), **rest), ALL

    def _access(self, chance: random.Random) -> tuple[Wanted, Part]:
        since = BEGAN + timedelta(seconds=chance.randrange(self.size - 3600))
        until = last_before(self.ledger, since + timedelta(hours=1))
        return Wanted(access=f"db{chance.randrange(ACCESSES)}/read"), Part(last_before(self.ledger, since), until)


def write_sqlite(path: Path, size: int) -> None:
    """A ledger with so many entries."""
    engine = connect(f"sqlite:///{path}")
    create_tables(engine)
    engine.dispose()
    keys = _keys()
    columns = '"index", id, recorded_at, kind, request_id, body, hash'
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO person_keys (id, person, key) VALUES (?, ?, ?)",
            [(key.id, who, key.key) for who, key in keys.items()],
        )
        database.executemany(f"INSERT INTO entries ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(size, keys))


def write_postgres(url: str, size: int) -> None:
    """A ledger with so many entries."""
    engine = connect(url)
    create_tables(engine)
    engine.dispose()
    keys = _keys()
    with psycopg.connect(url) as database, database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO person_keys (id, person, key) VALUES (%s, %s, %s)",
            [(key.id, who, key.key) for who, key in keys.items()],
        )
        columns = '"index", id, recorded_at, kind, request_id, body, hash'
        with cursor.copy(f"COPY entries ({columns}) FROM STDIN") as copy:
            for row in _rows(size, keys):
                copy.write_row(row)


def _keys() -> dict[str, PersonKey]:
    return {who: sealing.new_key() for who in WHO}


def _rows(size: int, keys: dict[str, PersonKey]) -> Iterator[_Row]:
    """What is closed is closed on all cores."""
    previous, index = NO_ENTRY, 0
    with multiprocessing.Pool(initializer=_give.update, initargs=(keys,)) as pool:
        requests = range(-(-size // len(_templates())))
        facts = (fact for each in pool.imap(_facts_of, requests, chunksize=100) for fact in each)
        for fact_id, kind, request_id, written in islice(facts, size):
            index += 1
            at = BEGAN + timedelta(seconds=index)
            begins = f'{{"index": {index}, "recorded_at": "{at.isoformat()}", "previous": "{previous}", "fact": '
            body = begins.encode() + written + b"}"
            previous = hash_of(body)
            yield index, fact_id, to_micros(at), kind, request_id, body, previous


_give: dict[str, PersonKey] = {}
"""In each process of the pool, the keys of people."""


def _facts_of(number: int) -> list[tuple[str, str, str, bytes]]:
    """One request's facts as they stand in entries, with what the table of entries says of them."""
    chance = random.Random(number)
    requester, approver = chance.sample(WHO, 2)
    target = f"db{chance.randrange(ACCESSES)}"
    asked = BEGAN + timedelta(seconds=number * len(_templates()))
    found = []
    for template in _templates():
        text = template.replace(ALICE, requester).replace(BOB, approver).replace("orders-db", target)
        fact = json.loads(text.replace("R-7F3K", _request_id(number))) | {"id": str(uuid4())}
        fact["at"] = (asked if fact["kind"] not in ENDS else asked + HELD_FOR).isoformat().replace("+00:00", "Z")
        close = lambda who, place, fact=fact: sealing.close(place.value, _give[who], fact["id"], place.path)  # noqa: E731
        written = json.dumps(fields.closed(fact, close), ensure_ascii=False, separators=(",", ":")).encode()
        found.append((fact["id"], fact["kind"], fact["request_id"], written))
    return found


@cache
def _templates() -> list[str]:
    """The facts of a request from beginning to end, as JSON."""
    story = Story(InMemoryLedger(ManualClock()), ManualClock()).active()
    story.released()
    story.ending()
    story.ended()
    return [json.dumps(told_of(entry.fact)) for entry in story.ledger.read()]


def _request_id(number: int) -> str:
    return f"R-{number:06}"
