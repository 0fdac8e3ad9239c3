"""Ends carried out by threads: rights go in a lane of their target, and sessions are waited for in another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from jit.ledger import Ledger, LedgerUnavailable, TamperedEntry
from jit.ports import Clock
from jit.requests.due import Action, action_at
from jit.requests.lifecycle import Request
from workers.provision.end_facts import Begun, StillToEnd, in_any_case
from workers.provision.recorder import Recorder
from workers.provision.revoke import Revoker
from workers.provision.watchlist import Watchlist, is_due
from workers.timekeeper.backoff import KeyedBackoff
from workers.timekeeper.changed_records import look_up, tell_changed
from workers.timekeeper.lanes import THREADS, ThreadLanes

log = structlog.get_logger(__name__)

FEWEST, MOST = 10, 100
"""Ends recorded, and as far as the target can taken, together: as many as leave something for each thread of a lane."""
GIVEN_UP = "it could not be finished in time"

Done = TypeVar("Done", Begun, frozenset[str])


@dataclass(kw_only=True, eq=False, repr=False)
class EndRunner:
    """Carries out ends in lanes: rights are taken in one of each target, sessions are waited for in another.

    ``due_backoff`` is for what the ledger says is due, ``found_backoff`` for what a target is found to hold. They are
    two, so that one way ends what the other fails at.
    """

    ledger: Ledger
    recorder: Recorder
    revoker: Revoker
    watch: Watchlist
    lanes: ThreadLanes
    clock: Clock
    due_backoff: KeyedBackoff = field(default_factory=KeyedBackoff, init=False)
    found_backoff: KeyedBackoff = field(default_factory=KeyedBackoff, init=False)

    def busy(self, target: str, request_id: str) -> bool:
        return self.lanes.busy(target, request_id) or self.lanes.busy(_sessions(target), request_id)

    def end_due(self, target: str, requests: Sequence[Request]) -> None:
        """What is due by the ledger's word, some at a time."""
        size = max(FEWEST, min(MOST, -(-len(requests) // THREADS)))
        for start in range(0, len(requests), size):
            self._submit(target, requests[start : start + size], self._end_still_due)

    def end_found(self, request: Request, still: StillToEnd) -> None:
        """What its target holds after its end."""
        self._submit(request.target, [request], partial(self._end, backoff=self.found_backoff, still=still))

    def roll_back(self, request: Request) -> None:
        """A grant that was not finished in time."""
        self._submit(request.target, [request], self._roll_back)

    def end_unrecorded(self, request: Request) -> None:
        """What is due while the ledger is silent."""
        lane = unrecorded(request.target)
        if self.due_backoff.ready(request.id, self.clock.now()) and not self.lanes.busy(lane, request.id):
            self.lanes.submit(lane, [request.id], partial(self._end_unrecorded, request))

    def note(self, backoff: KeyedBackoff, request_id: str, *, gone: bool) -> None:
        """Note how a try to end this went. What is gone and recorded needs no other; all else waits ever longer."""
        if gone and not self.revoker.owes(request_id):
            backoff.forget(request_id)
        else:
            backoff.failed(request_id, self.clock.now())

    def _submit(self, target: str, requests: Sequence[Request], work: Callable[[Sequence[Request]], None]) -> None:
        free = [request for request in requests if not self.busy(target, request.id)]
        if free:
            self.lanes.submit(target, [request.id for request in free], partial(work, free))

    def _end_still_due(self, requests: Sequence[Request]) -> None:
        if still_due := [known for request in requests if (known := self._not_overtaken(request))]:
            self._end(still_due, self.due_backoff, lambda one: is_due(self.watch.as_locked(one), self.clock.now()))

    def _not_overtaken(self, request: Request) -> Request | None:
        """As it is known by now; None if somebody else ended it, or began to, while it waited for a thread.

        What is watched costs nothing to look up. One that is not any more, as a rule since it ended, is asked for.
        """
        try:
            known = self.watch.get(request.id) or look_up(self.ledger, self.recorder, request.id) or request
            return known if action_at(known, self.clock.now()) is Action.END else None
        except (LedgerUnavailable, OverflowError):
            return request

    def _end(self, requests: Sequence[Request], backoff: KeyedBackoff, still: StillToEnd = in_any_case) -> None:
        """Rights go here, so that no other's wait for somebody's session, which is waited for in a lane of its own."""
        begun = self._guarded(requests, lambda: self.revoker.begin(requests, still=still))
        if isinstance(begun, frozenset):
            self._note_all(requests, begun, backoff)
            return

        def finish() -> None:
            gone = self._guarded(requests, lambda: self.revoker.finish(begun))
            self._note_all(requests, gone, backoff)

        self.lanes.submit(_sessions(requests[0].target), [request.id for request in requests], finish)

    def _guarded(self, requests: Sequence[Request], work: Callable[[], Done]) -> Done | frozenset[str]:
        """A fault of ours in what goes with an end keeps nothing alive: then it ends as while the ledger is silent."""
        try:
            return work()
        except Exception:
            log.exception("end.failed")
            return frozenset(one.id for one in requests if self._ended_unrecorded(one))

    def _roll_back(self, requests: Sequence[Request]) -> None:
        for request in requests:
            try:
                self.note(self.due_backoff, request.id, gone=self.revoker.roll_back(request, GIVEN_UP))
            except TamperedEntry as broken:
                tell_changed(self.ledger, self.recorder, request.id, broken)
                self._end([request], self.due_backoff)

    def _end_unrecorded(self, request: Request) -> None:
        self.note(self.due_backoff, request.id, gone=self._ended_unrecorded(request))

    def _ended_unrecorded(self, request: Request) -> bool:
        return self.revoker.end_unrecorded(request, request.ends_at, request.lockdown)

    def _note_all(self, requests: Sequence[Request], gone: frozenset[str], backoff: KeyedBackoff) -> None:
        for request in requests:
            self.note(backoff, request.id, gone=request.id in gone)


def unrecorded(target: str) -> str:
    """The lane of ends while the ledger is silent."""
    return f"{target} unrecorded"


def _sessions(target: str) -> str:
    """The lane where ends wait until sessions are gone."""
    return f"{target} sessions"
