"""The process put together: it listens, and records with the login of the collectors."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from api.activity import Activity
from api.pace import Pace
from api.sources import Sources
from jit.ledger import Ledger, LedgerUnavailable
from jit.runtime.settings import Address, ApiSettings, process_name

log = structlog.get_logger(__name__)

Serve = Callable[[ASGIApp, Address, threading.Event], AbstractContextManager[None]]
"""Serves an application at an address for as long as the block lasts; sets the event where it ends by itself."""


def run(settings: ApiSettings, ledger: Ledger, serve: Serve, stop: threading.Event) -> None:
    """Take what sources hand in until ``stop`` is set. Raises CannotStart, LedgerUnavailable."""
    ledger.last_index()
    activity = Activity(ledger, Sources(settings.sources), Pace(ledger.clock), process_name("api"))
    with serve(application(ledger, activity), settings.listen, stop):
        log.info("api.listening", host=settings.listen.host, port=settings.listen.port)
        activity.sum_up(stop.wait)


def application(ledger: Ledger, activity: Activity) -> Starlette:
    """`/v1/activity`, and how this process is."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    def readyz(_: Request) -> Response:
        try:
            ledger.read(limit=1, skip_unreadable=True)
        except LedgerUnavailable:
            return JSONResponse({"ready": False}, 503)
        return JSONResponse({"ready": True})

    routes = [
        Route("/v1/activity", activity.take, methods=["POST"]),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
    app = Starlette(routes=routes, exception_handlers={Exception: _failed})
    app.router.redirect_slashes = False
    return app


def _failed(_: Request, fault: Exception) -> Response:
    """Its text may hold what was sent."""
    log.error("api.failed", fault=type(fault).__name__)
    return JSONResponse({"error": "failed"}, 500)
