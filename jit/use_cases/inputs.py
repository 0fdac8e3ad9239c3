"""What the conditions of an access read, put together when somebody asks for it. Only what some condition reads is
looked up.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jit.ledger import CountedRequests, Question
from jit.people import on_call
from jit.people.incidents import Incident, NoSuchIncident, NotKnown
from jit.people.on_call import Shift
from jit.policy import Access, Policy
from jit.policy.conditions import Condition, IncidentInputs, Inputs
from jit.policy.inputs import Answer
from jit.ports import DirectoryUnavailable
from jit.requests.decision import on_call_for
from jit.requests.intake import ValidRequest
from jit.requests.reviews import unreviewed
from jit.requests.start import FURTHEST
from jit.use_cases.attempt import Attempt

A_DAY = timedelta(days=1)
ASKED_ANEW = 2
"""Schedules that are asked about while somebody waits; of others what was heard lately has to do."""
ZONE_KNOWN_FOR = timedelta(hours=1)
EMAIL_KNOWN_FOR = timedelta(hours=1)
"""Of others, of whom there may be many: an emergency does not wait until each is asked about."""
WAITED_AT_MOST = timedelta(days=7)
"""From asked to given, beside how far ahead it may begin; longer only where the rules let it wait longer now."""
MOST_READ = 1000
"""Requests of the past that are looked at; of more than these nothing is said."""


def read_inputs(
    attempt: Attempt, valid: ValidRequest, policy: Policy, incident: IncidentInputs | None = None
) -> Inputs:
    """``incident``: as it was found already. Raises StaleGroups, LedgerUnavailable."""
    core, person, access = attempt.core, attempt.by.id, valid.access
    conditions = [rule.when for rule in access.rules if rule.when is not None]
    schedules = sorted({name for condition in conditions for name in condition.schedules})
    for schedule in schedules[:ASKED_ANEW]:
        core.on_call.who(schedule, core.clock.now())  # which the directory knows from then on
    groups, now = core.directory.groups(), core.clock.now()
    shifts = [groups.on_call.who(schedule, now) for schedule in schedules]
    known, found = (incident, []) if incident else _incident(attempt, valid.incident, conditions)
    inputs = Inputs(
        requester=person,
        groups=policy.groups_of(person, groups, now) if _any(conditions, "requester.groups") else (),
        zone=_zone(attempt) if _any(conditions, "requester.zone") else None,
        on_call=on_call_for(person, schedules, groups, now),
        access=access.name,
        risk=access.risk,
        target=access.target,
        labels=dict(access.labels),
        duration=valid.duration,
        reason=valid.why,
        incident=known,
        now=now,
        answers=(*(_of_shift(shift, person) for shift in shifts), *found),
    )
    inputs = _with_history(attempt, inputs, access, policy)
    return inputs if valid.start_at is None else _later(inputs, valid.start_at)


def _later(inputs: Inputs, start_at: datetime) -> Inputs:
    """For what begins later: by its own time of day, and not knowing who is on call, what burns, and what they have
    been given by then.
    """
    incident = IncidentInputs(inputs.incident.id) if inputs.incident else None
    unknown = replace(inputs, on_call={}, incident=incident, grants_by_day=None, break_glass_open=None)
    return replace(unknown, now=start_at)


def _any(conditions: Sequence[Condition], word: str) -> bool:
    return any(use.word.name == word for condition in conditions for use in condition.uses)


def _zone(attempt: Attempt) -> str | None:
    try:
        return attempt.core.directory.recall(attempt.by.id, ZONE_KNOWN_FOR).tz
    except DirectoryUnavailable:
        return None


def _of_shift(shift: Shift | on_call.NotKnown, person: str) -> Answer:
    """Names nobody: who else is on call is not about the requester, whose key closes this."""
    if isinstance(shift, Shift):
        unbound = f", {shift.unbound} of them unbound" if shift.unbound else ""
        among = "the requester among them" if person in shift.people else "not the requester"
        count = len(shift.people) + shift.unbound
        said = f"{count} {'person' if count == 1 else 'people'}{unbound}, {among}"
    else:
        said = f"not known: {shift.reason.words}"
    return Answer(f"on call for {shift.schedule}", said, shift.by, shift.as_of, shift.took)


def _incident(
    attempt: Attempt, named: str | None, conditions: Sequence[Condition]
) -> tuple[IncidentInputs | None, list[Answer]]:
    if named is None:
        return None, []
    if not any(condition.asks_incident for condition in conditions):
        return IncidentInputs(named), []
    found = attempt.core.incidents.find(named)
    return incident_inputs(named, found, attempt.by.id), [answer_of(named, found)]


def answer_of(named: str, found: Incident | NoSuchIncident | NotKnown) -> Answer:
    """What the provider of incidents was asked, and what it said."""
    if isinstance(found, Incident):
        said = "open" if found.open else "closed"
    elif isinstance(found, NoSuchIncident):
        said = "there is none"
    else:
        said = f"not known: {found.reason.words}"
    return Answer(f"incident {named}", said, found.by, found.as_of, found.took)


def incident_inputs(named: str, found: Incident | NoSuchIncident | NotKnown, person: str) -> IncidentInputs:
    """What the provider said of the incident that ``person`` named."""
    if isinstance(found, NoSuchIncident):
        return IncidentInputs(named, known=False)
    if not isinstance(found, Incident):
        return IncidentInputs(named)
    return IncidentInputs(
        named,
        known=True,
        open=found.open,
        severity=found.severity or None,
        service=found.service or None,
        responder=person in found.responders,
    )


def _with_history(attempt: Attempt, inputs: Inputs, access: Access, policy: Policy) -> Inputs:
    conditions = [rule.when for rule in access.rules if rule.when is not None]
    days = max((condition.history_days for condition in conditions), default=0)
    limits = [rule.automatic for rule in access.rules if rule.automatic is not None]
    if days:
        inputs = replace(inputs, grants_by_day=_grants_by_day(attempt, inputs, access, policy, days))
    if any(limit.per_person is not None or limit.per_access is not None for limit in limits):
        asked = attempt.core.ledger.requests(of_a_day(attempt, access))
        alone = [each for each in asked if each.by_rule and each.basis == "rule"]
        own = sum(each.requester in policy.namesakes_of(inputs.requester) for each in alone)
        if len(asked) == MOST_READ:  # further ones may be among those that were not looked at
            own, alone = MOST_READ, asked
        inputs = replace(inputs, automatic_for_access=len(alone), automatic_for_person=own)
    if _any(conditions, "history.break_glass_open"):
        inputs = replace(inputs, break_glass_open=open_reviews(attempt, policy).own)
    return inputs


def _grants_by_day(
    attempt: Attempt, inputs: Inputs, access: Access, policy: Policy, days: int
) -> tuple[int, ...] | None:
    """To any account of the requester, whenever it was asked for. What a worker whose clock is ahead gave a moment ago
    was given now. None where there is too much to look at.
    """
    since = inputs.now - days * A_DAY - max(access.pending_for, WAITED_AT_MOST) - FURTHEST
    by_day = [0] * days
    for account in sorted(policy.namesakes_of(inputs.requester)):
        question = Question(access=access.name, requester=account, asked_since=since, limit=MOST_READ)
        before = attempt.core.ledger.requests(question)
        if len(before) == MOST_READ:
            return None
        ages = [max(inputs.now - each.granted_at, timedelta(0)) for each in before if each.granted_at is not None]
        for age in ages:
            if age < days * A_DAY:
                by_day[age // A_DAY] += 1
    return tuple(by_day)


class OpenReviews(NamedTuple):
    """Whether a break-glass of the actor is not reviewed, and all that were looked through for that."""

    own: bool
    counted: CountedRequests


def open_reviews(attempt: Attempt, policy: Policy) -> OpenReviews:
    """Of the actor by any account of theirs, which one name in the rules or one e-mail tells. One whose entries were
    changed is not reviewed; where there are too many to be looked through, one of theirs may be among them.
    """
    ledger, every = attempt.core.ledger, Question(unreviewed=True, limit=MOST_READ)
    found = ledger.find(every)
    theirs = _accounts_among({each.requester for each in found}, attempt, policy)
    read = (ledger.request_as_written(each.id) for each in found if each.requester in theirs)
    own = len(found) == MOST_READ or any(request is None or unreviewed(request) for request in read)
    return OpenReviews(own, CountedRequests(every, frozenset(each.id for each in found)))


def _accounts_among(people: set[str], attempt: Attempt, policy: Policy) -> frozenset[str]:
    """Those of them that are the actor. Of whom cannot be asked about now, the rules alone tell."""
    directory, accounts = attempt.core.directory, policy.namesakes_of(attempt.by.id)
    others = people - accounts
    with suppress(DirectoryUnavailable):
        account = directory.look_up(attempt.by.id)
        for other in others:
            with suppress(DirectoryUnavailable):
                accounts |= {other} if account.is_also(directory.recall(other, EMAIL_KNOWN_FOR)) else set()
    return accounts


def of_a_day(attempt: Attempt, access: Access) -> Question:
    """What was asked for of this access within the last day."""
    return Question(access=access.name, asked_since=attempt.core.clock.now() - A_DAY, limit=MOST_READ)
