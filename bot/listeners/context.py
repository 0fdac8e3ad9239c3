"""What every listener works with, and how a listener hands on what takes longer than it may."""

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from slack_sdk import WebClient

from bot import answers
from bot.directory import SlackDirectory
from bot.listeners.caller import Caller, Place
from bot.listeners.responder import Responder
from bot.pool import InTurn, Pool, Slots
from bot.views.text import Drawn
from bot.visibility import Visibility
from jit.facts import RefusalReason
from jit.ledger import LedgerUnavailable, SpoolFailed
from jit.policy import Access, PolicyError, StaleGroups
from jit.requests.intake import ALSO
from jit.requests.lifecycle import Request
from jit.requests.refusal import Refusal
from jit.requests.shares import Share
from jit.use_cases.core import Core
from jit.use_cases.refuse import refuse

log = structlog.get_logger(__name__)

Answer = str | Drawn | None
"""What the person is told; None where a form speaks for itself."""
_OPENED_AT_ONCE = 3
"""Of Bolt's threads, which acknowledge what everybody does: as many open forms for one person at a time."""
FORMS_AT_MOST, FORMS_WITHIN = 30, timedelta(minutes=1)
"""Forms of one person that are opened or redrawn: Slack lets an app open about a hundred a minute, for all together."""
_PASSING = frozenset(
    {
        RefusalReason.NO_OPEN_INCIDENT,
        RefusalReason.STALE_GROUPS,
        RefusalReason.POLICY_BROKEN,
        RefusalReason.CANNOT_LOOK_UP,
    }
)
"""Refusals after which the same may be asked again, in a while or with another incident."""
_NO_RECORD = {
    "end": answers.NO_RECORD_TO_END,
    "revoke": answers.NO_RECORD_TO_END,
    "lockdown": answers.NO_RECORD_TO_LOCK,
}
"""What is said while the record is silent, by what was tried."""
_RECORDING_BUSY = 4
"""Refusals for want of room that are recorded at the same time; more are only logged."""


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """What a listener reaches everything by. ``opener`` opens and redraws forms: it gives up soon, as Slack takes a
    trigger for 3 seconds.
    """

    core: Core
    directory: SlackDirectory
    opener: WebClient
    responder: Responder
    pool: Pool
    _forms: Share = field(init=False)
    _telling: InTurn = field(default_factory=InTurn)
    _opening: Slots = field(default_factory=lambda: Slots(_OPENED_AT_ONCE))
    _room_to_record: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_RECORDING_BUSY)
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_forms", Share(FORMS_AT_MOST, FORMS_WITHIN, self.core.clock.ticks))

    @property
    def visibility(self) -> Visibility:
        return Visibility(self.core.ledger, self.core.policies, self.directory, self.core.clock)

    def run(self, caller: Caller, attempted: str, work: Callable[[], Answer], request_id: str | None = None) -> None:
        """Do ``work`` on the pool and tell the caller what came of it; when the pool is full, tell them that."""
        if not self.try_run(caller, lambda: caller.place, work, attempted):
            self.refuse_busy(caller, attempted, request_id)

    def refuse_busy(self, caller: Caller, attempted: str, request_id: str | None = None) -> None:
        """Tell somebody that there is no room."""
        self._telling.run(caller.by.id, lambda: self.responder.respond(caller.place, answers.BUSY))
        self.record_busy(caller, attempted, request_id)

    def open_here(self, caller: Caller, attempted: str, opening: Callable[[], None]) -> None:
        """Open a form in the listener's own thread: its trigger would run out while it waits for the pool."""
        if not self.may_show_form(caller) or not self._opening.take(caller.by.id):
            self.refuse_busy(caller, attempted)
            return
        try:
            opening()
        finally:
            self._opening.give_back(caller.by.id)

    def may_show_form(self, caller: Caller) -> bool:
        """Whether this person has some left of their share in forms. Counts it."""
        return self._forms.take(caller.by.id)

    def try_run(
        self,
        caller: Caller,
        where: Callable[[], Place],
        work: Callable[[], Answer],
        attempted: str = "",
        *,
        again: str = "",
    ) -> bool:
        """Run ``work`` on the pool and answer ``where``. False, and nobody is told, when there is no room. ``again``
        gives back what was typed, where it can be tried again.
        """

        def work_and_tell() -> None:
            answer = outcome(lambda: self._own_request_explained(work), attempted, again)
            if answer is not None:
                self.responder.respond(where(), answer)

        return self.pool.submit(work_and_tell, caller.by.id)

    def of_each(
        self, attempted: str, works: Mapping[str, Callable[[], Answer]], for_others: Sequence[str] = ()
    ) -> Answer:
        """What came of each of ``works``, by request: one that fails keeps none of the others from being done. With
        those ``for_others`` nothing was tried.
        """
        if len(works) == 1 and not for_others:
            return next(iter(works.values()))()
        said = {
            request_id: str(outcome(partial(self._own_request_explained, work), attempted))
            for request_id, work in works.items()
        }
        return answers.of_each(said | dict.fromkeys(for_others, answers.FOR_OTHERS))

    def record_busy(self, caller: Caller, attempted: str, request_id: str | None = None) -> None:
        """Record that somebody was turned away for want of room, unless that has no room either."""
        busy = partial(refuse, self.core, by=caller.by, attempted=attempted, reason=RefusalReason.BUSY)
        self._record_here(attempted, partial(busy, request_id=request_id))

    def record_refusal(
        self,
        caller: Caller,
        attempted: str,
        reason: RefusalReason,
        access: Access | None,
        request_id: str | None = None,
    ) -> None:
        """Record what the person has been told already: on the pool, or here where it is full."""
        refused = partial(refuse, self.core, by=caller.by, attempted=attempted, reason=reason, access=access)
        about = partial(refused, request_id=request_id)
        if not self.pool.submit(lambda: _recorded(attempted, about), caller.by.id):
            self._record_here(attempted, about)

    def _record_here(self, attempted: str, refused: Callable[[], None]) -> None:
        if not self._room_to_record.acquire(blocking=False):
            log.warning("refusal.not_recorded", attempted=attempted)
            return
        try:
            _recorded(attempted, refused)
        finally:
            self._room_to_record.release()

    def _own_request_explained(self, work: Callable[[], Answer]) -> Answer:
        """The answer of ``work``; of a refused press on one's own request, who can decide and how many they are."""
        try:
            return work()
        except Refusal as refusal:
            request = refusal.request
            if refusal.reason is not RefusalReason.OWN_REQUEST or request is None:
                raise
            if refusal.attempted == "deny":
                return answers.deny_own(request)
        return answers.own_request(request, self._others(request), self.directory.name)

    def _others(self, request: Request) -> int | None:
        who = [each for need in request.needs for each in need.who]
        try:
            policy = self.core.policies.current()
            return len(policy.members(who, self.directory.groups(), self.core.clock.now()) - {request.requester})
        except (PolicyError, StaleGroups):
            return None


