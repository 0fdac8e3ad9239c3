"""Lines of an export, in the order of the record: of many entries, made by as many processes as there are cores."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from jit.clock import SystemClock
from jit.ledger import Ledger, TamperedEntry, connect
from jit.proof.audit.export import LINES
from jit.proof.audit.helpers import MANY, can_be_opened_again, cores, in_order
from jit.proof.audit.reading import Part, read_told
from jit.runtime import logs

BLOCK = 1000
"""Entries."""


class Lines(NamedTuple):
    """``text`` of the entries up to ``upto``, a newline after each; ``broken`` is what is wrong with the others."""

    upto: int
    text: bytes
    broken: list[str]


def lines(ledger: Ledger, form: str, part: Part, *, many: int = MANY, block: int = BLOCK) -> Iterator[Lines]:
    """What `LINES` makes of the entries of a part, whose end is given, a ``block`` at a time; with help if there are
    ``many``. Raises LedgerUnavailable, CannotStart.
    """
    upto = part.upto or 0
    parts = (Part(after, min(after + block, upto)) for after in range(part.after, upto, block))
    url = ledger.engine.url
    if cores() < 2 or upto - part.after < many or not can_be_opened_again(url):
        return (_lines_of(ledger, form, each) for each in parts)
    return in_order(_lines_of_part, parts, _begin, (url.render_as_string(hide_password=False), form))


_mine: dict[str, Callable[[Part], Lines]] = {}
"""In a process that helps, what it does."""


def _begin(address: str, form: str) -> None:
    logs.set_up("WARNING")
    _mine["work"] = partial(_lines_of, Ledger(connect(address), SystemClock()), form)


def _lines_of_part(part: Part) -> Lines:
    return _mine["work"](part)


def _lines_of(ledger: Ledger, form: str, part: Part) -> Lines:
    text: list[bytes] = []
    broken: list[str] = []
    for each in read_told(ledger, part):
        if isinstance(each, TamperedEntry):
            broken.append(str(each))
        else:
            text.append(LINES[form](each) + b"\n")
    return Lines(part.upto or 0, b"".join(text), broken)
