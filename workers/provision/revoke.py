"""Taking access away: intent recorded, taken from the target, read back, outcome recorded.

Everything here may be done twice, by anybody, at the same time. An end is never put off because it cannot be
recorded: then the facts go to the spool.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from jit.facts import (
    AboutRequest,
    AlertName,
    EndCause,
    Ended,
    Fact,
    GrantFailed,
    RevokeIntent,
    Source,
)
from jit.ledger import Conflict, Ledger, LedgerUnavailable, Spool
from jit.ledger.privacy.people import is_closed
from jit.ports import Clock, Held, RevokeResult, Target, TargetError, TargetRefused
from jit.requests.lifecycle import LIVE, OVER, Request, State, begun_until, follow
from workers.provision.late_ends import Trouble
from workers.provision.recorder import Scribe
from workers.provision.unknown_grant import stray
from workers.provision.watchlist import as_written
from workers.targets.registry import Fleet

log = structlog.get_logger(__name__)

TRIES = 5
"""How often a fact is put behind what somebody else recorded meanwhile."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to end ``request``: what was taken, or what stood in the way."""

    request: Request
    taken: RevokeResult | None
    trouble: str = ""


class AnotherIsAtIt(Exception):
    """Somebody else began this end a moment ago: two at a time would only record it twice."""


class Begun(NamedTuple):
    """The ends that are this caller's to carry out, and the ids of those that are over already."""

    mine: list[Request]
    over: frozenset[str] = frozenset()


