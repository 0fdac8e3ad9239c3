"""Asking providers over HTTPS: nothing is followed, whatever is too long is left, and no secret gets into an error."""

import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from jit.people.answers import Because

LONGEST_ANSWER = 1024 * 1024
"""Bytes."""
MOST_PAGES = 20
LONGEST_PAUSE = timedelta(minutes=10)
"""A provider that asks for more is asked again all the same."""

M = TypeVar("M", bound=BaseModel)
Query = Sequence[tuple[str, str | int]]

_JSON = "application/json"
_NOT_MODIFIED = 304
_STATUSES = {
    401: Because.REFUSED,
    403: Because.REFUSED,
    404: Because.NOT_THERE,
    407: Because.UNREACHABLE,
    410: Because.NOT_THERE,
    429: Because.BUSY,
}


class NotAnswered(Exception):
    """Nothing was learnt from a provider. ``pause`` is how long it asked to be left alone, if it did."""

    def __init__(self, because: Because, pause: timedelta | None = None) -> None:
        super().__init__(because.words)
        self.because = because
        self.pause = pause


class Part(BaseModel):
    """A part of a provider's answer: what is not asked about is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """``changed`` is false where the provider said that it is as it was."""

    body: bytes
    media_type: str
    etag: str
    changed: bool = True

    def read(self, form: type[M]) -> M:
        """Raises NotAnswered: it is no JSON, tells of an error, or has not this form."""
        if self.media_type != _JSON and not self.media_type.endswith("+json"):
            raise NotAnswered(Because.UNREADABLE)
        try:
            said = from_json(self.body)
        except ValueError:
            raise NotAnswered(Because.UNREADABLE) from None
        if isinstance(said, dict) and (said.get("error") or said.get("errors")):
            raise NotAnswered(Because.ERROR)
        try:
            return form.model_validate_json(self.body)
        except ValidationError:
            raise NotAnswered(Because.UNREADABLE) from None


class Http:
    """All questions of one event loop. Deadlines are those of whoever awaits it."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        for name in ("httpx", "httpcore"):  # they write down addresses, which may be secrets
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    async def get(self, url: str, headers: Mapping[str, str], query: Query = ()) -> Answer:
        """Raises NotAnswered."""
        return await self._ask("GET", url, headers, params=[*query] or None)

    async def post(self, url: str, headers: Mapping[str, str], said: Mapping[str, Any]) -> Answer:
        """Raises NotAnswered."""
        return await self._ask("POST", url, headers, json=dict(said))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], **rest: Any) -> Answer:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None, follow_redirects=False)  # noqa: S113  `Asking` has the deadline
        ours = {"Accept": _JSON, "Accept-Encoding": "identity", "User-Agent": "jit"} | dict(headers)
        try:
            async with self._client.stream(method, url, headers=ours, **rest) as response:
                return await _answer(response)
        except httpx.TimeoutException:
            raise NotAnswered(Because.NO_ANSWER) from None
        except httpx.RemoteProtocolError:
            raise NotAnswered(Because.UNREADABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as wrong:
            raise NotAnswered(Because.UNTRUSTED if _is_untrusted(wrong) else Because.UNREACHABLE) from None


async def _answer(response: httpx.Response) -> Answer:
    """Raises NotAnswered, httpx.HTTPError."""
    headers = response.headers
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.status_code == _NOT_MODIFIED:
        return Answer(b"", media_type, headers.get("ETag", ""), changed=False)
    if response.status_code != httpx.codes.OK:
        raise _refusal(response)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NotAnswered(Because.UNREADABLE)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise NotAnswered(Because.TOO_LONG)
    return Answer(bytes(body), media_type, headers.get("ETag", ""))


def _refusal(response: httpx.Response) -> NotAnswered:
    if response.is_redirect:
        return NotAnswered(Because.REDIRECT)
    pause = _pause(response.headers)
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE and pause is not None:
        return NotAnswered(Because.BUSY, pause)
    because = _STATUSES.get(response.status_code, Because.ERROR)
    return NotAnswered(because, pause if because is Because.BUSY else None)


def _pause(headers: httpx.Headers) -> timedelta | None:
    """What `Retry-After` says, in seconds or as a date, or PagerDuty's `ratelimit-reset`."""
    asked = headers.get("Retry-After") or headers.get("ratelimit-reset") or ""
    if asked.isascii() and asked.isdecimal():
        return min(timedelta(seconds=int(asked[:9])), LONGEST_PAUSE)
    try:
        left = parsedate_to_datetime(asked) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return min(max(left, timedelta(0)), LONGEST_PAUSE)


def _is_untrusted(wrong: BaseException | None) -> bool:
    while wrong is not None:
        if isinstance(wrong, ssl.SSLError):
            return True
        wrong = wrong.__cause__ or wrong.__context__
    return False
