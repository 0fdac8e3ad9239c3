"""A lockdown stands in the channels concerned, and stays true until it is lifted."""

from pathlib import Path
from typing import Any

import pytest

from bot.followers.lockdowns import Lockdowns
from jit.facts import EndCause, LockdownBegun, LockdownLifted, LockdownLiftProposed, Source
from jit.ledger import Notes
from jit.testing import ALICE, BOB, CAROL
from playground.blocks import message_problems
from tests.world.base import ALERTS, REQUESTS, SAM, in_a_file
from tests.world.face import Face
from tests.world.fake_slack import refusal


@pytest.fixture
def house(tmp_path: Path) -> Face:
    return Face(tmp_path, ledger=in_a_file(tmp_path))


def lock(house: Face, scope: str = "everything", **what: Any) -> LockdownBegun:
    signed = {"at": house.clock.now(), "actor": CAROL, "source": Source.SLACK}
    fact = LockdownBegun(**signed, lockdown_id="L-TEST", scope=scope, reason="*reads* <!channel>", **what)
    house.ledger.append([fact])
    return fact


def ended(house: Face, request_id: str) -> None:
    story = house.story(request_id, access=house.request(request_id).access)
    story.ending(cause=EndCause.LOCKDOWN, lockdown="L-TEST")
    story.ended(cause=EndCause.LOCKDOWN, lockdown="L-TEST")


def active(house: Face, request_id: str, **fields: Any) -> None:
    house.story(request_id, **fields).active()


def shown(house: Face, channel: str) -> str:
    (message,) = house.posted(channel)
    assert not message_problems(message["blocks"])
    return str(message)


def test_it_is_said_where_it_concerns_somebody_and_counts_what_ended(house: Face) -> None:
    active(house, "R-7F3K")
    active(house, "R-8F3K", access="orders-db/admin")
    lock(house)
    follower = house.start(Lockdowns)
    house.work(follower, 5)
    for channel in (ALERTS, REQUESTS):
        said = shown(house, channel)
        assert "*LOCKDOWN* *everything* is stopped" in said
        assert "0 of 2 ended, 2 still open" in said
        assert "R-7F3K" in said
        assert "'text': 'Lift'" in said
        assert "<!channel>" not in said.replace("'text': '*reads* <!channel>'", "")
    ended(house, "R-7F3K")
    house.work(follower, 5)
    again = house.start(Lockdowns)
    house.work(again, 5)
    for channel in (ALERTS, REQUESTS):
        assert "1 of 2 ended, 1 still open" in shown(house, channel)


def test_who_lifts_it_is_said_and_then_it_is_over(house: Face) -> None:
    fact = lock(house, "access", access="orders-db/read")
    follower = house.start(Lockdowns)
    house.work(follower, 3)
    signed = {"at": house.clock.now(), "source": Source.SLACK, "lockdown_id": "L-TEST", "scope": fact.scope}
    signed |= {"access": fact.access, "reason": "looked into"}
    proposed = LockdownLiftProposed(**signed, actor=BOB)
    house.ledger.append([proposed])
    house.work(follower, 3)
    assert "Bob proposed to lift it" in shown(house, ALERTS)
    house.ledger.append([LockdownLifted(**signed, actor=SAM, proposal=proposed.id, proposed_by=BOB)])
    house.work(follower, 3)
    for channel in (ALERTS, REQUESTS):
        said = shown(house, channel)
        assert "Over: lockdown L-TEST of *orders-db/read*" in said
        assert "'text': 'Lift'" not in said
    assert Notes(house.engine, Lockdowns.name).all("").keys() == {"cursor"}


def test_of_a_person_it_is_said_where_they_have_something(house: Face) -> None:
    active(house, "R-7F3K", channel="C0ELSE001")
    lock(house, "person", requester=ALICE)
    house.work(house.start(Lockdowns), 3)
    assert "all access of *Alice* is stopped" in shown(house, "C0ELSE001")
    assert "all access of *Alice* is stopped" in shown(house, ALERTS)
    assert house.posted(REQUESTS) == []


def test_a_channel_that_takes_nothing_holds_up_no_other(house: Face) -> None:
    house.slack.refusing[ALERTS] = refusal("not_in_channel")
    lock(house)
    house.work(house.start(Lockdowns), 3)
    assert "*LOCKDOWN*" in shown(house, REQUESTS)
