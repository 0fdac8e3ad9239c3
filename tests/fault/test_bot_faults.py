"""There are two bots, and they are killed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from jit.facts import Approval, Approved, RefusalReason, Refused
from jit.requests.lifecycle import Request, State
from jit.runtime.embedded import EmbeddedPostgres
from playground.faults import Fault
from playground.person import Answer, Person
from playground.sample import BOB, CAROL, REQUESTS
from tests.world.product import POLICIES, Product, product
from tests.world.servers import new_ledger

pytestmark = [pytest.mark.fault, pytest.mark.real]

BOTS = ("bot-1", "bot-2")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, newest: EmbeddedPostgres) -> Iterator[Product]:
    """Two bots on a PostgreSQL ledger. The admin access needs Bob and Carol."""
    folder = tmp_path_factory.mktemp("crowded")
    rules = (POLICIES / "orders.policy.yml").read_text()
    both = "- {from: [group:dba]}\n          - {from: [group:security]}"
    assert both in rules
    policies = folder / "policies"
    policies.mkdir()
    (policies / "orders.policy.yml").write_text(
        rules.replace(both, f"- {{from: [{BOB}]}}\n          - {{from: [{CAROL}]}}")
    )
    with new_ledger(newest) as url, product(folder, ledger_url=url, policies=policies, bots=2) as made:
        yield made


@pytest.fixture
def it(crowded: Product) -> Iterator[Product]:
    """Time cannot be moved, as PostgreSQL has its own: so no two tests ask for the same access of the same person."""
    crowded.until(lambda: crowded.stage.stage.connections() == 2)
    yield crowded
    crowded.settled()


def test_bots_killed_with_cards_open(it: Product) -> None:
    alice, bob, eve = it.stage.alice, it.stage.bob, it.stage.eve
    pending = it.ask(alice, "orders-db/read 30m INC-1 stuck orders")
    active = it.granted(eve, "orders-db/write 30m INC-2 mend an order")
    asked, given = it.card(bob, pending, "Approve"), it.card(eve, active, "End access")

    it.kill(*BOTS)
    it.until(lambda: not it.stage.stage.connections())
    assert bob.press(asked, "Approve").error == "dispatch_failed"
    it.start(*BOTS)
    it.until(it.stage.stage.connections)

    assert "Approved." in it.told(bob, lambda: bob.press(asked, "Approve"))
    it.reaches(pending, State.ACTIVE)
    assert "Released." in it.told(eve, lambda: eve.press(given, "End access"))
    it.reaches(active, State.ENDED)


def test_bots_killed_while_slack_holds_back_an_answer_post_nothing_twice(it: Product) -> None:
    faults = it.stage.stage.slack.faults
    it.until(lambda: not it.behind())
    adopted = len(it.log_lines("message.adopted", channel=REQUESTS))
    faults.plan("chat.postMessage", Fault.LOST_BY_SILENCE, times=20)
    request = it.ask(it.stage.bob, "orders-db/write 30m INC-3 mend an order")
    it.until(lambda: [shown for shown in it.stage.carol.sees(REQUESTS) if request.id in shown.text])
    it.kill(*BOTS)
    faults.clear()
    it.start(*BOTS)
    it.until(lambda: len(it.log_lines("message.adopted", channel=REQUESTS)) > adopted)


def test_two_approvers_at_once_make_one_decision(it: Product) -> None:
    for person, access in ((it.stage.alice, "write"), (it.stage.eve, "read")):
        request = it.ask(person, f"orders-db/{access} 30m INC-4 stuck orders")
        said = sorted(at_once(it, request, it.stage.bob, it.stage.carol))
        assert said[0] == f"Approved. {request.id} is to be granted; its card says when it is."
        assert said[1].startswith("This was approved already")
        assert len(it.facts(Approval, request)) == len(it.facts(Approved, request)) == 1
        assert [fact.reason for fact in it.facts(Refused, request)] == [RefusalReason.NOT_POSSIBLE_NOW]
        it.reaches(request, State.ACTIVE)


def test_two_quorums_met_at_once_make_one_decision(it: Product) -> None:
    for person in (it.stage.alice, it.stage.eve):
        request = it.ask(person, "orders-db/admin 30m INC-5 drop a column")
        said = sorted(at_once(it, request, it.stage.bob, it.stage.carol))
        assert said[0] == f"Approved. {request.id} is to be granted; its card says when it is."
        assert said[1].startswith("Your approval counts; 1 more of")
        assert {fact.approver for fact in it.facts(Approval, request)} == {BOB, CAROL}
        [decision] = it.facts(Approved, request)
        assert {counted.approver for counted in decision.counted} == {BOB, CAROL}
        assert not it.facts(Refused, request)
        it.reaches(request, State.ACTIVE)


def test_the_other_bot_goes_on_when_one_is_killed(it: Product) -> None:
    bob = it.stage.bob
    request = it.ask(bob, "orders-db/read 30m INC-6 stuck orders")
    for name in BOTS:
        it.kill(name)
        it.until(lambda: it.stage.stage.connections() == 1)
        seen = it.told(bob, lambda: bob.press(it.card(bob, request, "Approve"), "Approve"))
        assert "You asked for this yourself" in seen
        it.start(name)
        it.until(lambda: it.stage.stage.connections() == 2)
    it.approve(it.stage.carol, request)
    it.reaches(request, State.ACTIVE)


def at_once(it: Product, request: Request, *people: Person) -> list[str]:
    """All press Approve in the same moment; what each is told."""
    cards = {person.id: it.card(person, request, "Approve") for person in people}
    together = threading.Barrier(len(people))

    def press(person: Person) -> Answer:
        together.wait()
        return person.press(cards[person.id], "Approve")

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(lambda person: it.told(person, lambda: press(person)), people))
