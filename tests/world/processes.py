"""Processes of the product, forked from one that has imported it already: they start in a moment, and are real
processes that can be killed.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Lock
from typing import IO

from jit.runtime.supervisor import LIFELINE, Child

IMPORTED = [
    "tests.world.entry",
    "jit.cli",
    "bot.main",
    "workers.main",
    "workers.targets.postgres",
    "jit.proof.signer.process",
    "tests.world.servers",
]

forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(IMPORTED)
_lock = Lock()  # multiprocessing expects one thread to start and to look after processes


class Forked:
    """`python -m MODULE …` as much as a `jit.runtime.supervisor.Process` is asked for. It leads a session of its own.

    Where ``env`` has `JIT_LIFELINE`, its standard input closes when this process ends.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], output: IO[bytes]) -> None:
        _python, _m, *module = argv
        stdin, self._lifeline = forkserver.Pipe(duplex=False)
        begun, begins = forkserver.Pipe(duplex=False)
        said = Connection(os.dup(output.fileno()), readable=False)
        with begun:
            with stdin, begins, said:
                arguments = (module, dict(env), stdin, said, begins)
                self._process = forkserver.Process(target=_become, args=arguments, daemon=True)
                with _lock:
                    self._process.start()
            begun.recv_bytes()  # EOFError where it died before that
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with _lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        multiprocessing.connection.wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def fork(child: Child, output: IO[bytes] | None) -> Forked:
    """For a Supervisor."""
    assert output is not None
    return Forked(child.argv, {**child.env, LIFELINE: "stdin"}, output)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _become(
    module: Sequence[str], env: Mapping[str, str], stdin: Connection, output: Connection, begins: Connection
) -> None:
    os.setsid()
    begins.send_bytes(b"begun")
    begins.close()
    os.dup2(stdin.fileno(), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    sys.stdin = open(0)  # noqa: SIM115  multiprocessing gave it another
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(module)
    runpy.run_module(module[0], run_name="__main__", alter_sys=True)
