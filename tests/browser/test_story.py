"""The whole product in the page: its story, played by several people at once, and what they can break of it."""

import re

import pytest
from playwright.sync_api import expect

from demo.panel import LatePanel, open_panel
from demo.rules import lay_out
from jit.facts import Approved, Denied, Granted
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from tests.browser.screen import box, channel, messages, person
from tests.world.exhaustive import exhaustive
from tests.world.product import POLICIES, product
from tests.world.stage_scene import unhurried
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.scenario, pytest.mark.real]

WHY = "db down, need to look at stuck orders"


@pytest.fixture(scope="module")
def theatre(tmp_path_factory):
    """The whole product with the stage beside it."""
    folder, panel = tmp_path_factory.mktemp("stage"), LatePanel()
    with (
        unhurried(lag=HUNG, still=HUNG),
        EmbeddedPostgres(sync=False) as ledger,
        product(
            folder, ledger_url=ledger.dsn(), workers=2, signer=True, policies=lay_out(folder, POLICIES), beside=panel
        ) as it,
        open_panel(it.stage, ledger, panel) as beside,
    ):
        yield it
        beside.act("mend", {})


@pytest.fixture
def site(theatre):
    theatre.empty()
    return theatre.stage.stage.slack.url


def says(page, text):
    expect(messages(page)).to_contain_text(text)


def directs(page, text):
    """Among the messages that the app writes to this person alone."""
    channel(page, "jit(?!-)").click()
    says(page, text)


def becoming(page, name):
    """The page, after whoever is at it became somebody else."""
    person(page, name).click()
    expect(person(page, name)).to_have_attribute("aria-current", "page")
    return page


def ask(page, words):
    """Through the message box and the form."""
    box(page).fill(f"/jit request {words}")
    box(page).press("Enter")
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(form).to_have_count(0)


def approve(page):
    page.get_by_role("button", name="Approve", exact=True).last.click()
    says(page, "is to be granted")


def answer(page):
    return page.locator(".terminal .answer")


def lights(page, colour=""):
    return page.locator(f".lights > li{colour}")


def never_red(page):
    expect(page.locator(".lights .broken, .lights .past:not([hidden])")).to_have_count(0)