class Revoker:
    """Ends access. Safe to use from many threads."""

    def __init__(self, *, ledger: Ledger, fleet: Fleet, clock: Clock, spool: Spool, actor: str, source: Source) -> None:
        self._ledger = ledger
        self._fleet = fleet
        self._clock = clock
        self._scribe = Scribe(ledger=ledger, spool=spool, clock=clock, actor=actor, source=source)
        self._unproven: set[str] = set()
        """Ends that were tried here and did not come to their read-back, of which a target may hold nothing more."""
        self._told: dict[str, str] = {}
        """Whose these are, as the target said of what is being ended and whose principal cannot be read here."""
        self._trouble = Trouble(scribe=self._scribe, clock=clock, by_hand=self._by_hand)

    def end(self, requests: Sequence[Request], cause: EndCause | None = None) -> frozenset[str]:
        """End all of these, with few words to the ledger. Returns the ids of those proven gone.

        ``cause`` is used where the ledger holds none yet; EXPIRED if left out.
        """
        return self.finish(self.begin(requests, cause), cause)

    def begin(self, requests: Sequence[Request], cause: EndCause | None = None) -> Begun:
        """The first half of `end`: record what is about to be done, and take the rights away. Waits for no session."""
        done = {request.id for request in requests if self._was_done(request)}
        begun = self._begin([request for request in requests if request.id not in done], cause)
        for request in begun.mine:
            self._take_rights(request)
        done |= {request.id for request in requests if request.id in begun.over and self._is_gone(request)}
        return Begun(begun.mine, frozenset(done))

    def finish(self, begun: Begun, cause: EndCause | None = None) -> frozenset[str]:
        """The second half: cut sessions and wait for them, read back, record. Returns the ids of those proven gone."""
        attempts = [self._take(request) for request in begun.mine]
        self._conclude([attempt for attempt in attempts if attempt.taken is not None], cause)
        for attempt in attempts:
            if attempt.taken is None:
                self._trouble.tell(attempt.request, attempt.trouble)
            elif attempt.taken.existed:
                self._trouble.tell_ended_late(attempt.request)
        return begun.over | {attempt.request.id for attempt in attempts if attempt.taken}

    def owes(self, request_id: str) -> bool:
        """Whether this was ended here, and the ledger has not taken it yet."""
        return self._scribe.owes(request_id)

    def _was_done(self, request: Request) -> bool:
        """Whether nothing is missing but its record: that is tried again, and not the end."""
        if not self._scribe.owes(request.id):
            return False
        try:
            if self._fleet.get(request.target).held(request.id) is not None:
                return False
        except TargetError:
            return False
        self._scribe.pay(request.id)
        return True

    def _is_gone(self, request: Request) -> bool:
        """What the ledger says is over: by the target, too."""
        try:
            held = self._fleet.get(request.target).held(request.id)
        except TargetError as trouble:
            self._trouble.tell(request, str(trouble))
            return False
        return held is None or self.take_late(request.target, held)

    def end_unrecorded(self, about: AboutRequest, due: datetime | None) -> bool:
        """End this while the ledger is silent: what is done goes to the spool. True if it is proven gone.

        ``due`` is when it should have been, if that is known.
        """
        try:
            target = self._fleet.get(about.target)
            if target.held(about.id) is None and about.id not in self._unproven:
                return True
            self._scribe.put_intent_aside(RevokeIntent.about(about, cause=EndCause.EXPIRED, **self._scribe.signed()))
            taken = self._revoke(about)
        except TargetError as trouble:
            log.warning("revoke.failed", request_id=about.id, target=about.target, why=type(trouble).__name__)
            self._trouble.tell_if_late(about, due, str(trouble))
            return False
        self._scribe.put_outcome_aside(about.id, self._outcome(about, taken, EndCause.EXPIRED))
        log.info("revoke.done", request_id=about.id, target=about.target, spooled=True)
        return True

    def take_back(self, request: Request, because: str) -> bool:
        """Close a grant that could not be finished: failed if nothing was given, otherwise ended.

        True if nothing of it is left. Raises LedgerUnavailable.
        """
        try:
            held = self._fleet.get(request.target).held(request.id)
        except TargetError as trouble:
            log.warning("grant.unclear", request_id=request.id, target=request.target, why=type(trouble).__name__)
            self._trouble.tell_if_late(request, request.ends_at, str(trouble))
            return False
        if held is not None:
            return request.id in self.end([request], EndCause.RECOVERED)
        if self._scribe.owes(request.id):  # it was given, and ended here: that is still to be recorded
            return True
        return self.give_up(request, because)

    def give_up(self, request: Request, because: str) -> bool:
        """Close a grant of which the target holds nothing. False if somebody was faster. Raises LedgerUnavailable."""
        failed = GrantFailed.about(request, reason=because, **self._scribe.signed())
        in_short = because.removeprefix(f"{request.target}: ")
        says = f"This was approved and was not given: {in_short}. Nothing was given."
        try:
            self._ledger.append(
                [failed, self._scribe.alert(AlertName.GRANT_FAILED, request, says)],
                expect={request.id: request.version},
            )
        except Conflict:
            return False
        return True

    def take_late(self, target_name: str, held: Held, *, seen: bool = True) -> bool:
        """Take away what a target still holds although it is over, and say so. True if it is gone.

        ``seen`` says that it was found there: what has ended, and was not, is no alert while the target is silent.
        """
        request = as_written(self._ledger, held.request_id)
        about: AboutRequest = request or stray(target_name, held)
        seen = seen or about.id in self._unproven or request is None or request.state not in OVER
        try:
            target = self._fleet.get(target_name)
            if target.held(held.request_id) is None and about.id not in self._unproven:  # ended while we asked
                return True
            seen = True
            if self._is_live_there(held.request_id, target_name):  # or have been given
                return False
            if request is not None:
                self._scribe.record([RevokeIntent.about(request, cause=EndCause.LATE, **self._scribe.signed())])
            self._unproven.add(about.id)
            taken = target.revoke(held.request_id, held.principal)
            self._unproven.discard(about.id)
        except TargetError as trouble:
            if seen:
                self._trouble.tell_if_late(about, request.over_at if request else held.ends_at, str(trouble))
            return False
        if not taken.existed:
            return True
        whose = "after its end" if request is not None else "and the ledger knows of no such request"
        says = f"{held.request_id} was found in {target_name} {whose}. It was taken away."
        late = self._scribe.alert(AlertName.GRANT_LATE, about, says)
        outcome = self._outcome(about, taken, EndCause.LATE) if request is not None else []
        self._scribe.record([*outcome, late])
        return True

    def _is_live_there(self, request_id: str, target_name: str) -> bool:
        request = as_written(self._ledger, request_id)
        return request is not None and request.state in LIVE and request.target == target_name

    def _begin(self, requests: Sequence[Request], cause: EndCause | None) -> Begun:
        """Record what is about to be done."""
        fresh = [request for request in requests if request.revoke_begun_at is None]
        facts = {request.id: self._intent(request, cause) for request in fresh}
        if facts:
            try:
                self._ledger.append([*facts.values()], expect={request.id: request.version for request in fresh})
            except Conflict:
                return self._begin_each(requests, cause)
            except LedgerUnavailable:
                for intent in facts.values():
                    self._scribe.put_intent_aside(intent)
        return Begun([follow(request, facts[request.id]) if request.id in facts else request for request in requests])

    def _begin_each(self, requests: Sequence[Request], cause: EndCause | None) -> Begun:
        """One by one, after somebody was faster with some of them."""
        mine: list[Request] = []
        over: set[str] = set()
        for request in requests:
            try:
                begun = self._begin_alone(request, cause)
            except AnotherIsAtIt:
                continue
            if begun is None:
                over.add(request.id)
            else:
                mine.append(begun)
        return Begun(mine, frozenset(over))

    def _begin_alone(self, request: Request, cause: EndCause | None) -> Request | None:
        """As the ledger has it by now; None if it is over. Raises AnotherIsAtIt."""
        try:
            for _ in range(TRIES):
                known = self._ledger.request_as_written(request.id)
                if known is None:  # nothing legible is left of it there: it ends by what is known here
                    break
                if known.state.over:
                    return None
                if known.revoke_begun_at is not None:
                    if begun_until(known, self._clock.now()):
                        raise AnotherIsAtIt
                    return known
                request, intent = known, self._intent(known, cause)
                try:
                    return self._ledger.append([intent], expect={known.id: known.version}).requests[known.id]
                except Conflict:
                    continue
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
        intent = self._intent(request, cause)
        self._scribe.put_intent_aside(intent)
        return follow(request, intent)

    def _intent(self, request: Request, cause: EndCause | None) -> RevokeIntent:
        why = request.end_cause or cause or EndCause.EXPIRED
        return RevokeIntent.about(request, cause=why, **self._scribe.signed())

    def _by_hand(self, about: AboutRequest) -> str:
        try:
            called = self._fleet.get(about.target).description_of(about.id)
        except TargetError:
            return ""
        whose = f" from {about.principal}" if about.principal else ""
        return f"on {about.target}, take {called}{whose} by hand."

    def _take(self, request: Request) -> Attempt:
        try:
            taken = self._revoke(request)
        except TargetError as trouble:
            return Attempt(request, None, str(trouble))
        return Attempt(request, taken)

    def _take_rights(self, request: Request) -> None:
        """What stands in the way here does again at the next step, which tells it."""
        try:
            target = self._fleet.get(request.target)
            target.take_rights(request.id, self._principal(target, request))
        except TargetError:
            pass
        except Exception:  # as in `_take`
            log.exception("target.fault", request_id=request.id, target=request.target)

    def _revoke(self, about: AboutRequest) -> RevokeResult:
        """From whom the record says; from whom the target says where that one is closed, or no name there. Raises
        TargetError, and then the end is unproven, whatever of it is done.
        """
        target = self._fleet.get(about.target)
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
        """The target says whose it is while it holds something, and is asked again when that has been taken."""
        if not is_closed(about.principal):
            return about.principal
        if (held := target.held(about.id)) is not None:
            self._told[about.id] = held.principal
        return self._told.get(about.id, about.principal)

    def _conclude(self, attempts: Sequence[Attempt], cause: EndCause | None) -> None:
        facts = [fact for attempt in attempts for fact in self._outcome_of(attempt.request, attempt, cause)]
        if not facts:
            return
        try:
            self._ledger.append(facts, expect={attempt.request.id: attempt.request.version for attempt in attempts})
        except Conflict:
            for attempt in attempts:
                self._conclude_alone(attempt, cause)
        except LedgerUnavailable:
            for attempt in attempts:
                self._conclude_aside(attempt, cause)
        else:
            for attempt in attempts:
                self._scribe.concluded(attempt.request.id)
        for attempt in attempts:
            self._trouble.over(attempt.request.id)
            log.info("revoke.done", request_id=attempt.request.id, target=attempt.request.target)

    def _conclude_alone(self, attempt: Attempt, cause: EndCause | None) -> None:
        """Behind whatever others recorded. Who finds it ended and took nothing has nothing to add."""
        try:
            for _ in range(TRIES):
                request = self._ledger.request_as_written(attempt.request.id)
                if request is None:
                    break
                nothing_new = request.state is State.ENDED and not _existed(attempt)
                outcome = [] if nothing_new else self._outcome_of(request, attempt, cause)
                try:
                    self._ledger.append(outcome, expect={request.id: request.version} if outcome else None)
                except Conflict:
                    continue
                self._scribe.concluded(request.id)
                return
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
        self._conclude_aside(attempt, cause)

    def _conclude_aside(self, attempt: Attempt, cause: EndCause | None) -> None:
        self._scribe.put_outcome_aside(attempt.request.id, self._outcome_of(attempt.request, attempt, cause))

    def _outcome_of(self, request: Request, attempt: Attempt, cause: EndCause | None) -> list[Fact]:
        if attempt.taken is None:
            return []
        return self._outcome(request, attempt.taken, request.end_cause or cause or EndCause.EXPIRED)

    def _outcome(self, about: AboutRequest, taken: RevokeResult, cause: EndCause) -> list[Fact]:
        ended = Ended.about(
            about,
            cause=cause,
            existed=taken.existed,
            sessions=taken.sessions,
            left_behind=taken.left_behind,
            **self._scribe.signed(),
        )
        if not taken.left_behind:
            return [ended]
        says = f"{about.id} has ended on {about.target} and left behind: {'; '.join(taken.left_behind)}."
        return [ended, self._scribe.alert(AlertName.LEFT_BEHIND, about, says)]


def _existed(attempt: Attempt) -> bool:
    return attempt.taken is not None and attempt.taken.existed
