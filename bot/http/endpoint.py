"""Where in HTTP mode comes in what Slack sends: read up to a limit, checked to be Slack's, and handed to Bolt."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from slack_bolt import BoltRequest, BoltResponse
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.http.refusal import NotTaken, Reason
from bot.http.signatures import Signatures, read_stamp

Dispatch = Callable[[BoltRequest], BoltResponse]

AT_ONCE = 32
"""Requests that wait for a listener's acknowledgement at the same time, each in a thread, for 3 s at most."""
LARGEST = 1_000_000
"""Bytes of a body. A form with everything that Slack lets into one stays far below."""
WITHIN = 3
"""Seconds for a body to arrive; Slack itself waits no longer for the answer."""
_MOST_FIELDS = 100


class SlackEndpoint:
    """Closed until there is somebody to take what comes, and again before they are gone."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._dispatch: Dispatch | None = None
        self._waiting = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="endpoint")

    @property
    def is_open(self) -> bool:
        return self._dispatch is not None

    @contextmanager
    def open(self, dispatch: Dispatch) -> Iterator[None]:
        """Hand what is Slack's to ``dispatch`` for as long as the block lasts."""
        self._dispatch = dispatch
        try:
            yield
        finally:
            self._dispatch = None

    async def take(self, request: Request) -> Response:
        """Answer with what the listener acknowledges with. Raises NotTaken."""
        dispatch = self._dispatch
        if dispatch is None:
            raise NotTaken(Reason.NOT_OPEN)
        stamp = read_stamp(request.headers)
        self._signatures.require_of_now(stamp)
        try:
            text = (await _read_body(request)).decode()
        except UnicodeDecodeError:
            raise NotTaken(Reason.UNREADABLE) from None
        self._signatures.require_ours(stamp, text)
        bolt_request = _for_bolt(request.headers.getlist("content-type"), text)
        self._signatures.require_new(stamp)
        answer = await asyncio.get_running_loop().run_in_executor(self._waiting, dispatch, bolt_request)
        return Response(answer.body, answer.status, headers=answer.first_headers_without_set_cookie())


async def _read_body(request: Request) -> bytes:
    """Raises NotTaken before there is more in memory than `LARGEST`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise NotTaken(Reason.TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(WITHIN):
            async for chunk in request.stream():
                if len(body) + len(chunk) > LARGEST:
                    raise NotTaken(Reason.TOO_LARGE)
                body += chunk
    except (TimeoutError, ClientDisconnect):
        raise NotTaken(Reason.INCOMPLETE) from None
    return bytes(body)


def _for_bolt(content_types: list[str], text: str) -> BoltRequest:
    """The signature is checked, with our clock: from here on all goes as in Socket Mode. So Bolt, whose own check
    would log what it refuses, is left with a secret that nobody has. Raises NotTaken.
    """
    try:
        return BoltRequest(mode="socket_mode", body=_payload(content_types, text))
    except Exception:  # noqa: BLE001  Bolt looks for this and that, of which anything may be of another type
        raise NotTaken(Reason.UNREADABLE) from None


def _payload(content_types: list[str], text: str) -> dict[str, Any]:
    """As in Socket Mode: events come as JSON, commands as a form, whatever is pressed as JSON in a form's field.

    Raises ValueError, RecursionError.
    """
    loaded = None
    match [each.partition(";")[0].strip().lower() for each in content_types]:
        case ["application/json"]:
            loaded = json.loads(text)
        case ["application/x-www-form-urlencoded"]:
            form = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
            loaded = json.loads(form["payload"]) if "payload" in form else form
    if not isinstance(loaded, dict):
        raise ValueError("nothing that Slack sends")  # noqa: TRY004  its text is at fault, not its type
    return loaded
