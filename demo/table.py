"""Rows as psql prints them."""

from collections.abc import Sequence

NULL = ""


def aligned(
    columns: Sequence[str], numeric: Sequence[bool], rows: Sequence[Sequence[str | None]], more: str = ""
) -> str:
    """A table; ``numeric`` columns stand to the right. ``more`` is said where rows were left out."""
    cells = [[NULL if cell is None else cell for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(columns)]
    lines = [
        " | ".join(name.center(width) for name, width in zip(columns, widths, strict=True)),
        "+".join("-" * (width + 2) for width in widths),
        *(_row(row, widths, numeric) for row in cells),
    ]
    counted = f"({len(rows)} row{'' if len(rows) == 1 else 's'}{more})"
    return "\n".join([f" {lines[0]}".rstrip(), lines[1], *(f" {line}".rstrip() for line in lines[2:]), counted])


def _row(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = zip(row, widths, numeric, strict=True)
    return " | ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells)
