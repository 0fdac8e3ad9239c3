"""The panel beside the chat of `jit demo`: steps to try, session, lights, parts and load, as the page is given them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from demo.console import Console
from demo.load import LoadGenerator
from demo.observer import Observer
from demo.parts import Parts, Seen
from demo.promise_lights import PromiseLights
from demo.sample import DATABASE
from demo.stack import Stack
from demo.tutorial import Tutorial
from jit.runtime.embedded import EmbeddedError, EmbeddedPostgres

Json = dict[str, Any]

LOOK_EVERY = 1.0
"""Seconds between two looks at everything."""
LOGIN = "alice"

log = structlog.get_logger(__name__)


class LatePanel:
    """The panel of a page that is there before the stack that it shows: empty until then."""

    def __init__(self) -> None:
        self.beside: Panel | None = None

    def state(self) -> Json:
        return self.beside.state() if self.beside else {}

    def act(self, verb: str, values: Json) -> Any:
        """As `Panel.act`."""
        if self.beside is None:
            raise ValueError("The stage is being set. Try again in a moment.")
        return self.beside.act(verb, values)


class Panel:
    """The panel of a running stack. Its own thread looks once a second; whoever asks is told what was seen last."""

    def __init__(self, stack: Stack, ledger: EmbeddedPostgres) -> None:
        self.parts = Parts(stack, ledger)
        self._observer = Observer(stack, self.parts)
        self._lights = PromiseLights()
        self._tutorial = Tutorial()
        self._load = LoadGenerator(stack)
        self._console = Console(stack.orders_dsn(LOGIN), LOGIN, DATABASE)
        self._epoch = time.time() - time.monotonic()
        self._stop = threading.Event()
        self._seen: Json = {"guide": [], "lights": []}
        self._thread = threading.Thread(target=self._keep_looking, name="stage", daemon=True)
        self._verbs: dict[str, Callable[[Json], Any]] = {
            "break": lambda values: self.parts.act(_text(values, "part"), _text(values, "how")),
            "mend": lambda _: self.parts.mend(),
            "query": lambda values: self._console.run(_text(values, "sql")),
            "crowd": lambda values: self._load.go() if values.get("go") is True else self._load.stop(),
        }

    def open(self) -> None:
        self._load.move_in()
        self._console.start()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._load.stop()
        self._thread.join()
        self._console.stop()

    def state(self) -> Json:
        return {
            **self._seen,
            "console": self._console.state(),
            "parts": [self._part(seen) for seen in self.parts.seen().values()],
            "crowd": self._load.state(),
        }

    def act(self, verb: str, values: Json) -> Any:
        """Do something.

        Raises:
            KeyError: no such verb.
            ValueError: why it cannot be done, as a sentence.
        """
        try:
            return self._verbs[verb](values)
        except EmbeddedError as wrong:
            raise ValueError(f"It does not come back: {wrong}.") from None

    def _keep_looking(self) -> None:
        while not self._stop.is_set():
            try:
                look = self._observer.look()
                self._seen = {"guide": self._tutorial.show(look), "lights": self._lights.show(look)}
            except Exception:  # of ours: the lights stand still, with the time of the last look
                log.exception("stage.cannot_see")
            self._stop.wait(LOOK_EVERY)

    def _part(self, seen: Seen) -> Json:
        return {
            "name": seen.name,
            "word": seen.word,
            "does": seen.does,
            "up": seen.up,
            "since": round(self._epoch + seen.since),
            "restarts": seen.restarts,
            "says": seen.says,
            "acts": [{"how": how, "label": label} for how, label in seen.acts],
        }


@contextmanager
def open_panel(stack: Stack, ledger: EmbeddedPostgres, panel: LatePanel) -> Iterator[Panel]:
    """The panel of a running stack, until the block ends."""
    beside = Panel(stack, ledger)
    beside.open()
    panel.beside = beside
    try:
        yield beside
    finally:
        panel.beside = None
        beside.close()


def _text(values: Json, name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing.")  # noqa: TRY004  what the page sent makes no sense; a sentence for people
    return value
