"""The signer's process, put together. It opens its own connections and stops on SIGTERM or Ctrl-C."""

import os
import secrets
from contextlib import closing
from datetime import timedelta
from threading import Event, Thread

import structlog

from jit.clock import SystemClock
from jit.ledger import Leases, Ledger, LedgerUnavailable, connect, create_tables
from jit.ports import Clock
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.copies.copier import open_copier
from jit.proof.signer.signer import Signer
from jit.proof.signer.state import Store
from jit.proof.signer.witnesses import Courier, Witness, read_addresses
from jit.runtime.readiness import say_ready
from jit.runtime.settings import CopySettings, SignerSettings, process_name
from jit.runtime.signals import stop_on_signals

log = structlog.get_logger(__name__)

LEASE_LASTS = timedelta(seconds=5)


def run_signer(
    settings: SignerSettings,
    *,
    clock: Clock | None = None,
    stop: Event | None = None,
    copies: CopySettings | None = None,
) -> None:
    """Sign the record, and copy what is signed, until told to stop. Raises CannotStart."""
    stop, clock, actor = stop or stop_on_signals(), clock or SystemClock(), process_name("signer")
    addresses = read_addresses(settings.witnesses)
    engine = connect(settings.ledger_url.get_secret_value())
    with closing(Store(settings.signer)) as store:
        signer = Signer(
            ledger=Ledger(engine, clock),
            leases=Leases(engine, clock, LEASE_LASTS),
            store=store,
            key=settings.signing_key,
            couriers=[Courier(Witness(address), Checkpoints(engine)) for address in addresses],
            clock=clock,
            actor=actor,
            holder=f"{actor}#{os.getpid()}-{secrets.token_hex(4)}",
        )
        try:
            create_tables(engine)
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
        if copies is not None:
            copier = open_copier(copies, engine, lambda: signer.keys, signer.trouble, clock)
            if copier is not None:
                Thread(target=copier.keep_copying, args=(stop,), name="copier", daemon=True).start()
        log.info("signer.ready")
        say_ready("")
        signer.run(stop)
        log.info("signer.stopped")
    engine.dispose()
