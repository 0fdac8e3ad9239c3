"""The targets of the policy, opened when they are needed and again when their settings change."""

from collections.abc import Callable, Mapping
from threading import Lock

import structlog

from jit.policy import PolicyError, PolicyFolder, TargetConfig
from jit.ports import Target, TargetUnreachable
from jit.settings import MissingSecret
from workers.known_targets import KnownTargets
from workers.targets import TargetSetupError

log = structlog.get_logger(__name__)

Opener = Callable[[TargetConfig], Target]
"""Raises MissingSecret, TargetSetupError, ValueError."""


class Fleet:
    """Thread-safe. A target that left the policy stays open here, so that what it still gives can be taken back."""

    def __init__(self, policies: PolicyFolder, known: KnownTargets, opener: Opener) -> None:
        self._policies = policies
        self._known = known
        self._opener = opener
        self._lock = Lock()
        self._open: dict[str, tuple[TargetConfig, Target]] = {}

    def get(self, name: str) -> Target:
        """Raises TargetUnreachable: it is not in the policy, or cannot be opened as the policy has it."""
        config = self._configs().get(name)
        with self._lock:
            known = self._open.get(name)
            if known and (config is None or known[0] == config):
                return known[1]
            if config is None:
                raise TargetUnreachable(f"{name} is in no policy file")
            try:
                target = self._opener(config)
            except (MissingSecret, TargetSetupError, ValueError) as wrong:
                raise TargetUnreachable(str(wrong)) from None
            self._open[name] = (config, target)
            log.info("target.opened", target=name, kind=config.kind)
            return target

    def open_all(self) -> None:
        """For a start, which may be refused. Raises MissingSecret, TargetSetupError, ValueError.

        Raises:
            PolicyError: the files cannot be used, and which targets there were before was never kept.
        """
        configs = self._configs()
        if not configs:
            self._policies.current()
        for name, config in configs.items():
            self._open[name] = (config, self._opener(config))

    def names(self) -> list[str]:
        """Those of the policy, and those opened before."""
        return sorted({*self._open, *self._configs()})

    def _configs(self) -> Mapping[str, TargetConfig]:
        """Ends must go on while the files are broken, so the last good ones will do to find a target."""
        try:
            targets = self._policies.current().targets
        except PolicyError:
            good = self._policies.last_good
            return good.targets if good else self._known.recall()
        self._known.keep(targets)
        return targets
