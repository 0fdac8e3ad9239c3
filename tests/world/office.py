"""The desk, with people who ask and decide."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jit.facts import RefusalReason, Refused, Source, write_fact
from jit.requests.intake import Asked
from jit.requests.lifecycle import Request
from jit.testing import ALICE, BOB, WORKSPACE
from jit.use_cases.desk import Desk, Presser, Turned
from tests.world.base import World

READ, ADMIN, LONE, NIGHT = "orders-db/read", "orders-db/admin", "orders-db/lone", "orders-db/night"
WHY = "db down: need a look at stuck orders"
ASK = Asked(READ, "30m", WHY)


def presser(person: str, team: str | None = WORKSPACE, source: Source = Source.SLACK) -> Presser:
    return Presser(person, team, source)


TERMINAL = presser("cli:root@host", None, Source.CLI)


class Office(World):
    def __init__(self, folder: Path, **how: Any) -> None:
        super().__init__(folder, **how)
        self.desk = self.another_desk()

    def another_desk(self) -> Desk:
        return Desk(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            queue=self.queue,
            clock=self.clock,
        )

    def asked(self, access: str = READ) -> Request:
        return self.desk.request(presser(ALICE), Asked(access, "30m", WHY, "INC-42"))

    def approve(self, request: Request, by: str, digest: str | None = None) -> Request:
        return self.desk.approve(presser(by), request.id, digest or request.digest).request

    def approved(self, access: str = READ) -> Request:
        return self.approve(self.asked(access), BOB)

    def acts(self, request: Any, by: Presser) -> dict[str, Callable[[], object]]:
        """Every way to act on a request."""
        return {
            "approve": lambda: self.desk.approve(by, request.id, request.digest),
            "deny": lambda: self.desk.deny(by, request.id, request.digest, "no, as it is too late"),
            "withdraw": lambda: self.desk.withdraw(by, request.id),
            "release": lambda: self.desk.release(by, request.id),
            "revoke": lambda: self.desk.revoke(by, request.id, "no, as it is too late"),
        }

    def give(self, request: Request) -> None:
        """As a worker does."""
        story = self.story(request.id)
        story.intent()
        story.granted()

    def refused(self, reason: RefusalReason, attempt: Any, *typed: str, about: Request | None = None) -> Turned:
        """The attempt is refused for this reason; the record gains that one fact, holding nothing typed."""
        before = self.facts()
        with pytest.raises(Turned) as caught:
            attempt()
        facts = self.facts()
        assert facts[:-1] == before
        fact = facts[-1]
        assert isinstance(fact, Refused)
        assert fact.reason is caught.value.reason is reason
        assert fact.request_id == (about.id if about else None)
        written = write_fact(fact).decode()
        assert not any(text in written for text in (*typed, WHY) if text)
        assert caught.value.says
        return caught.value
