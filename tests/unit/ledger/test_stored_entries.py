"""Entries written once are read for ever. `entries.jsonl` holds one of each kind of fact, as the ledger keeps it.

No line there is ever changed. A new kind of fact adds a line, which the first test here writes for whoever adds one;
a field that these lines lack needs a default.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from jit.facts import MODELS, Life, read_fact, write_fact
from jit.ledger import check_chain
from jit.ledger.entry import open_entry, seal
from tests.world.next_entry import rest_of

STORED = (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()


def fact_in(body):
    return json.loads(body)["fact"]


def next_lines(kinds: Iterable[str]) -> Iterator[str]:
    """A line of each kind to append, about the request of the others. What is a mere x can be something better."""
    stored = [open_entry(body) for body in STORED]
    last = stored[-1]
    known = next(entry.fact for entry in stored if isinstance(entry.fact, Life)).model_dump()
    for kind in kinds:
        told = rest_of(kind)
        fact = {"id": UUID(int=last.fact.id.int + 1), "at": last.fact.at + timedelta(seconds=1), "actor": "bot@host1"}
        fact |= {"source": "bot"} | told | {name: known[name] for name in told if known.get(name) is not None}
        where = {"recorded_at": last.recorded_at + timedelta(seconds=1), "previous": last.hash}
        last = seal(MODELS[kind](**fact), index=last.index + 1, **where)
        yield last.body.decode()


def as_stored(written, stored):
    """What is written, without the fields that came later, in lists of objects too."""
    if isinstance(stored, dict):
        return {name: as_stored(value, stored[name]) for name, value in written.items() if name in stored}
    if isinstance(stored, list):
        return [as_stored(*both) for both in zip(written, stored, strict=True)]
    return written


def test_a_stored_entry_of_every_kind_is_read_and_means_the_same():
    new = sorted(set(MODELS) - {fact_in(body)["kind"] for body in STORED})
    assert not new, "append to tests/unit/entries.jsonl:\n" + "\n".join(next_lines(new))
    for body in STORED:
        entry, stored = open_entry(body), fact_in(body)
        assert type(entry.fact) is MODELS[stored["kind"]]
        written = json.loads(write_fact(entry.fact))
        assert as_stored(written, stored) == stored
        assert list(as_stored(written, stored)) == list(stored)
        assert read_fact(write_fact(entry.fact)) == entry.fact


def test_stored_entries_still_hang_together():
    assert check_chain(open_entry(body) for body in STORED) == len(STORED)
