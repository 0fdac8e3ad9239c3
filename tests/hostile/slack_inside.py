"""The playground's Slack without a socket: what the SDK sends is answered in the same thread, and remembered."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from unittest.mock import patch
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request

from playground import chat, forms, reading
from playground.slack import Slack
from playground.tickets import Stale
from playground.web_api import RefusalReason, WebApi, parsed_body
from playground.world import Missing
from tests.hostile.damage import Json

ROOT = "http://slack.inside"
_API = WebApi(chat.api.methods | forms.api.methods | reading.api.methods)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the bot: the method of the Web API, or `response_url`; what it said, and Slack's answer."""

    method: str
    said: Json
    answer: Json


@dataclass
class Calls:
    """What the bot sent since it was last asked; ``strayed`` are addresses that are not Slack's."""

    made: list[Call] = field(default_factory=list)
    strayed: list[str] = field(default_factory=list)

    def take(self) -> "Calls":
        taken = Calls(self.made, self.strayed)
        self.made, self.strayed = [], []
        return taken


@contextmanager
def answering(slack: Slack) -> Iterator[Calls]:
    """Let every client of the SDK in this process speak to ``slack`` and to nobody else."""
    slack.url = ROOT
    calls = Calls()
    opened = _opener(slack, calls)
    with patch("slack_sdk.web.base_client.urlopen", opened), patch("slack_sdk.webhook.client.urlopen", opened):
        yield calls


def _opener(slack: Slack, calls: Calls) -> Callable[..., "_Answer"]:
    def opened(request: Request, **_: Any) -> _Answer:
        if not request.full_url.startswith(f"{ROOT}/"):
            calls.strayed.append(request.full_url)
            raise URLError("no such host")
        path = urlsplit(request.full_url).path
        content = request.data if isinstance(request.data, bytes) else b""
        said = parsed_body(content, request.get_header("Content-type") or "", urlsplit(request.full_url).query)
        if path.startswith("/hooks/"):
            return _hook(slack, calls, path.rpartition("/")[2], said)
        method = path.removeprefix("/api/")
        bearer = (request.get_header("Authorization") or "").removeprefix("Bearer ")
        answer = _API.call(slack, method, said, bearer)
        calls.made.append(Call(method, said, answer))
        return _Answer(answer)

    return opened


def _hook(slack: Slack, calls: Calls, secret: str, said: Json) -> "_Answer":
    try:
        answer = chat.respond(slack, secret, said)
    except (RefusalReason, Stale, Missing) as refused:
        calls.made.append(Call("response_url", said, {"ok": False, "error": str(refused)}))
        raise HTTPError(ROOT, 404, str(refused), Message(), io.BytesIO(b"")) from refused
    calls.made.append(Call("response_url", said, answer))
    return _Answer(answer)


class _Answer:
    """As much of an HTTP response as the SDK reads."""

    code = status = 200

    def __init__(self, said: Json) -> None:
        self.headers = Message()
        self.headers["Content-Type"] = "application/json; charset=utf-8"
        self._body = json.dumps(said).encode()

    def read(self) -> bytes:
        return self._body
