"""Facts that are told as they stand in their JSON: what that says is what their model says."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jit.clock import SystemClock
from jit.facts import model_of, personal_fields, read_fact, said_fields
from jit.ledger import Ledger, connect, create_tables
from jit.ledger.entry import open_at_once, open_by_values, open_entry, told_of
from jit.ledger.privacy.sealing import new_key
from jit.proof.audit.as_written import stands_as_written
from jit.proof.audit.reading import Part
from jit.proof.audit.together import lines
from jit.proof.audit.told import tell, tell_body
from jit.testing import Story
from tests.world.entries import people_in, seal_with

STORED = [open_entry(body) for body in (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()]
ODD: list[Any] = [
    None, True, 1, 0, -1, 1.0, 2**70, "", "x", "1", "true", "\ud800", "é", "x" * 5000, [], ["x"], [1], [None], {},
    {"x": 1}, "PT30M", "PT1800S", "-PT5M", "slack", "head_missing", "granted",
    "2026-11-21T14:00:00Z", "2026-11-21T14:00:00.5Z", "2026-11-21T14:00:00.500000Z", "2026-11-21T14:00:00.000000Z",
    "2026-11-21T14:00:00+01:00", "2026-02-30T14:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21",
    "9722A040-622C-4DDD-BBD0-1E92356DC1C1", "9722a040622c4dddbbd01e92356dc1c1",
]  # fmt: skip


def what_its_model_says(told):
    try:
        return told_of(read_fact(json.dumps(told)))
    except ValidationError:
        return None


def sealed(keys):
    """An entry of each kind, in which all is closed that can be."""
    for entry in STORED:
        keys |= {who: new_key() for who in people_in(entry.fact) - keys.keys()}
        place = {"index": entry.index, "recorded_at": entry.recorded_at, "previous": entry.previous}
        yield seal_with(keys, entry.fact, **place)


def test_what_stands_as_written_is_what_its_model_says():
    """Each kind, whole and with each field gone, or saying something odd."""
    fitted = 0
    for entry in STORED:
        told, model = told_of(entry.fact), type(entry.fact)
        assert stands_as_written(model, told), entry.fact.kind
        changed = [told | {name: odd} for name in told for odd in ODD]
        changed += [{each: told[each] for each in told if each != name} for name in told]
        changed += [told | {"more": 1}, dict(reversed(told.items()))]
        for each in changed:
            model = model_of(each.get("kind"))
            if model is not None and stands_as_written(model, each):
                fitted += 1
                assert json.dumps(what_its_model_says(each)) == json.dumps(each)
    assert fitted > len(STORED)


def test_an_entry_opened_in_its_text_is_the_one_opened_value_by_value():
    keys = {}
    for entry in sealed(keys):
        opening = {key.id: key.key for key in keys.values()}
        at_once = open_at_once(entry.body, opening)
        assert at_once is not None, entry.fact.kind
        assert json.loads(at_once.fact) == json.loads(open_by_values(entry.body, opening).fact)
        told = tell_body(entry.body, entry.hash, opening)
        assert told == tell(open_entry(entry.body, entry.hash, opening))
        assert json.dumps(told.told) == json.dumps(told_of(entry.fact))


def test_an_entry_whose_text_says_a_thing_twice_is_read_as_json_reads_it():
    """The last one counts, of a field, of a kind, of a fact: however an entry is opened."""
    keys = {}
    entry = next(each for each in sealed(keys) if each.fact.kind == "released")
    opening = {key.id: key.key for key in keys.values()}
    other = entry.body[entry.body.index(b'"fact": ') + 8 : -1].replace(b'"db', b'"DB').replace(b"orders", b"others")
    for more in (
        b',"access":"other"}}',
        b',"kind":"granted"}}',
        b',"id":"%s"}}' % (b"0" * 36),
        b'}, "fact": ' + other + b"}",
    ):
        body = entry.body.removesuffix(b"}}") + more
        try:
            wanted = json.loads(open_by_values(body, opening).fact)
            wanted = what_its_model_says(wanted)
        except ValueError:
            wanted = None
        try:
            found = told_of(open_entry(body, keys=opening).fact)
        except ValueError:
            found = None
        assert found == wanted, more
        try:
            assert tell_body(body, "", opening).told == wanted
        except ValueError:
            assert wanted is None


def test_a_value_from_another_place_opens_nowhere():
    keys = {}
    entry = next(each for each in sealed(keys) if each.fact.kind == "approved")
    opening = {key.id: key.key for key in keys.values()}
    fact = json.loads(entry.body)["fact"]
    fact["counted"][0]["approver"] = fact["requester"]
    body = entry.body[: entry.body.index(b'"fact": ') + 8] + json.dumps(fact, separators=(",", ":")).encode() + b"}"
    assert open_at_once(body, opening) is None
    try:
        tell_body(body, "", opening)
    except ValueError:
        return
    raise AssertionError(body)


def test_what_an_event_is_called_comes_from_fields_that_are_no_persons():
    """What an export keeps for all facts of a kind that say the same there. Whatever else a fact says, its event is
    called the same, and says the rest in places of its own.
    """
    for entry in STORED:
        told, model = told_of(entry.fact), type(entry.fact)
        heads = set(said_fields(model)) - set(personal_fields(model))
        fact = entry.fact
        for name in told.keys() - heads - {"kind"}:
            for odd in ODD:
                try:
                    other = read_fact(json.dumps(told | {name: odd}))
                except ValidationError:
                    continue
                assert (other.told().what, other.event()) == (fact.told().what, fact.event()), (fact.kind, name)


def test_lines_made_by_several_processes_are_those_of_one(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    ledger = Ledger(engine, SystemClock())
    for number in range(3):
        story = Story(ledger, ledger.clock, f"R-{number}").active()
        story.ending()
        story.ended()
    last = ledger.last_index()
    alone = b"".join(block.text for block in lines(ledger, "ocsf", Part(0, last)))
    together = lines(ledger, "ocsf", Part(0, last), many=1, block=4)
    assert b"".join(block.text for block in together) == alone
    assert [json.loads(line)["metadata"]["sequence"] for line in alone.splitlines()] == [*range(1, last + 1)]
