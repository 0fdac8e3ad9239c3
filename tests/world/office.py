"""The use cases, with people who ask and decide."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jit.facts import RefusalReason, Refused, Source, Verdict, write_fact
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, WORKSPACE
from jit.use_cases.actor import Actor
from jit.use_cases.approve import ApprovalResult, approve
from jit.use_cases.break_glass import break_glass
from jit.use_cases.core import Core
from jit.use_cases.deny import deny
from jit.use_cases.narrow import LessForm, narrow
from jit.use_cases.release import release
from jit.use_cases.request import request_access
from jit.use_cases.review import review
from jit.use_cases.revoke import revoke
from jit.use_cases.withdraw import withdraw
from tests.world.base import World

READ, ADMIN, LONE, NIGHT = "orders-db/read", "orders-db/admin", "orders-db/lone", "orders-db/night"
WHY = "db down: need a look at stuck orders"
ASK = RequestForm(READ, "30m", WHY)


def actor(person: str, team: str | None = WORKSPACE, source: Source = Source.SLACK) -> Actor:
    return Actor(person, team, source)


TERMINAL = actor("cli:root@host", None, Source.CLI)


class UseCases:
    """The use cases as methods."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def request(self, by: Actor, asked: RequestForm) -> Request:
        return request_access(self._core, by=by, asked=asked)

    def approve(self, by: Actor, request_id: str, digest: str) -> ApprovalResult:
        return approve(self._core, by=by, request_id=request_id, digest=digest)

    def narrow(self, by: Actor, request_id: str, digest: str, less: LessForm) -> ApprovalResult:
        return narrow(self._core, by=by, request_id=request_id, digest=digest, less=less)

    def deny(self, by: Actor, request_id: str, digest: str, reason: str) -> Request:
        return deny(self._core, by=by, request_id=request_id, digest=digest, reason=reason)

    def break_glass(self, by: Actor, asked: RequestForm) -> Request:
        return break_glass(self._core, by=by, asked=asked)

    def review(self, by: Actor, request_id: str, verdict: Verdict, reason: str) -> Request:
        return review(self._core, by=by, request_id=request_id, verdict=verdict, reason=reason)

    def withdraw(self, by: Actor, request_id: str) -> Request:
        return withdraw(self._core, by=by, request_id=request_id)

    def release(self, by: Actor, request_id: str) -> Request:
        return release(self._core, by=by, request_id=request_id)

    def revoke(self, by: Actor, request_id: str, reason: str) -> Request:
        return revoke(self._core, by=by, request_id=request_id, reason=reason)


class Office(World):
    def __init__(self, folder: Path, **how: Any) -> None:
        super().__init__(folder, **how)
        self.core = self.another_core()

    @property
    def use_cases(self) -> "UseCases":
        return UseCases(self.core)

    def another_core(self) -> Core:
        return Core(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            queue=self.queue,
            clock=self.clock,
            incidents=self.incidents,
        )

    def asked(self, access: str = READ) -> Request:
        return self.use_cases.request(actor(ALICE), RequestForm(access, "30m", WHY, "INC-42"))

    def approve(self, request: Request, by: str, digest: str | None = None) -> Request:
        return self.use_cases.approve(actor(by), request.id, digest or request.digest).request

    def approved(self, access: str = READ) -> Request:
        return self.approve(self.asked(access), BOB)

    def acts(self, request: Any, by: Actor) -> dict[str, Callable[[], object]]:
        """Every way to act on a request."""
        less = LessForm("1m", getattr(request, "permissions", ()))
        return {
            "approve": lambda: self.use_cases.approve(by, request.id, request.digest),
            "narrow": lambda: self.use_cases.narrow(by, request.id, request.digest, less),
            "deny": lambda: self.use_cases.deny(by, request.id, request.digest, "no, as it is too late"),
            "withdraw": lambda: self.use_cases.withdraw(by, request.id),
            "release": lambda: self.use_cases.release(by, request.id),
            "revoke": lambda: self.use_cases.revoke(by, request.id, "no, as it is too late"),
        }

    def give(self, request: Request) -> None:
        """As a worker does."""
        story = self.story(request.id)
        story.intent()
        story.granted()

    def refused(self, reason: RefusalReason, attempt: Any, *typed: str, about: Request | None = None) -> Refusal:
        """The attempt is refused for this reason; the record gains that one fact, holding nothing typed."""
        before = self.facts()
        with pytest.raises(Refusal) as caught:
            attempt()
        facts = self.facts()
        assert facts[:-1] == before
        fact = facts[-1]
        assert isinstance(fact, Refused)
        assert fact.reason is caught.value.reason is reason
        assert fact.request_id == (about.id if about else None)
        written = write_fact(fact).decode()
        assert not any(text in written for text in (*typed, WHY) if text)
        assert sentence(caught.value)
        return caught.value
