"""The audit line: one entry, one line, always in the same order.

Time, number, what, who, access · decided by · why · request. A burst of refusals is folded, a line for each person
who was refused; the ledger keeps every one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from bot.views.text import Names, harmless, line_of, moment_to_the_second, named, units
from bot.views.words import decided_by, in_line, past_the_rules, word
from jit.facts import Fact, Life, Refused
from jit.facts.sentence import in_words
from jit.ledger import Entry
from jit.requests.lifecycle import MAY_FOLLOW, Request, State

Known = Callable[[str], Request | None]
"""From a request's id to what its facts tell."""

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
    attempts = Counter(f"{fact.attempted} ({in_words(fact.reason)})" for fact in facts)
    shown = [harmless(f"{count}x {what}", 100) for what, count in attempts.most_common(4)]
    more = "…" if len(attempts) > 4 else ""
    requests = list(dict.fromkeys(fact.request_id for fact in facts if fact.request_id))
    others = f" and {len(requests) - 3} more" if len(requests) > 3 else ""
    who = named(facts[0].actor, names)
    return line_of(
        f"*REFUSED* {len(facts)} times, by {who}", f"{', '.join(shown)}{more}", word(", ".join(requests[:3]) + others)
    )


def _said(fact: Fact, names: Names, known: Known) -> str:
    told = fact.told()
    request = known(fact.request_id) if isinstance(fact, Life) and _may_be_decided(fact) else None
    return line_of(
        in_line((told.what, told.rest), names),
        *(in_line(part, names) for part in told.more),
        line_of(past_the_rules(request), decided_by(request, names)) if request else "",
        harmless(getattr(fact, "incident", None) or "", 100),
        word(getattr(fact, "request_id", None) or ""),
    )


def _may_be_decided(fact: Life) -> bool:
    """Not what comes before a decision, or makes it."""
    return bool(MAY_FOLLOW.get(type(fact), frozenset()) - {State.PENDING})
