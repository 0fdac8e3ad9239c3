"""`jit audit keygen`: the key that signs the record."""

import socket
from pathlib import Path

import click

from jit.proof.signer.keys import make_key, old_of, read_key, rotate_key
from jit.runtime.settings import CannotStart, SignerSettings

THERE = "The key is in {path} already, and stays. This is its public half; --rotate makes a new one:"
MADE = (
    "The key lies in {path}; keep a copy where only its owner gets at it.\n"
    "This is its public half. Give it to auditors (jit audit verify --key) and witnesses (--log):"
)
ROTATED = (
    "The new key lies in {path}; the old one stays in {old} until the signer has signed a checkpoint with both, within "
    "seconds, and is deleted then.\n"
    "This is its public half. Auditors name it from now on (--key); for what was signed before, the checkpoint signed "
    "by both vouches. Start each witness again with both keys (--log OLD --log NEW): until then it cosigns nothing."
)


@click.command()
@click.option("--origin", help="The log's name in every checkpoint, such as jit.example.com/production.")
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
        key, says = rotate_key(path), ROTATED.format(path=path, old=old_of(path).name)
    elif origin is None and path.exists():
        key, says = read_key(path), THERE.format(path=path)
    else:
        key, says = make_key(path, origin or f"{socket.gethostname()}/jit"), MADE.format(path=path)
    click.echo(says, err=True)
    click.echo(str(key.verifier()))
