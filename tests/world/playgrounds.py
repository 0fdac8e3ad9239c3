"""One server for the playgrounds of all tests: each has a Slack of its own behind it, and starts and stops nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.interaction import Stage
from playground.page.beside import Beside
from playground.routes import application
from playground.server import serving
from playground.slack import Slack
from playground.wires import Wires


class Playgrounds:
    """What the server runs: the playground of the test that is at it."""

    def __init__(self) -> None:
        self.wires = Wires()
        self.url = ""
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None, "no test is at it"
        await self._app(scope, receive, send)

    @contextmanager
    def running(
        self, slack: Slack, beside: Beside | None = None, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
    ) -> Iterator[Stage]:
        """As the playground's own `running`; ``around`` makes of the playground what is to answer."""
        before, stage, slack.url = self._app, Stage(slack), self.url
        self._app = around(application(slack, stage, self.wires, beside))
        try:
            yield stage
        finally:
            slack.hub.refusing = True
            slack.hub.hang_up()
            self._app = before


@pytest.fixture(scope="session")
def playgrounds() -> Iterator[Playgrounds]:
    made = Playgrounds()
    with serving(made, made.wires) as made.url:
        yield made
