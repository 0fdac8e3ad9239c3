"""One comparison of a target with the ledger: looked at twice, recorded, told of once, and taken away if that is so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from jit.detect.reconcile import FIRST, SETTLES, Drift, Expected, compare, seen_twice
from jit.detect.words import SAID
from jit.facts import Life, Reconciled
from jit.ledger import Ledger, LedgerUnavailable
from jit.policy import Policy, PolicyFolder, Reconcile
from jit.ports import Clock, Inventory, TargetError
from jit.requests.lifecycle import LIVE, Request
from workers.provision.recorder import Recorder
from workers.reconcile.alerts import DriftAlerts, News
from workers.reconcile.kept import KeptIds, hash_of
from workers.reconcile.removal import Removals
from workers.targets.registry import TargetRegistry

log = structlog.get_logger(__name__)

MOST_KNOWN = 500
"""Ids of what differs that a fact holds; of what is beyond, it holds a hash."""
AHEAD = SETTLES + timedelta(seconds=2)
"""So much sooner than it is due it is begun: what was done just after a comparison is told within one interval."""
LATEST = 100
"""Facts that are read at once to find the last of a target."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was recorded, and everything that differs."""

    fact: Reconciled
    differs: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    differs: tuple[Drift, ...]
    accepted: int
    inventory: Inventory
    requests: Mapping[str, Request]


