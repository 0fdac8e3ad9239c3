"""What opens the personal fields of one entry, and of no other: for an evidence bundle."""

import base64
import json
from typing import Any

from jit.ledger import Entry
from jit.ledger.keys import KeyRing
from jit.ledger.privacy import fields
from jit.ledger.privacy.sealing import Sealed, field_secret


def disclose(entry: Entry, ring: KeyRing) -> dict[str, str]:
    """By its path, the secret of each closed field whose person was not erased, in Base64. Nothing for plain entries.

    Raises LedgerUnavailable.
    """
    fact: dict[str, Any] = json.loads(entry.body)["fact"]
    keys = ring.of(entry.body)
    found: dict[str, str] = {}
    for place in fields.places(fact):
        if isinstance(place.value, dict) and (key := keys.get(Sealed.read(place.value).key_id)) is not None:
            found[place.path] = base64.b64encode(field_secret(key, fact["id"], place.path)).decode()
    return found
