"""The audit line: one entry, one line, always in the same order.

Time, number, what, who, access · decided by · why · request. A burst of refusals is folded, a line for each person
who was refused; the ledger keeps every one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from bot.views.text import Names, harmless, line_of, moment, moment_to_the_second, named, plural, units
from bot.views.words import ENDED_BY_ITSELF, LAPSED, LEFT, audience, decided_by, target_said, word, words
from jit.durations import say_duration
from jit.facts import (
    NO_POLICY,
    Alert,
    Approval,
    Approved,
    Denied,
    Ended,
    Fact,
    Granted,
    GrantFailed,
    GrantIntent,
    KeyChanged,
    Lapsed,
    Life,
    PersonErased,
    PolicyChanged,
    RecordRead,
    Refused,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    SpoolTaken,
    Started,
    Withdrawn,
)
from jit.ledger import Entry
from jit.requests.lifecycle import Request

Known = Callable[[str], Request | None]
"""From a request's id to what its facts tell."""

REFUSED, ALERT = "*REFUSED*", "*ALERT*"
SOON = timedelta(minutes=1)
"""What is recorded later than so may be of another day: it lay in a spool, say."""
LONGEST = 2900
"""Characters of a line, so that it fits a block."""


def lines(entries: Sequence[Entry], names: Names, known: Known) -> list[str]:
    """One line for each entry, in order; refusals that follow each other are folded by person."""
    return [_line(group, names, known) for group in fold(entries)]


def first_lines(entries: Sequence[Entry], most: int) -> Sequence[Entry]:
    """As many of the entries, from the first, as make ``most`` lines."""
    groups = fold(entries)
    if len(groups) <= most:
        return entries
    return [entry for entry in entries if entry.index < groups[most][0].index]


def fold(entries: Sequence[Entry]) -> list[list[Entry]]:
    """What stands on one line: one entry, or all that one person was refused in a run of refusals."""
    groups: list[list[Entry]] = []
    run: dict[str, list[Entry]] = {}
    for entry in entries:
        if not isinstance(entry.fact, Refused):
            run = {}
            groups.append([entry])
        elif entry.fact.actor in run:
            run[entry.fact.actor].append(entry)
        else:
            run[entry.fact.actor] = [entry]
            groups.append(run[entry.fact.actor])
    return groups


def _line(group: Sequence[Entry], names: Names, known: Known) -> str:
    entry = group[0]
    refused = [each.fact for each in group if isinstance(each.fact, Refused)]
    if len(refused) > 1:
        place = f"#{entry.index} to #{group[-1].index}"
        said = _refused_often(refused, names)
    else:
        place, said = f"#{entry.index}", _said(entry.fact, names, known)
    late = "from the spool" if entry.fact.spooled else ""
    when = moment_to_the_second(entry.fact.at, other_day=abs(entry.recorded_at - entry.fact.at) > SOON)
    line = line_of(f"{when} {place} {said}", late)
    return line if units(line) <= LONGEST else _in_brief(entry, place)


def _in_brief(entry: Entry, place: str) -> str:
    """For a line that would not fit: the rest is in the ledger."""
    fact = entry.fact
    request = getattr(fact, "request_id", None)
    return line_of(f"{moment_to_the_second(fact.at)} {place} {fact.kind}, too long to show", request or "")


def _refused_often(facts: Sequence[Refused], names: Names) -> str:
    attempts = Counter(f"{fact.attempted} ({_reason(fact)})" for fact in facts)
    shown = [harmless(f"{count}x {what}", 100) for what, count in attempts.most_common(4)]
    more = "…" if len(attempts) > 4 else ""
    requests = list(dict.fromkeys(fact.request_id for fact in facts if fact.request_id))
    others = f" and {len(requests) - 3} more" if len(requests) > 3 else ""
    who = named(facts[0].actor, names)
    return line_of(
        f"{REFUSED} {len(facts)} times, by {who}", f"{', '.join(shown)}{more}", word(", ".join(requests[:3]) + others)
    )


