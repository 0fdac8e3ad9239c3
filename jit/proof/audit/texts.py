"""The texts of entries in the searcher's index: what was typed, and what processes said, each closed with the key of
the person it tells of, as in the entries.

A search opens them and looks in them for its words. Whose key was deleted, their texts open for nobody: the index of
every searcher is blind for them at once. Whoever has the file alone sees whose key closes how much, and no word.
"""

import json
import os
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select

from jit.clock import SystemClock
from jit.facts import personal_fields, said_fields
from jit.ledger import Ledger, TamperedEntry, connect
from jit.ledger.database import reading
from jit.ledger.privacy.opening import Keys
from jit.ledger.schema import person_keys
from jit.proof.audit.folding import folded
from jit.proof.audit.helpers import MANY, can_be_opened_again, cores, in_order
from jit.proof.audit.reading import Part, read_by
from jit.proof.audit.told import tell_body
from jit.runtime import logs

TABLES = (
    "CREATE TABLE texts (first INTEGER, key TEXT, texts BLOB, PRIMARY KEY (first, key)) WITHOUT ROWID",
    "CREATE TABLE apart (place INTEGER PRIMARY KEY)",
    "CREATE TABLE texts_reached (upto INTEGER)",
    "INSERT INTO texts_reached VALUES (0)",
)
BLOCK = 5000
"""Entries that are read together."""
TOGETHER = 100_000
"""Entries whose texts are closed together: the more, the fewer there are to open."""
_NOBODY = ""
"""Stands for the key of what tells of nobody, and is not closed in the entries either."""
_NONCE = 12
_SEALED = re.compile(rb'"([a-z_]+)":\{"sealed":\{"key":"([0-9a-f]{32})"')


@dataclass(frozen=True, slots=True)
class Said:
    """The text of the entry at ``index``, closed there with ``key``. None: it is to be read from the record at each
    search, as it cannot be read, or has texts of several people, or one of somebody that is not closed.
    """

    index: int
    key: str | None
    text: str


def say_body(body: bytes, kept_under: str, keys: Keys) -> Said:
    """What is said in an entry. Raises ValueError, as `open_entry` does."""
    entry = tell_body(body, kept_under, keys)
    said = [name for name in said_fields(entry.model) if entry.told[name]]
    closed = {name.decode(): key.decode() for name, key in _SEALED.findall(body)}
    used = {closed[name] for name in said if name in closed}
    open_ones = set(said) & set(personal_fields(entry.model)) - closed.keys()
    key = None if open_ones or len(used) > 1 else next(iter(used), _NOBODY)
    return Said(entry.index, key, folded_text(entry.told[name] for name in said))


def folded_text(values: Iterable[str | Sequence[str]]) -> str:
    """All that a fact says, in which words are looked for."""
    return folded(" ".join(value if isinstance(value, str) else " ".join(value) for value in values))


def bring_up_to(database: sqlite3.Connection, ledger: Ledger, upto: int, say: Callable[[str], None]) -> None:
    """Add the texts of what was recorded since. The caller has begun no transaction. Raises LedgerUnavailable."""
    (reached,) = database.execute("SELECT upto FROM texts_reached").fetchone()
    if upto - reached > MANY:
        say(f"the index of words is made: {upto - reached:,} entries are opened")
    for after in range(reached, upto, TOGETHER):
        until = min(after + TOGETHER, upto)
        found: dict[str, dict[str, list[int]]] = {}
        apart: list[int] = []
        for said in _said_in(ledger, after, until):
            if said.key is None:
                apart.append(said.index)
            else:
                found.setdefault(said.key, {}).setdefault(said.text, []).append(said.index)
        keys = _keys(ledger)
        apart += [place for key in found.keys() - keys.keys() for places in found[key].values() for place in places]
        rows = ((after, key, _closed(found[key], keys[key], after)) for key in sorted(found.keys() & keys.keys()))
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO texts VALUES (?, ?, ?)", rows)
        database.executemany("INSERT INTO apart VALUES (?)", ((place,) for place in apart))
        database.execute("UPDATE texts_reached SET upto = ?", (until,))
        database.execute("COMMIT")


def fitting(
    database: sqlite3.Connection, ledger: Ledger, words: Sequence[str], of_key: Callable[[str], Iterable[int]]
) -> set[int]:
    """Where entries stand in which all ``words`` may be. Of somebody who was erased that is all there is, which
    ``of_key`` knows: what stands for their texts may be looked for, too. Raises LedgerUnavailable.
    """
    wanted = [folded(word) for word in words]
    keys = _keys(ledger)
    places = {place for (place,) in database.execute("SELECT place FROM apart")}
    blind: set[str] = set()
    for first, key, closed in database.execute("SELECT first, key, texts FROM texts"):
        texts = _opened(closed, keys[key], first) if key in keys else None
        if texts is None:
            blind.add(key)
            continue
        for text, found in texts.items():
            if all(word in text for word in wanted):
                places.update(found)
    return places.union(*map(of_key, blind))


def _said_in(ledger: Ledger, after: int, upto: int) -> Iterator[Said]:
    parts = [Part(at, min(at + BLOCK, upto)) for at in range(after, upto, BLOCK)]
    url = ledger.engine.url
    if cores() < 2 or upto - after < MANY or not can_be_opened_again(url):
        found: Iterable[list[Said]] = (_said_of(ledger, part) for part in parts)
    else:
        found = in_order(_said_of_part, parts, _begin, (url.render_as_string(hide_password=False),))
    for each in found:
        yield from each


_mine: dict[str, Callable[[Part], list[Said]]] = {}
"""In a process that helps, what it does."""


def _begin(address: str) -> None:
    logs.set_up("WARNING")
    _mine["work"] = partial(_said_of, Ledger(connect(address), SystemClock()))


def _said_of_part(part: Part) -> list[Said]:
    return _mine["work"](part)


def _said_of(ledger: Ledger, part: Part) -> list[Said]:
    found = []
    for each in read_by(ledger, part, say_body):
        if not isinstance(each, TamperedEntry):
            found.append(each)
        elif not str(each).partition(": ")[2].startswith("missing"):
            found.append(Said(each.index, None, ""))
    return found


def _keys(ledger: Ledger) -> dict[str, bytes]:
    """What closes texts, by the ids of people's keys."""
    with reading(ledger.engine) as connection:
        found = connection.execute(select(person_keys.c.id, person_keys.c.key)).all()
    return {key_id: sha256(b"jit search\0" + bytes(key)).digest() for key_id, key in found} | {_NOBODY: b""}


def _closed(texts: Mapping[str, list[int]], key: bytes, first: int) -> bytes:
    packed = zlib.compress(json.dumps(texts, separators=(",", ":")).encode(), 1)
    if not key:
        return packed
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, packed, str(first).encode())


def _opened(closed: bytes, key: bytes, first: int) -> dict[str, list[int]] | None:
    """None where this is not what was closed."""
    try:
        packed = AESGCM(key).decrypt(closed[:_NONCE], closed[_NONCE:], str(first).encode()) if key else closed
    except (InvalidTag, ValueError):
        return None
    found: dict[str, list[int]] = json.loads(zlib.decompress(packed))
    return found
