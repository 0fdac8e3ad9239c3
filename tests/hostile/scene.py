"""Where an attack happens: people, rules, requests in several states, and the payloads the playground makes of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.forms import Filled, deny_form, less_form, option, request_form
from bot.views.card import draw
from bot.views.text import Names
from jit.facts import Granted, GrantIntent, Source
from jit.policy import PolicyFolder
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request
from jit.use_cases.approve import approve
from jit.use_cases.core import Core
from jit.use_cases.request import request_access
from playground.fields import named
from playground.interaction import Stage
from playground.payloads import event_callback
from playground.person import Person, Shown
from playground.sample import ALICE, BOB, CAROL, EVE, MALLORY, REQUESTS, account, sample_workspace
from playground.slack import Slack
from tests.hostile.damage import Json, Sample
from tests.world.outsiders import STRANGER, let_in, stranger
from tests.world.played_office import by

GONE, ROBOT = "U08GONE000", "U07ROBOT00"
OUTSIDERS = (MALLORY, STRANGER, GONE, ROBOT)
"""No full members of the workspace. The rules name them all the same, and it must not help them."""
PEOPLE = (ALICE, BOB, CAROL, EVE, *OUTSIDERS)
TYPED = "xyzzyplugh"
"""Stands in all that somebody types; it must not get into a log."""
WHY = "why it was asked for"
"""The reason of every request; people from outside must not read it."""
GROUP = "S0ENGIN01"

POLICY = """
channels: {audit: C0AUDIT01, alerts: C0ALERT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0, U05MALLORY, U09STRANGE, U08GONE000, U07ROBOT00]
  security: [U03CAROL0, U09STRANGE, U08GONE000]
people:
  U01ALICE0: {fake: alice}
  U02BOB000: {fake: bob}
  U04EVE000: {fake: eve}
  U05MALLORY: {fake: mallory}
  U09STRANGE: {fake: stranger}
  U08GONE000: {fake: gone}
  U07ROBOT00: {fake: robot}
targets:
  orders-db: {kind: fake}
access:
  orders-db/read:
    describe: Read every table of orders
    grants: [orders_read, orders_look]
    max_duration: 8h
    channel: C0ACCESS1
    request: ["slack:S0ENGIN01"]
    approve:
      - all_of: [{from: [group:dba]}]
  orders-db/admin:
    describe: Own the orders schema
    grants: [orders_admin]
    max_duration: 1h
    channel: C0ACCESS1
    request: ["slack:S0ENGIN01"]
    approve:
      - all_of:
          - {from: [group:dba]}
          - {from: [group:security]}
