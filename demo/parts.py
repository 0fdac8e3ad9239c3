"""The parts that can be broken: what each is, whether it is up and since when, and how it is broken and mended."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis

from demo.stack import COLLECTOR, Stack
from jit.runtime.embedded import EmbeddedPostgres, EmbeddedValkey
from playground.faults import Outage

WORKERS, TIMEKEEPER, BOT, SIGNER, REDIS, SLACK, TARGET, LEDGER = (
    "workers",
    "timekeeper",
    "bot",
    "signer",
    "redis",
    "slack",
    "target",
    "ledger",
)

Acts = tuple[tuple[str, str], ...]
"""The word for `Parts.act`, and the words on the button."""
SETTLING = 10.0
"""Seconds in which the others find their connections again after a part came back."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A part at one moment. ``since``: when it came up or went down, in seconds of `time.monotonic`."""

    name: str
    word: str
    does: str
    up: bool
    since: float
    restarts: int
    says: str
    acts: Acts
    """What can be done to it now."""

    def whole(self, tick: float) -> bool:
        """Whether it is up, and the others have had time to notice."""
        return self.up and (not self.restarts or tick - self.since > SETTLING)


class Parts:
    """Everything that runs. Safe to use from several threads; breaking waits for breaking."""

    def __init__(self, stack: Stack, ledger: EmbeddedPostgres) -> None:
        self.wiped = -1.0
        """When Redis lost what it knew; before everything if it never did."""
        self._stack = stack
        self._breaking = threading.Lock()
        self._parts: dict[str, _Processes | _Server | _Slack] = {
            WORKERS: _Processes(stack, "worker", "Workers", "give and take access"),
            TIMEKEEPER: _Processes(stack, "timekeeper", "Timekeeper", "the first alarm clock; needs no Redis"),
            BOT: _Processes(stack, "bot", "Bot", "speaks to Slack"),
            SIGNER: _Processes(stack, "signer", "Signer", "signs the record"),
            **self._collector(stack),
            REDIS: _Server(stack.valkey, "Redis", "the queue, and the second alarm clock"),
            SLACK: _Slack(stack),
            TARGET: _Server(stack.postgres, "orders-db", "what access is given to"),
            LEDGER: _Server(ledger, "Ledger", "a PostgreSQL of its own"),
        }

    @staticmethod
    def _collector(stack: Stack) -> "dict[str, _Processes | _Server | _Slack]":
        """There is one where the target's log is read."""
        if COLLECTOR not in stack.supervisor.children:
            return {}
        return {COLLECTOR: _Processes(stack, COLLECTOR, "Collector", "reads what is done out of orders-db's log")}

    def seen(self) -> dict[str, Seen]:
        return {name: self._see(name) for name in self._parts}

    def act(self, name: str, how: str) -> str:
        """Do ``how`` to a part, and say what was done.

        Raises:
            ValueError: that cannot be done to it now.
        """
        with self._breaking:
            part = self._parts.get(name)
            if part is None or how not in [word for word, _ in self._see(name).acts]:
                raise ValueError("That cannot be done to it now. Look again: it may have changed meanwhile.")
            if (name, how) == (REDIS, "wipe"):
                return self._wipe()
            return part.hows[how]()

    def mend(self) -> str:
        """Bring everything back."""
        with self._breaking:
            for part in self._parts.values():
                part.mend()
        return "Everything is up again."

    def _see(self, name: str) -> Seen:
        part = self._parts[name]
        up, since, restarts, says = part.look()
        acts = part.acts(up=up)
        if name == REDIS and up:
            acts = (("wipe", "Wipe"), *acts)
        return Seen(name, part.word, part.does, up, since, restarts, says, acts)

    def _wipe(self) -> str:
        with redis.Redis.from_url(self._stack.valkey.url) as client:
            client.flushall()
        self.wiped = time.monotonic()
        return "Redis is empty: FLUSHALL."


class _Processes:
    """All processes of one room."""

    def __init__(self, stack: Stack, room: str, word: str, does: str) -> None:
        self.word = word
        self.does = does
        self._supervisor = stack.supervisor
        self._children = [child for name, child in stack.supervisor.children.items() if name.startswith(room)]
        self._down_since = time.monotonic()
        self.hows: Mapping[str, Callable[[], str]] = {"kill": self._kill, "down": self._down, "up": self.mend}

    def look(self) -> tuple[bool, float, int, str]:
        running = [child.began for child in self._children if child.running]
        if running:
            self._down_since = time.monotonic()
        restarts = sum(child.starts - 1 for child in self._children)
        many = len(self._children) > 1
        says = f"{len(running)} of {len(self._children)} running" if many else ""
        return bool(running), min(running, default=self._down_since), restarts, says

    def acts(self, *, up: bool) -> Acts:  # noqa: ARG002  one that fell comes back by itself
        if any(child.wanted for child in self._children):
            return (("kill", "Kill"), ("down", "Keep down"))
        return (("up", "Bring back"),)

    def mend(self) -> str:
        for child in self._children:
            if not child.wanted:
                self._supervisor.bring_back(child.name)
        return f"{self.word}: coming back."

    def _kill(self) -> str:
        for child in self._children:
            self._supervisor.kill(child.name)
        return f"{self.word}: killed, and started again."

    def _down(self) -> str:
        for child in self._children:
            self._supervisor.kill(child.name, stay_down=True)
        return f"{self.word}: killed, and kept down."


class _Server:
    """An embedded server, ended as a crash would; its files stay."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey, word: str, does: str) -> None:
        self.word = word
        self.does = does
        self._server = server
        self._up = True
        self._since = time.monotonic()
        self._restarts = 0
        self.hows: Mapping[str, Callable[[], str]] = {"down": self._down, "up": self.mend}

    def look(self) -> tuple[bool, float, int, str]:
        return self._up, self._since, self._restarts, ""

    def acts(self, *, up: bool) -> Acts:
        return (("down", "Take down"),) if up else (("up", "Bring back"),)

    def mend(self) -> str:
        if not self._up:
            self._server.start()
            self._up, self._since, self._restarts = True, time.monotonic(), self._restarts + 1
        return f"{self.word} is back."

    def _down(self) -> str:
        self._up, self._since = False, time.monotonic()
        self._server.kill()
        return f"{self.word} is down."


class _Slack:
    """The playground itself, as the app meets it; the page goes on."""

    word = "Slack"
    does = "as the bot meets it"

    def __init__(self, stack: Stack) -> None:
        self._slack = stack.stage.slack
        self._since = time.monotonic()
        self._restarts = 0
        self.hows: Mapping[str, Callable[[], str]] = {
            "unavailable": lambda: self._break(Outage.UNAVAILABLE),
            "dropping": lambda: self._break(Outage.DROPPING),
            "up": self.mend,
        }

    def look(self) -> tuple[bool, float, int, str]:
        outage = self._slack.faults.outage
        says = {Outage.UNAVAILABLE: "says 503", Outage.DROPPING: "drops every connection"}.get(outage, "")
        return outage is Outage.NONE, self._since, self._restarts, says

    def acts(self, *, up: bool) -> Acts:
        if up:
            return (("unavailable", "Say 503"), ("dropping", "Cut off"))
        return (("up", "Bring back"),)

    def mend(self) -> str:
        if self._slack.faults.outage is not Outage.NONE:
            self._slack.mend()
            self._since, self._restarts = time.monotonic(), self._restarts + 1
        return "Slack is back."

    def _break(self, outage: Outage) -> str:
        self._slack.break_down(outage)
        self._since = time.monotonic()
        return "Slack is down."
