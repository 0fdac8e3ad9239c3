"""Members of the workspace, and who edits its groups or the rules: none gets, keeps or blocks access by that."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.followers.follower import Tools
from bot.followers.leavers import LOOK_EVERY, Leavers
from jit.facts import RefusalReason
from jit.ledger import Notes
from jit.requests.decision import before_effect
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request, State
from jit.requests.refusal import Refusal
from jit.requests.shares import REFUSED_AT_MOST, WITHDRAWN_AT_MOST
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import ENGINEERS, ON_CALL, SAM
from tests.world.office import ADMIN, NIGHT, READ, WHY, Office, actor
from tests.world.raised import raised

BY_GROUP = ('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: ["slack:S0ENGIN01"]')
EVE_TOO = ("U01ALICE0: {fake: alice}", "U01ALICE0: {fake: alice}\n  U04EVE000: {fake: eve}")
OTHER_GRANTS = ("grants: [orders_read]\n    max_duration: 8h", "grants: [orders_all]\n    max_duration: 8h")


class Company(Office):
    """The desk, and who looks for those that leave."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        notes = Notes(self.engine, Leavers.name)
        tools = Tools(ledger=self.ledger, notes=notes, policies=self.policies, clock=self.clock)
        self.leavers = Leavers(tools, self.directory, self.queue)
        self.leavers.begin()

    def passes(self, seconds: float = 60) -> None:
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            self.leavers.step()
            self.clock.move(seconds=LOOK_EVERY)

    def held(self) -> Request:
        """By Alice, who may ask by a Slack group alone."""
        self.rules(BY_GROUP)
        request = self.approved()
        self.give(request)
        return self.request(request.id)

    def why_not(self, attempt: Callable[[], Any]) -> RefusalReason | None:
        refusal = raised(Refusal, attempt)
        return refusal.reason if refusal else None

    def state(self, request: Request) -> State:
        return self.request(request.id).state


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path)
    yield made
    made.engine.dispose()


def closed_by_a_change_and_approved_by_its_old_card_once_the_rules_are_back(company: Company) -> None:
    request = company.asked()
    company.rules(OTHER_GRANTS)
    company.passes()
    company.rules()
    assert company.why_not(partial(company.approve, request, BOB)) is RefusalReason.NOT_POSSIBLE_NOW
    assert company.state(company.approved()) is State.APPROVED


def asked_again_to_close_what_somebody_else_waits_for(company: Company) -> None:
    company.rules(EVE_TOO)
    eves = company.use_cases.request(actor(EVE), RequestForm(READ, "30m", WHY))
    company.asked()
    company.rules(EVE_TOO, OTHER_GRANTS)
    company.asked()
    assert company.state(eves) is State.PENDING


def deactivated_and_back_with_the_old_card(company: Company) -> None:
    request = company.asked()
    company.directory.change(ALICE, deleted=True)
    company.passes()
    company.directory.change(ALICE, deleted=False)
    assert company.why_not(partial(company.approve, request, BOB)) is RefusalReason.NOT_POSSIBLE_NOW


def approved_by_somebody_who_is_gone_at_the_second_press_and_back_after_it(company: Company) -> None:
    request = company.asked(ADMIN)
    company.approve(request, BOB)
    company.directory.change(BOB, deleted=True)
    company.approve(request, SAM)
    company.directory.change(BOB, deleted=False)
    assert company.state(request) is State.PENDING
    assert company.approve(request, CAROL).state is State.APPROVED


def in_the_deciding_group_for_a_moment_to_decide_on_their_own(company: Company) -> None:
    request = company.asked(NIGHT)
    company.directory.members[ON_CALL] = frozenset({ALICE, EVE})
    assert company.why_not(partial(company.approve, request, ALICE)) is RefusalReason.OWN_REQUEST


def in_the_deciding_group_until_the_press_and_out_before_the_effect(company: Company) -> None:
    request = company.asked(NIGHT)
    company.directory.members[ON_CALL] = frozenset({EVE})
    company.approve(request, EVE)
    company.directory.members[ON_CALL] = frozenset({SAM})
    assert no_longer_counts(company, request) is RefusalReason.QUORUM_GONE


def the_deciding_group_emptied_to_have_what_waits_closed(company: Company) -> None:
    request = company.asked(NIGHT)
    company.directory.members = {}
    company.passes()
    company.directory.members = {ON_CALL: frozenset({SAM})}
    assert company.approve(request, SAM).state is State.APPROVED


def the_asking_group_emptied_filled_and_emptied(company: Company) -> None:
    request = company.held()
    for members in (frozenset[str](), frozenset({ALICE, EVE}), frozenset[str]()):
        company.directory.members[ENGINEERS] = members
        company.passes(20)
    assert company.state(request) is State.ACTIVE


def out_of_the_group_and_in_it_again_before_anybody_looked_twice(company: Company) -> None:
    request = company.held()
    for members in (frozenset({EVE}), frozenset({ALICE, EVE})) * 5:
        company.directory.members[ENGINEERS] = members
        company.leavers.step()
        company.clock.move(seconds=LOOK_EVERY)
    assert company.state(request) is State.ACTIVE


def kept_by_a_second_group_that_denies(company: Company) -> None:
    """That it is empty says that nobody is denied, not that it cannot be told."""
    request = company.held()
    company.rules(BY_GROUP, ("    request: [", '    deny: ["slack:S0BARRED1"]\n    request: ['))
    company.directory.members[ENGINEERS] = frozenset({EVE})
    company.passes()
    assert company.state(request) is State.ENDING


def left_while_it_is_being_given(company: Company) -> None:
    request = company.approved()
    company.story(request.id).intent()
    company.directory.change(ALICE, deleted=True)
    company.passes()
    assert company.state(request) is State.ENDING


