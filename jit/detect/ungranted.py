"""What targets hold that nobody granted, as the newest comparison of each says: for whoever looks at it now.

A comparison has ids alone, and names of people stand in its alerts, where they can be erased. The id of an alert is
made of the comparison before (`jit.detect.reconcile.alert_id`): so each finding leads to the words about it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from jit.detect.reconcile import FIRST, alert_id
from jit.detect.words import TAKEN_AWAY, how_to_remove
from jit.facts import Alert, AlertName, Fact, Reconciled, Removed
from jit.ledger import Ledger, TamperedEntry
from jit.requests.lifecycle import Request

SHOWN = 5
"""Findings that are shown; of more it is said how many."""
LOOKED_UP = 30
"""Findings, the newest, of which the words are looked up: what was told of together has none of its own."""
FIRST_READ, MOST_READ = 200, 3_200
"""Comparisons that are read back, at first and at most, to find since when something differs."""
BY_HAND = timedelta(days=1)
"""How old the comparison of a target may be that is compared by hand alone; of others it is twice their interval."""


class Finding(NamedTuple):
    """``since`` is the comparison that found it, or where ``earlier`` the oldest that was read."""

    id: str
    target: str
    since: datetime
    earlier: bool
    told_by: UUID


class Found(NamedTuple):
    """A finding in words. ``request`` is what it is about, and can be revoked; else ``removes`` is the command that
    takes it away, or empty where that is done by hand.
    """

    finding: Finding
    says: str
    request: Request | None
    removes: str


class Unsure(NamedTuple):
    """A target of which it is not known now. ``at`` is the last comparison, ``trouble`` why that failed."""

    target: str
    at: datetime | None
    trouble: str = ""

    def in_short(self, at: str) -> str:
        """``at`` as its reader is told it; ``trouble`` is for the reader to make harmless."""
        if self.at is None:
            return "never compared with the record"
        return f"could not be compared, {at}" if self.trouble else f"last compared {at}"


class Ungranted(NamedTuple):
    """The newest first; ``number`` counts all."""

    shown: tuple[Found, ...] = ()
    number: int = 0
    unsure: tuple[Unsure, ...] = ()


class _Target(NamedTuple):
    newest: Reconciled
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Comparisons:
    """Reads them again once there is a new one."""

    ledger: Ledger
    _read: tuple[UUID | None, Mapping[str, _Target]] = field(default=(None, {}), init=False)

    def ungranted(self, every: Mapping[str, timedelta | None], now: datetime, target: str = "") -> Ungranted:
        """Of all targets, or of the one that is called so, typed without capitals.

        ``every`` is how often each target of the rules is compared by itself, None where only by hand. One that is not
        in the rules is told of while something differs there.

        Raises LedgerUnavailable.
        """
        known = self._known()
        differ = {name for name, one in known.items() if one.newest.found}
        names = sorted(name for name in {*every, *differ} if target in ("", name.casefold()))
        there = [known[name] for name in names if name in known]
        findings = [each for one in there for each in one.findings]
        findings.sort(key=lambda each: each.since, reverse=True)
        beyond = sum(max(0, one.newest.found - len(one.newest.known)) for one in there)
        unsure = [_unsure(name, known.get(name), every.get(name), now) for name in names]
        return Ungranted(
            tuple(self._in_words(findings)), len(findings) + beyond, tuple(each for each in unsure if each is not None)
        )

    def _known(self) -> Mapping[str, _Target]:
        newest = next(iter(self.ledger.newest(_KINDS, 1)), None)
        if newest is None or newest.id != self._read[0]:
            self._read = (newest.id if newest else None, self._anew())
        return self._read[1]

    def _anew(self) -> Mapping[str, _Target]:
        limit = FIRST_READ
        while True:
            facts = self.ledger.newest(_KINDS, limit)
            whole = len(facts) < limit
            found = _by_target(facts, whole=whole)
            if whole or limit >= MOST_READ:
                return found
            limit *= 4

    def _in_words(self, findings: Sequence[Finding]) -> list[Found]:
        told = [(each, alert) for each in findings[:LOOKED_UP] if (alert := self._alert(each)) is not None][:SHOWN]
        ids = sorted({alert.request_id for _, alert in told if alert.request_id})
        requests = {request.id: request for request in self.ledger.requests_by_id(ids)}
        return [_found(finding, alert, requests.get(alert.request_id or "")) for finding, alert in told]

    def _alert(self, finding: Finding) -> Alert | None:
        try:
            entry = self.ledger.entry_of(finding.told_by)
        except TamperedEntry:
            return None
        fact = entry.fact if entry else None
        return fact if isinstance(fact, Alert) and fact.name is AlertName.DRIFT else None


_KINDS = ("reconciled", "removed")


def _by_target(facts: Iterable[Fact], *, whole: bool) -> dict[str, _Target]:
    """``facts`` are the newest first, ``whole`` if there are no others."""
    compared: dict[str, list[Reconciled]] = {}
    removed: dict[str, set[str]] = {}
    looked: set[str] = set()
    for fact in facts:
        if isinstance(fact, Reconciled):
            compared.setdefault(fact.target, []).append(fact)
            looked |= {fact.target} if fact.outcome != "not_compared" else set()
        elif isinstance(fact, Removed) and fact.outcome == "gone" and fact.target not in looked:
            removed.setdefault(fact.target, set()).add(fact.finding)
    return {
        name: _Target(each[0], tuple(_findings(each, removed.get(name, set()), whole=whole)))
        for name, each in compared.items()
    }


def _findings(compared: Sequence[Reconciled], removed: set[str], *, whole: bool) -> Iterator[Finding]:
    """Of one target: each is as old as the first of those that name it without a break."""
    left = set(compared[0].known) - removed
    for fact, before in zip(compared, [*compared[1:], None], strict=True):
        began = left - set(before.known) if before else left
        for name in sorted(began):
            told_by = alert_id(fact.target, f"{name} {before.id if before else FIRST}")
            yield Finding(name, fact.target, fact.at, before is None and not whole, told_by)
        left -= began


def _found(finding: Finding, alert: Alert, request: Request | None) -> Found:
    command = how_to_remove(finding.target, finding.id)
    says = alert.says.removesuffix(command).removesuffix(TAKEN_AWAY)
    removes = f"jit reconcile {finding.target} --remove {finding.id}" if says != alert.says else ""
    return Found(finding, says, request, "" if request else removes)


def _unsure(name: str, known: _Target | None, every: timedelta | None, now: datetime) -> Unsure | None:
    if known is None:
        return Unsure(name, None) if every is not None else None
    newest = known.newest
    if newest.outcome == "not_compared":
        return Unsure(name, newest.at, newest.trouble or "no answer")
    old = newest.at < now - (2 * every if every is not None else BY_HAND)
    return Unsure(name, newest.at) if old else None
