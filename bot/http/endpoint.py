"""Where in HTTP mode comes in what Slack sends."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from slack_bolt import BoltRequest, BoltResponse
from starlette.requests import Request
from starlette.responses import Response

from bot.http.body import Json, as_text, parsed, read_body
from bot.http.refusal import NotTaken, Reason
from bot.http.signatures import Signatures, read_stamp

Dispatch = Callable[[BoltRequest], BoltResponse]

AT_ONCE = 32
"""Requests that wait for a listener's acknowledgement at the same time, each in a thread, for 3 s at most."""


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
        text = as_text(await read_body(request))
        self._signatures.require_ours(stamp, text)
        bolt_request = _for_bolt(parsed(request.headers, text))
        self._signatures.require_new(stamp)
        return _answer(await asyncio.get_running_loop().run_in_executor(self._waiting, dispatch, bolt_request))


def _for_bolt(body: Json) -> BoltRequest:
    """The signature is checked, with our clock: from here on all goes as in Socket Mode. So Bolt, whose own check
    would log what it refuses, is left with a secret that nobody has. Raises NotTaken.
    """
    try:
        return BoltRequest(mode="socket_mode", body=body)
    except Exception:  # noqa: BLE001  it looks for this and that, of which anything may be of another type
        raise NotTaken(Reason.UNREADABLE) from None


def _answer(response: BoltResponse) -> Response:
    return Response(response.body, response.status, headers=response.first_headers_without_set_cookie())
