"""Rows for a spreadsheet: one for each entry, which no spreadsheet takes for anything else than text."""

import csv
from pathlib import Path

from jit.ledger.entry import open_entry, seal
from jit.proof.audit.export import COLUMNS, csv_line
from jit.proof.audit.told import tell

STORED = [open_entry(body) for body in (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()]


def test_a_row_has_the_columns_that_are_documented():
    for entry in STORED:
        line = csv_line(tell(entry))
        assert b"\n" not in line
        row = dict(zip(COLUMNS, next(csv.reader([line.decode()])), strict=True))
        assert (row["index"], row["hash"], row["actor"]) == (str(entry.index), entry.hash, entry.fact.actor)


def test_no_cell_is_a_formula():
    for typed in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "\x00=1", "\u2028-1"):
        fact = STORED[1].fact.model_copy(update={"why": typed, "principal": typed, "permissions": (typed,)})
        line = csv_line(tell(seal(fact, index=1, recorded_at=fact.at, previous="0" * 64)))
        cells = next(csv.reader([line.decode()]))
        assert [cell for cell in cells if cell.lstrip()[:1] in {"=", "+", "-", "@", "\uff1d", "\t", "\r"}] == [], typed
        assert b"\n" not in line, typed


def test_a_cell_that_looks_like_a_row_is_a_cell():
    fact = STORED[1].fact.model_copy(update={"why": 'a"\n2,evil,"b'})
    cells = next(csv.reader([csv_line(tell(seal(fact, index=1, recorded_at=fact.at, previous="0" * 64))).decode()]))
    assert len(cells) == len(COLUMNS)
    assert cells[COLUMNS.index("why")] == 'a" 2,evil,"b'
