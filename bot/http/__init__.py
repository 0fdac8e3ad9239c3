"""The bot over HTTP: what Slack sends in HTTP mode, and how the bot is, for whatever watches over it."""

from bot.http.endpoint import SlackEndpoint
from bot.http.routes import application
from bot.http.server import serving
from bot.http.signatures import Signatures

__all__ = ["Signatures", "SlackEndpoint", "application", "serving"]
