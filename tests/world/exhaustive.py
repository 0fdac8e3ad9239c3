"""What `make test` leaves to `make test-full`: every case of a kind whose distinct points stand in `make test`.

`exhaustive` marks a test, or the values of a table beside the distinct ones; the run ends with what it left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

LEFT = "left_to_test_full"


def exhaustive(what: str) -> pytest.MarkDecorator:
    """A test, a file or a parameter that belongs to `make test-full`. ``what`` it goes through stands in the last lines
    of `make test`: "kills at every step of the spool", for example.
    """
    return pytest.mark.exhaustive(what)


def distinct(values: Iterable[Any], keep: Callable[[Any], bool] | Sequence[Any], what: str) -> list[Any]:
    """The values for `pytest.mark.parametrize`, those that are not to ``keep`` in `make test` marked `exhaustive`."""
    kept = keep if callable(keep) else lambda value: value in keep
    return [value if kept(value) else pytest.param(value, marks=exhaustive(what)) for value in values]


class LeftToTestFull:
    """Counts what a run deselected, over all its processes, and says so at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._left: Counter[str] = Counter()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            if mark := item.get_closest_marker("exhaustive"):
                self._left[f"{mark.args[0]} ({item.path.relative_to(self._config.rootpath).as_posix()})"] += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Every process of a run collects the same."""
        self._left = Counter(getattr(node, "workeroutput", {}).get(LEFT, {})) or self._left

    def pytest_sessionfinish(self) -> None:
        if (told := getattr(self._config, "workeroutput", None)) is not None:
            told[LEFT] = dict(self._left)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._left:
            terminalreporter.section(f"left to make test-full: {self._left.total()} cases")
            for what, cases in sorted(self._left.items()):
                terminalreporter.line(f"{cases:5} {what}")
