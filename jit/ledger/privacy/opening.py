"""What is closed in a fact, opened: in its text at once where it stands as `sealing.close` writes it, or each value.

Both say the same. In the text it is taken apart at what is closed, and put together again with what that says: the
rest, which is most of it, is read once and not written again.
"""

import re
from binascii import a2b_base64
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from jit.facts import MODELS
from jit.ledger.privacy import fields, people, sealing
from jit.ledger.privacy.sealing import Sealed

Keys = Mapping[str, bytes | None]
"""By its id every key that is named: None for one that was deleted with its person."""

_CLOSED = re.compile(rb'"([a-z_]+)":\{"sealed":\{"key":"([0-9a-f]{32})","commit":"([^"]{44})","box":"([^"]+)"\}\}')
_ID = re.compile(rb'\{"id":"([0-9a-f-]{36})",')
_KIND = re.compile(rb',"kind":"([a-z._]{1,32})"')


def open_in_text(fact: bytes, keys: Keys) -> bytes | None:
    """The JSON of a fact, opened; None where it takes `open_values`.

    Where a field stands is guessed by its name, and the commitment tells whether that was right.
    """
    said, kind = _ID.match(fact), _KIND.search(fact)
    if said is None or kind is None or fact.count(b'"id":') > 1 or fact.count(b'"kind":') > 1:
        return None
    paths, listed, fact_id = _paths(kind[1].decode()), Counter[str](), said[1].decode()
    before, *parts = _CLOSED.split(fact)
    text = [before]
    try:
        for at in range(0, len(parts), 5):
            name, key_id, commitment, box, after = parts[at : at + 5]
            path, key = paths[name], keys[key_id.decode()]
            if key is None:
                return None
            if "#" in path:
                listed[path] += 1
                path = path.replace("#", str(listed[path] - 1))
            sealed = a2b_base64(commitment, strict_mode=True), a2b_base64(box, strict_mode=True)
            text += [b'"', name, b'":', sealing.open_text(*sealed, key, fact_id, path).encode(), after]
    except (ValueError, KeyError):
        return None
    return b"".join(text)


@cache
def _paths(kind: str) -> Mapping[bytes, str]:
    """Where the personal fields of a kind stand, by name, with `#` for a place in a list."""
    found = fields.paths(MODELS[kind]) if kind in MODELS else ()
    return {path.rpartition(".")[2].encode(): path for path in found}


def open_values(fact: dict[str, Any], keys: Keys | None) -> None:
    """Put what is closed in ``fact`` in its place again, or what stands for it. Without ``keys`` it stays closed.

    Raises ValueError, AttributeError, KeyError, TypeError: it is no fact.
    """
    for place in fields.places(fact):
        if not isinstance(place.value, dict):
            continue
        sealed = Sealed.read(place.value)
        key = None if keys is None else keys[sealed.key_id]
        if key is not None:
            opened = sealing.open_with_key(sealed, key, fact["id"], place.path)
        elif place.mark.names:
            opened = (people.closed_person if keys is None else people.erased_person)(sealed.key_id)
        else:
            text = people.CLOSED_TEXT if keys is None else people.ERASED_TEXT
            opened = [text] if place.listed else text
        place.within[place.name] = opened
