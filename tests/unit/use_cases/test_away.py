"""Away, with a substitute of the same group: on the record, for a time, giving nobody anything."""

from datetime import timedelta

import pytest

from jit.facts import Away, Back, RefusalReason
from jit.ledger import StoredDirectory
from jit.ledger.of_people import absences
from jit.people.away import Absence
from jit.requests.decision import Outcome, before_effect
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.away import SAID_AT_MOST, come_back, go_away
from tests.world.base import RULES, SAM
from tests.world.office import Office, actor

DAYS = timedelta(days=3)


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path)
    for person, handle in ((BOB, "bob"), (CAROL, "carol"), (SAM, "sam"), (EVE, "eve")):
        office.directory.change(person, handle=handle, name=handle.title())
    return office


def leave(office, by=BOB, substitute="@carol", last=DAYS, group=""):
    return go_away(office.core, by=actor(by), until=office.clock.now() + last, substitute=substitute, group=group)


def wrong(office, said, **how):
    refusal = office.refused(RefusalReason.BAD_INPUT, lambda: leave(office, **how))
    assert said in " ".join(refusal.problems.values())


@pytest.mark.parametrize("named", ["@carol", "carol", "Carol", CAROL])
def test_who_is_away_names_one_of_the_same_group_on_the_record(office, named):
    absence = leave(office, substitute=named)
    assert absence == Absence(BOB, CAROL, office.clock.now() + DAYS)
    fact = office.facts("away")[0]
    assert isinstance(fact, Away)
    assert (fact.actor, fact.substitute) == (BOB, CAROL)
    assert dict(absences(office.ledger, office.clock.now())) == {BOB: absence}


def test_nobody_of_another_group_stands_in(office):
    """An engineer would be asked to decide what they ask for."""
    wrong(office, "of the same group", substitute="@eve")
    wrong(office, "of the same group", substitute=EVE)
    wrong(office, "of the same group", substitute="@bob")
    wrong(office, "You decide on nothing", by=EVE)
    wrong(office, "You decide on nothing in security", group="security")
    wrong(office, "You decide on nothing in nowhere", group="nowhere")


def test_who_is_away_or_may_not_decide_stands_in_for_nobody(office):
    leave(office, by=CAROL, substitute="@bob")
    wrong(office, "is away as well")
    come_back(office.core, by=actor(CAROL))
    office.directory.change(CAROL, email="mallory@example.com", first_email="carol@example.com")
    wrong(office, "cannot decide here now")
    office.directory.change(CAROL, email="bob@example.com", first_email="")
    office.directory.change(BOB, email="bob@example.com", first_email="bob@example.com")
    wrong(office, "cannot decide here now")


@pytest.mark.parametrize("last", [timedelta(0), -DAYS, timedelta(days=181)])
def test_it_lasts_for_a_time_that_is_to_come_and_not_for_ever(office, last):
    wrong(office, "Say until when", last=last)


def test_it_ends_by_itself_and_when_they_say_that_they_are_back(office):
    leave(office)
    assert absences(office.ledger, office.clock.now() + DAYS) == {}
    assert come_back(office.core, by=actor(BOB))
    assert isinstance(office.facts()[-1], Back)
    assert absences(office.ledger, office.clock.now()) == {}
    assert not come_back(office.core, by=actor(BOB))
    assert office.kinds() == ["away", "back"]


def test_it_gives_nobody_anything_and_takes_nothing_away(office):
    """Carol counts as one, as before, and Bob still may."""
    request = office.asked()
    leave(office)
    office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, EVE), about=request)
    assert office.approve(request, BOB).state is State.APPROVED


def test_a_substitute_who_left_the_group_decides_nothing_and_what_they_approved_is_not_given(office):
    leave(office)
    request = office.approve(office.asked(), CAROL)
    office.rules(text=RULES.replace("dba: [U02BOB000, U03CAROL0]", "dba: [U02BOB000]"))
    decision = before_effect(request, office.policies, office.directory, office.clock.now())
    assert (decision.outcome, decision.reason) == (Outcome.INVALID, RefusalReason.QUORUM_GONE)
    assert not Absence(BOB, CAROL, office.clock.now() + DAYS).covers(["group:dba"], [BOB])


def test_who_says_so_all_the_time_neither_fills_the_record_nor_drives_out_what_others_said(office):
    for _ in range(SAID_AT_MOST):
        leave(office)
        come_back(office.core, by=actor(BOB))
    refusal = office.refused(RefusalReason.TOO_MANY, lambda: leave(office))
    assert "What you said last counts" in refusal.problems["until"]
    office.clock.move(minutes=10)
    assert leave(office).substitute == CAROL


def test_only_full_members_say_so(office):
    office.directory.change(BOB, guest=True)
    office.refused(RefusalReason.BAD_STANDING, lambda: leave(office))


def test_a_substitute_for_one_group_stands_in_for_no_other():
    absence = Absence(BOB, CAROL, None, "dba")
    assert absence.covers(["group:dba"], [BOB, CAROL])
    assert not absence.covers(["group:security"], [BOB, CAROL])


def test_those_who_were_seen_before_are_found_by_their_handle(office):
    stored = StoredDirectory(office.engine)
    for person in (BOB, CAROL):
        stored.keep_person(office.directory.people[person], office.clock.now())
    assert leave(office).substitute == CAROL
    assert office.asked().requester == ALICE
