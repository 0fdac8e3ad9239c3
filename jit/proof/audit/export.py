"""Entries for other systems: their exact bytes, OCSF events, or rows of a table; into a pipe or a file that grows."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jit.facts import said_fields
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.entry import LONGEST, hash_of
from jit.proof.audit.growing import GrowingFile
from jit.proof.audit.kept import KeptEntry
from jit.proof.audit.ocsf import event_line
from jit.proof.audit.reading import ALL, Part, kept_at, read_kept
from jit.proof.audit.table import as_json
from jit.proof.audit.told import ToldEntry
from jit.runtime.settings import CannotStart

Note = Callable[[str], None]
"""Takes what is wrong with an entry."""
LineOf = Callable[[ToldEntry], bytes]

COLUMNS = (
    "index",
    "recorded_at",
    "hash",
    "id",
    "at",
    "kind",
    "actor",
    "source",
    "spooled",
    "request_id",
    "requester",
    "approver",
    "access",
    "target",
    "permissions",
    "principal",
    "incident",
    "why",
    "detail",
    "ends_at",
    "policy_version",
)
"""Of the table. `detail` is what each kind adds in words; several values stand in one cell with `; ` between."""
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True, slots=True)
class Growing:
    """How a file of one format begins and goes on. ``place`` reads the index and hash of its last line back, and raises
    ValueError, KeyError, TypeError or IndexError for a line that is none.
    """

    begins: bytes
    header: bytes | None
    place: Callable[[bytes], tuple[int, str]]


def ocsf_line(entry: ToldEntry) -> bytes:
    return event_line(entry).encode()


def csv_line(entry: ToldEntry) -> bytes:
    """Of one line, whatever was typed, and without formulas."""
    told = entry.told
    details = (told[name] for name in said_fields(entry.model) if name not in COLUMNS)
    values = told | {
        "index": entry.index,
        "recorded_at": entry.recorded_at.isoformat(),
        "hash": entry.hash,
        "approver": told.get("approver") or [each["approver"] for each in told.get("counted", ())],
        "detail": [part for value in details for part in _several(value)],
    }
    return _row([_cell(values.get(name)) for name in COLUMNS])


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool | int):
        return "" if value is None else str(value).lower()
    text = "; ".join(value) if isinstance(value, list | tuple) else str(value)
    text = "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in text).strip()
    return f"'{text}" if text[:1] in _FORMULA else text


def _row(cells: list[str] | tuple[str, ...]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    return written.getvalue().encode()


def _event_place(line: bytes) -> tuple[int, str]:
    event = json.loads(line)
    return int(event["metadata"]["sequence"]), str(event["unmapped"]["hash"])


def _row_place(line: bytes) -> tuple[int, str]:
    cells = next(csv.reader([line.decode()]))
    return int(cells[0]), cells[COLUMNS.index("hash")]


def _body_place(line: bytes) -> tuple[int, str]:
    return int(line[len(b'{"index": ') : line.index(b",")]), hash_of(line)


LINES: dict[str, LineOf] = {"jsonl": as_json, "ocsf": ocsf_line, "csv": csv_line}
"""Of entries as they read now."""
FILES = {
    "ocsf": Growing(b'{"activity_id": ', None, _event_place),
    "csv": Growing(_row(COLUMNS) + b"\n", _row(COLUMNS), _row_place),
}
BODIES = Growing(b'{"index": 1, ', None, _body_place)
"""Of entries as they are kept."""


def bodies(ledger: Ledger, note: Note, part: Part = ALL) -> Iterator[KeptEntry]:
    """The exact bytes of each entry, changed ones as they are now, and a ``note`` of everything that is broken. What
    would be more than a line is left out.

    Raises LedgerUnavailable.
    """
    for kept in read_kept(ledger, part):
        if isinstance(kept, TamperedEntry):
            note(str(kept))
            continue
        index, body, kept_under = kept
        if len(body) > LONGEST or b"\n" in body:
            note(f"entry {index}: it is no entry, and is left out")
            continue
        if hash_of(body) != kept_under:
            note(f"entry {index}: its bytes do not have the hash they are kept under")
        yield kept


def goes_on_after(ledger: Ledger, file: GrowingFile, growing: Growing) -> int:
    """The index of the last entry in the file; 0 if it holds none.

    Raises:
        CannotStart: it holds entries of another record, or of one that was changed since.
        LedgerUnavailable
    """
    if file.last is None or file.last == growing.header:
        return 0
    try:
        index, hash_there = growing.place(file.last)
        kept = kept_at(ledger, index) if 0 < index < 1 << 62 else None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, csv.Error):
        raise CannotStart(f"The last line of {file.path} is no entry. Move the file away, and export anew.") from None
    if kept is None or hash_of(kept[1]) != hash_there:
        raise CannotStart(
            f"{file.path} ends with an entry {index} that this ledger does not have. Either it is a copy of another "
            "ledger, or this one was changed after it was copied. Keep the copy, look at both with `jit audit verify`, "
            "and export to another place."
        )
    return index
