"""Asking for access."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress

from jit.facts import Approved, Lapsed, RefusalReason, Requested
from jit.ledger import AlreadyOpen, AskedMeanwhile, Conflict, CountedRequests, Question
from jit.ledger.readmodel import STANDARD
from jit.policy import Access, Policy, Rule, StaleGroups
from jit.policy.choosing import choose
from jit.policy.conditions import Inputs
from jit.ports import DirectoryUnavailable
from jit.requests.decision import rested_on, rules_in, somebody_is_there
from jit.requests.due import begin_by
from jit.requests.intake import BadInput, RequestForm, ValidRequest, validate
from jit.requests.leaving import UNDECIDED
from jit.requests.lifecycle import OPEN, Request, State, apply
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
    """File a request for what was typed into the form. Where a rule decides it without people, it is approved by then.

    Raises:
        Refusal: its ``problems`` name the fields that are wrong.
        LedgerUnavailable: nothing was recorded.
    """
    attempt = Attempt(core, by, "request")
    attempt.admit()
    for _ in range(RETRIES):
        with suppress(AskedMeanwhile):
            return _request(attempt, asked)
    return attempt.refuse(RefusalReason.BUSY)


def _request(attempt: Attempt, asked: RequestForm) -> Request:
    """Raises AskedMeanwhile, where a rule decides by itself and others asked since it was counted how often."""
    core, by = attempt.core, attempt.by
    policy, now = attempt.policy(), core.clock.now()
    if by.id in policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT)
    require_share(attempt)
    valid = _validated(attempt, asked, policy)
    counted = _counted(attempt, valid.access)
    inputs = inputs_for(attempt, valid, policy)
    rule = rule_for(attempt, valid.access, policy, inputs)
    return _file(
        attempt,
        policy,
        rule,
        inputs,
        lambda request_id: Requested(
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
            inputs=inputs.to_json(),
            start_at=valid.start_at,
            basis=valid.access.basis_of(valid.duration),
        ),
        counted=counted,
    )


def require_share(attempt: Attempt) -> None:
    """Raises Refusal."""
    now = attempt.core.clock.now()
    before = attempt.core.ledger.count_asked(attempt.by.id, now - ASKED_WITHIN, now)
    if sum(before.values()) >= ASKED_AT_MOST or before.get(State.WITHDRAWN, 0) >= WITHDRAWN_AT_MOST:
        attempt.refuse(RefusalReason.TOO_MANY)


def _validated(attempt: Attempt, asked: RequestForm, policy: Policy) -> ValidRequest:
    directory, person, now = attempt.core.directory, attempt.by.id, attempt.core.clock.now()
    try:
        zone = directory.recall(person, ZONE_KNOWN_FOR).tz if asked.start.strip() else ""
        valid = validate(asked, policy, person, directory.groups(), now, zone=zone)
    except BadInput as bad:
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


def _record(
    attempt: Attempt, requested: Requested, rule: Rule, inputs: Inputs, counted: CountedRequests | None
) -> Request:
    """Raises Conflict, AlreadyOpen, AskedMeanwhile."""
    if rule.automatic is None:
        return attempt.record(None, [requested])
    decided = attempt.record(None, [requested, _decided_at_once(requested, rule, inputs)], counted=counted)
    attempt.announce_grant(decided)
    return decided


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


def _file(
    attempt: Attempt,
    policy: Policy,
    rule: Rule,
    inputs: Inputs,
    fact: Callable[[str], Requested],
    *,
    counted: CountedRequests | None,
) -> Request:
    """The request, recorded under the first id that is free, with its decision where ``rule`` decides by itself.
    ``fact`` makes `requested` for an id.

    Another open request of this person for this access is refused, or closed where the rules have outdated it. Raises
    AskedMeanwhile.
    """
    for request_id in request_ids():
        requested = fact(request_id)
        try:
            return _record(attempt, requested, rule, inputs, counted)
        except AlreadyOpen:
            same = Question(requester=attempt.by.id, access=requested.access, states=OPEN, kind=STANDARD, limit=1)
            before = next(iter(attempt.core.ledger.requests(same)), None)
            if before is None or not _close_outdated(attempt, before, policy):
                attempt.refuse(RefusalReason.ALREADY_OPEN, before)
        except Conflict:
            continue  # this id is taken
    raise AssertionError("no free request id")


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
    lapsed = Lapsed.about(request, **signed, policy_version=policy.version, because="rules_changed")
    with suppress(Conflict):  # then somebody else closed it, or gave it
        attempt.record(request, [lapsed])
    return True
