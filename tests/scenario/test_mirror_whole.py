"""Whatever Slack does, the audit channel ends without a gap and without an unmarked double; and the command says so."""

import json
from itertools import cycle
from random import Random  # noqa: TID251  seeded
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from slack_sdk import WebClient

from bot.followers.follower import LEASE, Leadership, LeaseTerm, SlackTools, follow
from bot.followers.outbox import Outbox
from bot.mirror.follower import Mirror
from jit.cli.audit.mirror_check import mirror_check
from jit.clock import SystemClock
from jit.facts import KeyChanged, RecordRead, Source
from jit.ledger import Lease, Leases, Ledger, LedgerUnavailable, Notes
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.tlog.note import SignerKey
from playground.faults import Fault
from playground.sample import AUDIT, BOT_TOKEN, sample_workspace
from playground.server import running
from tests.world.base import World, in_a_file
from tests.world.checkpoints import signed_checkpoint, tree_of
from tests.world.exhaustive import distinct

pytestmark = pytest.mark.scenario

SILENCE = 0.3
"""Seconds after which a call is not waited for. One that was only slow is found again as well."""
FAULTS = {
    "rate limits": [Fault.RATE_LIMITED],
    "time-outs after acceptance": [Fault.LOST_BY_SILENCE, Fault.LOST_BY_RESET],
    "server errors and resets": [Fault.SERVER_ERROR, Fault.DROPPED],
    "everything": list(Fault),
}


class Hours(SystemClock):
    """The system's time; its ticks run on by what is waited for, which takes none."""

    waited = 0.0

    def ticks(self):
        return super().ticks() + self.waited


class House(World):
    """With a signer, and a mirror that works when it is told to; Slack's own limit is switched off."""

    def __init__(self, slack, folder):
        super().__init__(folder, clock=Hours(), ledger=in_a_file(folder))
        self.slack = slack
        self.policies.current()
        self.key = SignerKey.generate("jit.example.com/test")
        key = str(self.key.verifier())
        self.ledger.append([KeyChanged(at=self.clock.now(), actor="signer@test", source=Source.SIGNER, key=key)])
        client = WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/", timeout=SILENCE, retry_handlers=[])
        notes = Notes(self.engine, Mirror.name, Lease(LEASE, "one"))
        self.term = LeaseTerm(Leadership(Leases(self.engine, self.clock), self.clock, "one"))
        self.mirror = Mirror(
            SlackTools(
                ledger=self.ledger,
                notes=notes,
                outbox=Outbox(client, notes, self.term.require),
                policies=self.policies,
                names=slack.world.name,
                clock=self.clock,
            )
        )

    def show(self):
        """Let the mirror show all there is."""

        def wait(seconds):
            self.clock.waited += max(seconds, 0.5)
            return Notes(self.engine, Mirror.name).cursor == self.ledger.last_index()

        follow(self.mirror, self.term, wait)

    def sign(self):
        tree, now = tree_of(entry.body for entry in self.ledger.read(limit=10_000)), self.clock.now()
        Checkpoints(self.engine).add(tree.size, now, signed_checkpoint([self.key], tree.size, tree.root(), now))

    def tell(self, requests):
        for _ in range(requests):
            number = 1000 + self.ledger.last_index()
            self.story(f"R-{number}").active().ended()

    def messages(self):
        return sorted(self.slack.world.channel(AUDIT).messages.values(), key=lambda message: message["ts"])

    def check(self, *arguments):
        """What `jit audit mirror-check` says, piped: exit code, differences, summary."""
        environment = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_API_URL": f"{self.slack.url}/api/",
            "JIT_DATA": str(self.folder),
            "JIT_POLICIES": str(self.policy_file.parent),
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
        house.engine.dispose()


@pytest.mark.parametrize("faults", distinct(FAULTS, ["everything"], "kinds of fault, the whole channel checked"))
def test_under_faults_and_deletions_nothing_is_missing_and_nothing_doubled(house, faults):
    posting, reading = cycle(FAULTS[faults]), cycle(FAULTS[faults])
    for turn, requests in enumerate([3, 3, 8, 3, 3, 3]):  # the entries of 8 fill more than a message
        for _ in range(2):
            house.slack.faults.plan("chat.postMessage", next(posting), retry_after=0)
        house.slack.faults.plan("conversations.history", next(reading), retry_after=0)
        house.tell(requests)
        if turn % 2:
            house.sign()  # in the other turns the mirror has waited in vain by then
        house.show()
        house.sign()
    house.slack.faults.clear()
    assert house.ledger.last_index() == 1 + 23 * 6
    code, differences, summary = house.check()
    assert (code, differences) == (0, []), differences
    assert summary["checkpoints"] > 0
    self_recorded = [entry.fact for entry in house.ledger.read(limit=1000) if isinstance(entry.fact, RecordRead)]
    assert [fact.how for fact in self_recorded] == ["mirror_check"]
    house.show()

    room = house.slack.world.channel(AUDIT)
    for message in Random(7).sample(house.messages(), 3):
        house.slack.world.remove(room, message["ts"])
    code, differences, _ = house.check()
    assert code == 3
    assert {each["difference"] for each in differences} <= {"missing", "late"}
    house.show()
    assert house.check("--fill")[0] == 0
    house.show()
    code, _, summary = house.check()
    assert code == 0
    assert "out of order" in str(summary["notes"])


def test_the_checkpoints_found_are_saved_for_who_checks_elsewhere(house, tmp_path):
    house.tell(3)
    house.sign()
    house.show()
    kept = tmp_path / "channel.jsonl"
    code, _, summary = house.check("--save", str(kept), "--key", str(house.key.verifier()))
    assert code == 0
    assert summary["own_keys"] is True
    saved = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(saved) == summary["checkpoints"] > 0
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
