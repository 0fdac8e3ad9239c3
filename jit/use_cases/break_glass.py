"""Breaking the glass: in an emergency those listed let themselves in at once, loudly, and are reviewed afterwards."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from jit.facts import BEGIN_WITHIN, Alert, AlertName, Approved, Quorum, RefusalReason, Requested
from jit.ledger import AlreadyOpen, AskedMeanwhile, Conflict, CountedRequests, Question, ReviewOpen
from jit.ledger.readmodel import EMERGENCY
from jit.people.incidents import Incident, NotKnown
from jit.people.on_call import Shift
from jit.policy import Access, Policy, Rule, StaleGroups
from jit.policy.choosing import choose
from jit.policy.conditions import IncidentInputs, Inputs
from jit.policy.emergency import CALLED, emergency_rule
from jit.ports import DirectoryUnavailable
from jit.requests.intake import INCIDENT, BadInput, RequestForm, ValidRequest, validate
from jit.requests.lifecycle import OPEN, Request, apply
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.inputs import incident_inputs, open_reviews, read_inputs
from jit.use_cases.request import request_ids, require_share

CO_SIGN_WITHIN = timedelta(minutes=15)
"""Where a review of theirs is open, a co-signer has to say yes by then."""
AT_ONCE = 50
"""People who break the glass in one moment: of all but the first it is looked at again who they are."""


def break_glass(core: Core, *, by: Actor, asked: RequestForm) -> Request:
    """Let in who is listed, for what was typed into the form: at once, or, while a review of theirs stands open or
    their e-mail is another, once a second person has co-signed.

    Raises:
        Refusal: its ``problems`` name the fields that are wrong.
        LedgerUnavailable: nothing was recorded.
    """
    attempt = Attempt(core, by, "break_glass")
    attempt.admit()
    policy = attempt.policy()
    if by.id in policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT)
    require_share(attempt)
    valid = _validated(attempt, asked, policy)
    glass = valid.access.break_glass
    attempt.require_unlocked(valid.access, let_through=glass is not None and glass.in_lockdown)
    incident, words = _looked_up(attempt, valid)
    inputs = _inputs(attempt, valid, policy, incident)
    skipped = _skipped(valid.access, inputs)
    rested_on, on_call = _rests_on(attempt, policy, valid, words)
    inputs = replace(inputs, on_call={**inputs.on_call, **on_call}) if inputs else None
    emergency = _Emergency(attempt, policy, valid, inputs, rested_on, skipped)
    if _may_be_another(attempt):
        return emergency.file(co_signed=True)
    for _ in range(AT_ONCE):
        with suppress(AskedMeanwhile):
            own, counted = open_reviews(attempt, policy)
            return emergency.file(co_signed=own, counted=counted)
    return attempt.refuse(RefusalReason.BUSY)


def _may_be_another(attempt: Attempt) -> bool:
    """Whether the e-mail of this account changed: then people decide, as no rule decides for it alone."""
    try:
        return attempt.core.directory.look_up(attempt.by.id).email_changed
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP)


def _validated(attempt: Attempt, asked: RequestForm, policy: Policy) -> ValidRequest:
    directory, person, now = attempt.core.directory, attempt.by.id, attempt.core.clock.now()
    try:
        return validate(asked, policy, person, directory.groups(), now, emergency=True)
    except BadInput as bad:
        attempt.refuse(bad.reason, bad.access, problems=bad.problems)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS)


def _looked_up(attempt: Attempt, valid: ValidRequest) -> tuple[IncidentInputs, str]:
    """The incident, and what is known of it in words. Where the provider answers, it has to be open."""
    named = valid.incident or ""
    found = attempt.core.incidents.find(named)
    if isinstance(found, NotKnown):
        return incident_inputs(named, found, attempt.by.id), f"{named} not checked: {found.reason.words}"
    if not isinstance(found, Incident):
        _refuse_incident(
            attempt, valid.access, f"There is no incident {named}, says {found.by}. Name one that is open."
        )
    elif not found.open:
        _refuse_incident(attempt, valid.access, f"{named} is not open, says {found.by}. Name one that is.")
    return incident_inputs(named, found, attempt.by.id), f"{named} open"


def _refuse_incident(attempt: Attempt, access: Access, problem: str) -> NoReturn:
    attempt.refuse(RefusalReason.NO_OPEN_INCIDENT, access, problems={INCIDENT: problem})


def _inputs(attempt: Attempt, valid: ValidRequest, policy: Policy, incident: IncidentInputs) -> Inputs | None:
    """For the record, and to tell who would have decided. None where it cannot be told: that holds up no emergency."""
    try:
        return read_inputs(attempt, valid, policy, incident)
    except StaleGroups:
        return None


def _skipped(access: Access, inputs: Inputs | None) -> tuple[Quorum, ...]:
    """Those who would have decided; of all rules, where none would or a rule would have by itself."""
    rule = choose(access, inputs).rule if inputs else None
    return rule.quorums if rule is not None and rule.quorums else access.quorums


def _rests_on(attempt: Attempt, policy: Policy, valid: ValidRequest, incident: str) -> tuple[str, dict[str, bool]]:
    """`INC-42 open, on call for sre`, and by which schedules they are let in. Where no provider answers for one now, it
    says since when that is known.
    """
    glass, groups, now = valid.access.break_glass, attempt.core.directory.groups(), attempt.core.clock.now()
    words, on_call = [incident], {}
    for name in sorted(policy.schedules_in(glass.who)) if glass else ():
        shift = groups.in_emergency().on_call.who(name, now)
        if isinstance(shift, Shift) and attempt.by.id in shift.people:
            on_call[name] = True
            as_of = "" if shift.fresh(now) else f" as last known {_moment(shift.as_of)}"
            words.append(f"on call for {name}{as_of}")
    return ", ".join(words), on_call


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Emergency:
    attempt: Attempt
    policy: Policy
    valid: ValidRequest
    inputs: Inputs | None
    rested_on: str
    skipped: tuple[Quorum, ...]

    def file(self, *, co_signed: bool, counted: CountedRequests | None = None) -> Request:
        """Recorded under the first id that is free. Where a review of theirs is open, which is looked at under the lock
        of the record, a co-signer is asked for.

        Raises AskedMeanwhile: there are more than were ``counted``, perhaps by another account of theirs.
        """
        attempt = self.attempt
        for request_id in request_ids():
            try:
                return self._record(request_id, co_signed=co_signed, counted=counted)
            except ReviewOpen:
                return self.file(co_signed=True)
            except AlreadyOpen:
                access = self.valid.access.name
                same = Question(requester=attempt.by.id, access=access, states=OPEN, kind=EMERGENCY, limit=1)
                attempt.refuse(RefusalReason.ALREADY_OPEN, next(iter(attempt.core.ledger.requests(same)), None))
            except Conflict:
                continue  # this id is taken
        raise AssertionError("no free request id")

    def _record(self, request_id: str, *, co_signed: bool, counted: CountedRequests | None) -> Request:
        """Raises AlreadyOpen, ReviewOpen, Conflict, AskedMeanwhile."""
        attempt = self.attempt
        requested = self._requested(request_id, self._rule(co_signed=co_signed))
        if co_signed:
            return attempt.record(None, [requested])
        approved = let_in_at_once(requested)
        beside = [alert(apply(apply(None, requested), approved), approved)]
        decided = attempt.record(None, [requested, approved], beside, [counted] if counted else [])
        attempt.announce(attempt.core.queue.grant, decided.id)
        return decided

    def _rule(self, *, co_signed: bool) -> Rule:
        attempt, access = self.attempt, self.valid.access
        rule = emergency_rule(access, co_signed=co_signed)
        groups, now = attempt.core.directory.groups().in_emergency(), attempt.core.clock.now()
        try:
            if rule is None or not self.policy.decidable(rule, attempt.by.id, groups, now):
                attempt.refuse(RefusalReason.NOBODY_COULD_APPROVE, access)
        except StaleGroups:
            attempt.refuse(RefusalReason.STALE_GROUPS, access)
        return rule

    def _requested(self, request_id: str, rule: Rule) -> Requested:
        attempt, valid, access, glass = self.attempt, self.valid, self.valid.access, self.valid.access.break_glass
        signed = attempt.signed()
        if glass is None:
            raise AssertionError("what was let through has a break-glass")
        return Requested(
            **signed,
            request_id=request_id,
            requester=attempt.by.id,
            access=access.name,
            target=access.target,
            permissions=access.grants,
            principal=valid.principal,
            why=valid.why,
            incident=valid.incident,
            policy_version=self.policy.version,
            duration=valid.duration,
            channel=access.channel,
            risk=access.risk,
            needs=rule.quorums,
            pending_until=signed["at"] + CO_SIGN_WITHIN,
            rule=rule.called,
            inputs=self.inputs.to_json() if self.inputs else None,
            basis="emergency",
            rested_on=self.rested_on,
            skipped=self.skipped,
            review_by=glass.review_by,
            review_within=glass.review_within,
            in_lockdown=glass.in_lockdown,
        )


def let_in_at_once(requested: Requested) -> Approved:
    """The decision of the rule, in the moment in which it was asked."""
    request = apply(None, requested)
    return Approved.about(
        request,
        at=requested.at,
        actor=requested.actor,
        source=requested.source,
        digest=request.digest,
        counted=(),
        begin_by=requested.at + BEGIN_WITHIN,
        by_rule=by_break_glass(request),
    )


def alert(request: Request, approved: Approved) -> Alert:
    """For everybody to see, in the moment in which it is decided."""
    about = {name: getattr(request, name) for name in ("requester", "access", "target", "principal")}
    signed = {"at": approved.at, "actor": approved.actor, "source": approved.source}
    says = f"{approved.by_rule}. Those who decide otherwise were not asked."
    return Alert(**signed, name=AlertName.BREAK_GLASS, says=says, request_id=request.id, **about)


def by_break_glass(request: Request) -> str:
    """`break-glass: INC-42 open`; empty where it is none."""
    return f"{CALLED}: {request.emergency.rested_on}" if request.emergency else ""
