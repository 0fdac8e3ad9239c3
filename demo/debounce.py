"""Debouncing of what the lights see: what is not right at once may need a moment, and what lasts does not."""

from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Debounce:
    """The debouncing of one light. Times in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self._since: dict[str, dict[Any, float]] = {}

    def lasted(self, what: str, things: Iterable[Thing], tick: float) -> dict[Thing, float]:
        """The seconds that each of these has been so, without a break between the looks."""
        before = self._since.get(what, {})
        since = self._since[what] = {thing: before.get(thing, tick) for thing in things}
        return {thing: tick - began for thing, began in since.items()}
