"""What Slack hands out for a short while: trigger ids (3 s, once) and response urls (30 min, five times)."""

import secrets
from dataclasses import dataclass

from playground.world import World

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


class Stale(Exception):
    """The ticket is no longer good. The message is Slack's word for why (`expired_trigger_id`)."""


@dataclass
class Trigger:
    user: str
    until: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Where the answer goes: the conversation, the person, and the message whose button was pressed, if any."""

    channel: str
    user: str
    until: float
    message_ts: str = ""
    uses: int = 0


class Tickets:
    """Those handed out, by the word that stands for each."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.triggers: dict[str, Trigger] = {}
        self.responses: dict[str, ResponseUrl] = {}

    def trigger(self, user: str) -> str:
        with self._world.changed:
            name = f"{self._world.number()}.{self._world.workspace.team}.{secrets.token_hex(16)}"
            self.triggers[name] = Trigger(user, self._world.clock() + TRIGGER_SECONDS)
            return name

    def spend(self, trigger: str) -> str:
        """Use a trigger id up; whose it was.

        Raises:
            Stale: unknown, used or too old.
        """
        with self._world.changed:
            found = self.triggers.get(trigger)
            if not found:
                raise Stale("invalid_trigger_id")
            if found.used:
                raise Stale("exchanged_trigger_id")
            if self._world.clock() > found.until:
                raise Stale("expired_trigger_id")
            found.used = True
            return found.user

    def response(self, channel: str, user: str, message_ts: str = "") -> str:
        """A new response url, as its path on this server."""
        with self._world.changed:
            secret = secrets.token_urlsafe(18)
            until = self._world.clock() + RESPONSE_SECONDS
            self.responses[secret] = ResponseUrl(channel, user, until, message_ts)
            return f"/hooks/{self._world.workspace.team}/{secret}"

    def respond(self, secret: str) -> ResponseUrl:
        """Use a response url once more. Raises Stale."""
        with self._world.changed:
            found = self.responses.get(secret)
            if not found:
                raise Stale("invalid_url")
            if self._world.clock() > found.until:
                raise Stale("expired_url")
            if found.uses >= RESPONSE_USES:
                raise Stale("used_url")
            found.uses += 1
            return found
