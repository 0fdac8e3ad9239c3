"""`jit audit keygen`: the key that signs the record."""

import socket
from pathlib import Path

import click

from jit.proof.signer.keys import make_key, old_of, read_key, rotate_key
from jit.proof.tlog.note import SignerKey
from jit.runtime.settings import CannotStart, SignerSettings


@click.command()
@click.option("--origin", help="The log's name in every head, such as jit.example.com/production.")
@click.option("--rotate", is_flag=True, help="Replace the key there is by a new one of the same name.")
def keygen(origin: str | None, *, rotate: bool) -> None:
    """Make the key that signs the record, and print its public half; where there is one, only that.

    Run it as the signer's user: no other process needs to read the key.
    """
    path = SignerSettings().signing_key
    if not isinstance(path, Path):
        raise CannotStart("JIT_SIGNING_KEY holds the key itself. Name a file in it to make one: file:/path/log.key")
    if rotate and origin:
        raise click.UsageError("A key keeps its name when it is rotated: leave out --origin.")
    if rotate:
        _say_rotated(rotate_key(path), path)
    elif origin is None and path.exists():
        _say_there(read_key(path), path)
    else:
        _say_made(make_key(path, origin or f"{socket.gethostname()}/jit"), path)


def _say_there(key: SignerKey, path: Path) -> None:
    click.echo(f"The key is in {path} already, and stays. This is its public half; --rotate makes a new one:", err=True)
    click.echo(str(key.verifier()))


def _say_made(key: SignerKey, path: Path) -> None:
    click.echo(f"The key lies in {path}; keep a copy where only its owner gets at it.", err=True)
    click.echo("This is its public half. Give it to auditors (jit audit verify --key) and witnesses (--log):", err=True)
    click.echo(str(key.verifier()))


def _say_rotated(key: SignerKey, path: Path) -> None:
    click.echo(
        f"The new key lies in {path}; the old one stays in {old_of(path).name} until the signer has signed a head with "
        "both, within seconds, and is deleted then.",
        err=True,
    )
    click.echo(
        "This is its public half. Auditors name it from now on (--key); for what was signed before, the head signed by "
        "both vouches. Start each witness again with both keys (--log OLD --log NEW): until then it cosigns nothing.",
        err=True,
    )
    click.echo(str(key.verifier()))
