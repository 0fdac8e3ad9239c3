"""The record as the signer sees it: every entry checked as it comes, the tree over them, and a second look later."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Engine, LargeBinary, Select, cast, func, select

from jit.ledger.database import reading
from jit.ledger.entry import LONGEST
from jit.ledger.schema import entries
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import EntryCheck, Findings, leaf_hash

PAGE = 200
"""Entries read at one go. One that is longer than `LONGEST` comes cut, and nothing fits it then."""


class CannotSign(Exception):
    """The record is not what it must be to be signed; the message says why."""


class FollowedRecord:
    """Reads on from where it is, and never forgets what it read: an entry changed behind it is refused too.

    After it refused, or after another key or signer had its turn, a new one begins from the first entry.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._findings = Findings()
        self._check = EntryCheck(self._findings)
        self._patrolled = 0
        self.tree = HashTree()

    @property
    def size(self) -> int:
        return self.tree.size

    def read_on(self) -> bool:
        """The next page; whether there was anything new. Raises CannotSign, LedgerUnavailable.

        The last entry that was read is looked at again, each time: that is how a record that was set back shows.
        """
        page = self._page(max(self.size, 1), PAGE + 1)
        if self.size:
            if not page or page[0][0] != self.size:
                last = self._last_index()
                raise CannotSign(f"entry {self.size} was there and is not any more; it ends with entry {last} now")
            self._require_same(self.size, page[0][1])
            page = page[1:]
        for index, body, kept in page:
            self._check.take(index, body, kept)
            if self._findings.told:
                found = self._findings.told[0]
                raise CannotSign(f"entry {found.index}: {found.says} ({found.reason})")
            self.tree.push(leaf_hash(body))
        return bool(page)

    def patrol(self) -> None:
        """Look again at one page of what was read long ago. Raises CannotSign, LedgerUnavailable."""
        first = self._patrolled + 1
        page = self._page(first, min(PAGE, self.size - self._patrolled))
        for expected, (index, body, _) in enumerate(page, first):
            if index != expected:
                raise CannotSign(f"entry {expected} is not there any more")
            self._require_same(index, body)
        if self._patrolled + len(page) < min(self._patrolled + PAGE, self.size):
            raise CannotSign(f"entry {first + len(page)} is not there any more")
        self._patrolled = self._patrolled + len(page) if self._patrolled + len(page) < self.size else 0

    def _require_same(self, index: int, body: bytes) -> None:
        if leaf_hash(body) != self.tree.perfect(0, index - 1):
            raise CannotSign(f"entry {index} is not the one that stood there before")

    def _page(self, first: int, limit: int) -> list[tuple[int, bytes, str]]:
        kept = _KEPT[self._engine.dialect.name == "sqlite"]
        query = kept.where(entries.c.index >= first).order_by(entries.c.index).limit(limit)
        with reading(self._engine) as connection:
            return [(index, bytes(body or b""), _as_text(kept)) for index, body, kept in connection.execute(query)]

    def _last_index(self) -> int:
        with reading(self._engine) as connection:
            return connection.scalar(select(func.max(entries.c.index))) or 0


def _as_text(kept: object) -> str:
    return bytes(kept).decode(errors="replace") if isinstance(kept, bytes) else str(kept)


def _kept(hash_of: ColumnElement[Any]) -> Select[int, bytes, Any]:
    body = cast(func.substr(cast(entries.c.body, LargeBinary), 1, LONGEST + 1), LargeBinary)
    return select(cast(entries.c.index, BigInteger), body, func.substr(hash_of, 1, 65))


_KEPT = {False: _kept(entries.c.hash), True: _kept(cast(entries.c.hash, LargeBinary))}
"""By whether it is SQLite, which holds text in a column of bytes and bytes in one of text."""
