"""A Slack in memory, and the followers that draw into it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.followers.follower import SlackTools
from bot.followers.outbox import Outbox
from bot.visibility import Visibility
from jit.ledger import Notes
from jit.policy import PolicyError
from jit.testing import ALICE, BOB, EVE
from tests.world.base import AUDIT, World
from tests.world.fake_slack import FakeSlack

NAMES = {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}


class Face(World):
    """``last_good``: the rules as a follower finds them; None as if they could never be read."""

    def __init__(self, folder: Path, **how: Any) -> None:
        super().__init__(folder, **how)
        self.last_good: Any = self.policies.current()
        self.slack = FakeSlack()

    def current(self) -> Any:
        """The rules, as a policy folder gives them."""
        if self.last_good is None:
            raise PolicyError(())
        return self.last_good

    read = current

    def newest(self) -> Any:
        return self.last_good

    def visibility(self) -> Visibility:
        return Visibility(self.ledger, self, self.directory, self.clock)

    def name(self, who: str) -> str:
        return NAMES.get(who, who)

    def start(self, kind: Any, *more: Any, lease: Any = None) -> Any:
        """A new follower, as after a restart."""
        notes = Notes(self.engine, kind.name, lease)
        tools = SlackTools(
            ledger=self.ledger,
            notes=notes,
            outbox=Outbox(self.slack, notes, lambda: None),
            policies=self,
            names=self.name,
            clock=self.clock,
        )
        follower = kind(tools, *more)
        follower.begin()
        return follower

    def posted(self, channel: str) -> list[dict[str, Any]]:
        return [each for each in self.slack.messages if each["channel"] == channel]

    def ranges(self) -> list[tuple[int, int]]:
        """The first and last entry that each message of the audit channel carries."""
        carried = [each["metadata"]["event_payload"] for each in self.posted(AUDIT)]
        return [(each["first"], each["last"]) for each in carried]

    def set_back_an_hour(self) -> None:
        """The wall clock alone, as an administrator does."""
        self.clock.time -= timedelta(hours=1)

    def work(self, follower: Any, seconds: float = 0.0, tick: float = 0.25) -> None:
        """Step as often as the follower wants, and let that much time pass."""
        until = self.clock.time + timedelta(seconds=seconds)
        while True:
            while not follower.step():
                pass
            if self.clock.time >= until:
                return
            self.clock.move(seconds=tick)
