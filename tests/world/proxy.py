"""A proxy on the way out: it notes what it is asked for, and answers in Slack's place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Proxy:
    """``asked`` has each request's first line, ``logins`` what was sent as one. It ``says`` this, and ``tunnel`` to
    CONNECT.
    """

    url: str
    asked: list[str] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    tunnel: int = 403
    says: dict[str, Any] = field(default_factory=lambda: {"ok": True})


@contextmanager
def a_proxy() -> Iterator[Proxy]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._note()
            body = json.dumps(proxy.says).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            self._note()
            self.send_response(proxy.tunnel)
            self.end_headers()

        def _note(self) -> None:
            proxy.asked.append(f"{self.command} {self.path}")
            proxy.logins.append(self.headers.get("Proxy-Authorization"))

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
