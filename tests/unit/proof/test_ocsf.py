"""Every kind of fact as an event of OCSF 1.8.0, held against the schema itself."""

import json
import re
import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

import click
import pytest
import yaml
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from jit.cli.main import cli
from jit.facts import MODELS, AlertName, Fact, FreeText, RefusalReason, Room, Source, Who
from jit.facts.ocsf import UPDATE, Class, Entity, Event
from jit.facts.sentence import Access, Person, Told, quote
from jit.ledger.entry import LONGEST, open_entry, seal
from jit.ledger.privacy.sealing import new_key
from jit.proof.audit.export import COLUMNS
from jit.proof.audit.ocsf import VERSION, to_ocsf
from tests.world.entries import seal_with

STORED = [open_entry(body) for body in (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()]
SCHEMA = get_ocsf_schema(VERSION)
PERSONAL = ("U01ALICE0", "U02BOB000", "U03CAROL0", "alice", "Bestellungen", "INC-42", "not now", "wrong database")


@cache
def validator(class_uid):
    schema = OcsfJsonSchemaEmbedded(SCHEMA)
    return Draft202012Validator(schema.get_class_schema(schema.lookup_class_name_from_uid(class_uid)))


def faults(event):
    return [f"{fault.json_path}: {fault.message}" for fault in validator(event["class_uid"]).iter_errors(event)]


def by_kind(kind):
    return to_ocsf(next(entry for entry in STORED if entry.fact.kind == kind))


def captions(event, name):
    """What the schema calls the number that stands in ``name``."""
    schema = OcsfJsonSchemaEmbedded(SCHEMA)
    attributes = SCHEMA["classes"][schema.lookup_class_name_from_uid(event["class_uid"])]["attributes"]
    return attributes[name]["enum"][str(event[name])]["caption"]


def test_an_event_is_valid_has_the_schemas_own_names_and_leads_back_to_its_entry():
    """Of each kind."""
    for entry in STORED:
        event, kind = json.loads(json.dumps(to_ocsf(entry))), entry.fact.kind
        assert faults(event) == [], kind
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["class_name"] == captions(event, "class_uid"), kind
        assert event["category_name"] == captions(event, "category_uid"), kind
        assert event["type_name"] == captions(event, "type_uid"), kind
        assert event["severity"] == captions(event, "severity_id"), kind
        for name in ("activity", "status"):
            if event[f"{name}_id"] != 99:
                assert event.get(f"{name}_name", event.get(name)) == captions(event, f"{name}_id"), kind
        assert (event["metadata"]["sequence"], event["metadata"]["uid"]) == (entry.index, str(entry.fact.id))
        assert (event["unmapped"]["hash"], event["unmapped"]["previous"]) == (entry.hash, entry.previous)
        assert event["metadata"].get("correlation_uid") == getattr(entry.fact, "request_id", None), kind
        assert event["time"] == int(entry.fact.at.timestamp() * 1000)


def test_nothing_that_a_fact_says_is_lost():
    for entry in STORED:
        event = json.dumps(to_ocsf(entry), ensure_ascii=False)
        for name, value in entry.fact.model_dump(mode="json", exclude={"at", "kind", "spooled"}).items():
            if value not in (None, "", []):
                assert json.dumps(value, ensure_ascii=False) in event, (entry.fact.kind, name)


def test_who_acted_is_told_from_whose_access_it_is():
    event = by_kind("revoked")
    assert event["actor"]["user"]["uid"] == "cli:carol@host1"
    assert event["entity"]["user"] == {"uid": "U01ALICE0", "name": "alice", "type_id": 1, "type": "User"}
    granted = by_kind("granted")
    assert granted["actor"] == {"app_name": "worker@host1"}
    assert granted["user"]["uid"] == "U01ALICE0"
    assert granted["privileges"] == ["orders_read"]


def test_what_was_given_can_be_told_from_what_was_begun_or_failed():
    given = {kind: (by_kind(kind)["type_uid"], by_kind(kind)["status_id"]) for kind in MODELS}
    assert given["granted"] == (300501, 1)
    assert given["grant.intent"] == (300501, 99)
    assert given["grant.failed"] == (300501, 2)
    assert given["ended"] == (300502, 1)
    assert given["revoke.failed"] == (300502, 2)


def of_kind(kind):
    return next(entry.fact for entry in STORED if entry.fact.kind == kind)


def test_every_alert_is_a_valid_finding():
    bare = dict.fromkeys(("requester", "access", "target", "principal"))
    for name in AlertName:
        for more in ({}, bare):
            fact = of_kind("alert").model_copy(update={"name": name, **more})
            event = to_ocsf(seal(fact, index=1, recorded_at=fact.at, previous="0" * 64))
            assert faults(json.loads(json.dumps(event))) == [], name
            assert event["severity_id"] >= 4
            assert event["finding_info"]["types"] == [name]


def test_every_refusal_is_a_valid_failure():
    names = ("request_id", "requester", "access", "target", "policy_version")
    about_nothing = dict.fromkeys(names) | {"permissions": ()}
    for reason in RefusalReason:
        for more in ({}, about_nothing):
            fact = of_kind("refused").model_copy(update={"reason": reason, **more})
            event = to_ocsf(seal(fact, index=1, recorded_at=fact.at, previous="0" * 64))
            assert faults(json.loads(json.dumps(event))) == [], reason
            assert (event["status"], event["status_code"]) == ("Failure", reason)


@pytest.mark.parametrize("entity", [None, Entity("note", "Note", "request_id")])
def test_an_event_about_a_request_holds_all_of_a_fact_that_is_no_step_of_it(entity):
    """It had to be a step, with a principal, and under an entity of its own the requester and the access were lost."""

    class Noted(Fact):
        recorded_by = (Room.BOT,)
        ocsf = Event(Class.ENTITY, UPDATE, entity=entity)

        kind: Literal["noted"] = "noted"
        request_id: str
        requester: Who
        access: str
        note: FreeText

        def told(self) -> Told:
            return Told("note", ("on ", Access(self.access), " by ", Person(self.actor)), (quote(self.note),))

    del MODELS["noted"]
    at = datetime(2026, 11, 21, tzinfo=UTC)
    about = {"request_id": "R-7F3K", "requester": "U01ALICE0", "access": "orders-db/read", "note": "call first"}
    fact = Noted(at=at, actor="U02BOB000", source=Source.SLACK, **about)
    event = to_ocsf(seal(fact, index=1, recorded_at=at, previous="0" * 64))
    assert faults(json.loads(json.dumps(event))) == []
    assert [name for name, value in about.items() if json.dumps(value) not in json.dumps(event)] == []


def test_who_was_erased_is_in_no_event():
    keys = {who: new_key() for who in ("U01ALICE0", "U02BOB000", "U03CAROL0", "cli:carol@host1", "cli:eve@host1")}
    keys |= {f"principal:{name}": new_key() for name in ("alice", "mallory")}
    gone = {key.id: None for key in keys.values()}
    for entry in STORED:
        body = seal_with(keys, entry.fact, index=1, recorded_at=entry.recorded_at, previous="0" * 64).body
        event, kind = to_ocsf(open_entry(body, keys=gone)), entry.fact.kind
        assert faults(json.loads(json.dumps(event))) == [], kind
        if entry.fact.actor in keys and "actor" in event:
            assert event["actor"]["user"]["uid"].startswith("erased:"), kind
            assert event["actor"]["user"]["type"] == "Unknown"
        said = json.dumps(event, ensure_ascii=False)
        assert [each for each in (*PERSONAL, "carol@host1", "eve@host1") if each in said] == [], kind


SIEM = Path(__file__).parents[3] / "docs" / "siem"
SHIPPERS = ["vector.yaml", "fluent-bit.yaml"]


def fields_of(value, path=""):
    """Every path in an event: `metadata.uid`."""
    if isinstance(value, dict):
        return {path[1:], *(each for name, inner in value.items() for each in fields_of(inner, f"{path}.{name}"))}
    if isinstance(value, list):
        return {path[1:], *(each for place, inner in enumerate(value) for each in fields_of(inner, f"{path}[{place}]"))}
    return {path[1:]}


FIELDS = {each for entry in STORED for each in fields_of(to_ocsf(entry))}


def test_shippers_configurations_hang_together():
    vector, fluent = (yaml.safe_load((SIEM / name).read_text()) for name in SHIPPERS)
    outputs = {*vector["sources"], *vector["transforms"], "jit_sorted.urgent", "jit_events.dropped"}
    inputs = (step["inputs"] for step in (vector["transforms"] | vector["sinks"]).values())
    assert {each for names in inputs for each in names} <= outputs
    assert vector["sources"]["jit"]["include"] == ["/var/lib/jit-siem/events.jsonl"]
    assert vector["sources"]["jit"]["max_line_bytes"] >= LONGEST
    (tail,) = fluent["pipeline"]["inputs"]
    assert tail["parser"] in {parser["name"] for parser in fluent["parsers"]}
    assert tail["path"] == "/var/lib/jit-siem/events.jsonl"
    tags = {tail["tag"], fluent["pipeline"]["filters"][0]["rule"].split()[2]}
    assert {output["match"] for output in fluent["pipeline"]["outputs"]} == tags


def test_the_fields_that_are_named_stand_in_the_events():
    vector, fluent, told = ((SIEM / name).read_text() for name in (*SHIPPERS, "README.md"))
    named = set(re.findall(r"[( ]\.([a-z_.]+)", vector)) - {"message"}
    named |= {f"{outer}.{inner}" for outer, inner in re.findall(r"\$([a-z_]+)\['([a-z_]+)'\]", fluent)}
    named |= set(re.findall(r"`((?:metadata|unmapped|entity|evidences\[0\])\.[a-z_]+)`", told))
    assert {"class_uid", "metadata.uid", "metadata.sequence", "metadata.event_code", "unmapped.hash"} <= named
    assert named - FIELDS == set()


def test_what_is_urgent_is_what_the_configurations_call_so():
    assert [kind for kind, model in MODELS.items() if model.ocsf.uid == 2004] == ["alert"]
    assert all(model.ocsf.severity < 4 for kind, model in MODELS.items() if kind != "alert")


def test_the_commands_that_are_named_exist():
    text = "\n".join(path.read_text() for path in SIEM.iterdir())
    commands = [each.strip("`") for each in re.findall(r"^jit [^\n]+|`jit [^`\n]+`", text, re.MULTILINE)]
    assert any("--follow" in each for each in commands)
    for each in commands:
        words, command = shlex.split(each)[1:], cli
        while isinstance(command, click.Group):
            command = command.get_command(None, words.pop(0))
        assert command is not None, each
        known = {option for param in command.params for option in param.opts}
        assert [word for word in words if word.startswith("-") and word not in known] == []


def test_the_table_of_kinds_is_the_one_that_is_used():
    told = (SIEM / "README.md").read_text()
    for kind, model in MODELS.items():
        mapped = model.ocsf
        class_name = to_ocsf(next(entry for entry in STORED if entry.fact.kind == kind))["class_name"]
        row = f"| `{kind}` | {int(mapped.uid)} {class_name} | {mapped.activity[1]} | {mapped.status[1]} |"
        row = f"{row} {mapped.severity.name.capitalize()} |"
        assert row in told, f"docs/siem/README.md needs this row:\n{row}"


def test_the_columns_that_are_documented_are_the_columns():
    told = (SIEM / "README.md").read_text().partition("## Rows for a spreadsheet")[2].partition(". ")[0]
    assert tuple(re.findall(r"`([a-z_]+)`", told)) == COLUMNS
