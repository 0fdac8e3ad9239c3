"""The main job, whole: from `/jit request` to access that is there, and then gone."""

from datetime import timedelta
from pathlib import Path

import pytest

from jit.requests.lifecycle import State
from playground.sample import REQUESTS
from tests.world.product import product

pytestmark = [pytest.mark.scenario, pytest.mark.real]


def test_asked_approved_used_and_gone(tmp_path: Path):
    with product(tmp_path) as it:
        alice, bob, eve = it.stage.alice, it.stage.bob, it.stage.eve
        request = it.ask(alice, "orders-db/read 30m INC-42 db down: need shell")
        assert request.why == "db down: need shell"
        assert request.incident == "INC-42"
        eve.press(it.card(eve, request), "Approve")
        assert request.id in eve.finds("not among those who decide", channel=REQUESTS).text
        assert not it.holds("alice", "orders_read")
        it.approve(bob, request)
        active = it.reaches(request, State.ACTIVE)
        assert it.holds("alice", "orders_read")
        alice.finds("Granted")
        it.pass_time(timedelta(minutes=29))
        assert request.id in alice.finds("ends in").text
        assert it.now(active).state is State.ACTIVE
        it.pass_time(timedelta(minutes=1))
        it.reaches(request, State.ENDED)
        assert not it.holds("alice", "orders_read")
        alice.finds("Ended")
        it.settled()
