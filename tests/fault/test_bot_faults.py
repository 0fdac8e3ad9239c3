"""The bot is killed, or there are two of it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.faults import Fault
from bot.playground.person import Answer, Person
from bot.playground.sample import BOB, CAROL
from jit.access import Request, State
from jit.facts import Approval, Approved, Refusal, Refused, Started
from tests.house import POLICIES, House, house
from tests.servers import postgres_18

pytestmark = [pytest.mark.fault, pytest.mark.real]


def test_bot_killed_with_cards_open(tmp_path: Path) -> None:
    with house(tmp_path) as it:
        alice, bob, eve = it.stage.alice, it.stage.bob, it.stage.eve
        pending = it.ask(alice, "orders-db/read 30m INC-1 stuck orders")
        active = it.granted(eve, "orders-db/write 30m INC-2 mend an order")
        asked, given = it.card(bob, pending, "Approve"), it.card(eve, active, "Release")

        it.kill("bot-1")
        it.until(lambda: not it.stage.stage.connections())
        assert bob.press(asked, "Approve").error == "dispatch_failed"
        it.start("bot-1")
        until_bots_started(it, 2)

        assert "Approved." in it.told(bob, lambda: bob.press(asked, "Approve"))
        it.reaches(pending, State.ACTIVE)
        assert "Released." in it.told(eve, lambda: eve.press(given, "Release"))
        it.reaches(active, State.ENDED)
        it.settled()


def test_bot_killed_while_slack_holds_back_its_answer_posts_nothing_twice(tmp_path: Path) -> None:
    with house(tmp_path) as it:
        alice = it.stage.alice
        faults = it.stage.stage.slack.faults
        it.until(lambda: not it.behind())
        faults.plan("chat.postMessage", Fault.LOST_BY_SILENCE, times=20)
        request = it.ask(alice, "orders-db/read 30m INC-3 stuck orders")
        it.until(lambda: [shown for shown in it.stage.carol.sees(request.channel) if request.id in shown.text])
        it.kill("bot-1")
        faults.clear()
        it.start("bot-1")
        it.until(lambda: it.log_lines("message.adopted", channel=request.channel))
        it.settled()


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
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
    with postgres_18() as server, house(folder, ledger_url=server.dsn(), policies=policies, bots=2) as made:
        until_bots_started(made, 2)
        made.until(lambda: made.stage.stage.connections() == 2)
        yield made


def test_two_approvers_at_once_make_one_decision(crowded: House) -> None:
    for person in (crowded.stage.alice, crowded.stage.eve):
        for access in ("orders-db/read", "orders-db/write"):
            request = crowded.ask(person, f"{access} 30m INC-4 stuck orders")
            said = sorted(at_once(crowded, request, crowded.stage.bob, crowded.stage.carol))
            assert said[0] == f"Approved. {request.id} is to be granted; its card says when it is."
            assert said[1].startswith("This was approved already")
            assert len(crowded.facts(Approval, request)) == len(crowded.facts(Approved, request)) == 1
            assert [fact.reason for fact in crowded.facts(Refused, request)] == [Refusal.NOT_POSSIBLE_NOW]
            crowded.reaches(request, State.ACTIVE)
    crowded.settled()


def test_two_quorums_met_at_once_make_one_decision(crowded: House) -> None:
    for person in (crowded.stage.alice, crowded.stage.eve):
        request = crowded.ask(person, "orders-db/admin 30m INC-5 drop a column")
        said = sorted(at_once(crowded, request, crowded.stage.bob, crowded.stage.carol))
        assert said[0] == f"Approved. {request.id} is to be granted; its card says when it is."
        assert said[1].startswith("Your approval counts; 1 more of")
        assert {fact.approver for fact in crowded.facts(Approval, request)} == {BOB, CAROL}
        [decision] = crowded.facts(Approved, request)
        assert {counted.approver for counted in decision.counted} == {BOB, CAROL}
        assert not crowded.facts(Refused, request)
        crowded.reaches(request, State.ACTIVE)
    crowded.settled()


def test_the_other_bot_goes_on_when_one_is_killed(crowded: House) -> None:
    bob = crowded.stage.bob
    request = crowded.ask(bob, "orders-db/read 30m INC-6 stuck orders")
    for name in ("bot-1", "bot-2"):
        crowded.kill(name)
        crowded.until(lambda: crowded.stage.stage.connections() == 1)
        seen = crowded.told(bob, lambda: bob.press(crowded.card(bob, request, "Approve"), "Approve"))
        assert "You asked for this yourself" in seen
        crowded.start(name)
        crowded.until(lambda: crowded.stage.stage.connections() == 2)
    crowded.approve(crowded.stage.carol, request)
    crowded.reaches(request, State.ACTIVE)
    crowded.settled()


def until_bots_started(it: House, count: int) -> None:
    it.until(lambda: len([fact for fact in it.facts(Started) if fact.process == "bot"]) >= count)
    it.until(it.stage.stage.connections)


def at_once(it: House, request: Request, *people: Person) -> list[str]:
    """All press Approve in the same moment; what each is told."""
    cards = {person.id: it.card(person, request, "Approve") for person in people}
    together = threading.Barrier(len(people))
    said: list[str] = []

    def press(person: Person) -> None:
        def now() -> Answer:
            together.wait()
            return person.press(cards[person.id], "Approve")

        said.append(it.told(person, now))

    threads = [threading.Thread(target=press, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == len(people)
    return said