def press(page, name, button):
    """A button of a part beside the chat."""
    page.get_by_role("group", name=name, exact=True).get_by_role("button", name=f"{button}: {name}").click()


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
    eve.get_by_role("button", name="Approve", exact=True).last.click()
    says(eve, "You are not among those who decide on this.")
    expect(messages(alice)).not_to_contain_text("You are not among")

    carol = page_of(CAROL, REQUESTS)
    approvers = [becoming(eve, "Bob"), carol]
    for page in approvers:
        page.get_by_role("button", name="Approve", exact=True).last.evaluate(
            "button => { window.press = () => button.click() }"
        )
    for page in approvers:
        page.evaluate("press()")
    for page in approvers:
        says(page, "Active until")
        expect(messages(page).get_by_text("Only visible to you")).to_have_count(1)
    told = [messages(page).inner_text() for page in approvers]
    assert sum("Approved. " in each for each in told) == 1
    assert all(request.id in each for each in told)
    assert len(theatre.facts(Approved, request)) == len(theatre.facts(Granted, request)) == 1

    expect(answer(alice)).to_contain_text("Sato")
    alice.get_by_role("button", name="End access").last.click()
    says(alice, "Ended")
    expect(answer(alice)).to_contain_text("permission denied")
    directs(alice, "Ended: orders-db/read")
    channel(carol, "jit-audit").click()
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
    expect(bob.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    directs(alice, "not during the release")
    assert len(theatre.facts(Denied)) == 1


def test_where_two_quorums_decide_one_yes_gives_nothing(page_of, theatre):
    alice = page_of(ALICE, REQUESTS)
    ask(alice, f"orders-db/admin 10m INC-42 {WHY}")
    says(alice, "asks for orders-db/admin")
    (request,) = theatre.stage.live()
    bob = page_of(BOB, REQUESTS)
    bob.get_by_role("button", name="Approve", exact=True).last.click()
    says(bob, "1 more of @security is needed.")
    assert theatre.now(request).state is State.PENDING
    approve(becoming(bob, "Carol"))
    alice.get_by_role("button", name="End access").last.click()
    theatre.reaches(request, State.ENDED)


def test_access_ends_although_workers_and_queue_are_gone(page_of, theatre, shot):
    """The last that is granted: by the clock of the ledger's own server, everybody is ahead of time afterwards."""
    alice = page_of(ALICE, REQUESTS, width=1440, height=1000)
    expect(lights(alice)).to_have_count(5)
    expect(answer(alice)).to_contain_text("permission denied for table orders")
    ask(alice, "orders-db/fix 2m INC-42 orders are stuck")
    approve(page_of(BOB, REQUESTS, width=1440, height=1000))
    (request,) = theatre.stage.live()
    expect(answer(alice)).to_contain_text("Sato")
    shot(alice, "table-readable")
    typing = alice.get_by_label("SQL to run in this session")
    typing.fill("UPDATE orders SET state = 'freed' WHERE id = 4711")
    typing.press("Enter")
    expect(alice.locator(".terminal .lines")).to_contain_text("UPDATE 1")
    expect(answer(alice)).to_contain_text("freed")
    press(alice, "Workers", "Keep down")
    expect(alice.get_by_role("group", name="Workers", exact=True).get_by_role("button")).to_have_text(["Bring back"])
    press(alice, "Redis", "Wipe")
    expect(alice.locator(".breaking .told")).to_have_text("Redis is empty: FLUSHALL.")
    press(alice, "Ledger", "Take down")
    expect(lights(alice, ".waiting").first).to_contain_text("ledger is down")
    shot(alice, "broken")
    press(alice, "Ledger", "Bring back")
    expect(lights(alice, ".waiting")).to_have_count(0)
    theatre.expire(request)
    expect(alice.locator(".terminal .fatal").first).to_contain_text("terminating connection")
    expect(answer(alice)).to_contain_text("permission denied")
    expect(messages(alice).get_by_role("article").filter(has_text=request.id).filter(has_text="Ended")).to_have_count(1)
    never_red(alice)
    alice.get_by_role("button", name="Mend everything").click()
    expect(lights(alice, ".ok")).to_have_count(5)
    expect(alice.locator(".steps li").filter(has_text="Make it outlive its time")).to_have_class(re.compile("done"))
    never_red(alice)


@exhaustive("parts that a light waits for")
@pytest.mark.parametrize("name", ["Ledger", "orders-db"])
def test_a_light_says_what_it_waits_for(page_of, name):
    page = page_of(ALICE, REQUESTS, width=1440, height=1000)
    expect(lights(page, ".ok")).to_have_count(5)
    press(page, name, "Take down")
    expect(lights(page, ".waiting").first).to_contain_text(re.compile(f"{name} is down", re.IGNORECASE))
    expect(page.locator(".lights > li.waiting .word").first).to_contain_text("Waiting")
    press(page, name, "Bring back")
    expect(lights(page, ".ok")).to_have_count(5)
    never_red(page)


def test_what_stands_beside_can_be_named_reached_and_used(page_of):
    page = page_of(BOB, REQUESTS, width=1440, height=1000, expects="400")
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

    page.get_by_role("button", name="Run").click()
    expect(page.locator(".session .told")).to_contain_text("Type one SQL statement")

    step = page.locator(".steps li").filter(has_text="Take two to decide")
    if step.get_by_role("button").count() == 0:  # it is open already while it is the next to do
        step.locator("summary").click()
    step.get_by_role("button", name="Type it for Alice").click()
    expect(box(page)).to_have_value(re.compile("^/jit request orders-db/admin"))
    expect(page.locator("#people [aria-current]")).to_contain_text("Alice")


def test_on_a_phone_the_stage_is_a_tab_and_nothing_sticks_out(page_of, shot):
    page = page_of(ALICE, REQUESTS, width=390, height=844)
    page.locator("#panes [data-pane=beside]").click()
    expect(lights(page)).to_have_count(5)
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        assert page.evaluate("document.getElementById('beside').scrollWidth <= 390")
        page.locator(".breaking").scroll_into_view_if_needed()
        shot(page, f"phone-{colours}")
