"""Lockdowns, pure: which are in force by the facts, and what each of them stops."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jit.facts import Fact, LockdownBegun, LockdownLifted, LockdownLiftProposed, Scope
from jit.requests.request import Request

LOCKDOWN_ID = re.compile(r"L-[0-9A-Z]{4,12}")
"""The shape of a lockdown's id, to be matched whole."""
LIFT_WITHIN = timedelta(hours=24)
"""Within so long the second of two people lifts what the first proposed to."""


@dataclass(frozen=True, slots=True)
class Lockdown:
    """One that is in force. Of what it stops, ``person``, ``access`` or ``target`` say which; else it is everything."""

    id: str
    scope: Scope
    by: str
    at: datetime
    reason: str
    person: str | None = None
    accounts: frozenset[str] = frozenset()
    """All accounts of the person."""
    access: str | None = None
    target: str | None = None
    proposed: LockdownLiftProposed | None = None
    """By whom a lift was proposed last."""

    @property
    def stops(self) -> tuple[Scope, str | None]:
        """The same for two that stop the same."""
        return self.scope, self.person or self.access or self.target

    def stops_person(self, person: str) -> bool:
        return person in self.accounts

    def covers(self, request: Request) -> bool:
        """Whether this request ends by it. A break-glass after it that the rules let through does not."""
        glass = request.emergency
        if glass is not None and glass.in_lockdown and glass.at > self.at and self.scope != "person":
            return False
        return self.is_about(request.requester, request.access, request.target)

    def is_about(self, person: str, access: str, target: str) -> bool:
        """Whether it stops what this person has, or would have, there."""
        match self.scope:
            case "person":
                return self.stops_person(person)
            case "access":
                return access == self.access
            case "target":
                return target == self.target
            case "everything":
                return True

    def may_be_lifted_after(self, proposal: LockdownLiftProposed, now: datetime) -> bool:
        """Whether this is the proposal that a second person would carry out now."""
        return self.proposed is not None and self.proposed.id == proposal.id and now - proposal.at <= LIFT_WITHIN


def in_force(facts: Iterable[Fact]) -> tuple[Lockdown, ...]:
    """Those that nobody has lifted, by all facts about lockdowns in the order in which they were recorded.

    Who lifts is another than who proposed it, whatever a fact says of itself.
    """
    found: dict[str, Lockdown] = {}
    for fact in facts:
        if isinstance(fact, LockdownBegun):
            found.setdefault(fact.lockdown_id, begun(fact))
            continue
        if not isinstance(fact, LockdownLiftProposed | LockdownLifted) or fact.lockdown_id not in found:
            continue
        known = found[fact.lockdown_id]
        if isinstance(fact, LockdownLiftProposed):
            found[known.id] = replace(known, proposed=fact)
        elif _lifts(known, fact):
            del found[known.id]
    return tuple(found.values())


def begun(fact: LockdownBegun) -> Lockdown:
    accounts = {each.account for each in fact.accounts} | ({fact.requester} if fact.requester else set())
    return Lockdown(
        id=fact.lockdown_id,
        scope=fact.scope,
        by=fact.actor,
        at=fact.at,
        reason=fact.reason,
        person=fact.requester,
        accounts=frozenset(accounts),
        access=fact.access,
        target=fact.target,
    )


def over(request: Request, lockdowns: Iterable[Lockdown]) -> Lockdown | None:
    """The first of them by which this request ends."""
    return next((each for each in lockdowns if each.covers(request)), None)


def _lifts(known: Lockdown, fact: LockdownLifted) -> bool:
    proposal = known.proposed
    return proposal is not None and fact.proposal == proposal.id and fact.actor != proposal.actor
