"""Processes begin their work, and decide by other rules."""

from typing import Literal

from jit.facts.fact import Fact, Room

NO_POLICY = "none"
"""What a process that reads no rules names as their version."""


class Started(Fact):
    """A process began its work."""

    recorded_by = (Room.BOT, Room.HANDS, Room.SIGNER)
    waits = True

    kind: Literal["started"] = "started"
    process: str
    version: str
    policy_version: str
    warnings: tuple[str, ...] = ()


class PolicyChanged(Fact):
    """A process began to decide by other rules."""

    recorded_by = (Room.BOT,)

    kind: Literal["policy.changed"] = "policy.changed"
    policy_version: str
    before: str
