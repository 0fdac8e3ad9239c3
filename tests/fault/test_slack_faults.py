"""Slack is down, asks to wait, or takes a message and says nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from jit.requests.lifecycle import Request, State
from playground.faults import Fault, Outage
from playground.person import Person
from playground.sample import AUDIT, REQUESTS
from tests.world.exhaustive import exhaustive
from tests.world.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.real]
WRITERS = {"cards", "messages", "mirror"}
"""The followers that have something to show in these tests."""


@pytest.fixture(autouse=True)
def well(it: Product) -> Iterator[None]:
    """Slack is well after each test."""
    it.until(it.stage.stage.connections)
    yield
    it.stage.stage.mend()
    it.until(it.stage.stage.connections)


def test_slack_down_delays_what_is_shown_and_loses_nothing(it: Product) -> None:
    """It drops connections at first, and then says 503."""
    alice, bob = it.stage.alice, it.stage.bob
    held = it.granted(alice, "orders-db/write 15m INC-1 mend an order")
    pending = it.ask(it.stage.eve, "orders-db/read 30m INC-1 stuck orders")
    request, _ = it.begun("before-lock", "orders-db/read 15m INC-1 stuck orders")

    it.stage.stage.break_down(Outage.DROPPING)
    before = delays(it)
    it.go_on("before-lock")
    it.reaches(request, State.ACTIVE)
    assert it.holds("alice", "orders_read")
    it.until(lambda: (delays(it) - before).keys() >= WRITERS)
    assert "Active until" not in it.seen(alice, request).text
    it.stage.stage.break_down(Outage.UNAVAILABLE)
    before = delays(it)
    it.pass_time(timedelta(minutes=16))
    it.reaches(request, State.ENDED)
    it.reaches(held, State.ENDED)
    assert not it.holds("alice", "orders_read")
    assert bob.press(it.seen(bob, pending), "Approve").error == "dispatch_failed"
    it.until(lambda: (delays(it) - before).keys() >= WRITERS)
    it.stage.stage.mend()

    it.settled()
    assert it.now(pending).state is State.PENDING
    it.until(lambda: direct(alice, held) == direct(alice, request) == ["Over", "Ended"])
    it.until(it.stage.stage.connections)
    assert "Withdrawn" in it.told(it.stage.eve, lambda: it.stage.eve.press(it.seen(bob, pending), "Withdraw"))


def test_storm_of_429_delays_and_loses_nothing(it: Product) -> None:
    alice = it.stage.alice
    faults = it.stage.stage.slack.faults
    for method, times in (("chat.postMessage", 3), ("chat.update", 1), ("conversations.history", 1)):
        faults.plan(method, Fault.RATE_LIMITED, times=times)
    request = it.granted(alice, "orders-db/read 15m INC-2 stuck orders")
    card = it.card(alice, request, "End access")
    faults.plan("chat.update", Fault.RATE_LIMITED)
    faults.plan("chat.postMessage", Fault.RATE_LIMITED, times=2, retry_after=2)
    assert "Released." in it.told(alice, lambda: alice.press(card, "End access"))
    it.settled()
    it.until(lambda: direct(alice, request) == ["Over", "Ended"])


@pytest.mark.parametrize(
    "fault",
    [Fault.LOST_BY_RESET, pytest.param(Fault.LOST_BY_SILENCE, marks=exhaustive("answers that Slack never gives"))],
)
def test_message_that_slack_took_without_a_word_is_not_sent_again(it: Product, fault: Fault) -> None:
    """Once for a card, once for a line of the mirror, once for a direct message."""
    alice = it.stage.alice
    faults = it.stage.stage.slack.faults
    it.settled()
    adopted = Counter(line["channel"] for line in it.log_lines("message.adopted"))
    faults.plan("chat.postMessage", fault, times=3)
    request = it.ask(alice, "orders-db/read 15m INC-3 stuck orders")
    it.card(alice, request)
    it.settled()
    faults.plan("chat.postMessage", fault, times=9)  # as the mirror may take several lines of it, or one
    faults.plan("chat.update", fault, times=1)
    it.approve(it.stage.bob, request)
    it.reaches(request, State.ACTIVE)
    it.until(lambda: direct(alice, request))
    it.until(lambda: any(line["channel"] == alice.dms()[0].channel for line in it.log_lines("message.adopted")))
    faults.clear()
    it.settled()
    now = Counter(line["channel"] for line in it.log_lines("message.adopted"))
    assert {REQUESTS, AUDIT, alice.dms()[0].channel} <= (now - adopted).keys()
    card = it.card(alice, request, "End access")
    assert "Released." in it.told(alice, lambda: alice.press(card, "End access"))
    it.settled()
    it.until(lambda: direct(alice, request) == ["Over", "Ended"])


def delays(it: Product) -> Counter[str]:
    """How often each follower was, by its name."""
    return Counter(line["follower"] for line in it.log_lines("follower.delayed"))


def direct(person: Person, request: Request) -> list[str]:
    """The first words of the direct messages about this request, oldest first."""
    return [shown.text.partition(":")[0] for shown in person.dms() if request.id in shown.text]
