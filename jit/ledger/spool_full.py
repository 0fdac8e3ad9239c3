"""A spool's disk without room: logged when it begins and when it is over, told as one alert for one trouble."""

import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import structlog

from jit.facts import Alert, AlertName
from jit.ledger.store import Ledger

log = structlog.get_logger(__name__)

SAME = UUID("8f7c2f53-5f0e-4c33-9d55-0b6f1c0f6a1e")
"""Ids are made under this: all processes of one host tell the same, and the ledger keeps one."""
STILL = timedelta(hours=1)
"""Found full again before this is over, it is the same trouble."""


class FullDisk:
    """What one process knows of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lasts = False
        self._told_at: datetime | None = None
        self.untold = False

    def found(self) -> None:
        if not self._lasts:
            log.error("spool.disk_full", folder=str(self._folder))
        self._lasts = self.untold = True

    def over(self) -> None:
        if self._lasts:
            log.info("spool.disk_has_room", folder=str(self._folder))
        self._lasts = False

    def tell(self, ledger: Ledger, signed: Mapping[str, Any]) -> None:
        """What nobody was told yet. Raises LedgerUnavailable."""
        if not self.untold:
            return
        now = signed["at"]
        if self._told_at is None or not timedelta(0) <= now - self._told_at < STILL:
            host = socket.gethostname()
            same = uuid5(SAME, f"{host} {self._folder.absolute()} {now:%Y-%m-%d %H}")
            says = (
                f"On {host} the disk of JIT_DATA is full: no fact can wait in {self._folder}, and what waits there can "
                "only be taken in once there is room. Make room; `jit doctor` says whether it is enough."
            )
            ledger.append([Alert(id=same, name=AlertName.SPOOL_FULL, says=says, **signed)])
        self._told_at, self.untold = now, False
