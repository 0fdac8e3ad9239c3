"""A queue that only remembers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jit.ports import QueueUnavailable


@dataclass
class InMemoryQueue:
    """A `Queue` that keeps what was announced, in order, and of the orders to end one for each request. While ``gone``
    it raises QueueUnavailable.
    """

    grants: list[str] = field(default_factory=list)
    revokes: list[str] = field(default_factory=list)
    end_orders: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """When each is due, and its text, by request id."""
    gone: bool = False

    def grant(self, request_id: str) -> None:
        self._take(self.grants, request_id)

    def revoke(self, request_id: str) -> None:
        self._take(self.revokes, request_id)

    @property
    def ends(self) -> list[tuple[datetime, str]]:
        """The orders to end that lie here, the oldest first."""
        return list(self.end_orders.values())

    def end_at(self, when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
        self._require_there()
        _, lies = self.end_orders.get(request_id, (when, ""))
        if lies not in {"", instead_of, order}:
            return lies
        self.end_orders[request_id] = (when, order)
        return order

    def _take(self, announced: list[Any], what: object) -> None:
        self._require_there()
        announced.append(what)

    def _require_there(self) -> None:
        if self.gone:
            raise QueueUnavailable("gone")
