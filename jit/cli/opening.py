"""Opening the ledger for a command, with a sentence where that does not work."""

from pathlib import Path

from sqlalchemy.engine import make_url

from jit.clock import SystemClock
from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from jit.runtime.settings import CannotStart, Settings


class LedgerSilent(CannotStart):
    """The ledger is somewhere, and does not open now."""


def open_ledger(settings: Settings) -> Ledger:
    """The ledger, made if it is not there. Raises LedgerSilent."""
    engine = connect(settings.ledger_url.get_secret_value())
    try:
        create_tables(engine)
    except LedgerUnavailable as away:
        raise LedgerSilent(f"The ledger does not open ({away}). Look at JIT_LEDGER_URL and JIT_DATA.") from None
    return Ledger(engine, SystemClock())


def existing_ledger(settings: Settings) -> Ledger:
    """The ledger that is there: a question asked in the wrong folder must not look like a quiet night.

    Raises:
        CannotStart: there is none.
        LedgerSilent: it does not open.
    """
    connect(settings.ledger_url.get_secret_value()).dispose()
    url = make_url(settings.ledger_url.get_secret_value())
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise CannotStart(f"There is no ledger at {url.database}. Set JIT_DATA or JIT_LEDGER_URL as `jit up` has them.")
    return open_ledger(settings)
