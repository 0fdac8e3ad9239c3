"""A process of the product under test conditions: `python -m tests.world.entry ROOM CLOCK [PAUSE]`.

It runs what `jit ROOM` runs, by the shared clock in the file CLOCK. With PAUSE, a folder, its targets stop at
named points: while `PAUSE/before-effect`, for example, exists, a grant that gets there writes `PAUSE/reached`
and goes no further.
"""

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from jit.ports import Grant, Held, Holder, RevokeResult, Target
from jit.runtime import logs
from jit.runtime.settings import BotSettings, WorkerSettings
from jit.runtime.supervisor import hold_lifeline
from tests.world.shared_clock import SharedClock


class PausingTarget:
    """A real target that can be made to stop around what it does; the points are listed at `Product.pause`."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def holders(self, permission: str) -> list[Holder]:
        there = self._target.holders(permission)
        self._pause("before-intent")
        return there

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        self._pause("before-lock")

        def due_then_pause() -> None:
            still_due()
            self._pause("before-effect")

        held = self._target.grant(grant, due_then_pause)
        self._pause("after-effect")
        return held

    def take_rights(self, request_id: str, principal: str) -> None:
        self._pause("before-revoke")
        self._target.take_rights(request_id, principal)  # type: ignore[attr-defined]  # PostgreSQL's
        self._pause("after-rights")

    def take_rights_of_many(self, principals: Mapping[str, str]) -> Collection[str]:
        self._pause("before-revoke")
        taken: Collection[str] = self._target.take_rights_of_many(principals)  # type: ignore[attr-defined]  # as above
        self._pause("after-rights")
        return taken

    def revoke_many(self, principals: Mapping[str, str]) -> Mapping[str, RevokeResult]:
        self._pause("before-revoke")
        done: Mapping[str, RevokeResult] = self._target.revoke_many(principals)  # type: ignore[attr-defined]  # as above
        self._pause("after-revoke")
        return done

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        self._pause("before-revoke")
        taken = self._target.revoke(request_id, principal)
        self._pause("after-revoke")
        return taken

    def _pause(self, point: str) -> None:
        if not (self._folder / point).exists():
            return
        draft = self._folder / f"draft-{os.getpid()}"
        draft.write_text(f"{point} {os.getpid()}")
        draft.rename(self._folder / "reached")
        while (self._folder / point).exists():
            time.sleep(0.01)


def main(room: str, clock_file: str, pause: str = "") -> None:
    logs.set_up("INFO")
    hold_lifeline()
    clock = SharedClock(Path(clock_file))
    if room == "bot":
        import bot.directory  # noqa: PLC0415  only this room's
        import bot.main  # noqa: PLC0415  only this room's

        bot.directory.POLL_EVERY = timedelta(seconds=1)  # a clock that jumps makes every snapshot old at once
        bot.main.run(BotSettings(), clock=clock)
        return
    if room == "signer":
        from jit.proof.signer.process import run_signer  # noqa: PLC0415  only this room's
        from jit.runtime.settings import SignerSettings  # noqa: PLC0415  as above

        run_signer(SignerSettings(), clock=clock)
        return
    import workers.main  # noqa: PLC0415  only this room's
    from workers.targets import open_target  # noqa: PLC0415  as above

    def opening(*args: Any, **kwargs: Any) -> Target:
        target = open_target(*args, **kwargs)
        return PausingTarget(target, Path(pause)) if pause else target

    run = {"worker": workers.main.run_worker, "timekeeper": workers.main.run_timekeeper}[room]
    run(WorkerSettings(), clock=clock, open_target=opening)


if __name__ == "__main__":
    main(*sys.argv[1:])
