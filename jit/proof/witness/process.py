"""The witness's process: its key, its memory, its server."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import structlog
import uvicorn

from jit.clock import SystemClock
from jit.ports import Clock
from jit.proof.signer.keys import make_key, read_key
from jit.proof.verifier import ED25519, NoteError, VerifierKey
from jit.proof.witness.app import application
from jit.proof.witness.memory import Memory
from jit.proof.witness.witness import Witness
from jit.runtime.settings import Address, CannotStart
from jit.runtime.signals import stop_on_signals, wait_until_told

log = structlog.get_logger(__name__)

BACKLOG = 64
FINISH_WITHIN = 1
"""Seconds for what is under way when the process is told to stop."""


def make_witness(name: str, key: Path, state: Path) -> VerifierKey:
    """A new key and an empty memory, both in new files. Raises CannotStart."""
    if key.exists():
        raise CannotStart(f"{key} is there already. A witness keeps its key; a new one has another file.")
    Memory.create(state)
    return make_key(key, name).verifier().cosigning()


def read_logs(written: Sequence[str]) -> tuple[VerifierKey, ...]:
    """Raises CannotStart."""
    try:
        keys = tuple(VerifierKey.parse(vkey.strip()) for vkey in written)
    except NoteError as wrong:
        raise CannotStart(f"--log is a verifier key, as `jit audit keygen` prints it: {wrong}.") from None
    if not keys or any(key.alg != ED25519 for key in keys):
        raise CannotStart("Name the log to witness by --log, its verifier key as `jit audit keygen` prints it.")
    return keys


def run_witness(
    *,
    logs: Sequence[VerifierKey],
    key: Path,
    state: Path,
    address: Address,
    protocol: type[asyncio.Protocol],
    clock: Clock | None = None,
) -> None:
    """Answer until told to stop; ``protocol`` is a connection, bounded. Raises CannotStart."""
    with closing(Memory(state)) as memory, _listening(address) as listener:
        stop = stop_on_signals()
        witness = Witness(key=read_key(key), logs=logs, memory=memory, clock=clock or SystemClock())
        server = uvicorn.Server(_config(witness, protocol))

        def serve() -> None:
            try:
                server.run([listener])
            finally:
                stop.set()

        thread = threading.Thread(target=serve, name="witness", daemon=True)
        thread.start()
        host, port = listener.getsockname()[:2]
        log.info("witness.ready", host=host, port=port)
        wait_until_told(stop)
        server.should_exit = True
        thread.join(2 * FINISH_WITHIN)
        log.info("witness.stopped")


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except OSError as wrong:
        raise CannotStart(
            f"Nothing can listen at {address.host}, port {address.port}: {wrong.strerror}. "
            "Give an address of this machine that is free: --listen HOST:PORT"
        ) from None


def _config(witness: Witness, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    """What fails in the app is logged there; uvicorn would repeat it."""
    return uvicorn.Config(
        application(witness),
        loop="asyncio",
        http=protocol,
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_WITHIN,
    )
