"""What the server answers to: `/api/<method>`, `/hooks` for response urls, `/link` for sockets, `/control`;
and to a browser with the page.
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from playground import chat, control, forms, reading
from playground.faults import Fault, Outage, Trouble
from playground.guard import LoopbackOnly
from playground.interaction import Stage
from playground.page import routes as page
from playground.page.beside import Beside
from playground.slack import Slack
from playground.tickets import Stale
from playground.web_api import RateLimited, RefusalReason, WebApi, parsed_body
from playground.wires import NoAnswer, Wires
from playground.world import Missing


def application(slack: Slack, stage: Stage, wires: Wires, beside: Beside | None = None) -> ASGIApp:
    surface = _Surface(slack, wires)
    routes = [
        Route("/api/{method}", surface.call, methods=["GET", "POST"]),
        Route("/hooks/{team}/{secret}", surface.hook, methods=["POST"]),
        WebSocketRoute("/link/", surface.link),
        control.route(stage),
        *page.routes(slack, beside),
    ]
    return LoopbackOnly(Starlette(routes=routes))


class _Surface:
    """Slack as apps meet it, with the faults that are switched on."""

    def __init__(self, slack: Slack, wires: Wires) -> None:
        self._slack = slack
        self._wires = wires
        self._api = WebApi(chat.api.methods | forms.api.methods | reading.api.methods)

    async def call(self, request: Request) -> Response:
        name = request.path_params["method"]
        body = await request.body()
        if delay := self._slack.faults.delay(name):
            await asyncio.sleep(delay)
        trouble = self._slack.faults.next(name)
        if hindered := self._hindered(trouble):
            return hindered
        answer = self._answered(name, request, body)
        if trouble:
            return NoAnswer(self._wires, cut=trouble.fault is Fault.LOST_BY_RESET)
        return answer

    async def hook(self, request: Request) -> Response:
        if hindered := self._hindered(self._slack.faults.next("response_url")):
            return hindered
        try:
            values = parsed_body(await request.body(), request.headers.get("content-type", ""), "")
            return JSONResponse(chat.respond(self._slack, request.path_params["secret"], values))
        except RefusalReason as refusal:
            return JSONResponse(refusal.said, 400)
        except (Stale, Missing) as refusal:
            return JSONResponse({"ok": False, "error": str(refusal)}, 404)

    async def link(self, websocket: WebSocket) -> None:
        await self._slack.hub.serve(websocket)

    def _hindered(self, trouble: Trouble | None) -> Response | None:
        """The answer to a call that is not carried out; None if it is."""
        match self._slack.faults.outage, trouble and trouble.fault:
            case (Outage.DROPPING, _) | (_, Fault.DROPPED):
                return NoAnswer(self._wires, cut=True)
            case (Outage.UNAVAILABLE, _) | (_, Fault.SERVER_ERROR):
                return Response("Service Unavailable", 503)
            case (_, Fault.RATE_LIMITED):
                return _rate_limited(trouble.retry_after if trouble else 1)
        return None

    def _answered(self, name: str, request: Request, body: bytes) -> Response:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        try:
            values = parsed_body(body, request.headers.get("content-type", ""), request.url.query)
            said = self._api.call(self._slack, name, values, bearer)
        except RefusalReason as refusal:
            said = refusal.said
        except RateLimited as limited:
            return _rate_limited(limited.retry_after)
        scopes = self._slack.world.workspace.scopes
        headers = {"x-oauth-scopes": ",".join(sorted(scopes))} if scopes is not None else {}
        return JSONResponse(said, headers=headers)


def _rate_limited(retry_after: int) -> Response:
    headers = {"Retry-After": str(retry_after)}
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers=headers)
