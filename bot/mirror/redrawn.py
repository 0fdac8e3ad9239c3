"""Whether a message of the audit channel was redrawn as it must be once somebody in it was erased.

What was announced is a note, and others can write to the notes. So it is held against what the ledger has.
"""

import re
from collections.abc import Iterable, Sequence

from bot.mirror.channel_changes import GONE, Announcement, is_index
from bot.mirror.follower import as_message, requests_of
from bot.mirror.message_digest import message_digest, remarks_of
from bot.mirror.text import Fit, fit, shows_erased
from bot.views.audit import AGAIN, FILLED, REDRAWN, draw_lines
from bot.views.text import Json, Names
from jit.ledger import BrokenChain, Entry, Ledger

MOST_SHOWN = 1000
"""Entries in one message; one that says that it shows more is not ours."""
_OURS = {AGAIN, FILLED, REDRAWN}
_SIGNED = re.compile(r"signed: #\d{1,15} · [A-Za-z0-9+/]{4}…", re.ASCII)


def must_be_redrawn(ledger: Ledger, first: int, last: int) -> bool:
    """Whether these entries name somebody who was erased. Raises LedgerUnavailable."""
    shown = _entries(ledger, first, last)
    return bool(shown) and shows_erased(shown, requests_of(ledger))


def is_redrawing(ledger: Ledger, names: Names, first: int, last: int, announced: Announcement) -> bool:
    """Whether what was announced is how these entries are drawn now, by whatever they are called at this moment.

    Raises LedgerUnavailable.
    """
    shown, known = _entries(ledger, first, last), requests_of(ledger)
    if not shown or announced.words == GONE or not _are_ours(announced.remarks) or not shows_erased(shown, known):
        return False
    return message_digest(as_message(draw_lines(shown, names, known, announced.remarks))) == announced.words


def is_redrawn(ledger: Ledger, names: Names, first: int, last: int, message: Json) -> bool:
    """Whether the message shows these entries rightly, after an erasure. Raises LedgerUnavailable."""
    shown, known = _entries(ledger, first, last), requests_of(ledger)
    if not shown or not _are_ours(remarks_of(message)) or not shows_erased(shown, known):
        return False
    return fit(message, shown, names, known) is not Fit.NOT


def _are_ours(remarks: Iterable[str]) -> bool:
    given = set(remarks)
    return REDRAWN in given and all(each in _OURS or _SIGNED.fullmatch(each) for each in given)


def _entries(ledger: Ledger, first: int, last: int) -> Sequence[Entry]:
    """None if they are not all there."""
    if not is_index(first) or not is_index(last) or not 0 <= last - first < MOST_SHOWN:
        return []
    try:
        found = ledger.read(after=first - 1, limit=last - first + 1)
    except BrokenChain:
        return []
    return found if [entry.index for entry in found] == list(range(first, last + 1)) else []
