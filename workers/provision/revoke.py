"""Taking access away: intent recorded, taken from the target, read back, outcome recorded.

Everything here may be done twice, by anybody, at the same time. An end is never put off because it cannot be
recorded: then the facts go to the spool.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import structlog

from jit.facts import AboutRequest, AlertName, EndCause, GrantFailed
from jit.ledger import Conflict, Ledger
from jit.ledger.privacy.people import is_closed
from jit.ports import Clock, Held, RevokeResult, Target, TargetError, TargetRefused
from jit.requests.lifecycle import LIVE, OVER, Request
from workers.provision.end_facts import Begun, EndFacts, RevokeAttempt, StillToEnd, in_any_case
from workers.provision.late_ends import LateEndAlerts
from workers.provision.recorder import Recorder
from workers.provision.unknown_grant import unknown_grant
from workers.provision.watchlist import as_written
from workers.targets.guarded import Guarded
from workers.targets.registry import TargetRegistry

log = structlog.get_logger(__name__)


class Revoker:
    """Ends access. Safe to use from many threads.

    An end has five steps. `begin` is the first two for many requests, `finish` the others; between them all that is
    due loses its rights before anybody's session is waited for.

    1. The intent is recorded. An end that somebody else began a moment ago is left to them.
    2. The target takes the rights.
    3. The target cuts sessions, and is read back.
    4. The outcome is recorded.
    5. People are told of what did not work, or came late.
    """

    def __init__(self, *, ledger: Ledger, registry: TargetRegistry, clock: Clock, recorder: Recorder) -> None:
        self._ledger = ledger
        self._registry = registry
        self._recorder = recorder
        self._facts = EndFacts(ledger=ledger, recorder=self._recorder, clock=clock)
        self._late = LateEndAlerts(ledger=ledger, recorder=self._recorder, clock=clock, by_hand=self._by_hand)
        self._unproven: set[str] = set()
        """Ids of requests whose end was begun here and not read back yet: that a target holds nothing proves none."""
        self._told: dict[str, str] = {}
        """Request id to the principal, as the target told it where the ledger's field is closed."""

    def end(
        self, requests: Sequence[Request], cause: EndCause | None = None, still: StillToEnd = in_any_case
    ) -> frozenset[str]:
        """End all of these, with few appends. Returns the ids of those proven gone.

        ``cause`` is used where the ledger holds none yet; EXPIRED if left out. ``still`` is asked of those that have
        changed meanwhile.
        """
        return self.finish(self.begin(requests, cause, still), cause)

    def begin(
        self, requests: Sequence[Request], cause: EndCause | None = None, still: StillToEnd = in_any_case
    ) -> Begun:
        """The first half of `end`: record what is about to be done, and take the rights away. Waits for no session."""
        done = {request.id for request in requests if self._was_done(request)}
        to_begin = [request for request in requests if request.id not in done]
        begun = self._facts.begin(to_begin, cause, still=still)  # 1.
        self._take_rights_of(begun.mine)  # 2.
        done |= {request.id for request in requests if request.id in begun.over and self._is_gone(request)}
        return Begun(begun.mine, frozenset(done))

    def finish(self, begun: Begun, cause: EndCause | None = None) -> frozenset[str]:
        """The second half: cut sessions and wait for them, read back, record. Returns the ids of those proven gone."""
        together = self._ended_together(begun.mine)  # 3.
        gone = self._conclude(together, cause)
        left = [request for request in begun.mine if request.id not in gone]
        return begun.over | gone | self._conclude([self._attempt(request) for request in left], cause)

    def _conclude(self, attempts: Sequence[RevokeAttempt], cause: EndCause | None) -> frozenset[str]:
        """The ids of those proven gone. What was ended together is on the record before any other is waited for."""
        proven = [attempt for attempt in attempts if attempt.taken is not None]
        self._facts.conclude(proven, cause)  # 4.
        for attempt in proven:
            self._late.over(attempt.request.id)
            log.info("revoke.done", request_id=attempt.request.id, target=attempt.request.target)
        for attempt in attempts:  # 5.
            if attempt.taken is None:
                self._late.tell(attempt.request, attempt.trouble)
        self._late.tell_ended_late([attempt.request for attempt in proven if attempt.existed])
        return frozenset(attempt.request.id for attempt in proven)

    def owes(self, request_id: str) -> bool:
        """Whether this was ended here, and the ledger has not taken it yet."""
        return self._recorder.owes(request_id)

    def _was_done(self, request: Request) -> bool:
        """Whether this was ended here and only its outcome is owed: then that is recorded, and nothing ended again."""
        if not self._recorder.owes(request.id):
            return False
        try:
            if self._registry.get(request.target).held(request.id) is not None:
                return False
        except TargetError:
            return False
        self._recorder.pay(request.id)
        return True

    def _is_gone(self, request: Request) -> bool:
        """Whether the target holds nothing, either, of what the ledger says is over. What it holds is taken away."""
        try:
            held = self._registry.get(request.target).held(request.id)
        except TargetError as trouble:
            self._late.tell(request, str(trouble))
            return False
        return held is None or self.revoke_late(request.target, held)

    def end_unrecorded(self, about: AboutRequest, due: datetime | None, lockdown: str | None = None) -> bool:
        """End this while the ledger is silent: what is done goes to the spool. True if it is proven gone.

        ``due`` is when it should have been, if that is known; ``lockdown`` the one by which it ends.
        """
        cause = EndCause.LOCKDOWN if lockdown else EndCause.EXPIRED
        try:
            target = self._registry.get(about.target)
            if target.held(about.id) is None and about.id not in self._unproven:
                return True
            self._recorder.put_intents_aside([self._facts.intent(about, cause, lockdown)])
            taken = self._revoke(about)
        except TargetError as trouble:
            log.warning("revoke.failed", request_id=about.id, target=about.target, why=type(trouble).__name__)
            self._late.tell_if_late(about, due, str(trouble))
            return False
        self._recorder.put_outcomes_aside({about.id: self._facts.outcome(about, taken, cause, lockdown)})
        log.info("revoke.done", request_id=about.id, target=about.target, spooled=True)
        return True

    def roll_back(self, request: Request, because: str) -> bool:
        """Close a grant that could not be finished: failed if nothing was given, otherwise ended.

        True if nothing of it is left. Raises LedgerUnavailable.
        """
        try:
            held = self._registry.get(request.target).held(request.id)
        except TargetError as trouble:
            log.warning("grant.unclear", request_id=request.id, target=request.target, why=type(trouble).__name__)
            self._late.tell_if_late(request, request.ends_at, str(trouble))
            return False
        if held is not None:
            return request.id in self.end([request], EndCause.RECOVERED)
        if self._recorder.owes(request.id):  # it was given, and ended here: that is still to be recorded
            return True
        return self.give_up(request, because)

    def give_up(self, request: Request, because: str) -> bool:
        """Close a grant of which the target holds nothing. False if somebody was faster. Raises LedgerUnavailable."""
        failed = GrantFailed.about(request, reason=because, **self._recorder.signed())
        in_short = because.removeprefix(f"{request.target}: ")
        says = f"This was approved and was not given: {in_short}. Nothing was given."
        try:
            self._ledger.append(
                [failed, self._recorder.alert(AlertName.GRANT_FAILED, request, says)],
                expect={request.id: request.version},
            )
        except Conflict:
            return False
        return True

    def revoke_late(self, target_name: str, held: Held, *, seen: bool = True) -> bool:
        """Take away what a target still holds although it is over, and say so. True if it is gone.

        ``seen`` says that it was found there: what has ended, and was not, is no alert while the target is silent.
        Raises LedgerUnavailable, and never where the target holds nothing: then the ledger is not asked.
        """
        request_id, request = held.request_id, None
        try:
            target = self._registry.get(target_name)
            if target.held(request_id) is None and request_id not in self._unproven:  # ended while we asked
                return True
            seen, request = True, as_written(self._ledger, request_id)
            if request is not None and request.state in LIVE and request.target == target_name:  # or have been given
                return False
            if request is not None:
                self._recorder.record([self._facts.intent(request, EndCause.LATE)])
            self._unproven.add(request_id)
            taken = target.revoke(request_id, held.principal)
            self._unproven.discard(request_id)
        except TargetError as trouble:
            request = request or as_written(self._ledger, request_id)
            if seen or request is None or request.state not in OVER or request_id in self._unproven:
                due = request.over_at if request else held.ends_at
                self._late.tell_if_late(request or unknown_grant(target_name, held), due, str(trouble))
            return False
        if taken.existed:
            self._record_late(target_name, held, request, taken)
        return True

    def _record_late(self, target_name: str, held: Held, request: Request | None, taken: RevokeResult) -> None:
        whose = "after its end" if request else "and the ledger knows of no such request"
        says = f"{held.request_id} was found in {target_name} {whose}. It was taken away."
        late = self._recorder.alert(AlertName.GRANT_LATE, request or unknown_grant(target_name, held), says)
        self._recorder.record([*(self._facts.outcome(request, taken, EndCause.LATE) if request else []), late])

    def _by_hand(self, about: AboutRequest) -> str:
        try:
            called = self._registry.get(about.target).description_of(about.id)
        except TargetError:
            return ""
        whose = f" from {about.principal}" if about.principal else ""
        return f"on {about.target}, take {called}{whose} by hand."

    def _take_rights_of(self, requests: Sequence[Request]) -> None:
        """Of all that the target can take together first."""
        taken: set[str] = set()
        for target, principals in self._by_target(requests):
            with _or_one_by_one():
                taken |= {*target.take_rights_of_many(principals)}
        for request in requests:
            if request.id not in taken:
                self._take_rights(request)

    def _ended_together(self, requests: Sequence[Request]) -> list[RevokeAttempt]:
        """What the target can prove of many at once; whatever else there is to end is not among it."""
        ended: dict[str, RevokeResult] = {}
        for target, principals in self._by_target(requests):
            try:
                with _or_one_by_one():
                    ended |= target.revoke_many(principals)
            finally:  # not before: who ends them meanwhile, the ledger being silent, would record each once more
                self._unproven |= principals.keys() - ended.keys()
        self._unproven -= ended.keys()
        return [RevokeAttempt(request, ended[request.id]) for request in requests if request.id in ended]

    def _by_target(self, requests: Sequence[Request]) -> Iterator[tuple[Guarded, dict[str, str]]]:
        """The principals, by request id, of those that the record names."""
        for name in {request.target for request in requests}:
            with suppress(TargetError):
                open_ones = [one for one in requests if one.target == name and not is_closed(one.principal)]
                yield self._registry.get(name), {one.id: one.principal for one in open_ones}

    def _attempt(self, request: Request) -> RevokeAttempt:
        try:
            return RevokeAttempt(request, self._revoke(request))
        except TargetError as trouble:
            return RevokeAttempt(request, None, str(trouble))

    def _take_rights(self, request: Request) -> None:
        """Step 2 for one request. What goes wrong is not told here: it goes wrong at step 3 again, which tells it."""
        try:
            target = self._registry.get(request.target)
            target.take_rights(request.id, self._principal(target, request))
        except TargetError:
            pass
        except Exception:  # as in `_attempt`
            log.exception("target.fault", request_id=request.id, target=request.target)

    def _revoke(self, about: AboutRequest) -> RevokeResult:
        """Take the grant from the principal that the record names; where that name is closed, or the target refuses it,
        from the one that the target names. Raises TargetError, and then the end is unproven, whatever of it is done.
        """
        target = self._registry.get(about.target)
        principal = self._principal(target, about)
        self._unproven.add(about.id)
        try:
            taken = target.revoke(about.id, principal)
        except TargetRefused:
            held = target.held(about.id)
            if held is None or held.principal == principal:
                raise
            taken = target.revoke(about.id, held.principal)
        self._unproven.discard(about.id)
        self._told.pop(about.id, None)
        return taken

    def _principal(self, target: Target, about: AboutRequest) -> str:
        """The principal that the record names; where that is closed, the one that the target names, or last named."""
        if not is_closed(about.principal):
            return about.principal
        if (held := target.held(about.id)) is not None:
            self._told[about.id] = held.principal
        return self._told.get(about.id, about.principal)


@contextmanager
def _or_one_by_one() -> Iterator[None]:
    """Whatever stands in the way of many ends together: each is carried out by itself then."""
    try:
        yield
    except TargetError as trouble:
        log.warning("ends.one_by_one", why=type(trouble).__name__)
