"""HTTP mode: what Slack sends to an app's request URL, signed with its secret."""

import hashlib
import hmac
import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from playground.incoming import parsed
from playground.payloads import event_callback
from playground.people import Json, Workspace
from playground.socket_mode import NotConnected, Unanswered
from playground.world import Clock

AGAIN_AFTER = (0.0, 60.0, 300.0)
"""Seconds after each failed delivery of an event until the next."""
DELIVERY = "delivery of an event to {url}"
"""The name of the thread of each, which is there until it is over."""
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it goes over the wire."""

    headers: Mapping[str, str]
    body: bytes


class RequestUrl:
    """Where an app is reached. ``patience`` in real seconds; ``is_down`` says whether Slack sends nothing now."""

    def __init__(self, workspace: Workspace, url: str, clock: Clock, is_down: Callable[[], bool]) -> None:
        self.patience = 3.0
        self.again_after = AGAIN_AFTER
        self._workspace = workspace
        self._url = urlsplit(url)
        self._clock = clock
        self._is_down = is_down

    def ask(self, kind: str, payload: Json) -> Json:
        """As `Hub.ask`. Raises NotConnected, also for an answer that says no, and Unanswered."""
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        status, answer = self.post(self.signed(urlencode(form).encode(), _FORM))
        if status != HTTPStatus.OK:
            raise NotConnected
        try:
            ack = parsed(answer or b"{}")
        except ValueError:
            ack = None
        return ack if isinstance(ack, dict) else {"text": answer.decode(errors="replace")}

    def tell(self, event: Json) -> None:
        """Deliver an event, and again while it is not acknowledged, each time signed anew."""
        self._deliver(event_callback(self._workspace, event), attempt=0)

    def signed(self, body: bytes, content_type: str, more: Mapping[str, str] | None = None) -> Posted:
        """As Slack would send this now."""
        timestamp = str(int(self._clock()))
        base = b":".join((b"v0", timestamp.encode(), body))
        signature = hmac.new(self._workspace.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        return Posted(headers | dict(more or {}), body)

    def post(self, posted: Posted) -> tuple[int, bytes]:
        """The status and body of the answer. Raises NotConnected, Unanswered."""
        if self._is_down():
            raise NotConnected
        connection = http.client.HTTPConnection(self._url.netloc, timeout=self.patience)
        try:
            connection.request("POST", self._url.path, posted.body, dict(posted.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except TimeoutError:
            raise Unanswered from None
        except (OSError, http.client.HTTPException):
            raise NotConnected from None
        finally:
            connection.close()

    def _deliver(self, payload: Json, attempt: int) -> None:
        pause = self.again_after[attempt - 1] if attempt else 0.0
        timer = threading.Timer(pause, self._try, (payload, attempt))
        timer.name = DELIVERY.format(url=self._url.geturl())
        timer.daemon = True
        timer.start()

    def _try(self, payload: Json, attempt: int) -> None:
        again = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_error"} if attempt else {}
        posted = self.signed(json.dumps(payload).encode(), "application/json", again)
        try:
            status, _ = self.post(posted)
        except (NotConnected, Unanswered):
            status = 0
        if status != HTTPStatus.OK and attempt < len(self.again_after):
            self._deliver(payload, attempt + 1)
