"""What the signer signs with, and whom it asks, where it runs."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from jit.doctor.examine import NotLookedAt
from jit.doctor.line import Line, Part, fine
from jit.proof.signer.keys import read_keys
from jit.proof.signer.witnesses import read_addresses


def look_at_signing(place: Path | SecretStr, witnesses: str) -> Iterator[Line]:
    """Asks no witness. Raises NotLookedAt, CannotStart."""
    if isinstance(place, Path) and not place.exists():
        raise NotLookedAt(f"there is none at {place}; run it where the signer runs")
    yield fine(Part.LEDGER, f"the record is signed with the key of {read_keys(place).now.name}")
    if asked := read_addresses(witnesses):
        yield fine(Part.LEDGER, f"and cosigned by {', '.join(address.key.name for address in asked)}, when they answer")
