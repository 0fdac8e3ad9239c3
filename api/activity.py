"""`POST /v1/activity`: a batch of lines, from the source whose token came with it.

1. Whose token is it? What the lines say of their source decides nothing.
2. The body is read, up to a limit, and in time.
3. There is room for it: else the source is to wait, and send the same again.
4. What is new in it is recorded, and only then it is answered.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from api.pace import Pace, TooMuch
from api.sources import Source, Sources
from jit.detect.activity.parsers import KINDS
from jit.detect.activity.posted import Posted, PostedLines, Taken
from jit.detect.activity.recorder import Overtaken
from jit.ledger import Ledger, LedgerUnavailable
from jit.runtime.settings import CannotStart

log = structlog.get_logger(__name__)

LARGEST = 1_000_000
"""Bytes of a body."""
MOST_LINES = 5_000
WITHIN = 10
"""Seconds for a body to arrive."""
SILENT = 5
"""Seconds until it is worth trying again while the record does not answer."""
_BEARER = re.compile(r"[Bb]earer ([!-~]{20,200})")


class Refused(Exception):
    """A batch of which nothing is taken; ``why`` is one of a few words and holds nothing of what was sent."""

    def __init__(self, status: HTTPStatus, why: str, after: int = 0) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.after = after


class Activity:
    """The endpoint, with the way into the record of each source."""

    def __init__(self, ledger: Ledger, sources: Sources, pace: Pace, actor: str) -> None:
        self._ledger = ledger
        self._sources = sources
        self._pace = pace
        self._actor = actor
        self._ways: dict[tuple[str, Source], Posted] = {}
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="activity")

    async def take(self, request: Request) -> Response:
        """Answers every batch, also one of which nothing is taken."""
        try:
            return await self._taken(request)
        except Refused as refused:
            log.warning("activity.refused", why=refused.why, status=refused.status.value)
            after = {"Retry-After": str(refused.after)} if refused.after else {}
            return JSONResponse({"error": refused.why}, refused.status, headers=after)

    async def _taken(self, request: Request) -> Response:
        name, source = self._whose(request)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "lines are sent as they are, not packed")
        try:
            with self._pace.place(name):
                body = await _read(request)
                lines = body.count(b"\n") + 1
                if lines > MOST_LINES + 1:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_LINES} lines in a batch")
                self._pace.take(name, lines)
                way = self._way(name, source)
                taken = await asyncio.get_running_loop().run_in_executor(self._threads, way.take, body)
        except TooMuch as much:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too much at once", much.after) from None
        except (LedgerUnavailable, Overtaken) as silent:
            log.warning("ledger.unavailable", because=type(silent).__name__)
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the record does not answer", SILENT) from None
        return _answer(taken)

    def _whose(self, request: Request) -> tuple[str, Source]:
        """Raises Refused."""
        try:
            if self._sources.look_again():
                log.info("activity.sources_read")
        except CannotStart as wrong:
            log.error("activity.sources_broken", because=str(wrong))  # noqa: TRY400  who has to mend it wrote the file
        told = request.headers.getlist("authorization")
        token = _BEARER.fullmatch(told[0]) if len(told) == 1 else None
        found = self._sources.of_token(token[1]) if token else None
        if found is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "no token of a source")
        return found

    def _way(self, name: str, source: Source) -> Posted:
        if (name, source) not in self._ways:
            generic = source.format == "json"
            parser = PostedLines(source.target, name) if generic else KINDS[source.format](source.target, None)
            self._ways[name, source] = Posted(self._ledger, name, source.target, parser, self._actor)
        return self._ways[name, source]

    def ways(self) -> dict[str, Posted]:
        """Of each source that handed in something since the start."""
        return {name: way for (name, _), way in self._ways.items()}

    def sum_up(self, told_to_stop: Callable[[float], bool]) -> None:
        """What is over, of sources from which nothing comes, until it is told to stop."""
        while not told_to_stop(60.0):
            for way in self.ways().values():
                try:
                    way.sum_up_without()
                except LedgerUnavailable as silent:
                    log.warning("ledger.unavailable", because=str(silent))


async def _read(request: Request) -> bytes:
    """Raises Refused before there is more in memory than `LARGEST`."""
    too_large = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {LARGEST} bytes in a batch")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(WITHIN):
            async for chunk in request.stream():
                if len(body) + len(chunk) > LARGEST:
                    raise too_large
                body += chunk
    except (TimeoutError, ClientDisconnect):
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "did not arrive in time") from None
    return bytes(body)


def _answer(taken: Taken) -> Response:
    return JSONResponse({"recorded": taken.recorded, "doubles": taken.doubles, "refused": dict(taken.refused)})
