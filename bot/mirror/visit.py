"""A visit to the audit channel by a command: no follower, no lease, and as patient as somebody who waits for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from bot.directory import SlackDirectory
from bot.followers.outbox import Outbox
from bot.mirror.check import MirrorCheck, Report
from bot.mirror.follower import Mirror
from bot.mirror.mend import Filler, messages_of
from bot.slack_client import slack_client
from jit.ledger import Ledger, Notes, StoredDirectory
from jit.proof.audit.roots import keys_of
from jit.proof.verifier import VerifierKey

CALL_WITHIN = 15
"""Seconds that a call to Slack may take."""
NOTES = "mirror_check"


@dataclass(frozen=True, slots=True)
class ChannelSession:
    """What is compared with what. ``wait`` waits so many seconds."""

    ledger: Ledger
    outbox: Outbox
    directory: SlackDirectory
    channel: str
    wait: Callable[[float], None]

    @classmethod
    def to(cls, channel: str, *, token: str, url: str, ledger: Ledger, wait: Callable[[float], None]) -> Self:
        """Speaks to nobody yet. ``url``: of Slack's Web API."""
        client = slack_client(token, url, timeout=CALL_WITHIN)
        directory = SlackDirectory(client, StoredDirectory(ledger.engine), ledger.clock)
        outbox = Outbox(client, Notes(ledger.engine, NOTES), lambda: None)
        return cls(ledger, outbox, directory, channel, wait)

    def report(self, since: int, keys: Sequence[VerifierKey], accepted: frozenset[str] = frozenset()) -> Report:
        """Everything in the channel against the ledger; without ``keys``, by those that the ledger names.
        ``accepted``: versions of jit, as in `MirrorCheck`.

        Raises CallFailed, LedgerUnavailable.
        """
        check = MirrorCheck(self.ledger, self.directory.name, self.outbox.bot_id(), since, accepted)
        for message in messages_of(self.outbox, self.channel, self.wait):
            check.see(message)
        return check.report(keys or keys_of(self.ledger), self.ledger.clock.now())

    def fill(self, report: Report) -> Iterator[tuple[int, int]]:
        """Post what is missing, as far as the mirror has come: the rest is its own to post. Yields each range posted.

        Raises CallFailed, LedgerUnavailable.
        """
        reached = Notes(self.ledger.engine, Mirror.name).cursor
        unshown = [(first, min(last, reached)) for first, last in report.unshown if first <= reached]
        if unshown:
            self.directory.poll()
            yield from Filler(self.ledger, self.outbox, self.directory.name, self.channel, self.wait).fill(unshown)
