"""Asking for more time with access that one has."""

from dataclasses import replace
from datetime import datetime, timedelta

from jit.durations import BadDuration, parse_duration, say_duration
from jit.facts import BEGIN_WITHIN, ExtensionApproved, ExtensionAsked, ExtensionLapsed, OfExtension, RefusalReason
from jit.policy import Access, Policy, StaleGroups
from jit.policy.model import LEAST_EXTENSION as LEAST
from jit.requests.decision import rested_on, rules_in
from jit.requests.intake import DURATION, ValidRequest
from jit.requests.lifecycle import Request, State, apply
from jit.requests.shares import ASKED_WITHIN, WITHDRAWN_AT_MOST
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.request import inputs_for, rule_for


def may_extend(core: Core, *, by: Actor, request_id: str) -> tuple[Request, timedelta]:
    """Whether asking leads anywhere, before a form is filled in, and how much more there is to ask for. Raises as
    `extend`.
    """
    attempt = Attempt(core, by, "extend")
    request, policy = _extendable(attempt, request_id)
    return request, _access_and_room(attempt, request, policy)[1]


def extend(core: Core, *, by: Actor, request_id: str, duration: str, reason: str) -> Request:
    """Ask for more time, as much as the rules allow where ``duration`` is empty. Where a rule decides it without
    people, it is approved by then. The end stays as it is until a worker has told the target.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "extend")
    return attempt.until_recorded(request_id, lambda: _extend(attempt, request_id, duration, reason))


def _extend(attempt: Attempt, request_id: str, duration: str, reason: str) -> Request:
    request, policy = _extendable(attempt, request_id)
    access, room = _access_and_room(attempt, request, policy)
    more = _duration(attempt, request, access, duration, room) if duration else room
    attempt.require_reason(request, reason)
    facts = _facts(attempt, request, policy, ValidRequest(access, request.principal, more, reason, request.incident))
    after = attempt.record(request, facts)
    if after.undecided.state is State.APPROVED:
        attempt.announce(attempt.core.queue.grant, request.id)
    return after


def _extendable(attempt: Attempt, request_id: str) -> tuple[Request, Policy]:
    """The actor's own, active, and without an extension that can still be decided."""
    request, now = attempt.own_request(request_id, ExtensionAsked), attempt.core.clock.now()
    if request.ends_at is None or now >= request.ends_at:
        attempt.refuse(RefusalReason.NOT_POSSIBLE_NOW, request)
    attempt.require_unlocked(request)
    if sum(at > now - ASKED_WITHIN for at in request.extensions_withdrawn) >= WITHDRAWN_AT_MOST:
        attempt.refuse(RefusalReason.TOO_MANY, request)
    policy, waiting = attempt.policy(request), request.extension
    if waiting is not None:
        if waiting.state is not State.PENDING or rules_in(policy, waiting) is not None:
            attempt.refuse(RefusalReason.EXTENSION_WAITS, request)
        more = {"checked_version": policy.version, "because": "rules_changed"}
        request = attempt.record(request, [ExtensionLapsed.about(waiting, **attempt.signed(), **more)])
    return request, policy


def _access_and_room(attempt: Attempt, request: Request, policy: Policy) -> tuple[Access, timedelta]:
    """The access as its extensions are decided, and how much more this person may ask for."""
    access = policy.accesses.get(request.access)
    extend = access.extended(request.basis) if access else None
    if access is None or extend is None:
        attempt.refuse(RefusalReason.NO_EXTENSION, request)
    if attempt.by.id in policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT, request)
    try:
        if not policy.may_ask(access, attempt.by.id, attempt.core.directory.groups(), attempt.core.clock.now()):
            attempt.refuse(RefusalReason.NOT_ALLOWED_TO_ASK, request)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    room = extend.room(_moment(request.intent_at), _moment(request.ends_at))
    if room < LEAST:
        problem = f"It may be held for {say_duration(extend.ceiling)} in all: no more time can be added."
        attempt.refuse(RefusalReason.PAST_CEILING, request, problems={DURATION: problem})
    return replace(access, rules=extend.rules, extend=extend), room


def _duration(attempt: Attempt, request: Request, access: Access, typed: str, room: timedelta) -> timedelta:
    try:
        more = parse_duration(typed)
    except BadDuration as bad:
        attempt.refuse(RefusalReason.BAD_INPUT, request, problems={DURATION: str(bad)})
    extend = access.extend
    if extend is None:
        raise AssertionError("extended without rules to do so")
    if more > room == extend.each or more < LEAST:
        problem = f"Between {say_duration(LEAST)} and {say_duration(room)} more at a time."
        attempt.refuse(RefusalReason.BAD_INPUT, request, problems={DURATION: problem})
    if more > room:
        left = f"It may be held for {say_duration(extend.ceiling)} in all: {say_duration(room)} more can be asked for."
        attempt.refuse(RefusalReason.PAST_CEILING, request, problems={DURATION: left})
    return more


def _facts(attempt: Attempt, request: Request, policy: Policy, valid: ValidRequest) -> list[OfExtension]:
    """That it was asked for; and the decision, where a rule decides by itself."""
    now, ends_at = attempt.core.clock.now(), _moment(request.ends_at)
    inputs = inputs_for(attempt, valid, policy)
    rule = rule_for(attempt, valid.access, policy, inputs)
    asked = ExtensionAsked.about(
        request,
        **attempt.signed(now),
        why=valid.why,
        policy_version=policy.version,
        duration=valid.duration,
        ends_at=ends_at + valid.duration,
        needs=rule.quorums,
        pending_until=min(now + valid.access.pending_for, ends_at),
        rule=rule.called,
        different_people=rule.different_people,
        denials_needed=rule.denials_needed,
        escalation=rule.escalation,
        inputs=inputs.to_json(),
    )
    waiting = apply(request, asked).undecided
    if rules_in(policy, waiting) is None:
        attempt.refuse(RefusalReason.RULES_CHANGED, request)
    if rule.automatic is None:
        return [asked]
    decision = {"digest": waiting.digest, "counted": (), "begin_by": now + BEGIN_WITHIN}
    by_rule = rested_on(rule, inputs)
    return [asked, ExtensionApproved.about(waiting, **attempt.signed(now), **decision, by_rule=by_rule)]


def _moment(moment: datetime | None) -> datetime:
    if moment is None:
        raise AssertionError("active without beginning or end")
    return moment
