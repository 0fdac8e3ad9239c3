"""The bot over HTTP: what Slack sends in HTTP mode, and how the bot is, for whatever watches over it."""

from bot.web.door import Door
from bot.web.routes import application
from bot.web.server import serving
from bot.web.signatures import Signatures

__all__ = ["Door", "Signatures", "application", "serving"]
