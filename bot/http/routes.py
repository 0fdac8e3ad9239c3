"""What the bot answers to over HTTP. Slack's way in is there in HTTP mode only."""

from collections.abc import Mapping

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

_UNKEPT = {"Cache-Control": "no-store"}


def application(health: Health, endpoint: SlackEndpoint | None) -> Starlette:
    """``endpoint`` is None in Socket Mode."""

    async def healthz(_: Request) -> Response:
        return _told("alive", health.alive())

    def readyz(_: Request) -> Response:
        return _told("ready", health.ready(), shown=health.shown())

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if endpoint is not None:
        routes.append(Route(REQUEST_PATH, endpoint.take, methods=["POST"]))
    app = Starlette(
        routes=routes,
        exception_handlers={NotTaken: _refused, HTTPException: _misdirected, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


def _told(word: str, parts: Mapping[str, bool], **more: bool) -> Response:
    """200 if all parts are well, else 503: load balancers read nothing but that. ``more`` is for who reads on."""
    well = all(parts.values())
    return JSONResponse({word: well, "parts": dict(parts), **more}, 200 if well else 503, headers=_UNKEPT)


def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, NotTaken)  # noqa: S101  the table above says so
    log.warning("http.refused", reason=refusal.reason)
    return Response(status_code=refusal.reason.status)


def _misdirected(request: Request, wrong: Exception) -> Response:
    """Starlette's own: no such path, or another method."""
    known = isinstance(wrong, HTTPException) and wrong.status_code == Reason.METHOD.status
    return _refused(request, NotTaken(Reason.METHOD if known else Reason.NOWHERE))


def _failed(_: Request, fault: Exception) -> Response:
    logged(fault)
    return Response(status_code=500)
