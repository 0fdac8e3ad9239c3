"""Every press is answered, once, to whoever pressed; and a card says granted only after the database gives access.

That Slack gets its acknowledgement in time is told by the playground: as Slack, it gives up after 3 seconds.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from bot.buttons import APPROVE, DENY, END, LESS, RELEASE, REVOKE, WITHDRAW, value_of
from jit.facts import Approved, Refused
from jit.requests.due import GRANT_NUDGE
from jit.requests.lifecycle import Request, State
from playground.faults import Fault
from playground.person import Answer, Person, Shown
from playground.sample import ALICE, BOB, CAROL, EVE, MALLORY, REQUESTS
from tests.world.outsiders import STRANGER, let_in, stranger
from tests.world.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

ROLES = (ALICE, BOB, CAROL, EVE, MALLORY, STRANGER)
BUTTONS = {
    "Approve": APPROVE,
    "Withdraw": WITHDRAW,
    "Release": RELEASE,
    "Revoke": REVOKE,
    "Approve less…": LESS,
    "Deny": DENY,
    "End access": END,
}
ENDS = {("End access", who) for who in (ALICE, BOB, CAROL)}
WORKS = {
    State.PENDING: {
        *((button, who) for button in ("Approve", "Approve less…", "Deny") for who in (BOB, CAROL)),
        ("Withdraw", ALICE),
    },
    State.APPROVED: {("Withdraw", ALICE), ("Revoke", BOB), ("Revoke", CAROL), *ENDS},
    State.GRANTING: {("Release", ALICE), ("Revoke", BOB), ("Revoke", CAROL), *ENDS},
    State.ACTIVE: {("Release", ALICE), ("Revoke", BOB), ("Revoke", CAROL), *ENDS},
}
"""Who may do what in which state; all else is refused."""


@pytest.fixture(autouse=True)
def outsider(it: Product) -> None:
    let_in(it.stage.stage.slack.world, stranger())


@dataclass
class Answers:
    """Counts, for everybody, what they did and what they were told."""

    it: Product
    done: int = 0

    def __post_init__(self) -> None:
        self.before = self.count()

    def count(self) -> int:
        return sum(len(self.it.answers(Person(self.it.stage.stage, who))) for who in ROLES)

    def press(self, who: str, card: Shown, button: str, request: Request) -> str:
        """Press a button as if the card, whatever it shows, had it. Who may deny fills in the form and sends it."""
        person = Person(self.it.stage.stage, who)
        action: dict[str, Any] = {
            "type": "button",
            "block_id": "actions",
            "text": {"type": "plain_text", "text": button},
        }
        action |= {"action_id": BUTTONS[button], "value": value_of(request.id, request.digest)}

        def act() -> Answer:
            answer = person.press_raw(card, action)
            asked_why = button == "Deny" and (button, who) in WORKS.get(self.it.now(request).state, set())
            return person.form().fill(Reason="not now").submit() if asked_why else answer

        self.done += 1
        return self.it.told(person, act)

    def are_complete(self) -> None:
        """One answer for each press, no more."""
        assert self.count() - self.before == self.done


def in_state(it: Product, state: State) -> Request:
    """A request of Alice's in this state, and everybody answered; `Product.make_whole` undoes what keeps it there."""
    alice, bob = it.stage.alice, it.stage.bob
    request = it.ask(alice, "orders-db/read 15m INC-1 stuck orders")
    it.until(lambda: any(said.startswith("Asked.") and request.id in said for said in it.answers(alice)))
    card = it.card(bob, request, "Approve")

    def approve() -> None:
        it.told(bob, lambda: bob.press(card, "Approve"))

    match state:
        case State.DENIED:
            bob.press(card, "Deny")
            it.told(bob, lambda: bob.form().fill(Reason="not now").submit())
        case State.WITHDRAWN:
            it.told(alice, lambda: alice.press(card, "Withdraw"))
        case State.LAPSED:
            it.pass_time(timedelta(hours=8))
        case State.APPROVED:
            it.kill("worker-1", "worker-2")
            approve()
        case State.GRANTING:
            it.pause("before-lock")
            approve()
        case State.ACTIVE | State.ENDING | State.ENDED:
            approve()
            given = it.card(alice, it.reaches(request, State.ACTIVE), "End access")
            if state is State.ENDING:
                it.pause("before-revoke")
            if state is not State.ACTIVE:
                it.told(alice, lambda: alice.press(given, "End access"))
    return it.reaches(request, state)


@pytest.mark.parametrize("state", [state for state in State if state is not State.FAILED])
def test_every_button_in_every_state_is_answered_once_to_everybody(it: Product, state: State) -> None:
    """Also those the card no longer has: somebody may look at an old one."""
    request = in_state(it, state)
    it.until(it.groups_are_fresh)
    card = it.seen(it.stage.carol, request)
    answers, refused = Answers(it), len(it.facts(Refused))
    works = WORKS.get(state, set())
    in_vain = [(button, who) for button in BUTTONS for who in ROLES if (button, who) not in works]
    for button, who in in_vain:
        said = answers.press(who, card, button, request)
        assert request.id in said, said
    assert it.now(request).state is state
    assert len(it.facts(Refused)) - refused == len(in_vain)
    for button, who in sorted(works - ENDS)[:1]:
        said = answers.press(who, card, button, request)
        assert said.startswith(button)
        assert request.id in said
    answers.are_complete()
    for point in ("before-lock", "before-revoke"):
        it.go_on(point)


