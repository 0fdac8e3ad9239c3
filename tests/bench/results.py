"""What was measured, in numbers and in words."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import psutil


@dataclass(frozen=True, slots=True)
class Aim:
    """What is aimed at, in the unit of the result; None where nothing is."""

    p50: float | None = None
    p99: float | None = None
    worst: float | None = None

    def words(self, unit: str) -> str:
        parts = (("p50", self.p50), ("p99", self.p99), ("all", self.worst))
        return ", ".join(f"{name} < {limit:g} {unit}" for name, limit in parts if limit is not None)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. ``runs`` holds the samples of each run; ``says`` what numbers do not."""

    what: str
    unit: str
    runs: tuple[tuple[float, ...], ...]
    aim: Aim = field(default_factory=Aim)
    says: str = ""

    @property
    def samples(self) -> list[float]:
        return sorted(sample for run in self.runs for sample in run)

    def verdict(self) -> str:
        """Against the aim; the spread over several runs stands behind it."""
        found = self.samples
        missed = [
            f"{name} is {value:.3g} {self.unit}"
            for name, value, limit in (
                ("p50", quantile(found, 0.5), self.aim.p50),
                ("p99", quantile(found, 0.99), self.aim.p99),
                ("the slowest", found[-1], self.aim.worst),
            )
            if limit is not None and value >= limit
        ]
        aim = self.aim.words(self.unit)
        against = "" if not aim else f"missed: {', '.join(missed)} (aim: {aim})" if missed else f"met (aim: {aim})"
        medians = [f"{quantile(sorted(run), 0.5):.3g}" for run in self.runs]
        spread = f"p50 of each run: {', '.join(medians)}" if len(medians) > 1 else ""
        return " · ".join(part for part in (against, self.says, spread) if part)

    def row(self) -> list[str]:
        found = self.samples
        numbers = (quantile(found, 0.5), quantile(found, 0.99), found[0], found[-1])
        return [self.what, str(len(found)), *(f"{number:.3g}" for number in numbers), self.unit, self.verdict()]


HEAD = ("what", "n", "p50", "p99", "min", "max", "", "in words")


def one_run(what: str, unit: str, samples: Sequence[float], *, aim: Aim | None = None, says: str = "") -> Result:
    return Result(what, unit, (tuple(samples),), aim or Aim(), says)


def joined(results: Sequence[Result]) -> list[Result]:
    """The same measured several times, as one line each."""
    lines: dict[str, Result] = {}
    for result in results:
        known = lines.get(result.what)
        runs = (*known.runs, *result.runs) if known else result.runs
        says = " / ".join(dict.fromkeys(word for word in (known.says if known else "", result.says) if word))
        lines[result.what] = Result(result.what, result.unit, runs, result.aim, says)
    return list(lines.values())


def quantile(ordered: Sequence[float], part: float) -> float:
    """The sample that ``part`` of all do not exceed, without interpolation."""
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * part * 1000) // 1000) - 1))]


def machine() -> str:
    """Where this was measured, and how busy it was with other things."""
    cores = psutil.cpu_count() or 1
    memory = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[0]
    parts = ", ".join(f"{name} {version(name)}" for name in ("rq", "SQLAlchemy", "psycopg", "slack-bolt"))
    return (
        f"{cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {parts}; load before it began {load:.1f}"
    )
