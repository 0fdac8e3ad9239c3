"""What nobody granted, as the comparisons of the record say it now."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit.detect.reconcile import SETTLES
from jit.detect.ungranted import SHOWN, Comparisons, Ungranted
from jit.ports import Right, TargetUnreachable
from jit.testing import InMemoryTarget
from tests.world.hands import Hands
from workers.reconcile.reconciler import Comparison
from workers.targets.by_holders import by_holders

EVERY = {"orders-db": timedelta(hours=1), "ledger-db": None}


class Removable(InMemoryTarget):
    """Lists standing access that it can take away."""

    def inventory(self, permissions: Any, principals: Any) -> Any:
        return by_holders(self, permissions, removable=True)

    def remove(self, right: Right) -> None:
        there = self.standing[right.permission]
        self.standing[right.permission] = tuple(each for each in there if each != right.principal)


class Office(Hands):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.target = self.targets["orders-db"] = Removable("orders-db")
        self.reconciler = self.make_reconciler()
        self.comparisons = Comparisons(self.ledger)

    def stand(self, *principals: str) -> None:
        self.target.standing["orders_read"] = principals

    def compared(self, name: str = "orders-db") -> Comparison:
        while (comparison := self.reconciler.look(name)) is None:
            self.clock.move(seconds=SETTLES.total_seconds())
        return comparison

    def now(self, target: str = "") -> Ungranted:
        return self.comparisons.ungranted(EVERY, self.clock.now(), target)

    def unsure(self) -> list[tuple[str, str]]:
        return [(each.target, each.in_short("then")) for each in self.now().unsure]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_what_differs_is_said_with_since_when_and_the_command_that_takes_it_away(office):
    office.compared()
    office.stand("mallory")
    (drift,) = office.compared().differs
    since = office.clock.now()
    office.clock.move(minutes=30)
    office.compared()
    (found,) = office.now().shown
    assert found.says == "mallory has orders_read on orders-db (member), and nobody granted it."
    assert (found.finding.since, found.finding.earlier, found.request) == (since, False, None)
    assert found.removes == f"jit reconcile orders-db --remove {drift.id}"
    assert office.now("orders-db").number == 1
    assert office.now("ledger-db").number == 0


def test_what_is_about_a_request_is_said_with_it_so_that_it_can_be_revoked(office):
    request_id = office.active().id
    office.compared()
    office.target.gives.clear()
    office.compared()
    (found,) = office.now().shown
    assert (found.request.id, found.removes) == (request_id, "")


def test_what_is_gone_is_said_no_more(office):
    office.compared()
    office.stand("mallory", "eve")
    office.compared()
    assert office.now().number == 2
    office.stand("mallory")
    (drift,) = office.compared().differs
    assert [each.finding.id for each in office.now().shown] == [drift.id]
    assert office.reconciler.remove(drift) == ""
    assert office.now() == Ungranted()


def test_what_was_taken_away_stays_gone_where_the_target_cannot_be_compared_after(office):
    office.compared()
    office.stand("mallory")
    (drift,) = office.compared().differs
    office.reconciler.remove(drift)
    office.target.trouble = TargetUnreachable("orders-db: does not answer")
    office.compared()
    assert office.now().shown == ()


def test_the_newest_comes_first_and_of_many_it_is_said_how_many_more(office):
    office.compared()
    standing: list[str] = []
    for number in range(SHOWN + 2):
        standing.append(f"mallory{number}")
        office.stand(*standing)
        office.compared()
        office.clock.move(minutes=1)
    found = office.now()
    newest = [f"mallory{number}" for number in range(SHOWN + 1, 1, -1)]
    assert [each.says.split()[0] for each in found.shown] == newest
    assert found.number == SHOWN + 2


def test_what_differs_in_a_target_that_left_the_rules_is_still_said(office):
    office.compared()
    assert office.comparisons.ungranted({}, office.clock.now()) == Ungranted()
    office.stand("mallory")
    office.compared()
    office.clock.move(hours=49)
    found = office.comparisons.ungranted({}, office.clock.now())
    assert [each.finding.target for each in found.shown] == [each.target for each in found.unsure] == ["orders-db"]


def test_what_was_told_of_together_is_counted(office):
    office.stand(*(f"old{number}" for number in range(7)))
    office.compared()
    assert (office.now().shown, office.now().number) == ((), 7)


def test_a_target_that_was_not_compared_lately_says_so_and_what_was_known_stays(office):
    assert office.unsure() == [("orders-db", "never compared with the record")]
    office.compared()
    office.stand("mallory")
    office.compared()
    assert office.unsure() == []
    office.clock.move(hours=3)
    assert office.unsure() == [("orders-db", "last compared then")]
    office.target.trouble = TargetUnreachable("orders-db: does not answer")
    office.compared()
    assert office.unsure() == [("orders-db", "could not be compared, then")]
    assert office.now().number == 1
    office.compared("ledger-db")
    assert len(office.unsure()) == 1
    office.clock.move(hours=49)
    assert ("ledger-db", "last compared then") in office.unsure()
