"""An audit channel that can be edited and deleted in, of a record that can be signed."""

from base64 import b64encode
from types import SimpleNamespace

from bot.followers.outbox import Outbox
from bot.mirror.audit_channel import AuditChannel
from bot.mirror.channel import all_messages
from bot.mirror.channel_changes import Change, leave_word
from bot.mirror.check import MirrorCheck
from bot.mirror.follower import Mirror
from bot.mirror.session import ChannelSession
from jit.facts import KeyChanged, Source
from jit.ledger import Notes
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.roots import keys_of
from jit.proof.tlog.note import SignerKey
from tests.world.base import AUDIT
from tests.world.checkpoints import signed_checkpoint, tree_of
from tests.world.face import Face
from tests.world.fake_slack import OUR_BOT, FakeSlack, answer

OUR_USER = "UJITBOT00"
ORIGIN = "jit.example.com/test"


class AuditSlack(FakeSlack):
    """Marks what was edited, as Slack does, and never gives a number out twice."""

    given = 0

    def auth_test(self):
        return answer({"ok": True, "bot_id": OUR_BOT, "user_id": OUR_USER})

    def chat_postMessage(self, **message):  # noqa: N802  Slack's name
        def effect():
            self.given += 1
            ts = f"1700000000.{self.given:06}"
            self.messages.append({"ts": ts, "bot_id": OUR_BOT, **message})
            return answer({"ok": True, "channel": message["channel"], "ts": ts})

        return self._meet(message["channel"], effect)

    def chat_update(self, **change):
        return super().chat_update(**change, edited={"user": OUR_USER, "ts": "1700009999.000001"})


class AuditChannelWorld(Face):
    def __init__(self, folder, **how):
        super().__init__(folder, **how)
        self.slack = AuditSlack()
        self.key = SignerKey.generate(ORIGIN)
        self.checkpoints = Checkpoints(self.engine)

    def announce_key(self):
        fact = KeyChanged(at=self.clock.now(), actor="signer@test", source=Source.SIGNER, key=str(self.key.verifier()))
        self.ledger.append([fact])

    def sign(self, size=None, key=None):
        """A checkpoint over the record as it is, or its beginning."""
        tree = tree_of(entry.body for entry in self.ledger.read(limit=10_000)[:size])
        note = signed_checkpoint([key or self.key], tree.size, tree.root(), self.clock.now(), ORIGIN)
        return self.checkpoints.add(tree.size, self.clock.now(), note), b64encode(tree.root()).decode()

    def mirrored(self, seconds=12):
        """A mirror that has shown everything."""
        mirror = self.start(Mirror)
        self.work(mirror, seconds)
        assert self.ranges()[-1][1] == self.ledger.last_index()
        return mirror

    def told(self, *steps):
        """A mirror that has shown each step in a message of its own."""
        mirror = self.start(Mirror)
        for step in steps:
            step()
            self.work(mirror, 1.25)
        return mirror

    def outbox(self):
        return Outbox(self.slack, Notes(self.engine, "mirror_check"), lambda: None)

    def checked(self, keys=None, since=1, accepted=()):
        check = MirrorCheck(self.ledger, self.name, OUR_BOT, since, frozenset(accepted))
        for message in all_messages(self.outbox(), AUDIT, lambda _seconds: None):
            check.see(message)
        return check.report(keys_of(self.ledger) if keys is None else keys, self.clock.now())

    def filled(self, report):
        directory = SimpleNamespace(name=self.name, poll=lambda: None)
        session = ChannelSession(self.ledger, self.outbox(), directory, AUDIT, lambda _seconds: None)
        return list(session.fill(report))

    def message(self, index):
        """The message that shows this entry."""
        return next(each for each in self.posted(AUDIT) if _shows(each, index))

    def delete(self, message):
        self.slack.messages.remove(message)
        gone = {"deleted_ts": message["ts"], "previous_message": message}
        return {"subtype": "message_deleted", "channel": AUDIT, **gone}

    def edit(self, message, by=OUR_USER, **change):
        before = dict(message)
        message.update(change, edited={"user": by, "ts": "1700009999.000002"})
        return {"subtype": "message_changed", "channel": AUDIT, "message": dict(message), "previous_message": before}

    def tell(self, event):
        """As the listener does."""
        change = Change.read(event)
        assert change
        leave_word(Notes(self.engine, AuditChannel.name), change)


def _shows(message, index):
    payload = message["metadata"]["event_payload"]
    return payload.get("first", 0) <= index <= payload.get("last", -1)
