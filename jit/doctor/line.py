"""One line of what the doctor says."""

from dataclasses import dataclass
from enum import StrEnum

from jit.ports import Finding


class Part(StrEnum):
    """What a line is about, in the order in which people read them."""

    SLACK = "Slack"
    POLICIES = "Policies"
    ON_CALL = "On call"
    DIRECTORY = "Directory"
    LEDGER = "Ledger"
    QUEUE = "Queue"
    TARGETS = "Targets"
    PROCESSES = "Processes"
    ACCESS = "Access"
    CLOCKS = "Clocks"


class State(StrEnum):
    """The state of what was looked at, as people read it. A NOTE is fine and could be better; what was NOT_LOOKED_AT is
    neither fine nor wrong.
    """

    OK = "ok"
    NOTE = "note"
    MEND = "MEND"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True, slots=True)
class Line:
    """What was looked at, how it is, and what to do.

    ``remedy`` may have several lines: a command or SQL stands on a line of its own. ``stops_all`` marks what leaves
    nothing working until it is mended, ``is_sql`` a remedy with SQL in it.
    """

    part: Part
    state: State
    what: str
    remedy: str = ""
    stops_all: bool = False
    is_sql: bool = False

    @property
    def ok(self) -> bool | None:
        """None if it was not looked at."""
        return None if self.state is State.NOT_LOOKED_AT else self.state is not State.MEND


def fine(part: Part, what: str) -> Line:
    return Line(part, State.OK, what)


def note(part: Part, what: str, remedy: str, *, is_sql: bool = False) -> Line:
    return Line(part, State.NOTE, what, remedy, is_sql=is_sql)


def mend(part: Part, what: str, remedy: str, *, stops_all: bool = False, is_sql: bool = False) -> Line:
    return Line(part, State.MEND, what, remedy, stops_all, is_sql)


def not_looked_at(part: Part, what: str, why: str) -> Line:
    return Line(part, State.NOT_LOOKED_AT, what, why)


def of_finding(part: Part, found: Finding, about: str) -> Line:
    """What a target says of itself, under its name once. A finding that is fine and has a remedy is a note."""
    what = f"{about}: {found.what.removeprefix(f'{about}: ')}"
    if not found.ok:
        return mend(part, what, found.remedy, is_sql=found.is_sql)
    return note(part, what, found.remedy, is_sql=found.is_sql) if found.remedy else fine(part, what)
