"""The whole product under test: real processes, real servers, played people, and a clock that can be moved.

`Product.settled` is what must hold after whatever a test has done to it.
"""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from redis import Redis

from demo.stack import Stack, running_stack
from jit.facts import Fact, Granted, GrantIntent, Narrowed, OfExtension, Requested
from jit.ledger import Entry, StoredDirectory, check_chain
from jit.ledger.entry import NO_ENTRY
from jit.people.person import Groups
from jit.requests.lifecycle import OVER, Request, State
from playground.page.beside import Beside
from playground.person import Answer, Person, Shown
from playground.sample import AUDIT, REQUESTS
from tests.world.processes import fork
from tests.world.shared_clock import SharedClock
from tests.world.waiting import HUNG, wait_until

Known = TypeVar("Known", bound=Fact)

POLICIES = Path(__file__).parents[2] / "policies"
READ = "orders-db/read 30m INC-42 db down: need shell"
"""What Alice types where it does not matter what for."""
NEEDS_BEFORE = {"extension.intent": "extension.approved", "extended": "extension.intent"}
"""What comes right before it among the steps of an extension."""
STATED_LAG = timedelta(seconds=5)
"""Access is gone this long after its end at the latest; after an outage, this long after the outage."""


@dataclass
class Product:
    """A rehearsal, with hands on its switches."""

    stage: Stack
    clock: SharedClock
    pauses: Path
    since: int = 0
    """The last entry before the test that uses it now."""

    def ask(self, person: Person, words: str) -> Request:
        """Have a person ask through the form; returns once the request is in the ledger."""
        before = {request.id for request in self.stage.live()}
        person.command("/jit", f"request {words}", channel=REQUESTS)
        answer = person.form().submit()
        assert not answer.errors, answer.errors
        new: list[Request] = self.until(lambda: [found for found in self.stage.live() if found.id not in before])
        return new[0]

    def card(self, person: Person, request: Request, button: str = "") -> Shown:
        """The request's card as this person sees it, once it has the button."""

        def shown() -> Shown | None:
            cards = [seen for seen in person.sees(REQUESTS) if request.id in seen.text and not seen.ephemeral]
            return next((card for card in reversed(cards) if not button or button in card.buttons), None)

        found: Shown = self.until(shown)
        return found

    def approve(self, person: Person, request: Request) -> None:
        answer = person.press(self.card(person, request, "Approve"), "Approve")
        assert answer.ok, answer

    def granted(self, person: Person, words: str, approver: Person | None = None) -> Request:
        """Ask, approve, and wait until the access is active."""
        request = self.ask(person, words)
        self.approve(approver or self.stage.bob, request)
        return self.reaches(request, State.ACTIVE)

    def begun(self, point: str, words: str = READ) -> tuple[Request, int]:
        """What Alice asked for and Bob approved, its grant stopped at ``point`` (see `pause`), and by which process."""
        self.pause(point)
        request = self.ask(self.stage.alice, words)
        self.approve(self.stage.bob, request)
        return request, self.paused()

    def now(self, request: Request) -> Request:
        found = self.stage.ledger.request(request.id)
        assert found is not None
        return found

    def reaches(self, request: Request, *states: State, within: float = HUNG) -> Request:
        try:
            self.until(lambda: self.now(request).state in states, within)
        except AssertionError:
            said = [shown.text for person in (self.stage.alice, self.stage.bob) for shown in person.sees(REQUESTS)[-2:]]
            pytest.fail(f"{self.now(request)} does not reach {states}; {self.kinds(request)}; last said: {said}")
        return self.now(request)

    def until(self, so: Callable[[], object], within: float = HUNG) -> object:
        """The first true value of ``so``."""
        return wait_until(so, within)

    def holds(self, login: str, role: str) -> bool:
        """Whether the database lets this login use this role."""
        with psycopg.connect(self.stage.postgres.dsn(), autocommit=True) as admin:
            row = admin.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (login, role)).fetchone()
        assert row is not None
        return bool(row[0])

    def pause(self, point: str) -> None:
        """Make whoever comes there stop: a grant at `before-intent`, `before-lock`, `before-effect` (in the target's
        lock, after the last question whether it is due) or `after-effect`, an end at `before-revoke`, `after-rights` or
        `after-revoke`.
        """
        (self.pauses / "reached").unlink(missing_ok=True)
        (self.pauses / point).touch()

    def paused(self) -> int:
        """The pid of the process that has stopped there."""
        reached = self.pauses / "reached"
        self.until(lambda: reached.exists() and reached.read_text().count(" "))
        return int(reached.read_text().split()[1])

    def go_on(self, point: str) -> None:
        (self.pauses / point).unlink(missing_ok=True)

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    def answers(self, person: Person) -> list[str]:
        """What only this person read in the channel of the requests, oldest first."""
        return [shown.text for shown in person.sees(REQUESTS) if shown.ephemeral]

    def told(self, person: Person, act: Callable[[], Answer]) -> str:
        """Let a person do something, and wait for the answer that only they read."""
        before = len(self.answers(person))
        acknowledged = act()
        assert acknowledged.ok, acknowledged
        self.until(lambda: len(self.answers(person)) > before)
        return self.answers(person)[-1]

    def seen(self, person: Person, request: Request) -> Shown:
        """The request's card as it stands now; fails if there is none."""
        return [shown for shown in person.sees(REQUESTS) if is_card(shown, request)][-1]

    def behind(self) -> bool:
        """Whether the mirror has something to show yet."""
        return not self._mirrored()

    def log_lines(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """What the processes logged under this name with these fields."""
        log = (self.stage.folder / "log.jsonl").read_bytes()
        lines = (json.loads(line) for line in log.splitlines() if line[:1] + line[-1:] == b"{}")
        return [line for line in lines if line.get("event") == event and fields.items() <= line.items()]

    def facts(self, kind: type[Known], request: Request | None = None) -> list[Known]:
        """All of a kind that this test recorded, oldest first; of one request if it is given."""
        entries = self.stage.ledger.history(request.id) if request else self._entries()
        return [entry.fact for entry in entries if isinstance(entry.fact, kind)]

    def kinds(self, request: Request) -> list[str]:
        """What the ledger holds about a request, in order."""
        return [entry.fact.kind for entry in self.stage.ledger.history(request.id)]

    def gives(self, request: Request) -> bool:
        """Whether the database holds the role of this grant."""
        return role_of(request) in self.held_roles()

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """While it lasts another connection keeps the ledger's file locked: it can be read, and takes nothing."""
        with closing(sqlite3.connect(self.stage.folder / "ledger.db", timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def kill(self, *names: str) -> None:
        """Kill processes as a crash would, and keep them down; without names all of them."""
        for name in names or self.stage.supervisor.children:
            self.stage.supervisor.kill(name, stay_down=True)

    def start(self, *names: str) -> None:
        """Have processes started again that were kept down; without names all of them."""
        for name in names or self.stage.supervisor.children:
            self.stage.supervisor.bring_back(name)

    def redis(self) -> Redis:
        """A hand on the queue's server."""
        return Redis.from_url(self.stage.valkey.url)

    def name_of(self, pid: int) -> str:
        """Which process this is: `worker-1`, for example."""
        children = self.stage.supervisor.children.values()
        return next(child.name for child in children if child.process and child.process.pid == pid)

    def expire(self, request: Request) -> None:
        """Let its time pass, and wait until it has ended and the database gives nothing of it."""
        ends_at = self.now(request).ends_at
        assert ends_at is not None
        self.pass_time(max(timedelta(0), ends_at - self.clock.now()))
        self.reaches(request, State.ENDED)
        assert not self.gives(request)

    def workers_are_idle(self) -> bool:
        """Whether every worker that is to run waits for an order, and so nothing announced is undone."""
        wanted = [name for name, child in self.stage.supervisor.children.items() if child.wanted and "worker" in name]
        with self.redis() as client:
            return sum(one["cmd"] == "blpop" and "b" in one["flags"] for one in client.client_list()) == len(wanted)

    def groups(self) -> Groups:
        """Slack's user groups as the workers know them; the bot reads them every second here."""
        return StoredDirectory(self.stage.ledger.engine).groups()

    def groups_are_fresh(self) -> bool:
        return self.groups().fresh(self.clock.now())

    def make_whole(self) -> None:
        """As a test wants to find it."""
        self.mend()
        self.empty()
        self.since = self.stage.ledger.last_index()

    def mend(self) -> None:
        """Everything runs again, and nobody stops anywhere."""
        self.stage.valkey.start()
        self.stage.postgres.start()
        for point in self.pauses.iterdir():
            point.unlink()
        self.start()
        self.until(self.stage.stage.connections)

    def empty(self) -> None:
        """Nothing is open from before, and people can ask."""
        if self.stage.live():
            self.pass_time(timedelta(days=2))
            self.until(lambda: not self.stage.live())
        self.until(self.groups_are_fresh)

    def settled(self) -> None:
        """The promises, after whatever happened: everything that began has come to its end, and all is told."""
        self.until(lambda: all(self._at_rest(request) for request in self._all()))
        self._no_access_without_a_decision()
        self.until(lambda: self.held_roles() <= self.active_roles())
        self.until(self._mirrored)
        self.until(self._cards_are_true)

    def _at_rest(self, request: Request) -> bool:
        """Over, waiting for people or for its beginning, or active with time left."""
        if request.state is State.APPROVED and request.start_at:
            return request.start_at > self.clock.now()
        if request.state is State.ACTIVE:
            return request.ends_at is not None and request.ends_at > self.clock.now()
        return request.state in OVER | {State.PENDING}

    def _all(self) -> Sequence[Request]:
        """Everything asked for in this test."""
        ids = {entry.fact.request_id for entry in self._entries() if entry.fact.kind == "requested"}
        return [found for request_id in ids if (found := self.stage.ledger.request(request_id))]

    def _entries(self) -> list[Entry]:
        entries = self.stage.ledger.read(self.since, limit=100_000)
        check_chain(entries, after=self.since, previous=entries[0].previous if self.since and entries else NO_ENTRY)
        return entries

    def _no_access_without_a_decision(self) -> None:
        decided: set[str] = set()
        intended: set[str] = set()
        asked: dict[str, Requested] = {}
        terms: dict[str, Requested | Narrowed] = {}
        steps: dict[str, str] = {}
        for entry in self._entries():
            fact = entry.fact
            if isinstance(fact, Requested):
                asked[fact.request_id] = terms[fact.request_id] = fact
            elif isinstance(fact, Narrowed):
                terms[fact.request_id] = fact
            elif fact.kind == "approved":
                decided.add(fact.request_id)
            elif isinstance(fact, GrantIntent):
                assert fact.request_id in decided, f"{fact.request_id} was begun without a decision"
                assert fact.request_id not in intended, f"{fact.request_id} was begun twice"
                start, given = asked[fact.request_id].start_at, terms[fact.request_id]
                assert start is None or start <= fact.at, f"{fact.request_id} was begun before its time"
                assert fact.ends_at - fact.at <= given.duration, f"{fact.request_id} was given for longer"
                intended.add(fact.request_id)
            elif isinstance(fact, Granted):
                assert fact.request_id in intended, f"{fact.request_id} was granted without an intent"
                assert {*fact.read_back} <= {*terms[fact.request_id].permissions}, f"{fact.request_id} gives more"
            elif isinstance(fact, OfExtension):
                before = steps.get(fact.request_id)
                assert NEEDS_BEFORE.get(fact.kind, before) == before, f"{fact.request_id}: {fact.kind} after {before}"
                steps[fact.request_id] = fact.kind

    def held_roles(self) -> set[str]:
        """What the database holds of ours."""
        with psycopg.connect(self.stage.postgres.dsn(), autocommit=True) as admin:
            rows = admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'jit\\_r%'").fetchall()
        return {row[0] for row in rows}

    def active_roles(self) -> set[str]:
        """What is active by the ledger, and not past its end."""
        now = self.clock.now()
        return {
            role_of(request)
            for request in self._all()
            if request.state is State.ACTIVE and request.ends_at and request.ends_at > now - STATED_LAG
        }

    def _mirrored(self) -> bool:
        """The audit channel shows every entry, in order, once, without a gap."""
        shown = 0
        for message in self.stage.carol.sees(AUDIT):
            payload = message.content.get("metadata", {}).get("event_payload", {})
            if "first" not in payload:
                continue
            assert payload["first"] == shown + 1, f"after {shown} comes {payload}"
            shown = payload["last"]
        return shown == self.stage.ledger.last_index()

    def _cards_are_true(self) -> bool:
        """Each request has one card, and its first line says the state the ledger knows. What was over with nothing
        given before a card was drawn may have none.
        """
        says = {
            State.PENDING: "asks for",
            State.APPROVED: "Approved",
            State.ACTIVE: "Active until",
            State.ENDED: "Ended",
            State.DENIED: "Denied",
            State.WITHDRAWN: "Withdrawn",
            State.LAPSED: "Lapsed",
            State.FAILED: "Not granted",
        }
        seen = [shown for shown in self.stage.carol.sees(REQUESTS) if not shown.ephemeral]
        for request in self._all():
            cards = [shown for shown in seen if is_card(shown, request)]
            if not cards and request.state in {State.WITHDRAWN, State.DENIED, State.LAPSED}:
                continue
            if len(cards) != 1 or says.get(request.state, "?") not in cards[0].text.partition("\n")[0]:
                return False
        return True


def is_card(shown: Shown, request: Request) -> bool:
    """Not another message about it in the channel of its card."""
    payload = shown.content.get("metadata", {}).get("event_payload", {})
    return bool(payload.get("card") == request.id)


def role_of(request: Request) -> str:
    """What a grant is called in PostgreSQL."""
    return "jit_" + request.id.lower().replace("-", "_")


@contextmanager
def product(
    folder: Path,
    *,
    ledger_url: str = "",
    bots: int = 1,
    workers: int = 1,
    signer: bool = False,
    policies: Path = POLICIES,
    beside: Beside | None = None,
) -> Iterator[Product]:
    """Everything running, by one clock. What the processes say is in `FOLDER/log.jsonl`. ``beside`` is in the page."""
    pauses = folder / "pauses"
    pauses.mkdir(parents=True)
    clock = SharedClock(folder / "clock")

    def command(room: str) -> Sequence[str]:
        return [sys.executable, "-m", "tests.world.entry", room, str(clock.path), str(pauses)]

    with (
        (folder / "log.jsonl").open("wb") as log,
        running_stack(
            folder,
            policies,
            ledger_url=ledger_url,
            command=command,
            spawn=fork,
            bots=bots,
            workers=workers,
            signer=signer,
            clock=clock,
            output=log,
            beside=beside,
        ) as stage,
    ):
        stage.ready(HUNG)
        yield Product(stage, clock, pauses)
