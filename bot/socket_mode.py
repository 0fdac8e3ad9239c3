"""Socket Mode: what comes in over the socket goes to Bolt, and is acknowledged whatever it is."""

import logging
import socket
from contextlib import suppress

import structlog
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from jit.runtime.proxies import proxy_for

log = structlog.get_logger(__name__)

PING_EVERY = 5
"""Seconds; a socket that is gone is noticed, and opened again, in about as many."""
TELL_EVERY = 0.1
"""Seconds."""


class AcknowledgingHandler(SocketModeHandler):
    """Bolt fails while it reads payloads that are not as Slack makes them, before any code of an app runs."""

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as Bolt's own
        try:
            super().handle(client, req)
        except Exception as fault:  # noqa: BLE001  nothing that comes in is left without an acknowledgement
            log.warning("payload.unreadable", because=type(fault).__name__)
            client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


def socket_client(app: App, token: str, logger: logging.Logger) -> SocketModeClient:
    """What hands to ``app`` all that comes in, once it is connected."""
    client = AcknowledgingHandler(app, token, ping_interval=PING_EVERY, logger=logger).client
    _by_proxy(client)
    client.on_close_listeners.append(lambda code, _reason: log.warning("socket.closed", code=code))
    client.on_error_listeners.append(lambda error: log.warning("socket.failed", because=type(error).__name__))
    return client


def _by_proxy(client: SocketModeClient) -> None:
    """Each socket by the way that its own address has: it is on another host than Slack's Web API."""
    ask = client.issue_new_wss_url

    def ask_and_look() -> str:
        address = ask()
        client.proxy = proxy_for(address)
        return address

    client.issue_new_wss_url = ask_and_look  # type: ignore[method-assign]  # no other place knows the address


def hang_up(client: SocketModeClient) -> None:
    """The SDK's own way waits until its reading and its queue time out; and for ever where reading is just about to
    begin, which forgets that it was told to end. So both are woken, and reading is told until it has ended.
    """
    reading = client.current_session_runner
    reading.event.set()
    while reading.is_alive():
        client.auto_reconnect_enabled = False
        client.current_session_state.terminated = True
        sock = client.current_session.sock if client.current_session else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        reading.thread.join(TELL_EVERY)
    client.closed = True
    client.message_queue.put(None)
    client.close()
