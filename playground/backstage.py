"""What happens behind people's backs: faults of Slack, changes of accounts and groups, deleted messages."""

from typing import Any

from playground.faults import Fault, Outage
from playground.people import Json
from playground.slack import Slack
from playground.world import Missing


class Backstage:
    """As with the stage, everything goes in and comes out as JSON."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack

    def plan_fault(self, method: str, fault: str, times: int = 1, retry_after: int = 1) -> None:
        """As `Faults.plan`. Raises ValueError for a fault there is not."""
        self.slack.faults.plan(method, Fault(fault), times, retry_after)

    def slow(self, method: str, seconds: float) -> None:
        """As `Faults.slow`."""
        self.slack.faults.slow(method, seconds)

    def break_down(self, outage: str) -> None:
        """As `Slack.break_down`. Raises ValueError for an outage there is not."""
        self.slack.break_down(Outage(outage))

    def mend(self) -> None:
        """As `Slack.mend`."""
        self.slack.mend()

    def hang_up(self, reason: str = "") -> None:
        """As `Hub.hang_up`."""
        self.slack.hub.hang_up(reason)

    def connections(self) -> int:
        """How many sockets apps hold open."""
        return self.slack.hub.connections

    def change_user(self, user: str, **fields: Any) -> None:
        """As `World.change_user`."""
        self.slack.world.change_user(user, **fields)

    def set_members(self, group: str, members: list[str]) -> None:
        """As `World.set_members`."""
        self.slack.world.set_members(group, members)

    def edit(self, channel: str, ts: str, text: str) -> Json:
        """Change what a message says, as its author does: in Slack that is marked. The app's own go with its token."""
        room, world = self.slack.world.channel(channel), self.slack.world
        with world.changed:
            author = (room.messages.get(ts) or {}).get("user", "")
            edited = {"user": author, "ts": world.next_ts()}
            return world.rewrite(room, ts, {"text": text, "blocks": None, "edited": edited})

    def delete(self, channel: str, ts: str, person: str = "") -> None:
        """Delete a message, as its author or an admin of the workspace may; without a ``person`` in any case.

        Raises:
            Missing: there is no such message, or it is not theirs to delete.
        """
        room, world = self.slack.world.channel(channel), self.slack.world
        with world.changed:
            author = (room.messages.get(ts) or {}).get("user")
            if person and person != author and not world.user(person).admin:
                raise Missing("cant_delete_message")
            world.remove(room, ts)
