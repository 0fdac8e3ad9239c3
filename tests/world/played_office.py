"""The use cases behind the bot's listeners on a playground; cards are as the follower draws them."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slack_sdk import WebClient

from bot.app import build_app
from bot.directory import SlackDirectory
from bot.pool import Pool
from bot.socket_mode import hang_up, socket_client
from bot.views import card
from jit.facts import RefusalReason, Refused, Source
from jit.ledger import Question, StoredDirectory
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from playground.interaction import Stage
from playground.person import Answer, Form, Person, Shown
from playground.sample import ALICE, APP_TOKEN, BOB, BOT_TOKEN, REQUESTS, TEAM, sample_workspace
from playground.server import running
from tests.world.base import in_a_file
from tests.world.office import Office
from tests.world.outsiders import let_in, stranger
from tests.world.shared_clock import SharedClock
from tests.world.waiting import HUNG, wait_until

POLICIES = Path(__file__).parents[2] / "policies"


class PlayedOffice(Office):
    """The use cases behind the bot's listeners, which are connected to a playground."""

    def __init__(self, stage: Stage, folder: Path, policies: Path, pool: Pool) -> None:
        super().__init__(folder, clock=SharedClock(folder / "clock"), rules=policies, ledger=in_a_file(folder))
        self.stage = stage
        self.client = WebClient(token=BOT_TOKEN, base_url=f"{stage.slack.url}/api/", retry_handlers=[])
        self.directory = SlackDirectory(self.client, StoredDirectory(self.engine), self.clock)
        self.directory.connect()
        self.directory.poll()
        self.core = self.another_core()
        self.pool = pool
        self.app = build_app(core=self.core, directory=self.directory, client=self.client, pool=pool)

    def person(self, user: str) -> Person:
        return Person(self.stage, user)

    def jit(self, user: str, text: str, channel: str = REQUESTS) -> Answer:
        return self.person(user).command("/jit", text, channel=channel)

    def form(self, user: str, text: str = "request") -> Form:
        answer = self.jit(user, text)
        assert answer.ok
        return self.person(user).form()

    def told(self, user: str, text: str) -> str:
        """What this person alone reads, once it says this."""

        def newest() -> str | None:
            seen = [shown for shown in self.person(user).sees(REQUESTS) if shown.ephemeral and text in shown.text]
            return seen[-1].text if seen else None

        return self.wait(newest)

    def ask(self, user: str = ALICE, access: str = "orders-db/read", duration: str = "30m") -> Request:
        form = self.form(user)
        form.fill({"Access": access, "Duration": duration, "Reason": "need to look at stuck orders"})
        before = len(self.requests())
        answer = form.submit()
        assert answer.ok, answer
        assert not answer.errors
        self.wait(lambda: len(self.requests()) > before)
        return self.requests()[0]

    def requests(self) -> list[Request]:
        return self.ledger.requests(Question())

    def refusals(self) -> list[tuple[str, str, RefusalReason]]:
        facts = self.facts("refused")
        return [(fact.actor, fact.attempted, fact.reason) for fact in facts if isinstance(fact, Refused)]

    def card(self, request: Request) -> Shown:
        """The card, posted as the follower would."""
        drawn = card.draw(self.request(request.id), self.directory.name)
        posted = self.client.chat_postMessage(channel=request.channel, text=drawn.text, blocks=drawn.blocks)
        seen = self.person(ALICE).sees(request.channel)
        return next(shown for shown in seen if shown.ts == posted["ts"])

    def make_active(self, request: Request) -> Request:
        """As a worker would, after an approval."""
        self.give(request)
        return self.request(request.id)

    def wait(self, predicate):
        return self.stage.slack.world.wait_for(predicate, HUNG)


@contextmanager
def opened(folder: Path, policies: Path = POLICIES, pool: Pool | None = None) -> Iterator[PlayedOffice]:
    slack = sample_workspace()
    let_in(slack.world, stranger())
    pool = pool or Pool(threads=4, waiting=16)
    with running(slack, {}) as stage:
        office = PlayedOffice(stage, folder, policies, pool)
        client = socket_client(office.app, APP_TOKEN, logging.getLogger("office"))
        client.connect()
        wait_until(lambda: stage.slack.hub.connections)
        stage.slack.hub.patience = HUNG
        try:
            yield office
        finally:
            hang_up(client)
            pool.close()


def rules_of_its_own(folder: Path) -> Path:
    """The sample's, to be edited."""
    return Path(shutil.copytree(POLICIES, folder / "policies"))


def by(user: str) -> Actor:
    return Actor(user, TEAM, Source.SLACK)


def active_request(office: PlayedOffice, access: str = "orders-db/read") -> Request:
    request = office.ask(access=access)
    office.use_cases.approve(by(BOB), request.id, request.digest)
    return office.make_active(request)
