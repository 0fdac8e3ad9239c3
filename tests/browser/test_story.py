"""The whole story in the page, played by several people at once, on the real product."""

import time

import pytest
from playwright.sync_api import expect

from bot.playground.sample import ALICE, AUDIT, BOB, CAROL, EVE, REQUESTS
from jit.access import State
from jit.facts import Approved, Denied, Granted
from tests.browser.screen import approve, ask, box, channel, messages

pytestmark = [pytest.mark.browser, pytest.mark.scenario, pytest.mark.real, pytest.mark.timeout(300)]

WHY = "db down, need to look at stuck orders"
SOON = 1500
"""Milliseconds until two people press at the same moment."""


@pytest.fixture
def site(theatre):
    theatre.until(theatre.groups_are_fresh, 30)
    theatre.empty()
    return theatre.stage.stage.slack.url


def says(page, text):
    expect(messages(page)).to_contain_text(text)


def directs(page, text):
    """Among the messages that the app writes to this person alone."""
    channel(page, "jit(?!-)").click()
    says(page, text)


def press_at(page, name, moment):
    page.get_by_role("button", name=name).last.evaluate(
        "(button, moment) => { setTimeout(() => button.click(), moment - Date.now()) }", moment
    )


def test_from_the_form_to_the_end(page_of, theatre, shot):
    alice = page_of(ALICE, REQUESTS)
    box(alice).fill("/jit request orders-db/read 9h")
    box(alice).press("Enter")
    form = alice.get_by_role("dialog")
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(form).to_contain_text("Please complete this required field.")
    form.get_by_label("Reason").fill(WHY)
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(form).to_contain_text("At most 8 h")
    shot(alice, "field-error")
    form.get_by_label("Duration").fill("30m")
    form.get_by_label("Incident").fill("INC-42")
    form.get_by_label("Reason").focus()
    alice.reload()
    expect(form.get_by_label("Duration")).to_have_value("30m")
    expect(form.get_by_label("Reason")).to_have_value(WHY)
    form.get_by_role("button", name="Ask", exact=True).click()
    says(alice, "asks for orders-db/read for 30 min")
    (request,) = theatre.stage.live()

    eve = page_of(EVE, REQUESTS)
    eve.get_by_role("button", name="Approve").last.click()
    says(eve, "You are not among those who decide on this.")
    expect(messages(alice)).not_to_contain_text("You are not among")

    approvers = [page_of(BOB, REQUESTS), page_of(CAROL, REQUESTS)]
    moment = time.time() * 1000 + SOON
    for page in approvers:
        press_at(page, "Approve", moment)
    for page in approvers:
        says(page, "Active until")
    told = [messages(page).inner_text() for page in approvers]
    assert sum("Approved. " in each for each in told) == 1
    assert all(f"{request.id}" in each and "Only visible to you" in each for each in told)
    assert len(theatre.facts(Approved, request)) == len(theatre.facts(Granted, request)) == 1

    expect(alice.locator(".terminal .answer")).to_contain_text("Sato")
    alice.get_by_role("button", name="Release").last.click()
    says(alice, "Ended")
    expect(alice.locator(".terminal .answer")).to_contain_text("permission denied")
    directs(alice, "Ended: orders-db/read")
    carol = page_of(CAROL, AUDIT)
    says(carol, "REFUSED approve by Eve on orders-db/read for Alice")
    says(carol, "ended orders-db/read of Alice")


def test_a_no_reaches_the_requester_with_its_reason(page_of, theatre):
    alice = page_of(ALICE, REQUESTS)
    ask(alice, f"orders-db/write 30m INC-42 {WHY}")
    bob = page_of(BOB, REQUESTS)
    bob.get_by_role("button", name="Deny").last.click()
    form = bob.get_by_role("dialog")
    form.get_by_label("Reason").fill("not during the release")
    form.get_by_role("button", name="Deny", exact=True).click()
    says(bob, "Denied. ")
    expect(bob.get_by_role("button", name="Approve")).to_have_count(0)
    directs(alice, "not during the release")
    assert len(theatre.facts(Denied)) == 1


def test_where_two_quorums_decide_one_yes_gives_nothing(page_of, theatre):
    alice = page_of(ALICE, REQUESTS)
    ask(alice, f"orders-db/admin 10m INC-42 {WHY}")
    says(alice, "asks for orders-db/admin")
    (request,) = theatre.stage.live()
    bob = page_of(BOB, REQUESTS)
    bob.get_by_role("button", name="Approve").last.click()
    says(bob, "1 more of @security is needed.")
    assert theatre.now(request).state is State.PENDING
    approve(page_of(CAROL, REQUESTS))
    says(alice, "Active until")
    theatre.expire(request)
