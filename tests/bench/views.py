"""App Home, card and lists with 100,000 requests in the ledger, 1,000 of them active, on both databases."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from sqlalchemy import insert

from bot.followers.cards import CARD, Cards
from bot.followers.cards_gone import Card
from bot.followers.homes import Homes, open_home
from bot.listeners import look
from bot.listeners.caller import Caller, Place
from jit.cli.list import LIVE
from jit.facts import Fact, Life, Source
from jit.ledger import Entry, Ledger, Notes, Recorded, glance
from jit.ledger.entry import NO_ENTRY
from jit.ledger.followers import CURSOR
from jit.ledger.schema import notes
from jit.people.person import NO_GROUPS, Groups
from jit.requests.lifecycle import Request, apply
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ALICE, BOB, CAROL, InMemoryDirectory, ManualClock, Story
from jit.use_cases.actor import Actor
from tests.bench.results import Aim, Result, one_run
from tests.world.base import ledger_at
from tests.world.face import Face

REQUESTS, ACTIVE, PENDING, OWN = 100_000, 1_000, 20, 50
PEOPLE = 2_000
AT_ONCE = 100
"""Requests recorded in one append: as many as a busy machine takes within the ledger's limit on a statement."""
LOOKS = 30
AIM = Aim(worst=100)
_DIGITS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def measure_views() -> Sequence[Result]:
    results = []
    for name, database in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, database(Path(folder)) as url:
            house = Face(Path(folder), ledger=lambda clock, url=url: ledger_at(url, clock))
            house.directory = _Remembering(house.clock, ALICE, BOB, CAROL)
            fill(house.ledger, house.clock)
            if name == "PostgreSQL":
                _analyse(url)
            for what, looked in _views(house, url):
                results.append(one_run(f"{name}: {what}", "ms", [looked() for _ in range(LOOKS)], aim=AIM))
            house.engine.dispose()
    return results


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'ledger.db'}"


@contextmanager
def _postgres(_folder: Path) -> Iterator[str]:
    with EmbeddedPostgres(sync=False) as server:
        yield server.dsn()


class _Remembering(InMemoryDirectory):
    """One snapshot of the groups for each moment, as Slack's is for some seconds."""

    _snapshot = NO_GROUPS

    def groups(self) -> Groups:
        if self._snapshot.as_of != self._clock.now():
            self._snapshot = super().groups()
        return self._snapshot


def _analyse(url: str) -> None:
    """As autovacuum has done by the time that a ledger is so large."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def fill(ledger: Ledger, clock: ManualClock) -> None:
    """Most are over; Alice has her share of everything, everybody else what is left. Each has its card."""
    card = {"follower": Cards.name, "value": json.dumps(Card("C0ACCESS1", "1700000000.000000", 3))}
    with ledger.engine.begin() as connection:
        connection.execute(insert(notes), [{**card, "key": CARD + _id(number)} for number in range(REQUESTS)])
    lives = (_life(number, clock) for number in range(REQUESTS))
    while some := [fact for life in islice(lives, AT_ONCE) for fact in life]:
        ledger.append(some)
        clock.move(minutes=6)


def _life(number: int, clock: ManualClock) -> list[Fact]:
    left = REQUESTS - number
    every = REQUESTS // OWN
    person = ALICE if number % every == every - 1 else f"U{number % PEOPLE:08}"
    told = _Told()
    is_open = left <= ACTIVE + PENDING
    access = f"orders-db/{number}" if is_open else "orders-db/read"
    fields = {"requester": person, "access": access, "principal": person.lower(), "duration": timedelta(hours=8)}
    story = Story(told, clock, _id(number), fields)  # type: ignore[arg-type]  as much of a ledger as a story needs
    if is_open and left > PENDING:
        story.active()
    else:
        story.asked()
    if not is_open:
        story.withdrawn()
    return told.facts


def _id(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"R-{digits}"


class _Told:
    """The facts of one request, before they are recorded."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._request: Request | None = None

    def request(self, _request_id: str) -> Request | None:
        return self._request

    def append(self, facts: Sequence[Life]) -> Recorded:
        for fact in facts:
            self._request = apply(self._request, fact)
        self.facts += facts
        return Recorded(tuple(Entry(0, fact.at, fact, NO_ENTRY, b"", "") for fact in facts), {})


def _views(house: Face, url: str) -> Iterator[tuple[str, Callable[[], float]]]:
    file_or_url: Any = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else url
    yield f"Home of somebody with {OWN} requests", lambda: _home(house, ALICE)
    yield f"Home of security, {ACTIVE:,} active", lambda: _home(house, CAROL)
    yield "card of a new request", lambda: _card(house)
    yield f"/jit list of somebody with {OWN} requests", lambda: _list(house, ALICE)
    yield f"/jit list of security, {ACTIVE:,} active", lambda: _list(house, CAROL)
    yield "jit list, read", lambda: _timed(lambda: glance.requests(file_or_url, LIVE))
    yield "jit list --all, read", lambda: _timed(lambda: glance.requests(file_or_url, ()))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _home(house: Face, person: str) -> float:
    """Drawn by a bot that has just begun to follow: it knows nothing yet of what waits."""
    house.clock.move(seconds=60)
    mine = Notes(house.engine, Homes.name)
    mine.put({CURSOR: str(house.ledger.last_index())})
    open_home(mine, person)
    homes = house.start(Homes, house.visibility())
    house.slack.homes.pop(person, None)

    def draw() -> None:
        while person not in house.slack.homes:
            homes.step()

    return _timed(draw)


def _card(house: Face) -> float:
    house.clock.move(seconds=60)
    Notes(house.engine, Cards.name).put({CURSOR: str(house.ledger.last_index())})
    cards, shown = house.start(Cards), len(house.slack.messages)
    number = REQUESTS + shown
    house.story(_id(number), access=f"orders-db/{number}").asked()

    def draw() -> None:
        while len(house.slack.messages) == shown:
            cards.step()

    return _timed(draw)


def _list(house: Face, person: str) -> float:
    caller = Caller(Actor(person, house.directory.workspace, Source.SLACK), Place(person))
    core = SimpleNamespace(ledger=house.ledger, directory=house.directory, clock=house.clock)
    ctx: Any = SimpleNamespace(core=core, directory=_named(house), visibility=house.visibility())
    return _timed(lambda: look.list_requests(ctx, caller))


def _named(house: Face) -> Any:
    return SimpleNamespace(look_up=house.directory.look_up, name=house.name)
