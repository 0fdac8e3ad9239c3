"""A target for processes: each grant is a file in a folder. And an entry point: `python -m tests.world.folder_target`.

python -m tests.world.folder_target worker|timekeeper CLOCK FOLDER
"""

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from jit.ports import Capabilities, Finding, Grant, Held, Holder, RevokeResult, Target
from jit.runtime import logs
from jit.runtime.settings import WorkerSettings
from tests.world.shared_clock import SharedClock
from workers.main import run_timekeeper, run_worker
from workers.queue import presence


class FolderTarget:
    kind = "fake"
    capabilities = Capabilities()

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        with self._locked():
            still_due()
            told = [grant.principal, grant.permissions, grant.ends_at.isoformat()]
            self._file(grant.request_id).write_text(json.dumps(told))
        held = self.held(grant.request_id)
        assert held is not None
        return held

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        with self._locked():
            existed = self._file(request_id).exists()
            self._file(request_id).unlink(missing_ok=True)
        return RevokeResult(existed)

    def held(self, request_id: str) -> Held | None:
        try:
            principal, permissions, ends_at = json.loads(self._file(request_id).read_text())
        except FileNotFoundError:
            return None
        return Held(request_id, principal, tuple(permissions), datetime.fromisoformat(ends_at))

    def list_grants(self) -> list[Held]:
        found = (self.held(file.stem) for file in self._folder.glob("R-*.json"))
        return [held for held in found if held is not None]

    def description_of(self, request_id: str) -> str:
        return str(self._file(request_id))

    def holders(self, permission: str) -> list[Holder]:
        given = [held for held in self.list_grants() if permission in held.permissions]
        return [Holder(held.principal, held.request_id) for held in given]

    def how_to_connect(self, principal: str) -> str:
        return "nobody does"

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        return []

    def _file(self, request_id: str) -> Path:
        return self._folder / f"{request_id}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def main(room: str, clock_file: str, folder: str) -> None:
    logs.set_up("INFO")
    presence.RENEW_EVERY = 0.2  # of the real time: it is by the clock of the test that a worker was seen

    def opening(name: str, *_: Any) -> Target:
        return FolderTarget(name, Path(folder))

    run = {"worker": run_worker, "timekeeper": run_timekeeper}[room]
    run(WorkerSettings(), clock=SharedClock(Path(clock_file)), open_target=opening)


if __name__ == "__main__":
    main(*sys.argv[1:])