def _said(fact: Fact, names: Names, known: Known) -> str:  # noqa: PLR0911  one return for each kind
    match fact:
        case Refused():
            about = f" for {named(fact.requester, names)}" if fact.requester else ""
            access = f" on {word(fact.access)}{about}" if fact.access else ""
            what = f"{REFUSED} {harmless(fact.attempted, 40)} by {named(fact.actor, names)}{access}"
            return line_of(what, _reason(fact), word(fact.request_id or ""))
        case Alert():
            about = f", {word(fact.access)} of {named(fact.requester, names)}" if fact.access and fact.requester else ""
            name = fact.name.replace("_", " ")
            return line_of(f"{ALERT} {name}{about}", harmless(fact.says, 500), word(fact.request_id or ""))
        case Started():
            warnings = ", ".join(harmless(warning) for warning in fact.warnings[:5])
            policy = "" if fact.policy_version == NO_POLICY else f"policy {fact.policy_version[:8]}"
            return line_of(f"started {harmless(fact.process)} {word(fact.version)}", policy, warnings)
        case PolicyChanged():
            return f"policy changed to {fact.policy_version[:8]} from {fact.before[:8]}, at {harmless(fact.actor)}"
        case KeyChanged():
            before = f", and no more with {harmless(fact.before, 100)}" if fact.before else ""
            return f"key changed: signed from here on with {harmless(fact.key, 100)}{before}"
        case RecordRead():
            asked = f"“{harmless(fact.asked, 200)}”" if fact.asked else ""
            return line_of(f"record read ({fact.how.replace('_', ' ')}) by {named(fact.actor, names)}", asked)
        case PersonErased():
            what = f"person erased by {named(fact.actor, names)}"
            return line_of(what, f"“{harmless(fact.legal_basis, 300)}”", f"key {harmless(fact.key, 40)}")
        case SpoolTaken():
            return f"spool taken in from {harmless(fact.host, 100)}, lines {fact.first} to {fact.last}"
        case Life():
            return _step(fact, names, known(fact.request_id))
    raise AssertionError(fact.kind)


def _reason(fact: Refused) -> str:
    return fact.reason.replace("_", " ")


def _step(fact: Life, names: Names, request: Request | None) -> str:
    what, *more = _what(fact, names)
    decided = "" if request is None or isinstance(fact, Requested | Approval | Approved) else decided_by(request, names)
    why = harmless(fact.incident or "", 100)
    return line_of(what, *more, decided, why, word(fact.request_id))


def _what(fact: Life, names: Names) -> tuple[str, ...]:  # noqa: C901, PLR0911, PLR0912  one return for each kind of step
    access, who, by = word(fact.access), named(fact.requester, names), named(fact.actor, names)
    match fact:
        case Requested():
            needs = ", ".join(f"{need.count} of {audience(need, names)}" for need in fact.needs[:3])
            long = say_duration(fact.duration)
            return f"requested {access} by {who} for {long}", f"needs {needs}", f"“{harmless(fact.why)}”"
        case Approval():
            return f"approval of {access} for {who} by {by}", f"counts for {words(fact.quorums[:5])}"
        case Approved():
            decided = [f"{named(each.approver, names)} ({word(each.quorum, 80)})" for each in fact.counted[:5]]
            more = f" and {len(fact.counted) - 5} more" if len(fact.counted) > 5 else ""
            return f"approved {access} for {who}", f"by {', '.join(decided)}{more}"
        case Denied():
            return f"denied {access} to {who} by {by}", f"“{harmless(fact.reason)}”"
        case Withdrawn():
            return (f"withdrawn {access} by {who}",)
        case Lapsed():
            return f"lapsed {access} for {who}", LAPSED[fact.because]
        case GrantIntent():
            before = f"held before: {words(fact.held_before[:5])}" if fact.held_before else ""
            return f"giving {access} to {who} until {moment(fact.ends_at, fact.at)}", before
        case Granted():
            return (f"granted {access} to {who} until {moment(fact.ends_at, fact.at)}",)
        case GrantFailed():
            return f"not granted {access} to {who}", target_said(fact.target, fact.reason)
        case Released():
            return (f"released {access} by {who}",)
        case Revoked():
            return f"revoked {access} of {who} by {by}", f"“{harmless(fact.reason)}”"
        case RequesterLeft():
            return f"requester left: {access} of {who} is to end", LEFT[fact.because]
        case RevokeIntent():
            return f"ending {access} of {who}", ENDED_BY_ITSELF.get(fact.cause, fact.cause.value)
        case RevokeFailed():
            attempts = plural(fact.attempts, "attempt", "attempts")
            return f"not ended yet {access} of {who}", target_said(fact.target, fact.reason), attempts
        case Ended():
            return f"ended {access} of {who}", *_ended(fact)
    raise AssertionError(fact.kind)


def _ended(fact: Ended) -> tuple[str, ...]:
    cut = plural(fact.sessions, "session cut", "sessions cut") if fact.sessions else ""
    left = f"left behind: {', '.join(harmless(each) for each in fact.left_behind[:3])}" if fact.left_behind else ""
    nothing = "" if fact.existed else "there was nothing left to take"
    return ENDED_BY_ITSELF.get(fact.cause, fact.cause.value), cut, left, nothing
