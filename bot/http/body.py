"""The body of a request: read up to a limit, and understood as Slack writes them."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from bot.http.refusal import NotTaken, Reason

Json = dict[str, Any]

LARGEST = 1_000_000
"""Bytes. A form with everything that Slack lets into one stays far below."""
WITHIN = 3
"""Seconds for a body to arrive; Slack itself waits no longer for the answer."""
_MOST_FIELDS = 100


async def read_body(request: Request) -> bytes:
    """Raises NotTaken before there is more in memory than `LARGEST`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise NotTaken(Reason.TOO_LARGE)
    try:
        async with asyncio.timeout(WITHIN):
            return await _read(request)
    except (TimeoutError, ClientDisconnect):
        raise NotTaken(Reason.INCOMPLETE) from None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > LARGEST:
            raise NotTaken(Reason.TOO_LARGE)
        body += chunk
    return bytes(body)


def as_text(body: bytes) -> str:
    """Raises NotTaken."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise NotTaken(Reason.UNREADABLE) from None


def parsed(headers: Headers, text: str) -> Json:
    """The payload, of the same shape as in Socket Mode: events come as JSON, commands as a form, whatever is pressed
    as JSON in a form's field. Raises NotTaken.
    """
    try:
        body = _loaded(headers.getlist("content-type"), text)
    except (ValueError, RecursionError):
        raise NotTaken(Reason.UNREADABLE) from None
    if not isinstance(body, dict):
        raise NotTaken(Reason.UNREADABLE)
    return body


def _loaded(content_types: list[str], text: str) -> Any:
    match [each.partition(";")[0].strip().lower() for each in content_types]:
        case ["application/json"]:
            return json.loads(text)
        case ["application/x-www-form-urlencoded"]:
            form = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
            return json.loads(form["payload"]) if "payload" in form else form
    raise ValueError("nothing that Slack sends")
