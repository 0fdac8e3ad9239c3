"""`history.grants(n)`: how often somebody was given an access in the last n days of 24 hours."""

from datetime import timedelta

import pytest

from jit.requests.decision import inputs_of
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, EVE
from jit.use_cases import inputs as of_inputs
from tests.world.base import RULES
from tests.world.office import ASK, Office, actor

HISTORY = """
      - when: history.grants(2) < 1
        automatic: true
      - all_of: [{from: [group:dba]}]
  orders-db/admin"""
TEXT = RULES.replace("\n      - all_of: [{from: [group:dba]}]\n  orders-db/admin", HISTORY)
ONE_PERSON = (
    "U01ALICE0: {fake: alice}",
    "U01ALICE0: {fake: alice, icalendar: ally}\n  U04EVE000: {fake: eve, icalendar: ally}",
)
SCHEDULE = '\nschedules: {primary: {kind: icalendar, url: "file:primary.ics"}}\ngroups:'
A_DAY = timedelta(days=1)


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path, rules=TEXT)
    yield made
    made.engine.dispose()


def grants(office, who=ALICE):
    """What the condition reads now, day by day."""
    request = office.use_cases.request(actor(who), ASK)
    return inputs_of(request).grants_by_day


def given(office, request_id="R-GIVN", **fields):
    """And over at once, so that there may be another."""
    story = office.story(request_id, **fields).active()
    story.released()
    story.ending()
    story.ended()
    return story


def test_what_was_given_counts_in_the_day_in_which_it_was_and_no_other(office):
    for number, (ago, counted) in enumerate(
        (
            (timedelta(0), (1, 0)),
            (A_DAY - timedelta(microseconds=1), (1, 0)),
            (A_DAY, (0, 1)),
            (2 * A_DAY - timedelta(microseconds=1), (0, 1)),
            (2 * A_DAY, (0, 0)),
        )
    ):
        office.clock.move(seconds=30 * A_DAY.total_seconds())
        given(office, f"R-GV{number:02}")
        office.clock.time += ago
        assert grants(office) == counted, ago
        office.use_cases.withdraw(actor(ALICE), office.ledger.requests(of_inputs.Question(limit=1))[0].id)


def test_what_was_asked_before_these_days_and_given_within_them_counts(office):
    """It waited for people, or for its time: of a day, a request of yesterday was passed over."""
    story = office.story("R-WAIT", pending_until=office.clock.now() + 5 * A_DAY)
    story.asked()
    office.clock.time += 3 * A_DAY
    for step in (
        story.approval,
        story.approved,
        story.intent,
        story.granted,
        story.released,
        story.ending,
        story.ended,
    ):
        step()
    assert grants(office) == (1, 0)


def test_what_another_account_of_theirs_was_given_counts(office):
    office.rules(ONE_PERSON, ("\ngroups:", SCHEDULE), text=TEXT)
    given(office, requester=EVE, principal="eve")
    assert grants(office) == (1, 0)


def test_what_a_worker_gave_whose_clock_is_ahead_counts(office):
    given(office)
    office.clock.time -= timedelta(seconds=1)
    assert grants(office) == (1, 0)


def test_what_was_never_given_does_not_count(office):
    for number, end in enumerate(("withdrawn", "denied", "lapsed")):
        story = office.story(f"R-NO{number}")
        story.asked()
        getattr(story, end)()
    failed = office.story("R-FAIL")
    for step in (failed.asked, failed.approval, failed.approved, failed.intent, failed.failed):
        step()
    given(office, "R-BOBS", requester=BOB, principal="bob")
    assert grants(office) == (0, 0)


def test_an_extension_is_no_second_time(office):
    story = office.story("R-LONG").active()
    for step in (story.extension_asked, story.extension_approved, story.extending, story.extended):
        step()
    for step in (story.released, story.ending, story.ended):
        step()
    assert grants(office) == (1, 0)


def test_more_than_is_looked_at_is_not_known_and_people_decide(office, monkeypatch):
    monkeypatch.setattr(of_inputs, "MOST_READ", 2)
    given(office, "R-ONE1")
    assert grants(office) == (1, 0)
    office.use_cases.withdraw(actor(ALICE), office.ledger.requests(of_inputs.Question(limit=1))[0].id)
    request = office.use_cases.request(actor(ALICE), ASK)
    assert inputs_of(request).grants_by_day is None
    assert request.state is State.PENDING
