"""What the bot answers to over HTTP. Slack's way in is there in HTTP mode only."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.health import Health
from bot.http.endpoint import SlackEndpoint
from bot.http.refusal import NotTaken, Reason
from bot.listeners.context import logged
from bot.manifest import REQUEST_PATH

log = structlog.get_logger(__name__)


def application(health: Health, endpoint: SlackEndpoint | None) -> Starlette:
    """``endpoint`` is None in Socket Mode."""

    async def healthz(_: Request) -> Response:
        return _told("alive", health.alive())

    def readyz(_: Request) -> Response:
        return _told("ready", health.ready(), shown=health.shown())

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if endpoint is not None:
        routes.append(Route(REQUEST_PATH, endpoint.take, methods=["POST"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False
    return app


def _told(word: str, parts: Mapping[str, bool], **more: bool) -> Response:
    """200 if all parts are well, else 503: load balancers read nothing but that. ``more`` is for who reads on."""
    well = all(parts.values())
    said = {word: well, "parts": dict(parts), **more}
    return JSONResponse(said, 200 if well else 503, headers={"Cache-Control": "no-store"})


def _refused(_: Request, wrong: Exception) -> Response:
    """By us, or by Starlette: no such path, or another method."""
    if not isinstance(wrong, NotTaken):
        by_method = isinstance(wrong, HTTPException) and wrong.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        wrong = NotTaken(Reason.METHOD if by_method else Reason.NOWHERE)
    log.warning("http.refused", reason=wrong.reason)
    return Response(status_code=wrong.status_code)


def _failed(_: Request, fault: Exception) -> Response:
    logged(fault)
    return Response(status_code=500)
