"""Asking for access."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from jit.facts import Approved, Lapsed, Life, RefusalReason, Requested
from jit.ledger import AlreadyOpen, AskedMeanwhile, Conflict, CountedRequests, Question
from jit.ledger.readmodel import STANDARD
from jit.policy import Access, Policy, Rule, StaleGroups
from jit.policy.choosing import choose
from jit.policy.conditions import Inputs
from jit.ports import DirectoryUnavailable
from jit.requests.decision import rested_on, rules_in, somebody_is_there
from jit.requests.due import begin_by
from jit.requests.intake import BadInput, RequestForm, ValidRequest, validate_each
from jit.requests.leaving import UNDECIDED
from jit.requests.lifecycle import OPEN, Request, State, apply
from jit.requests.refusal import Refusal
from jit.requests.shares import ASKED_AT_MOST, ASKED_WITHIN, WITHDRAWN_AT_MOST
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import RETRIES, Attempt
from jit.use_cases.core import Core
from jit.use_cases.inputs import ZONE_KNOWN_FOR, of_a_day, read_inputs

ALPHABET = "23456789ABCDEFGHJKMNPQRTUVWXYZ"
"""Letters of a request id: none that looks or sounds like another."""
ID_LENGTHS = (4, 4, 5, 6, 7)
"""Lengths of the ids that are tried, until one is free."""


def request_access(core: Core, *, by: Actor, asked: RequestForm) -> Request:
    """File a request for what was typed into the form, which names one access. Raises as `request_together`."""
    (request,) = request_together(core, by=by, asked=replace(asked, also=()))
    return request


def request_together(core: Core, *, by: Actor, asked: RequestForm) -> tuple[Request, ...]:
    """File a request for each access that was named in the form, all or none. One that a rule decides without people
    is approved by then.

    Raises:
        Refusal: its ``problems`` name the fields that are wrong, and which access it is, where there are several.
        LedgerUnavailable: nothing was recorded.
    """
    attempt = Attempt(core, by, "request")
    attempt.admit()
    for _ in range(RETRIES):
        with suppress(AskedMeanwhile):
            return _request(attempt, asked)
    return attempt.refuse(RefusalReason.BUSY)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One access of those that are asked for, and the rule that decides on it. ``counted`` is what the rule's limits
    rest on, where it decides by itself and has some.
    """

    valid: ValidRequest
    rule: Rule
    inputs: Inputs
    counted: CountedRequests | None


def _request(attempt: Attempt, asked: RequestForm) -> tuple[Request, ...]:
    """Raises AskedMeanwhile, where a rule decides by itself and others asked since it was counted how often."""
    policy, now = attempt.policy(), attempt.core.clock.now()
    if attempt.by.id in policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT)
    require_share(attempt, len(asked.each))
    each: list[_Asked] = []
    for valid in _validated(attempt, asked, policy):
        with _named(valid.access.name if len(asked.each) > 1 else ""):
            attempt.require_unlocked(valid.access)
            counted = _counted(attempt, valid.access)
            inputs = inputs_for(attempt, valid, policy)
            rule = rule_for(attempt, valid.access, policy, inputs)
        each.append(_Asked(valid, rule, inputs, counted if rule.automatic is not None else None))
    return _file(attempt, policy, each, now)


@contextmanager
def _named(access: str) -> Iterator[None]:
    """Has a refusal say which access it is about."""
    try:
        yield
    except Refusal as refusal:
        refusal.of = access
        raise


def require_share(attempt: Attempt, more: int = 1) -> None:
    """That so many more may be asked for. Raises Refusal."""
    now = attempt.core.clock.now()
    before = attempt.core.ledger.count_asked(attempt.by.id, now - ASKED_WITHIN, now)
    if sum(before.values()) + more > ASKED_AT_MOST or before.get(State.WITHDRAWN, 0) >= WITHDRAWN_AT_MOST:
        attempt.refuse(RefusalReason.TOO_MANY)


def _validated(attempt: Attempt, asked: RequestForm, policy: Policy) -> tuple[ValidRequest, ...]:
    directory, person, now = attempt.core.directory, attempt.by.id, attempt.core.clock.now()
    try:
        zone = directory.recall(person, ZONE_KNOWN_FOR).tz if asked.start.strip() else ""
        valid = validate_each(asked, policy, person, directory.groups(), now, zone=zone)
    except BadInput as bad:
        with _named(bad.of):
            attempt.refuse(bad.reason, bad.access, problems=bad.problems)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS)
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP)
    return valid


def inputs_for(attempt: Attempt, valid: ValidRequest, policy: Policy) -> Inputs:
    """What the conditions of the access read. Raises Refusal."""
    try:
        return read_inputs(attempt, valid, policy)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, valid.access)


def rule_for(attempt: Attempt, access: Access, policy: Policy, inputs: Inputs) -> Rule:
    """The rule that decides: one by which somebody can. Raises Refusal."""
    directory, person, now = attempt.core.directory, attempt.by.id, attempt.core.clock.now()
    rule = choose(access, inputs).rule
    if rule is None:
        attempt.refuse(RefusalReason.NO_RULE, access)
    try:
        if rule.automatic is not None and directory.look_up(person).email_changed:
            attempt.refuse(RefusalReason.EMAIL_CHANGED, access)
        if not policy.decidable(rule, person, directory.groups(), now):
            attempt.refuse(RefusalReason.NOBODY_COULD_APPROVE, access)
        if not somebody_is_there(rule, policy, person, directory, now):
            attempt.refuse(RefusalReason.NOBODY_COULD_APPROVE, access, absent=True)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, access)
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP, access)
    return rule


