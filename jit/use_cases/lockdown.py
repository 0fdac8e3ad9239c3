"""Locking down: stopping access of a person, to an access, on a target, or all, until two different people lift it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jit.facts import Account, LockdownBegun, LockdownLifted, LockdownLiftProposed, RefusalReason, Scope, Source
from jit.ledger import Conflict, Question, StoredDirectory
from jit.people.person import Person
from jit.policy import Policy, StaleGroups
from jit.ports import DirectoryUnavailable, UnknownPerson
from jit.requests.accounts import is_also_one_of, may_decide
from jit.requests.intake import REASON, text_trouble
from jit.requests.lifecycle import LIVE, OPEN
from jit.requests.lockdown import LIFT_WITHIN, LOCKDOWN_ID, Lockdown
from jit.requests.scope import Known, What
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import RETRIES, Attempt
from jit.use_cases.core import Core
from jit.use_cases.request import ALPHABET

LOCK, LIFT = "lockdown", "lift"
"""What they are called on the record."""
MOST_COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class Locked:
    """The lockdown, whether it was in force before, and how much there is that it ends."""

    lockdown: Lockdown
    again: bool
    open: int


@dataclass(frozen=True, slots=True)
class Lifting:
    """The lockdown, and whether it is lifted by now, or a second person has to confirm it."""

    lockdown: Lockdown
    lifted: bool


def lock_down(core: Core, *, by: Actor, what: What, reason: str) -> Locked:
    """Stop it. One that stops the same is in force once. Ends nothing itself: the timekeeper does, from the record.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, LOCK)
    attempt.admit()
    _require_may_lock(attempt)
    if trouble := text_trouble(reason):
        attempt.refuse(RefusalReason.BAD_INPUT, problems={REASON: trouble})
    for _ in range(RETRIES):
        known = core.ledger.lockdowns(skip_changed=True)
        accounts = _accounts(core, what.name) if what.scope == "person" else set()
        fact = _fact(attempt.signed(), what, reason, accounts, _new_id({each.id for each in known}))
        same = next((each for each in known if each.stops == (what.scope, what.name or None)), None)
        if same is not None:
            return Locked(same, True, count_open(core, same))
        try:
            after = core.ledger.append_lockdown(fact, known)
        except Conflict:
            continue
        lockdown = next(each for each in after if each.id == fact.lockdown_id)
        return Locked(lockdown, False, count_open(core, lockdown))
    return attempt.refuse(RefusalReason.BUSY)


def known_names(core: Core) -> Known:
    """What can be named, by the last rules that could be read and by what was heard of people."""
    policy = core.policies.newest()
    accesses, targets = (policy.accesses, policy.targets) if policy else ((), ())
    return Known(StoredDirectory(core.ledger.engine).everybody(), tuple(accesses), tuple(targets))


def ordered(policy: Policy | None, *, by: Actor, at: datetime, what: What, reason: str) -> LockdownBegun:
    """The fact, made while the ledger is silent, to be obeyed from a disk until it is recorded."""
    accounts = {what.name, *(policy.namesakes_of(what.name) if policy else ())} if what.scope == "person" else set()
    return _fact({"at": at, "actor": by.id, "source": by.source}, what, reason, accounts, _new_id(set(), letters=6))


def _fact(signed: dict[str, Any], what: What, reason: str, accounts: Iterable[str], lockdown_id: str) -> LockdownBegun:
    of_person = tuple(Account(account=each) for each in sorted(accounts))
    told = {**signed, **_named(what), "lockdown_id": lockdown_id, "scope": what.scope, "accounts": of_person}
    return LockdownBegun(**told, reason=reason)


def may_lift(core: Core, *, by: Actor, lockdown_id: str) -> tuple[Lockdown, LockdownLiftProposed | None]:
    """Whether a press on Lift leads anywhere, before a reason is asked for: the lockdown, and the proposal that would
    be confirmed. Lifts nothing. Raises as `lift`.
    """
    attempt = Attempt(core, by, LIFT)
    lockdown = _to_lift(attempt, lockdown_id, core.ledger.lockdowns())
    return lockdown, _standing_proposal(attempt, lockdown)


