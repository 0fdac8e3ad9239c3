"""A ledger, a Slack in memory and a clock that the test moves: what followers need, for unit tests."""

from datetime import timedelta

from bot.follow.follower import Tools
from bot.follow.outbox import Outbox
from bot.sight import Sight
from jit.ledger import Ledger, Notes, connect, create_tables
from jit.policy import PolicyError, load_policy
from tests.fake_slack import FakeSlack
from tests.fakes import FakeDirectory, SetClock
from tests.life import ALICE, BOB, CAROL, EVE, POLICY, Story

AUDIT, ALERTS, REQUESTS = "C0AUDIT01", "C0ALERT01", "C0ACCESS1"


class House:
    """``last_good``: the rules as a follower finds them."""

    def __init__(self, folder):
        (folder / "a.policy.yml").write_text(POLICY)
        self.last_good = load_policy(folder)
        self.clock = SetClock()
        self.slack = FakeSlack()
        self.directory = FakeDirectory(self.clock, ALICE, BOB, CAROL, EVE)
        self.engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(self.engine)
        self.ledger = Ledger(self.engine, self.clock)

    def current(self):
        """The rules, as a policy folder gives them."""
        if self.last_good is None:
            raise PolicyError(())
        return self.last_good

    def sight(self):
        return Sight(self.ledger, self, self.directory, self.clock)

    def story(self, request_id="R-7F3K", **fields):
        return Story(self.ledger, self.clock, request_id, fields)

    def start(self, kind, *more, lease=None):
        """A new follower, as after a restart."""
        notes = Notes(self.engine, kind.name, lease)
        tools = Tools(
            ledger=self.ledger,
            notes=notes,
            outbox=Outbox(self.slack, notes, lambda: None),
            policies=self,
            names=lambda who: {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}.get(who, who),
            clock=self.clock,
        )
        show = kind(tools, *more)
        show.begin()
        return show

    def posted(self, channel):
        return [each for each in self.slack.messages if each["channel"] == channel]

    def ranges(self):
        carried = [each["metadata"]["event_payload"] for each in self.posted(AUDIT)]
        return [(each["first"], each["last"]) for each in carried]

    def set_back_an_hour(self):
        """The wall clock alone, as an administrator does."""
        self.clock.time -= timedelta(hours=1)

    def work(self, show, seconds=0.0, tick=0.25):
        """Step as often as the show wants, and let that much time pass."""
        until = self.clock.time + timedelta(seconds=seconds)
        while True:
            while not show.step():
                pass
            if self.clock.time >= until:
                return
            self.clock.move(seconds=tick)
