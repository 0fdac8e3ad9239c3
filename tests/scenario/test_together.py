"""Several accesses asked for in one go, through the playground and a real Bolt app: one form, one card, one press."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.views import together
from jit.facts import RefusalReason
from jit.requests.lifecycle import Request, State
from jit.requests.together import asked_together
from playground.person import Shown
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from tests.scenario.following import Following
from tests.world.played_office import PlayedOffice

pytestmark = pytest.mark.scenario

READ, WRITE, ADMIN = "orders-db/read", "orders-db/write", "orders-db/admin"


def asked(office: PlayedOffice, *accesses: str, incident: str = "INC-42") -> tuple[Request, ...]:
    office.form(ALICE, f"request {','.join(accesses)} 30m {incident} db down").submit()
    office.wait(lambda: len(office.requests()) == len(accesses))
    return asked_together(office.requests()[0], office.ledger.request)


def card(office: PlayedOffice, requests: Sequence[Request]) -> Shown:
    """The card, posted as the follower would."""
    drawn = together.draw([office.request(each.id) for each in requests], office.directory.name)
    posted = office.client.chat_postMessage(channel=REQUESTS, text=drawn.text, blocks=drawn.blocks)
    return next(shown for shown in office.person(ALICE).sees(REQUESTS) if shown.ts == posted["ts"])


def test_one_press_approves_what_the_presser_may_decide_and_says_what_became_of_each(office: PlayedOffice) -> None:
    form = office.form(ALICE, f"request {READ},{ADMIN} 30m INC-42 db down")
    assert (form.value("Access"), [each["value"] for each in form.value("Also")]) == (READ, [ADMIN])
    assert form.submit().ok
    said = office.told(ALICE, "Asked.")
    read, admin = asked_together(office.requests()[0], office.ledger.request)
    assert (read.access, admin.access) == (READ, ADMIN)
    assert said.splitlines() == [
        f"Asked. {read.id} waits for 1 of @dba in #access-requests.",
        f"Asked. {admin.id} waits for 1 of @dba and 1 of @security in #access-requests.",
    ]
    shown = card(office, (read, admin))
    office.person(EVE).press(shown, "Approve")
    assert office.told(EVE, "not among those").endswith(f"{read.id} and {admin.id}")
    assert office.refusals() == [(EVE, "approve", RefusalReason.NOT_ALLOWED_TO_DECIDE)] * 2
    office.person(BOB).press(shown, "Approve")
    assert office.told(BOB, "Approved.").splitlines() == [
        f"Approved. {read.id} is to be granted; its card says when it is.",
        f"Your approval counts; 1 more of @security is needed. {admin.id}",
    ]
    assert office.queue.grants == [read.id]


def test_the_bots_card_follows_each_and_its_requester_is_told_of_both_at_once(office: PlayedOffice) -> None:
    kinds = {"cards": Cards, "messages": Messages}
    names = office.directory.name
    how = {"client": office.client, "engine": office.engine, "policies": office.policies, "clock": office.clock}
    with Following(kinds, names=names, **how):
        read, admin = asked(office, READ, ADMIN)

        def card_says(text: str) -> Shown | None:
            seen = [shown for shown in office.person(BOB).sees(REQUESTS) if not shown.ephemeral]
            return next((shown for shown in seen if text in shown.text), None)

        shown = office.wait(lambda: card_says(f"asks for *{READ}* and *{ADMIN}*"))
        office.person(BOB).press(shown, "Approve")
        office.wait(lambda: card_says("1 approved, 1 waiting"))
        office.person(CAROL).press(card_says("1 waiting"), "Approve")
        office.wait(lambda: card_says("2 approved"))
        for request in (read, admin):
            office.give(request)
        office.wait(lambda: card_says("2 active"))
        office.wait(lambda: office.person(ALICE).dms())
        assert [shown.text.count("Granted: ") for shown in office.person(ALICE).dms()] == [2]
        office.person(ALICE).press(card_says("2 active"), f"End access {read.id}")
        office.told(ALICE, "Released.")
        office.wait(lambda: card_says("1 ending, 1 active"))
    assert len([shown for shown in office.person(BOB).sees(REQUESTS) if not shown.ephemeral]) == 1


def test_a_reason_is_asked_for_once_to_deny_them_and_one_may_be_denied_alone(office: PlayedOffice) -> None:
    read, admin = asked(office, READ, ADMIN)
    shown = card(office, (read, admin))
    office.person(CAROL).press(shown, "Deny")
    form = office.person(CAROL).form()
    assert form.labels == ["Reason"]
    form.fill({"Reason": "use the replica"})
    assert form.submit().ok
    assert office.told(CAROL, "Denied.").splitlines() == [f"Denied. @Alice is told why. {read.id} and {admin.id}"]
    assert {office.request(each.id).state for each in (read, admin)} == {State.DENIED}


def test_one_bad_access_refuses_the_asking_as_a_whole_at_its_field(office: PlayedOffice) -> None:
    before = office.ask(access=READ)
    form = office.form(ALICE, f"request {ADMIN},{READ} 30m db down")
    assert f"{ADMIN} needs an incident" in form.submit(checked=False).errors["Incident"]
    form.fill({"Duration": "8h", "Incident": "INC-42"})
    assert ADMIN in form.submit().errors["Duration"]
    form.fill({"Duration": "30m"})
    said = form.submit().errors["Also"]
    assert said.startswith(f"{READ}: You asked for this already")
    assert said.endswith(before.id)
    assert form.value("Reason") == "db down"
    assert office.requests() == [before]


def test_withdraw_takes_back_all_that_waits_and_only_this_shows_one_alone(office: PlayedOffice) -> None:
    read, admin = asked(office, READ, ADMIN)
    shown = card(office, (read, admin))
    office.person(BOB).press(shown, f"Only {read.id}…")
    alone = office.told(BOB, READ)
    assert "Withdraw" not in alone
    office.person(ALICE).press(shown, "Withdraw")
    assert office.told(ALICE, "Withdrawn.") == f"Withdrawn. {read.id} and {admin.id} are closed; nothing was given."


def test_one_of_two_is_given_less_where_it_is_shown_alone_and_the_other_stays_as_asked(office: PlayedOffice) -> None:
    read, admin = asked(office, READ, ADMIN)
    shown, bob = card(office, (read, admin)), office.person(BOB)
    bob.press(shown, f"Only {read.id}…")
    alone = office.wait(lambda: next((each for each in bob.sees(REQUESTS) if each.ephemeral), None))
    bob.press(alone, "Approve less…")
    assert bob.form().fill({"Duration": "10m"}).submit().ok
    office.told(BOB, "Approved.")
    given, other = office.request(read.id), office.request(admin.id)
    assert (given.state, given.duration, given.asked.duration) == (State.APPROVED, timedelta(minutes=10), read.duration)
    assert (other.state, other.duration) == (State.PENDING, read.duration)
    now = card(office, (read, admin))
    assert "10 min of 30 min asked" in now.text
    office.person(CAROL).press(now, "Approve")
    assert admin.id in office.told(CAROL, "Your approval counts")


def test_what_is_asked_together_for_later_is_approved_by_one_press_that_says_when(office: PlayedOffice) -> None:
    form = office.form(ALICE, f"request {READ},{WRITE} 30m INC-42 at 0:01 db down")
    assert (form.value("Access"), form.value("Start")) == (READ, "0:01")
    assert form.submit().ok
    office.told(ALICE, "Asked.")
    read, write = asked_together(office.requests()[0], office.ledger.request)
    assert read.start_at == write.start_at is not None
    office.person(BOB).press(card(office, (read, write)), "Approve")
    (said,) = office.told(BOB, "Approved.").splitlines()
    assert said.startswith(f"Approved. {read.id} and {write.id} begin ")
    assert said.endswith(", if they are still approved by then.")
    assert office.queue.grants == []
