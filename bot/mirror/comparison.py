"""A message of the audit channel compared with the entries that it shows, as the record has them: by the command that
goes through the whole channel, and by the follower that looks at what changed in it.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib.metadata import version
from typing import NamedTuple

from bot.mirror.channel_changes import GONE, Announcement
from bot.mirror.checkpoints import checkpoint_in
from bot.mirror.message import as_message, carried_by, entries_at, part_of, requests_of
from bot.mirror.message_digest import message_digest, remarks_of
from bot.mirror.text import Fit, fit, shows_erased
from bot.views.audit import AGAIN, FILLED, REDRAWN, draw_lines
from bot.views.text import Json, Names
from jit.ledger import Entry, Ledger

_OURS = {AGAIN, FILLED, REDRAWN}
_SIGNED = re.compile(r"signed: #\d{1,15} · [A-Za-z0-9+/]{4}…", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,40}", re.ASCII)


class Kind(StrEnum):
    """What can be different."""

    MISSING = "missing"
    """Entries that no message shows: deleted, or never posted."""
    LATE = "late"
    """The newest entries, not shown yet though they are old enough."""
    EDITED = "edited"
    CHANGED = "changed"
    """It does not say what the ledger says."""
    NOT_REDRAWN = "not_redrawn"
    """It still shows a person who was erased."""
    DOUBLE = "double"
    """Shown twice, and the second does not say that it was sent again."""
    OUT_OF_PLACE = "out_of_place"
    FOREIGN = "foreign"
    """Another app's message that looks like one of ours."""
    NOT_COMPARED = "not_compared"
    """Another version of jit is said to have drawn it, and this one draws it otherwise."""
    MALFORMED = "malformed"
    CHECKPOINT_UNSURE = "checkpoint_unsure"
    """A checkpoint that no known key has signed."""
    CONTRADICTED = "contradicted"
    """The ledger is not the one that this shows."""


class Comparison(NamedTuple):
    """``kind`` is None where a message says what the record says of its entries, in its own words or as it was redrawn.

    ``erased``: the entries name somebody who was erased. ``redrawn``: it says that it was drawn again for that.
    ``as_sent``: it says what it was sent with, as far as it tells that itself.
    """

    kind: Kind | None
    says: str
    fit: Fit
    erased: bool
    redrawn: bool
    as_sent: bool


def compare(
    message: Json, entries: Sequence[Entry], ledger: Ledger, names: Names, accepted: frozenset[str] = frozenset()
) -> Comparison:
    """Whether the message says what the record says of the ``entries``. Raises LedgerUnavailable.

    What a version in ``accepted`` is said to have drawn is believed where it cannot be drawn again: who posts with our
    token chooses what it says.
    """
    known, payload, remarks = requests_of(ledger), carried_by(message).payload, remarks_of(message)
    by, checkpoint = payload.get("drawn_by"), checkpoint_in(payload)
    # 1. Draw the entries anew, and hold the message against that.
    how = fit(message, entries, names, known, loosely=by != version("jit"))
    erased = shows_erased(entries, known)
    # 2. Read what it tells of itself.
    as_sent = payload.get("words") == message_digest(message)
    redrawn, edited = payload.get("redrawn") is True, bool(message.get("edited"))
    elsewhere = isinstance(by, str) and by != version("jit") and as_sent
    unlike = how is Fit.NOT and not elsewhere
    ours = {*_OURS, checkpoint.remark if checkpoint else ""}.issuperset(remarks)
    # 3. The first of these that is so is what is different.
    wrong = (
        (unlike and erased and not edited, Kind.NOT_REDRAWN, "it still shows somebody who was erased from the record"),
        (edited and not redrawn, Kind.EDITED, f"it was edited by {_editor(message)}"),
        (redrawn and not erased, Kind.EDITED, "it says that a person in it was erased, and nobody was"),
        (unlike, Kind.EDITED if edited else Kind.CHANGED, "it does not say what the ledger says"),
        (how is Fit.NOT and str(by) not in accepted, Kind.NOT_COMPARED, not_compared(by)),
        (not ours, Kind.CHANGED, "there is something in it that the mirror does not write"),
    )
    kind, says = next(((kind, says) for is_so, kind, says in wrong if is_so), (None, ""))
    return Comparison(kind, says, how, erased, redrawn and REDRAWN in remarks, as_sent)


def is_redrawing(ledger: Ledger, names: Names, first: int, last: int, announced: Announcement) -> bool:
    """Whether what was announced is how these entries are drawn now, by whatever they are called at this moment: of a
    change in the channel Slack's events leave nothing but the digest of what it says. Others can write to the notes.

    Raises LedgerUnavailable.
    """
    entries, known = entries_at(ledger, first, last), requests_of(ledger)
    if not entries or announced.words == GONE or not _are_ours(announced.remarks) or not shows_erased(entries, known):
        return False
    return message_digest(as_message(draw_lines(entries, names, known, announced.remarks))) == announced.words


def not_compared(by: object) -> str:
    """In words; ``by`` is the version that a message says it was drawn by."""
    name = by if isinstance(by, str) and _VERSION.fullmatch(by) else "another version"
    return f"drawn by jit {name}, it says, and this version draws it otherwise: --accept-drawn-by, or --fill"


def _are_ours(remarks: Iterable[str]) -> bool:
    given = set(remarks)
    return REDRAWN in given and all(each in _OURS or _SIGNED.fullmatch(each) for each in given)


def _editor(message: Json) -> str:
    user = part_of(message, "edited").get("user")
    return user[:50] if isinstance(user, str) else "nobody knows whom"
