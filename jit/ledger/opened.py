"""Rows of the table of entries, opened: whichever way they were fetched, they are read in this one."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from jit.facts import Life
from jit.ledger.entry import Entry, TamperedEntry, open_entry, require_unchanged
from jit.requests.lifecycle import CannotFollow, Request, replay

_NAMED = re.compile(rb'"sealed":\{"key":"([0-9a-f]{32})"')


def opened(index: int, body: bytes, kept_under: str, keys: Mapping[str, bytes | None] | None) -> Entry:
    """One whose bytes say that it stands elsewhere is not what was recorded here: no hash fits it.

    Raises TamperedEntry: it cannot be read any more.
    """
    try:
        entry = open_entry(body, kept_under, keys)
    except ValueError:
        raise TamperedEntry(index, "it cannot be read any more") from None
    return entry if entry.index == index else replace(entry, index=index, hash="")


def request_of(found: Sequence[Entry]) -> Request | None:
    """The request that these tell, all of its life in order; None if there are none. Raises TamperedEntry."""
    for entry in found:
        require_unchanged(entry)
    try:
        return replay(entry.fact for entry in found if isinstance(entry.fact, Life))
    except CannotFollow as wrong:
        raise TamperedEntry(found[-1].index, f"what comes before it is not all there: {wrong}") from None


def key_ids_in(bodies: Iterable[bytes]) -> set[str]:
    """The ids of all keys that these entries name."""
    return {found.decode() for body in bodies for found in _NAMED.findall(body)}


def deleted_keys_in(bodies: Iterable[bytes]) -> Iterator[str]:
    """The ids of the keys that were deleted, by the entries that say so."""
    for body in bodies:
        with suppress(ValueError, KeyError, TypeError):
            told: Any = json.loads(body)["fact"]["key"]
            if isinstance(told, str):
                yield told
