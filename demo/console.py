"""The engineer's open session, as psql would show it; it sees at once when the server cuts it."""

import os
import threading
import time
from collections import deque
from contextlib import ExitStack, closing
from typing import Any

import psycopg

from demo.session import Lost, Refused, Session
from playground.incoming import is_text

Json = dict[str, Any]

WATCHED = "SELECT id, customer, state, since FROM public.orders ORDER BY id"
LOOK_EVERY = 0.5
"""Seconds between two looks whether the query works."""
AGAIN_AFTER = 2.0
"""Seconds from a cut to the next connection."""
LONGEST = 2000
"""Characters of a statement."""
KEPT = 30
"""Entries of the transcript."""


class Console:
    """One login's session, kept by a thread of its own from `start` to `stop`. Any thread may `run`.

    Beside it another of the same login watches the table. What that does twice a second stays out of the server's log,
    which is to show what a person does.
    """

    def __init__(self, dsn: str, login: str, database: str) -> None:
        self._dsn = dsn
        self._about = {"login": login, "database": database, "sql": WATCHED}
        self._session: Session | None = None
        self._using = threading.Lock()
        self._stop = threading.Event()
        self._wake, self._waker = os.pipe()
        self._condition = ""
        self._watch: Json = {"ok": False, "text": ""}
        self._lines: deque[Json] = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._keep, name="console", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        os.write(self._waker, b"!")
        self._thread.join()
        os.close(self._wake)
        os.close(self._waker)

    def state(self) -> Json:
        return {**self._about, "session": self._condition, "watch": self._watch, "lines": list(self._lines)}

    def run(self, statement: str) -> None:
        """Run what somebody typed, in the open session; what comes of it stands in the transcript.

        Raises:
            ValueError: nothing can be run now, or it is too long.
        """
        typed = statement.strip()
        if not typed or len(typed) > LONGEST or "\0" in typed or not is_text(typed):
            raise ValueError(f"Type one SQL statement of at most {LONGEST} characters.")
        with self._using:
            if self._session is None:
                raise ValueError("The session is cut. It connects again in a moment.")
            self._say("sql", typed)
            try:
                self._say("out", self._session.ask(typed))
            except Refused as refused:
                self._say("error", str(refused))
            except Lost as lost:
                self._cut(str(lost))
        os.write(self._waker, b"!")

    def _keep(self) -> None:
        while not self._stop.is_set():
            with ExitStack() as opened:
                watching = self._connected(opened)
                while watching is not None and self._session is not None and not self._stop.is_set():
                    if self._look(watching):
                        watching.wait(LOOK_EVERY, self._wake)
                        self._drain()
            self._stop.wait(AGAIN_AFTER)

    def _connected(self, opened: ExitStack) -> Session | None:
        """The one that watches, with the other beside it; None where there is no connection."""
        try:
            session = opened.enter_context(closing(Session(self._dsn)))
            watching = opened.enter_context(closing(Session(self._dsn, unlogged=True)))
        except psycopg.Error as refused:
            self._show(ok=False, text=str(refused).strip())
            self._condition = "not connected; tries again"
            return None
        with self._using:
            self._session = session
        if self._condition:
            self._say("note", "Connected again: a new session.")
        self._condition = f"session {session.pid}"
        return watching

    def _look(self, watching: Session) -> bool:
        """Whether the sessions are still there."""
        with self._using:
            if self._session is None:
                return False
            try:
                self._show(ok=True, text=watching.ask(WATCHED))
            except Refused as refused:
                self._show(ok=False, text=str(refused))
            except Lost as lost:
                self._cut(str(lost))
                return False
        return True

    def _cut(self, last_words: str) -> None:
        """The thread closes both: it may be waiting on one."""
        self._session = None
        self._condition = "cut by the server"
        self._show(ok=False, text=last_words)
        self._say("fatal", last_words)
        self._say("note", "The connection to the server was lost.")

    def _drain(self) -> None:
        """What woke the thread is done with."""
        os.set_blocking(self._wake, False)
        try:
            os.read(self._wake, 1024)
        except BlockingIOError:
            return

    def _show(self, *, ok: bool, text: str) -> None:
        if (ok, text) != (self._watch["ok"], self._watch["text"]):
            self._watch = {"ok": ok, "text": text, "since": round(time.time())}

    def _say(self, kind: str, text: str) -> None:
        self._lines.append({"kind": kind, "text": text, "at": round(time.time())})
