"""Who may lock down and lift, and what nobody gets while one is in force."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jit.facts import LockdownLifted, RefusalReason
from jit.ledger import Ledger, LedgerUnavailable, StoredDirectory
from jit.ledger.database import writing
from jit.people.person import Person
from jit.ports import DirectoryUnavailable
from jit.requests.decision import before_effect
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request
from jit.requests.lockdown import LIFT_WITHIN
from jit.requests.refusal import Refusal
from jit.requests.scope import What
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.extend import extend
from jit.use_cases.lockdown import Lifting, Locked, lift, lock_down
from jit.use_cases.narrow import LessForm
from tests.world.base import RULES, SAM
from tests.world.break_glass import ADMIN
from tests.world.break_glass import RULES as GLASS
from tests.world.office import READ, TERMINAL, WHY, Office, actor
from tests.world.tamper import past_the_guards

ALL = What("everything")
EXTENDABLE = RULES.replace("    max_duration: 8h\n", "    max_duration: 8h\n    extend: {each: 1h, ceiling: 12h}\n", 1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, rules=EXTENDABLE)


def lock(office: Office, what: What = ALL, by: str = CAROL) -> Locked:
    return lock_down(office.core, by=actor(by), what=what, reason="somebody reads what they should not")


def lifting(office: Office, lockdown_id: str, by: str) -> Lifting:
    return lift(office.core, by=actor(by), lockdown_id=lockdown_id, reason="it was looked into")


def refused(office: Office, reason: RefusalReason, attempt) -> Refusal:
    """It is refused for this, and that is on the record."""
    before = len(office.facts("refused"))
    with pytest.raises(Refusal) as refusal:
        attempt()
    assert refusal.value.reason is reason
    assert [each.reason for each in office.facts("refused")[before:]] == [reason]
    return refusal.value


def test_security_may_and_nobody_else_unless_the_rules_say_so(office: Office) -> None:
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lock(office, by=BOB))
    assert not office.ledger.lockdowns()
    assert not lock(office).again
    office.rules(("security: [group:security]", "security: [group:security]\nlockdown: [group:dba]"), text=EXTENDABLE)
    assert not lock(office, What("target", "orders-db"), by=BOB).again
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lock(office, by=SAM))


def test_a_terminal_may_lock_and_may_not_lift(office: Office) -> None:
    locked = lock_down(office.core, by=TERMINAL, what=ALL, reason="the laptop of somebody is stolen")
    assert locked.lockdown.by == TERMINAL.id
    attempt = lambda: lift(office.core, by=TERMINAL, lockdown_id=locked.lockdown.id, reason="found it again")  # noqa: E731
    refused(office, RefusalReason.WRONG_WORKSPACE, attempt)
    assert office.ledger.lockdowns()


def test_pressed_twice_there_is_one_and_the_second_is_told_of_it(office: Office) -> None:
    first, second = lock(office), lock(office, by=SAM)
    assert (second.lockdown, second.again) == (first.lockdown, True)
    assert len(office.facts("lockdown.begun")) == 1


def test_two_who_press_at_once_begin_one(office: Office) -> None:
    append, raced = office.ledger.append_lockdown, []

    def slow(fact, known):
        office.ledger.append_lockdown = append
        raced.append(lock(office, by=SAM))
        return append(fact, known)

    office.ledger.append_lockdown = slow
    slower = lock(office)
    assert slower.again
    assert slower.lockdown == raced[0].lockdown
    assert len(office.facts("lockdown.begun")) == 1


@pytest.mark.parametrize(
    "what", [ALL, What("person", ALICE), What("access", READ), What("target", "orders-db")], ids=lambda what: what.scope
)
def test_nothing_new_is_asked_for_approved_or_extended(office: Office, what: What) -> None:
    waiting = office.asked()
    office.give(office.approved("orders-db/night"))
    locked = lock(office, what)
    assert locked.open == (1 if what.scope == "access" else 2)
    for attempt in (
        lambda: office.use_cases.request(actor(ALICE), RequestForm(READ, "30m", WHY)),
        lambda: office.approve(waiting, BOB),
    ):
        assert refused(office, RefusalReason.LOCKED_DOWN, attempt).lockdown == locked.lockdown
    assert office.use_cases.deny(actor(BOB), waiting.id, waiting.digest, "stopped, so no").state == "denied"


def test_less_is_not_approved_and_nothing_is_asked_to_begin_later(office: Office) -> None:
    waiting = office.asked()
    lock(office, What("access", READ))
    less = LessForm("1m", waiting.permissions)
    later = RequestForm(READ, "30m", WHY, start="22:00")
    for attempt in (
        lambda: office.use_cases.narrow(actor(BOB), waiting.id, waiting.digest, less),
        lambda: office.use_cases.request(actor(ALICE), later),
    ):
        refused(office, RefusalReason.LOCKED_DOWN, attempt)


def test_no_rule_decides_by_itself(tmp_path: Path) -> None:
    """Neither on a request nor on more time."""
    by_itself = "    approve:\n      - {name: quick, automatic: true}\n"
    asks_dba = "    approve:\n      - all_of: [{from: [group:dba]}]\n"
    office = Office(tmp_path, rules=EXTENDABLE.replace(asks_dba, by_itself, 1))
    office.give(request := office.asked())
    assert request.state == "approved"
    lock(office, What("target", "orders-db"))
    for attempt in (
        lambda: extend(office.core, by=actor(ALICE), request_id=request.id, duration="30m", reason="more to do"),
        lambda: office.use_cases.request(actor(ALICE), RequestForm(READ, "30m", WHY)),
    ):
        refused(office, RefusalReason.LOCKED_DOWN, attempt)


def test_active_access_is_not_extended(office: Office) -> None:
    office.give(request := office.approved())
    lock(office, What("access", READ))
    attempt = lambda: extend(office.core, by=actor(ALICE), request_id=request.id, duration="30m", reason="more to do")  # noqa: E731
    refused(office, RefusalReason.LOCKED_DOWN, attempt)


def test_others_go_on(office: Office) -> None:
    lock(office, What("person", EVE))
    lock(office, What("access", "orders-db/admin"))
    assert office.approved().state == "approved"


def test_whoever_is_locked_approves_nothing_either(office: Office) -> None:
    waiting = office.asked()
    lock(office, What("person", BOB))
    refused(office, RefusalReason.LOCKED_DOWN, lambda: office.approve(waiting, BOB))
    assert office.approve(waiting, CAROL).state == "approved"


def test_two_different_people_lift_it(office: Office) -> None:
    locked = lock(office).lockdown
    assert not lifting(office, locked.id, CAROL).lifted
    refused(office, RefusalReason.LOCKED_DOWN, office.asked)
    refused(office, RefusalReason.SAME_PERSON, lambda: lifting(office, locked.id, CAROL))
    assert lifting(office, locked.id, SAM).lifted
    assert not office.ledger.lockdowns()
    [lifted] = office.facts("lockdown.lifted")
    assert isinstance(lifted, LockdownLifted)
    assert (lifted.proposed_by, lifted.actor) == (CAROL, SAM)
    assert office.asked().state == "pending"
    refused(office, RefusalReason.UNKNOWN_LOCKDOWN, lambda: lifting(office, locked.id, SAM))


def test_two_accounts_of_one_person_are_not_two_people(office: Office) -> None:
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    office.directory.change(CAROL, email="carol@example.com")
    office.directory.change(SAM, email="carol@example.com")
    refused(office, RefusalReason.SAME_PERSON, lambda: lifting(office, locked.id, SAM))


def tied_by_a_third(office: Office) -> str:
    """Sam's account has the e-mail of a third one, which has a name of Carol's."""
    third = "U09CAROL3"
    office.directory.people[third] = replace(office.directory.people[CAROL], id=third)
    for account in (third, SAM):
        office.directory.change(account, email="third@example.com", first_email="third@example.com")
    names = f"people:\n  {CAROL}: {{fake: carol, icalendar: carol}}\n  {third}: {{fake: third, icalendar: Carol}}\n"
    schedules = 'schedules: {primary: {kind: icalendar, url: "file:primary.ics"}}\ntargets:\n'
    office.rules(("people:\n", names), ("targets:\n", schedules), text=EXTENDABLE)
    return third


def test_nor_are_two_accounts_that_a_third_one_ties(office: Office) -> None:
    tied_by_a_third(office)
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    refused(office, RefusalReason.SAME_PERSON, lambda: lifting(office, locked.id, SAM))


def test_accounts_that_a_third_one_ties_are_locked_with_it(office: Office) -> None:
    third = tied_by_a_third(office)
    for account in (third, SAM):
        StoredDirectory(office.engine).keep_person(office.directory.people[account], office.clock.now())
    locked = lock_down(office.core, by=TERMINAL, what=What("person", CAROL), reason="her laptop is stolen")
    assert locked.lockdown.accounts == {CAROL, third, SAM}


def test_a_proposal_of_an_account_that_slack_has_no_more_keeps_nobody_from_lifting(office: Office) -> None:
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    del office.directory.people[CAROL]
    assert not lifting(office, locked.id, SAM).lifted, "what Carol proposed counts for nothing any more"


def test_whoever_cannot_be_told_from_those_who_are_locked_lifts_nothing(office: Office) -> None:
    """Slack answers nothing of an account that is locked: whether it is another's is not known."""
    everything = lock(office).lockdown
    lock(office, What("person", EVE))
    look_up = office.directory.look_up

    def silent(person: str) -> Person:
        if person == EVE:
            raise DirectoryUnavailable(person)
        return look_up(person)

    office.directory.look_up = silent
    refused(office, RefusalReason.CANNOT_LOOK_UP, lambda: lifting(office, everything.id, CAROL))
    office.directory.look_up = look_up
    del office.directory.people[EVE]  # nobody of that id: nobody can be the same
    assert not lifting(office, everything.id, CAROL).lifted


