"""The bot over HTTP: what Slack sends in HTTP mode, and how the bot is, for whatever watches over it."""

from bot.http.door import Door
from bot.http.routes import application
from bot.http.server import serving
from bot.http.signatures import Signatures

__all__ = ["Door", "Signatures", "application", "serving"]