def test_double_click_is_answered_twice_and_decides_once(it: Product) -> None:
    request = in_state(it, State.PENDING)
    bob = it.stage.bob
    card, before = it.card(bob, request, "Approve"), len(it.answers(bob))
    with ThreadPoolExecutor(2) as clicks:
        list(clicks.map(lambda _: bob.press(card, "Approve"), range(2)))
    it.until(lambda: len(it.answers(bob)) == before + 2)
    said = sorted(it.answers(bob)[before:])
    assert said[0].startswith("Approved.")
    assert said[1].startswith("This was approved already")
    assert len(it.facts(Approved, request)) == 1


def test_hundred_presses_at_once_are_acknowledged_and_answered(it: Product) -> None:
    request = in_state(it, State.PENDING)
    eve = it.stage.eve
    card, before = it.card(eve, request, "Approve"), len(it.answers(eve))
    with ThreadPoolExecutor(100) as crowd:
        assert all(crowd.map(lambda _: eve.press(card, "Approve").ok, range(100)))
    it.until(lambda: len(it.answers(eve)) >= before + 100)
    assert len(it.answers(eve)) == before + 100
    assert set(it.answers(eve)[before:]) <= {
        f"You are not among those who decide on this. The card says who is. {request.id}",
        "Too much is going on right now. Nothing was changed; please press again.",
    }


def test_first_command_and_press_after_a_start_are_answered(it: Product) -> None:
    request = in_state(it, State.PENDING)
    eve, bob = it.stage.eve, it.stage.bob
    card = it.card(bob, request, "Approve")
    it.kill("bot-1")
    it.until(lambda: not it.stage.stage.connections())
    it.start("bot-1")
    it.until(it.stage.stage.connections)
    assert eve.command("/jit", "request orders-db/write 30m INC-1 mend an order", channel=REQUESTS).ok
    assert eve.form().value("Duration") == "30m"
    eve.form().close()
    assert "Approved." in it.told(bob, lambda: bob.press(card, "Approve"))


def test_press_is_answered_while_a_part_is_down(it: Product) -> None:
    outages: dict[str, tuple[Callable[[Product], Any], Callable[[Product], Any], str]] = {
        "queue": (lambda it: it.stage.valkey.kill(), lambda it: it.stage.valkey.start(), "Approved."),
        "target": (lambda it: it.stage.postgres.kill(), lambda it: it.stage.postgres.start(), "Approved."),
        "workers": (lambda it: it.kill("worker-1", "worker-2"), lambda it: it.start(), "Approved."),
        "timekeeper": (lambda it: it.kill("timekeeper"), lambda it: it.start(), "Approved."),
        "users.info": (deaf, hearing, "Slack did not say in time who you are."),
    }
    bob = it.stage.bob
    for name, (breaks, mends, says) in outages.items():
        request = in_state(it, State.PENDING)
        card = it.card(bob, request, "Approve")
        breaks(it)
        assert says in it.told(bob, lambda: bob.press(card, "Approve")), name  # noqa: B023  called at once
        mends(it)
        it.pass_time(GRANT_NUDGE)
        if says != "Approved.":
            it.approve(bob, request)
        it.reaches(request, State.ACTIVE)
        it.stage.alice.press(it.card(it.stage.alice, request, "End access"), "End access")
        it.reaches(request, State.ENDED)
    request = in_state(it, State.PENDING)
    card = it.card(bob, request, "Approve")
    with it.unwritable():
        said = it.told(bob, lambda: bob.press(card, "Approve"))
    assert (
        said
        == "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
    )
    assert it.now(request).state is State.PENDING


def deaf(it: Product) -> None:
    """What the bot knows of Bob is too old by now, and Slack does not say."""
    it.pass_time(timedelta(seconds=2))
    it.stage.stage.slack.faults.plan("users.info", Fault.SERVER_ERROR, times=20)


def hearing(it: Product) -> None:
    it.stage.stage.slack.faults.clear()


def test_card_and_message_say_granted_only_after_the_database_gives_access(it: Product) -> None:
    request = in_state(it, State.GRANTING)
    alice = it.stage.alice

    def says_granted() -> bool:
        told = any("Granted" in shown.text and request.id in shown.text for shown in alice.dms())
        return told or "Active until" in it.seen(alice, request).text

    it.until(lambda: "on its way" in it.seen(alice, request).text)
    it.pause("before-effect")
    it.go_on("before-lock")
    it.paused()
    assert not says_granted()
    assert not it.gives(request)
    it.pause("after-effect")
    it.go_on("before-effect")
    it.paused()
    it.until(lambda: it.gives(request))
    assert not says_granted(), "the outcome is not recorded yet"
    it.go_on("after-effect")

    def granted() -> bool:
        """What is said is looked at first: it must be true by then."""
        said = says_granted()
        assert not said or it.holds("alice", "orders_read")
        return said

    it.until(granted)
