"""Incidents, asked of servers that answer as the providers' public references say, and as they should not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jit.people.answers import Because
from jit.people.incidents import Incident, NoSuchIncident, NotKnown
from jit.people.providers.asking import Asking
from jit.people.providers.http import LONGEST_ANSWER
from jit.testing import ALICE, BOB, CAROL, T0
from tests.world.answering import AnsweringServer, Answers, Raw, Reply, answering
from tests.world.providers import (
    IDS,
    INCIDENT_AT,
    KINDS,
    NOBODYS,
    PEOPLE,
    TOKEN,
    Finding,
    asking,
    bindings,
    incident,
    incidents,
)

kinds = pytest.mark.parametrize("kind", KINDS)
SERVICE = {"incident_io": {"service_field": IDS["incident_io"]}}


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[AnsweringServer, Asking]]:
    with answering() as server, asking() as made:
        yield server, made


@pytest.fixture
def server(shared: tuple[AnsweringServer, Asking]) -> AnsweringServer:
    shared[0].forget()
    return shared[0]


@pytest.fixture
def finding(server: AnsweringServer, shared: tuple[AnsweringServer, Asking], tmp_path: Path) -> Any:
    return lambda kind, **more: Finding(shared[1], tmp_path, incidents(kind, server.url, **more))


@kinds
def test_an_open_incident_is_known_with_its_severity_its_service_and_who_is_in_it(
    kind: str, server: AnsweringServer, finding: Any
) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    found = finding(kind, services={"orders": "PIJ90N7"}, **SERVICE.get(kind, {})).find()
    assert found == Incident("INC-42", True, 2, "orders", frozenset({ALICE}), T0, kind, 0.0)
    assert "somebody's" not in str(found)


@kinds
def test_an_incident_that_is_over_is_not_open(kind: str, server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind, state="over"))
    assert finding(kind).find().open is False


@kinds
def test_an_incident_that_the_provider_does_not_know_is_none(kind: str, server: AnsweringServer, finding: Any) -> None:
    assert finding(kind).find() == NoSuchIncident("INC-42", T0, kind, 0.0)
    assert [asked.path for asked in server.asked] == [INCIDENT_AT[kind]]


@kinds
def test_what_cannot_be_one_of_theirs_is_not_asked_about(kind: str, server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    made = finding(kind)
    for name in (
        "",
        "42/../users",
        "INC-",
        "INC-042",
        "INC-4 2",
        "INC-42?x=1",
        "\uff29\uff2e\uff23-42",
        "INC-\u0664\u0662",
        "x" * 101,
        "a b",
    ):
        assert made.find(name) == NoSuchIncident(name, T0, kind, 0.0), name
    assert server.asked == []


@kinds
def test_an_incident_of_another_prefix_is_not_the_one_of_the_same_number(
    kind: str, server: AnsweringServer, finding: Any
) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    assert finding(kind).find("CHG-42") == NoSuchIncident("CHG-42", T0, kind, 0.0)


@kinds
def test_responders_who_are_bound_to_nobody_are_left_out(kind: str, server: AnsweringServer, finding: Any) -> None:
    nobody = NOBODYS["grafana_incident" if kind == "grafana_irm" else kind]
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind, responder=nobody))
    found = finding(kind).find()
    assert (found.open, found.responders) == (True, frozenset())


@kinds
def test_a_responder_who_is_bound_twice_makes_the_incident_unknown(
    kind: str, server: AnsweringServer, finding: Any
) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    made = finding(kind)
    who = "grafana_incident" if kind == "grafana_irm" else kind
    made.bindings = bindings(**{who: {ALICE: PEOPLE[who][ALICE], BOB: PEOPLE[who][ALICE]}})
    assert made.find() == NotKnown("INC-42", Because.BOUND_TWICE, T0, kind, 0.0)


TROUBLES: dict[str, tuple[Answers, Because]] = {
    "401": (Reply({}, 401), Because.REFUSED),
    "429": (Reply({}, 429, {"Retry-After": "30"}), Because.BUSY),
    "500": (Reply({}, 500), Because.ERROR),
    "a redirect": (Reply({}, 307, {"Location": "https://example.com/"}), Because.REDIRECT),
    "200 with an error inside": (Reply({"error": "not found", "incident": {}}), Because.ERROR),
    "another media type": (Reply(b"{}", media_type="text/plain"), Because.UNREADABLE),
    "garbage": (Reply(b"<xml>"), Because.UNREADABLE),
    "an empty object": (Reply({}), Because.UNREADABLE),
    "null": (Reply({"incident": None}), Because.UNREADABLE),
    "too much": (Reply(b" " * (LONGEST_ANSWER + 1)), Because.TOO_LONG),
    "no HTTP": (Raw(b"hello\r\n\r\n"), Because.UNREADABLE),
}


@kinds
def test_whatever_else_is_answered_is_no_open_incident(kind: str, server: AnsweringServer, finding: Any) -> None:
    for trouble, (answer, because) in TROUBLES.items():
        server.answers[INCIDENT_AT[kind]] = answer
        with capture_logs() as logs:
            assert finding(kind).find() == NotKnown("INC-42", because, T0, kind, 0.0), trouble
        assert [(line["event"], line["because"]) for line in logs] == [("incident.not_known", because.value)]
        assert TOKEN not in str(logs)


@kinds
def test_a_state_that_nobody_has_heard_of_is_not_open(kind: str, server: AnsweringServer, finding: Any) -> None:
    said = json.dumps(incident(kind))
    states = {"pagerduty": "acknowledged", "incident_io": "live", "grafana_irm": "active"}
    server.answers[INCIDENT_AT[kind]] = Reply(said.replace(f'"{states[kind]}"', '"simmering"').encode())
    assert finding(kind).find() == NotKnown("INC-42", Because.UNREADABLE, T0, kind, 0.0)


@kinds
def test_an_answer_about_another_incident_is_not_believed(kind: str, server: AnsweringServer, finding: Any) -> None:
    other = {
        "pagerduty": {"incident_number": 43},
        "incident_io": {"reference": "INC-43"},
        "grafana_irm": {"incidentID": "43"},
    }
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind, **other[kind]))
    assert not isinstance(finding(kind).find(), Incident)


@kinds
def test_a_severity_or_service_that_is_not_told_is_none(kind: str, server: AnsweringServer, finding: Any) -> None:
    said = incident(kind)
    for key in ("priority", "severity", "labels", "custom_field_entries"):
        said["incident"].pop(key, None)
    server.answers[INCIDENT_AT[kind]] = Reply(said)
    found = finding(kind, **SERVICE.get(kind, {})).find()
    assert (found.open, found.severity) == (True, 0)
    assert found.service == ("PIJ90N7" if kind == "pagerduty" else "")


@kinds
def test_an_answer_is_remembered_for_a_moment(kind: str, server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    made = finding(kind)
    for _ in range(3):
        made.find()
    assert len(server.asked) == 1
    made.clock.move(seconds=6)
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind, state="over"))
    assert made.find().open is False
    assert made.finder.snapshot().find("INC-42", made.clock.now()) == made.find()


@kinds
def test_a_pause_that_was_asked_for_is_kept_by_presses(kind: str, server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT[kind]] = Reply({}, 429, {"Retry-After": "60"})
    made = finding(kind)
    made.find()
    server.answers[INCIDENT_AT[kind]] = Reply(incident(kind))
    made.clock.move(seconds=59)
    assert made.find() == NotKnown("INC-42", Because.BUSY, made.clock.now(), kind, 0.0)
    made.clock.move(seconds=6)
    assert made.find().open
    assert len(server.asked) == 2


def test_where_the_policy_names_no_provider_no_incident_is_known(finding: Any) -> None:
    made = finding("pagerduty")
    made.form = None
    assert made.find() == NotKnown("INC-42", Because.NOT_NAMED, T0)


# What is so with one of them


@pytest.mark.parametrize(("name", "place"), [("PT4KHLK", "PT4KHLK"), ("42", "42"), ("#42", "42"), ("inc-42", "42")])
def test_pagerduty_finds_incidents_by_id_and_by_number(
    name: str, place: str, server: AnsweringServer, finding: Any
) -> None:
    server.answers[f"/incidents/{place}"] = Reply(incident("pagerduty"))
    assert finding("pagerduty").find(name).open


def test_pagerduty_counts_who_acknowledged_and_who_joined(server: AnsweringServer, finding: Any) -> None:
    bob = {"id": PEOPLE["pagerduty"][BOB], "type": "user_reference"}
    carol = {"id": "P00CAROL", "type": "user", "email": "carol@example.com"}
    acknowledged = [{"at": "2026-11-21T13:00:00Z", "acknowledger": bob}]
    joined = [{"state": "joined", "user": carol}]
    said = incident("pagerduty", acknowledgements=acknowledged, incidents_responders=joined)
    server.answers[INCIDENT_AT["pagerduty"]] = Reply(said)
    assert finding("pagerduty").find().responders == {ALICE, BOB}
    assert finding("pagerduty", by_email=True).find().responders == {ALICE, BOB, CAROL}


@pytest.mark.parametrize("category", ["triage", "declined", "merged", "canceled", "paused", "post-incident", "closed"])
def test_incident_io_has_an_open_incident_only_while_it_is_live(
    category: str, server: AnsweringServer, finding: Any
) -> None:
    server.answers[INCIDENT_AT["incident_io"]] = Reply(incident("incident_io", incident_status={"category": category}))
    assert finding("incident_io").find().open is False


@pytest.mark.parametrize("mode", ["test", "tutorial", "retrospective"])
def test_incident_io_practising_is_no_open_incident(mode: str, server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT["incident_io"]] = Reply(incident("incident_io", mode=mode))
    assert finding("incident_io").find().open is False


def test_incident_io_finds_incidents_by_their_id(server: AnsweringServer, finding: Any) -> None:
    id_ = "01FDAG4SAP5TYPT98WGR2N7W91"
    server.answers[f"/v2/incidents/{id_}"] = Reply(incident("incident_io"))
    assert finding("incident_io").find(id_).open


def test_incident_io_with_two_services_has_none(server: AnsweringServer, finding: Any) -> None:
    values = [{"value_catalog_entry": {"id": "PIJ90N7"}}, {"value_option": {"id": "P00OTHER"}}, {"value_text": "x"}]
    fields = [{"custom_field": {"id": IDS["incident_io"]}, "values": values}]
    server.answers[INCIDENT_AT["incident_io"]] = Reply(incident("incident_io", custom_field_entries=fields))
    assert finding("incident_io", **SERVICE["incident_io"]).find().service == ""


def test_grafanas_drill_is_no_open_incident(server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT["grafana_irm"]] = Reply(incident("grafana_irm", isDrill=True))
    assert finding("grafana_irm").find().open is False


def test_grafana_is_asked_by_a_post_with_the_number(server: AnsweringServer, finding: Any) -> None:
    server.answers[INCIDENT_AT["grafana_irm"]] = Reply(incident("grafana_irm"))
    finding("grafana_irm").find()
    (asked,) = server.asked
    assert (asked.method, json.loads(asked.body)) == ("POST", {"incidentID": "42"})
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
