"""Opening the ledger for a command, with a sentence where that does not work.

What opens a database is imported when one is opened: to say that there is none takes nothing of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from jit.errors import Expected
from jit.runtime.settings import CannotStart, Settings

if TYPE_CHECKING:
    from jit.ledger import Ledger


class LedgerSilent(CannotStart):
    """The ledger is somewhere, and does not open now."""

    @classmethod
    def because(cls, away: Expected) -> Self:
        return cls(f"The ledger does not open ({away}). Look at JIT_LEDGER_URL and JIT_DATA.")


def open_ledger(settings: Settings) -> "Ledger":
    """The ledger, made if it is not there. Raises LedgerSilent."""
    from jit.clock import SystemClock  # noqa: PLC0415  as above
    from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables  # noqa: PLC0415

    engine = connect(settings.ledger_url.get_secret_value())
    try:
        create_tables(engine)
    except LedgerUnavailable as away:
        raise LedgerSilent.because(away) from None
    return Ledger(engine, SystemClock())


def existing_ledger(settings: Settings) -> "Ledger":
    """The ledger that is there: a question asked in the wrong folder must not look like a quiet night. A command that
    imported nothing that logs is given its logs here.

    Raises:
        CannotStart: there is none.
        LedgerSilent: it does not open.
    """
    _require_there(settings.ledger_file)
    from jit.ledger import connect  # noqa: PLC0415  as above
    from jit.runtime import logs  # noqa: PLC0415

    logs.set_up("WARNING")
    url = connect(settings.ledger_url.get_secret_value()).url
    _require_there(Path(url.database or "") if url.get_backend_name() == "sqlite" else None)
    return open_ledger(settings)


def _require_there(file: Path | None) -> None:
    """Raises CannotStart."""
    if file is not None and not file.exists():
        raise CannotStart(f"There is no ledger at {file}. Set JIT_DATA or JIT_LEDGER_URL as `jit up` has them.")
