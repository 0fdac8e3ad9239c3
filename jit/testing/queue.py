"""A queue that only remembers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jit.ports import QueueUnavailable


@dataclass
class InMemoryQueue:
    """A `Queue` that keeps what was announced, in order. While ``gone`` it raises QueueUnavailable."""

    grants: list[str] = field(default_factory=list)
    revokes: list[str] = field(default_factory=list)
    ends: list[tuple[datetime, str]] = field(default_factory=list)
    gone: bool = False

    def grant(self, request_id: str) -> None:
        self._take(self.grants, request_id)

    def revoke(self, request_id: str) -> None:
        self._take(self.revokes, request_id)

    def end_at(self, when: datetime, ticket: str) -> None:
        self._take(self.ends, (when, ticket))

    def _take(self, announced: list[Any], what: object) -> None:
        if self.gone:
            raise QueueUnavailable("gone")
        announced.append(what)
