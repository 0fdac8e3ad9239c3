"""The texts of the rules, kept beside the ledger by the version that facts name.

Nothing here is trusted: a version is the hash of its text, so whoever reads one can tell (`text_of` does). Keeping them
stops nobody: where it cannot be done now, it is said in the log and tried again.
"""

import hashlib
import threading
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine, LargeBinary, cast, insert, select

from jit.ledger.database import reading, writing
from jit.ledger.schema import policy_texts
from jit.ledger.unavailable import LedgerUnavailable
from jit.policy import Policy, PolicyFolder
from jit.policy.files.load import policy_of

log = structlog.get_logger(__name__)

LARGEST = 32 * 1024 * 1024
"""Bytes of one version. What is larger is not kept, and said."""
LOOK_EVERY = 1.0
"""Seconds."""
AGAIN_AFTER = 30.0
"""Seconds after a failure."""


class NotThisVersion(ValueError):
    """The text kept under a version of the rules is another."""


@dataclass(frozen=True, slots=True)
class PolicyTexts:
    """Every method raises LedgerUnavailable."""

    engine: Engine

    def keep(self, policy: Policy) -> None:
        """Once is enough, however many processes try. A text that stands there already is never replaced."""
        if not policy.text or len(policy.text) > LARGEST:
            log.warning("policy.text_not_kept", version=policy.version, bytes=len(policy.text))
            return
        query = select(cast(policy_texts.c.files, LargeBinary)).where(policy_texts.c.version == policy.version)
        with reading(self.engine) as connection:
            found = connection.scalar(query)
        if found is None:
            with writing(self.engine) as connection:
                found = connection.scalar(query)
                if found is None:
                    connection.execute(insert(policy_texts).values(version=policy.version, files=policy.text))
                    return
        if found != policy.text:
            log.error("policy.text_wrong", version=policy.version)

    def text_of(self, version: str) -> bytes | None:
        """None if nothing is kept under this version. Raises NotThisVersion."""
        query = select(cast(policy_texts.c.files, LargeBinary)).where(policy_texts.c.version == version)
        with reading(self.engine) as connection:
            found: bytes | None = connection.scalar(query)
        if found is not None and hashlib.sha256(found).hexdigest() != version:
            raise NotThisVersion(f"what is kept as the rules {version[:12]} is not their text")
        return found

    def policy_of(self, version: str) -> Policy | None:
        """The rules of this version; None if nothing is kept under it that is their text, and can be used now: another
        version of jit may have understood it.
        """
        try:
            text = self.text_of(version)
            return policy_of(files_of(text)) if text else None
        except LedgerUnavailable:
            raise
        except Exception as wrong:  # noqa: BLE001  whatever it is, it keeps no process from starting
            log.warning("policy.text_not_used", version=version, because=type(wrong).__name__)
            return None

    def keep_what_was_read(self, folder: PolicyFolder) -> bool:
        """Everything this process has decided by, or will. Never raises; False if some of it is still to be kept."""
        while folder.unkept:
            policy = folder.unkept[0]
            try:
                self.keep(policy)
            except LedgerUnavailable as silent:
                log.warning("policy.text_not_kept", version=policy.version, because=str(silent))
                return False
            if folder.unkept and folder.unkept[0] is policy:
                folder.unkept.popleft()
        return True

    def keep_watching(self, folder: PolicyFolder, stop: threading.Event) -> None:
        """Until ``stop`` is set; for a thread of its own."""
        wait = 0.0
        while not stop.wait(wait):
            wait = LOOK_EVERY if self.keep_what_was_read(folder) else AGAIN_AFTER


def files_of(text: bytes) -> list[tuple[str, bytes]]:
    """The files in a policy's text, by name. Raises ValueError."""
    parts, at = [], 0
    while at < len(text):
        end = at + 8 + int.from_bytes(text[at : at + 8], "big")
        if at + 8 > len(text) or end > len(text):
            raise ValueError("not the text of a policy: it ends in the middle")
        parts.append(text[at + 8 : end])
        at = end
    if len(parts) % 2:
        raise ValueError("not the text of a policy: a name without its file")
    return [(name.decode("utf-8", "surrogateescape"), data) for name, data in zip(parts[::2], parts[1::2], strict=True)]
