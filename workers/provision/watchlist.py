"""What is not over yet, kept in memory, so that it can be ended without the ledger, whatever its read model says."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from threading import Lock

from jit.facts import Ended, Life
from jit.ledger import Ledger, TamperedEntry
from jit.requests.lifecycle import LIVE, Request, State, action_at


class Watchlist:
    """The requests that are not over, as their facts were when `refresh` last read the ledger. Thread-safe.

    A request whose entries were changed stays as it was known before, or else as they say now: ends go on. An order
    to end it that stands among them counts, too.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[str, Request] = {}
        self._cursor: int | None = None

    def refresh(self, ledger: Ledger) -> dict[str, TamperedEntry]:
        """Take in what is new. Returns what was found changed, by request id. Raises LedgerUnavailable.

        An end closes in every state. What else does is looked at: somebody may have written it where it cannot follow.
        Each request is looked at once, however much was written about it.
        """
        broken: dict[str, TamperedEntry] = {}
        if self._cursor is None:
            cursor = ledger.last_index()
            self._look(ledger, ledger.unsettled(), broken)
            self._cursor = cursor
        cursor, changed, over = self._cursor, set[str](), set[str]()
        while news := ledger.read(cursor, skip_unreadable=True):
            over |= {entry.fact.request_id for entry in news if isinstance(entry.fact, Ended)}
            changed |= {entry.fact.request_id for entry in news if isinstance(entry.fact, Life)}
            cursor = news[-1].index
        for request_id in over:
            self._keep(request_id, None)
        self._look(ledger, changed - over, broken)
        self._cursor = cursor
        return broken

    def _look(self, ledger: Ledger, request_ids: Iterable[str], broken: dict[str, TamperedEntry]) -> None:
        for request_id in request_ids:
            try:
                self._keep(request_id, ledger.request(request_id))
            except TamperedEntry as found:
                broken[request_id] = found
                known, written = self.get(request_id), as_written(ledger, request_id)
                if known is None:
                    self._keep(request_id, written)
                elif written is not None and written.state is State.ENDING:
                    self._keep(
                        request_id,
                        replace(written, requester=known.requester, target=known.target, principal=known.principal),
                    )

    def _keep(self, request_id: str, request: Request | None) -> None:
        with self._lock:
            if request is not None and not request.state.over:
                self._open[request_id] = request
            else:
                self._open.pop(request_id, None)

    def get(self, request_id: str) -> Request | None:
        with self._lock:
            return self._open.get(request_id)

    def live_on(self, target: str) -> list[Request]:
        """Those of which this target may hold something."""
        with self._lock:
            return [one for one in self._open.values() if one.target == target and one.state in LIVE]

    def waking(self, now: datetime) -> list[str]:
        """Ids of those that want attention by ``now``."""
        with self._lock:
            return [request.id for request in self._open.values() if _wakes(request, now)]

    def due(self, now: datetime) -> list[Request]:
        """Everything that should be gone by ``now``."""
        with self._lock:
            return [request for request in self._open.values() if is_due(request, now)]


def as_written(ledger: Ledger, request_id: str) -> Request | None:
    """A request whose entries may have been changed; None also if they make no sense any more."""
    try:
        return ledger.request_as_written(request_id)
    except TamperedEntry:
        return None


def _wakes(request: Request, now: datetime) -> bool:
    """One whose moments cannot be reckoned with does, and is told of there; it does not keep the others asleep."""
    try:
        return action_at(request, now) is not None
    except OverflowError:
        return True


def is_due(request: Request, now: datetime) -> bool:
    """Whether its time is over, or it was ordered to end."""
    if request.state is State.ENDING:
        return True
    return request.state in LIVE and request.ends_at is not None and request.ends_at <= now
