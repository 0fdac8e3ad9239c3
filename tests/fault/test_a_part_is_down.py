"""A part that is down says nothing of itself: the bot does, in the channel for alerts, and says when it is over."""

from datetime import timedelta

import pytest

from jit.requests.lifecycle import State
from playground.sample import ALERTS
from tests.world.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.real]


def test_hands_that_are_down_are_told_of_until_they_are_back(it: Product) -> None:
    alice, bob, carol = it.stage.alice, it.stage.bob, it.stage.carol
    held = it.granted(alice, "orders-db/write 12m INC-1 mend an order")
    it.kill("timekeeper", "worker-1", "worker-2")
    request = it.ask(alice, "orders-db/read 30m INC-1 look")
    it.approve(bob, request)
    it.reaches(request, State.APPROVED)  # else it is approved after the jump, and not late for another minute
    it.pass_time(timedelta(minutes=13))

    assert "are the workers and Redis up" in carol.finds(request.id, channel=ALERTS).text
    assert "is a timekeeper running?" in carol.finds(held.id, channel=ALERTS).text

    it.start("timekeeper", "worker-1", "worker-2")
    it.reaches(held, State.ENDED)
    it.reaches(request, State.ACTIVE)
    it.until(lambda: carol.finds(held.id, channel=ALERTS).text.startswith("Over: ended"))
    it.until(lambda: carol.finds(request.id, channel=ALERTS).text.startswith("Over: begun"))
