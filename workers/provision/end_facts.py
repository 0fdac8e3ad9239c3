"""The facts of an end, put on the record: what is about to be done before it, its outcome after it.

Several ends share an append. Where somebody else was faster with one of them, all are looked up, and recorded behind
what stands there by then. What the ledger does not take goes to the spool, and the end goes ahead.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog

from jit.facts import AboutRequest, AlertName, EndCause, Ended, Fact, RevokeIntent
from jit.ledger import Conflict, Ledger, LedgerUnavailable
from jit.ports import Clock, RevokeResult
from jit.requests.due import begun_until
from jit.requests.lifecycle import Request, State, apply
from workers.provision.recorder import Recorder
from workers.provision.watchlist import read_requests

log = structlog.get_logger(__name__)

TRIES = 5
"""How often facts are put behind what somebody else recorded meanwhile."""


StillToEnd = Callable[[Request], bool]
"""Whether a request has to end as it is now: it may have been extended while its end was begun."""


def in_any_case(_: Request) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class RevokeAttempt:
    """One try to end ``request``: what was taken, or what stood in the way."""

    request: Request
    taken: RevokeResult | None
    trouble: str = ""

    @property
    def existed(self) -> bool:
        """Whether the target held something of it until then."""
        return self.taken is not None and self.taken.existed


class Begun(NamedTuple):
    """The ends that are this caller's to carry out, and the ids of those that are over already."""

    mine: list[Request]
    over: frozenset[str] = frozenset()


@dataclass(kw_only=True, eq=False, repr=False)
class EndFacts:
    """Records intents and outcomes of ends. Thread-safe."""

    ledger: Ledger
    recorder: Recorder
    clock: Clock

    def begin(
        self,
        requests: Sequence[Request],
        cause: EndCause | None,
        *,
        still: StillToEnd = in_any_case,
        tries: int = TRIES,
    ) -> Begun:
        """Record the intents of these ends, and return those that the caller is to carry out. An end that somebody else
        began a moment ago is left to them, and what has changed meanwhile so that it is not ``still`` to end goes on:
        these are neither among them nor over.
        """
        new = [one for one in requests if one.revoke_begun_at is None]
        intents = {one.id: self.intent(one, _cause_of(one, cause), one.lockdown) for one in new}
        begun = {one.id: apply(one, intents[one.id]) if one.id in intents else one for one in requests}
        try:
            if not intents or self._append(intents.values(), [one for one in requests if one.id in intents]):
                return Begun([*begun.values()])
            if tries:
                return self._begin_behind_others(
                    self._written(requests), begun, intents, cause, still=still, tries=tries - 1
                )
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
        self.recorder.put_intents_aside(intents.values())
        return Begun([*begun.values()])

    def conclude(self, attempts: Sequence[RevokeAttempt], cause: EndCause | None, *, tries: int = TRIES) -> None:
        """Record the outcomes of ends that are proven. Who finds one ended and took nothing has nothing to add."""
        outcomes = {one.request.id: self._outcome_of(one, cause) for one in attempts}
        try:
            facts = [fact for outcome in outcomes.values() for fact in outcome]
            if not facts or self._append(facts, [one.request for one in attempts]):
                for request_id in outcomes:
                    self.recorder.concluded(request_id)
                return
            if tries:
                written = self._written([one.request for one in attempts])
                self._conclude_behind_others(written, attempts, outcomes, cause, tries - 1)
                return
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
        self.recorder.put_outcomes_aside(outcomes)

    def intent(self, about: AboutRequest, cause: EndCause, lockdown: str | None = None) -> RevokeIntent:
        return RevokeIntent.about(about, cause=cause, lockdown=lockdown, **self.recorder.signed())

    def outcome(
        self, about: AboutRequest, taken: RevokeResult, cause: EndCause, lockdown: str | None = None
    ) -> list[Fact]:
        """That it has ended, and an alert where something was left behind."""
        ended = Ended.about(
            about,
            cause=cause,
            existed=taken.existed,
            sessions=taken.sessions,
            left_behind=taken.left_behind,
            lockdown=lockdown,
            **self.recorder.signed(),
        )
        if not taken.left_behind:
            return [ended]
        says = f"{about.id} has ended on {about.target} and left behind: {'; '.join(taken.left_behind)}."
        return [ended, self.recorder.alert(AlertName.LEFT_BEHIND, about, says)]

    def _outcome_of(self, attempt: RevokeAttempt, cause: EndCause | None) -> list[Fact]:
        if attempt.taken is None:
            return []
        request = attempt.request
        return self.outcome(request, attempt.taken, _cause_of(request, cause), request.lockdown)

    def _append(self, facts: Iterable[Fact], requests: Sequence[Request]) -> bool:
        """False, and nothing recorded, where one of the requests has changed. Raises LedgerUnavailable."""
        try:
            self.ledger.append([*facts], expect={one.id: one.version for one in requests})
        except Conflict:
            return False
        return True

    def _written(self, requests: Sequence[Request]) -> Mapping[str, Request | None]:
        """The requests as the ledger has them by now; None where nothing legible is left. Raises LedgerUnavailable."""
        return read_requests(self.ledger, {one.id for one in requests}, allow_tampered=True)

    def _begin_behind_others(
        self,
        written: Mapping[str, Request | None],
        begun: Mapping[str, Request],
        intents: Mapping[str, RevokeIntent],
        cause: EndCause | None,
        *,
        still: StillToEnd,
        tries: int,
    ) -> Begun:
        """`begin` again with the requests as the ledger has them now. An illegible one is taken as it is known here."""
        now = self.clock.now()
        over = frozenset(one.id for one in written.values() if one and one.state.over)
        left = [one for one in written.values() if one and one.id not in over and not begun_until(one, now)]
        mine = [replace(one, lockdown=one.lockdown or begun[one.id].lockdown) for one in left if still(one)]
        illegible = [request_id for request_id, one in written.items() if one is None]
        self.recorder.put_intents_aside(intents[request_id] for request_id in illegible if request_id in intents)
        again = self.begin(mine, cause, still=still, tries=tries)
        return Begun([*again.mine, *(begun[request_id] for request_id in illegible)], again.over | over)

    def _conclude_behind_others(
        self,
        written: Mapping[str, Request | None],
        attempts: Sequence[RevokeAttempt],
        outcomes: Mapping[str, Sequence[Fact]],
        cause: EndCause | None,
        tries: int,
    ) -> None:
        again: list[RevokeAttempt] = []
        for attempt in attempts:
            request_id = attempt.request.id
            request = written[request_id]
            if request is None:
                self.recorder.put_outcomes_aside({request_id: outcomes[request_id]})
            elif request.state is State.ENDED and not attempt.existed:
                self.recorder.concluded(request_id)
            else:
                again.append(replace(attempt, request=request))
        self.conclude(again, cause, tries=tries)


def _cause_of(request: Request, cause: EndCause | None) -> EndCause:
    """``cause`` counts where nothing said before why it ends."""
    locked = EndCause.LOCKDOWN if request.lockdown else None
    return request.end_cause or locked or cause or EndCause.EXPIRED
