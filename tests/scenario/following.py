"""Followers as a bot runs them, in threads; what they wait takes a tenth of its time."""

import threading

from bot.followers.follower import LEASE, Leadership, LeaseTerm, SlackTools, follow
from bot.followers.outbox import Outbox
from jit.ledger import Lease, Leases, Ledger, Notes
from tests.world.waiting import HUNG

FASTER = 10


class Hurried:
    """A clock whose ticks go faster. The time of day stays what it is."""

    def __init__(self, clock):
        self.now = clock.now
        self.ticks = lambda: clock.ticks() * FASTER


class Following:
    """The followers of one bot process; `with` starts and stops them. ``kinds`` by name, each is made of its tools."""

    def __init__(self, kinds, *, client, engine, policies, names, clock, holder="one"):
        self.stop = threading.Event()
        self.leadership = Leadership(Leases(engine, clock), clock, holder)
        self.threads = []
        for name, kind in kinds.items():
            notes, term = Notes(engine, name, Lease(LEASE, holder)), LeaseTerm(self.leadership)
            tools = SlackTools(
                ledger=Ledger(engine, clock),
                notes=notes,
                outbox=Outbox(client, notes, term.require),
                policies=policies,
                names=names,
                clock=Hurried(clock),
            )
            self.threads.append(threading.Thread(target=follow, args=(kind(tools), term, self._wait), name=name))

    def _wait(self, seconds):
        return self.stop.wait(seconds / FASTER)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(HUNG)
            assert not thread.is_alive(), thread.name
        self.leadership.let_go()
