"""Ordinary requests, compared with what the target holds at every moment of their lives: nobody is alarmed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251  seeded, so that what is found can be looked for again

import pytest

from jit.detect.reconcile import SETTLES
from jit.facts import Alert, AlertName, Fact, Reconciled
from jit.requests.due import GRANT_STUCK
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, InMemoryTarget
from tests.world.exhaustive import distinct
from tests.world.hands import RULES, Hands

LONG = RULES.replace("    max_duration: 8h\n", "    max_duration: 1h\n    extend: {each: 1h, ceiling: 2h}\n").replace(
    "[orders_read]", "[orders_read, orders_write]"
)
KINDS = {"narrowed", "granted", "extended", "released", "revoked", "ended"}


class Killed(BaseException):
    """Not caught by anybody."""


class Moving(InMemoryTarget):
    """Something is done while it is read."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.while_read: Callable[[], None] = lambda: None

    def list_grants(self):
        does, self.while_read = self.while_read, lambda: None
        held = super().list_grants()
        does()
        return held


class Office(Hands):
    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, rules=LONG)
        self.random = Random(seed)
        self.target = self.targets["orders-db"] = Moving("orders-db")
        self.reconciler = self.make_reconciler()
        self.number = 0

    def look(self) -> None:
        self.reconciler.look("orders-db")

    def maybe(self, does: Callable[[], object]) -> Callable[[], None]:
        def perhaps() -> None:
            if self.random.random() < 0.3:
                does()

        return perhaps

    def die(self) -> None:
        raise Killed

    def ordinary(self) -> None:
        """One request from asked to over, with somebody looking all the time, and now and then something killed."""
        self.number += 1
        name = f"R-{self.number:06}"
        self.look()
        self.decided(name)
        step = self.random.choice((self.look, self.die, lambda: None))
        self.target.within_lock = self.maybe(self.random.choice((self.look, self.die)))
        self.target.after_effect = self.maybe(step)
        self.while_looked_at(lambda: self.killed(lambda: self.granter.grant(name)))
        self.pause()
        if self.request(name).state is State.GRANTING:
            self.clock.move(seconds=GRANT_STUCK.total_seconds() + 26)
            self.sweep()
        self.target.within_lock = self.maybe(self.look)
        self.target.after_effect = self.maybe(self.look)
        for _ in range(self.random.randint(0, 2)):
            self.extended(name)
        self.ended(name)
        self.pause()
        assert self.request(name).state.over, self.kinds(name)

    def decided(self, name: str) -> None:
        """At once or for later, and now and then for less than was asked."""
        later = self.random.randint(1, 60) if self.random.random() < 0.3 else 0
        begins = self.clock.now() + timedelta(minutes=later)
        self.asked(name, minutes=30, start_at=begins if later else None)
        story = self.story(name)
        if self.random.random() < 0.3:
            self.look()
            story.narrowed(duration=timedelta(minutes=self.random.randint(16, 30)), permissions=("orders_write",))
        story.approval()
        story.approved()
        while self.clock.now() < begins:
            self.clock.time = min(begins, self.clock.now() + timedelta(minutes=10))
            for person in (ALICE, BOB):  # as the bot asks about whoever something waits for
                self.directory.confirm(person, self.clock.now())
            self.look()
            self.sweep()

    def extended(self, name: str) -> None:
        request = self.request(name)
        if request.state is not State.ACTIVE or request.extension is not None:
            return
        story = self.story(name)
        story.extension_asked(10)
        self.look()
        if self.random.random() < 0.2:
            story.extension_denied()
            return
        story.extension_approved()
        if self.random.random() < 0.3:
            self.target.after_effect = self.die
        self.while_looked_at(lambda: self.killed(lambda: self.jobs.granter.grant(name)))
        self.target.after_effect = lambda: None
        self.pause()
        self.sweep()

    def ended(self, name: str) -> None:
        request, story = self.request(name), self.story(name)
        if request.state is not State.ACTIVE:
            return
        self.look()
        self.clock.move(seconds=SETTLES.total_seconds())
        self.look()
        how = self.random.choice(("released", "revoked", "expired"))
        if how == "expired":
            assert request.ends_at is not None
            self.clock.time = max(self.clock.time, request.ends_at)
        else:
            self.while_looked_at(story.released if how == "released" else story.revoked)
            self.look()
        self.while_looked_at(self.sweep)

    def while_looked_at(self, does: Callable[[], object]) -> None:
        """Done in the middle of a comparison, or between two."""
        done: list[object] = []

        def once() -> None:
            done.append(does())

        if self.random.random() < 0.5:
            self.target.while_read = once
            self.look()
        if not done:
            self.target.while_read = lambda: None
            once()
        self.look()

    def killed(self, does: Callable[[], object]) -> None:
        with suppress(Killed):
            does()

    def sweep(self) -> None:
        self.timekeeper.sweep()
        self.look()

    def everything(self) -> Iterator[Fact]:
        since = -1
        while entries := self.ledger.read(since):
            yield from (entry.fact for entry in entries)
            since = entries[-1].index

    def pause(self) -> None:
        self.clock.move(seconds=self.random.choice((0, 1, 3, SETTLES.total_seconds())))
        self.look()
        self.sweep()


@pytest.mark.parametrize(
    "requests", distinct([15, *range(198, 203)], [15], "ordinary requests compared, by the hundred")
)
def test_ordinary_requests_with_extensions_releases_and_kills_alarm_nobody(tmp_path, requests):
    office = Office(tmp_path, requests)
    for _ in range(requests):
        office.ordinary()
    office.clock.move(seconds=60)
    office.sweep()
    facts = list(office.everything())
    assert [fact.says for fact in facts if isinstance(fact, Alert) and fact.name is AlertName.DRIFT] == []
    assert {fact.kind for fact in facts} >= KINDS
    compared = [fact for fact in facts if isinstance(fact, Reconciled)]
    assert len(compared) > requests
    assert {fact.outcome for fact in compared} == {"agree"}
