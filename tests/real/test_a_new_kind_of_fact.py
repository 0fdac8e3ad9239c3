"""A new kind of fact is one class: whoever defines one has it recorded, told, looked for and exported, and nobody
records it but the rooms that it names. Nothing else knows of the kind that is defined here.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Annotated, Any, Literal

import psycopg
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from pydantic import ValidationError

from bot.views.line import lines
from jit.clock import SystemClock
from jit.facts import MODELS, Fact, Moment, Room, Said, Source, Who, Words, read_fact, write_fact
from jit.facts.ocsf import OTHER, Class, Event, Severity
from jit.facts.sentence import Access, Person, Time, Told, names, quote
from jit.ledger import Ledger, connect
from jit.ledger.database import Forbidden
from jit.ledger.entry import open_entry
from jit.proof.audit.export import COLUMNS, csv_line
from jit.proof.audit.ocsf import VERSION, to_ocsf
from jit.proof.audit.search import People, Wanted, find_people, search
from jit.proof.audit.table import names_from, row_of
from jit.proof.audit.told import tell
from jit.proof.evidence.page import page_of
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ALICE, BOB, EVE
from playground.text import rendered
from tests.world.next_entry import Next, append
from tests.world.record import Record
from tests.world.servers import both_versions, hardened

NAMES = {ALICE: "Alice", BOB: "Bob"}
SAID = "the on-call did not know <b>where</b> to look"


@pytest.fixture(scope="module")
def drill() -> Iterator[type[Any]]:
    class DrillHeld(Fact):
        """People practised what to do when an access does not end."""

        recorded_by = (Room.WORKERS,)
        ocsf = Event(Class.LIFECYCLE, (OTHER, "Drill held"), severity=Severity.LOW)

        kind: Literal["drill.held"] = "drill.held"
        request_id: str
        access: str
        led_by: Who
        lasted: timedelta
        again_at: Moment
        found: Words
        passed: tuple[str, ...]
        place: Annotated[str, Said()] = "at the desk"

        def told(self) -> Told:
            about = ("of ", Access(self.access), " by ", Person(self.led_by), " for ", self.lasted)
            again = ("again ", Time(self.again_at, self.at))
            return Told("drill held", about, (("passed ", names(self.passed)), quote(self.found), again), (self.place,))

    yield DrillHeld
    del MODELS["drill.held"]


def held(drill: type[Any], clock: Any, **changes: Any) -> Any:
    now = clock.now()
    told = {
        "at": now,
        "actor": "timekeeper@host",
        "source": Source.TIMEKEEPER,
        "request_id": "R-7F3K",
        "access": "orders-db/read",
        "led_by": BOB,
        "lasted": timedelta(minutes=20),
        "found": SAID,
        "again_at": now + timedelta(days=7),
        "passed": ("page", "revoke"),
    }
    return drill(**told | changes)


@pytest.fixture
def record(tmp_path: Any, drill: type[Any]) -> Iterator[Record]:
    record = Record(tmp_path)
    record.whole()
    record.ledger.append([held(drill, record.clock)])
    yield record
    record.close()


def test_it_is_recorded_and_read_back_with_what_is_personal_closed(record: Record, drill: type[Any]):
    entry = record.ledger.read()[-1]
    assert (type(entry.fact), entry.fact.found) == (drill, SAID)
    assert BOB.encode() not in entry.body
    assert open_entry(entry.body).fact.led_by.startswith("sealed:")
    assert read_fact(write_fact(entry.fact)) == entry.fact
    assert record.ledger.history("R-7F3K")[-1] == entry


def test_it_is_told_in_slack_in_a_terminal_and_on_the_page(record: Record):
    entry = record.ledger.read()[-1]
    (line,) = lines([entry], lambda who: NAMES.get(who, who), record.ledger.request)
    assert "<b>" not in line
    said = f"drill held of orders-db/read by Bob for 20 min · passed page, revoke · “{SAID}” · again Nov 28, 2026"
    assert said in rendered({"text": line}, str)
    row = row_of(entry, names_from(NAMES), UTC)
    assert row[2:5] == ("drill held", f"{BOB} “Bob”", "orders-db/read")
    assert row.said.startswith(f"for 20 min · passed page, revoke · “{SAID}” · again 2026-11-28 ")
    record.sign()
    page = page_of(record.prove(), NAMES)
    assert "<strong>drill held</strong> of <strong><bdi>orders-db/read</bdi></strong> by " in page
    assert "&lt;b&gt;where&lt;/b&gt;" in page
    assert " · at the desk · by <bdi>timekeeper@host</bdi>" in page


def test_it_is_found_by_whom_it_names_and_by_what_it_says(record: Record):
    kind, bob = Wanted(kinds=frozenset({"drill.held"})), find_people(record.engine, BOB, {})
    for wanted in (kind, Wanted(words=("ON-CALL", "look")), Wanted(words=("desk",)), replace(kind, people=bob)):
        assert [entry.fact.kind for entry in search(record.ledger, wanted)] == ["drill.held"], wanted
    assert list(search(record.ledger, replace(kind, people=People(frozenset({EVE}))))) == []


def test_it_is_exported_as_a_row_and_as_a_valid_event(record: Record):
    entry = record.ledger.read()[-1]
    (cells,) = csv.reader(io.StringIO(csv_line(tell(entry)).decode()))
    row = dict(zip(COLUMNS, cells, strict=True))
    assert (row["kind"], row["detail"]) == ("drill.held", f"{SAID}; at the desk")
    event = json.loads(json.dumps(to_ocsf(entry)))
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION))
    shape = schema.get_class_schema(schema.lookup_class_name_from_uid(event["class_uid"]))
    assert list(Draft202012Validator(shape).iter_errors(event)) == []
    assert (event["activity_name"], event["severity"]) == ("Drill held", "Low")
    assert event["message"] == "drill held orders-db/read by timekeeper@host (R-7F3K)"
    assert event["unmapped"]["led_by"] == BOB


def test_one_that_does_not_say_all_of_itself_is_none_and_is_told_what_it_lacks():
    half = {"__annotations__": {"kind": Literal["half"]}, "kind": "half", "__module__": __name__}
    more: dict[str, Any] = {"told": lambda _: Told("half", ()), "recorded_by": (Room.BOT,)}
    about_a_request = {"ocsf": Event(Class.ENTITY, (OTHER, "Half"))}
    taken = {"__annotations__": {"kind": Literal["granted"]}, "kind": "granted"}
    for said, why in (
        ({}, r"Half is no kind of fact yet: it lacks told\(\), recorded_by, ocsf$"),
        (more | {"recorded_by": ()}, r"it lacks recorded_by, ocsf$"),
        (more | about_a_request, r"it lacks a field request_id, for its event in OCSF, a field requester, .* access"),
        (more | {"ocsf": Event(Class.LIFECYCLE, (OTHER, "Half"))} | taken, r"a kind of its own: granted is Granted$"),
    ):
        with pytest.raises(TypeError, match=why):
            type("Half", (Fact,), half | said)
    with pytest.raises(ValidationError):
        read_fact(b'{"kind": "half"}')


@pytest.mark.real
@both_versions
def test_it_is_refused_to_every_login_but_that_of_its_room(drill: type[Any], postgres: EmbeddedPostgres):
    with hardened(postgres) as made:
        for login in ("jit_bot", "jit_signer", "jit_auditor", "jit_privacy", "jit_hands"):
            engine, clock = connect(made.dsn(login)), SystemClock()
            ledger = Ledger(engine, clock)
            if login == "jit_hands":
                ledger.append([held(drill, clock)])
                assert [entry.fact.kind for entry in ledger.read()] == ["drill.held"]
            else:
                with pytest.raises(Forbidden):
                    ledger.append([held(drill, clock, actor="bot@host", led_by="bot@host")])
            engine.dispose()
        with made.login("jit_hands") as hands:
            for bent in ({"found": None}, {"more": "x"}):
                body = Next(hands).body("drill.held", request_id="R-7F3K", **bent)
                without = body.replace(b',"found":null', b"")
                with pytest.raises(psycopg.Error, match=r"lacks found|has what that has not: more"):
                    append(hands, without)