@dataclass(kw_only=True, eq=False, repr=False)
class Reconciler:
    """`look` until it returns a comparison; between two looks `SETTLES` has to pass."""

    ledger: Ledger
    recorder: Recorder
    registry: TargetRegistry
    policies: PolicyFolder
    clock: Clock
    kept: KeptIds
    _last: dict[str, Reconciled | None] = field(default_factory=dict, init=False)
    _blind: set[str] = field(default_factory=set, init=False)
    """Those of which it was told that they cannot be compared."""
    _first_looks: dict[str, tuple[datetime, tuple[Drift, ...]]] = field(default_factory=dict, init=False)

    def is_wanted(self, name: str) -> bool:
        """Whether the rules want this target compared by itself. Waits for nothing."""
        return self._wanted(self.policies.last_good, name) is not None

    def look_if_due(self, name: str, now: datetime) -> None:
        """Look, if it is time. While the ledger is silent nothing is looked at."""
        try:
            if self._is_due(name, now):
                self.look(name)
        except LedgerUnavailable as silent:
            log.warning("reconcile.broken_off", target=name, because=str(silent))

    @staticmethod
    def _wanted(policy: Policy | None, name: str) -> Reconcile | None:
        config = policy.targets.get(name) if policy else None
        return config.reconcile if config else None

    def _is_due(self, name: str, now: datetime) -> bool:
        wanted = self._wanted(self.policies.newest(), name)
        if wanted is None:
            return False
        if first := self._first_looks.get(name):
            return abs(now - first[0]) >= SETTLES
        last = self.last(name)
        return last is None or abs(now - last.at) >= wanted.every - AHEAD

    def look(self, name: str) -> Comparison | None:
        """None where something differs from what was known: it has to be looked at again, once `SETTLES` has passed.

        1. What is known to differ stands in the last comparison.
        2. Both sides are read.
        3. What is new, or gone, is believed when it is seen twice.
        4. The comparison is recorded, with an alert of what is new.
        5. What nobody granted is taken away, where the rules want that.

        Raises:
            LedgerUnavailable: nothing was recorded.
            PolicyError: nor here, for no rules say what can be given.
        """
        first = self._first_looks.get(name)
        if first and abs(self.clock.now() - first[0]) < SETTLES:
            return None
        last = self.last(name, anew=True)  # 1.
        policy = self._rules()
        try:
            look = self._read(name, policy)  # 2.
        except TargetError as trouble:
            self._first_looks.pop(name, None)
            return Comparison(self._not_compared(name, last, str(trouble)))
        self._blind.discard(name)
        known, now = {*(last.known if last else ())}, self.clock.now()
        self._first_looks.pop(name, None)  # 3.
        if first is None and not _is_known(last, look.differs):
            self._first_looks[name] = (now, look.differs)
            return None
        believed = look.differs
        if first is not None:
            news = [each for each in look.differs if each.id not in known]
            twice = {each.id for each in seen_twice(first[1], news)}
            believed = tuple(each for each in look.differs if each.id in known or each.id in twice)
            if len(believed) < len(look.differs):
                self._first_looks[name] = (now, look.differs)
        wanted = self._wanted(policy, name)
        removes = wanted is not None and wanted.on_drift == "remove"
        fact = self._record(name, last, look, believed, removes=removes)  # 4.
        if removes:  # 5.
            Removals(self.recorder, self.registry).take(name, last, believed)
        return Comparison(fact, believed)

    def unlisted(self, name: str) -> list[Drift]:
        """The standing access that no list of the rules accepts; by one look, and recorded by nobody. Raises
        TargetError, LedgerUnavailable, PolicyError.
        """
        look = self._read(name, self._rules())
        return [each for each in look.differs if each.right and each.right.grant is None and not each.right.changed]

    def remove(self, drift: Drift) -> str:
        """Because somebody names it, whenever it came there. Why it could not be taken away; empty where it is gone."""
        return Removals(self.recorder, self.registry).take_named(drift)

    def _rules(self) -> Policy:
        """Raises PolicyError."""
        return self.policies.newest() or self.policies.current()

    def last(self, name: str, *, anew: bool = False) -> Reconciled | None:
        """The newest comparison of a target, whoever made it. Raises LedgerUnavailable."""
        if anew or name not in self._last:
            self._last[name] = self._find_last(name)
        return self._last[name]

    def _find_last(self, name: str) -> Reconciled | None:
        limit, read = LATEST, -1
        while True:
            facts = self.ledger.newest(("reconciled",), limit)
            for fact in facts:
                if isinstance(fact, Reconciled) and fact.target == name:
                    return fact
            if len(facts) <= read or len(facts) < limit:
                return None
            limit, read = limit * 4, len(facts)

    def _read(self, name: str, policy: Policy) -> _Look:
        """The ledger on both sides of the target. Raises TargetError, LedgerUnavailable."""
        since = self.ledger.last_index()
        open_before = self._on(name, self.ledger.unsettled())
        people = {request.principal for request in open_before.values()} | policy.principals_on(name)
        inventory = self.registry.get(name).inventory(policy.given_on(name), people)
        about = {*self.ledger.unsettled(), *(held.request_id for held in inventory.grants)}
        requests = {request.id: request for request in self.ledger.requests_by_id(sorted(about))}
        moved = self._moved(since)
        compared = compare(name, Expected(requests, moved), inventory, policy.standing, self.clock.now())
        return _Look(compared.differs, compared.accepted, inventory, requests)

    def _on(self, name: str, request_ids: Sequence[str]) -> dict[str, Request]:
        found = self.ledger.requests_by_id(request_ids)
        return {request.id: request for request in found if request.target == name and request.state in LIVE}

    def _moved(self, since: int) -> Collection[str]:
        """Only steps count: of what is done with access, whoever holds it could record something all the time."""
        moved = set[str]()
        while news := self.ledger.read(since, skip_unreadable=True):
            moved |= {entry.fact.request_id for entry in news if isinstance(entry.fact, Life)}
            since = news[-1].index
        return moved

    def _not_compared(self, name: str, last: Reconciled | None, trouble: str) -> Reconciled:
        """What is known stays known. Twice in a row somebody has to see it: who blinds us, hides something."""
        kept = last.model_dump(include={"found", "known", "at_first", "rest", "since"}) if last else {}
        fact = Reconciled(target=name, outcome="not_compared", trouble=trouble, **kept, **self.recorder.signed())
        again = last is not None and last.outcome == "not_compared"
        alerts = [DriftAlerts(self.recorder).blind(fact)] if again and name not in self._blind else []
        self._blind |= {name} if again else set()
        self.recorder.record([fact, *alerts])
        self._last[name] = fact
        return fact

    def _record(
        self, name: str, last: Reconciled | None, look: _Look, differs: Sequence[Drift], *, removes: bool
    ) -> Reconciled:
        """What was known before stands first, so that what is new pushes nothing of it out."""
        since, before = (last.since, {*last.known}) if last else (None, set[str]())
        rest_before = self.kept.read(name, last.rest if last else "")
        ids = sorted((each.id for each in differs), key=lambda one: one not in before)
        known, rest = ids[:MOST_KNOWN], ids[MOST_KNOWN:]
        new, more = [each for each in differs if each.id not in before], 0
        if rest_before is None and last is not None:
            new, more = [], max(0, len(differs) - last.found)
        elif rest_before:
            new = [each for each in new if each.id not in rest_before]
        if rest:
            self.kept.write(name, rest)
        fact = Reconciled(
            target=name,
            outcome="new" if new or more else "known" if differs else "agree",
            read=look.inventory.read,
            grants=len(look.inventory.grants),
            accepted=look.accepted,
            found=len(differs),
            known=tuple(known),
            at_first=tuple(known if since is None else [each for each in known if last and each in last.at_first]),
            since=since or self.clock.now(),
            rest=hash_of(rest),
            found_new=len(new) + more,
            new=tuple(f"{each.kind} {each.id}" for each in new[:SAID]),
            gone=tuple(sorted(before - {*ids})),
            **self.recorder.signed(),
        )
        news = News(name, new, str(last.id) if last else FIRST, first=since is None, removes=removes, more=more)
        self.recorder.record([fact, *DriftAlerts(self.recorder).of(news, look.requests)])
        self._last[name] = fact
        return fact


def _is_known(last: Reconciled | None, differs: Sequence[Drift]) -> bool:
    """Whether exactly this differed before."""
    ids, known = {each.id for each in differs}, {*(last.known if last else ())}
    return known <= ids and hash_of(ids - known) == (last.rest if last else "")
