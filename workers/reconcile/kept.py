"""Ids of what differs that do not fit a fact, beside it on the disk: the fact has their hash."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import structlog

from jit.proof.durable import replace

log = structlog.get_logger(__name__)


def hash_of(ids: Collection[str]) -> str:
    """SHA-256 over them, in hex; empty for none."""
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest() if ids else ""


class KeptIds:
    """In ``folder``, a file for each target."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, target: str, digest: str) -> frozenset[str] | None:
        """Those of which a fact has this hash; None if they are not here, as on another host."""
        if not digest:
            return frozenset()
        try:
            ids = frozenset(self._file(target).read_text().split())
        except (OSError, ValueError):
            return None
        return ids if hash_of(ids) == digest else None

    def write(self, target: str, ids: Iterable[str]) -> None:
        """A disk that does not take it is logged: what is new among them is then told by number alone."""
        try:
            replace(self._file(target), ["\n".join(sorted(ids)).encode()])
        except OSError as wrong:
            log.error("reconcile.not_kept", target=target, because=wrong.strerror)  # noqa: TRY400  a full disk is no fault of ours

    def _file(self, target: str) -> Path:
        return self._folder / f"reconciled-{target}.txt"
