"""What befalls the house at random. A fault that lasts goes on for a few steps."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from random import Random  # noqa: TID251  seeded by the caller

import redis

from playground.faults import Fault, Outage
from tests.world.product import Product

METHODS = ("chat.postMessage", "chat.update", "users.info", "views.open", "*")
PLANNED = tuple(fault for fault in Fault if fault is not Fault.LOST_BY_SILENCE)
"""Silence holds a call for its whole time-out: the stopped processes are enough of that."""

ENDS = 0.15
"""How likely a lasting fault ends with a step."""


class Faults:
    """``counts`` says how often each was drawn."""

    def __init__(self, it: Product, random: Random) -> None:
        self._house, self._stage = it, it.stage
        self._random = random
        self._going_on: dict[str, ExitStack] = {}
        self.counts: Counter[str] = Counter()

    def act(self) -> str:
        name = self._random.choice((*self._at_once, *self._at_once, *self._lasting))
        self.counts[name] += 1
        if name in self._at_once:
            return f"{name} {self._at_once[name]()}"
        if name in self._going_on:
            return f"{name} goes on"
        lasting = ExitStack()
        lasting.enter_context(self._lasting[name]())
        self._going_on[name] = lasting
        return f"{name} begins"

    def end_some(self) -> list[str]:
        """What is over with this step."""
        over = [name for name in self._going_on if self._random.random() < ENDS]
        for name in over:
            self._going_on.pop(name).close()
        return over

    def end_all(self) -> None:
        """And wait until every process is there again."""
        for name in [*self._going_on]:
            self._going_on.pop(name).close()
        self._stage.stage.mend()
        children = self._stage.supervisor.children
        for name in children:
            self._stage.supervisor.bring_back(name)
        self._stage.stage.wait_for(lambda: all(child.running for child in children.values()), 20)
        self._stage.stage.wait_for(self._stage.stage.connections, 20)

    @property
    def _at_once(self) -> dict[str, Callable[[], str]]:
        return {"kill": self._kill, "wipe Redis": self._wipe, "answer of Slack": self._plan}

    @property
    def _lasting(self) -> dict[str, Callable[[], AbstractContextManager[None]]]:
        return {
            "process stopped": self._stopped,
            "Redis down": self._redis_down,
            "Slack down": self._slack_down,
            "target down": self._target_down,
            "ledger locked": self._house.unwritable,
        }

    def _some_process(self) -> str:
        return self._random.choice(sorted(self._stage.supervisor.children))

    def _kill(self) -> str:
        name = self._some_process()
        self._stage.supervisor.kill(name)
        return name

    def _wipe(self) -> str:
        with suppress(redis.RedisError), redis.Redis.from_url(self._stage.valkey.url) as client:
            client.flushall()
        return ""

    def _plan(self) -> str:
        method, fault = self._random.choice(METHODS), self._random.choice(PLANNED)
        self._stage.stage.plan_fault(method, fault, self._random.randrange(1, 4))
        return f"{method} {fault}"

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        """It goes on as if no time had passed, unless it was killed meanwhile."""
        process = self._stage.supervisor.children[self._some_process()].process
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
        yield
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def _redis_down(self) -> Iterator[None]:
        self._stage.valkey.kill()
        yield
        self._stage.valkey.start()

    @contextmanager
    def _slack_down(self) -> Iterator[None]:
        self._stage.stage.break_down(self._random.choice([Outage.DROPPING, Outage.UNAVAILABLE]))
        yield
        self._stage.stage.mend()

    @contextmanager
    def _target_down(self) -> Iterator[None]:
        self._stage.postgres.kill()
        yield
        self._stage.postgres.start()
