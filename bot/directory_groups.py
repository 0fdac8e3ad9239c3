"""Groups of the company's directory (LDAP): read by the bot alone, for all processes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pydantic import SecretStr

from jit.ledger import LedgerUnavailable, StoredDirectory
from jit.people.binding import Bindings
from jit.people.directory import NOTHING_READ, DirectorySnapshot
from jit.people.directory.poller import DirectoryPoller, Groups, Rules
from jit.people.directory.settings import DirectoryForm
from jit.policy import PolicyFolder
from jit.ports import Clock
from jit.runtime.settings import resolve_secret


class DirectoryGroups:
    """What `bot.directory.SlackDirectory` adds to Slack's groups. Thread-safe, once it keeps reading."""

    def __init__(self, policies: PolicyFolder, stored: StoredDirectory, clock: Clock) -> None:
        self._policies = policies
        self._stored = stored
        self._clock = clock
        self._poller: DirectoryPoller | None = None

    def snapshot(self) -> DirectorySnapshot:
        """What was read last, without asking."""
        return self._poller.snapshot() if self._poller else NOTHING_READ

    def keep_reading(self, stop: threading.Event) -> None:
        """Read again and again, until ``stop`` is set."""
        self._poller = DirectoryPoller(
            self._rules,
            resolve_secret,
            self._clock,
            open_directory=open_lazily,
            keep=self._stored.keep_directory,
            begin_with=self._kept(),
        )
        self._poller.keep_polling(stop)

    def _kept(self) -> DirectorySnapshot:
        """Who was disabled. Who is in a group is what this process itself has read."""
        try:
            return replace(self._stored.groups().directory, answers={})
        except LedgerUnavailable:
            return NOTHING_READ

    def _rules(self) -> Rules:
        """Raises PolicyError."""
        policy = self._policies.current()
        form = policy.directory
        return Rules(form, Bindings(policy.people, self._stored.emails() if form and form.by_email else {}))


@contextmanager
def open_lazily(form: DirectoryForm, secret: Callable[[str], SecretStr]) -> Iterator[Groups]:
    """As `jit.people.directory.ldap.open_directory`, whose library a policy without a directory does not need."""
    from jit.people.directory.ldap import open_directory  # noqa: PLC0415

    with open_directory(form, secret) as opened:
        yield opened
