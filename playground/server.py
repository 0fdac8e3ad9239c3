"""The playground as a server on loopback, in a thread of this process or as a process of its own."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import uvicorn
from starlette.types import ASGIApp

from playground.guard import refuse_real_tokens
from playground.interaction import Stage
from playground.page.beside import Beside
from playground.routes import application
from playground.slack import Slack
from playground.wires import Wires


@contextlib.contextmanager
def running(slack: Slack, env: Mapping[str, str], port: int = 0, beside: Beside | None = None) -> Iterator[Stage]:
    """Serve ``slack`` on loopback from a thread until the block ends. Port 0 takes any free one; the page is
    at the root, with ``beside`` to its right.

    Raises:
        RealTokens: see `refuse_real_tokens`; ``env`` is the environment to look at.
        OSError: the port is taken.
    """
    refuse_real_tokens(env)
    stage, wires = Stage(slack), Wires()
    with serving(application(slack, stage, wires, beside), wires, port) as slack.url:
        try:
            yield stage
        finally:
            slack.hub.refusing = True
            slack.hub.hang_up()


@contextlib.contextmanager
def serving(app: ASGIApp, wires: Wires, port: int = 0) -> Iterator[str]:
    """Serve ``app`` over ``wires`` as `running` does; at which root url. Raises OSError."""
    with _listening(port) as listener:
        server = _server(app, wires)
        thread = threading.Thread(target=server.run, args=([listener],), name="playground", daemon=True)
        thread.start()
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join()


def serve(
    slack: Slack,
    env: Mapping[str, str],
    port: int,
    ready: Callable[[str], None],
    beside: Beside | None = None,
) -> None:
    """Serve ``slack`` in this process until SIGINT or SIGTERM; ``ready`` is told the root url. Raises as `running`."""
    refuse_real_tokens(env)
    with _listening(port) as listener:
        slack.url, wires = _url(listener), Wires()
        ready(slack.url)
        _server(application(slack, Stage(slack), wires, beside), wires).run([listener])


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _server(app: ASGIApp, wires: Wires) -> uvicorn.Server:
    """With all that it imports: a signal in the middle of an import leaves other threads waiting for the lock."""
    config = uvicorn.Config(
        app,
        http=wires.protocol(),
        log_level="error",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.get_loop_factory()
    return uvicorn.Server(config)
