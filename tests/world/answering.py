"""A server over HTTP that answers as a test says, in the shape of a provider's public reference or in none at all."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.world.waiting import HUNG

JSON = "application/json"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """``said`` goes out as it is if it is bytes, and as JSON otherwise."""

    said: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON

    @property
    def body(self) -> bytes:
        return self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()


@dataclass(frozen=True)
class Raw:
    """These bytes instead of an answer."""

    wire: bytes


class Silent:
    """No answer until the server is closed; after ``first``, if there is something."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first


@dataclass(frozen=True)
class Drip:
    """``first``, and then a few bytes again and again until the server is closed."""

    first: bytes
    then: bytes = b" "


Said = Reply | Raw | Silent | Drip
Answers = Said | Callable[[Asked], Said]


class AnsweringServer:
    """``answers`` has, for each path, what is answered there, or what decides it; any other is a 404. Each question is
    in ``asked``.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answers] = {}
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def forget(self) -> None:
        self.answers.clear()
        self.asked.clear()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        found = self.answers.get(asked.path, Reply({"error": {"message": "Not Found"}}, 404))
        return found(asked) if callable(found) else found


@contextmanager
def answering(tls: ssl.SSLContext | None = None) -> Iterator[AnsweringServer]:
    server = AnsweringServer(tls)
    try:
        yield server
    finally:
        server.close()


def _handler(server: AnsweringServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, where.path, dict(parse_qsl(where.query)), dict(self.headers), body)
            reply = server.answer(asked)
            if isinstance(reply, Reply):
                self._send(reply)
                return
            self.close_connection = True
            self.wfile.write(reply.wire if isinstance(reply, Raw) else reply.first)
            if isinstance(reply, Silent):
                server.closing.wait(HUNG)
            elif isinstance(reply, Drip):
                self._drip(reply.then)

        do_POST = do_GET  # noqa: N815  as http.server calls it

        def _drip(self, then: bytes) -> None:
            with suppress(OSError):
                while not server.closing.wait(0.01):
                    self.wfile.write(then)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.media_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
