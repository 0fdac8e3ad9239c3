"""A thousand requests: ten engineers who each ask for a hundred accesses, through the wire, as people do."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql

from demo.rules import CHANNELS, ENGINEERS, REPORTS, login, report
from demo.sample import DATABASE
from demo.stack import Stack
from playground.person import Person
from playground.sample import ALICE, BOB, BOT, CAROL, EVE, account
from playground.world import Channel, World

Json = dict[str, Any]

AT_ONCE = 3
"""Engineers who type at the same time."""
FORM_WITHIN = 10.0
TRIES = 3


class LoadGenerator:
    """The load: asks once for everything; stopped, it goes on where it was."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._stop.set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._left: Iterator[tuple[str, int]] = iter(())
        self._asked = 0
        self._failed = 0
        self._all = len(ENGINEERS) * REPORTS

    def move_in(self) -> None:
        """Make the engineers' accounts in workspace and target. Everybody may read the first of their channels."""
        world = self._stack.stage.slack.world
        for number, engineer in enumerate(ENGINEERS):
            world.add_user(account(engineer, f"Analyst {number + 1}"))
        for number, channel in enumerate(CHANNELS):
            _furnish(world, channel, number)
        with psycopg.connect(self._stack.postgres.dsn(), autocommit=True) as admin:
            for number in range(len(ENGINEERS)):
                name = sql.Identifier(login(number))
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
                admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), name))
        self._left = ((engineer, number) for number in _in_all_channels() for engineer in ENGINEERS)

    def go(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stop.clear()
                self._thread = threading.Thread(target=self._ask_all, name="crowd", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Wait until nobody types any more."""
        with self._lock:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()

    def state(self) -> Json:
        return {
            "all": self._all,
            "asked": self._asked,
            "failed": self._failed,
            "going": self._thread is not None and self._thread.is_alive(),
        }

    def _ask_all(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, "analyst") as engineers:
            while not self._stop.is_set():
                wishes = list(islice(self._left, AT_ONCE))
                if not wishes:
                    return
                for asked in engineers.map(self._ask, wishes):
                    self._asked += asked
                    self._failed += not asked

    def _ask(self, wish: tuple[str, int]) -> bool:
        """Ask once through command and form. What does not work at once, as the bot is busy or gone, is tried again."""
        engineer, number = wish
        person = Person(self._stack.stage, engineer)
        for _ in range(TRIES):
            try:
                words = f"request {report(number)} 30m monthly figures"
                person.command("/jit", words, channel=CHANNELS[number * len(CHANNELS) // REPORTS])
                form = person.form(FORM_WITHIN)
                answer = form.submit()
                if answer.ok and not answer.errors:
                    return True
                form.close()
            except (TimeoutError, AssertionError):
                if self._stop.wait(1.0):
                    break
        return False


def _in_all_channels() -> Iterator[int]:
    """The reports in an order that fills the channels evenly."""
    each = REPORTS // len(CHANNELS)
    yield from (channel * each + place for place in range(each) for channel in range(len(CHANNELS)))


def _furnish(world: World, channel: str, number: int) -> None:
    members = {BOT, *ENGINEERS}
    name = "report-requests"
    if number == 0:
        members |= {ALICE, BOB, CAROL, EVE}
    else:
        name = f"{name}-{number + 1}"
    world.add_channel(Channel(channel, name, members, topic="Requests by the dozen, of people nobody plays"))
