"""What to try: short steps that tick themselves off by what stands in the record and what was broken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.observer import Observation
from jit.facts import AlertName, RefusalReason
from playground.sample import ALERTS, ALICE, AUDIT, BOB, CAROL, EVE, REQUESTS

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """``does`` are the buttons that do the clerical part: their words, and what the page does for them."""

    name: str
    says: str
    does: tuple[tuple[str, Json], ...]
    done: Callable[["Told"], bool]


@dataclass
class Told:
    """What has been so by now. ``outlived``: something was broken while an access was live that has ended since."""

    look: Observation
    outlived: bool

    def had(self, *kinds: str, access: str = "") -> bool:
        """Whether one request of the played people's has been through all of these."""
        return any(
            story.request.requester in PLAYED
            and (not access or story.request.access == access)
            and set(kinds) <= set(story.kinds)
            for story in self.look.record.stories.values()
        )

    def by_rule(self) -> bool:
        """Whether something was given that a rule decided without people."""
        return any(
            story.request.requester in PLAYED and story.request.by_rule and "granted" in story.kinds
            for story in self.look.record.stories.values()
        )

    def stopped(self) -> bool:
        """Whether somebody revoked what was used for something else than it is for."""
        stories = self.look.record.stories
        alerts = (alert for alert in self.look.record.alerts if alert.name is AlertName.OUTSIDE_PURPOSE)
        told = (stories[alert.request_id] for alert in alerts if alert.request_id in stories)
        return any("revoked" in story.kinds for story in told)

    def refused(self, *reasons: RefusalReason) -> bool:
        return any(fact.reason in reasons and fact.actor in PLAYED for fact in self.look.record.refusals)


PLAYED = frozenset({ALICE, BOB, CAROL, EVE})


def _go(person: str, channel: str = REQUESTS, typed: str = "") -> Json:
    return {"person": person, "channel": channel, "type": typed}


STEPS = (
    Step(
        "Ask",
        "As Alice, send this, then press Ask in the form.",
        (("Type it for Alice", _go(ALICE, typed="/jit request orders-db/look 1m INC-42 orders are stuck")),),
        lambda told: told.had("requested"),
    ),
    Step(
        "Approve",
        "As Bob, press Approve on the card. Alice's session below can read the table a moment later.",
        (("Be Bob", _go(BOB)),),
        lambda told: told.had("granted"),
    ),
    Step(
        "Let it end",
        "Wait out the minute, or press End access as Alice. Her session is cut, and the table is closed.",
        (("Be Alice", _go(ALICE)),),
        lambda told: told.had("granted", "ended"),
    ),
    Step(
        "Read the record",
        "Every step stands in #jit-audit, one line each, signed. As Carol, point at a line and delete it: #jit-alerts "
        "tells. The terminal says how to ask the record: jit audit verify, search, prove.",
        (("Be Carol, in #jit-audit", _go(CAROL, AUDIT)),),
        lambda told: told.had("ended"),
    ),
    Step(
        "Say no",
        "Have something asked for, and deny it as Bob.",
        (
            ("Type it for Eve", _go(EVE, typed="/jit request orders-db/fix 2m want to try something")),
            ("Be Bob", _go(BOB)),
        ),
        lambda told: told.had("denied"),
    ),
    Step(
        "Be refused",
        "Press Approve as Eve, or as Alice on her own request. Ask for orders-db/books: nobody could approve that. "
        "Eve does not even find orders-db/customers in her list.",
        (
            ("Be Eve", _go(EVE)),
            ("Type it for Bob", _go(BOB, typed="/jit request orders-db/books 1m year end")),
        ),
        lambda told: told.refused(
            RefusalReason.NOT_ALLOWED_TO_DECIDE,
            RefusalReason.OWN_REQUEST,
            RefusalReason.NOBODY_COULD_APPROVE,
            RefusalReason.NOT_ALLOWED_TO_ASK,
        ),
    ),
    Step(
        "Take two to decide",
        "orders-db/admin needs a DBA and security: Bob, and then Carol.",
        (
            ("Type it for Alice", _go(ALICE, typed="/jit request orders-db/admin 1m INC-43 add an index")),
            ("Be Bob", _go(BOB)),
            ("Be Carol", _go(CAROL)),
        ),
        lambda told: told.had("granted", access="orders-db/admin"),
    ),
    Step(
        "Be on call",
        "Alice is on call for orders: as Alice, ask for orders-db/on-call, and a rule approves at once. Ask for it as "
        "Eve, who is not, and it waits for Bob.",
        (
            ("Type it for Alice", _go(ALICE, typed="/jit request orders-db/on-call 1m INC-45 orders are slow")),
            ("Type it for Eve", _go(EVE, typed="/jit request orders-db/on-call 1m INC-45 want a look")),
        ),
        lambda told: told.by_rule(),
    ),
    Step(
        "Break the glass",
        "An emergency, and nobody answers: as Eve, send this. She is in at once, loudly. Then as Carol say in the "
        "app's Home whether it was justified.",
        (
            ("Type it for Eve", _go(EVE, typed="/jit break-glass orders-db/fix 1m INC-46 payments fail")),
            ("Be Carol", _go(CAROL)),
        ),
        lambda told: told.had("granted", "break_glass.reviewed"),
    ),
    Step(
        "See what is done with it",
        "orders-db/fix is for reading and changing orders. Once Alice has it, have her copy them in her session below: "
        "CREATE TEMP TABLE copied AS TABLE orders. As Carol, press Revoke in #jit-alerts. The card says what was done.",
        (
            ("Type it for Alice", _go(ALICE, typed="/jit request orders-db/fix 2m INC-47 orders are stuck")),
            ("Be Bob", _go(BOB)),
            ("Be Carol, in #jit-alerts", _go(CAROL, ALERTS)),
        ),
        lambda told: told.stopped(),
    ),
    Step(
        "Make it outlive its time",
        "Ask, approve, then break what you like below while it runs. The session is cut on time.",
        (("Type it for Alice", _go(ALICE, typed="/jit request orders-db/fix 1m INC-44 set order 4711 free")),),
        lambda told: told.outlived,
    ),
)


class Tutorial:
    """Remembers what was seen once: a step that is done stays done."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._broken_while: set[str] = set()
        self._before: Observation | None = None

    def show(self, look: Observation) -> list[Json]:
        told = Told(look, outlived=self._outlived(look))
        self._done |= {step.name for step in STEPS if step.name not in self._done and step.done(told)}
        return [
            {
                "name": step.name,
                "says": step.says,
                "done": step.name in self._done,
                "does": [{"label": label, **does} for label, does in step.does],
            }
            for step in STEPS
        ]

    def _outlived(self, look: Observation) -> bool:
        hurt = _hurt(look, self._before or look)
        self._before = look
        stories = look.record.stories
        if hurt:
            self._broken_while |= {story.request.id for story in stories.values() if story.request.state == "active"}
        return any(stories[request].request.state == "ended" for request in self._broken_while if request in stories)


def _hurt(look: Observation, before: Observation) -> bool:
    """Whether something is down, or fell or was wiped between the two looks."""
    return look.wiped != before.wiped or any(
        not part.up or part.restarts != before.parts[name].restarts for name, part in look.parts.items()
    )
