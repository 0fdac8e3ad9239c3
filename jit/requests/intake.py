"""What somebody typed to ask for access, and everything that may be wrong with it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jit.durations import BadDuration, parse_duration, say_duration
from jit.facts import RefusalReason
from jit.people.person import Groups
from jit.policy import Access, Policy
from jit.requests.detectors import DETECTORS
from jit.requests.nothing_said import says_nothing
from jit.requests.start import BadStart, read_start
from jit.requests.together import MOST_TOGETHER

LONGEST_TEXT = 2000
"""Characters of a reason."""

_BLANK = "CMZ"
"""First letters of the Unicode categories that show nothing alone: controls and formats, marks, spaces."""
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
"""Letters and symbols that look like a space all the same."""

NO_REASON = "Say why, in a few words: whoever decides reads this, and so does whoever looks at the record."
ACCESS, DURATION, REASON, INCIDENT, START = "access", "duration", "reason", "incident", "start"
ALSO = "also"
"""The field of the accesses beside the first."""


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The fields of the form, as typed."""

    access: str
    duration: str
    reason: str
    incident: str = ""
    start: str = ""
    also: tuple[str, ...] = ()
    """Accesses that are asked for in the same go."""

    @property
    def each(self) -> tuple["RequestForm", ...]:
        """The same of each access alone, once each."""
        names = dict.fromkeys(filter(None, map(str.strip, (self.access, *self.also)))) or {"": None}
        return tuple(replace(self, access=name, also=()) for name in names)


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """The same, understood: something this person may ask for, and some rule could decide.

    ``access`` has the rules that decide on so long a time; ``principal`` is the person's name in the target.
    """

    access: Access
    principal: str
    duration: timedelta
    why: str
    incident: str | None
    start_at: datetime | None = None


@dataclass(eq=False, repr=False)
class BadInput(Exception):
    """What was typed cannot be asked for. ``problems``: field to what is wrong and what to type instead.

    BAD_INPUT is a slip, mended where it was made: a field that is empty, unreadable, or more than the form says is the
    most. Any other ``reason`` is a refusal by the rules, and may stand without problems; ``access`` is what it is
    about, if there is such, and ``of`` its name, where others were asked for in the same go.
    """

    problems: dict[str, str]
    reason: RefusalReason = RefusalReason.BAD_INPUT
    access: Access | None = None
    of: str = ""

    def __str__(self) -> str:
        return "; ".join(self.problems.values()) or self.reason.value

    @property
    def slip(self) -> bool:
        return self.reason is RefusalReason.BAD_INPUT


def validate(
    asked: RequestForm,
    policy: Policy,
    person: str,
    groups: Groups,
    now: datetime,
    *,
    zone: str = "",
    emergency: bool = False,
) -> ValidRequest:
    """Read the form as this person's, whose clock is of ``zone``; without one a start says its own, or is in UTC. With
    ``emergency`` as break-glass, which nobody decides, which needs an incident, and begins at once.

    Raises BadInput, naming every wrong field; StaleGroups.
    """
    problems: dict[str, str] = {}
    named = access = policy.accesses.get(asked.access.strip())
    may = policy.may_break_glass if emergency else policy.may_ask
    if access is None or not may(access, person, groups, now):
        access = None
        what = "for which you may break the glass" if emergency else "that you may ask for"
        problems[ACCESS] = f"There is no such access {what}. Choose one from the list."
    duration = _duration(asked.duration, access, problems, emergency=emergency)
    if trouble := reason_trouble(asked.reason, asked.access):
        problems[REASON] = trouble
    incident = asked.incident.strip() or None
    if trouble := _incident_trouble(incident, access, emergency=emergency):
        problems[INCIDENT] = trouble
    start_at = None if emergency else _start(asked.start, zone, now, problems)
    if emergency and asked.start.strip():
        problems[START] = "A break-glass begins at once, or not at all."
    if problems or access is None or duration is None:
        forbidden = access is None and asked.access.strip()
        not_allowed = RefusalReason.NOT_LISTED if emergency else RefusalReason.NOT_ALLOWED_TO_ASK
        raise BadInput(problems, not_allowed if forbidden else RefusalReason.BAD_INPUT, named)
    access = access if emergency else access.asked_for(duration)
    principal = policy.principal(person, access.target)
    if principal is None:
        raise BadInput({}, RefusalReason.NO_PRINCIPAL, access)
    if not emergency and not any(policy.decidable(rule, person, groups, now) for rule in access.rules):
        raise BadInput({}, RefusalReason.NOBODY_COULD_APPROVE, access)
    return ValidRequest(access, principal, duration, asked.reason, incident, start_at)


def trouble_with(
    asked: RequestForm,
    policy: Policy,
    person: str,
    groups: Groups,
    now: datetime,
    *,
    zone: str = "",
    emergency: bool = False,
) -> BadInput | None:
    """What stands in the way; None if nothing does. Raises StaleGroups."""
    try:
        if emergency:
            validate(asked, policy, person, groups, now, emergency=True)
        else:
            validate_each(asked, policy, person, groups, now, zone=zone)
    except BadInput as bad:
        return bad
    return None


