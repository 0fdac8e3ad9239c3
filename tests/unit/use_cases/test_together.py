"""Several accesses asked for in one go: recorded all or none, and decided each by itself, whoever presses for all."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.views.together import draw as draw_together
from jit.facts import RefusalReason, Requested, Source
from jit.requests.decision import Outcome, before_effect
from jit.requests.intake import ALSO, DURATION, INCIDENT, MOST_TOGETHER, START, RequestForm
from jit.requests.lifecycle import State
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.requests.together import asked_together
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.deciding import theirs
from jit.use_cases.extend import extend
from jit.use_cases.narrow import LessForm
from jit.use_cases.request import request_together
from tests.world.base import RULES, SAM
from tests.world.office import ADMIN, LONE, NIGHT, READ, WHY, Office, actor

ALL = RequestForm(READ, "30m", WHY, "INC-42", also=(ADMIN, NIGHT))
BY_PEOPLE = "      - all_of: [{from: [group:dba]}]\n"
BY_ITSELF = "      - {automatic: true, limits: {per_person: 1}}\n"
AT_ONCE = (f"{BY_PEOPLE}  orders-db/admin", f"{BY_ITSELF}{BY_PEOPLE}  orders-db/admin")


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def ask(office, asked=ALL, by=ALICE):
    return request_together(office.core, by=actor(by), asked=asked)


def press(office, by, requests):
    """One press on Approve for all: what came of each that was tried."""
    came = {}
    for each in requests:
        if each.id in theirs(office.core, by=actor(by), request_ids=[one.id for one in requests]):
            try:
                came[each.access] = office.approve(each, by).state
            except Refusal as refusal:
                came[each.access] = refusal.reason
    return came


def test_an_exception_among_them_is_decided_by_its_own_rule_and_the_others_by_theirs(office):
    exception = "exception: {max_duration: 2h, approve: [{all_of: [{from: [group:security]}]}]}"
    hour = "    grants: [orders_admin]\n    max_duration: 1h\n"
    office.rules((hour, f"{hour}    {exception}\n"))
    read, admin = ask(office, RequestForm(READ, "2h", WHY, "INC-42", also=(ADMIN,)))
    assert (read.basis, admin.basis) == ("rule", "exception")
    assert [need.label for need in (*read.needs, *admin.needs)] == ["dba", "security"]
    drawn = str(draw_together([read, admin], str).blocks)
    assert f"*Exception* · *{ADMIN}*" in drawn
    assert f"*Exception* · *{READ}*" not in drawn
    assert press(office, BOB, [read, admin]) == {READ: State.APPROVED}
    assert press(office, SAM, [read, admin]) == {ADMIN: State.APPROVED}
    with pytest.raises(Refusal) as refused:
        ask(office, RequestForm(READ, "3h", WHY, "INC-42", also=(ADMIN,)), by=ALICE)
    assert refused.value.reason is RefusalReason.BAD_INPUT


def test_each_is_a_request_of_its_own_and_names_all(office):
    asked = ask(office)
    assert [each.access for each in asked] == [READ, ADMIN, NIGHT]
    assert {each.together for each in asked} == {tuple(each.id for each in asked)}
    assert [len(each.needs) for each in asked] == [1, 2, 1]
    assert len({each.digest for each in asked}) == 3
    assert asked_together(asked[1], office.ledger.request) == asked


def test_what_is_asked_alone_says_nothing_of_others(office):
    (alone,) = ask(office, replace(ALL, also=(READ, "")))
    assert alone.together == ()
    assert asked_together(alone, office.ledger.request) == (alone,)


@pytest.mark.parametrize(
    ("asked", "reason", "field", "says"),
    [
        (replace(ALL, incident=""), RefusalReason.BAD_INPUT, INCIDENT, f"{ADMIN} needs"),
        (replace(ALL, duration="2h"), RefusalReason.BAD_INPUT, DURATION, f"1 h for {ADMIN}"),
        (replace(ALL, also=("no/such",)), RefusalReason.NOT_ALLOWED_TO_ASK, ALSO, "no/such: There is no such"),
        (replace(ALL, also=tuple("abcde")), RefusalReason.BAD_INPUT, ALSO, f"at most {MOST_TOGETHER}"),
        (replace(ALL, also=(LONE,)), RefusalReason.NOBODY_COULD_APPROVE, "", f"{LONE}: Nobody but you could approve"),
    ],
)
def test_one_that_cannot_be_asked_for_refuses_all_and_is_named(office, asked, reason, field, says):
    refusal = office.refused(reason, lambda: ask(office, asked))
    assert says in sentence(refusal)
    assert set(refusal.problems) == ({field} if field else set())
    assert office.facts("requested") == []


def test_one_that_is_open_already_refuses_all_and_one_that_is_outdated_does_not(office):
    before = office.asked(ADMIN)
    refusal = office.refused(RefusalReason.ALREADY_OPEN, lambda: ask(office), about=before)
    assert sentence(refusal).startswith(f"{ADMIN}: You asked for this already")
    office.rules(("grants: [orders_admin]", "grants: [orders_admin, orders_more]"))
    assert len(ask(office)) == 3
    assert office.request(before.id).state is State.LAPSED


def test_a_rule_that_decides_by_itself_does_so_for_its_own_alone(office):
    office.rules(AT_ONCE)
    read, admin, _ = ask(office)
    assert (read.state, admin.state) == (State.APPROVED, State.PENDING)
    assert office.queue.grants == [read.id]
    office.use_cases.withdraw(actor(ALICE), read.id)
    office.use_cases.withdraw(actor(ALICE), admin.id)
    assert [each.state for each in ask(office, replace(ALL, also=(ADMIN,)))] == [State.PENDING] * 2, "one a day"


def test_one_press_decides_what_the_presser_may_and_leaves_the_others(office):
    asked = ask(office)
    assert press(office, SAM, asked) == {ADMIN: State.PENDING, NIGHT: State.APPROVED}
    assert press(office, BOB, asked) == {
        READ: State.APPROVED,
        ADMIN: State.APPROVED,
        NIGHT: RefusalReason.NOT_POSSIBLE_NOW,
    }
    assert [office.request(each.id).approvers for each in asked] == [(BOB,), (SAM, BOB), (SAM,)]


@pytest.mark.parametrize(
    ("by", "reason"), [(ALICE, RefusalReason.OWN_REQUEST), (EVE, RefusalReason.NOT_ALLOWED_TO_DECIDE)]
)
def test_who_may_decide_on_none_is_refused_each_on_the_record(office, by, reason):
    asked = ask(office)
    assert press(office, by, asked) == dict.fromkeys((READ, ADMIN, NIGHT), reason)
    assert [fact.request_id for fact in office.facts("refused")] == [each.id for each in asked]


def test_one_denied_and_another_granted_and_a_press_again_changes_neither(office):
    read, admin, night = asked = ask(office)
    office.use_cases.deny(actor(CAROL), admin.id, admin.digest, "not by night")
    assert press(office, BOB, asked) == {
        READ: State.APPROVED,
        ADMIN: RefusalReason.NOT_POSSIBLE_NOW,
        NIGHT: State.APPROVED,
    }
    before = [office.request(each.id) for each in asked]
    assert set(press(office, BOB, asked).values()) == {RefusalReason.NOT_POSSIBLE_NOW}
    assert [office.request(each.id) for each in asked] == before
    assert office.queue.grants == [read.id, night.id]


def test_of_two_the_one_whose_rules_changed_is_refused_and_the_other_approved(office):
    asked = ask(office, replace(ALL, also=(NIGHT,)))
    office.rules(('[{from: ["slack:S0ONCALL1", U02BOB000]}]', "[{from: [U02BOB000]}]"))
    assert press(office, BOB, asked) == {READ: State.APPROVED, NIGHT: RefusalReason.RULES_CHANGED}


def begun(office, request):
    """What a worker finds of it, as it begins."""
    now = office.request(request.id)
    return before_effect(now, office.policies, office.directory, office.clock.now()).outcome


def test_what_begins_later_is_approved_by_one_press_and_each_is_weighed_anew_when_it_begins(office):
    read, night = asked = ask(office, replace(ALL, also=(NIGHT,), start="22:00 UTC"))
    assert read.start_at == night.start_at > office.clock.now()
    assert press(office, BOB, asked) == {READ: State.APPROVED, NIGHT: State.APPROVED}
    assert office.queue.grants == []
    office.rules(('[{from: ["slack:S0ONCALL1", U02BOB000]}]', '[{from: ["slack:S0ONCALL1"]}]'))
    office.clock.time = read.start_at
    found = [begun(office, each) for each in asked]
    assert found == [Outcome.HOLDS, Outcome.INVALID]
    office.use_cases.withdraw(actor(ALICE), night.id)
    assert office.request(read.id).state is State.APPROVED


def test_a_start_too_far_ahead_refuses_all_at_its_field(office):
    refusal = office.refused(RefusalReason.BAD_INPUT, lambda: ask(office, replace(ALL, start="2026-12-24 20:00")))
    assert refusal.problems == {START: "At most 7 days ahead."}


def test_giving_less_of_one_leaves_the_others_as_asked_and_the_press_for_all_shows_it_first(office):
    office.rules(("grants: [orders_admin]", "grants: [orders_admin, orders_more]"))
    read, admin, night = asked = ask(office)
    less = LessForm("10m", ("orders_admin",), "")
    narrowed = office.use_cases.narrow(actor(SAM), admin.id, admin.digest, less).request
    assert (narrowed.state, narrowed.asked.permissions) == (State.PENDING, admin.permissions)
    assert press(office, BOB, asked) == {
        READ: State.APPROVED,
        ADMIN: RefusalReason.CARD_CHANGED,
        NIGHT: State.APPROVED,
    }
    assert [office.request(each.id).duration for each in asked] == [read.duration, narrowed.duration, night.duration]
    assert asked_together(office.request(read.id), office.ledger.request)[1].id == admin.id
    assert press(office, BOB, [office.request(each.id) for each in asked])[ADMIN] is State.APPROVED


def test_more_time_with_one_is_decided_for_that_alone(office):
    office.rules(("    grants: [orders_read]\n", "    grants: [orders_read]\n    extend: {each: 1h, ceiling: 10h}\n"))
    read, night = asked = ask(office, replace(ALL, also=(NIGHT,)))
    press(office, BOB, asked)
    for each in asked:
        office.give(each)
    ends = [office.request(each.id).ends_at for each in asked]
    longer = extend(office.core, by=actor(ALICE), request_id=read.id, duration="30m", reason="two orders left")
    assert asked_together(longer, office.ledger.request)[1].id == night.id
    assert office.approve(longer.undecided, BOB).extension.state is State.APPROVED
    assert [office.request(each.id).ends_at for each in asked] == ends, "the target is not told yet"
    assert office.request(night.id).extension is None


def forged(office, request, **lie):
    """A request that says of others what they do not."""
    about = {name: getattr(request, name) for name in Requested.model_fields if hasattr(request, name)}
    about |= {"at": request.asked_at, "actor": request.requester, "source": Source.SLACK, "request_id": "R-F9RG"}
    fact = Requested(**(about | {"id": uuid4(), "access": LONE} | lie))
    office.ledger.append([fact], expect={"R-F9RG": 0})
    return office.request("R-F9RG")


@pytest.mark.parametrize("requester", [ALICE, EVE])
def test_who_names_requests_that_do_not_name_it_gains_nothing(office, requester):
    read, admin = asked = ask(office, replace(ALL, also=(ADMIN,)))
    lie = forged(office, read, together=(read.id, admin.id, "R-F9RG"), requester=requester)
    assert asked_together(lie, office.ledger.request) == (lie,)
    assert asked_together(read, office.ledger.request) == asked
    press(office, BOB, asked)
    assert office.request(lie.id).state is State.PENDING


FOLDERS = count()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(presses=st.lists(st.sampled_from([ALICE, BOB, CAROL, EVE, SAM]), max_size=5))
def test_presses_for_all_decide_what_the_same_presses_one_by_one_would(tmp_path: Path, presses):
    outcomes = []
    for together in (True, False):
        folder = tmp_path / str(next(FOLDERS))
        folder.mkdir()
        office = Office(folder, rules=RULES)
        asked = ask(office)
        for by in presses:
            for some in [asked] if together else [[each] for each in asked]:
                press(office, by, some)
        outcomes.append(
            [(each.access, now.state, now.approvers) for each in asked for now in [office.request(each.id)]]
        )
    assert outcomes[0] == outcomes[1]
