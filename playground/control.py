"""The stage over HTTP, for a process elsewhere: `POST /control/<verb>` with the arguments as JSON.

What somebody acts on may just have gone, a form that was closed: that is an answer (`missing`), and no fault of theirs.
"""

import http.client
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.incoming import parsed
from playground.interaction import Stage
from playground.people import Json
from playground.world import Missing

_POLL_SECONDS = 0.02
_VERBS = frozenset(
    [
        "command",
        "press",
        "choose",
        "suggest",
        "submit",
        "close",
        "sees",
        "direct",
        "form",
        "home",
        "open_home",
        "say",
        "failures",
        "plan_fault",
        "slow",
        "break_down",
        "mend",
        "hang_up",
        "connections",
        "change_user",
        "set_members",
        "edit",
        "delete",
    ]
)


def route(stage: Stage) -> Route:
    async def act(request: Request) -> Response:
        verb = request.path_params["verb"]
        if verb not in _VERBS:
            return JSONResponse({"missing": "unknown verb"})
        try:
            values: Json = parsed(await request.body() or b"{}")
            return JSONResponse({"result": await run_in_threadpool(getattr(stage, verb), **values)})
        except Missing as missing:
            return JSONResponse({"missing": str(missing)})
        except (ValueError, TypeError, KeyError) as fault:
            return JSONResponse({"error": f"{type(fault).__name__}: {fault}"}, 400)

    return Route("/control/{verb}", act, methods=["POST"])


def elsewhere(url: str) -> Stage:
    """The stage of a playground in another process, by its root url.

    Its verbs are called with keywords only. They raise Missing for what is not there, and ValueError for
    what makes no sense.
    """
    return cast("Stage", _RemoteStage(url))


class _RemoteStage:
    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        return lambda **values: self._act(verb, values)

    def wait_for(self, predicate: Callable[[], Any], timeout: float) -> Any:
        """As `World.wait_for`, by asking again and again."""
        deadline = time.monotonic() + timeout
        while not (value := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen within {timeout} s")
            time.sleep(_POLL_SECONDS)
        return value

    def _act(self, verb: str, values: Json) -> Any:
        connection = http.client.HTTPConnection(self._place, timeout=30)
        try:
            connection.request("POST", f"/control/{verb}", json.dumps(values))
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        if "missing" in said:
            raise Missing(said["missing"])
        if answer.status != HTTPStatus.OK:
            raise ValueError(said["error"])
        return said["result"]
