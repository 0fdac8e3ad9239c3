"""More time, asked for and decided in Slack: what people press and type, and what they are told."""

import pytest

from bot.views import dm
from jit.facts import RefusalReason
from jit.requests.lifecycle import Request, State
from playground.person import Shown
from playground.sample import ALICE, BOB, CAROL, EVE
from tests.world.played_office import PlayedOffice, by

pytestmark = pytest.mark.scenario

WHY = "still at it: two orders left"


def active(office: PlayedOffice, access: str = "orders-db/write") -> Request:
    request = office.ask(access=access)
    office.use_cases.approve(by(BOB), request.id, request.digest)
    office.queue.grants.clear()
    return office.make_active(request)


def warned(office: PlayedOffice, request: Request) -> Shown:
    """The direct message before its end, as the follower sends it."""
    assert request.ends_at is not None
    drawn = dm.ends_soon(request, request.ends_at, office.clock.now(), extend=True)
    channel = office.client.conversations_open(users=ALICE)["channel"]["id"]
    posted = office.client.chat_postMessage(channel=channel, text=drawn.text, blocks=drawn.blocks)
    return next(shown for shown in office.person(ALICE).sees(channel) if shown.ts == posted["ts"])


def told_directly(office: PlayedOffice, text: str) -> str:
    """A form has no channel, so its answer comes as a direct message."""
    channel = office.client.conversations_open(users=ALICE)["channel"]["id"]
    seen = office.wait(lambda: [each for each in office.person(ALICE).sees(channel) if text in each.text])
    return str(seen[-1].text)


def test_extend_in_the_warning_asks_in_a_form_and_is_decided_on_the_card(office: PlayedOffice) -> None:
    request = active(office)
    assert office.person(ALICE).press(warned(office, request), "Extend").ok
    form = office.person(ALICE).form()
    assert "At most 1 h more" in str(form.view)
    form.fill({"Duration": "30m", "Reason": WHY})
    assert form.submit().ok
    says = told_directly(office, "Asked for 30 min more")
    assert says == f"Asked for 30 min more. {request.id} waits for 1 of @dba; it goes on until its end meanwhile."
    shown = office.card(request)
    assert WHY in shown.text
    assert office.person(EVE).press(shown, "Approve").ok
    office.told(EVE, "not among those who decide")
    assert office.person(ALICE).press(shown, "Approve").ok
    office.told(ALICE, "You asked for this yourself")
    assert office.person(BOB).press(shown, "Approve").ok
    assert "is to be extended by 30 min" in office.told(BOB, "Approved.")
    assert office.queue.grants == [request.id]
    assert office.person(CAROL).press(shown, "Approve").ok
    office.told(CAROL, "This was approved already.")


def test_slips_are_mended_in_the_form(office: PlayedOffice) -> None:
    request = active(office)
    office.person(ALICE).press(warned(office, request), "Extend")
    form = office.person(ALICE).form()
    form.fill({"Duration": "soon", "Reason": WHY})
    assert "Write a duration" in str(form.submit().errors)
    form.fill({"Duration": "30m", "Reason": "asdf"})
    assert "Say why" in str(form.submit().errors)
    form.fill({"Duration": "90m", "Reason": WHY})
    assert form.submit().ok
    told_directly(office, "Between 1 min and 1 h more at a time.")
    assert office.request(request.id).extension is None


def test_typed_with_or_without_an_id_and_what_is_missing_is_asked_for(office: PlayedOffice) -> None:
    request = active(office)
    assert office.jit(ALICE, "extend").ok
    form = office.person(ALICE).form()
    assert form.value("Duration") == "1h"
    assert office.jit(ALICE, f"extend {request.id} 20 min {WHY}").ok
    office.told(ALICE, "Asked for 20 min more")
    assert office.request(request.id).undecided.why == WHY
    office.jit(ALICE, f"extend 20m {WHY}")
    office.told(ALICE, "More time was asked for already")


def test_words_in_another_order_ask_for_no_more_than_they_say_and_for_no_other_access(office: PlayedOffice) -> None:
    request = active(office)
    for unclear in ("it takes 10m a table", "10m .", "20m"):
        assert office.jit(ALICE, f"extend {unclear}").ok
        form = office.person(ALICE).form()
        assert form.value("Reason") in (None, ".", unclear)
        form.close()
    office.jit(ALICE, f"extend orders-db/read 20m {WHY}")
    said = office.told(ALICE, "That is none that you hold. You hold:")
    assert "*orders-db/write*" in said
    assert f"What you typed: `orders-db/read 20m {WHY}`" in said
    office.jit(ALICE, "extend 20m password=hunter2hunter2")
    assert "hunter2" not in office.told(ALICE, "was not extended")
    office.jit(ALICE, "extend 22ab 20m why")
    office.told(ALICE, "There is no such request.")
    office.jit(ALICE, "extend 1.5h still")
    office.told(ALICE, "“1.5h” was not used as a duration.")
    assert office.request(request.id).extension is None
    office.jit(ALICE, f"extend {WHY} for 20m orders-db/write")
    office.told(ALICE, "Asked for 20 min more")
    assert office.request(request.id).undecided.why == WHY


def test_what_cannot_be_extended_is_said_before_a_form_is_filled_in(office: PlayedOffice) -> None:
    office.jit(ALICE, "extend")
    office.told(ALICE, "You hold no access now.")
    request = active(office, "orders-db/read")
    office.jit(ALICE, f"extend {request.id}")
    office.told(ALICE, "The rules let nobody extend this access")
    active(office)
    office.jit(ALICE, "extend")
    assert "orders-db/write" in office.told(ALICE, "Which one?")
    assert office.refusals() == [(ALICE, "extend", RefusalReason.NO_EXTENSION)]


def test_denied_with_a_reason_leaves_the_access_until_its_end(office: PlayedOffice) -> None:
    request = active(office)
    office.jit(ALICE, f"extend {request.id} 20m {WHY}")
    office.told(ALICE, "Asked for 20 min more")
    shown = office.card(request)
    assert office.person(BOB).press(shown, "Deny").ok
    form = office.person(BOB).form()
    form.fill({"Reason": "."})
    assert "Say why" in str(form.submit().errors)
    form.fill({"Reason": "it can wait"})
    assert form.submit().ok
    assert "The access goes on until its end." in office.told(BOB, "Denied.")
    after = office.request(request.id)
    assert (after.state, after.ends_at, after.extension) == (State.ACTIVE, request.ends_at, None)
    assert office.person(BOB).press(shown, "Approve").ok
    office.told(BOB, "does not belong to what the card shows now")


def test_withdrawn_on_the_card_by_whoever_asked_alone_and_the_access_goes_on(office: PlayedOffice) -> None:
    request = active(office)
    office.jit(ALICE, f"extend {request.id} 20 min {WHY}")
    office.told(ALICE, "Asked for 20 min more")
    shown, warning = office.card(request), warned(office, office.request(request.id))
    assert "[Withdraw extension] [Release]" in warning.text
    office.person(BOB).press(shown, "Withdraw extension")
    office.wait(lambda: office.refusals() == [(BOB, "withdraw", RefusalReason.NOT_YOURS)])
    assert office.person(ALICE).press(shown, "Withdraw extension").ok
    office.told(ALICE, "Withdrawn: no more time is asked for.")
    assert office.request(request.id).extension is None
    office.person(BOB).press(shown, "Approve")
    office.wait(lambda: office.refusals()[1:] == [(BOB, "approve", RefusalReason.CARD_CHANGED)])
    assert office.request(request.id).state is State.ACTIVE
