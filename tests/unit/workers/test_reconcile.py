"""Comparisons recorded, told of once, on a schedule, and what nobody granted taken away."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jit.detect.reconcile import SETTLES, Kind
from jit.facts import Alert, AlertName, Reconciled, RemovalIntent, Removed, Source, write_fact
from jit.policy import PolicyError
from jit.ports import Held, Right, TargetRefused, TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing import T0, InMemoryTarget
from tests.world.activity import collect, collector, json_line
from tests.world.hands import RULES, Hands
from workers.reconcile.alerts import MOST_ALERTS
from workers.reconcile.kept import KeptIds
from workers.reconcile.proposal import proposal
from workers.reconcile.reconciler import MOST_KNOWN, Comparison

EVERY = "orders-db: {kind: fake, reconcile: {every: 1h}}"
REMOVE = "orders-db: {kind: fake, reconcile: {every: 1h, on_drift: remove}}"


class Removing(InMemoryTarget):
    """Lists standing access that it can take away, unless it is in ``stays``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.stays: set[str] = set()

    def inventory(self, permissions, principals):
        from workers.targets.by_holders import by_holders  # noqa: PLC0415

        return by_holders(self, permissions, removable=True)

    def remove(self, right: Right) -> None:
        self._ask("remove", right.principal)
        if right.principal in self.stays:
            raise TargetRefused("orders-db: another gave it")
        there = self.standing[right.permission]
        self.standing[right.permission] = tuple(each for each in there if each != right.principal)