def refused_until_their_share_is_used_up_and_then_really_needed(company: Company) -> None:
    request = company.asked(ADMIN)
    for _ in range(REFUSED_AT_MOST + 5):
        assert company.why_not(partial(company.approve, request, CAROL, "0" * 64)) is RefusalReason.CARD_CHANGED
    assert CAROL in company.approve(request, CAROL).approvers


def asked_too_often_by_one_who_holds_something(company: Company) -> None:
    held = company.held()
    for _ in range(WITHDRAWN_AT_MOST):
        company.use_cases.withdraw(actor(ALICE), company.asked(ADMIN).id)
    assert company.why_not(partial(company.asked, ADMIN)) is RefusalReason.TOO_MANY
    company.use_cases.release(actor(ALICE), held.id)
    assert company.state(held) is State.ENDING


def more_asked_for_on_the_same_card_by_an_edit_of_the_rules(company: Company) -> None:
    request = company.asked()
    company.rules(OTHER_GRANTS)
    assert company.why_not(partial(company.approve, request, BOB)) is RefusalReason.RULES_CHANGED


def the_login_of_somebody_else_by_an_edit_of_the_rules(company: Company) -> None:
    request = company.asked()
    company.rules(("{fake: alice}", "{fake: root}"))
    assert company.why_not(partial(company.approve, request, BOB)) is RefusalReason.RULES_CHANGED
    assert (
        company.why_not(partial(company.use_cases.revoke, actor(EVE), request.id, "x"))
        is RefusalReason.NOT_ALLOWED_TO_END
    )


def denying(who: str) -> tuple[str, str]:
    """An edit of the rules."""
    return '    request: [U01ALICE0, "slack', f'    deny: [{who}]\n    request: [U01ALICE0, "slack'


def no_longer_counts(company: Company, request: Request) -> RefusalReason | None:
    """Before the effect, as a worker asks."""
    now = company.clock.now()
    return before_effect(company.request(request.id), company.policies, company.directory, now).reason


def deactivated_between_the_press_and_the_effect(company: Company) -> None:
    request = company.approved()
    company.directory.change(BOB, deleted=True)
    assert no_longer_counts(company, request) is RefusalReason.QUORUM_GONE


def denied_between_the_press_and_the_effect(company: Company) -> None:
    request = company.approved()
    company.rules(denying("U01ALICE0"))
    assert no_longer_counts(company, request) is RefusalReason.NOT_ALLOWED_TO_ASK


def let_by_name_and_denied_by_a_group_in_a_group(company: Company) -> None:
    company.rules(("groups:", "groups:\n  out: [group:inner]\n  inner: [U01ALICE0]"), denying('"group:out"'))
    assert company.why_not(company.asked) is RefusalReason.NOT_ALLOWED_TO_ASK


def a_second_file_that_contradicts_the_first(company: Company) -> None:
    """The rules of before stay in force, and what is held can be ended."""
    held = company.held()
    waits = company.asked(ADMIN)
    company.policy_file.with_name("b.policy.yml").write_text("security: [U06MALLO]\n")
    company.clock.move(seconds=1)
    assert company.why_not(partial(company.approve, waits, "U06MALLO")) is not None
    assert company.state(waits) is State.PENDING
    assert company.why_not(partial(company.approve, waits, CAROL)) is None
    company.use_cases.revoke(actor(CAROL), held.id, "enough")
    assert company.state(held) is State.ENDING


def asked_for_by_a_name_that_only_looks_alike(company: Company) -> None:
    for name in (f"{READ}\u200b", READ.replace("o", "\u043e"), READ.upper(), f"{READ}/", f"../{READ}"):
        attempt = partial(company.use_cases.request, actor(ALICE), RequestForm(name, "30m", WHY))
        assert company.why_not(attempt) is RefusalReason.NOT_ALLOWED_TO_ASK, name


def kept_by_cutting_the_group_to_oneself_and_one_who_is_out(company: Company) -> None:
    """A group that loses one of two is not suspected, so nobody keeps anything by taking others out."""
    request = company.held()
    company.directory.members[ENGINEERS] = frozenset({EVE})
    company.passes()
    assert company.state(request) is State.ENDING


ATTACKS = (
    deactivated_between_the_press_and_the_effect,
    denied_between_the_press_and_the_effect,
    let_by_name_and_denied_by_a_group_in_a_group,
    a_second_file_that_contradicts_the_first,
    asked_for_by_a_name_that_only_looks_alike,
    kept_by_cutting_the_group_to_oneself_and_one_who_is_out,
    closed_by_a_change_and_approved_by_its_old_card_once_the_rules_are_back,
    asked_again_to_close_what_somebody_else_waits_for,
    deactivated_and_back_with_the_old_card,
    approved_by_somebody_who_is_gone_at_the_second_press_and_back_after_it,
    in_the_deciding_group_for_a_moment_to_decide_on_their_own,
    in_the_deciding_group_until_the_press_and_out_before_the_effect,
    the_deciding_group_emptied_to_have_what_waits_closed,
    the_asking_group_emptied_filled_and_emptied,
    out_of_the_group_and_in_it_again_before_anybody_looked_twice,
    kept_by_a_second_group_that_denies,
    left_while_it_is_being_given,
    refused_until_their_share_is_used_up_and_then_really_needed,
    asked_too_often_by_one_who_holds_something,
    more_asked_for_on_the_same_card_by_an_edit_of_the_rules,
    the_login_of_somebody_else_by_an_edit_of_the_rules,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.replace("_", " "))
def test_gains_nothing(company: Company, attack: Callable[[Company], None]) -> None:
    attack(company)
