"""Two people press in the same moment: one outcome, and a true answer to each."""

from collections import Counter
from functools import partial
from threading import Barrier, BrokenBarrierError, Thread

import pytest

from jit.facts import RefusalReason
from jit.ledger import Conflict
from jit.requests.lifecycle import State
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import ENGINEERS, RULES, SAM
from tests.world.office import ADMIN, ASK, Office, actor
from tests.world.waiting import HUNG


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def at_once(office, *attempts):
    """What came of each. All have read the request before the first is recorded."""
    barrier = Barrier(len(attempts))
    append = office.ledger.append

    def wait_and_append(facts, *, expect=None, **more):
        try:
            barrier.wait(timeout=HUNG)
        except BrokenBarrierError:
            pass  # a second try: the others are done
        finally:
            barrier.abort()
        return append(facts, expect=expect, **more)

    office.ledger.append = wait_and_append
    outcomes = [None] * len(attempts)

    def run(place, attempt):
        try:
            outcomes[place] = attempt()
        except Refusal as refusal:
            outcomes[place] = refusal.reason

    threads = [Thread(target=run, args=each) for each in enumerate(attempts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=HUNG)
    office.ledger.append = append
    assert None not in outcomes
    return outcomes


def reasons(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, RefusalReason)]


def test_two_approvers_where_both_are_needed_make_one_decision_that_counts_both(office):
    request = office.asked(ADMIN)
    outcomes = at_once(office, lambda: office.approve(request, BOB), lambda: office.approve(request, SAM))
    assert reasons(outcomes) == []
    assert office.kinds() == ["requested", "approval", "approval", "approved"]
    assert {each.approver for each in office.request(request.id).counted} == {BOB, SAM}
    assert office.queue.grants == [request.id]


def test_two_approvers_where_one_is_needed_make_one_decision(office):
    request = office.asked()
    outcomes = at_once(office, lambda: office.approve(request, BOB), lambda: office.approve(request, CAROL))
    assert reasons(outcomes) == [RefusalReason.NOT_POSSIBLE_NOW]
    assert Counter(office.kinds()) == {"requested": 1, "approval": 1, "approved": 1, "refused": 1}
    assert office.queue.grants == [request.id]


def test_a_double_click_approves_once(office):
    request = office.asked(ADMIN)
    outcomes = at_once(office, lambda: office.approve(request, BOB), lambda: office.approve(request, BOB))
    assert reasons(outcomes) == [RefusalReason.ALREADY_APPROVED]
    assert office.request(request.id).approvers == (BOB,)


def test_a_double_click_asks_once(office):
    outcomes = at_once(office, office.asked, office.asked)
    assert reasons(outcomes) == [RefusalReason.ALREADY_OPEN]
    assert Counter(office.kinds()) == {"requested": 1, "refused": 1}


def test_two_who_ask_at_once_are_both_counted_by_a_rule_that_may_decide_once(tmp_path):
    """Each read that it had decided for nobody yet."""
    text = RULES.replace("      - all_of", "      - {automatic: true, limits: {per_access: 1}}\n      - all_of", 1)
    office = Office(
        tmp_path,
        rules=text.replace("  U01ALICE0: {fake: alice}", "  U01ALICE0: {fake: alice}\n  U04EVE000: {fake: eve}"),
    )
    office.directory.members[ENGINEERS] = frozenset({EVE})
    outcomes = at_once(office, *(partial(office.use_cases.request, actor(person), ASK) for person in (ALICE, EVE)))
    assert sorted(outcome.state for outcome in outcomes) == [State.APPROVED, State.PENDING]


def test_of_approve_and_deny_the_first_decides(office):
    request = office.asked()
    deny = partial(office.use_cases.deny, actor(CAROL), request.id, request.digest, "Not today")
    outcomes = at_once(office, lambda: office.approve(request, BOB), deny)
    assert reasons(outcomes) == [RefusalReason.NOT_POSSIBLE_NOW]
    state = office.request(request.id).state
    assert state in {State.APPROVED, State.DENIED}
    assert len(office.queue.grants) == (state is State.APPROVED)


def test_approve_and_withdraw_end_withdrawn(office):
    request = office.asked()
    outcomes = at_once(
        office, lambda: office.approve(request, BOB), lambda: office.use_cases.withdraw(actor(ALICE), request.id)
    )
    assert office.request(request.id).state is State.WITHDRAWN
    assert reasons(outcomes) in ([], [RefusalReason.NOT_POSSIBLE_NOW])


def test_release_and_revoke_end_it_once(office):
    request = office.approved()
    office.give(request)
    outcomes = at_once(
        office,
        lambda: office.use_cases.release(actor(ALICE), request.id),
        lambda: office.use_cases.revoke(actor(SAM), request.id, "This looks wrong"),
    )
    assert reasons(outcomes) == [RefusalReason.NOT_POSSIBLE_NOW]
    assert sum(kind in {"released", "revoked"} for kind in office.kinds()) == 1
    assert office.queue.revokes == [request.id]


def test_who_loses_every_race_is_told_to_press_again(office):
    request = office.asked()
    append = office.ledger.append

    def too_late(facts, *, expect=None, counted=()):
        if expect:
            raise Conflict("somebody was faster")
        return append(facts, expect=expect, counted=counted)

    office.ledger.append = too_late
    office.refused(RefusalReason.BUSY, lambda: office.approve(request, BOB), about=request)
