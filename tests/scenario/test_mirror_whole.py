"""Whatever Slack does, the audit channel ends without a gap and without an unmarked double; and the command says so."""

import json
import threading
from random import Random  # noqa: TID251  seeded
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from slack_sdk import WebClient

from bot.follow.follower import LEASE, Leadership, Seat, Tools, follow
from bot.follow.mirror import Mirror
from bot.follow.outbox import Outbox
from bot.playground.faults import Fault
from bot.playground.sample import AUDIT, BOT_TOKEN, sample_workspace
from bot.playground.server import running
from jit.audit.heads import Heads
from jit.cli.audit.mirror_check import mirror_check
from jit.clock import SystemClock
from jit.facts import KeyChanged, RecordRead, Source
from jit.ledger import Lease, Leases, Ledger, LedgerUnavailable, Notes, connect, create_tables
from jit.policy import PolicyFolder
from jit.tlog.note import SignerKey, checkpoint, cosign, sign
from jit.verifier import Frontier, leaf_hash
from tests.life import POLICY, Story

pytestmark = pytest.mark.scenario

FAULTS = {
    "rate limits": [Fault.RATE_LIMITED],
    "time-outs after acceptance": [Fault.LOST_BY_SILENCE, Fault.LOST_BY_RESET],
    "server errors and resets": [Fault.SERVER_ERROR, Fault.DROPPED],
    "everything": list(Fault),
}


class House:
    """A ledger, a signer and a mirror that posts as fast as it may; Slack's own limit is switched off."""

    def __init__(self, slack, folder):
        self.slack = slack
        self.folder = folder
        self.clock = SystemClock()
        self.engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(self.engine)
        self.ledger = Ledger(self.engine, self.clock)
        (folder / "a.policy.yml").write_text(POLICY)
        self.policies = PolicyFolder(folder, self.clock)
        self.policies.current()
        self.key = SignerKey.generate("jit.example.com/test")
        key = str(self.key.verifier())
        self.ledger.append([KeyChanged(at=self.clock.now(), actor="signer@test", source=Source.SIGNER, key=key)])
        self.stop = threading.Event()

    def mirror(self):
        client = WebClient(BOT_TOKEN, base_url=f"{self.slack.url}/api/", timeout=0.3, retry_handlers=[])
        notes = Notes(self.engine, Mirror.name, Lease(LEASE, "one"))
        seat = Seat(Leadership(Leases(self.engine, self.clock), self.clock, "one"))
        tools = Tools(
            ledger=self.ledger,
            notes=notes,
            outbox=Outbox(client, notes, seat.require),
            policies=self.policies,
            names=lambda who: who,
            clock=self.clock,
        )
        mirror = Mirror(tools)
        mirror._pace.wait = lambda _channel: 0.0
        return threading.Thread(target=follow, args=(mirror, seat, self._wait))

    def _wait(self, seconds):
        return self.stop.wait(min(seconds, 0.1))

    def sign(self):
        tree = Frontier()
        for entry in self.ledger.read(limit=10_000):
            tree.push(leaf_hash(entry.body))
        text = checkpoint(self.key.name, tree.size, tree.root())
        note = sign(text, self.key) + cosign(text, self.key, int(self.clock.now().timestamp()))
        Heads(self.engine).add(tree.size, self.clock.now(), note)

    def tell(self, requests):
        for _ in range(requests):
            number = 1000 + self.ledger.last_index()
            story = Story(self.ledger, self.clock, f"R-{number}", {"requester": f"U{number:08}"})
            story.active().ended()
        self.sign()

    def messages(self):
        return sorted(self.slack.world.channel(AUDIT).messages.values(), key=lambda message: message["ts"])

    def mirrored(self):
        return Notes(self.engine, Mirror.name).cursor == self.ledger.last_index()

    def check(self, *arguments):
        """What `jit audit mirror-check` says, piped: exit code, differences, summary."""
        environment = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_API_URL": f"{self.slack.url}/api/",
            "JIT_DATA": str(self.folder),
            "JIT_POLICIES": str(self.folder),
        }
        result = CliRunner().invoke(mirror_check, arguments, env=environment)
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        return result.exit_code, lines[:-1], lines[-1] if lines else result.output


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr("jit.cli.audit.mirror_check.time", SimpleNamespace(sleep=lambda _seconds: None))
    slack = sample_workspace()
    slack.rate.enabled = False
    with running(slack, {}):
        house = House(slack, tmp_path)
        yield house
        house.stop.set()
        house.engine.dispose()


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_under_faults_and_deletions_nothing_is_missing_and_nothing_doubled(house, faults):
    chance = Random(7)
    thread = house.mirror()
    thread.start()
    try:
        for _ in range(4):
            for _ in range(3):
                house.slack.faults.plan("chat.postMessage", chance.choice(faults), retry_after=0)
            house.slack.faults.plan("conversations.history", chance.choice(faults), retry_after=0)
            house.tell(13)
            house.slack.world.wait_for(house.mirrored, 60)
    finally:
        house.stop.set()
        thread.join(10)
    assert house.ledger.last_index() == 1 + 4 * 13 * 6
    code, differences, summary = house.check()
    assert (code, differences) == (0, []), differences
    assert summary["heads"] > 0
    self_recorded = [entry.fact for entry in house.ledger.read(limit=1000) if isinstance(entry.fact, RecordRead)]
    assert [fact.how for fact in self_recorded] == ["mirror_check"]

    room = house.slack.world.channel(AUDIT)
    for message in chance.sample(house.messages(), 3):
        house.slack.world.remove(room, message["ts"])
    code, differences, _ = house.check()
    assert code == 3
    assert {each["difference"] for each in differences} <= {"missing", "late"}
    assert house.check("--fill")[0] == 0
    code, _, summary = house.check()
    assert code == 0
    assert "out of order" in str(summary["notes"])


def test_the_heads_found_are_saved_for_who_checks_elsewhere(house, tmp_path):
    house.tell(3)
    thread = house.mirror()
    thread.start()
    house.slack.world.wait_for(house.mirrored, 30)
    house.stop.set()
    thread.join(10)
    kept = tmp_path / "channel.jsonl"
    code, _, summary = house.check("--save", str(kept), "--key", str(house.key.verifier()))
    assert code == 0
    assert summary["own_keys"] is True
    saved = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(saved) == summary["heads"] > 0
    assert saved[-1].keys() == {"ts", "channel", "note"}
    assert saved[-1]["note"].startswith(f"jit.example.com/test\n{house.ledger.last_index() - 1}\n")


def test_a_channel_that_cannot_be_read_is_no_verdict(house):
    house.tell(1)
    house.slack.world.channel(AUDIT).members.clear()
    code, _, said = house.check()
    assert code == 1
    assert "not_in_channel" in said


def test_nothing_is_shown_where_the_look_cannot_be_recorded(house, monkeypatch):
    house.tell(1)

    def silent(*_, **__):
        raise LedgerUnavailable("no answer")

    monkeypatch.setattr(Ledger, "append", silent)
    code, differences, said = house.check()
    assert (code, differences, said) == (1, [], "")


def test_a_key_that_is_none_is_refused(house):
    assert house.check("--key", "nonsense")[0] == 1
