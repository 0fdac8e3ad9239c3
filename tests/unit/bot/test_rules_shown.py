"""What people see of rules: that one decided without them, whose turn it is, how many noes are wanted."""

import pytest

from bot import answers
from bot.views import card
from jit.facts import Quorum
from jit.testing import ALICE, BOB, CAROL, DBA, SECURITY, InMemoryLedger, ManualClock, Story


def names(who):
    return {ALICE: "Alice", BOB: "Bob", CAROL: "Carol"}.get(who, who)


@pytest.fixture
def clock():
    return ManualClock()


def story(clock, **fields):
    made = Story(InMemoryLedger(clock), clock, "R-7F3K", fields)
    made.asked()
    return made


def test_a_rule_that_decided_is_named_on_the_card_and_to_who_asked(clock):
    told = story(clock, needs=(), rule="on call for orders-primary")
    told.approved(by_rule="on call for orders-primary, INC-42 open")
    first = card.draw(told.request, names).text
    assert first.startswith("Approved by rule: on call for orders-primary, INC-42 open")
    assert "not given yet" in first
    assert answers.asked(told.request, names) == (
        "Approved by rule: on call for orders-primary, INC-42 open. "
        "R-7F3K is to be granted; a message tells you when it is."
    )
    told.intent()
    told.granted()
    assert "approved by rule: on call for orders-primary, INC-42 open" in card.draw(told.request, names).text


def test_a_rule_by_which_people_decide_is_named_while_it_waits(clock):
    told = story(clock, rule="at night")
    assert "rule: at night" in str(card.draw(told.request, names).blocks)


def test_the_people_of_a_later_stage_are_said_to_come_then(clock):
    later = Quorum(label="security", who=SECURITY.who, count=1, stage=2)
    told = story(clock, needs=(DBA, later))
    assert "then security" in card.needs(told.request, names)
    assert "waits for 1 of @dba, then 1 of @security" in answers.asked(told.request, names)


def test_a_no_that_alone_denies_nothing_is_counted_on_the_card_and_said(clock):
    told = story(clock, denials_needed=2)
    told.denial(by=BOB)
    assert "Bob said no, 1 of 2 that deny" in card.needs(told.request, names)
    assert answers.denied(told.request) == "Your no counts; 1 more is needed to deny it. R-7F3K"
    clock.move(seconds=1)
    told.denied(by=CAROL)
    assert answers.denied(told.request).startswith("Denied.")
