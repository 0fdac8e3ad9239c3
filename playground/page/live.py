"""A reader's socket: what changes is told within milliseconds, and what the page says is heard."""

import asyncio
import contextlib
import json

from starlette.websockets import WebSocket, WebSocketDisconnect

from playground.page.beside import Beside, Watched
from playground.page.marks import Marks
from playground.page.reader import Reader
from playground.people import Json
from playground.slack import Slack

NOBODY = 4404
"""Close code: there is no such person to read as."""
_MADE_NO_SENSE = 1008
_COALESCE = 0.015  # seconds in which changes become one look


class Live:
    """All open pages of one playground."""

    def __init__(self, slack: Slack, beside: Beside | None) -> None:
        self._slack = slack
        self._marks = Marks()
        self._watched = Watched(beside, slack.world.notify) if beside else None

    async def serve(self, socket: WebSocket) -> None:
        """One page, from when it opens to when it closes. Who comes without a name reads as the first to play."""
        await socket.accept()
        person = self._person(socket.query_params.get("person", ""))
        if not person:
            await socket.close(NOBODY, "nobody of this name can be played")
            return
        reader = Reader(self._slack, self._marks, person, beside=self._watched is not None)
        with self._watched.page_open() if self._watched else contextlib.nullcontext():
            await self._converse(socket, reader)

    def _person(self, asked: str) -> str:
        world = self._slack.world
        with world.changed:
            people = [user for user in world.users.values() if not user.bot and not user.deleted]
        if asked:
            return next((user.id for user in people if user.id == asked), "")
        return next((user.id for user in people if user.title), "")

    async def _converse(self, socket: WebSocket, reader: Reader) -> None:
        loop, look = asyncio.get_running_loop(), asyncio.Event()

        def changed() -> None:
            with contextlib.suppress(RuntimeError):  # the server's loop has ended, and this page with it
                loop.call_soon_threadsafe(look.set)

        unwatch = self._slack.world.watch(changed)
        telling = asyncio.create_task(self._tell(socket, reader, look))
        hearing = asyncio.create_task(self._hear(socket, reader))
        try:
            done, _ = await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                with contextlib.suppress(WebSocketDisconnect):
                    ended.result()
        finally:
            unwatch()
            telling.cancel()
            hearing.cancel()

    async def _tell(self, socket: WebSocket, reader: Reader, look: asyncio.Event) -> None:
        beside = None
        look.set()
        while True:
            await look.wait()
            look.clear()
            for frame in reader.frames():
                await _send(socket, frame)
            if self._watched and self._watched.state != beside:
                beside = self._watched.state
                await _send(socket, {"kind": "beside", "state": beside})
            await asyncio.sleep(_COALESCE)

    async def _hear(self, socket: WebSocket, reader: Reader) -> None:
        while True:
            try:
                reader.hear(await socket.receive_json())
            except (ValueError, KeyError, RecursionError):  # not ours, bytes, or nested without end
                await socket.close(_MADE_NO_SENSE, "not understood")
                return


async def _send(socket: WebSocket, frame: Json) -> None:
    """In ASCII, which no text can break: one frame that could not be written would end the page."""
    await socket.send_text(json.dumps(frame))
