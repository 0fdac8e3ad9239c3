"""Keeps the product's processes running: starts them, starts them again when they fall, and leaves none behind.

Each child has a session of its own, so that Ctrl-C reaches the supervisor alone, and a lifeline: a pipe on its
standard input that closes when the supervisor dies, however it dies.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Protocol

import structlog

from jit.runtime.readiness import READY, Readiness

LIFELINE = "JIT_LIFELINE"
STOP_WITHIN = 5.0
"""Seconds a child has to stop by itself."""
BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the n-th restart in a row. A child that ran for `STEADY` seconds begins anew."""
STEADY = 10.0
OF_MALLOC = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps memory apart for threads, eight times as many as there are cores; ours wait most of the time."""

log = structlog.get_logger(__name__)


class Process(Protocol):
    """The part of `subprocess.Popen` that is asked of a child. The process leads a session of its own."""

    pid: int

    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...


@dataclass
class Child:
    """One process to keep. ``wanted`` is False while it is to stay down; ``starts`` counts how often it was started."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    process: Process | None = None
    wanted: bool = True
    falls: int = 0
    starts: int = 0
    began: float = 0.0
    start_after: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    readiness: Readiness | None = field(default=None, repr=False)
    """Readiness of the process that was started last, where it has a way to say so."""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


def popen(child: Child, output: IO[bytes] | None) -> Process:
    """A new interpreter, which can say that it is ready."""
    if child.readiness is not None:
        child.readiness.close()
    readiness = child.readiness = Readiness()
    try:
        return subprocess.Popen(  # noqa: S603  our own program
            child.argv,
            env={**OF_MALLOC, **child.env, LIFELINE: "stdin", READY: str(readiness.writing)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(readiness.writing,),
        )
    finally:
        readiness.started()


Spawn = Callable[[Child, IO[bytes] | None], Process]


class Supervisor:
    """``output`` takes what the children print; None passes it on."""

    def __init__(self, children: Sequence[Child], output: IO[bytes] | None = None, spawn: Spawn = popen) -> None:
        self.children = {child.name: child for child in children}
        self._output = output
        self._spawned = spawn
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        for child in self.children.values():
            self._spawn(child)
        self._watcher.start()

    def ready(self) -> dict[str, str]:
        """What those children have said that do their work. One that fell is not among them until it says so again."""
        found: dict[str, str] = {}
        for child in self.children.values():
            with child.lock:
                said = child.readiness.said() if child.readiness and child.running else None
            if said is not None:
                found[child.name] = said
        return found

    def stop(self) -> None:
        """Stop all children, in the end by force, and wait until they are gone."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join()
        running = [child.process for child in self.children.values() if child.process and child.running]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _kill_session(process)
            process.wait()
        for child in self.children.values():
            if child.readiness is not None:
                child.readiness.close()
                child.readiness = None

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """Kill a child at once, as a crash would; it comes back unless it is to stay down."""
        child = self.children[name]
        with child.lock:
            child.wanted = not stay_down
            if child.process is not None:
                _kill_session(child.process)
                child.process.wait()

    def bring_back(self, name: str) -> None:
        """Start a child that was kept down."""
        child = self.children[name]
        child.falls, child.start_after, child.wanted = 0, 0.0, True

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            for child in self.children.values():
                with child.lock:
                    self._look_after(child)

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.running or not child.wanted:
            return
        if child.process is not None:
            code = child.process.returncode
            child.process = None
            child.falls = 1 if now - child.began > STEADY else child.falls + 1
            child.start_after = now + BACKOFF[min(child.falls, len(BACKOFF)) - 1]
            log.warning("process.fell", process=child.name, code=code, falls=child.falls)
        if now >= child.start_after:
            self._spawn(child)

    def _spawn(self, child: Child) -> None:
        child.began = time.monotonic()
        child.starts += 1
        child.process = self._spawned(child, self._output)


def _kill_session(process: Process) -> None:
    """The child and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def hold_lifeline() -> None:
    """Stop this child process when its supervisor is gone."""
    if os.environ.get(LIFELINE) != "stdin":
        return

    stdin = sys.stdin.fileno()  # not the buffered file: its lock would be held at exit

    def wait_for_the_end() -> None:
        while os.read(stdin, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_the_end, name="lifeline", daemon=True).start()