def test_an_email_that_was_changed_neither_proposes_nor_confirms(office: Office) -> None:
    """A second account of one person is no other by another e-mail, nor is the first one for the second."""
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    office.directory.change(SAM, email="new@example.com", first_email="sam@example.com")
    refused(office, RefusalReason.EMAIL_CHANGED, lambda: lifting(office, locked.id, SAM))
    office.directory.change(CAROL, email="new@example.com", first_email="carol@example.com")
    office.directory.change(SAM, email="sam@example.com", first_email="sam@example.com")
    assert not lifting(office, locked.id, SAM).lifted, "what Carol proposed counts for nothing any more"


def test_an_account_that_the_directory_says_is_disabled_neither_locks_nor_lifts(office: Office) -> None:
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    office.directory.disabled = frozenset({CAROL})
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lock(office, What("person", EVE), by=CAROL))
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lifting(office, locked.id, CAROL))
    assert not lifting(office, locked.id, SAM).lifted, "what Carol proposed counts for nothing any more"


def test_an_account_that_turns_out_to_be_of_who_is_locked_gets_decides_and_locks_nothing(office: Office) -> None:
    """It was not known to be theirs when the lockdown began."""
    waiting = office.asked()
    lock(office, What("person", EVE))
    office.directory.change(EVE, email="eve@example.com")
    for account, attempt in (
        (ALICE, lambda: office.use_cases.request(actor(ALICE), RequestForm("orders-db/night", "30m", WHY))),
        (BOB, lambda: office.approve(waiting, BOB)),
        (SAM, lambda: lock(office, What("person", CAROL), by=SAM)),
    ):
        office.directory.change(account, email="eve@example.com")
        refused(office, RefusalReason.LOCKED_DOWN, attempt)
        office.directory.change(account, email=f"{account}@example.com")


