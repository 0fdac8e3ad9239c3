"""The whole product as a stack: real parts in a folder of its own, and a Slack where people are played.

For the demo, and for tests that play the story or break it.
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demo.sample import DATABASE, LOG, WORKER, first_line, furnish, log_of
from jit.cli.environment import COMMON, environment
from jit.cli.up import make_signing_key
from jit.clock import SystemClock
from jit.facts import Started
from jit.ledger import Ledger, Question, connect, create_tables
from jit.policy import load_policy
from jit.ports import Clock
from jit.requests.lifecycle import OVER, Request, State
from jit.runtime.embedded import EmbeddedPostgres, EmbeddedValkey
from jit.runtime.supervisor import Child, Spawn, Supervisor, popen
from playground.interaction import Stage
from playground.page.beside import Beside
from playground.person import Person
from playground.sample import ALICE, APP_TOKEN, BOB, BOT_TOKEN, CAROL, EVE, sample_workspace
from playground.server import running
from playground.slack import Slack

Command = Callable[[str], Sequence[str]]
"""The argv of a room: `bot`, `worker`, `timekeeper` or `signer`."""
COLLECTOR = "collector"
TARGET = "orders-db"
"""The target, as the rules name it."""


def jit_command(room: str) -> Sequence[str]:
    return [sys.executable, "-m", "jit.cli", room]


@dataclass
class Stack:
    """All that runs, and the people of its Slack. ``everything`` is what its processes have in their environment."""

    folder: Path
    everything: Mapping[str, str]
    stage: Stage
    valkey: EmbeddedValkey
    postgres: EmbeddedPostgres
    supervisor: Supervisor
    ledger: Ledger

    @property
    def alice(self) -> Person:
        return Person(self.stage, ALICE)

    @property
    def bob(self) -> Person:
        return Person(self.stage, BOB)

    @property
    def carol(self) -> Person:
        return Person(self.stage, CAROL)

    @property
    def eve(self) -> Person:
        return Person(self.stage, EVE)

    def orders_dsn(self, login: str) -> str:
        return self.postgres.dsn(login, DATABASE)

    def live(self) -> list[Request]:
        """Requests that are not over, newest first."""
        return self.ledger.requests(Question(states=frozenset(State) - OVER))

    def ready(self, within: float) -> None:
        """Wait until every process that says so in the ledger has started. Raises TimeoutError."""
        wanted = {name.partition("-")[0] for name in self.supervisor.children} - {COLLECTOR}
        self.stage.wait_for(lambda: wanted <= self._started() and self.stage.slack.hub.connections, within)

    def _started(self) -> set[str]:
        return {entry.fact.process for entry in self.ledger.read(limit=50) if isinstance(entry.fact, Started)}


@contextmanager
def running_stack(
    folder: Path,
    policies: Path,
    *,
    ledger_url: str = "",
    command: Command = jit_command,
    spawn: Spawn = popen,
    bots: int = 1,
    workers: int = 2,
    signer: bool = True,
    collects: bool = False,
    clock: Clock | None = None,
    output: IO[bytes] | None = None,
    port: int = 0,
    beside: Beside | None = None,
) -> Iterator[Stack]:
    """Start everything in ``folder``, and leave no process behind. ``collects``: the target's log is read, too.

    ``port`` is the page's, 0 for any free one; ``beside`` stands at its right.

    Raises:
        RealTokens, EmbeddedError.
        OSError: the port is taken.
    """
    with ExitStack() as open_parts:
        stage = open_parts.enter_context(running(_workspace(), os.environ, port, beside))
        valkey = open_parts.enter_context(EmbeddedValkey())
        postgres = open_parts.enter_context(EmbeddedPostgres(sync=False, settings=LOG if collects else None))
        furnish(postgres)
        ledger_url = ledger_url or f"sqlite:///{folder / 'ledger.db'}"
        everything = _environment(
            folder,
            policies,
            ledger_url,
            slack=stage.slack,
            redis=valkey.url,
            orders=postgres.dsn(WORKER, DATABASE),
        )
        if signer:
            make_signing_key(folder)
        children = _children(everything, policies, command, (bots, workers, int(signer)))
        if collects:
            first_line(postgres)
            children.append(_collector(everything, log_of(postgres)))
        supervisor = Supervisor(children, output, spawn)
        engine = connect(ledger_url)
        create_tables(engine)
        open_parts.callback(engine.dispose)
        supervisor.start()
        open_parts.callback(supervisor.stop)
        yield Stack(folder, everything, stage, valkey, postgres, supervisor, Ledger(engine, clock or SystemClock()))


def _workspace() -> Slack:
    """The sample workspace, with tokens that nobody else knows."""
    tonight = secrets.token_hex(16)
    return sample_workspace(bot_token=f"{BOT_TOKEN}-{tonight}", app_token=f"{APP_TOKEN}-{tonight}")


def _environment(
    folder: Path, policies: Path, ledger_url: str, *, slack: Slack, redis: str, orders: str
) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in COMMON if name in os.environ},
        "JIT_DATA": str(folder),
        "JIT_POLICIES": str(policies),
        "JIT_LEDGER_URL": ledger_url,
        "REDIS_URL": redis,
        "SLACK_BOT_TOKEN": slack.world.workspace.bot_token,
        "SLACK_APP_TOKEN": slack.world.workspace.app_token,
        "SLACK_API_URL": f"{slack.url}/api/",
        "ORDERS_DB_ADMIN_DSN": orders,
    }


def _children(
    everything: Mapping[str, str], policies: Path, command: Command, many: tuple[int, int, int]
) -> list[Child]:
    """``many``: bots, workers, signers."""
    policy = load_policy(policies)
    bots, workers, signers = many
    names = [
        *(f"bot-{n + 1}" for n in range(bots)),
        "timekeeper",
        *(f"worker-{n + 1}" for n in range(workers)),
        *(["signer"] * signers),
    ]
    rooms = [(name, name.partition("-")[0]) for name in names]
    return [Child(name, command(room), environment(room, everything, policy)) for name, room in rooms]


def _collector(everything: Mapping[str, str], log: Path) -> Child:
    argv = [*jit_command("collect"), TARGET, str(log)]
    return Child(COLLECTOR, argv, environment(COLLECTOR, everything, None))
