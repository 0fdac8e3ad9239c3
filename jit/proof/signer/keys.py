"""The files of the signing key: made once, replaced in rotation, never overwritten.

Beside `log.key` lies, while a rotation is under way, the key before it: `log.key.old`. The first checkpoint of the new
key is signed by both, which vouches for the new one; then the old is done with.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from jit.proof.durable import make_folder, sync_folder, write_new
from jit.proof.tlog.note import NotASigningKey, SignerKey
from jit.proof.verifier import NoteError
from jit.runtime.settings import CannotStart, resolve_secret

MEMORY = "state.json"
"""Beside the key: what it signed last; see `jit.proof.signer.state`."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that signs now, and the one before it while nothing signed by both is kept yet."""

    now: SignerKey
    old: SignerKey | None = None

    @property
    def all(self) -> tuple[SignerKey, ...]:
        return (self.now,) if self.old is None else (self.now, self.old)


def read_keys(place: Path | SecretStr) -> Keys:
    """Raises CannotStart."""
    if isinstance(place, SecretStr):
        return Keys(_parsed(place.get_secret_value(), "JIT_SIGNING_KEY"))
    if not place.exists():
        raise CannotStart(f"There is no signing key at {place}. Make it: jit audit keygen")
    now = read_key(place)
    old = read_key(old_of(place)) if is_rotating(place) else None
    return Keys(now, old if old is not None and old.verifier() != now.verifier() else None)


def read_key(path: Path) -> SignerKey:
    """Raises CannotStart."""
    return _parsed(resolve_secret(f"file:{path}").get_secret_value(), str(path))


def is_rotating(place: Path | SecretStr) -> bool:
    return isinstance(place, Path) and old_of(place).exists()


def make_key(path: Path, name: str) -> SignerKey:
    """A new key in a new file that only its owner reads.

    Raises CannotStart where one is there already, or was: a key that nothing vouches for breaks the record.
    """
    memory = path.with_name(MEMORY)
    if memory.exists() and not path.exists():
        raise CannotStart(
            f"{path} is gone, and {memory} says that it has signed. Put it back from your backup. A new key would be "
            "one that nobody vouches for: see docs/operations.md, *Backup and restore*."
        )
    key = _generated(name)
    written = _written_aside(path, key)
    try:
        os.link(written, path)
    except FileExistsError:
        raise CannotStart(
            f"{path} is there already, and whatever it signed needs it. To replace it: jit audit keygen --rotate"
        ) from None
    except OSError as wrong:
        raise _unwritable(path, wrong) from None
    finally:
        written.unlink(missing_ok=True)
    sync_folder(path.parent)
    return key


def make_key_unless_there(path: Path, name: str) -> None:
    """For `jit up` and the demo, which need no set-up. Raises CannotStart."""
    if not path.exists():
        make_key(path, name)


def rotate_key(path: Path) -> SignerKey:
    """A new key of the same name; the one before is kept beside it until a checkpoint is signed by both.

    Raises:
        CannotStart: there is none, or the rotation before this one is not finished.
    """
    now, before = read_key(path), old_of(path)
    if before.exists() and read_key(before).verifier() != now.verifier():
        raise CannotStart(
            "No checkpoint was signed by the key of the last rotation yet. Start the signer first: jit signer"
        )
    key = _generated(now.name)
    written = _written_aside(path, key)
    try:
        with suppress(FileExistsError):
            os.link(path, before)
        sync_folder(path.parent)
        written.replace(path)
    except OSError as wrong:
        written.unlink(missing_ok=True)
        raise _unwritable(path, wrong) from None
    sync_folder(path.parent)
    return key


def retire_old(place: Path | SecretStr) -> None:
    """The rotation is finished: a checkpoint signed by both is kept. Raises OSError."""
    if isinstance(place, Path):
        old_of(place).unlink(missing_ok=True)
        sync_folder(place.parent)


def old_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def _written_aside(path: Path, key: SignerKey) -> Path:
    """Raises CannotStart."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        make_folder(path.parent)
        write_new(aside, [f"{key.skey()}\n".encode()])
    except OSError as wrong:
        raise _unwritable(path, wrong) from None
    return aside


def _generated(name: str) -> SignerKey:
    """Raises CannotStart."""
    try:
        return SignerKey.generate(name)
    except NoteError as wrong:
        raise CannotStart(f"{name!r} names no key: {wrong}. Write it like jit.example.com/production.") from None


def _parsed(written: str, where: str) -> SignerKey:
    """Raises CannotStart."""
    try:
        return SignerKey.parse(written)
    except NotASigningKey as wrong:
        raise CannotStart(f"{where}: {wrong}") from None


def _unwritable(path: Path, wrong: OSError) -> CannotStart:
    return CannotStart(f"{path} cannot be written: {wrong.strerror}. Look at the folder and who owns it.")
