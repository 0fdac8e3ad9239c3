"""What stands beside the chat: shown and acted on by the page, provided by whoever serves the playground."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool

from playground.people import Json

_ASK_EVERY = 0.25  # seconds
_log = logging.getLogger(__name__)


class Beside(Protocol):
    def state(self) -> Json:
        """What is to be seen now, as JSON. Called from a worker thread, about four times a second."""

    def act(self, verb: str, values: Json) -> Any:
        """Do something.

        Raises:
            KeyError: no such verb.
            ValueError: why it cannot be done, as a sentence for people.
        """


class Watched:
    """Looks at a `Beside` for as long as any page is open; ``changed`` is called when it looks different."""

    def __init__(self, beside: Beside, changed: Callable[[], None]) -> None:
        self.state: Json | None = None
        self._beside = beside
        self._changed = changed
        self._pages = 0
        self._looking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def page_open(self) -> Iterator[None]:
        """While a page is open. For the server's loop only."""
        self._pages += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            try:
                state = await run_in_threadpool(self._beside.state)
            except Exception:  # noqa: BLE001  whatever it was, the page goes on with what it saw last
                _log.exception("what stands beside the chat could not be seen")
            else:
                if state != self.state:
                    self.state = state
                    self._changed()
            await asyncio.sleep(_ASK_EVERY)
