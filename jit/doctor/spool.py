"""The data folder of this host, and what waits there until the ledger takes it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from jit.doctor.examine import NotLookedAt
from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger.spool import FILE, PUT_ASIDE, lines_in


def look_at_spool(data: Path, spool: Path) -> Iterator[Line]:
    """Raises NotLookedAt."""
    if not data.is_dir():
        raise NotLookedAt(
            f"there is no folder {data} here; run it where the workers run, or with JIT_DATA as they have it"
        )
    wrong = [line for folder in (data, spool) if folder.is_dir() for line in _unfit(folder)]
    yield from wrong or [fine(Part.LEDGER, f"facts can wait in {spool} while it is away")]
    yield from _backlog(spool)


def _unfit(folder: Path) -> Iterator[Line]:
    name = quote(str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        yield mend(
            Part.LEDGER,
            f"{folder} cannot be written: what ends while the ledger is away would not be recorded",
            f"Make it the folder of the user that the processes run as, or name another in JIT_DATA:\nls -ld {name}",
        )
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield mend(
            Part.LEDGER,
            f"{folder} can be written by others than its owner, who could put facts into the spool",
            f"chmod go-w {name}",
        )


def _backlog(spool: Path) -> Iterator[Line]:
    waiting = lines_in(spool / FILE)
    if waiting:
        yield note(
            Part.LEDGER,
            f"{waiting} facts wait in {spool / FILE}",
            "A timekeeper on this host takes them in once the ledger answers: is one running? Keep the file.",
        )
    refused = lines_in(spool / PUT_ASIDE)
    if refused:
        yield note(
            Part.LEDGER,
            f"{refused} lines of the spool were refused, and lie in {spool / PUT_ASIDE}",
            "They had no business there: look who could write to that folder, then move the file away.",
        )
