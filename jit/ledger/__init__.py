"""The record: append, read, follow, spool."""

from jit.ledger.database import LedgerMisconfigured, LedgerUnavailable, connect, create_tables
from jit.ledger.entry import BrokenChain, Entry, breaks, check_chain
from jit.ledger.followers import Lease, LeaseLost, Leases, Notes
from jit.ledger.readmodel import Question
from jit.ledger.snapshot import StoredDirectory
from jit.ledger.spool import Spool, SpoolFailed, TakenIn
from jit.ledger.store import AlreadyOpen, ClockSkew, Conflict, Ledger

__all__ = [
    "AlreadyOpen",
    "BrokenChain",
    "ClockSkew",
    "Conflict",
    "Entry",
    "Lease",
    "LeaseLost",
    "Leases",
    "Ledger",
    "LedgerMisconfigured",
    "LedgerUnavailable",
    "Notes",
    "Question",
    "Spool",
    "SpoolFailed",
    "StoredDirectory",
    "TakenIn",
    "breaks",
    "check_chain",
    "connect",
    "create_tables",
]
