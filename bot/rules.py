"""Watching the rules: a change that the bot decides by from now on is recorded, and the text of the rules is kept."""

import threading
import time
from typing import Any

import structlog

from jit.facts import PolicyChanged, Source
from jit.ledger import Ledger, LedgerUnavailable, Notes
from jit.policy import BROKEN, NotReadNow, Policy, PolicyError, PolicyFolder
from jit.policy.changes import changes, in_lines
from jit.policy.files.load import policy_of
from jit.policy.files.origin import read_origin
from jit.ports import Clock
from jit.proof.audit.policy_texts import AGAIN_AFTER, NotThisVersion, PolicyTexts, files_of

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds."""
LAST = "last"
"""The note of the version that was recorded last, by whichever bot."""
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
        self._notes = Notes(ledger.engine, "rules")
        self._went_on = False
        self._not_before = 0.0
        self.version = BROKEN
        self.version = self._now()
        self._compared = policies.last_good

    def look(self) -> None:
        """Record a change, if there is one: also since a bot was here last. Raises LedgerUnavailable."""
        if not self._went_on:
            self._go_on()
        version = self._now()
        if version == self.version:
            return
        by = {"at": self._clock.now(), "actor": self._actor, "source": Source.BOT}
        about = {} if version == BROKEN else self._what_changed()
        self._ledger.append([PolicyChanged(**by, policy_version=version, before=self.version, **about)])
        self._recorded(version)

    def _go_on(self) -> None:
        """From the rules that were the last that a bot recorded."""
        before = self._notes.get(LAST)
        if before and before != self.version:
            self.version, self._compared = before, self._known(before)
            self._went_on = True
        else:
            self._recorded(self.version)

    def _recorded(self, version: str) -> None:
        if version != BROKEN:
            self._notes.put({LAST: version})
        self.version, self._compared, self._went_on = version, self._policies.last_good, True

    def _known(self, version: str) -> Policy | None:
        """What is kept beside the ledger under this version; None if nothing is that can be read now."""
        try:
            text = self._texts.text_of(version)
            return policy_of(files_of(text)) if text else None
        except (NotThisVersion, PolicyError, ValueError):
            return None

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
            version = self._policies.read().version
        except PolicyError as broken:
            if str(broken) != self._said:
                self._said = str(broken)
                log.error("policy.broken", mistakes=self._said)  # noqa: TRY400  what is wrong is in the files, not here
            stays = isinstance(broken, NotReadNow) or self._policies.last_good is not None
            return self.version if stays else BROKEN
        self._said = ""
        return version
