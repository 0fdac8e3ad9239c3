"""The bot's listeners on a playground: SQLite ledger, a queue that only notes, cards as the follower draws them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slack_sdk import WebClient

from bot.app import build_app
from bot.directory import SlackDirectory
from bot.playground.interaction import Stage
from bot.playground.people import User
from bot.playground.person import Answer, Form, Person, Shown
from bot.playground.sample import (
    ALICE,
    APP_TOKEN,
    BOB,
    BOT_TOKEN,
    REQUESTS,
    TEAM,
    sample_workspace,
)
from bot.playground.server import running
from bot.pool import Pool
from bot.show import card
from bot.socket_mode import hang_up, socket_client
from jit.access import Request
from jit.desk import Desk, Presser
from jit.facts import Granted, GrantIntent, Refusal, Refused, Source
from jit.ledger import Ledger, Question, StoredDirectory, connect, create_tables
from jit.policy import PolicyFolder
from tests.fakes import FakeQueue
from tests.shared_clock import SharedClock
from tests.waiting import HUNG, wait_until

POLICIES = Path(__file__).parents[2] / "policies"
STRANGER = "U09STRANGE"


class Office:
    """The bot's listeners, connected to a playground."""

    def __init__(self, stage: Stage, folder: Path, policies: Path, pool: Pool) -> None:
        self.stage = stage
        self.clock = SharedClock(folder / "clock")
        self.queue = FakeQueue()
        engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(engine)
        self.ledger = Ledger(engine, self.clock)
        self.client = WebClient(token=BOT_TOKEN, base_url=f"{stage.slack.url}/api/", retry_handlers=[])
        self.directory = SlackDirectory(self.client, StoredDirectory(engine), self.clock)
        self.directory.connect()
        self.directory.poll()
        self.policies = PolicyFolder(policies, self.clock)
        self.desk = Desk(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            queue=self.queue,
            clock=self.clock,
        )
        self.pool = pool
        self.app = build_app(
            desk=self.desk,
            directory=self.directory,
            policies=self.policies,
            client=self.client,
            pool=pool,
            clock=self.clock,
        )

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

    def request(self, request_id: str) -> Request:
        found = self.ledger.request(request_id)
        assert found
        return found

    def refusals(self) -> list[tuple[str, str, Refusal]]:
        facts = [entry.fact for entry in self.ledger.read()]
        return [(fact.actor, fact.attempted, fact.reason) for fact in facts if isinstance(fact, Refused)]

    def card(self, request: Request) -> Shown:
        """The card, posted as the follower would."""
        drawn = card.draw(self.request(request.id), self.directory.name)
        posted = self.client.chat_postMessage(channel=request.channel, text=drawn.text, blocks=drawn.blocks)
        seen = self.person(ALICE).sees(request.channel)
        return next(shown for shown in seen if shown.ts == posted["ts"])

    def make_active(self, request: Request) -> Request:
        """As a worker would, after an approval."""
        now = self.clock.now()
        more = {"at": now, "actor": "worker@test", "source": Source.WORKER}
        ends_at = now + request.duration
        intent = GrantIntent.about(request, ends_at=ends_at, held_before=(), **more)
        self.ledger.append([intent, Granted.about(request, ends_at=ends_at, read_back=request.permissions, **more)])
        return self.request(request.id)

    def wait(self, predicate):
        return self.stage.slack.world.wait_for(predicate, HUNG)


@contextmanager
def opened(folder: Path, policies: Path = POLICIES, pool: Pool | None = None) -> Iterator[Office]:
    slack = sample_workspace()
    slack.world.add_user(User(STRANGER, "stranger", "Stranger", "T0ELSEWHERE", "elsewhere"))
    slack.world.channel(REQUESTS).members.add(STRANGER)
    pool = pool or Pool(threads=4, waiting=16)
    with running(slack, {}) as stage:
        office = Office(stage, folder, policies, pool)
        client = socket_client(office.app, APP_TOKEN, logging.getLogger("office"))
        client.connect()
        wait_until(lambda: stage.slack.hub.connections)
        stage.slack.hub.patience = HUNG
        try:
            yield office
        finally:
            hang_up(client)
            pool.close()


def by(user: str) -> Presser:
    return Presser(user, TEAM, Source.SLACK)


def active_request(office: Office) -> Request:
    request = office.ask()
    office.desk.approve(by(BOB), request.id, request.digest)
    return office.make_active(request)
