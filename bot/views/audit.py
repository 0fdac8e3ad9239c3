"""A message of the audit channel: lines for its entries, and quiet remarks under them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.views.line import Known, lines
from bot.views.text import Drawn, Names, context, in_blocks, moment, section
from jit.ledger import Entry

MOST_TEXT = 3500
"""Characters of what notifications and screen readers get."""
FILLED = "Shown again later by `jit audit mirror-check`, out of order."
REDRAWN = "Drawn again, as a person was erased from the record."
AGAIN = "Sent again, as Slack gave no answer the first time."


def draw_lines(entries: Sequence[Entry], names: Names, known: Known, remarks: Iterable[str] = ()) -> Drawn:
    """A line for each entry, and under them the ``remarks``, a quiet line each."""
    shown = lines(entries, names, known)
    said = [section(part) | {"expand": True} for part in in_blocks(shown)]
    return Drawn(in_short(shown), [*said, *(context(remark) for remark in remarks)])


def draw_quiet(last: int, signed_at: datetime, remark: str) -> Drawn:
    """The line that nothing is new since entry ``last``."""
    said = f"Nothing new since #{last}; signed {moment(signed_at)}"
    return Drawn(said, [section(said), context(remark)])


def draw_moved(what: str, channel: str) -> Drawn:
    """The last line of a channel: ``what`` comes to another from now on, as the rules say."""
    said = f"From here on {what} go to <#{channel}>, as the rules say now. Nothing more comes here."
    return Drawn(said, [section(said)])


def in_short(shown: Sequence[str]) -> str:
    """As many whole lines as `MOST_TEXT` holds, and how many more there are."""
    taken: list[str] = []
    for line in shown:
        if taken and sum(map(len, taken)) + len(line) > MOST_TEXT:
            return "\n".join([*taken, f"and {len(shown) - len(taken)} more"])
        taken.append(line)
    return "\n".join(taken)


def signed_remark(size: int, root: str) -> str:
    """`signed: #1042 · tqR8…`: up to which entry a checkpoint is signed, and how its root begins (base64)."""
    return f"signed: #{size} · {root[:4]}…"
