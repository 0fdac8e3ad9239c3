"""The real bot under attack: Bolt app, use cases, policies, directory, SQLite ledger; one thread and no socket.

A listener's work is done when the payload has been handled, so that what came of it can be looked at.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.app import build_app
from bot.buttons import value_of
from bot.directory import SlackDirectory
from bot.forms import CHOOSE_ACCESS, DENY_FORM, END_FORM, EXTEND_FORM, LESS_FORM, REQUEST_FORM, TAKE_OFFERED
from bot.pool import Pool
from bot.socket_mode import AcknowledgingHandler, hang_up
from jit.facts import Fact
from jit.ledger import Ledger, StoredDirectory, connect, create_tables
from jit.people.person import Groups
from jit.policy import PolicyFolder
from jit.testing import InMemoryQueue, ManualClock
from jit.use_cases.core import Core
from playground.sample import APP_TOKEN, BOT_TOKEN, REQUESTS, TEAM
from playground.slack import Slack
from tests.hostile.damage import Attack, Json, Loot
from tests.hostile.scene import GROUP, PEOPLE, Recorder, Requests, asked, policies, workspace
from tests.hostile.slack_inside import ROOT, Calls, answering

ENVELOPE = "the-envelope"


class Inline(Executor):
    """Bolt's threads, without threads: a listener has come to its end when it is looked whether it acknowledged."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class InlinePool(Pool):
    """A pool without threads that always has room."""

    def __init__(self) -> None:
        super().__init__(threads=0)

    def submit(self, work: Callable[[], None], whose: str = "") -> bool:
        work()
        return True


