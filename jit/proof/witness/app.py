"""The witness over HTTP."""

import asyncio

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from jit.proof.witness.witness import LARGEST, TEXT, Answer, Witness

log = structlog.get_logger(__name__)

BODY_WITHIN = 3
"""Seconds."""


def application(witness: Witness) -> Starlette:
    async def add(request: Request) -> Response:
        body = await _body(request)
        if isinstance(body, Answer):
            return _response(body)
        return _response(await run_in_threadpool(witness.add_checkpoint, body))

    async def latest(request: Request) -> Response:
        return _response(await run_in_threadpool(witness.checkpoint, request.path_params["origin_hash"]))

    async def alive(_: Request) -> Response:
        return _response(Answer(200, b"alive\n"))

    app = Starlette(
        routes=[
            Route("/add-checkpoint", add, methods=["POST"]),
            Route("/{origin_hash:str}/checkpoint", latest, methods=["GET"]),
            Route("/healthz", alive, methods=["GET"]),
        ],
        exception_handlers={Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


async def _body(request: Request) -> bytes | Answer:
    """No more of it in memory than `LARGEST`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    return Answer(413)
    except (TimeoutError, ClientDisconnect):
        return Answer(408)
    return bytes(body)


def _response(answer: Answer) -> Response:
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-store"}
    return Response(answer.body, answer.status, headers=headers)


def _failed(_: Request, fault: Exception) -> Response:
    log.error("witness.failed", exc_info=fault)
    return _response(Answer(500, content_type=TEXT))
