"""What one person may ask for, as far as it is known at this moment."""

from dataclasses import replace
from typing import NamedTuple

from bot.forms import Filled, chosen, decided_by
from bot.listeners.context import ListenerContext
from jit.facts import RefusalReason
from jit.policy import Access, Policy, PolicyError, StaleGroups
from jit.requests.messages import SAYS


class Catalogue(NamedTuple):
    """``trouble`` says why there may be more than ``accesses``, or nothing at all; empty if there is none."""

    accesses: list[Access]
    trouble: str = ""
    policy: Policy | None = None

    def filled(self, filled: Filled) -> Filled:
        """A form with what it says about the access that is chosen."""
        if self.policy is not None and filled.access is not None:
            filled = replace(filled, deciders=decided_by(filled.access))
        return filled.noted(self.trouble)

    def chosen(self, value: str) -> Access | None:
        """The access that a menu's value stands for, if this person may ask for it."""
        return chosen(value, {access.name: access for access in self.accesses})


def catalogue(ctx: ListenerContext, person: str) -> Catalogue:
    """Quick: it runs before a form opens, and on every keystroke in its search field."""
    try:
        policy = ctx.core.policies.current()
    except PolicyError:
        return Catalogue([], SAYS[RefusalReason.POLICY_BROKEN])
    groups, now = ctx.directory.groups(), ctx.core.clock.now()
    try:
        return Catalogue(policy.askable(person, groups, now), "", policy)
    except StaleGroups:
        sure = [access for access in policy.accesses.values() if _surely(policy, access, person, ctx)]
        return Catalogue(sure, SAYS[RefusalReason.STALE_GROUPS], policy)


def _surely(policy: Policy, access: Access, person: str, ctx: ListenerContext) -> bool:
    try:
        return policy.may_ask(access, person, ctx.directory.groups(), ctx.core.clock.now())
    except StaleGroups:
        return False
