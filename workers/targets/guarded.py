"""A target as the rest of the workers see it: its faults stay its own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import structlog

from jit.ports import (
    EndsMany,
    Finding,
    Grant,
    Held,
    Holder,
    Inventory,
    ListsRights,
    LooksAhead,
    RevokeResult,
    Right,
    TakesRightsFirst,
    Target,
    TargetError,
    TargetRefused,
    TargetUnreachable,
)
from workers.targets.by_holders import by_holders

log = structlog.get_logger(__name__)

LONGEST_WORDS = 500
"""Characters of what a target says to whoever was given something."""

FEWEST_TOGETHER = 2

Answer = TypeVar("Answer")


class Guarded:
    """Any fault that a target was not to raise is raised as `TargetUnreachable`, named by its kind: its text may hold
    a secret.
    """

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self.kind = target.kind
        self.capabilities = target.capabilities
        self._target = target

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        ours: list[Exception] = []

        def asked() -> None:
            try:
                still_due()
            except Exception as wrong:
                ours.append(wrong)
                raise

        return self._asked("grant", lambda: self._target.grant(grant, asked), ours)

    def take_rights(self, request_id: str, principal: str) -> None:
        """Nothing where `revoke` does not wait."""
        target = self._target
        if isinstance(target, TakesRightsFirst):
            self._asked("take_rights", lambda: target.take_rights(request_id, principal))

    def take_rights_of_many(self, principals: Mapping[str, str]) -> Collection[str]:
        """Nobody's where each has to be ended by itself."""
        target = self._target
        if not isinstance(target, EndsMany) or len(principals) < FEWEST_TOGETHER:
            return ()
        return self._asked("take_rights_of_many", lambda: target.take_rights_of_many(principals))

    def revoke_many(self, principals: Mapping[str, str]) -> Mapping[str, RevokeResult]:
        """As above."""
        target = self._target
        if not isinstance(target, EndsMany) or len(principals) < FEWEST_TOGETHER:
            return {}
        return self._asked("revoke_many", lambda: target.revoke_many(principals))

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        return self._asked("revoke", lambda: self._target.revoke(request_id, principal))

    def held(self, request_id: str) -> Held | None:
        return self._asked("held", lambda: self._target.held(request_id))

    def list_grants(self) -> list[Held]:
        return self._asked("list_grants", self._target.list_grants)

    def holders(self, permission: str) -> list[Holder]:
        return self._asked("holders", lambda: self._target.holders(permission))

    def inventory(self, permissions: Collection[str], principals: Collection[str]) -> Inventory:
        """By who holds each permission, where the target knows no better."""
        target = self._target
        if isinstance(target, ListsRights):
            return self._asked("inventory", lambda: target.inventory(permissions, principals))
        return self._asked("inventory", lambda: by_holders(target, permissions))

    def remove(self, right: Right) -> None:
        target = self._target
        if not isinstance(target, ListsRights):
            raise TargetRefused(f"{self.name}: cannot take away what is no grant of ours")
        self._asked("remove", lambda: target.remove(right))

    def how_to_connect(self, principal: str) -> str:
        """As much as the record takes; nothing after a fault, for what was given stays given."""

        def said() -> str:
            letters = (letter for letter in self._target.how_to_connect(principal) if _is_text(letter))
            return "".join(letters).strip()[:LONGEST_WORDS]

        try:
            return self._asked("how_to_connect", said)
        except TargetError:
            return ""

    def description_of(self, request_id: str) -> str:
        return self._target.description_of(request_id)

    def obstacles(self, permissions: Sequence[str]) -> list[Finding]:
        """By the whole `check` where the target knows no shorter way."""
        target = self._target
        if isinstance(target, LooksAhead):
            return self._found("obstacles", lambda: target.obstacles(permissions))
        return [finding for finding in self.check(permissions) if not finding.ok]

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        return self._found("check", lambda: self._target.check(permissions, principals))

    def _found(self, call: str, look: Callable[[], list[Finding]]) -> list[Finding]:
        try:
            return self._asked(call, look)
        except TargetError as fault:
            return [Finding(ok=False, what=str(fault), remedy="Look at the log: it says where")]

    def _asked(self, call: str, act: Callable[[], Answer], passing: Sequence[Exception] = ()) -> Answer:
        """``passing`` comes through as it is."""
        try:
            return act()
        except TargetError:
            raise
        except Exception as fault:
            if fault in passing:
                raise
            log.exception("target.fault", target=self.name, call=call)
            raise TargetUnreachable(f"a fault in the target: {type(fault).__name__}") from None


def _is_text(letter: str) -> bool:
    return letter.isprintable() or letter == "\n"
