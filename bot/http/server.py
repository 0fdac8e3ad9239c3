"""The server, in a thread."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from bot.http.connection import Connection
from jit.runtime.settings import Address, CannotStart

log = structlog.get_logger(__name__)

FINISH_WITHIN = 1
"""Seconds for what is under way when the process is told to stop."""
BACKLOG = 64
"""Connections that are taken at one go, before any of them can be turned away."""


@contextmanager
def serving(app: ASGIApp, address: Address, stop: threading.Event) -> Iterator[None]:
    """Serve until the block ends. A bot that cannot be reached is no use: if serving ends by itself, ``stop`` is set.

    Raises:
        CannotStart: the address cannot be had.
    """
    with _listening(address) as listener:
        server = uvicorn.Server(_config(app))

        def serve() -> None:
            try:
                server.run([listener])
            finally:
                stop.set()

        thread = threading.Thread(target=serve, name="web", daemon=True)
        thread.start()
        log.info("web.listening", host=address.host, port=address.port)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(2 * FINISH_WITHIN)


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as wrong:
        raise CannotStart(
            f"Nothing can listen at {address.host}, port {address.port}: {wrong.strerror}. "
            "Set JIT_LISTEN to an address of this machine that is free."
        ) from None


def _config(app: ASGIApp) -> uvicorn.Config:
    """What fails in the app is logged there, without what was sent; uvicorn would repeat it."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=Connection,
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_WITHIN,
    )