class Socket:
    """As much of the SDK's client as a handler answers through."""

    def __init__(self) -> None:
        self.logger = logging.getLogger("bot.socket")
        self.acks: list[Json] = []

    def send_socket_mode_response(self, response: SocketModeResponse) -> None:
        assert response.envelope_id == ENVELOPE
        self.acks.append(response.payload or {})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a payload. ``acks`` went back in its envelope; ``logged`` holds the lines of every logger."""

    acks: list[Json]
    calls: Calls
    facts: list[Fact]
    queued: list[str]
    logged: list[MutableMapping[str, Any]]
    groups_before: Groups
    groups: Groups
    fault: Exception | None


class Siege:
    """Every attack finds the same ``requests``: what one has changed is put back after it."""

    def __init__(self, folder: Path, slack: Slack, calls: Calls, clock: ManualClock) -> None:
        self._slack, self._calls = slack, calls
        self._engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(self._engine)
        self._clock = clock
        self._queue = InMemoryQueue()
        self.ledger = Ledger(self._engine, clock)
        self._rules = PolicyFolder(policies(folder / "policies"), clock)
        core = self._begin()
        self.requests: Requests = asked(core)
        self.samples = tuple(Recorder(slack, self.requests, self._rules, self._directory.name).record())
        self._logged: list[MutableMapping[str, Any]] = []
        self._saved = sqlite3.connect(":memory:")
        with self._sqlite() as live:
            live.backup(self._saved)
        self._mark = self.ledger.last_index()
        self._put_back()

    def _begin(self) -> Core:
        """A bot that has heard of nothing yet."""
        client = WebClient(BOT_TOKEN, base_url=f"{ROOT}/api/", retry_handlers=[], logger=_disabled("tests.hostile"))
        self._directory = SlackDirectory(client, StoredDirectory(self._engine), self._clock)
        self._directory.connect()
        self._directory.poll()
        self._groups = self._directory.groups()
        common: Any = {"policies": self._rules, "directory": self._directory, "clock": self._clock}
        core = Core(ledger=self.ledger, queue=self._queue, **common)
        app = build_app(core=core, client=client, pool=InlinePool(), directory=self._directory)
        app.listener_runner.listener_executor = Inline()
        self._handler = AcknowledgingHandler(app, APP_TOKEN, logger=_disabled("tests.hostile"))
        return core

    @property
    def loot(self) -> Loot:
        values = [value_of(each.id, each.digest) for each in self.requests.all]
        one, other = self.requests.pending, self.requests.half
        forged = [value_of(one.id, other.digest), value_of(one.id, "0" * 64), value_of("R-2222", one.digest), one.id]
        names = [
            CHOOSE_ACCESS,
            TAKE_OFFERED,
            REQUEST_FORM,
            DENY_FORM,
            END_FORM,
            EXTEND_FORM,
            LESS_FORM,
            "jit.approve",
            "jit.approve.less",
            "jit.deny",
            "jit.revoke",
        ]
        names += ["jit.end", "jit.extend", "jit.ask.again", "jit.of.old"]
        typed = [
            "orders-db/read",
            "orders-db/admin",
            "30m",
            "0",
            "1",
            "9" * 5000,
            "0001-01-01 00:00",
            f"show {one.id}",
            f"revoke {self.requests.active.id} no",
        ]
        kinds = ["block_actions", "view_submission", "block_suggestion", "event_callback", "shortcut", "/jit"]
        return Loot(
            [*PEOPLE, TEAM, "T0ELSEWHERE", REQUESTS, GROUP, "U0", "W0NOBODY0", "E0ENTERPR", "B0JITBOT0"],
            [*values, *forged, *names, *typed, *kinds, "https://evil.example/hook", f"{ROOT}/hooks/T/none"],
        )

    def suffers(self, attack: Attack) -> Outcome:
        """Hand the payload to the bot as its socket does, and see what comes of it."""
        self._logged.clear()
        socket, fault = Socket(), None
        request = SocketModeRequest(
            type=attack.kind, envelope_id=ENVELOPE, payload=json.loads(json.dumps(attack.payload))
        )
        with structlog.testing.capture_logs() as logged:
            try:
                self._handler.handle(socket, request)  # type: ignore[arg-type]  # as much of a client as it uses
            except Exception as raised:  # noqa: BLE001  the verdict says what it thinks of it
                fault = raised
        outcome = Outcome(
            acks=socket.acks,
            calls=self._calls.take(),
            facts=[entry.fact for entry in self.ledger.read(after=self._mark)],
            queued=[*self._queue.grants, *self._queue.revokes],
            logged=[*logged, *self._logged],
            groups_before=self._groups,
            groups=self._directory.groups(),
            fault=fault,
        )
        if outcome.facts:
            with self._sqlite() as live:
                self._saved.backup(live)
        self._put_back()
        return outcome

    def close(self) -> None:
        hang_up(self._handler.client)
        self._saved.close()
        self._engine.dispose()

    def hears(self, record: logging.LogRecord) -> None:
        """A line of the standard library's loggers."""
        self._logged.append({"event": record.getMessage(), "logger": record.name})

    def _put_back(self) -> None:
        self._queue.grants.clear()
        self._queue.revokes.clear()
        if self._directory.groups() is not self._groups:
            hang_up(self._handler.client)
            self._begin()
        self._slack.world.whispers.clear()
        for person in PEOPLE:
            self._slack.views.clear(person)
        for channel in self._slack.world.channels.values():
            channel.messages.clear()
        for trigger in self._slack.tickets.triggers.values():
            trigger.used = False
        for response in self._slack.tickets.responses.values():
            response.uses = 0
        self._calls.take()

    @contextmanager
    def _sqlite(self) -> Iterator[sqlite3.Connection]:
        connection = self._engine.raw_connection()
        try:
            yield connection.driver_connection
        finally:
            connection.close()


@contextmanager
def besieged(folder: Path) -> Iterator[Siege]:
    """A bot, its Slack and its ledger in ``folder``."""
    clock = ManualClock()
    slack = workspace(lambda: clock.now().timestamp())
    with answering(slack) as calls:
        siege = Siege(folder, slack, calls, clock)
        ear = logging.Handler(logging.INFO)
        ear.emit = siege.hears  # type: ignore[method-assign]  # a handler is only this
        logging.getLogger().addHandler(ear)
        try:
            yield siege
        finally:
            logging.getLogger().removeHandler(ear)
            siege.close()


def _disabled(name: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.disabled = True
    return logger
