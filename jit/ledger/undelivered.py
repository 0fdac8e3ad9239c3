"""What a follower could not show, as it was refused and will be again until somebody changes something.

It stands among the follower's notes for as long as that is so, for whoever tells of it.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select

from jit.ledger.database import reading
from jit.ledger.schema import notes

REFUSED = "refused:"


class Undelivered(NamedTuple):
    """``what`` was not taken at ``place``, by the other side's word for why. ``key`` names it among a follower's."""

    follower: str
    key: str
    what: str
    place: str
    because: str
    since: datetime

    def as_note(self) -> str:
        return json.dumps([self.what, self.place, self.because, self.since.isoformat()])


def read_undelivered(follower: str, key: str, note: str) -> Undelivered | None:
    """From what `Undelivered.as_note` wrote under ``key``; None if that is no such note."""
    try:
        what, place, because, since = map(str, json.loads(note))
        return Undelivered(follower, key, what, place, because, datetime.fromisoformat(since))
    except (ValueError, TypeError):
        return None


def undelivered(engine: Engine) -> Iterator[Undelivered]:
    """Of all followers. Raises LedgerUnavailable."""
    query = select(notes).where(notes.c.key.startswith(REFUSED, autoescape=True)).order_by(notes.c.follower)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    for row in rows:
        if refusal := read_undelivered(row.follower, row.key.removeprefix(REFUSED), row.value):
            yield refusal
