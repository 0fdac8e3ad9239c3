"""Pages that one test after the other uses: a new one takes the browser longer than most tests take."""

from playwright.sync_api import Browser, Page
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_MS = 120_000
"""Says "hung", and nothing about speed."""


class Tabs:
    """The pages, each in a context of its own, and what they complain of on their consoles."""

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._free: list[Page] = []

    def take(self) -> Page:
        return self._free.pop() if self._free else self._opened()

    def _opened(self) -> Page:
        context = self._browser.new_context(timezone_id="Europe/Berlin", locale="en-GB", reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def give_back(self, page: Page) -> None:
        """It goes nowhere, and remembers nothing."""
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.context.unroute_all()
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.goto("about:blank")
        self._free.append(page)


def kept(app: ASGIApp) -> ASGIApp:
    """The playground, whose sixty files the browser then fetches once and not for every test."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith("/page/"):
                MutableHeaders(scope=message)["Cache-Control"] = "max-age=3600"
            await send(message)

        await app(scope, receive, marked)

    return answering