class Office(Hands):
    def __init__(self, folder: Path, reconcile: str = EVERY) -> None:
        super().__init__(folder, rules=RULES.replace("orders-db: {kind: fake}", reconcile))
        self.target = self.targets["orders-db"] = Removing("orders-db")
        self.reconciler = self.make_reconciler()
        self.timekeeper = self.make_timekeeper(reconciler=self.reconciler)

    def stand(self, *principals: str) -> None:
        self.target.standing["orders_read"] = principals

    def compared(self) -> Comparison:
        while (comparison := self.reconciler.look("orders-db")) is None:
            self.clock.move(seconds=SETTLES.total_seconds())
        return comparison

    def told(self) -> list[Alert]:
        return [alert for alert in self.alerts() if alert.name is AlertName.DRIFT]

    def comparisons(self) -> list[Reconciled]:
        return [fact for fact in self.facts("reconciled") if isinstance(fact, Reconciled)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def removing(tmp_path: Path) -> Office:
    folder = tmp_path / "removing"
    folder.mkdir()
    return Office(folder, REMOVE)


def test_that_all_agree_is_recorded_too(office):
    office.active()
    fact = office.compared().fact
    assert (fact.outcome, fact.read, fact.grants, fact.found) == ("agree", 1, 1, 0)
    assert office.comparisons() == [fact]
    assert fact.source is Source.TIMEKEEPER
    assert office.told() == []


def test_a_difference_is_found_stays_known_and_is_gone_and_is_news_when_it_comes_again(office):
    office.compared()
    for _ in range(2):
        before = len(office.told())
        office.stand("mallory")
        (drift,) = office.compared().differs
        assert [alert.principal for alert in office.told()[before:]] == ["mallory"]
        assert office.compared().fact.known == (drift.id,)
        office.stand()
        assert office.compared().fact.gone == (drift.id,)
        assert len(office.told()) == before + 1


def test_what_is_gone_at_the_second_look_alarms_nobody(office):
    office.compared()
    office.stand("mallory")
    assert office.reconciler.look("orders-db") is None
    office.clock.move(seconds=SETTLES.total_seconds() - 1)
    assert office.reconciler.look("orders-db") is None
    office.stand()
    office.clock.move(seconds=1)
    assert office.reconciler.look("orders-db").differs == ()
    assert office.told() == []


def test_what_moves_while_both_sides_are_read_is_not_even_looked_at_again(office):
    office.compared()
    office.approved()
    inventory = office.target.inventory

    def given_meanwhile(*about):
        there = inventory(*about)
        office.granter.grant("R-TEST")
        return there

    office.target.inventory = given_meanwhile
    comparison = office.reconciler.look("orders-db")
    assert comparison is not None
    assert (comparison.fact.outcome, office.request().state) == ("agree", State.ACTIVE)


def test_what_is_done_with_a_grant_all_the_time_hides_nothing_of_it(office):
    """Each thing that its holder does may be recorded while both sides are read; and it is no step of the request."""
    office.active()
    office.compared()
    held, log = office.target.gives["R-TEST"], office.folder / "log.json"
    office.target.gives["R-TEST"] = replace(held, permissions=(*held.permissions, "orders_admin"))
    inventory, reader = office.target.inventory, collector(office, log)

    def while_she_goes_on(*about):
        with log.open("a") as lines:
            lines.write(json_line("statement: SELECT 1", at=office.clock.now()))
        collect(reader)
        return inventory(*about)

    office.target.inventory = while_she_goes_on
    assert [each.kind for each in office.compared().differs] == [Kind.MORE]


def test_what_only_the_second_look_finds_is_looked_at_once_more(office):
    office.compared()
    office.stand("mallory")
    office.reconciler.look("orders-db")
    office.stand("mallory", "eve")
    office.clock.move(seconds=SETTLES.total_seconds())
    assert [each.principal for each in office.reconciler.look("orders-db").differs] == ["mallory"]
    office.clock.move(seconds=SETTLES.total_seconds())
    assert {each.principal for each in office.reconciler.look("orders-db").differs} == {"mallory", "eve"}
    assert [alert.principal for alert in office.told()] == ["mallory", "eve"]


def test_an_alert_about_a_grant_is_about_its_request_so_that_it_can_be_revoked(office):
    office.active()
    office.compared()
    office.target.gives.clear()
    office.compared()
    (alert,) = office.told()
    assert (alert.request_id, alert.requester, alert.access) == ("R-TEST", "U01ALICE0", "orders-db/read")


def test_two_processes_that_find_the_same_at_once_tell_it_once(office):
    office.compared()
    office.stand("mallory")
    other = office.make_reconciler()
    for each in (office.reconciler, other):
        assert each.look("orders-db") is None
    office.clock.move(seconds=SETTLES.total_seconds())
    for each in (office.reconciler, other):
        assert each.look("orders-db") is not None
    assert len(office.told()) == 1


def test_one_that_does_not_answer_is_recorded_and_what_was_known_stays_known(office):
    office.stand("mallory")
    first = office.compared().fact
    office.target.trouble = TargetUnreachable("orders-db: does not answer")
    fact = office.compared().fact
    assert (fact.trouble, fact.known, fact.at_first, fact.since) == (
        "orders-db: does not answer",
        first.known,
        first.at_first,
        first.since,
    )
    office.target.trouble = None
    told = office.told()
    office.compared()
    assert office.told() == told


def test_one_that_cannot_be_compared_twice_in_a_row_is_told_of_once(office):
    office.compared()
    office.target.trouble = TargetUnreachable("orders-db: does not answer")
    office.compared()
    assert office.told() == []
    for _ in range(3):
        office.compared()
    (alert,) = office.told()
    assert alert.says.startswith("orders-db could not be compared with the record, twice in a row: does not answer.")
    office.target.trouble = None
    office.compared()
    office.target.trouble = TargetUnreachable("orders-db: does not answer")
    for _ in range(2):
        office.compared()
    assert len(office.told()) == 2


class TestMuch:
    def test_more_than_a_few_are_told_of_in_one(self, office):
        office.compared()
        office.stand(*(f"u{number}" for number in range(MOST_ALERTS + 1)))
        office.compared()
        (alert,) = office.told()
        assert "ungranted: 6" in alert.says
        assert "`jit reconcile orders-db`" in alert.says

    def test_what_was_there_at_first_is_told_of_in_one_that_says_how_to_list_it(self, office):
        office.stand("reporting")
        office.compared()
        (alert,) = office.told()
        assert "`jit reconcile --propose orders-db`" in alert.says

    def test_ten_thousand_fill_no_fact_and_one_more_is_found_among_them(self, office):
        many = [f"u{number}" for number in range(10_000)]
        office.stand(*many)
        fact = office.compared().fact
        assert (fact.found, len(fact.known)) == (10_000, MOST_KNOWN)
        assert len(write_fact(fact)) < 50_000
        told = office.told()
        assert office.compared().fact.found_new == 0
        assert office.told() == told
        office.stand(*many, "mallory")
        assert office.compared().fact.found_new == 1
        assert [alert.principal for alert in office.told()[1:]] == ["mallory"]

    def test_on_another_host_what_did_not_fit_is_told_by_number(self, office, tmp_path):
        many = [f"u{number}" for number in range(MOST_KNOWN + 10)]
        office.stand(*many)
        office.compared()
        (tmp_path / "other").mkdir()
        office.reconciler.kept = KeptIds(tmp_path / "other")
        office.stand(*many, "mallory")
        assert office.compared().fact.found_new == 1
        assert office.told()[-1].says.startswith("1 more things differ on orders-db than before")


class TestTheSchedule:
    def swept(self, office: Office, **later: float) -> int:
        office.clock.move(**later)
        office.timekeeper.sweep()
        return len(office.comparisons())

    def test_a_timekeeper_compares_at_once_and_then_as_often_as_the_rules_say(self, office):
        assert self.swept(office, seconds=0) == 1
        assert self.swept(office, minutes=59) == 1
        assert self.swept(office, seconds=52) == 2

    def test_the_second_look_is_not_left_to_the_next_interval(self, office):
        self.swept(office, seconds=0)
        office.stand("mallory")
        assert self.swept(office, minutes=60) == 1
        assert self.swept(office, seconds=SETTLES.total_seconds()) == 2
        assert [alert.principal for alert in office.told()] == ["mallory"]

    def test_without_a_word_in_the_rules_nothing_is_compared_by_itself(self, tmp_path):
        office = Office(tmp_path, "orders-db: {kind: fake}")
        assert self.swept(office, minutes=60) == 0

    def test_a_timekeeper_that_starts_anew_goes_on_where_the_last_one_was(self, office):
        self.swept(office, seconds=0)
        office.timekeeper = office.make_timekeeper(reconciler=office.make_reconciler())
        assert self.swept(office, minutes=30) == 1

    def test_a_silent_ledger_holds_up_nothing(self, office):
        office.ledger.cut = True
        assert office.timekeeper.sweep() is None
        office.ledger.cut = False
        assert self.swept(office, seconds=5) == 1


class TestRemoval:
    def test_what_nobody_granted_is_taken_away_and_both_is_recorded(self, removing):
        removing.compared()
        removing.stand("mallory")
        removing.compared()
        assert removing.target.standing["orders_read"] == ()
        facts = [fact for fact in removing.facts() if isinstance(fact, RemovalIntent | Removed)]
        assert [(fact.kind, fact.principal, fact.permissions) for fact in facts] == [
            ("removal.intent", "mallory", ("orders_read",)),
            ("removed", "mallory", ("orders_read",)),
        ]
        assert len(removing.told()) == 1
        assert removing.compared().differs == ()

    def test_an_alert_says_whether_it_is_taken_away_or_who_can(self, removing, office):
        for each in (removing, office):
            each.compared()
            each.stand("mallory")
            each.compared()
        (drift,) = office.compared().differs
        assert removing.told()[-1].says.endswith("It is taken away.")
        by_hand = f"`jit reconcile orders-db --remove {drift.id}` takes it away, or says how."
        assert office.told()[-1].says.endswith(by_hand)

    def test_what_was_there_at_the_first_comparison_is_never_taken(self, removing):
        removing.stand("reporting")
        for _ in range(3):
            removing.compared()
        assert removing.target.standing["orders_read"] == ("reporting",)

    def test_where_the_rules_say_alert_nothing_is_taken(self, office):
        office.compared()
        office.stand("mallory")
        office.compared()
        assert office.target.standing["orders_read"] == ("mallory",)

    def test_what_cannot_be_taken_is_told_once_and_tried_at_each_comparison(self, removing):
        removing.compared()
        removing.target.stays = {"mallory"}
        removing.stand("mallory")
        for _ in range(3):
            removing.compared()
        assert [fact.trouble for fact in removing.facts("removed")] == ["orders-db: another gave it"] * 3
        assert len([alert for alert in removing.told() if "could not be taken away" in alert.says]) == 1

    def test_a_grant_that_the_record_does_not_know_is_taken_by_the_targets_own_end(self, removing):
        removing.compared()
        removing.target.gives["R-FAKE"] = Held("R-FAKE", "mallory", ("orders_read",), T0 + timedelta(days=1))
        removing.compared()
        assert removing.target.gives == {}

    def test_where_not_all_fitted_the_record_nothing_is_taken(self, removing):
        removing.stand(*(f"u{number}" for number in range(MOST_KNOWN + 1)))
        removing.compared()
        removing.stand(*removing.target.standing["orders_read"], "mallory")
        removing.compared()
        assert "mallory" in removing.target.standing["orders_read"]


STANDING = """
standing:
  - target: orders-db
    principal: reporting
    permission: orders_read
    owner: Carol
    reason: reports
    review: 2027-01-31
"""


def test_listed_access_is_no_difference_until_its_review(office):
    office.stand("reporting")
    office.rules(text=office.policy_file.read_text() + STANDING)
    fact = office.compared().fact
    assert (fact.accepted, fact.found) == (1, 0)
    office.clock.move(days=100)
    (drift,) = office.compared().differs
    assert (drift.kind, drift.detail) == ("review_due", "2027-01-31, Carol")
    assert len(office.told()) == 1


def test_the_proposal_is_refused_as_it_is_and_accepted_once_it_is_filled_in(office):
    office.stand("reporting", 'we"ird: #name', "with\nbreak")
    text = proposal([("orders-db", office.reconciler.unlisted("orders-db"))], (T0 + timedelta(days=90)).date())
    assert office.comparisons() == []
    file = office.policy_file.with_name("standing.policy.yml")
    file.write_text(text)
    office.clock.move(seconds=2)
    with pytest.raises(PolicyError, match=r"standing.policy.yml:9 standing\[0\].owner: is still to be filled in"):
        office.policies.read()
    file.write_text(text.replace('owner: ""', "owner: Carol").replace('reason: ""', "reason: reports"))
    office.clock.move(seconds=2)
    assert {entry.principal for entry in office.policies.read().standing} == {"reporting", 'we"ird: #name'}
    fact = office.compared().fact
    assert (fact.accepted, fact.found) == (2, 1)
