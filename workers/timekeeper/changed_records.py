"""Requests whose entries were changed in the ledger's database: people are told, and ends go on."""

from jit.facts import AlertName
from jit.ledger import Ledger, TamperedEntry
from jit.ports import Held
from jit.requests.lifecycle import Request
from workers.provision.recorder import Recorder
from workers.provision.unknown_grant import unknown_grant
from workers.provision.watchlist import as_written


def look_up(ledger: Ledger, recorder: Recorder, request_id: str) -> Request | None:
    """The request as the ledger has it, even if it was changed there. Raises LedgerUnavailable."""
    try:
        return ledger.request(request_id)
    except TamperedEntry as broken:
        tell_changed(ledger, recorder, request_id, broken)
        return as_written(ledger, request_id)


def tell_changed(ledger: Ledger, recorder: Recorder, request_id: str, broken: TamperedEntry) -> None:
    """Once, however often it is come upon."""
    about = as_written(ledger, request_id) or unknown_grant("", Held(request_id, "", (), None))
    says = f"What the ledger says of {request_id} was changed in its database: {broken}. Nothing is decided on it."
    recorder.tell(AlertName.RECORD_BROKEN, about, says)
