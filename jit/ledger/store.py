"""The ledger: append and read.

An append is one transaction under one lock: it assigns the next index, chains the hash, and brings the read model
up to date. So entries are gap-free and a reader who asks for what comes after an index misses nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, func, insert, select, text

from jit.clock import SKEW_LIMIT
from jit.facts import ActivityRecorded, Alert, Fact, Life, OfLockdown, life_kinds
from jit.ledger import readmodel
from jit.ledger.append import Conflict, CountedRequests, InTheWay, Recorded, draft, give_place
from jit.ledger.database import reading, writing
from jit.ledger.entry import NO_ENTRY, Entry, TamperedEntry
from jit.ledger.kept import KEPT, SOME, newest_of_each
from jit.ledger.keys import KeyRing
from jit.ledger.lately import OpenedLately
from jit.ledger.load import lives, load, read_all
from jit.ledger.lockdowns import LockdownReader
from jit.ledger.rows import last_entry, may_be_doubles
from jit.ledger.schema import entries
from jit.ledger.unavailable import Doubled, Overtaken
from jit.ports import Clock
from jit.requests.lifecycle import Request, State
from jit.requests.lockdown import Lockdown

log = structlog.get_logger(__name__)


MOST_TRIES = 5
"""So often an append reads what it rests on without the lock, because somebody else was faster. Then it reads under the
lock: whoever records steps of one request over and over, as several logins may, keeps nobody else's out.
"""
MANY = 10
"""Facts of one append that are worth a question more before it."""
AT_ONCE = 500
"""Requests that are loaded by one query."""
OF_FEW = 50
"""Requests of which what was done is read by one query: an entry of it may be long."""


class ClockSkew(Exception):
    """This machine's clock and the database's differ by more than `SKEW_LIMIT`. Nothing was recorded."""


class Ledger:
    """The record, in a SQLite or PostgreSQL database.

    Every method raises LedgerUnavailable if the database does not answer, and of that kind TamperedEntry if what was
    asked for was changed in the database since it was recorded.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.ring = KeyRing(engine, clock)
        self._lately = OpenedLately(clock)
        self._lockdowns = LockdownReader(self.ring)

    def append(
        self, facts: Sequence[Fact], *, expect: Mapping[str, int] | None = None, counted: Sequence[CountedRequests] = ()
    ) -> Recorded:
        """Record facts, all or none.

        Args:
            facts: in the order in which they happened. One that was spooled and is here already is left out.
            expect: request id to the version the facts are based on; 0 for a request that is new.
            counted: the requests that the facts take for all there are, of each question.

        Raises:
            Conflict: a version is another, or a step cannot follow.
            AlreadyOpen: a second open request of the same person for the same access.
            AskedMeanwhile: there are more than were counted.
        """
        recorded = self._append(facts, expect or {}, counted)
        log_recorded(recorded.entries)
        return recorded

    def _append(self, facts: Sequence[Fact], expect: Mapping[str, int], counted: Sequence[CountedRequests]) -> Recorded:
        if self.engine.dialect.name == "sqlite":
            if len(facts) >= MANY:
                self._read_ahead(facts)
            with writing(self.engine) as connection:
                return self.append_within(connection, facts, expect=expect, counted=counted)
        for _ in range(MOST_TRIES):
            try:
                with reading(self.engine) as connection:
                    drafted = draft(connection, self.ring, facts, expect, counted, locked=False)
                    return give_place(connection, drafted, self.clock.now())
            except InTheWay:
                break
            except Overtaken:
                self.ring.forget()
            except Doubled:
                if not may_be_doubles(facts):
                    raise
        with writing(self.engine) as connection:
            return self.append_within(connection, facts, expect=expect, counted=counted)

    def _read_ahead(self, facts: Sequence[Fact]) -> None:
        """Fold what they rest on: under the lock, while all others wait, it is only compared then."""
        with reading(self.engine) as connection:
            about = {fact.request_id for fact in facts if isinstance(fact, Life)}
            lives(connection, self.ring, about, allow_tampered=about)

    def append_within(
        self,
        connection: Connection,
        facts: Sequence[Fact],
        *,
        expect: Mapping[str, int] | None = None,
        counted: Sequence[CountedRequests] = (),
    ) -> Recorded:
        """The same in a transaction of the caller's, begun by `writing`, that changes something else as well. After it
        the caller hands the entries to `log_recorded`.
        """
        drafted = draft(connection, self.ring, facts, expect or {}, counted, locked=True)
        return give_place(connection, drafted, self.clock.now())

    def lockdowns(self, *, skip_changed: bool = False) -> tuple[Lockdown, ...]:
        """Those in force, the oldest first. Raises TamperedEntry; with ``skip_changed`` those that entries which nobody
        changed tell of: for taking access away and for showing, and never for giving any.
        """
        with reading(self.engine) as connection:
            return self._lockdowns.read(connection, skip_changed=skip_changed)

    def append_lockdown(self, fact: OfLockdown, known: tuple[Lockdown, ...]) -> tuple[Lockdown, ...]:
        """Record a step of a lockdown, decided on while these were in force. Returns those in force after it.

        Raises Conflict: others are by now.
        """
        with writing(self.engine) as connection:
            if self._lockdowns.read(connection, skip_changed=True) != known:
                raise Conflict("lockdowns have changed meanwhile")
            recorded = self.append_within(connection, [fact])
        log_recorded(recorded.entries)
        return self.lockdowns(skip_changed=True)

    def require_writable(self) -> None:
        """See whether an entry could be appended now: one that says nothing is written and taken back."""
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT jit_writable()"))
                return
            with connection.begin_nested() as attempt:
                place = {"index": last_entry(connection)[0] + 1, "id": str(uuid4()), "recorded_at": self.clock.now()}
                connection.execute(insert(entries).values(**place, kind="nothing", body=b"", hash=NO_ENTRY))
                attempt.rollback()

    def last_index(self) -> int:
        """The index of the newest entry; 0 if there is none."""
        with reading(self.engine) as connection:
            return connection.scalar(select(func.max(entries.c.index))) or 0

    def read(self, after: int = 0, limit: int = 500, *, skip_unreadable: bool = False) -> list[Entry]:
        """Up to ``limit`` entries that come after index ``after``, in order, and no more bytes than `kept.AT_ONCE`.

        It ends before one that cannot be read any more, or passes over all of them with ``skip_unreadable``.

        Raises:
            TamperedEntry: the first is such a one.
        """
        found: list[Entry] = []
        with reading(self.engine) as connection:
            while rows := connection.execute(SOME, {"after": after, "limit": limit}).all():
                keys = self.ring.opening(connection, (body for _, body, _ in rows))
                for index, body, kept_under in rows:
                    try:
                        found.append(self._lately.open(index, body, kept_under, keys))
                    except TamperedEntry:
                        if not skip_unreadable and not found:
                            raise
                        if not skip_unreadable:
                            break
                if found:
                    break
                after = rows[-1][0]
        return found

    def request(self, request_id: str) -> Request | None:
        """The request as its facts tell it; None if there is none. Raises TamperedEntry."""
        with reading(self.engine) as connection:
            return load(connection, self.ring, request_id)

    def request_as_written(self, request_id: str) -> Request | None:
        """The same though its entries may have been changed: for taking access away, and for nothing else.

        Those that cannot be read, or cannot follow, are passed over. Where somebody's key is missing, `is_closed` says
        of a field that it does not tell.
        """
        with reading(self.engine) as connection:
            return load(connection, self.ring, request_id, allow_tampered=True)

    def history(self, request_id: str, *, skip_unreadable: bool = False) -> list[Entry]:
        """Every entry about a request, refusals included, in order; those that cannot be read any more are passed over
        with ``skip_unreadable``. Raises TamperedEntry.
        """
        query = KEPT.where(entries.c.request_id == request_id).order_by(entries.c.index)
        with reading(self.engine) as connection:
            return read_all(connection, self.ring, query, skip_unreadable=skip_unreadable)

    def alerts(self, request_ids: Collection[str]) -> list[Alert]:
        """Every alert about one of these requests that can be read, in order."""
        about = entries.c.request_id.in_(request_ids), entries.c.kind == "alert"
        with reading(self.engine) as connection:
            found = read_all(connection, self.ring, KEPT.where(*about).order_by(entries.c.index), skip_unreadable=True)
        return [entry.fact for entry in found if isinstance(entry.fact, Alert)]

    def activity(self, request_ids: Sequence[str], most: int) -> list[ActivityRecorded]:
        """The newest of what was done with each of these, ``most`` entries at most of each, in order; those that cannot
        be read any more are passed over.
        """
        found: list[Entry] = []
        with reading(self.engine) as connection:
            for begin in range(0, len(request_ids), OF_FEW):
                some = request_ids[begin : begin + OF_FEW]
                found += read_all(connection, self.ring, newest_of_each("activity", some, most), skip_unreadable=True)
        return [entry.fact for entry in found if isinstance(entry.fact, ActivityRecorded)]

    def newest(self, kinds: Sequence[str], limit: int) -> list[Fact]:
        """The newest facts of these kinds that are about no request, newest first; those that cannot be read any more
        are passed over.
        """
        of_kinds = entries.c.request_id.is_(None) & entries.c.kind.in_(kinds)
        query = KEPT.where(of_kinds).order_by(entries.c.index.desc()).limit(limit)
        with reading(self.engine) as connection:
            return [entry.fact for entry in read_all(connection, self.ring, query, skip_unreadable=True)]

    def entry_of(self, fact_id: UUID) -> Entry | None:
        """The entry of this fact. Raises TamperedEntry."""
        with reading(self.engine) as connection:
            found = read_all(connection, self.ring, KEPT.where(entries.c.id == str(fact_id)))
        return found[0] if found else None

    def newest_of(self, kind: str, limit: int, *, before: int | None = None) -> list[Entry]:
        """The newest entries of one kind, whatever they are about, newest first; those that cannot be read any more are
        passed over. With ``before``, of those before this entry.
        """
        query = KEPT.where(entries.c.kind == kind).order_by(entries.c.index.desc()).limit(limit)
        query = query if before is None else query.where(entries.c.index < before)
        with reading(self.engine) as connection:
            return read_all(connection, self.ring, query, skip_unreadable=True)

    def of_kind(self, kind: str, since: datetime, limit: int) -> list[Life]:
        """The newest steps of requests of this kind that were recorded since then, newest first; those that cannot be
        read any more are passed over.
        """
        query = KEPT.where(entries.c.kind == kind, entries.c.recorded_at >= since)
        query = query.order_by(entries.c.index.desc()).limit(limit)
        with reading(self.engine) as connection:
            found = read_all(connection, self.ring, query, skip_unreadable=True)
        return [entry.fact for entry in found if isinstance(entry.fact, Life)]

    def unsettled(self) -> list[str]:
        """Ids of all requests that nothing has closed yet: by the facts, whatever the read model says. What was given
        is closed by its end alone: nothing else that closes can follow there, whoever wrote it.
        """
        asked, given, closed = (
            select(entries.c.request_id).where(entries.c.kind.in_(kinds))
            for kinds in (("requested",), ("granted",), life_kinds(closing=True))
        )
        closed = closed.where((entries.c.kind == "ended") | entries.c.request_id.not_in(given))
        with reading(self.engine) as connection:
            return list(connection.scalars(asked.except_(closed)))

    def waking(self, now: datetime, limit: int = 1000) -> list[str]:
        """Ids of requests that want attention by ``now``, the most overdue first."""
        with reading(self.engine) as connection:
            return readmodel.waking(connection, now, limit)

    def requests(self, question: readmodel.Question) -> list[Request]:
        """Those that fit, newest first. Those whose entries were changed are left out."""
        with reading(self.engine) as connection:
            ids = [row.id for row in readmodel.find(connection, question)]
            return list(_load_all(connection, self.ring, ids))

    def find(self, question: readmodel.Question) -> list[readmodel.Found]:
        """What the read model says of those that fit, newest first: to choose of many the few that are shown."""
        with reading(self.engine) as connection:
            return readmodel.find(connection, question)

    def held(self, question: readmodel.HeldQuestion) -> list[str]:
        """Ids of what is held now, the most pressing first: break-glass, then what ends first. However many there are,
        no more than are asked for are looked at. By the read model.
        """
        with reading(self.engine) as connection:
            return readmodel.held(connection, question)

    def count_held(self, question: readmodel.HeldQuestion, most: int) -> int:
        """How many are held now, counted no further than ``most``."""
        with reading(self.engine) as connection:
            return readmodel.count_held(connection, question, most)

    def requests_by_id(self, ids: Sequence[str]) -> list[Request]:
        """In the order of ``ids``. Those whose entries were changed, or that are not there, are left out."""
        with reading(self.engine) as connection:
            return list(_load_all(connection, self.ring, ids))

    def count_asked(self, requester: str, since: datetime, until: datetime) -> dict[State, int]:
        """How many requests this person made between the two moments, both included, by how they are now. By the read
        model: it decides nothing about access.
        """
        with reading(self.engine) as connection:
            return readmodel.count_asked(connection, requester, since, until)

    def asked_often(self, requester: str) -> dict[str, int]:
        """How often this person asked for each access."""
        with reading(self.engine) as connection:
            return readmodel.asked_often(connection, requester)

    def skew(self) -> timedelta:
        """How far this machine's clock is ahead of the database's. Zero for SQLite, which has none of its own."""
        if self.engine.dialect.name != "postgresql":
            return timedelta(0)
        with reading(self.engine) as connection:
            theirs: datetime | None = connection.scalar(text("SELECT clock_timestamp()"))
        if theirs is None:
            raise AssertionError("PostgreSQL always knows the time")
        return self.clock.now() - theirs

    def require_clocks_agree(self) -> None:
        """Raises ClockSkew."""
        skew = self.skew()
        if abs(skew) > SKEW_LIMIT:
            raise ClockSkew(
                f"this machine's clock is {abs(skew.total_seconds()):.1f} s "
                f"{'ahead of' if skew > timedelta(0) else 'behind'} the ledger's; set it right (NTP)"
            )


def log_recorded(recorded: Sequence[Entry]) -> None:
    """Where the entry is found and no more: what it says of people can be erased from the record, not from a log."""
    for entry in recorded:
        log.info(
            "entry.recorded",
            index=entry.index,
            hash=entry.hash,
            kind=entry.fact.kind,
            request_id=getattr(entry.fact, "request_id", None),
        )


def _load_all(connection: Connection, ring: KeyRing, ids: Sequence[str]) -> Iterator[Request]:
    for begin in range(0, len(ids), AT_ONCE):
        yield from _load_unless_changed(connection, ring, ids[begin : begin + AT_ONCE])


def _load_unless_changed(connection: Connection, ring: KeyRing, ids: Sequence[str]) -> Iterator[Request]:
    """In their order. Where entries were changed it is looked by halves whose they are."""
    try:
        found = lives(connection, ring, ids)
    except TamperedEntry as broken:
        if len(ids) > 1:
            middle = len(ids) // 2
            for half in (ids[:middle], ids[middle:]):
                yield from _load_unless_changed(connection, ring, half)
        else:
            log.error("record.broken", request_id=ids[0], because=str(broken))  # noqa: TRY400  no fault of ours
        return
    yield from (request for each in ids if (request := found[each][1]))
