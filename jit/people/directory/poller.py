"""Who is in every group of the directory that the policy names: read every 10 seconds, by the bot alone."""

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic import SecretStr

from jit.errors import Expected
from jit.people.answers import Because
from jit.people.binding import Bindings, BoundTwice, Named
from jit.people.directory.answer import Members, NotKnown, NotRead, is_fresh
from jit.people.directory.settings import PEOPLE_AS, DirectoryForm
from jit.people.directory.snapshot import NOTHING_READ, DirectorySnapshot
from jit.people.providers.ticking import Ticking

log = structlog.get_logger(__name__)

POLL_EVERY = timedelta(seconds=10)
REFUSED_EVERY = timedelta(minutes=1)
"""How often a login that is refused is tried again: directories lock those that fail often."""
_PASSING = frozenset({Because.NO_ANSWER, Because.UNREACHABLE, Because.BUSY, Because.ERROR})
"""What says nothing against an answer that is still fresh."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy in force says: its directory, if any, and who people are."""

    directory: DirectoryForm | None = None
    bindings: Bindings = field(default_factory=Bindings)


class Listing(Protocol):
    """As `jit.people.directory.ldap.Listed`."""

    @property
    def people(self) -> Collection[Named]: ...
    @property
    def others(self) -> int: ...
    @property
    def gone(self) -> bool: ...


class Groups(Protocol):
    """As `jit.people.directory.ldap.LdapGroups`."""

    def find_people(self, names: Collection[str], emails: Collection[str]) -> Collection[Named]: ...
    def disabled(self, names: Collection[str], emails: Collection[str]) -> Collection[Named]: ...
    def group(self, entry: str) -> Listing: ...


Open = Callable[[DirectoryForm, Callable[[str], SecretStr]], AbstractContextManager[Groups]]


class DirectoryPoller:
    """Reads the directory. The snapshot is for every thread; one alone polls."""

    def __init__(
        self,
        rules: Callable[[], Rules],
        secret: Callable[[str], SecretStr],
        clock: Ticking,
        *,
        open_directory: Open,
        keep: Callable[[DirectorySnapshot], None] = lambda _: None,
        begin_with: DirectorySnapshot = NOTHING_READ,
    ) -> None:
        """``rules`` raises nothing but `Expected`, and then nothing is known. ``keep`` is given each snapshot, for
        processes that cannot ask, and may raise `Expected`.
        """
        self._rules = rules
        self._secret = secret
        self._clock = clock
        self._open = open_directory
        self._keep = keep
        self._snapshot = begin_with

    def snapshot(self) -> DirectorySnapshot:
        """What was answered last, without asking."""
        return self._snapshot

    def poll(self) -> timedelta:
        """Read all groups, and hand the snapshot on. Returns how long to wait before the next time."""
        try:
            rules = self._rules()
        except Expected:
            return POLL_EVERY
        before = self._snapshot
        if rules.directory is None:
            self._snapshot = NOTHING_READ
        else:
            self._snapshot = self._merged(self._read(rules.directory, rules.bindings), rules.directory)
        if before != self._snapshot:
            self._hand_on()
        answers = self._snapshot.answers.values()
        refused = answers and all(_because(answer) is Because.REFUSED for answer in answers)
        return REFUSED_EVERY if refused else POLL_EVERY

    def keep_polling(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set."""
        while True:
            began = self._clock.ticks()
            pause = self.poll().total_seconds()
            if stop.wait(max(1.0, pause - (self._clock.ticks() - began))):
                return

    def _hand_on(self) -> None:
        try:
            self._keep(self._snapshot)
        except Expected as wrong:
            log.warning("directory.not_kept", because=str(wrong))

    def _read(self, form: DirectoryForm, bindings: Bindings) -> DirectorySnapshot:
        """Each group by itself: what one of them lacks says nothing against another."""
        as_of = self._clock.now()
        names = [known[PEOPLE_AS] for known in bindings.people.values() if PEOPLE_AS in known]
        emails = sorted(set(bindings.emails.values())) if form.by_email else []
        try:
            with self._open(form, self._secret) as directory:
                found = _bound(bindings, form, directory.find_people(names, emails))
                disabled = _bound(bindings, form, directory.disabled(names, emails) if form.disabled else ())
                answers = {group: _answer(directory, group, form, bindings, as_of) for group in form.groups}
        except NotRead as wrong:
            return self._unread(form, wrong.because, as_of)
        except (Expected, ValueError):
            return self._unread(form, Because.NO_CREDENTIAL, as_of)
        return DirectorySnapshot(answers, found, disabled)

    def _unread(self, form: DirectoryForm, because: Because, as_of: datetime) -> DirectorySnapshot:
        """Who was disabled stays so until the directory says otherwise."""
        answers = {group: NotKnown(group, because, as_of) for group in form.groups}
        return DirectorySnapshot(
            answers, self._snapshot.found, self._snapshot.disabled if form.disabled else frozenset()
        )

    def _merged(self, read: DirectorySnapshot, form: DirectoryForm) -> DirectorySnapshot:
        answers: dict[str, Members | NotKnown] = {}
        for group, answer in read.answers.items():
            kept = self._snapshot.answers.get(group)
            passing = isinstance(answer, NotKnown) and answer.reason in _PASSING
            same = isinstance(kept, Members) and kept.entry == form.groups[group]
            if passing and kept is not None and same and is_fresh(kept.as_of, answer.as_of):
                answers[group] = kept
            else:
                answers[group] = answer
            if _said(kept) != _said(answer):
                log.warning("directory.group_changed", group=group, **_said(answer))
        return DirectorySnapshot(answers, read.found, read.disabled)


def _answer(
    directory: Groups, group: str, form: DirectoryForm, bindings: Bindings, as_of: datetime
) -> Members | NotKnown:
    entry = form.groups[group]
    try:
        listed = directory.group(entry)
        bound = bindings.bind(PEOPLE_AS, listed.people, by_email=form.by_email, loosely=True)
    except NotRead as wrong:
        return NotKnown(group, wrong.because, as_of)
    except BoundTwice:
        return NotKnown(group, Because.BOUND_TWICE, as_of)
    return Members(group, entry, bound.people, as_of, bound.unbound + listed.others, listed.gone)


def _bound(bindings: Bindings, form: DirectoryForm, named: Collection[Named]) -> frozenset[str]:
    """Those of them who are bound to one person."""
    try:
        return bindings.bind(PEOPLE_AS, named, by_email=form.by_email, loosely=True).people
    except BoundTwice:
        if len(named) == 1:
            return frozenset()
    return frozenset().union(*(_bound(bindings, form, [each]) for each in named))


def _because(answer: Members | NotKnown | None) -> Because | None:
    return answer.reason if isinstance(answer, NotKnown) else None


def _said(answer: Members | NotKnown | None) -> Mapping[str, object]:
    """For the log, which names nobody: whether there is the group, and why nothing is known of it."""
    because = _because(answer)
    return {"gone": isinstance(answer, Members) and answer.gone, "because": because.value if because else ""}