"""


def workspace(clock: Callable[[], float]) -> Slack:
    """The sample workspace, and a stranger from another one, an account that was deleted and a bot."""
    slack = sample_workspace(clock)
    let_in(slack.world, stranger(), account(GONE, "Gone", deleted=True), account(ROBOT, "Robot", bot=True))
    slack.world.add_group(replace(slack.world.groups[GROUP], members=(ALICE, BOB, EVE, *OUTSIDERS)))
    slack.rate.enabled = False
    return slack


def policies(folder: Path) -> Path:
    folder.mkdir()
    (folder / "test.policy.yml").write_text(POLICY)
    return folder


@dataclass(frozen=True, slots=True)
class Requests:
    """One waits for anybody of dba, one has half of its approvals, one is approved, one is active."""

    pending: Request
    half: Request
    approved: Request
    active: Request

    @property
    def all(self) -> tuple[Request, ...]:
        return self.pending, self.half, self.approved, self.active


def asked(core: Core) -> Requests:
    def ask(person: str, access: str) -> Request:
        return request_access(core, by=by(person), asked=RequestForm(access, "30m", WHY))

    def now(request: Request) -> Request:
        found = core.ledger.request(request.id)
        assert found
        return found

    pending, half = ask(ALICE, "orders-db/read"), ask(ALICE, "orders-db/admin")
    approved, active = ask(BOB, "orders-db/read"), ask(EVE, "orders-db/read")
    for person, each in ((BOB, half), (CAROL, approved), (BOB, active)):
        approve(core, by=by(person), request_id=each.id, digest=each.digest)
    about: Any = {"at": core.clock.now(), "actor": "worker@test", "source": Source.WORKER}
    ends_at = core.clock.now() + active.duration
    begun = GrantIntent.about(active, ends_at=ends_at, held_before=(), **about)
    core.ledger.append([begun, Granted.about(active, ends_at=ends_at, read_back=active.permissions, **about)])
    return Requests(pending, now(half), now(approved), now(active))


class Recorder:
    """Lets people act on a playground where no bot listens, and keeps what would have been sent to it."""

    def __init__(self, slack: Slack, requests: Requests, rules: PolicyFolder, names: Names) -> None:
        self._stage = Stage(slack)
        self._slack = slack
        self._requests = requests
        self._rules = rules
        self._names = names
        self._doing = ""
        self.samples: list[Sample] = []
        slack.hub.ask = self._asked  # type: ignore[method-assign]  # no bot is connected here
        slack.world.on_event = self._told

    def record(self) -> list[Sample]:
        cards = [(request, self._card(request)) for request in self._requests.all]
        for user in PEOPLE:
            person = Person(self._stage, user)
            self._types(person)
            for request, card in cards:
                self._presses(person, request, card)
            self._fills(person)
        self._doing = "event"
        world = self._slack.world
        before = world.groups[GROUP]
        world.set_members(GROUP, [BOB, MALLORY])
        world.disable_group(GROUP)
        world.groups[GROUP] = before
        world.change_user(EVE, tz="UTC")
        world.home_opened(ALICE, self._stage.direct(ALICE))
        return self.samples

    def _types(self, person: Person) -> None:
        active, half = self._requests.active.id, self._requests.half.id
        commands = (
            *("", "help", "list", "request", f"request orders-db/read 30m INC-1 {TYPED}", f"{TYPED} twice"),
            *(f"request orders-db/admin 30m at 22:00 UTC INC-1 {TYPED}", "away", "away 3d <@U03CAROL0>", "back"),
            *(f"show {half}", f"release {active}", f"revoke {active} {TYPED}", f"show {TYPED}"),
        )
        for text in commands:
            self._doing = f"command {text.partition(' ')[0]}"
            person.command("/jit", text, channel=REQUESTS)

    def _presses(self, person: Person, request: Request, card: Shown) -> None:
        for label in card.buttons:
            self._doing = f"press {label} {request.state}"
            person.press(card, label, confirm=True)

    def _fills(self, person: Person) -> None:
        access = self._rules.current().accesses["orders-db/admin"]
        filled = Filled(RequestForm(access.name, "30m", TYPED, "INC-1"), access, "decided by dba", TYPED)
        pending = self._requests.pending
        value = f"{pending.id} {pending.digest}"
        start = replace(filled, asked=replace(filled.asked, start="tomorrow 8:00"))
        forms = {
            "request": (request_form(filled, REQUESTS), "access", option(access)),
            "request later": (request_form(start, REQUESTS), "access", option(access)),
            "deny": (deny_form(value, pending.id), "reason", TYPED),
            "less": (less_form(value, pending), "duration", "10m"),
        }
        for name, (form, field, chosen) in forms.items():
            self._slack.views.open(person.id, form | {"notify_on_close": True})
            raw = self._stage.form(person.id)
            assert raw
            block = next(each for each in raw["view"]["blocks"] if each.get("block_id") == field)
            self._doing = f"choose {name}"
            self._stage.choose(person.id, block, block["element"], chosen)
            if name == "request":
                self._doing = "search"
                self._stage.suggest(person.id, block["block_id"], block["element"]["action_id"], "orders")
            self._doing = f"send {name}"
            self._stage.submit(person.id, checked=False)
            self._slack.views.open(person.id, form | {"notify_on_close": True})
            self._doing = f"close {name}"
            self._stage.close(person.id, everything=True)

    def _card(self, request: Request) -> Shown:
        drawn = draw(request, self._names)
        world = self._slack.world
        bot = world.workspace
        content = {"user": bot.bot_user, "bot_id": bot.bot, "text": drawn.text, "blocks": named(drawn.blocks)}
        posted = world.post(world.channel(REQUESTS), content)
        return next(shown for shown in Person(self._stage, ALICE).sees(REQUESTS) if shown.ts == posted["ts"])

    def _asked(self, kind: str, payload: Json) -> Json:
        self._keep(kind, payload)
        return {"options": []} if payload.get("type") == "block_suggestion" else {}

    def _told(self, event: Json) -> None:
        self._keep("events_api", event_callback(self._slack.world.workspace, event))

    def _keep(self, kind: str, payload: Json) -> None:
        name = self._doing if kind != "events_api" else f"event {payload['event']['type']}"
        self.samples.append(Sample(name, kind, json.dumps(payload)))
