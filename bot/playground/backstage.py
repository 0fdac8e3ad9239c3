"""What happens behind people's backs: faults of Slack, changes of accounts and groups, deleted messages."""

from typing import Any

from bot.playground.faults import Fault, Outage
from bot.playground.people import Json
from bot.playground.slack import Slack


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
        """Change what a message says, as its author does."""
        room = self.slack.world.channel(channel)
        return self.slack.world.rewrite(room, ts, {"text": text, "blocks": None})

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message, as an owner of the workspace may."""
        self.slack.world.remove(self.slack.world.channel(channel), ts)
