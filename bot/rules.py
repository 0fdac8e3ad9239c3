"""Watching the rules: a change that the bot decides by from now on is recorded, and the text of the rules is kept."""

import threading
import time
from typing import Any

import structlog

from jit.facts import PolicyChanged, Source
from jit.ledger import Ledger, LedgerUnavailable
from jit.policy import BROKEN, NotReadNow, PolicyError, PolicyFolder
from jit.policy.changes import changes, in_lines
from jit.policy.files.origin import read_origin
from jit.ports import Clock
from jit.proof.audit.policy_texts import AGAIN_AFTER, PolicyTexts

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds."""
MOST_CHANGES = 100
"""As many are recorded, one by one."""


class RulesWatch:
    """``version`` is that of the rules last recorded."""

    def __init__(self, ledger: Ledger, policies: PolicyFolder, clock: Clock, actor: str) -> None:
        self._ledger = ledger
        self._policies = policies
        self._clock = clock
        self._actor = actor
        self._said = ""
        self._texts = PolicyTexts(ledger.engine)
        self._not_before = 0.0
        self.version = BROKEN
        self.version = self._now()
        self._compared = policies.last_good

    def look(self) -> None:
        """Record a change, if there is one. Raises LedgerUnavailable."""
        version = self._now()
        if version == self.version:
            return
        by = {"at": self._clock.now(), "actor": self._actor, "source": Source.BOT}
        about = {} if version == BROKEN else self._what_changed()
        self._ledger.append([PolicyChanged(**by, policy_version=version, before=self.version, **about)])
        self.version = version
        self._compared = self._policies.last_good

    def _what_changed(self) -> dict[str, Any]:
        """Since the last rules that could be read; and where these come from."""
        before, after = self._compared, self._policies.last_good
        lines = in_lines(changes(before, after), MOST_CHANGES) if before and after else ()
        origin = read_origin(self._policies.path)
        said = {"commit": origin.commit, "author": origin.author, "reviewed_by": origin.reviewed_by}
        return {"changes": lines, **{key: value or None for key, value in said.items()}}

    def keep_watching(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        while not stop.wait(LOOK_EVERY):
            try:
                self.look()
            except LedgerUnavailable as silent:
                log.warning("ledger.unavailable", because=str(silent))
            self.keep_texts()

    def keep_texts(self) -> None:
        """Put beside the ledger the text of all rules that this process has read, unless that failed a moment ago."""
        if time.monotonic() >= self._not_before and not self._texts.keep_what_was_read(self._policies):
            self._not_before = time.monotonic() + AGAIN_AFTER

    def _now(self) -> str:
        try:
            version = self._policies.current().version
        except PolicyError as broken:
            if str(broken) != self._said:
                self._said = str(broken)
                log.error("policy.broken", mistakes=self._said)  # noqa: TRY400  what is wrong is in the files, not here
            return self.version if isinstance(broken, NotReadNow) else BROKEN
        self._said = ""
        return version
