"""docs/performance.md: one section for each measurement, replaced when it is measured again."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.results import HEAD, Result

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
INTRO = """\
# Performance

Measured by `make bench` on the running product: real processes, real PostgreSQL, Valkey and ledger; the playground
stands for Slack, so the way to Slack and back is not in these numbers. Nothing here is asserted by a test.
`.venv/bin/python -m tests.bench grants endings` measures some; `--runs 3` several times, and then the p50 of each run
stands beside; `--write` puts the tables here. p99 is a sample as it was seen, not interpolated.
The load is what the machine was busy with besides: where it is above the number of cores, everything is slower than on
a machine of one's own, and the smallest value says most.
"""


def write(title: str, results: Sequence[Result], how: str) -> None:
    """Put the results in place of what the page said of them before."""
    before = PAGE.read_text() if PAGE.exists() else ""
    sections = {found[1]: found[0] for found in re.finditer(r"^## (.+)\n(?:(?!^## ).*\n?)*", before, re.MULTILINE)}
    sections[title] = _section(title, results, how)
    PAGE.write_text("\n".join([INTRO, *(f"{section.strip()}\n" for section in sections.values())]))


def _section(title: str, results: Sequence[Result], how: str) -> str:
    rows = [HEAD, ["---", *["---:"] * 5, "---", "---"], *(result.row() for result in results)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"## {title}\n\n{table}\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {how}\n"
