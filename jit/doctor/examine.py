"""Looking into many things side by side, each bounded in time, none able to spoil the rest."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

from pydantic import SecretStr

from jit.doctor.line import Line, Part, mend, not_looked_at
from jit.runtime.logs import hide_secrets
from jit.runtime.settings import FILE, CannotStart, resolve_secret

AT_ONCE = 16
"""Checks under way at a time: one that hangs holds up nobody."""


class NotLookedAt(Exception):
    """What it takes to look is not here. The message says what, and where it may be."""


@dataclass(frozen=True, slots=True)
class Check:
    """One look. What it raises becomes a line ``about`` it: `NotLookedAt`, CannotStart, and any fault of its own."""

    part: Part
    about: str
    look: Callable[[], Iterable[Line]]


def needed(name: str, given: SecretStr | None, where: str) -> SecretStr:
    """A setting that only some processes have, fetched if it names a file.

    Raises:
        NotLookedAt: it is not set here.
        MissingSecret: the file it names cannot be used.
    """
    if given is None:
        raise NotLookedAt(f"{name} is not set; run it where {where}")
    plain = given.get_secret_value()
    return resolve_secret(plain) if plain.startswith(FILE) else given


def examine(checks: Sequence[Check], within: float) -> list[Line]:
    """What all checks say, in their order; ``within`` seconds, or a line says that one did not answer."""
    waiting = deque(enumerate(checks))
    said: SimpleQueue[tuple[int, list[Line]]] = SimpleQueue()

    def work() -> None:
        while waiting:
            try:
                place, check = waiting.popleft()
            except IndexError:
                return
            said.put((place, _lines(check)))

    for _ in range(min(AT_ONCE, len(checks))):
        Thread(target=work, name="doctor", daemon=True).start()
    answers = _gathered(said, len(checks), within)
    waiting.clear()
    return [
        _presentable(line)
        for place, check in enumerate(checks)
        for line in answers.get(place, [_no_answer(check, within)])
    ]


def _gathered(said: SimpleQueue[tuple[int, list[Line]]], expected: int, within: float) -> dict[int, list[Line]]:
    deadline = time.monotonic() + within
    answers: dict[int, list[Line]] = {}
    while len(answers) < expected:
        try:
            place, lines = said.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        answers[place] = lines
    return answers


def _lines(check: Check) -> list[Line]:
    lines: list[Line] = []
    try:
        lines.extend(check.look())
    except NotLookedAt as why:
        lines.append(not_looked_at(check.part, check.about, str(why)))
    except CannotStart as wrong:
        lines.append(mend(check.part, check.about, str(wrong)))
    except Exception as fault:  # noqa: BLE001  whatever it is, it is one line and the others go on
        what = f"{check.about}: looking at it failed ({type(fault).__name__})"
        remedy = "Run `jit doctor` again; if it stays so, it is a fault of jit's own to report."
        lines.append(mend(check.part, what, remedy))
    return lines


def _no_answer(check: Check, within: float) -> Line:
    return mend(
        check.part,
        f"{check.about}: no answer within {within:g} s",
        "See whether it is up, and reached from this machine.",
    )


def _presentable(line: Line) -> Line:
    """The line without secrets, and without what would move a terminal's cursor: names come from elsewhere."""
    shown = hide_secrets(None, "", {"what": line.what, "remedy": line.remedy})
    return replace(line, what=_printable(shown["what"]), remedy="\n".join(map(_printable, shown["remedy"].split("\n"))))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
