"""Writing facts that must not get lost: into the ledger, or into the spool while the ledger cannot be reached."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import uuid5

import structlog

from jit.facts import SAME, AboutRequest, Alert, AlertName, Fact, RevokeIntent, Source
from jit.ledger import Conflict, Ledger, LedgerUnavailable, Spool, SpoolFailed
from jit.ports import Clock

log = structlog.get_logger(__name__)

MOST_OWED = 10_000
"""Ends whose outcome waits in the spool are remembered up to so many."""
SAY_AGAIN = timedelta(hours=1)
"""Lines in the spool that have no business there are told of at most this often by one process."""


class Recorder:
    """Records with ``actor`` and ``source``. Only `take_in` raises where the ledger is silent, and nothing where the
    disk is full: neither can undo what has been done.
    """

    def __init__(self, *, ledger: Ledger, spool: Spool, clock: Clock, actor: str, source: Source) -> None:
        self._ledger = ledger
        self._spool = spool
        self._clock = clock
        self._actor = actor
        self._source = source
        self._intending = Lock()
        self._intended: set[str] = set()
        self._owed: dict[str, tuple[Fact, ...]] = {}
        self._told: dict[tuple[AlertName, str], datetime] = {}

    def signed(self) -> dict[str, object]:
        """What every fact of this process begins with."""
        return {"at": self._clock.now(), "actor": self._actor, "source": self._source}

    def alert(self, name: AlertName, about: AboutRequest, says: str, **more: Any) -> Alert:
        return Alert(
            **more,
            name=name,
            says=says,
            request_id=about.id,
            requester=about.requester,
            access=about.access,
            target=about.target,
            principal=about.principal,
            **self.signed(),
        )

    def tell(
        self,
        name: AlertName,
        about: AboutRequest,
        says: str,
        *,
        again_after: timedelta | None = None,
        occasion: str = "",
    ) -> None:
        """An alert, unless somebody told the same of this request before: ever, or within ``again_after``.

        It is told as well where the ledger cannot be asked. Alerts of one ``occasion`` have one id, so that of those
        which several processes tell the ledger takes one.
        """
        if self._is_news(name, about.id, again_after):
            self.record([self.alert(name, about, says, id=uuid5(SAME, f"{name} {about.id} {occasion}"))])

    def has_told(self, name: AlertName, request_id: str) -> bool:
        """Whether anybody has told this of this request, as far as can be seen."""
        return self._told_at(name, request_id) is not None

    def _is_news(self, name: AlertName, request_id: str, again_after: timedelta | None) -> bool:
        now, before = self._clock.now(), self._told_at(name, request_id)
        if before is not None and (again_after is None or now - before < again_after):
            return False
        self._told[name, request_id] = now
        return True

    def _told_at(self, name: AlertName, request_id: str) -> datetime | None:
        """By this process, or by any: the ledger tells. One that is dated ahead was told when it was recorded."""
        known = self._told.get((name, request_id))
        if known is not None:
            return known
        try:
            told = [(entry.fact, entry.recorded_at) for entry in self._ledger.history(request_id, skip_unreadable=True)]
        except LedgerUnavailable:
            return None
        return max(
            (min(fact.at, at) for fact, at in told if isinstance(fact, Alert) and fact.name is name), default=None
        )

    def record(self, facts: Sequence[Fact]) -> None:
        """Facts that follow in any state."""
        try:
            self._ledger.append(facts)
        except LedgerUnavailable:
            self.put_aside(facts)

    def put_aside(self, facts: Sequence[Fact]) -> None:
        """Into the spool."""
        try:
            self._spool.write(facts)
        except SpoolFailed as failed:
            log.exception("spool.failed", because=str(failed))

    def take_in(self) -> None:
        """What waited on this host while the ledger was away. Raises LedgerUnavailable."""
        try:
            taken = self._spool.take_in(self._ledger, self.signed())
        except OSError as wrong:
            log.exception("spool.stuck", because=str(wrong))
            return
        if taken.refused and self._is_news(AlertName.SPOOL_REFUSED, "", SAY_AGAIN):
            says = (
                f"The spool of {self._actor} held {taken.refused} lines that no process of ours has left there, or "
                "that the ledger does not take. They were put aside, in spool.unreadable beside it."
            )
            self.record([Alert(name=AlertName.SPOOL_REFUSED, says=says, **self.signed())])
        if taken.broken:
            log.error("spool.broken", because=taken.broken)
        if taken.recorded or taken.refused:
            log.info("spool.taken_in", recorded=taken.recorded, refused=taken.refused)

    def put_intents_aside(self, intents: Iterable[RevokeIntent]) -> None:
        """Write intents into the spool, once for one end however often that is tried, until it is `concluded`."""
        with self._intending:
            new = [intent for intent in intents if intent.request_id not in self._intended]
            self._intended.update(intent.request_id for intent in new)
        self.put_aside(new)

    def put_outcomes_aside(self, outcomes: Mapping[str, Sequence[Fact]]) -> None:
        """Write the outcomes of proven ends into the spool, by request id. They are owed (`owes`) until the ledger has
        them.
        """
        self.put_aside([fact for facts in outcomes.values() for fact in facts])
        for request_id, facts in outcomes.items():
            self._intended.discard(request_id)
            while len(self._owed) >= MOST_OWED:
                self._owed.pop(next(iter(self._owed)), None)
            self._owed[request_id] = tuple(fact.model_copy(update={"spooled": True}) for fact in facts)

    def owes(self, request_id: str) -> bool:
        """Whether the ledger lacks the outcome of an end, as far as is known here."""
        return request_id in self._owed

    def pay(self, request_id: str) -> bool:
        """Record the outcome that is owed. It waits in the spool as well, and the ledger takes whichever comes first.
        True if nothing is owed any more.
        """
        try:
            self._ledger.append(self._owed.get(request_id, ()))
        except (Conflict, LedgerUnavailable):
            return False
        self.concluded(request_id)
        return True

    def concluded(self, request_id: str) -> None:
        """The outcome of this end is recorded."""
        self._intended.discard(request_id)
        self._owed.pop(request_id, None)
