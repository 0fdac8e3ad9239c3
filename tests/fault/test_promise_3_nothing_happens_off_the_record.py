"""Nothing happens off the record: intent is durable before an effect, outcome after it; who presses in vain is
recorded; and while nothing can be recorded, nothing is given (see also test_ledger_faults.py, test_spool_faults.py).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.buttons import RELEASE, REVOKE, value_of
from jit.facts import Ended, Granted, GrantIntent, RefusalReason, Refused, RevokeIntent, Source
from jit.requests.lifecycle import State
from playground.person import Person, Shown
from playground.sample import ALICE, BOB, BOT, CAROL, EVE, MALLORY, REQUESTS, account
from tests.world.outsiders import STRANGER, let_in, stranger
from tests.world.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

LEAVER = "U08LEAVER0"


@pytest.fixture
def outsiders(it: Product) -> None:
    """Somebody of another workspace in our channel, and somebody whose account was closed."""
    let_in(it.stage.stage.slack.world, stranger(), account(LEAVER, "Leaver", deleted=True))


def test_intent_is_recorded_before_the_effect_and_the_outcome_after_it(it: Product) -> None:
    alice = it.stage.alice
    request, _ = it.begun("before-intent")
    assert not it.facts(GrantIntent, request)
    it.pause("before-effect")
    it.go_on("before-intent")
    it.paused()
    assert it.facts(GrantIntent, request)
    assert not it.gives(request)
    it.pause("after-effect")
    it.go_on("before-effect")
    it.paused()
    assert it.gives(request)
    assert not it.facts(Granted, request)
    it.go_on("after-effect")
    it.reaches(request, State.ACTIVE)

    it.pause("before-revoke")
    alice.press(it.card(alice, request, "End access"), "End access")
    it.paused()
    assert it.facts(RevokeIntent, request)
    assert it.gives(request)
    it.pause("after-revoke")
    it.go_on("before-revoke")
    it.paused()
    it.until(lambda: not it.gives(request))
    assert not it.facts(Ended, request)
    it.go_on("after-revoke")
    it.reaches(request, State.ENDED)


def test_what_cannot_be_recorded_is_not_given_and_what_is_due_ends(it: Product) -> None:
    due = it.granted(it.stage.alice, "orders-db/write 30m INC-5 mend an order")
    asked, _ = it.begun("before-intent")
    with it.unwritable():
        it.go_on("before-intent")
        it.until(lambda: it.log_lines("grant.put_off", request_id=asked.id))
        assert not it.gives(asked)
        it.pass_time(due.duration)
        it.until(lambda: not it.gives(due))

    it.reaches(due, State.ENDED)
    it.until(lambda: any(fact.spooled for fact in it.facts(RevokeIntent, due)))
    # One process took it. It may say so twice: of the way begun when the ledger was not yet silent, and of the other.
    it.until(lambda: len({fact.actor for fact in it.facts(Ended, due) if fact.existed}) == 1)
    it.reaches(asked, State.LAPSED)
    assert not it.facts(GrantIntent, asked)


MALFORMED_VALUES: tuple[Any, ...] = (
    "",
    "R-7F3K",
    "R-7F3K " + "0" * 63,
    "R-7F3K'; DROP TABLE entries; --",
    None,
    {"a": 1},
    7,
)


def presses_in_vain(it: Product) -> Iterator[tuple[str, Shown, dict[str, Any], str, RefusalReason]]:
    """Every kind of press that comes to nothing: who, on which card, what is sent, as what, and why not."""
    pending = it.ask(it.stage.alice, "orders-db/read 30m INC-2 stuck orders")
    active = it.granted(it.stage.alice, "orders-db/write 30m INC-2 mend an order")
    asked, given = it.card(it.stage.bob, pending, "Approve"), it.card(it.stage.bob, active, "End access")
    approve, withdraw = asked.action("Approve"), asked.action("Withdraw")
    end = given.action("End access")
    release, revoke = end | {"action_id": RELEASE}, end | {"action_id": REVOKE}

    yield EVE, asked, approve, "approve", RefusalReason.NOT_ALLOWED_TO_DECIDE
    yield ALICE, asked, approve, "approve", RefusalReason.OWN_REQUEST
    for action, attempted in ((approve, "approve"), (withdraw, "withdraw"), (release, "release"), (revoke, "revoke")):
        card = asked if action in (approve, withdraw) else given
        yield MALLORY, card, action, attempted, RefusalReason.BAD_STANDING
        yield LEAVER, card, action, attempted, RefusalReason.BAD_STANDING
        yield BOT, card, action, attempted, RefusalReason.BAD_STANDING
        yield STRANGER, card, action, attempted, RefusalReason.WRONG_WORKSPACE
        for value in MALFORMED_VALUES:
            yield BOB, card, action | {"value": value}, attempted, RefusalReason.MALFORMED
        yield (
            BOB,
            card,
            action | {"value": value_of("R-2222", pending.digest)},
            attempted,
            RefusalReason.UNKNOWN_REQUEST,
        )
    yield STRANGER, asked, asked.action("Deny"), "deny", RefusalReason.WRONG_WORKSPACE
    yield BOB, asked, asked.action("Deny") | {"value": "no"}, "deny", RefusalReason.MALFORMED
    yield BOB, asked, approve | {"value": value_of(pending.id, "0" * 64)}, "approve", RefusalReason.CARD_CHANGED
    yield BOB, asked, approve | {"value": value_of(pending.id, active.digest)}, "approve", RefusalReason.CARD_CHANGED
    yield BOB, asked, approve | {"action_id": "jit.grant"}, "press", RefusalReason.MALFORMED
    yield BOB, asked, approve | {"value": value_of(active.id, active.digest)}, "approve", RefusalReason.NOT_POSSIBLE_NOW
    yield BOB, asked, withdraw, "withdraw", RefusalReason.NOT_YOURS
    yield CAROL, given, release, "release", RefusalReason.NOT_YOURS
    yield EVE, given, revoke, "revoke", RefusalReason.NOT_ALLOWED_TO_END
    yield EVE, given, end, "revoke", RefusalReason.NOT_ALLOWED_TO_END
    yield MALLORY, given, end, "revoke", RefusalReason.BAD_STANDING
    yield BOB, given, end | {"value": "no"}, "end", RefusalReason.MALFORMED
    yield ALICE, given, revoke, "revoke", RefusalReason.NOT_ALLOWED_TO_END
    yield (
        CAROL,
        given,
        revoke | {"value": value_of(pending.id, pending.digest)},
        "revoke",
        RefusalReason.NOT_POSSIBLE_NOW,
    )


@pytest.mark.usefixtures("outsiders")
def test_every_press_in_vain_is_recorded_with_who_and_why(it: Product) -> None:
    before = len(it.facts(Refused))
    expected = []
    for who, card, action, attempted, reason in presses_in_vain(it):
        person = Person(it.stage.stage, who)
        it.told(person, lambda: person.press_raw(card, action))  # noqa: B023  called at once
        expected.append((who, attempted, reason))
    recorded = it.facts(Refused)[before:]
    assert [(fact.actor, fact.attempted, fact.reason) for fact in recorded] == expected
    assert all(fact.source is Source.SLACK for fact in recorded)
    assert {request.state for request in it.stage.live()} == {State.PENDING, State.ACTIVE}


@pytest.mark.usefixtures("outsiders")
def test_refused_command_and_form_are_recorded(it: Product) -> None:
    request = it.ask(it.stage.alice, "orders-db/read 30m INC-3 stuck orders")
    before = len(it.facts(Refused))
    eve, stranger, mallory = (Person(it.stage.stage, who) for who in (EVE, STRANGER, MALLORY))
    for person, words in (
        (eve, f"release {request.id}"),
        (eve, f"revoke {request.id} because"),
        (eve, f"show {request.id}"),
        (stranger, "list"),
        (mallory, "list"),
    ):
        it.told(person, lambda: person.command("/jit", words, channel=REQUESTS))  # noqa: B023  called at once
    it.told(eve, lambda: eve.press(it.card(eve, request, "Deny"), "Deny"))
    assert [(fact.actor, fact.attempted, fact.reason) for fact in it.facts(Refused)[before:]] == [
        (EVE, "release", RefusalReason.NOT_YOURS),
        (EVE, "revoke", RefusalReason.NOT_ALLOWED_TO_END),
        (EVE, "show", RefusalReason.UNKNOWN_REQUEST),
        (STRANGER, "list", RefusalReason.WRONG_WORKSPACE),
        (MALLORY, "list", RefusalReason.BAD_STANDING),
        (EVE, "deny", RefusalReason.NOT_ALLOWED_TO_DECIDE),
    ]
