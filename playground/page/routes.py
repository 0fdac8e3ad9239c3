"""The page: its files, its live view, and what acts beside the chat."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.incoming import parsed
from playground.page.beside import Beside
from playground.page.live import Live
from playground.slack import Slack

STATIC = Path(__file__).parent / "static"
"""The page's own files."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def routes(slack: Slack, beside: Beside | None) -> list[BaseRoute]:
    """To stand last: they take whatever path is left."""

    async def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    files = Starlette(routes=[Route("/", index), Mount("/page", StaticFiles(directory=STATIC))])
    return [
        WebSocketRoute("/page/live", Live(slack, beside).serve),
        Route("/beside/{verb}", _Acts(beside).act, methods=["POST"]),
        Mount("/", _Sealed(files)),
    ]


class _Acts:
    def __init__(self, beside: Beside | None) -> None:
        self._beside = beside

    async def act(self, request: Request) -> Response:
        if not self._beside:
            return JSONResponse({"error": "Nothing stands beside this chat."}, 404)
        try:
            values = parsed(await request.body() or b"{}")
        except ValueError:
            values = None
        if not isinstance(values, dict):
            return JSONResponse({"error": "What was sent is no JSON object."}, 400)
        try:
            return JSONResponse(
                {"result": await run_in_threadpool(self._beside.act, request.path_params["verb"], values)}
            )
        except KeyError:
            return JSONResponse({"error": "There is no such act."}, 404)
        except ValueError as why:
            return JSONResponse({"error": str(why)}, 400)


class _Sealed:
    """Lets a page load and reach only what comes from here, whatever a message may hold."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, sealed)
