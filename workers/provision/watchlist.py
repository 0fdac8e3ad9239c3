"""What is not over yet, kept in memory, so that it can be ended without the ledger, whatever its read model says."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from heapq import heappop, heappush
from threading import Lock

from jit.facts import Ended, Life
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.database import reading
from jit.ledger.load import lives
from jit.requests.due import action_at, next_action
from jit.requests.lifecycle import LIVE, OPEN, Request, State
from jit.requests.lockdown import Lockdown, over

AT_A_TIME, FROM_BEFORE = 500, 50
"""Requests that one question to the ledger reads; and of those that were open before, that one `Watchlist.refresh`
takes in: what falls due meanwhile waits for no more than these.
"""


class Watchlist:
    """The requests that are not over, as their facts were when `refresh` last read the ledger. Thread-safe.

    A request whose entries were changed stays as it was known before, or else as they say now: ends go on. An order
    to end it that stands among them counts, too.

    What wants attention is found without looking at all the others: ``_coming`` is a heap of first moments, and whose
    moment has come stays among ``_come`` until it is over, so that a clock that is set back loses nothing.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[str, Request] = {}
        self._live: defaultdict[str, set[str]] = defaultdict(set)
        self._coming: list[tuple[datetime, str]] = []
        self._come: set[str] = set()
        self._cursor: int | None = None
        self._unread: list[str] = []
        self._lockdowns: tuple[Lockdown, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that was open before the first `refresh` has been taken in."""
        return self._cursor is not None and not self._unread

    def lock(self, lockdowns: tuple[Lockdown, ...]) -> None:
        """From here on these are in force: what they cover is due at once, and ends by them."""
        with self._lock:
            if lockdowns == self._lockdowns:
                return
            self._lockdowns = lockdowns
            for request in [*self._open.values()]:
                self._put(request.id, request)

    def locked_on(self, target: str) -> str | None:
        """The lockdown by which whatever this target holds ends, known or not."""
        found = (each for each in self._lockdowns if each.scope == "everything" or each.target == target)
        return next((each.id for each in found), None)

    def as_locked(self, request: Request) -> Request:
        """With the lockdown by which it ends, if any in force covers it and nothing else ends it already."""
        if request.state not in OPEN:
            return request
        lockdown = over(request, self._lockdowns)
        return replace(request, lockdown=lockdown.id if lockdown else None)

    def refresh(
        self, ledger: Ledger, answered: Callable[[], None] = lambda: None, *, from_before: bool = True
    ) -> dict[str, TamperedEntry]:
        """Take in what is new, and some of what was open before, if there is time for that now. Returns what was found
        changed, by request id. Calls ``answered`` whenever the ledger did. Raises LedgerUnavailable.

        An end closes in every state. What else does is looked at: somebody may have written it where it cannot follow.
        Each request is looked at once, however much was written about it.
        """
        broken: dict[str, TamperedEntry] = {}
        if self._cursor is None:
            cursor = ledger.last_index()
            answered()
            self._unread = ledger.unsettled()
            answered()
            self._cursor = cursor
        cursor, changed, over = self._cursor, set[str](), set[str]()
        while news := ledger.read(cursor, skip_unreadable=True):
            answered()
            over |= {entry.fact.request_id for entry in news if isinstance(entry.fact, Ended)}
            changed |= {entry.fact.request_id for entry in news if isinstance(entry.fact, Life)}
            cursor = news[-1].index
        for request_id in over:
            self._keep(request_id, None)
        self._look(ledger, changed - over, broken, answered)
        self._cursor = cursor
        some = self._unread[-FROM_BEFORE:] if from_before else []
        self._look(ledger, some, broken, answered)
        del self._unread[len(self._unread) - len(some) :]
        return broken

    def _look(
        self,
        ledger: Ledger,
        request_ids: Iterable[str],
        broken: dict[str, TamperedEntry],
        answered: Callable[[], None],
    ) -> None:
        all_of_them = [*request_ids]
        for start in range(0, len(all_of_them), AT_A_TIME):
            some = all_of_them[start : start + AT_A_TIME]
            try:
                found = read_requests(ledger, some)
            except TamperedEntry:
                self._look_at_each(ledger, some, broken)
                continue
            answered()
            for request_id, request in found.items():
                self._keep(request_id, request)

    def _look_at_each(self, ledger: Ledger, request_ids: Iterable[str], broken: dict[str, TamperedEntry]) -> None:
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
            self._put(request_id, request)

    def _put(self, request_id: str, request: Request | None) -> None:
        if (before := self._open.pop(request_id, None)) is not None:
            self._live[before.target].discard(request_id)
        self._come.discard(request_id)
        if request is None or request.state.over:
            return
        request = self.as_locked(request)
        self._open[request_id] = request
        if request.state in LIVE:
            self._live[request.target].add(request_id)
        heappush(self._coming, (_first_moment(request), request_id))

    def get(self, request_id: str) -> Request | None:
        with self._lock:
            return self._open.get(request_id)

    def any_live_on(self, target: str) -> bool:
        """Whether this target may hold something of any."""
        with self._lock:
            return bool(self._live.get(target))

    def live_on(self, target: str) -> list[Request]:
        """Those of which this target may hold something."""
        with self._lock:
            return [self._open[request_id] for request_id in self._live.get(target, ())]

    def waking(self, now: datetime) -> list[str]:
        """Ids of those that want attention by ``now``."""
        with self._lock:
            return [request.id for request in self._whose_moment_came(now) if _wakes(request, now)]

    def due(self, now: datetime) -> list[Request]:
        """Everything that should be gone by ``now``."""
        with self._lock:
            return [request for request in self._whose_moment_came(now) if is_due(request, now)]

    def next_moment(self) -> datetime | None:
        """When the next of those wants attention that do not want it yet."""
        with self._lock:
            return self._coming[0][0] if self._coming else None

    def _whose_moment_came(self, now: datetime) -> list[Request]:
        """Of one that changed, older moments may be left: they come to nothing."""
        while self._coming and self._coming[0][0] <= now:
            _, request_id = heappop(self._coming)
            if request_id in self._open:
                self._come.add(request_id)
        return [self._open[request_id] for request_id in sorted(self._come)]


def read_requests(
    ledger: Ledger, request_ids: Collection[str], *, allow_tampered: bool = False
) -> Mapping[str, Request | None]:
    """As `Ledger.request`, and `Ledger.request_as_written` with ``allow_tampered``, by one question for all. Raises
    LedgerUnavailable, and TamperedEntry where any was changed.
    """
    with reading(ledger.engine) as connection:
        found = lives(connection, ledger.ring, request_ids, allow_tampered=request_ids if allow_tampered else ())
        return {request_id: request for request_id, (_, request) in found.items()}


def as_written(ledger: Ledger, request_id: str) -> Request | None:
    """A request whose entries may have been changed; None also if they make no sense any more."""
    try:
        return ledger.request_as_written(request_id)
    except TamperedEntry:
        return None


def _first_moment(request: Request) -> datetime:
    """Before which neither `_wakes` nor `is_due` is so; long ago where that cannot be reckoned with."""
    try:
        coming = next_action(request)
    except OverflowError:
        coming = None
    moments = [moment for moment in (coming[0] if coming else _LONG_AGO, request.ends_at) if moment is not None]
    return min(moments)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _wakes(request: Request, now: datetime) -> bool:
    """One whose moments cannot be reckoned with does, and is told of there; it does not keep the others asleep."""
    try:
        return action_at(request, now) is not None
    except OverflowError:
        return True


def is_due(request: Request, now: datetime) -> bool:
    """Whether its time is over, or it was ordered to end, or a lockdown stops it."""
    if request.state is State.ENDING:
        return True
    if request.lockdown and request.state in LIVE:
        return True
    return request.state in LIVE and request.ends_at is not None and request.ends_at <= now
