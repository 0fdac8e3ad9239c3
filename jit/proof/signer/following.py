"""The record as the signer sees it: every entry checked as it comes, the tree over them, and a second look later."""

from sqlalchemy import Engine, func, select

from jit.ledger.database import reading
from jit.ledger.schema import entries
from jit.proof.audit.kept import KeptEntry, kept_entries
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import EntryCheck, Findings, leaf_hash

PAGE = 200
"""Entries read at one go."""


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

    def _page(self, first: int, limit: int) -> list[KeptEntry]:
        with reading(self._engine) as connection:
            return kept_entries(connection, entries.c.index >= first, limit=limit)

    def _last_index(self) -> int:
        with reading(self._engine) as connection:
            return connection.scalar(select(func.max(entries.c.index))) or 0
