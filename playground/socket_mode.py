"""Socket Mode: the connections apps hold, envelopes to one of them, and their acknowledgements."""

import asyncio
import contextlib
import itertools
import json
import secrets
import threading
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from playground.incoming import parsed
from playground.payloads import event_callback
from playground.people import Json, Workspace

MOST_CONNECTIONS = 10
EVENT_ATTEMPTS = 4


class NotConnected(Exception):
    """No app holds a connection."""


class Unanswered(Exception):
    """The app did not acknowledge in time."""


@dataclass(eq=False)
class _Connection:
    """One socket. Frames are queued from any thread and written by the server's loop; None closes it."""

    loop: asyncio.AbstractEventLoop
    frames: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)

    def send(self, frame: Json | None) -> None:
        text = None if frame is None else json.dumps(frame)
        with contextlib.suppress(RuntimeError):  # the server's loop has ended, and this socket with it
            self.loop.call_soon_threadsafe(self.frames.put_nowait, text)


@dataclass
class _Event:
    """An event not acknowledged yet; ``on`` is the connection that has it."""

    payload: Json
    attempts: int = 0
    on: _Connection | None = None


class Hub:
    """Gives each envelope to one connection, in turn, as Slack does. ``patience`` in real seconds."""

    def __init__(self, workspace: Workspace, patience: float = 3.0) -> None:
        self.patience = patience
        self.refusing = False
        self._workspace = workspace
        self._lock = threading.Lock()
        self._connections: list[_Connection] = []
        self._turn = itertools.count()
        self._tickets: set[str] = set()
        self._awaited: dict[str, Future[Json]] = {}
        self._events: dict[str, _Event] = {}

    @property
    def connections(self) -> int:
        return len(self._connections)

    def ticket(self) -> str:
        """A secret that opens one connection."""
        fresh = secrets.token_urlsafe(16)
        with self._lock:
            self._tickets.add(fresh)
        return fresh

    def ask(self, kind: str, payload: Json) -> Json:
        """Hand an interaction to an app and wait for what it acknowledges with; empty if nothing.

        Raises:
            NotConnected: nobody to hand it to.
            Unanswered: no acknowledgement within ``patience``.
        """
        envelope = str(uuid.uuid4())
        answer: Future[Json] = Future()
        with self._lock:
            connection = self._next()
            self._awaited[envelope] = answer
        frame = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": True}
        connection.send(frame)
        try:
            return answer.result(self.patience)
        except TimeoutError:
            raise Unanswered from None
        finally:
            with self._lock:
                self._awaited.pop(envelope, None)

    def tell(self, event: Json) -> None:
        """Deliver an event; kept for the next connection while it is not acknowledged."""
        payload = event_callback(self._workspace, event)
        with self._lock:
            envelope = str(uuid.uuid4())
            self._events[envelope] = _Event(payload)
            self._deliver(envelope)

    def hang_up(self, reason: str = "") -> None:
        """Close every connection; with a reason, after the `disconnect` frame Slack sends before it does."""
        with self._lock:
            for connection in self._connections:
                if reason:
                    connection.send(_disconnect(reason))
                connection.send(None)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from handshake to end."""
        ticket = socket.query_params.get("ticket", "")
        with self._lock:
            welcome = ticket in self._tickets and not self.refusing
            self._tickets.discard(ticket)
        if not welcome:
            await socket.close()
            return
        await socket.accept()
        connection = _Connection(asyncio.get_running_loop())
        writing = asyncio.create_task(_write(socket, connection.frames))
        try:
            if self._join(connection):
                await self._read(socket)
            else:
                await writing
        finally:
            self._leave(connection)
            writing.cancel()

    async def _read(self, socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                self._acknowledged(await socket.receive_text())

    def _join(self, connection: _Connection) -> bool:
        with self._lock:
            if len(self._connections) >= MOST_CONNECTIONS:
                connection.send(_disconnect("too_many_websockets"))
                connection.send(None)
                return False
            self._connections.append(connection)
            connection.send(
                {
                    "type": "hello",
                    "num_connections": len(self._connections),
                    "connection_info": {"app_id": self._workspace.app},
                    "debug_info": {"host": "playground", "approximate_connection_time": 18060},
                }
            )
            for envelope, event in list(self._events.items()):
                if event.on not in self._connections:
                    self._deliver(envelope)
            return True

    def _leave(self, connection: _Connection) -> None:
        with self._lock:
            if connection in self._connections:
                self._connections.remove(connection)

    def _next(self) -> _Connection:
        if not self._connections:
            raise NotConnected
        return self._connections[next(self._turn) % len(self._connections)]

    def _deliver(self, envelope: str) -> None:
        event = self._events[envelope]
        if not self._connections:
            return
        if event.attempts == EVENT_ATTEMPTS:
            del self._events[envelope]
            return
        event.on = self._next()
        event.on.send(
            {
                "envelope_id": envelope,
                "type": "events_api",
                "payload": event.payload,
                "accepts_response_payload": False,
                "retry_attempt": event.attempts,
                "retry_reason": "timeout" if event.attempts else "",
            }
        )
        event.attempts += 1

    def _acknowledged(self, text: str) -> None:
        """What makes no sense acknowledges nothing."""
        try:
            frame = parsed(text)
            envelope = str(frame["envelope_id"])
        except (ValueError, TypeError, KeyError):
            return
        with self._lock:
            self._events.pop(envelope, None)
            awaited = self._awaited.pop(envelope, None)
        if awaited:
            awaited.set_result(frame.get("payload") or {})


async def _write(socket: WebSocket, frames: "asyncio.Queue[str | None]") -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (text := await frames.get()) is not None:
            await socket.send_text(text)
        await socket.close()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}}
