"""As a person in the page: ask, approve, break what can be broken, and see that access ends all the same."""

import re

import pytest
from playwright.sync_api import expect

from bot.playground.sample import ALICE, BOB, REQUESTS
from tests.browser.screen import approve, ask

pytestmark = [pytest.mark.browser, pytest.mark.scenario, pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def site(theatre):
    theatre.until(theatre.groups_are_fresh, 30)
    return theatre.stage.stage.slack.url


def answer(page):
    return page.locator(".terminal .answer")


def lights(page):
    return page.locator(".lights > li")


def never_red(page):
    expect(page.locator(".lights .broken, .lights .past:not([hidden])")).to_have_count(0)


def part(page, name):
    return page.get_by_role("group", name=name, exact=True)


def test_access_ends_although_workers_and_queue_are_gone(page_of, theatre, shot):
    alice = page_of(ALICE, REQUESTS, width=1440, height=1000)
    expect(lights(alice)).to_have_count(5)
    expect(answer(alice)).to_contain_text("permission denied for table orders")
    ask(alice, "orders-db/fix 12s INC-42 orders are stuck")
    bob = page_of(BOB, REQUESTS, width=1440, height=1000)
    approve(bob)
    expect(answer(alice)).to_contain_text("Sato")
    shot(alice, "table-readable")
    typing = alice.get_by_label("SQL to run in this session")
    typing.fill("UPDATE orders SET state = 'freed' WHERE id = 4711")
    typing.press("Enter")
    expect(alice.locator(".terminal .lines")).to_contain_text("UPDATE 1")
    expect(answer(alice)).to_contain_text("freed")
    part(alice, "Workers").get_by_role("button", name="Keep down: Workers").click()
    expect(part(alice, "Workers").get_by_role("button")).to_have_text(["Bring back"])
    part(alice, "Redis").get_by_role("button", name="Wipe: Redis").click()
    expect(alice.locator(".breaking .told")).to_have_text("Redis is empty: FLUSHALL.")
    shot(alice, "broken")
    expect(alice.locator(".terminal .fatal").first).to_contain_text("terminating connection")
    expect(answer(alice)).to_contain_text("permission denied")
    never_red(alice)
    expect(alice.locator("#messages")).to_contain_text("Ended")
    alice.get_by_role("button", name="Mend everything").click()
    expect(alice.locator(".lights > li.ok")).to_have_count(5)
    expect(alice.locator(".steps li").filter(has_text="Make it outlive its time")).to_have_class(re.compile("done"))
    never_red(alice)


@pytest.mark.parametrize(
    ("name", "press", "waits"),
    [("Ledger", "Take down", "ledger is down"), ("orders-db", "Take down", "orders-db is down")],
)
def test_a_light_says_what_it_waits_for(page_of, theatre, name, press, waits):
    page = page_of(ALICE, REQUESTS, width=1440, height=1000)
    expect(page.locator(".lights > li.ok")).to_have_count(5)
    part(page, name).get_by_role("button", name=f"{press}: {name}").click()
    expect(page.locator(".lights > li.waiting").first).to_contain_text(waits)
    expect(page.locator(".lights > li.waiting .word").first).to_contain_text("Waiting")
    part(page, name).get_by_role("button", name=f"Bring back: {name}").click()
    expect(page.locator(".lights > li.ok")).to_have_count(5)
    never_red(page)


def test_the_guide_puts_words_into_the_box_of_the_right_person(page_of, theatre):
    page = page_of(BOB, REQUESTS, width=1440, height=1000)
    step = page.locator(".steps li").filter(has_text="Take two to decide")
    step.locator("summary").click()
    step.get_by_role("button", name="Type it for Alice").click()
    expect(page.locator("#composer textarea")).to_have_value(re.compile("^/jit request orders-db/admin"))
    expect(page.locator("#people [aria-current]")).to_contain_text("Alice")


def test_a_refused_statement_is_told_beside_the_session(page_of, theatre):
    page = page_of(ALICE, REQUESTS, width=1440, height=1000, expects="400")
    expect(answer(page)).not_to_be_empty()
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".session .told")).to_contain_text("Type one SQL statement")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_on_a_phone_the_stage_is_a_tab_and_nothing_sticks_out(page_of, theatre, shot, colours):
    page = page_of(ALICE, REQUESTS, width=390, height=844, colours=colours)
    page.locator("#panes [data-pane=beside]").click()
    expect(lights(page)).to_have_count(5)
    sticks_out = page.evaluate("() => document.getElementById('beside').scrollWidth > 390")
    assert not sticks_out
    page.locator(".breaking").scroll_into_view_if_needed()
    shot(page, f"phone-{colours}")


def test_every_control_has_a_name_and_can_be_reached_with_the_keyboard(page_of, theatre):
    page = page_of(ALICE, REQUESTS, width=1440, height=1000)
    expect(lights(page)).to_have_count(5)
    controls = page.locator("#beside :is(button, input, summary):visible")
    names = controls.evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent)"
    )
    assert all(name.strip() for name in names)
    breaking = [name for name in names if ": " in name]
    assert len(breaking) == len(set(breaking))
    page.locator(".steps summary").first.focus()
    reached = set()
    for _ in range(len(names) + 3):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.getAttribute('aria-label') || ''"))
    assert set(breaking) <= reached
