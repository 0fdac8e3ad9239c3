"""People at random: they ask, and press whatever button they see."""

from contextlib import suppress
from datetime import timedelta
from random import Random  # noqa: TID251  seeded by the caller

from playground.person import AsksFirst, NotThere, Person, Shown
from playground.sample import REQUESTS
from tests.world.product import Product

ACCESSES = ("orders-db/read", "orders-db/write", "orders-db/admin")
LIKELY = {"Approve": 12, "Approve less…": 3, "Extend": 6, "End access": 3, "Deny": 1, "Withdraw": 1}
LATER = 0.3
"""How likely an access is to begin later than now."""
NEWEST = 8
"""So many of the newest cards are looked at."""
PATIENCE = 1.5
"""Real seconds that people wait for Slack, or for a card, before they do something else."""


class People:
    """Everybody of the sample workspace but the guest."""

    def __init__(self, it: Product, random: Random) -> None:
        self._house, self._stage = it, it.stage
        self._random = random

    def act(self) -> str:
        name = self._random.choice(("alice", "bob", "bob", "carol", "eve"))
        with suppress(TimeoutError):
            self._stage.stage.wait_for(self._stage.stage.connections, PATIENCE)
        person: Person = getattr(self._stage, name)
        act = self._random.choices((self._ask, self._press, self._command), (35, 60, 5))[0]
        try:
            return f"{name} {act(person)}"
        except (NotThere, TimeoutError) as nothing:
            return f"{name} finds nothing ({type(nothing).__name__})"

    def _ask(self, person: Person) -> str:
        access = self._random.choice(ACCESSES)
        seconds = self._random.choice((1, 10, 60, 600, 3000))
        words = f"request {access} {seconds}s {self._later()}INC-{self._random.randrange(100)} <!channel> at random"
        _puts_away(person)
        answer = person.command("/jit", words, channel=REQUESTS)
        if not answer.ok:
            return f"{words}: {answer.error}"
        sent = person.form(within=2.0).submit()
        return f"{words}: {sent.error or sent.errors or 'sent'}"

    def _later(self) -> str:
        """`at 2026-11-30 08:00 UTC `, within the next quarter of an hour; mostly nothing."""
        start = self._house.clock.now() + timedelta(minutes=self._random.randrange(1, 15))
        return f"at {start:%Y-%m-%d %H:%M} UTC " if self._random.random() < LATER else ""

    def _press(self, person: Person) -> str:
        """A button of one of the newest cards, as they were at that moment."""
        with suppress(TimeoutError):
            person.wait_for(lambda: self._buttons(person), PATIENCE)
        if not (seen := self._buttons(person)):
            return "sees no button"
        _puts_away(person)
        card, button = self._random.choices(seen, [LIKELY[button] for _, button in seen])[0]
        answer = self._pressed(person, card, button)
        if button in {"Deny", "End access"} and answer.ok:
            with suppress(TimeoutError):  # whose access it is is not asked why
                answer = person.form(within=2.0).fill(Reason="not like this").submit()
        if button in {"Approve less…", "Extend"} and answer.ok:
            fields = {"Duration": f"{self._random.choice((5, 30, 300, 7200))}s", "Reason": "as much as it takes"}
            answer = person.form(within=2.0).fill(fields).submit(checked=False)
        return f"presses {button}: {answer.error or answer.errors or 'ok'}"

    def _buttons(self, person: Person) -> list[tuple[Shown, str]]:
        cards = [shown for shown in person.sees(REQUESTS) if not shown.ephemeral]
        return [(card, button) for card in cards[-NEWEST:] for button in card.buttons if button in LIKELY]

    def _pressed(self, person: Person, card: Shown, button: str):
        try:
            return person.press(card, button)
        except AsksFirst:
            return person.press(card, button, confirm=True)

    def _command(self, person: Person) -> str:
        words = self._random.choice(
            ("list", "help", "show R-2222", "revoke R-2222 because", "release R-2222", "away 3h <@U03CAROL0>", "back")
        )
        return f"{words}: {person.command('/jit', words, channel=REQUESTS).error or 'ok'}"


def _puts_away(person: Person) -> None:
    """Forms in front of what they do next."""
    while person.has_form():
        person.form().close()
