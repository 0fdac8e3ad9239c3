"""The targets of the policy, opened when they are needed and again when their settings change."""

from collections.abc import Callable, Iterator, Mapping
from threading import Lock

import structlog

from jit.policy import PolicyError, PolicyFolder, TargetConfig
from jit.ports import Target, TargetUnreachable
from jit.runtime.settings import CannotStart
from workers.targets.guarded import Guarded
from workers.targets.known import KnownTargets

log = structlog.get_logger(__name__)

Opener = Callable[[TargetConfig], Target]
"""Raises MissingSecret, TargetSetupError, ValueError, and whatever a kind of target may."""


class TargetUnusable(TargetUnreachable):
    """It cannot be opened as it is set up: nobody can be given anything there until a person mends that."""


class TargetRegistry:
    """Thread-safe. A target that left the policy stays known until `forget`, over a restart too, so that what it still
    gives is taken back.
    """

    def __init__(self, policies: PolicyFolder, known: KnownTargets, opener: Opener) -> None:
        self._policies = policies
        self._known = known
        self._opener = opener
        self._lock = Lock()
        self._open: dict[str, tuple[TargetConfig, Guarded]] = {}

    def get(self, name: str) -> Guarded:
        """Raises TargetUnusable: it is not in the policy, or cannot be opened as the policy has it."""
        config = self._configs().get(name)
        with self._lock:
            known = self._open.get(name)
            if known and (config is None or known[0] == config):
                return known[1]
            if config is None:
                raise TargetUnusable(f"{name} is in no policy file")
            target = Guarded(self._opened(config))
            self._open[name] = (config, target)
            log.info("target.opened", target=name, kind=config.kind)
            return target

    def open_all(self) -> None:
        """For a start: one that cannot be opened keeps no other from being, and `unusable` names it.

        Raises:
            PolicyError: the files cannot be used, and which targets there were before was never kept.
        """
        try:
            self._policies.current()
        except PolicyError:
            if not self._configs():
                raise
        for name, because in self.unusable():
            log.error("target.unusable", target=name, because=because)

    def unusable(self) -> Iterator[tuple[str, str]]:
        """Each target that cannot be opened, and why."""
        for name in self.names():
            try:
                self.get(name)
            except TargetUnusable as wrong:
                yield name, str(wrong)

    def _opened(self, config: TargetConfig) -> Target:
        """Raises TargetUnusable."""
        try:
            return self._opener(config)
        except (CannotStart, ValueError) as wrong:
            raise TargetUnusable(str(wrong)) from None
        except Exception as fault:
            log.exception("target.fault", target=config.name, call="open")
            raise TargetUnusable(f"it cannot be opened: {type(fault).__name__}") from None

    def departed(self) -> list[str]:
        """Those that are in no policy file any more; none while the files cannot be read."""
        good = self._policies.last_good
        return [name for name in self.names() if name not in good.targets] if good else []

    def forget(self, name: str) -> None:
        """Of one that departed: nothing of it is active."""
        self._known.forget(name)
        with self._lock:
            self._open.pop(name, None)
        log.info("target.forgotten", target=name)

    def names(self) -> list[str]:
        """Those of the policy, and those known before."""
        return sorted({*self._open, *self._configs()})

    def _configs(self) -> Mapping[str, TargetConfig]:
        """Ends go on while the files are broken, and wait for nobody who reads them: the last good ones will do to find
        a target. Only where none were ever known are they read here.
        """
        good = self._policies.last_good
        if good is None and (known := self._known.recall()):
            return known
        try:
            good = good or self._policies.current()
        except PolicyError:
            return {}
        self._known.keep(good.targets)
        return {**self._known.recall(), **good.targets}
