"""App Home through the playground: opened, drawn, pressed, kept true, and nobody's but their own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.followers.homes import Homes
from bot.views.home import MOST_USED, NOT_OURS, NOTHING
from bot.visibility import Visibility
from jit.facts import RefusalReason, Source, Withdrawn
from jit.ledger import Notes
from jit.requests.lifecycle import State
from playground.faults import Fault, Outage
from playground.sample import ALICE, BOB, CAROL, EVE, MALLORY
from tests.scenario.following import Following
from tests.world.outsiders import STRANGER
from tests.world.played_office import active_request, by

pytestmark = pytest.mark.scenario


def drawing(office, holder="one"):
    """The follower that draws Homes."""
    visibility = Visibility(office.ledger, office.policies, office.directory, office.clock)
    return Following(
        {Homes.name: lambda tools: Homes(tools, visibility)},
        client=office.client,
        engine=office.ledger.engine,
        policies=office.policies,
        names=office.directory.name,
        clock=office.clock,
        holder=holder,
    )


@pytest.fixture
def homes(office):
    with drawing(office) as follower:
        yield follower


def sees(office, person, text):
    """Their Home, once it says this."""

    def shown():
        home = office.person(person).home()
        return home if home and text in home.text else None

    return office.wait(shown)


def sees_no_more(office, person, text):
    office.wait(lambda: (home := office.person(person).home()) and text not in home.text)


def opens(office, *people):
    for person in people:
        office.person(person).open_home()
        office.wait(lambda person=person: office.person(person).home())


def test_a_home_that_is_opened_says_what_to_type_and_its_button_opens_the_form(office, homes):
    alice = office.person(ALICE)
    alice.open_home()
    home = sees(office, ALICE, NOTHING)
    assert home.buttons == ["Ask for access"]
    assert alice.press(home, "Ask for access").ok
    form = alice.form()
    form.fill({"Access": "orders-db/read", "Duration": "30m", "Reason": "need to look at stuck orders"})
    assert form.submit().ok
    home = sees(office, ALICE, "Waiting: *orders-db/read* for 30 min")
    assert "Asked. R-" in alice.finds("Asked.").text
    assert alice.press(home, "Withdraw").ok
    sees(office, ALICE, "Before\nWithdrawn")
    assert [request.state for request in office.requests()] == [State.WITHDRAWN]


def test_what_is_asked_for_comes_to_approvers_and_can_be_approved_there(office, homes):
    opens(office, ALICE, BOB, CAROL, EVE)
    request = office.ask()
    home = sees(office, BOB, request.id)
    assert "*Alice* asks for *orders-db/read* for *30 min*\n> need to look at stuck orders\nGives: " in home.text
    assert home.buttons == ["Ask for access", "Approve", "Approve less…", "Deny"]
    sees(office, CAROL, request.id)
    assert request.id not in office.person(EVE).home().text
    assert office.person(BOB).press(home, "Approve").ok
    office.person(BOB).finds(f"Approved. {request.id} is to be granted; its card says when it is.")
    for person in (BOB, CAROL):
        sees_no_more(office, person, request.id)
    office.make_active(request)
    home = sees(office, ALICE, "Active until ")
    assert "Connect to orders-db as *alice*" in home.text
    assert office.person(ALICE).press(home, "Release").ok
    sees(office, ALICE, "Ending: *orders-db/read*")
    assert office.refusals() == []


def test_ask_again_opens_the_form_filled_as_before_on_the_card_and_in_home(office, homes):
    opens(office, ALICE)
    alice = office.person(ALICE)
    office.jit(ALICE, "request orders-db/admin 1h30m INC-42 drop a column")
    form = alice.form()
    form.fill({"Duration": "45m"}).submit()
    request = office.wait(office.requests)[0]
    office.use_cases.withdraw(by(ALICE), request.id)
    home = sees(office, ALICE, "Before\nWithdrawn")
    assert home.buttons == ["Ask for access", "orders-db/admin", "Ask again"]
    assert alice.press(home, "Ask again").ok
    form = alice.form()
    filled = ["orders-db/admin", [], "45m", "drop a column", "INC-42", None]
    assert [form.value(label) for label in form.labels] == filled
    form.close()
    card = office.card(request)
    assert card.buttons == ["Ask again"]
    assert "drop a column" not in str(card.action("Ask again"))
    alice.press(card, "Ask again")
    assert alice.form().value("Reason") == "drop a column"
    alice.form().close()
    office.person(EVE).press(card, "Ask again")
    form = office.person(EVE).form()
    assert [form.value(label) for label in form.labels] == ["orders-db/admin", [], "45m", None, None, None]
    office.person(CAROL).press(card, "Ask again")
    form = office.person(CAROL).form()
    assert "“orders-db/admin” is not among the accesses you may ask for." in form.text
    assert form.value("Access") is None
    office.person(MALLORY).press(card, "Ask again")
    office.told(MALLORY, "Only full members")
    office.person(EVE).press_raw(card, card.action("Ask again") | {"value": "no"})
    office.told(EVE, "does not look like ours")


def test_what_is_asked_for_most_stands_first_in_home_and_opens_the_form_filled(office, homes):
    opens(office, ALICE)
    alice = office.person(ALICE)
    for access, duration in (("orders-db/write", "20m"), ("orders-db/read", "1h"), ("orders-db/read", "40m")):
        request = office.ask(access=access, duration=duration)
        office.use_cases.withdraw(by(ALICE), request.id)
    home = sees(office, ALICE, f"{MOST_USED}\n[orders-db/read] [orders-db/write]\nBefore")
    assert alice.press(home, "orders-db/read").ok
    form = alice.form()
    typed = ["orders-db/read", "40m", None, None]
    assert [form.value(label) for label in ("Access", "Duration", "Reason", "Incident")] == typed
    form.fill({"Reason": "need to look at stuck orders"}).submit()
    waits = sees(office, ALICE, f"{MOST_USED}\n[orders-db/write]\nOpen")
    alice.press_raw(waits, waits.action("orders-db/write") | {"value": "no/such"})
    assert "You may not ask for that access any more." in alice.form().text
    alice.form().close()
    alice.press_raw(waits, waits.action("orders-db/write") | {"value": None})
    assert alice.form().value("Access") is None
    office.person(MALLORY).press_raw(waits, waits.action("orders-db/write"))
    assert office.person(MALLORY).finds("Only full members")


def test_denied_from_home_with_a_reason(office, homes):
    opens(office, ALICE, BOB)
    request, bob = office.ask(), office.person(BOB)
    bob.press(sees(office, BOB, request.id), "Deny")
    assert bob.form().fill(Reason="no, the replica will do").submit().ok
    sees(office, ALICE, "Before\nDenied")
    assert office.request(request.id).closed_because == "no, the replica will do"


def test_approved_on_its_card_it_goes_from_every_home(office, homes):
    opens(office, BOB, CAROL)
    request = office.ask()
    for person in (BOB, CAROL):
        sees(office, person, request.id)
    office.person(CAROL).press(office.card(request), "Approve")
    for person in (BOB, CAROL):
        sees_no_more(office, person, request.id)


def test_a_button_of_somebody_elses_home_is_refused_to_whom_the_card_would_refuse_it(office, homes):
    opens(office, BOB)
    request = office.ask()
    home = sees(office, BOB, request.id)
    refused = []
    for person, reason in (
        (ALICE, RefusalReason.OWN_REQUEST),
        (EVE, RefusalReason.NOT_ALLOWED_TO_DECIDE),
        (MALLORY, RefusalReason.BAD_STANDING),
        (STRANGER, RefusalReason.WRONG_WORKSPACE),
    ):
        assert office.person(person).press(home, "Approve").ok
        refused.append((person, "approve", reason))
        office.wait(lambda: office.refusals() == refused)
    assert office.request(request.id).state is State.PENDING


def test_an_approval_from_home_is_bound_to_what_it_showed(office, homes):
    opens(office, BOB)
    request, other = office.ask(), office.ask(access="orders-db/write")
    home = sees(office, BOB, request.id)
    approve = {"type": "button", "action_id": "jit.approve", "block_id": "b", "value": f"{request.id} {other.digest}"}
    assert office.person(BOB).press_raw(home, approve).ok
    office.wait(lambda: office.refusals() == [(BOB, "approve", RefusalReason.CARD_CHANGED)])
    assert office.request(request.id).approvals == ()


def test_release_of_somebody_elses_access_from_home_is_refused(office, homes):
    active_request(office)
    office.person(ALICE).open_home()
    home = sees(office, ALICE, "Active until ")
    office.person(EVE).press(home, "Release")
    office.wait(lambda: office.refusals() == [(EVE, "release", RefusalReason.NOT_YOURS)])


def test_nothing_is_drawn_for_guests_and_strangers_and_for_another_tab(office, homes):
    for person in (MALLORY, STRANGER):
        office.person(person).open_home()
    slack = office.stage.slack
    for odd in (
        {"user": EVE, "channel": "D1", "tab": "messages"},
        {},
        {"user": None},
        {"user": ["U1"]},
        {"user": "../etc", "tab": "home"},
        {"user": 7, "tab": "home"},
    ):
        slack.hub.tell({"type": "app_home_opened", "event_ts": slack.world.next_ts(), **odd})
    opens(office, BOB)
    for person in (MALLORY, STRANGER, EVE):
        assert office.person(person).home() is None
    assert Notes(office.ledger.engine, Homes.name).all("opened:") == {f"opened:{BOB}": ""}


def test_who_becomes_a_guest_loses_what_their_home_showed(office, homes):
    """Bob, of whom Slack tells, and Carol, of whom it does not."""
    opens(office, BOB, CAROL)
    request = office.ask()
    for person in (BOB, CAROL):
        sees(office, person, request.id)
    world = office.stage.slack.world
    world.change_user(BOB, guest=True)
    assert request.id not in sees(office, BOB, NOT_OURS).text
    world.users[CAROL] = replace(world.users[CAROL], guest=True)
    office.clock.advance(timedelta(minutes=5))  # for which what is known of people is enough to draw by
    office.person(CAROL).open_home()
    assert request.id not in sees(office, CAROL, NOT_OURS).text


def test_after_an_outage_homes_are_caught_up(office, homes):
    opens(office, ALICE, BOB)
    asked = {Outage.DROPPING: office.ask(), Outage.UNAVAILABLE: office.ask(access="orders-db/write")}
    for outage, request in asked.items():
        sees(office, BOB, request.id)
        office.stage.slack.break_down(outage)
        step = {"at": office.clock.now(), "actor": ALICE, "source": Source.SLACK}
        office.ledger.append([Withdrawn.about(request, **step)])
        office.stage.slack.mend()
        sees_no_more(office, BOB, request.id)
    sees(office, ALICE, "Before\nWithdrawn")


def test_a_publication_that_goes_wrong_is_made_again(office, homes):
    opens(office, BOB)
    for fault in (Fault.LOST_BY_RESET, Fault.SERVER_ERROR, Fault.DROPPED, Fault.RATE_LIMITED):
        office.stage.slack.faults.plan("views.publish", fault, times=2, retry_after=0)
        request = office.ask()
        sees(office, BOB, request.id)
        office.use_cases.withdraw(by(ALICE), request.id)


def test_another_bot_takes_over_where_one_has_stopped(office):
    with drawing(office):
        opens(office, BOB)
    request = office.ask()
    with drawing(office, "two"):
        sees(office, BOB, request.id)
