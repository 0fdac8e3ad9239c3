"""The record: append, read, follow, spool.

A name is imported when somebody asks for it: what reads the record at a glance (`glance`) need not wait for the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jit.ledger.append import AlreadyOpen, AskedMeanwhile, Conflict, CountedRequests, Recorded, ReviewOpen
    from jit.ledger.database import LedgerMisconfigured, connect, create_tables
    from jit.ledger.entry import Entry, TamperedEntry, breaks, check_chain
    from jit.ledger.followers import Lease, LeaseLost, Leases, Notes
    from jit.ledger.readmodel import HeldQuestion, Question
    from jit.ledger.snapshot import StoredDirectory
    from jit.ledger.spool import Spool, SpoolFailed
    from jit.ledger.spool_taking import TakenIn
    from jit.ledger.store import ClockSkew, Ledger
    from jit.ledger.unavailable import LedgerUnavailable

__all__ = [
    "AlreadyOpen",
    "AskedMeanwhile",
    "ClockSkew",
    "Conflict",
    "CountedRequests",
    "Entry",
    "HeldQuestion",
    "Lease",
    "LeaseLost",
    "Leases",
    "Ledger",
    "LedgerMisconfigured",
    "LedgerUnavailable",
    "Notes",
    "Question",
    "Recorded",
    "ReviewOpen",
    "Spool",
    "SpoolFailed",
    "StoredDirectory",
    "TakenIn",
    "TamperedEntry",
    "breaks",
    "check_chain",
    "connect",
    "create_tables",
]

_HOME = {
    **dict.fromkeys(
        ("AlreadyOpen", "AskedMeanwhile", "Conflict", "CountedRequests", "Recorded", "ReviewOpen"), "append"
    ),
    **dict.fromkeys(("LedgerMisconfigured", "connect", "create_tables"), "database"),
    **dict.fromkeys(("TamperedEntry", "Entry", "breaks", "check_chain"), "entry"),
    **dict.fromkeys(("Lease", "LeaseLost", "Leases", "Notes"), "followers"),
    **dict.fromkeys(("HeldQuestion", "Question"), "readmodel"),
    "StoredDirectory": "snapshot",
    **dict.fromkeys(("Spool", "SpoolFailed"), "spool"),
    "TakenIn": "spool_taking",
    **dict.fromkeys(("ClockSkew", "Ledger"), "store"),
    "LedgerUnavailable": "unavailable",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
