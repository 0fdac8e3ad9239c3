"""Takes away what nobody granted, where the rules want that: the intent is recorded before, and how it went after."""

from collections.abc import Sequence
from typing import Any

from jit.detect.reconcile import Drift, is_removable
from jit.detect.words import plain
from jit.facts import Fact, Reconciled, RemovalIntent, Removed
from jit.ports import TargetError
from workers.provision.recorder import Recorder
from workers.reconcile.alerts import DriftAlerts
from workers.targets.registry import TargetRegistry

MOST_REMOVED = 50
"""In one comparison."""


class Removals:
    def __init__(self, recorder: Recorder, registry: TargetRegistry) -> None:
        self._recorder = recorder
        self._registry = registry
        self._alerts = DriftAlerts(recorder)

    def take(self, target: str, last: Reconciled | None, differs: Sequence[Drift]) -> None:
        """Never what was there at the first comparison, nor what may have been: what did not fit its fact. What could
        not be taken is tried again at the next comparison.
        """
        if last is None or last.since is None or last.rest:
            return
        mine = [each for each in differs if each.id not in last.at_first and is_removable(each)]
        for drift in mine[:MOST_REMOVED]:
            self._take(target, drift, known=drift.id in last.known)

    def take_named(self, drift: Drift) -> str:
        """One that a person named. Why it could not be taken away; empty where it is gone."""
        if not is_removable(drift):
            return "this is not taken away by itself; what is behind it has to be ended, or undone by hand"
        return self._take(drift.target, drift, known=True)

    def _take(self, target: str, drift: Drift, *, known: bool) -> str:
        about: dict[str, Any] = {"finding": drift.id, "target": target, "principal": plain(drift.principal)}
        about |= {"permissions": (plain(drift.permission),)}
        self._recorder.record([RemovalIntent(**about, **self._recorder.signed())])
        trouble = plain(self._trouble(target, drift), 400)
        facts: list[Fact] = [
            Removed(**about, outcome="there" if trouble else "gone", trouble=trouble, **self._recorder.signed())
        ]
        if trouble and not known:
            facts.append(self._alerts.not_removed(target, drift, trouble))
        self._recorder.record(facts)
        return trouble

    def _trouble(self, name: str, drift: Drift) -> str:
        """Why it is still there; empty where it is gone."""
        try:
            target = self._registry.get(name)
            if drift.held is not None:
                target.revoke(drift.held.request_id, drift.held.principal)
            elif drift.right is not None:
                target.remove(drift.right)
        except TargetError as refused:
            return str(refused) or type(refused).__name__
        return ""
