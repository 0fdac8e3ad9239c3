"""The targets that the policy files named, kept in the data folder: access has to end although the files are broken, or
name a target no longer.

Secrets are named there as in the policy (`env:NAME`, `file:/path`), never written down.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from jit.policy import TargetConfig

log = structlog.get_logger(__name__)

FILE = "targets.json"

_kept: TypeAdapter[tuple[TargetConfig, ...]] = TypeAdapter(tuple[TargetConfig, ...])


class KnownTargets:
    """What was kept in ``folder``, by all processes that share it. One that left the policy stays until `forget`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._last: Mapping[str, TargetConfig] | None = None

    def keep(self, targets: Mapping[str, TargetConfig]) -> None:
        """Beside those known before."""
        if self._last is None or not targets.items() <= self._last.items():
            self._write({**self._read(), **(self._last or {}), **targets})

    def forget(self, name: str) -> None:
        """Nothing of it is active any more."""
        self._write({other: config for other, config in self._read().items() if other != name})

    def recall(self) -> Mapping[str, TargetConfig]:
        """By name; empty if nothing was ever kept here, or it cannot be read."""
        if self._last is None:
            self._last = self._read() or None
        return self._last or {}

    def _read(self) -> Mapping[str, TargetConfig]:
        try:
            return {target.name: target for target in _kept.validate_json(self._path.read_bytes())}
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as wrong:
            log.warning("targets.not_recalled", because=type(wrong).__name__)
            return {}

    def _write(self, targets: Mapping[str, TargetConfig]) -> None:
        """Whole or not at all. A disk that does not take it is logged: nothing depends on it yet."""
        kept = [{"name": one.name, "kind": one.kind, "settings": dict(one.settings)} for one in targets.values()]
        draft = self._path.with_name(f".{FILE}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(json.dumps(kept))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as wrong:
            log.error("targets.not_kept", because=wrong.strerror)  # noqa: TRY400  a full disk is no fault of ours
            return
        self._last = targets
