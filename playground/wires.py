"""Connections cut in the middle of a call, for the faults that need it."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class Wires:
    """The open HTTP connections by peer address, so that one can be cut in the middle of a call."""

    def __init__(self) -> None:
        self._open: dict[Any, asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        wires = self._open

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
                super().connection_made(transport)
                wires[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                wires.pop(self.client, None)
                super().connection_lost(exc)

        return Protocol

    def cut(self, client: Any) -> None:
        if transport := self._open.get(client):
            transport.abort()


class NoAnswer(Response):
    """Says nothing, until the caller has gone away; ``cut`` ends the connection first."""

    def __init__(self, wires: Wires, *, cut: bool) -> None:
        super().__init__()
        self._wires = wires
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        if self._cut:
            self._wires.cut(scope["client"])
        while (await receive())["type"] != "http.disconnect":
            pass
