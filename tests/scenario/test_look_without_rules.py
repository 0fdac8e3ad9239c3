"""What `/jit list` and `/jit show` say while the rules or the groups cannot be told: never that there is nothing."""

from datetime import timedelta

import pytest

from bot.listeners.look import ONLY_YOURS
from jit.facts import RefusalReason
from jit.policy import PolicyError
from jit.requests.messages import SAYS
from playground.sample import BOB, CAROL, EVE
from tests.world.played_office import opened, rules_of_its_own

pytestmark = pytest.mark.scenario


@pytest.fixture
def office(tmp_path):
    with opened(tmp_path, rules_of_its_own(tmp_path)) as office:
        yield office


def break_rules(office, folder):
    (folder / "policies" / "broken.policy.yml").write_text("acess: {}")
    office.clock.advance(timedelta(seconds=2))
    with pytest.raises(PolicyError):
        office.policies.read()


def test_a_broken_policy_hides_no_request_from_those_who_may_see_it(office, tmp_path):
    request = office.ask()
    break_rules(office, tmp_path)
    office.jit(CAROL, "list")
    assert request.id in office.told(CAROL, "Waiting for you")
    office.jit(BOB, f"show {request.id}")
    assert "pending" in office.told(BOB, request.id)
    assert office.refusals() == []


def test_without_rules_since_the_start_it_is_said_that_it_cannot_be_told(office, tmp_path):
    request = office.ask()
    break_rules(office, tmp_path)
    office.policies.last_good = None
    office.jit(CAROL, "list")
    office.told(CAROL, ONLY_YOURS)
    office.jit(BOB, f"show {request.id}")
    office.told(BOB, SAYS[RefusalReason.POLICY_BROKEN].split(",")[0])
    assert office.refusals() == [(BOB, "show", RefusalReason.POLICY_BROKEN)]


def test_others_are_still_told_of_no_request(office, tmp_path):
    request = office.ask()
    break_rules(office, tmp_path)
    office.jit(EVE, f"show {request.id}")
    office.told(EVE, "no such request")
