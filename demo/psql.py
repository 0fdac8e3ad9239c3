"""A `psql` that somebody has open: the real program, on pipes."""

import os
import subprocess
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

_MARK = "--jit-answered--"


class Psql:
    """One session. It stays open between questions, as a person's would."""

    def __init__(self, program: Path, dsn: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  the program is ours to name
            [program, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", dsn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self.last_words: str | None = None
        """What it said when it was cut."""
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._read, name="psql", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, wrong: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, query: str, within: float = 5.0) -> str:
        """What psql prints for ``query``; what it said last if the session is cut."""
        try:
            assert self._process.stdin is not None  # noqa: S101  it was opened as a pipe
            self._process.stdin.write(f"{query};\n\\echo {_MARK}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        said: list[str] = []
        try:
            while (line := self._lines.get(timeout=within)) not in {_MARK, ""}:
                said.append(line)
        except Empty:
            said.append("(no answer)")
        return "\n".join(said)

    @property
    def cut(self) -> bool:
        """Whether the server has ended the session. psql itself notices only when it is used: so it is."""
        if self.last_words is None and "terminating connection" in (said := self.ask("SELECT 1")):
            self.last_words = said
        return self.last_words is not None

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it was opened as a pipe
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")
