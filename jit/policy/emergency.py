"""Break-glass as a rule: it lets somebody in by itself, or with one co-signer."""

from jit.facts import Quorum
from jit.policy.model import Access, Limits, Rule

CALLED = "break-glass"
CO_SIGNER = "co-signer"


def emergency_rule(access: Access, *, co_signed: bool) -> Rule | None:
    """None where nobody may break the glass. A co-signer is one of those who may, or who decide otherwise."""
    glass = access.break_glass
    if glass is None:
        return None
    if not co_signed:
        return Rule((), automatic=Limits(max_duration=glass.max_duration), name=CALLED)
    who = dict.fromkeys((*glass.who, *(each for quorum in access.quorums for each in quorum.who)))
    return Rule((Quorum(label=CO_SIGNER, who=tuple(who), count=1),), name=CALLED)
