"""The rules in force, over a restart with files that are broken: those that the workers of this host read last.

Their text lies beside the ledger, where other logins may add one. Which of the texts it was is noted in the data
folder, where the workers alone write, so that nobody else has them decide by other rules than the files had.
"""

import re
import secrets
from contextlib import suppress
from pathlib import Path

import structlog

from jit.ledger import LedgerUnavailable
from jit.policy import NotReadNow, PolicyError, PolicyFolder
from jit.policy.files.load import bytes_of
from jit.proof.audit.policy_texts import PolicyTexts
from jit.proof.durable import sync_folder, write_new

log = structlog.get_logger(__name__)

FILE = "rules.version"
_VERSION = re.compile(rb"[0-9a-f]{64}")


class LastRules:
    """What is noted in ``data``, by all processes that share it."""

    def __init__(self, policies: PolicyFolder, texts: PolicyTexts, data: Path) -> None:
        self._policies = policies
        self._texts = texts
        self._path = data / FILE
        self._noted = ""
        self._why_not = ""

    def look(self) -> None:
        """Note the version that the files have. Where they cannot be used, and this process knows no rules that could,
        take up those noted last.
        """
        try:
            self._note(self._policies.read().version)
        except NotReadNow:
            return
        except PolicyError:
            if self._policies.last_good is None:
                self._take_up()

    def _take_up(self) -> None:
        try:
            version = self._read()
            policy = self._texts.policy_of(version) if version else None
            why_not = "no text of them is kept" if version else "none were noted"
        except LedgerUnavailable as silent:
            policy, why_not = None, str(silent)
        if policy is not None:
            self._policies.recall(policy)
            log.warning("policy.recalled", version=policy.version)
        elif why_not != self._why_not:
            self._why_not = why_not
            log.error("policy.not_recalled", because=why_not)

    def _read(self) -> str:
        """Empty if nothing is noted that is a version."""
        with suppress(OSError):
            noted = bytes_of(self._path)
            return noted.decode() if _VERSION.fullmatch(noted) else ""
        return ""

    def _note(self, version: str) -> None:
        """Whole or not at all. A disk that does not take it is logged: nothing depends on it yet."""
        if version == self._noted:
            return
        draft = self._path.with_name(f".{FILE}.{secrets.token_hex(8)}")
        try:
            write_new(draft, [version.encode()])
            draft.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as wrong:
            log.error("policy.not_noted", because=wrong.strerror)  # noqa: TRY400  a full disk is no fault of ours
            return
        self._noted = version
