"""A bot's web server to send things to, signed as Slack signs them."""

import http.client
import socket
import sys
from dataclasses import dataclass

from bot.manifest import REQUEST_PATH
from playground.http_mode import Posted, RequestUrl
from playground.sample import sample_workspace
from tests.world.waiting import HUNG

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


_KEPT: list[socket.socket] = []


def free_port() -> int:
    """Nobody else's until this process ends: it stays bound, which on Linux keeps out no listener that asks for it."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    if sys.platform == "linux":
        _KEPT.append(keeper)
    port: int = keeper.getsockname()[1]
    return port


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str


def ask(port: int, method: str, path: str, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> Answer:
    """One request with exactly these headers, also doubled ones."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HUNG)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        given = headers or []
        for name, value in given:
            connection.putheader(name, value.encode("latin-1"))
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in given):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers.get("content-type", ""))
    finally:
        connection.close()


def send(port: int, posted: Posted) -> Answer:
    return ask(port, "POST", REQUEST_PATH, posted.body, list(posted.headers.items()))


class Signer:
    """Slack's side: signs for a time of one's choosing."""

    def __init__(self, port: int, now: float = 0.0) -> None:
        self.now = now
        workspace = sample_workspace().world.workspace
        self._url = RequestUrl(workspace, f"http://127.0.0.1:{port}{REQUEST_PATH}", lambda: self.now, lambda: False)

    def sign(self, body: bytes, content_type: str = JSON) -> Posted:
        return self._url.signed(body, content_type)
