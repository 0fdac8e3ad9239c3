"""Policy files, and what they answer: who may ask, who may approve, how many, how long, and why."""

from jit.people.membership import StaleGroups
from jit.policy.files.folder import BROKEN, PolicyFolder
from jit.policy.files.load import load_policy
from jit.policy.files.mistakes import Mistake, NotReadNow, PolicyError
from jit.policy.model import (
    Access,
    Channels,
    Extend,
    Missing,
    QuorumCount,
    QuorumStatus,
    Reconcile,
    Rule,
    StandingAccess,
    TargetConfig,
)
from jit.policy.policy import Policy

__all__ = [
    "BROKEN",
    "Access",
    "Channels",
    "Extend",
    "Missing",
    "Mistake",
    "NotReadNow",
    "Policy",
    "PolicyError",
    "PolicyFolder",
    "QuorumCount",
    "QuorumStatus",
    "Reconcile",
    "Rule",
    "StaleGroups",
    "StandingAccess",
    "TargetConfig",
    "load_policy",
]