def validate_each(
    asked: RequestForm, policy: Policy, person: str, groups: Groups, now: datetime, *, zone: str = ""
) -> tuple[ValidRequest, ...]:
    """As `validate`, of each access that is asked for, in order. One that cannot be asked for is named with what is
    wrong with it, and nothing is asked for. Raises BadInput, StaleGroups.
    """
    forms = asked.each
    if len(forms) > MOST_TOGETHER:
        raise BadInput({ALSO: f"{len(forms)} accesses; at most {MOST_TOGETHER} are asked for in one go."})
    valid: list[ValidRequest] = []
    wrong: list[tuple[str, BadInput]] = []
    for form in forms:
        try:
            valid.append(validate(form, policy, person, groups, now, zone=zone))
        except BadInput as bad:
            wrong.append((form.access, bad))
    if wrong and len(forms) == 1:
        raise wrong[0][1]
    if wrong:
        raise _together(wrong, first=forms[0].access)
    return tuple(valid)


def _together(wrong: Sequence[tuple[str, BadInput]], first: str) -> BadInput:
    """What is wrong with each, at its field; or the first that is refused for a reason which is about no field."""
    for access, bad in wrong:
        if not bad.problems:
            return replace(bad, of=access)
    problems: dict[str, str] = {}
    for access, bad in wrong:
        for field, says in bad.problems.items():
            own = ACCESS if access == first else ALSO
            at, said = (own, f"{access}: {says}") if field == ACCESS else (field, says)
            before = problems.get(at, "")
            problems[at] = before if said in before else f"{before} {said}".strip()
    gravest = next((bad for _, bad in wrong if not bad.slip), wrong[0][1])
    return replace(gravest, problems=problems)


def _duration(text: str, access: Access | None, problems: dict[str, str], *, emergency: bool) -> timedelta | None:
    try:
        duration = parse_duration(text)
    except BadDuration as bad:
        problems[DURATION] = str(bad)
        return None
    most = access.longest(emergency=emergency) if access is not None else duration
    if access is not None and duration > most:
        problems[DURATION] = f"At most {say_duration(most)} for {access.name}{' in an emergency' if emergency else ''}."
    return duration


def _start(text: str, zone: str, now: datetime, problems: dict[str, str]) -> datetime | None:
    try:
        return read_start(text, zone, now) if text.strip() else None
    except BadStart as bad:
        problems[START] = str(bad)
        return None


def _incident_trouble(incident: str | None, access: Access | None, *, emergency: bool) -> str | None:
    if incident is not None and (trouble := text_trouble(incident, longest=100)):
        return trouble
    if emergency and incident is None:
        return "Break-glass needs an incident: name the one you are on."
    if access is None or access.incident is None:
        return None
    if incident is None:
        return f"{access.name} needs {incident_wanted(access)}."
    if not access.accepts_incident(incident):
        return f"This is not {incident_wanted(access)}."
    return None


def reason_trouble(text: str, access: str = "") -> str | None:
    """What keeps this text from being somebody's reason to ask for, decide on or review ``access``; None if nothing
    does. To end access, whatever `text_trouble` lets into the record is reason enough: an end is not held up.
    """
    return text_trouble(text) or (NO_REASON if says_nothing(text, access) else None)


def incident_wanted(access: Access) -> str:
    """`an incident or ticket like INC-4711`: an example, as no pattern is shown to who asks."""
    like = f" like {access.example_incident}" if access.example_incident else " id"
    return f"an incident or ticket{like}"


def text_trouble(text: str, *, longest: int = LONGEST_TEXT) -> str | None:
    """What keeps this text out of the record, and what to do; None if nothing does."""
    if all(letter in _FILLERS or unicodedata.category(letter)[0] in _BLANK for letter in text):
        return "Say why, in a few words."
    if len(text) > longest:
        return f"{len(text)} characters; at most {longest} fit."
    if "\x00" in text:
        return "There is a NUL character in it. Type it again without."
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "There is half a character in it (a lone surrogate). Type it again without."
    if looks_secret(text):
        return (
            "This looks like it holds a password, key or token. The record is for ever: leave it out. "
            "If it was real, change it."
        )
    return None


_ASSIGNED = re.compile(
    r"(?i)\b(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key)\s*(?:is\s+|[:=]\s*)['\"]?[^\s'\"]{6,}"
)
_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@", re.IGNORECASE)


def looks_secret(text: str) -> bool:
    """Whether detect-secrets, or a written-out password, says that this should not be kept."""
    if _ASSIGNED.search(text) or _IN_ADDRESS.search(text):
        return True
    return any(next(iter(detector.analyze_string(text)), None) for detector in DETECTORS)
