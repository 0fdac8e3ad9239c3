"""What is to begin later: approved now, given then, by the clock of whoever asks; weighed anew when it begins."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jit.facts import BEGIN_WITHIN, RefusalReason, Requested
from jit.requests.decision import Outcome, before_effect
from jit.requests.due import Action, action_at, next_action
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB
from tests.world.office import READ, WHY, Office, actor


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def ask(office, start):
    return office.use_cases.request(actor(ALICE), RequestForm(READ, "30m", WHY, "", start))


def test_a_start_is_by_the_clock_of_who_asks(office):
    office.directory.change(ALICE, tz="America/New_York")
    request = ask(office, "22:00")  # 14:00 UTC, 09:00 there
    (fact,) = office.facts()
    assert isinstance(fact, Requested)
    assert fact.start_at == request.start_at == datetime(2026, 11, 22, 3, tzinfo=UTC)


def test_who_has_a_zone_that_nobody_knows_asks_in_utc(office):
    office.directory.change(ALICE, tz="Not/AZone")
    assert ask(office, "22:00").start_at == datetime(2026, 11, 21, 22, tzinfo=UTC)


def test_at_once_asks_nobody_for_a_zone_and_says_none(office):
    assert ask(office, " ").start_at is None


def test_what_is_wrong_with_it_is_said_at_its_field_and_is_a_slip(office):
    with pytest.raises(Refusal) as caught:
        ask(office, "2026-12-24 20:00")
    assert caught.value.reason is RefusalReason.BAD_INPUT
    assert caught.value.problems == {"start": "At most 7 days ahead."}


def test_it_is_approved_now_and_announced_to_nobody(office):
    request = ask(office, "22:00 UTC")
    after = office.use_cases.approve(actor(BOB), request.id, request.digest)
    assert after.decision.outcome is Outcome.HOLDS
    assert after.announced
    assert office.queue.grants == []
    approved = after.request
    assert approved.begins_at == request.start_at
    assert approved.begin_by == request.start_at + BEGIN_WITHIN
    assert next_action(approved) == (request.start_at, Action.GRANT)
    assert action_at(approved, request.start_at - timedelta(seconds=1)) is None
    assert action_at(approved, request.start_at) is Action.GRANT
    assert action_at(approved, request.start_at + BEGIN_WITHIN) is Action.LAPSE


def test_too_soon_is_not_yet_and_closes_nothing(office):
    request = office.approve(ask(office, "22:00 UTC"), BOB)
    found = before_effect(request, office.policies, office.directory, office.clock.now())
    assert (found.reason, found.outcome) == (RefusalReason.NOT_YET, Outcome.UNKNOWN)


def test_who_approves_after_it_was_to_begin_has_it_begun_at_once(office):
    request = ask(office, "14:30 UTC")
    office.clock.move(hours=1)
    approved = office.approve(request, BOB)
    assert approved.begins_at == approved.approved_at == office.clock.now()
    assert office.queue.grants == [request.id]


def test_a_decision_that_gives_itself_longer_is_not_believed(office):
    request = office.approve(ask(office, "22:00 UTC"), BOB)
    forged = replace(request, begin_by=request.start_at + timedelta(days=9))
    office.clock.move(seconds=(request.start_at - office.clock.now() + BEGIN_WITHIN).total_seconds())
    found = before_effect(forged, office.policies, office.directory, office.clock.now())
    assert found.reason is RefusalReason.LAPSED


def test_nothing_that_lapses_the_unanswered_lapses_what_is_approved(office):
    request = ask(office, "2026-11-25 22:00 UTC")
    assert request.pending_until < request.start_at
    approved = office.approve(request, BOB)
    assert action_at(approved, approved.pending_until + timedelta(hours=1)) is None


def test_the_digest_says_when(office):
    request = ask(office, "22:00 UTC")
    assert replace(request, start_at=None).digest != request.digest
    assert replace(request, start_at=request.start_at + timedelta(minutes=1)).digest != request.digest


def test_it_is_withdrawn_until_it_begins(office):
    request = office.approve(ask(office, "22:00 UTC"), BOB)
    assert office.use_cases.withdraw(actor(ALICE), request.id).state is State.WITHDRAWN


def test_whom_slack_cannot_look_up_is_told_so(office):
    office.directory.gone = True
    office.refused(RefusalReason.CANNOT_LOOK_UP, lambda: ask(office, "22:00"))
