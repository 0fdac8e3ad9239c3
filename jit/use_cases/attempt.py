"""What the use cases share: who may act, what a request must be like, how a fact is recorded and a refusal made.

A use case reads the facts, asks the policy, and appends against the version it read. Somebody who was faster wins;
the slower one is judged again by what is true then.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import structlog

from jit.facts import Fact, Life, RefusalReason, Source
from jit.ledger import Conflict, CountedRequests
from jit.policy import Access, Policy, PolicyError
from jit.ports import QueueUnavailable
from jit.requests.accounts import is_also_one_of
from jit.requests.intake import REASON, reason_trouble, text_trouble
from jit.requests.lifecycle import REQUEST_ID, Request, may_follow
from jit.requests.lockdown import Lockdown
from jit.requests.refusal import Refusal
from jit.use_cases.actor import Actor, membership_trouble
from jit.use_cases.core import Core

log = structlog.get_logger(__name__)

RETRIES = 5
"""Times that a use case which lost a race looks again before it gives up."""
FROM_THE_TERMINAL = frozenset({"revoke", "lockdown"})
"""What the command line may do: it ends access and never begins any."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody's attempt to do something. ``what`` is its name on the record: `approve`, `revoke`.

    Every method raises Refusal, and LedgerUnavailable when nothing could be recorded.
    """

    core: Core
    by: Actor
    what: str

    def signed(self, at: datetime | None = None) -> dict[str, Any]:
        """What every fact of the actor begins with."""
        return {"at": at or self.core.clock.now(), "actor": self.by.id, "source": self.by.source}

    def admit(self, request: Request | None = None) -> None:
        """Let only full members of our workspace pass, looked up now."""
        if self.by.source is Source.CLI and self.what in FROM_THE_TERMINAL:
            return
        directory = self.core.directory
        if trouble := membership_trouble(self.by, directory.workspace, directory.look_up):
            self.refuse(trouble, request)

    def find(self, request_id: str | None, *, allow_tampered: bool = False) -> Request | None:
        """The request, if there is one. What has another shape is not even looked up: databases choke on some text.

        One whose entries were changed in the database is found with ``allow_tampered`` alone. Raises TamperedEntry.
        """
        if not request_id or not REQUEST_ID.fullmatch(request_id):
            return None
        ledger = self.core.ledger
        return ledger.request_as_written(request_id) if allow_tampered else ledger.request(request_id)

    def request(self, request_id: str, *, allow_tampered: bool = False) -> Request:
        """The request, for somebody who may act here: strangers are not told whether there is one."""
        request = self.find(request_id, allow_tampered=allow_tampered)
        self.admit(request)
        if request is None:
            self.refuse(RefusalReason.UNKNOWN_REQUEST)
        return request

    def own_request(self, request_id: str, step: type[Life]) -> Request:
        """The actor's own request, if this step may follow in it."""
        request = self.request(request_id)
        if self.by.id != request.requester:
            self.refuse(RefusalReason.NOT_YOURS, request)
        self.require_may_follow(request, step)
        return request

    def policy(self, request: Request | None = None) -> Policy:
        """The rules now in force."""
        try:
            return self.core.policies.current()
        except PolicyError:
            self.refuse(RefusalReason.POLICY_BROKEN, request)

    def require_may_follow(self, request: Request, step: type[Life]) -> None:
        if not may_follow(request, step):
            self.refuse(RefusalReason.NOT_POSSIBLE_NOW, request)

    def require_unlocked(self, about: Request | Access, *, let_through: bool = False) -> None:
        """Nothing new of what a lockdown stops, and nothing by somebody whom one stops. ``let_through``: by others."""
        if isinstance(about, Request):
            requester, access = about.requester, about.access
            let_through = about.emergency is not None and about.emergency.in_lockdown
        else:
            requester, access = self.by.id, about.name
        for lockdown in self.core.ledger.lockdowns():
            about_it = lockdown.is_about(requester, access, about.target) and not let_through
            if about_it or self.is_stopped(requester, lockdown) or self.is_stopped(self.by.id, lockdown):
                self.refuse(RefusalReason.LOCKED_DOWN, about, lockdown=lockdown)

    def is_stopped(self, person: str, lockdown: Lockdown) -> bool:
        """Whether it is of this person: by this account, or another that was not known to be theirs when it began."""
        policy = self.core.policies.newest()
        if lockdown.stops_person(person) or policy is None:
            return lockdown.stops_person(person)
        return is_also_one_of(person, lockdown.accounts, self.core.directory, policy)

    def require_reason(self, request: Request, text: str) -> None:
        if trouble := reason_trouble(text, request.access):
            self.refuse(RefusalReason.BAD_INPUT, request, problems={REASON: trouble})

    def require_text(self, request: Request, text: str) -> None:
        """What can be recorded, whatever it says: enough of a reason to end access."""
        if trouble := text_trouble(text):
            self.refuse(RefusalReason.BAD_INPUT, request, problems={REASON: trouble})

    def record(
        self,
        before: Request | None,
        facts: Sequence[Life],
        beside: Sequence[Fact] = (),
        counted: Sequence[CountedRequests] = (),
    ) -> Request:
        """The request after these facts, appended against what the decision was based on, with ``beside`` or not at
        all. Raises Conflict; and AskedMeanwhile, if there are more requests than were ``counted``.
        """
        about = facts[0].request_id
        expect = {about: before.version if before else 0}
        return self.core.ledger.append([*facts, *beside], expect=expect, counted=counted).requests[about]

    def until_recorded(self, request_id: str, act: Callable[[], Result]) -> Result:
        """What ``act`` returns once nobody was faster; it is done anew after each Conflict."""
        for _ in range(RETRIES):
            with suppress(Conflict):
                return act()
        return self.refuse(RefusalReason.BUSY, self.find(request_id))

    def announce(self, tell: Callable[[str], None], request_id: str) -> bool:
        """Tell the workers, after the commit. If nobody hears it, the timekeeper finds the request in the ledger. False
        if the queue is away.
        """
        try:
            tell(request_id)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", request_id=request_id, because=str(silent))
            return False
        return True

    def announce_grant(self, request: Request) -> bool:
        """As `announce`; of what is to begin later the timekeeper tells them by then."""
        later = request.start_at is not None and request.start_at > self.core.clock.now()
        return later or self.announce(self.core.queue.grant, request.id)

    def refuse(
        self,
        reason: RefusalReason,
        about: Request | Access | None = None,
        *,
        problems: dict[str, str] | None = None,
        absent: bool = False,
        lockdown: Lockdown | None = None,
    ) -> NoReturn:
        """Record the refusal, and raise it. ``problems``, ``absent`` and ``lockdown`` as in `Refusal`."""
        self.core.refusals.record(self.by.id, self.by.source, self.what, reason, about)
        request = about if isinstance(about, Request) else None
        raise Refusal(
            reason,
            attempted=self.what,
            request=request,
            own=request is not None and request.requester == self.by.id,
            problems=problems or {},
            absent=absent,
            lockdown=lockdown,
        )