def _recorded(attempted: str, refused: Callable[[], None]) -> None:
    try:
        refused()
    except Refusal:
        pass
    except LedgerUnavailable:
        log.warning("refusal.not_recorded", attempted=attempted)


def outcome(work: Callable[[], Answer], attempted: str = "", again: str = "") -> Answer:
    """What came of it, for the person: an answer, what was in the way, or an error id that is in the log. ``again`` is
    said where it is worth another try.
    """
    try:
        return work()
    except Refusal as refusal:
        said = answers.refused(refusal)
        several = refusal.of or ALSO in refusal.problems  # the others may be asked for without the one in the way
        return f"{said} {again}".strip() if refusal.reason in _PASSING or several else said
    except (LedgerUnavailable, SpoolFailed) as away:
        log.warning("record.unavailable", because=str(away))
        said = _NO_RECORD.get(attempted, answers.NO_RECORD)
        return f"{said} {again}".strip()
    except Exception as fault:  # noqa: BLE001  every press is answered, whatever happens
        return f"{answers.fault(logged(fault))} {again}".strip()


def logged(fault: Exception) -> str:
    """Log a fault under a new id, and return that. What it says is left out: it may repeat what was typed."""
    error_id = answers.new_error_id()
    frames = traceback.extract_tb(fault.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    log.error("fault.unexpected", error_id=error_id, fault=type(fault).__name__, where=where)
    return error_id
