"""Which processes are at work, as far as the ledger's database shows: those that hold a lease."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import inspect, select

from jit.doctor.examine import NotLookedAt, needed
from jit.doctor.ledger import there
from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger import LedgerMisconfigured, LedgerUnavailable, connect
from jit.ledger.database import Forbidden, reading
from jit.ledger.schema import leases
from jit.ports import Clock
from jit.settings import CannotStart

LATE = timedelta(seconds=5)
"""A lease that ran out longer ago is nobody's."""


def look_at_processes(url: SecretStr, clock: Clock, wanted: Mapping[str, tuple[str, str]]) -> Iterator[Line]:
    """``wanted``: by lease, the process and what is missing without it. Who stops in good order gives its lease back,
    so one that ran out is of a process that fell. Raises NotLookedAt.
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
    except Forbidden:
        raise NotLookedAt("the ledger's database does not let this login see who is at work") from None
    except LedgerUnavailable:
        raise NotLookedAt("the ledger's database does not answer") from None
    finally:
        engine.dispose()
    for lease, (process, missing) in wanted.items():
        start = f"Start it: jit {process}, or jit up"
        if lease not in held:
            yield note(Part.PROCESSES, f"no {process} runs; without one {missing}", start)
        elif held[lease] + LATE < clock.now():
            since = f"{held[lease]:%Y-%m-%d %H:%M:%S} UTC"
            yield mend(Part.PROCESSES, f"the {process} has been down since {since}; {missing}", start)
        else:
            yield fine(Part.PROCESSES, f"a {process} is at work")
