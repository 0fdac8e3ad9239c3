"""The Slack app as a manifest: what Slack is asked for, and the link that creates it."""

from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from jit.runtime.packaged import packaged

NEW_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="
REQUEST_PATH = "/slack/events"
"""Where the bot takes what Slack sends in HTTP mode: commands, presses, menus that search, and events."""


def load_manifest() -> dict[str, Any]:
    """What `manifest.yml` says."""
    path = packaged(__file__, "manifest.yml", "manifest.yml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def creation_link(manifest: dict[str, Any]) -> str:
    """Opened in a browser it shows the app, filled in, and asks for the workspace. Comments are left out."""
    return NEW_APP + quote(yaml.safe_dump(manifest, sort_keys=False, width=1000), safe="")


def over_http(manifest: dict[str, Any], public_url: str) -> dict[str, Any]:
    """The same app for HTTP mode. ``public_url`` is where the proxy in front of the bot is reached: `https://host`,
    with a path if it has one.

    Raises:
        ValueError: Slack would not send anything there; the message says what to write.
    """
    request_url = _request_url(public_url)
    app = deepcopy(manifest)
    for command in app["features"]["slash_commands"]:
        command["url"] = request_url
    settings = app["settings"]
    settings["socket_mode_enabled"] = False
    settings["event_subscriptions"] = {"request_url": request_url, **settings["event_subscriptions"]}
    settings["interactivity"] |= {"request_url": request_url, "message_menu_options_url": request_url}
    return app


def _request_url(public_url: str) -> str:
    wrong = ValueError("The public address is written https://host, such as https://jit.example.com.")
    try:
        parts = urlsplit(public_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme != "https" or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong
    if not public_url.isascii() or not public_url.isprintable() or " " in public_url:
        raise wrong
    return public_url.rstrip("/").removesuffix(REQUEST_PATH) + REQUEST_PATH
