"""A command at the audit channel: no follower, no lease, and as patient as somebody who waits for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from bot.directory import SlackDirectory
from bot.followers.outbox import Outbox
from bot.mirror.channel import all_messages, patiently
from bot.mirror.check import MirrorCheck, Report
from bot.mirror.follower import MOST_LINES, Mirror
from bot.mirror.message import about, requests_of
from bot.slack_client import slack_client
from bot.views.audit import FILLED, draw_lines
from bot.views.line import first_lines
from jit.ledger import Entry, Ledger, Notes, StoredDirectory
from jit.proof.audit.roots import keys_of
from jit.proof.verifier import VerifierKey

CALL_WITHIN = 15
"""Seconds that a call to Slack may take."""
NOTES = "mirror_check"
BETWEEN_POSTS = 1.0
"""Seconds: as many as Slack allows into one channel."""
READ_AT_ONCE = 500


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
        for message in all_messages(self.outbox, self.channel, self.wait):
            check.see(message)
        return check.report(keys or keys_of(self.ledger), self.ledger.clock.now())

    def fill(self, report: Report) -> Iterator[tuple[int, int]]:
        """Post what is missing, marked as shown later, as far as the mirror has come: the rest is its own to post.

        Yields the first and the last entry of each message. Raises CallFailed, LedgerUnavailable, TamperedEntry.
        """
        reached = Notes(self.ledger.engine, Mirror.name).cursor
        unshown = [(first, min(last, reached)) for first, last in report.unshown if first <= reached]
        if unshown:
            self.directory.poll()
        for first, last in unshown:
            after = first - 1
            while after < last and (entries := self.ledger.read(after=after, limit=min(READ_AT_ONCE, last - after))):
                shown = first_lines(entries, MOST_LINES)
                self._post(shown)
                after = shown[-1].index
                yield shown[0].index, after

    def _post(self, shown: Sequence[Entry]) -> None:
        drawn = draw_lines(shown, self.directory.name, requests_of(self.ledger), [FILLED])
        metadata = about(shown, drawn)
        metadata = metadata._replace(payload={**metadata.payload, "filled": True})
        key = f"fill {shown[0].index} {shown[-1].index}"
        patiently(lambda: self.outbox.post_once(key, self.channel, drawn, metadata), self.wait)
        self.outbox.forget(key)
        self.wait(BETWEEN_POSTS)
