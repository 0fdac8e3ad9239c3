"""One thing that was done in a target, as any log tells it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from jit.facts import ActivityClass

LONGEST_TEXT = 1000
"""Characters of a statement that are kept."""
LONGEST_NAME = 200
MOST_OBJECTS = 20
MORE = "…"
"""What stands for objects that are not named one by one."""
MOST_ROWS = 10**15
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing done. Nothing in it is longer than it may be, and no secret that could be known as one is in ``text``.

    Attributes:
        time: when, by the log; None where its time cannot be read.
        seq: the log's own number of it within the session; empty where it has none.
        request: of which request it is, by the log itself.
        class_: what kind of thing.
        rows: how many it touched, where the log says so.
        role: the role that the session took on, for a session that does so; empty where it went back to its own.
        hides: it turns the log off, or tries to.
        audited: pgaudit says it.
    """

    time: datetime | None
    target: str
    source: str
    principal: str
    session: str
    seq: str = ""
    request: str | None = None
    class_: ActivityClass
    text: str = ""
    objects: tuple[str, ...] = ()
    rows: int | None = None
    client: str = ""
    role: str | None = None
    hides: bool = False
    audited: bool = False

    @classmethod
    def bounded(cls, **told: object) -> Self:
        """With every text cut to what is kept of it, and rows that are a number of rows."""
        made = cls(**told)  # type: ignore[arg-type]
        rows = made.rows if made.rows is not None and 0 <= made.rows <= MOST_ROWS else None
        return replace(
            made,
            time=made.time.astimezone(UTC) if made.time else None,
            principal=clean(made.principal),
            session=clean(made.session)[:100],
            seq=clean(made.seq)[:100],
            text=clean(made.text, LONGEST_TEXT),
            objects=_some(made.objects),
            rows=rows,
            client=clean(made.client),
        )


def _some(objects: Sequence[str]) -> tuple[str, ...]:
    """As many as are kept. That there are more stands for the last: nothing that an access is for is called so."""
    kept = [clean(each) for each in objects[:MOST_OBJECTS]]
    return (*kept[:-1], MORE) if len(objects) > MOST_OBJECTS else tuple(kept)


def clean(text: str, most: int = LONGEST_NAME) -> str:
    """Without what no database takes and no terminal should; cut, with a sign of that."""
    text = _UNSEEN.sub("\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"