def lift(core: Core, *, by: Actor, lockdown_id: str, reason: str) -> Lifting:
    """Propose to lift it, or, where somebody else has, lift it. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, LIFT)
    for _ in range(RETRIES):
        known = core.ledger.lockdowns()
        lockdown = _to_lift(attempt, lockdown_id, known)
        if trouble := text_trouble(reason):
            attempt.refuse(RefusalReason.BAD_INPUT, problems={REASON: trouble})
        proposed = _standing_proposal(attempt, lockdown)
        same = {"lockdown_id": lockdown.id, "scope": lockdown.scope, **_named(What(*_of(lockdown))), "reason": reason}
        fact = (
            LockdownLifted(**attempt.signed(), **same, proposal=proposed.id, proposed_by=proposed.actor)
            if proposed
            else LockdownLiftProposed(**attempt.signed(), **same)
        )
        try:
            core.ledger.append_lockdown(fact, known)
        except Conflict:
            continue
        return Lifting(lockdown, proposed is not None)
    return attempt.refuse(RefusalReason.BUSY)


def count_open(core: Core, lockdown: Lockdown) -> int:
    """How much there is that it ends: by the read model, which decides nothing."""
    asked = Question(states=OPEN | LIVE, access=lockdown.access, target=lockdown.target, limit=MOST_COUNTED)
    found = core.ledger.find(asked)
    return sum(lockdown.person is None or lockdown.stops_person(each.requester) for each in found)


def _of(lockdown: Lockdown) -> tuple[Scope, str]:
    scope, name = lockdown.stops
    return scope, name or ""


def _named(what: What) -> dict[str, str]:
    field = {"person": "requester", "access": "access", "target": "target"}.get(what.scope)
    return {field: what.name} if field else {}


def _new_id(taken: set[str], letters: int = 4) -> str:
    while True:
        found = "L-" + "".join(secrets.choice(ALPHABET) for _ in range(letters))
        if found not in taken:
            return found


def _require_may_lock(attempt: Attempt) -> None:
    """By the last rules that could be read: no file must keep access alive. Whoever is locked stops nobody else."""
    core, by = attempt.core, attempt.by
    if by.source is Source.CLI:
        return
    _require_not_locked(attempt, core.ledger.lockdowns(skip_changed=True))
    _require_listed(attempt, core.policies.newest() or attempt.policy())


def _require_listed(attempt: Attempt, policy: Policy) -> None:
    core, by = attempt.core, attempt.by
    try:
        if not policy.may_lock(by.id, core.directory.groups(), core.clock.now()):
            attempt.refuse(RefusalReason.NOT_ALLOWED_TO_LOCK)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS)


def _require_not_locked(attempt: Attempt, known: Iterable[Lockdown]) -> None:
    if any(attempt.is_stopped(attempt.by.id, each) for each in known):
        attempt.refuse(RefusalReason.LOCKED_DOWN)


def _to_lift(attempt: Attempt, lockdown_id: str, known: Iterable[Lockdown]) -> Lockdown:
    """Nobody at a terminal can be told from another there, so it is lifted in Slack alone."""
    attempt.admit()
    policy = attempt.policy()
    _require_listed(attempt, policy)
    _require_not_locked(attempt, known)
    lockdown = next((each for each in known if each.id == lockdown_id), None)
    if lockdown is None or not LOCKDOWN_ID.fullmatch(lockdown_id):
        attempt.refuse(RefusalReason.UNKNOWN_LOCKDOWN)
    if _account(attempt).email_changed:
        attempt.refuse(RefusalReason.EMAIL_CHANGED)
    proposed = _standing_proposal(attempt, lockdown)
    others = {person for each in known for person in each.accounts} | ({proposed.actor} if proposed else set())
    _require_another(attempt, others, policy)
    return lockdown


def _require_another(attempt: Attempt, others: Iterable[str], policy: Policy) -> None:
    """Another person than any of these accounts is of, which has to be known of each that Slack has."""
    directory, by = attempt.core.directory, attempt.by
    for other in others:
        try:
            same = other in policy.namesakes_of(by.id) or directory.look_up(by.id).is_also(directory.look_up(other))
            same = same or is_also_one_of(by.id, [other], directory, policy)
        except UnknownPerson:
            continue
        except DirectoryUnavailable:
            attempt.refuse(RefusalReason.CANNOT_LOOK_UP)
        if same:
            attempt.refuse(RefusalReason.SAME_PERSON)


def _account(attempt: Attempt) -> Person:
    try:
        return attempt.core.directory.look_up(attempt.by.id)
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP)


def _standing_proposal(attempt: Attempt, lockdown: Lockdown) -> LockdownLiftProposed | None:
    """What somebody proposed who still may, not long ago."""
    core, proposed = attempt.core, lockdown.proposed
    if proposed is None or core.clock.now() - proposed.at > LIFT_WITHIN:
        return None
    policy, groups, now = attempt.policy(), core.directory.groups(), core.clock.now()
    try:
        proposer = core.directory.look_up(proposed.actor)
        still = may_decide(proposer, core.directory.workspace) and policy.may_lock(proposed.actor, groups, now)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS)
    except UnknownPerson:
        return None
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP)
    return proposed if still else None


def _accounts(core: Core, person: str) -> set[str]:
    """All that are known to be this person's: by the rules, and by what was heard of people; also by way of others."""
    policy, everybody = core.policies.newest(), StoredDirectory(core.ledger.engine).everybody()
    found, before = {person}, set[str]()
    while found != before:
        before = set(found)
        found |= {other for each in before for other in (policy.namesakes_of(each) if policy else ())}
        known = [each for each in everybody if each.id in found]
        found |= {each.id for each in everybody if any(each.is_also(one) for one in known)}
    return found
