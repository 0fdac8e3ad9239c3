"""Promise 1: no access without a decision. Whoever tries here holds the queue, the read model, a button, the rules, or
the ledger itself.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.buttons import APPROVE, value_of
from jit.facts import BEGIN_WITHIN, Approval, Approved, Counted, Granted, GrantIntent, RefusalReason, Refused, Source
from jit.ledger.database import writing
from jit.ledger.schema import requests
from jit.policy.files.folder import LOOK_EVERY
from jit.requests.due import GRANT_NUDGE
from jit.requests.lifecycle import Request, State
from jit.runtime.queue import RqQueue
from playground.sample import ALICE, BOB, CAROL
from tests.world.exhaustive import distinct
from tests.world.product import READ, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

WRITE = "orders-db/write 30m INC-42 set order 4711 free"
REPORT = "orders-db/report 30m INC-42 count what is stuck"
ANALYSTS = "S0DBA0001"
"""The group in Slack that approves reports."""


def forge(it: Product, request_id: str) -> None:
    """Order a grant as somebody does who can write to Redis, and see that it was taken."""
    it.until(it.workers_are_idle)
    RqQueue(it.stage.valkey.url).grant(request_id)
    it.until(it.workers_are_idle)


def nothing_given(it: Product, request: Request) -> bool:
    return not it.gives(request) and not it.facts(GrantIntent, request) and not it.facts(Granted, request)


def approved_while_workers_are_down(it: Product, words: str = READ) -> Request:
    request = it.ask(it.stage.alice, words)
    it.kill("worker-1", "worker-2")
    it.approve(it.stage.bob, request)
    return it.reaches(request, State.APPROVED)


def lapses(it: Product, request: Request, because: str) -> None:
    """A worker, back at work, refuses by itself what it is ordered to give."""
    it.start("worker-1", "worker-2")
    assert it.reaches(request, State.LAPSED).closed_because == because
    assert nothing_given(it, request)


class TestForgedOrder:
    def test_of_a_pending_request(self, it: Product):
        request = it.ask(it.stage.alice, READ)
        forge(it, request.id)

        assert it.kinds(request) == ["requested"]
        assert nothing_given(it, request)

    def test_of_a_denied_request(self, it: Product):
        request = it.ask(it.stage.alice, READ)
        it.stage.bob.press(it.card(it.stage.bob, request, "Deny"), "Deny")
        it.stage.bob.form().fill(Reason="not now").submit()
        it.reaches(request, State.DENIED)
        forge(it, request.id)

        assert it.now(request).state is State.DENIED
        assert nothing_given(it, request)

    def test_of_a_lapsed_request(self, it: Product):
        request = it.ask(it.stage.alice, READ)
        it.pass_time(request.pending_until - it.clock.now())
        it.reaches(request, State.LAPSED)
        forge(it, request.id)

        assert it.now(request).state is State.LAPSED
        assert nothing_given(it, request)

    def test_of_a_request_that_never_was(self, it: Product):
        before = it.stage.ledger.last_index()
        forge(it, "R-2222")

        assert it.stage.ledger.last_index() == before

    def test_of_an_active_and_of_an_ended_request_gives_nothing_again(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        forge(it, request.id)
        assert len(it.facts(Granted, request)) == 1
        it.expire(request)
        forge(it, request.id)

        assert it.now(request).state is State.ENDED
        assert not it.gives(request)
        assert len(it.facts(Granted, request)) == 1


def test_a_read_model_that_says_approved(it: Product):
    request = it.ask(it.stage.alice, READ)
    with writing(it.stage.ledger.engine) as connection:
        says = {"state": State.APPROVED, "wakes_at": it.clock.now()}
        connection.execute(update(requests).where(requests.c.id == request.id).values(says))
    forge(it, request.id)

    assert it.now(request).state is State.PENDING
    assert nothing_given(it, request)


FORGERIES: dict[str, dict[str, Any]] = {
    "counts nobody": {"approvers": ()},
    "counts the requester": {"approvers": (ALICE,)},
    "counts no dba": {"approvers": ("U04EVE000",)},
    "of what a card never showed": {"digest": "0" * 64},
    "counts what is not there": {"given": False},
}


def forge_decision(
    it: Product, request: Request, *, approvers: tuple[str, ...] = (BOB,), digest: str = "", given: bool = True
) -> None:
    """As somebody does who may append to the ledger."""
    common = {"at": it.clock.now(), "actor": BOB, "source": Source.SLACK, "digest": digest or request.digest}
    said = [
        Approval.about(request, approver=who, quorums=("dba",), groups_as_of=it.clock.now(), **common)
        for who in approvers
    ]
    counted = tuple(Counted(approval=yes.id, approver=yes.approver, quorum="dba") for yes in said)
    decision = Approved.about(request, counted=counted, begin_by=it.clock.now() + BEGIN_WITHIN, **common)
    it.stage.ledger.append([*(said if given else []), decision], expect={request.id: request.version})
    it.pass_time(GRANT_NUDGE)


def test_a_forged_decision_gives_nothing(it: Product):
    """It is in the ledger, but was pressed by nobody who counts, or for something else."""
    for why, forgery in FORGERIES.items():
        request = it.ask(it.stage.alice, READ)
        forge_decision(it, request, **forgery)
        assert it.reaches(request, State.LAPSED, State.ACTIVE).closed_because == "no_longer_approved", why
        assert nothing_given(it, request), why


EDITS = {
    "gives something else": ("grants: [orders_read]", "grants: [orders_admin]"),
    "means somebody else": ("{postgres: alice}", "{postgres: alicia}"),
    "may last less long": ("max_duration: 8h", "max_duration: 10m"),
    "is gone": ("orders-db/read:", "orders-db/look:"),
}


class TestBetweenDecisionAndEffect:
    def test_the_approver_left_the_group(self, it: Product):
        request = approved_while_workers_are_down(it, REPORT)
        it.stage.stage.set_members(ANALYSTS, [CAROL])
        try:
            it.until(lambda: BOB not in it.groups().members[ANALYSTS])
            lapses(it, request, "no_longer_approved")
        finally:
            it.stage.stage.set_members(ANALYSTS, [BOB, CAROL])
            it.until(lambda: BOB in it.groups().members[ANALYSTS])

    @pytest.mark.parametrize("timekeeper_too", [False, True], ids=["", "and the timekeeper is down"])
    def test_a_quarter_of_an_hour_went_by(self, it: Product, timekeeper_too: bool):
        request = approved_while_workers_are_down(it)
        if timekeeper_too:
            it.kill("timekeeper")
        it.pass_time(BEGIN_WITHIN)
        lapses(it, request, "not_begun")

    @pytest.mark.parametrize("edit", distinct(EDITS, ["gives something else"], "edits between decision and effect"))
    def test_the_rules_were_edited(self, it: Product, policies: Path, edit: str):
        request = approved_while_workers_are_down(it)
        file = policies / "orders.policy.yml"
        rules = file.read_text()
        edited = rules.replace(*EDITS[edit])
        assert edited != rules
        try:
            file.write_text(edited)
            lapses(it, request, "rules_changed")
            assert not it.holds("alice", "orders_admin")
        finally:
            file.write_text(rules)
            it.pass_time(LOOK_EVERY)  # else the next request is made by the edited rules, and decided by these

    def test_who_is_in_a_group_is_not_known_any_more(self, it: Product):
        request = approved_while_workers_are_down(it)
        it.kill("bot-1")
        it.pass_time(timedelta(seconds=31))
        it.start("worker-1", "worker-2")
        it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, because=RefusalReason.STALE_GROUPS.value))
        assert it.now(request).state is State.APPROVED
        assert nothing_given(it, request)

        it.start("bot-1")
        it.until(it.groups_are_fresh)
        it.pass_time(GRANT_NUDGE)

        it.reaches(request, State.ACTIVE)
        it.expire(request)


def test_a_button_with_the_digest_of_another_request(it: Product):
    alice, bob = it.stage.alice, it.stage.bob
    read, write = it.ask(alice, READ), it.ask(alice, WRITE)
    card = it.card(bob, read, "Approve")
    swapped = card.action("Approve") | {"value": value_of(write.id, read.digest)}
    assert swapped["action_id"] == APPROVE

    assert write.id in it.told(bob, lambda: bob.press_raw(card, swapped))

    (refused,) = it.facts(Refused, write)
    assert refused.reason is RefusalReason.CARD_CHANGED
    assert it.now(write).state is State.PENDING
    assert nothing_given(it, write)