def _counted(attempt: Attempt, access: Access) -> CountedRequests | None:
    """The requests of which a rule may be one too many; None where no rule has a number."""
    limits = [rule.automatic for rule in access.rules if rule.automatic is not None]
    if all(limit.per_person is None and limit.per_access is None for limit in limits):
        return None
    within_a_day = of_a_day(attempt, access)
    return CountedRequests(within_a_day, frozenset(each.id for each in attempt.core.ledger.find(within_a_day)))


def _record(attempt: Attempt, each: Sequence[_Asked], facts: Sequence[Requested]) -> tuple[Request, ...]:
    """All of them at once, each with its decision where its rule decides by itself. Raises Conflict, AlreadyOpen,
    AskedMeanwhile.
    """
    every: list[Life] = []
    for one, requested in zip(each, facts, strict=True):
        alone = one.rule.automatic is not None
        every += [requested, *([_decided_at_once(requested, one.rule, one.inputs)] if alone else [])]
    counted = [one.counted for one in each if one.counted is not None]
    expect = {requested.request_id: 0 for requested in facts}
    recorded = attempt.core.ledger.append(every, expect=expect, **({"counted": counted} if counted else {}))
    made = tuple(recorded.requests[requested.request_id] for requested in facts)
    for request in made:
        if request.state is State.APPROVED:
            attempt.announce_grant(request)
    return made


def _decided_at_once(requested: Requested, rule: Rule, inputs: Inputs) -> Approved:
    """The decision of a rule that decides by itself, in the moment in which it was asked."""
    request = apply(None, requested)
    return Approved.about(
        request,
        at=requested.at,
        actor=requested.actor,
        source=requested.source,
        digest=request.digest,
        counted=(),
        begin_by=begin_by(request, requested.at),
        by_rule=rested_on(rule, inputs),
    )


def _file(attempt: Attempt, policy: Policy, each: Sequence[_Asked], now: datetime) -> tuple[Request, ...]:
    """The requests, recorded under the first ids that are free.

    Another open request of this person for one of these accesses is refused, or closed where the rules have outdated
    it. Raises AskedMeanwhile.
    """
    for ids in zip(*(request_ids() for _ in each), strict=True):
        facts = [
            _fact(attempt, policy, one, request_id, together=ids if len(ids) > 1 else (), now=now)
            for one, request_id in zip(each, ids, strict=True)
        ]
        try:
            return _record(attempt, each, facts)
        except AlreadyOpen:
            _make_way(attempt, policy, each)
        except Conflict:
            continue  # an id is taken
    raise AssertionError("no free request id")


def _fact(
    attempt: Attempt, policy: Policy, one: _Asked, request_id: str, *, together: tuple[str, ...], now: datetime
) -> Requested:
    valid, rule, by = one.valid, one.rule, attempt.by
    return Requested(
        at=now,
        actor=by.id,
        source=by.source,
        request_id=request_id,
        requester=by.id,
        access=valid.access.name,
        target=valid.access.target,
        permissions=valid.access.grants,
        principal=valid.principal,
        why=valid.why,
        incident=valid.incident,
        policy_version=policy.version,
        duration=valid.duration,
        channel=valid.access.channel,
        risk=valid.access.risk,
        needs=rule.quorums,
        pending_until=now + valid.access.pending_for,
        rule=rule.called,
        different_people=rule.different_people,
        denials_needed=rule.denials_needed,
        escalation=rule.escalation,
        inputs=one.inputs.to_json(),
        start_at=valid.start_at,
        together=together,
        basis=valid.access.basis_of(valid.duration),
    )


def _make_way(attempt: Attempt, policy: Policy, each: Sequence[_Asked]) -> None:
    """Close what is open of the same and outdated. Raises Refusal, where something else is open, or nothing is."""
    closed = 0
    for one in each:
        access = one.valid.access.name
        same = Question(requester=attempt.by.id, access=access, states=OPEN, kind=STANDARD, limit=1)
        before = next(iter(attempt.core.ledger.requests(same)), None)
        if before is None and len(each) > 1:
            continue
        with _named(access if len(each) > 1 else ""):
            if before is None or not _close_outdated(attempt, before, policy):
                attempt.refuse(RefusalReason.ALREADY_OPEN, before)
        closed += 1
    if not closed:
        attempt.refuse(RefusalReason.ALREADY_OPEN)


def request_ids() -> Iterator[str]:
    """To be tried until one is free."""
    for length in ID_LENGTHS:
        yield "R-" + "".join(secrets.choice(ALPHABET) for _ in range(length))


def _close_outdated(attempt: Attempt, request: Request, policy: Policy) -> bool:
    """Whether ``request``, which the rules in force no longer fit, is closed: nobody could approve it any more. The
    bot closes such by itself, but a little later than somebody who asks at once.
    """
    if request.state not in UNDECIDED or rules_in(policy, request) is not None:
        return False
    signed = attempt.signed()
    lapsed = Lapsed.about(request, **signed, checked_version=policy.version, because="rules_changed")
    with suppress(Conflict):  # then somebody else closed it, or gave it
        attempt.record(request, [lapsed])
    return True
