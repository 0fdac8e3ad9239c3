"""Which processes are at work, as far as the ledger's database shows: those that hold a lease."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import exists, inspect, select

from jit.doctor.examine import NotLookedAt, needed
from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger import LedgerMisconfigured, LedgerUnavailable, connect
from jit.ledger.database import reading, there
from jit.ledger.schema import entries, leases
from jit.ledger.unavailable import Forbidden
from jit.ports import Clock
from jit.runtime.settings import CannotStart

LATE = timedelta(seconds=5)
"""A lease that ran out longer ago is nobody's."""
LONGEST = timedelta(minutes=2)
"""One that goes on for longer than any lasts was taken before the clock was set back, or by nobody of ours."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A process that is to run, the lease that it holds, and what is missing without it.

    ``one_each`` says that each of several holds one of its own, whose name begins so. One that is ``optional`` may
    have been stopped for good.
    """

    process: str
    lease: str
    missing: str
    one_each: bool = False
    optional: bool = False

    def is_of(self, lease: str) -> bool:
        return lease.startswith(self.lease) if self.one_each else lease == self.lease


def look_at_processes(url: SecretStr, clock: Clock, wanted: Sequence[Wanted]) -> Iterator[Line]:
    """Who stops in good order gives its lease back, so one that ran out is of a process that fell. Before the first
    start nobody is missing. Raises NotLookedAt.
    """
    try:
        engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    except (CannotStart, LedgerMisconfigured):
        raise NotLookedAt("the ledger cannot be opened; mend that first") from None
    if not there(engine.url):
        raise NotLookedAt("there is no ledger yet")
    try:
        with reading(engine) as connection:
            if not inspect(connection).has_table(leases.name):
                raise NotLookedAt("there is no ledger yet")
            held = {row.name: row.until for row in connection.execute(select(leases.c.name, leases.c.until))}
            begun = bool(connection.scalar(select(exists(select(entries.c.index)))))
    except Forbidden:
        raise NotLookedAt("the ledger's database does not let this login see who is at work") from None
    except LedgerUnavailable:
        raise NotLookedAt("the ledger's database does not answer") from None
    finally:
        engine.dispose()
    for one in wanted:
        yield _said(one, sorted(held[lease] for lease in held if one.is_of(lease)), clock.now(), begun=begun)


def _said(one: Wanted, until: Sequence[datetime], now: datetime, *, begun: bool) -> Line:
    """``until`` has of each of its leases when it runs out, the last at the end."""
    start = f"Start it: jit {one.process}, or jit up"
    at_work = [moment for moment in until if now - LATE <= moment <= now + LONGEST]
    if at_work:
        many = f"{len(at_work)} {one.process}s are" if len(at_work) > 1 else f"a {one.process} is"
        return fine(Part.PROCESSES, f"{many} at work")
    if until:
        since = f" since {until[-1]:%Y-%m-%d %H:%M:%S} UTC" if until[-1] <= now else ""
        behind = f"{start}. If it runs, the clock of its host is behind: set it right (NTP)."
        return mend(Part.PROCESSES, f"the {one.process} has been down{since}; {one.missing}", behind)
    what = f"no {one.process} runs; without one {one.missing}"
    return mend(Part.PROCESSES, what, start) if begun and not one.optional else note(Part.PROCESSES, what, start)
