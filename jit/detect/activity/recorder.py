"""What was seen is put into the record, exactly once: the record itself says up to where a log is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

import structlog

from jit.detect.activity.batches import Batches, fact_id
from jit.detect.activity.lines import digest, fingerprint
from jit.detect.activity.looks import Look
from jit.detect.activity.summing import summed
from jit.detect.activity.ties import Ties
from jit.facts import ActivityLog, ActivityRecorded, Life, Source
from jit.ledger import Conflict, Ledger, LedgerUnavailable, Question
from jit.ledger.unavailable import Doubled
from jit.requests.lifecycle import LIVE, State

log = structlog.get_logger(__name__)

LOOKED_THROUGH = 2_000
"""Entries of activity that are looked through for the newest of one log."""
MOST_OF_LOGS = 20_000
"""Entries about logs themselves. A source that speaks for others makes one an hour at most."""
MOST_OPEN = 20_000
MOST_ALIKE = 100
"""Files of one log that begin alike."""
BACK = 7
"""Days after its end for which a request may still be summed."""


class Overtaken(Exception):
    """Somebody else has recorded what was read: it is read anew from where the record says."""


@dataclass(slots=True)
class Recorder:
    """Writes what one log shows of one target."""

    ledger: Ledger
    target: str
    log: str
    actor: str
    ties: Ties
    began: bool = False
    """Whether the record says that the log is read."""
    _batches: Batches = field(init=False)
    _cursor: int = 0
    _over: set[str] = field(default_factory=set)
    """Requests that are over, and not summed yet."""

    def __post_init__(self) -> None:
        self._batches = Batches(self.actor)

    def begin(self, since: datetime) -> None:
        """Learn the grants that there are, and what waits to be summed. Raises LedgerUnavailable."""
        self._cursor = self.ledger.last_index()
        questions = (
            Question(states=LIVE, target=self.target, limit=MOST_OPEN),
            Question(states=frozenset({State.ENDED}), target=self.target, over_since=since, limit=MOST_OPEN),
        )
        for question in questions:
            self.learn(request.id for request in self.ledger.requests(question))
        self.began = any(each.state == "began" for each in self._logs())

    def follow(self) -> None:
        """Learn what was granted and ended since. Raises LedgerUnavailable."""
        while news := self.ledger.read(after=self._cursor, skip_unreadable=True):
            self.learn(
                {entry.fact.request_id for entry in news if isinstance(entry.fact, Life) and self._is_ours(entry.fact)}
            )
            self._cursor = news[-1].index

    def learn(self, request_ids: Iterable[str]) -> None:
        requests = self.ledger.requests_by_id(sorted(set(request_ids)))
        self.ties.learn(requests)
        for request in requests:
            if (
                request.state is State.ENDED
                and request.granted_at
                and not any(each.log == self.log for each in request.used)
            ):
                self._over.add(request.id)

    def _is_ours(self, fact: Life) -> bool:
        return fact.target == self.target and fact.kind != "activity.summed"

    def newest(self) -> ActivityRecorded | None:
        """What was recorded last of this log. Raises LedgerUnavailable."""
        return next(self.recorded(LOOKED_THROUGH), None)

    def recorded(self, most: int) -> Iterator[ActivityRecorded]:
        """What was recorded of this log, the newest first, among ``most`` entries. Raises LedgerUnavailable."""
        found = (entry.fact for entry in self.ledger.newest_of("activity", most))
        return (fact for fact in found if isinstance(fact, ActivityRecorded) and fact.log == self.log)

    def resume(self, file: BinaryIO, newest: ActivityRecorded | None = None) -> tuple[str, int]:
        """By what name the record knows this file, and up to which byte. Another file that begins alike has a name of
        its own. ``newest`` may be of this file. Raises LedgerUnavailable.
        """
        beginning = fingerprint(file)
        for number in range(1, MOST_ALIKE):
            name = beginning if number == 1 else f"{beginning}~{number}"
            if newest and newest.file == name and self._is_of(newest, file):
                return name, newest.ends
            if (ends := self._ends(name, file)) is not None:
                return name, ends
        return f"{beginning}~{file.seek(0, 2)}", 0

    def _ends(self, name: str, file: BinaryIO) -> int | None:
        """None where what was recorded under this name was another file. Of a copy that ends earlier all is known."""
        after, size = 0, file.seek(0, 2)
        while entry := self.ledger.entry_of(fact_id(self.log, name, after)):
            fact = entry.fact
            if after and isinstance(fact, ActivityRecorded) and fact.ends > size:
                return size
            if not isinstance(fact, ActivityRecorded) or fact.ends <= after or not self._is_of(fact, file):
                return None
            after = fact.ends
        return after

    def _is_of(self, fact: ActivityRecorded, file: BinaryIO) -> bool:
        return digest(file, fact.begins, fact.ends) == fact.digest

    def record(self, look: Look, now: datetime) -> int:
        """Raises Overtaken, LedgerUnavailable."""
        if look.place is None or not look.seen:
            return 0
        facts = self._batches.facts(look.seen, look.place, now, look.remarks)
        try:
            self.ledger.append(facts)
        except (Doubled, Conflict) as wrong:
            raise Overtaken from wrong
        return len(look.seen)

    def say(self, state: str, since: datetime, says: str = "", until: datetime | None = None) -> None:
        """Of the log itself. Raises LedgerUnavailable."""
        about = {"at": self.ledger.clock.now(), "actor": self.actor, "source": Source.COLLECTOR}
        told = {"target": self.target, "log": self.log, "state": state, "since": since, "until": until, "says": says}
        self.ledger.append([ActivityLog.model_validate(about | told)])
        if state == "began":
            self.began = True

    def sum_up(self, read_to: datetime) -> list[str]:
        """Record what was done with what ended before ``read_to``, up to which the log is read. Returns the ids."""
        done = []
        for request_id in sorted(self._over):
            request = self.ledger.request_as_written(request_id)
            if request is None or request.over_at is None or request.over_at >= read_to:
                continue
            self._over.discard(request_id)
            facts = [entry.fact for entry in self.ledger.history(request_id, skip_unreadable=True)]
            logs = self._logs()
            about = {"at": self.ledger.clock.now(), "actor": self.actor, "source": Source.COLLECTOR}
            fact = summed(request, self.log, facts, logs, about)
            try:
                self.ledger.append([fact], expect={request.id: request.version})
                done.append(request_id)
            except Conflict:
                self._over.add(request_id)
            except LedgerUnavailable:
                self._over.add(request_id)
                raise
        return done

    def waits_for_sums(self, over_before: datetime) -> bool:
        """Whether something is over since then, and not summed. Raises LedgerUnavailable."""
        over = (self.ledger.request_as_written(request_id) for request_id in self._over)
        return any(request and request.over_at and request.over_at < over_before for request in over)

    def _logs(self) -> list[ActivityLog]:
        """What is known of this log, the oldest first."""
        return [fact for fact in known_logs(self.ledger) if fact.log == self.log]


def known_logs(ledger: Ledger) -> list[ActivityLog]:
    """What is known of the logs of all targets, the oldest first. Raises LedgerUnavailable."""
    found = ledger.newest(("activity.log",), MOST_OF_LOGS)
    return [fact for fact in reversed(found) if isinstance(fact, ActivityLog)]
