"""Entries written once are read for ever. `entries.jsonl` holds one of each kind of fact, as the ledger keeps it.

No line there is ever changed. A new kind of fact adds a line; a field that these lines lack needs a default.
"""

import json
from pathlib import Path

from jit.facts import MODELS, read_fact, write_fact
from jit.ledger import check_chain
from jit.ledger.entry import open_entry

STORED = (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()


def fact_in(body):
    return json.loads(body)["fact"]


def test_a_stored_entry_of_every_kind_is_read_and_means_the_same():
    assert {fact_in(body)["kind"] for body in STORED} == set(MODELS)
    for body in STORED:
        entry, stored = open_entry(body), fact_in(body)
        assert type(entry.fact) is MODELS[stored["kind"]]
        written = json.loads(write_fact(entry.fact))
        assert [(field, value) for field, value in written.items() if field in stored] == list(stored.items())
        assert read_fact(write_fact(entry.fact)) == entry.fact


def test_stored_entries_still_hang_together():
    assert check_chain(open_entry(body) for body in STORED) == len(STORED)