def test_one_that_was_changed_in_the_database_keeps_nobody_from_locking(office: Office) -> None:
    lock(office, What("target", "orders-db"))
    with writing(office.engine) as connection, past_the_guards(connection):
        elsewhere = "replace(CAST(body AS TEXT), 'orders-db', 'orders-dc')"
        connection.execute(text(f"UPDATE entries SET body = {elsewhere} WHERE kind = 'lockdown.begun'"))
    office.core = replace(office.core, ledger=Ledger(office.engine, office.clock))  # of a process that starts
    with pytest.raises(LedgerUnavailable):
        office.asked()
    assert not lock(office).again
    assert [each.scope for each in office.core.ledger.lockdowns(skip_changed=True)] == ["everything"]


def test_whoever_is_locked_lifts_nothing_and_locks_nobody(office: Office) -> None:
    everything, person = lock(office).lockdown, lock(office, What("person", SAM)).lockdown
    lifting(office, everything.id, CAROL)
    for lockdown in (everything, person):
        refused(office, RefusalReason.LOCKED_DOWN, lambda lockdown=lockdown: lifting(office, lockdown.id, SAM))
    refused(office, RefusalReason.LOCKED_DOWN, lambda: lock(office, What("person", CAROL), by=SAM))


def test_who_may_not_lock_may_not_lift(office: Office) -> None:
    locked = lock(office).lockdown
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lifting(office, locked.id, BOB))
    lifting(office, locked.id, CAROL)
    refused(office, RefusalReason.NOT_ALLOWED_TO_LOCK, lambda: lifting(office, locked.id, BOB))


