"""`jit signer`, `jit witness`: who signs the record, and who looks over its shoulder."""

import jit.runtime.lean  # noqa: F401, I001  before all others

from pathlib import Path

import click

from jit.proof.signer.process import run_signer
from jit.runtime import logs
from jit.runtime.settings import Address, CopySettings, SignerSettings
from jit.runtime.supervisor import hold_lifeline


@click.command()
def signer() -> None:
    """Signs the record. It alone holds the key: see `jit audit keygen`."""
    settings = SignerSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    run_signer(settings, copies=CopySettings())


@click.command()
@click.option(
    "--keygen", metavar="NAME", help="Make the key and the memory of a new witness, such as witness.example.org."
)
@click.option(
    "--log", "log_keys", metavar="VKEY", multiple=True, help="A log's verifier key. More than once for several."
)
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The witness's key.")
@click.option(
    "--state", type=click.Path(path_type=Path), required=True, help="What it has seen. Keep it as you keep the key."
)
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:3300", show_default=True)
def witness(keygen: str | None, log_keys: tuple[str, ...], key: Path, state: Path, listen: str) -> None:
    """Cosigns checkpoints that are consistent with what it saw before. For another host, run by other people.

    Something in front of it has to speak TLS, unless the signer runs on the same machine.
    """
    from bot.http.connection import Connection  # noqa: PLC0415  a signer has no web server
    from jit.proof.witness.process import make_witness, read_logs, run_witness  # noqa: PLC0415

    if keygen is not None:
        click.echo("Give this line to the signer, with your address, in JIT_WITNESSES; and to auditors:", err=True)
        click.echo(str(make_witness(keygen, key, state)))
        return
    known, address = read_logs(log_keys), _address(listen)
    logs.set_up("INFO")
    hold_lifeline()
    run_witness(logs=known, key=key, state=state, address=address, protocol=Connection)


def _address(written: str) -> Address:
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise click.UsageError("--listen has the form HOST:PORT, such as 127.0.0.1:3300 or [::1]:3300.")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
