"""Watching the rules: a change that the bot decides by from now on is recorded, and the text of the rules is kept."""

import threading
import time
from contextlib import suppress
from typing import Any

import structlog

from jit.facts import NO_POLICY, PolicyChanged, Source
from jit.ledger import Ledger, LedgerUnavailable, Notes
from jit.policy import BROKEN, NotReadNow, PolicyError, PolicyFolder
from jit.policy.changes import changes, in_lines
from jit.policy.files.origin import read_origin
from jit.ports import Clock
from jit.proof.audit.policy_texts import AGAIN_AFTER, PolicyTexts

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
        self._not_recalled = ""
        self.version = BROKEN
        with suppress(LedgerUnavailable):
            self._recall()
        self.version = self._now()
        self._compared = policies.last_good

    def look(self) -> None:
        """Record a change, if there is one: also since a bot was here last. Raises LedgerUnavailable."""
        self._recall()
        if not self._went_on:
            self._go_on()
        version = self._now()
        if version == self.version:
            return
        by = {"at": self._clock.now(), "actor": self._actor, "source": Source.BOT}
        about = {} if version == BROKEN else self._what_changed()
        self._ledger.append([PolicyChanged(**by, policy_version=version, before=self.version, **about)])
        self._recorded(version)

    def _recall(self) -> None:
        """Where the files cannot be used, and this process knows no rules that could: take up the last on record."""
        if self._policies.last_good is not None:
            return
        try:
            self._policies.read()
        except NotReadNow:
            return
        except PolicyError:
            self._take_up(self._last_on_record())

    def _take_up(self, version: str | None) -> None:
        policy = self._texts.policy_of(version) if version else None
        if policy is not None:
            self._policies.recall(policy)
            log.warning("policy.recalled", version=version)
        elif self._not_recalled != (version or NO_POLICY):
            self._not_recalled = version or NO_POLICY
            log.error("policy.not_recalled", version=self._not_recalled)

    def _last_on_record(self) -> str | None:
        """The version of the rules that a bot decided by last: what the bot's login alone may say, so that nobody who
        can add a text beside the ledger has it decide by that.
        """
        for fact in self._ledger.newest(["policy.changed"], limit=1):
            if isinstance(fact, PolicyChanged):
                return fact.policy_version if fact.policy_version != BROKEN else fact.before
        return self._notes.get(LAST)

    def _go_on(self) -> None:
        """From the rules that were the last that a bot recorded."""
        before = self._notes.get(LAST)
        if before and before != self.version:
            self.version, self._compared = before, self._texts.policy_of(before)
            self._went_on = True
        else:
            self._recorded(self.version)

    def _recorded(self, version: str) -> None:
        if version != BROKEN:
            self._notes.put({LAST: version})
        self.version, self._compared, self._went_on = version, self._policies.last_good, True

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
            if (stays := self._policies.last_good) is not None:
                return stays.version
            return self.version if isinstance(broken, NotReadNow) else BROKEN
        self._said = ""
        return version
