"""A record with requests in it, signed as the signer does, for tests of what is proven."""

from datetime import timedelta
from functools import partial

from jit.ledger import StoredDirectory
from jit.people.person import Person
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import live
from jit.proof.audit.policy_texts import PolicyTexts
from jit.proof.evidence.bundle import Maker
from jit.proof.tlog.note import SignerKey
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.base import World, in_a_file, ledger_at
from tests.world.checkpoints import signed_checkpoint, tree_of
from tests.world.facts import started

ORIGIN = "jit.example.com/production"
TEAM = "T0TEST001"
LATER = timedelta(hours=1)


class Record(World):
    """In a file, or at ``url``, of SQLite or PostgreSQL. Nothing is signed until ``sign`` is called."""

    def __init__(self, folder, *, url="", key=None, **how):
        super().__init__(folder, ledger=partial(ledger_at, url) if url else in_a_file(folder), **how)
        self.url = url or f"sqlite:///{folder / 'ledger.db'}"
        self.key = key or SignerKey.generate(ORIGIN)
        self.checkpoints = Checkpoints(self.engine)
        self.version = self.policies.current().version
        PolicyTexts(self.engine).keep_what_was_read(self.policies)
        self.started()

    def started(self, version=None):
        self.ledger.append([started(self.clock.now(), policy_version=version or self.version)])

    def names(self):
        directory = StoredDirectory(self.engine)
        for who, name in ((ALICE, "Alice"), (BOB, "Bob"), (CAROL, "Carol"), (EVE, "Eve")):
            directory.keep_person(Person(id=who, team=TEAM, name=name), self.clock.now())

    def story(self, request_id="R-7F3K", **fields):
        return super().story(request_id, **{"policy_version": self.version} | fields)

    def whole(self, request_id="R-7F3K", **fields):
        """A request from the asking to the end, with an attempt that was refused."""
        story = self.story(request_id, **fields)
        story.asked()
        self.clock.move(seconds=41)
        story.refused()
        self.clock.move(minutes=1)
        story.approval()
        story.approved()
        self.clock.move(seconds=0.6)
        story.intent()
        story.granted()
        self.clock.move(minutes=19)
        story.released()
        story.ending()
        self.clock.move(seconds=0.4)
        story.ended()
        return story

    def entries(self):
        with live(self.url) as record:
            return list(record.entries)

    def sign(self, *keys, size=None, at=None, root=None):
        """One checkpoint over the first ``size`` entries: the note, as it was put into the table."""
        keys = keys or (self.key,)
        bodies = [body for _, body, _ in self.entries()]
        size = len(bodies) if size is None else size
        self.clock.move(seconds=1)
        note = signed_checkpoint(keys, size, root or tree_of(bodies[:size]).root(), at or self.clock.now(), ORIGIN)
        self.checkpoints.add(size, self.clock.now(), note)
        return note

    def maker(self, **more):
        return Maker(ledger=self.ledger, url=self.url, sleep=lambda _: self.clock.move(seconds=0.2), **more)

    def prove(self, request_id="R-7F3K", **more):
        return self.maker(**({"keys": (self.key.verifier(),)} | more)).make(request_id)

    def close(self):
        self.engine.dispose()
