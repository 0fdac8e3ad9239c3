"""What keeps the playground apart: from real workspaces' tokens, and from web pages elsewhere."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_OUR_PAGE = ("same-origin", "none")
"""What a browser says in `Sec-Fetch-Site` of our own page, and of an address that somebody typed."""
_FOR_APPS = ("/api/", "/hooks/", "/link/")
_LOOPBACK = ("127.0.0.1", "localhost")
_REAL_TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")
_OURS = ("xoxb-playground-", "xapp-playground-", "playground-signing")


class RealTokens(Exception):
    """Tokens of a real workspace are set; the playground does not run beside them."""


def refuse_real_tokens(env: Mapping[str, str]) -> None:
    """Raises RealTokens, naming the variable and never its value."""
    for name in _REAL_TOKENS:
        if env.get(name) and not env[name].startswith(_OURS):
            raise RealTokens(f"{name} is set to that of a real workspace: unset it to use the playground")


class LoopbackOnly:
    """Refuses what a web page elsewhere could send here: a foreign `Host` (DNS rebinding), `Origin`, `Sec-Fetch-Site`.

    A browser leaves the origin out where a page asks by an image or a link, and says by the site whose page it is.
    Apps say no site; where apps speak, no browser is let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _from_here(HTTPConnection(scope).headers, scope["path"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await Response("not from here", 403)(scope, receive, send)


def _from_here(headers: Mapping[str, str], path: str) -> bool:
    host, origin, site = headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
    return (
        _hostname(f"//{host}") in _LOOPBACK
        and (origin is None or origin == f"http://{host}")
        and (site is None or (site in _OUR_PAGE and not path.startswith(_FOR_APPS)))
    )


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