def test_a_proposal_counts_for_a_day_and_while_who_made_it_may(office: Office) -> None:
    locked = lock(office).lockdown
    lifting(office, locked.id, CAROL)
    office.clock.move(seconds=(LIFT_WITHIN + timedelta(seconds=1)).total_seconds())
    assert not lifting(office, locked.id, SAM).lifted
    office.rules(("security: [U03CAROL0, U05SAM000]", "security: [U03CAROL0, U02BOB000]"), text=EXTENDABLE)
    assert not lifting(office, locked.id, CAROL).lifted
    assert lifting(office, locked.id, BOB).lifted


def test_a_reason_is_given(office: Office) -> None:
    locked = lock(office, What("person", EVE)).lockdown
    for attempt in (
        lambda: lock_down(office.core, by=actor(CAROL), what=ALL, reason=" "),
        lambda: lift(office.core, by=actor(CAROL), lockdown_id=locked.id, reason=""),
    ):
        refused(office, RefusalReason.BAD_INPUT, attempt)


class TestBreakGlass:
    @pytest.fixture
    def office(self, tmp_path: Path) -> Office:
        """Alice may break the glass of orders-db/read, and lockdowns let that of orders-db/admin through."""
        rules = GLASS.replace("30m, review_within", "30m, in_lockdown: true, review_within")
        office = Office(tmp_path, rules=rules)
        office.incidents.open = {"INC-42": True}
        office.directory.on_call = {"sre": frozenset({ALICE})}
        return office

    def glass(self, office: Office, access: str, by: str = EVE) -> Request:
        return office.use_cases.break_glass(actor(by), RequestForm(access, "30m", WHY, "INC-42"))

    def test_is_stopped_unless_the_rules_let_it_through(self, office: Office) -> None:
        before = self.glass(office, ADMIN)
        office.give(before)
        locked = lock(office).lockdown
        office.clock.move(seconds=1)
        refused(office, RefusalReason.LOCKED_DOWN, lambda: self.glass(office, READ, ALICE))
        through = self.glass(office, ADMIN, ALICE)
        assert through.state == "approved"
        assert (locked.covers(before), locked.covers(through)) == (True, False)
        assert before_effect(through, office.policies, office.directory, office.clock.now()).reason is None

    def test_of_a_person_who_is_locked_is_always_stopped(self, office: Office) -> None:
        lock(office, What("person", EVE))
        refused(office, RefusalReason.LOCKED_DOWN, lambda: self.glass(office, ADMIN))

    def test_that_was_let_through_is_not_given_once_the_rules_are_otherwise(self, office: Office) -> None:
        lock(office)
        office.clock.move(seconds=1)
        through = self.glass(office, ADMIN)
        office.rules(text=GLASS)
        decision = before_effect(through, office.policies, office.directory, office.clock.now())
        assert decision.reason is RefusalReason.RULES_CHANGED
