from datetime import UTC, datetime, timedelta

import pytest

from jit.people.answers import FRESH_FOR, Because
from jit.people.incidents import NOTHING_KNOWN, Incident, IncidentSnapshot, NoSuchIncident, NotKnown

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
OPEN = Incident("INC-42", True, 2, "orders", frozenset({"U01ALICE0"}), NOW, "pagerduty", 0.25)
NONE = NoSuchIncident("INC-43", NOW, "pagerduty", 0.25)
BUSY = NotKnown("INC-44", Because.BUSY, NOW, "pagerduty", 0.25)
SNAPSHOT = NOTHING_KNOWN.with_answer(OPEN).with_answer(NONE).with_answer(BUSY)


def test_what_is_written_down_is_read_as_it_was() -> None:
    assert IncidentSnapshot.from_json(SNAPSHOT.to_json()) == SNAPSHOT
    assert IncidentSnapshot.from_json(NOTHING_KNOWN.to_json()) == NOTHING_KNOWN


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{]",
        SNAPSHOT.to_json().replace('"open":true', '"open":"yes"'),
        SNAPSHOT.to_json().replace('"severity":2', '"severity":-2'),
        SNAPSHOT.to_json().replace('"severity":2', '"severity":2,"title":"down"'),
        SNAPSHOT.to_json().replace('"INC-42":{', '"INC-45":{'),
        SNAPSHOT.to_json().replace("busy", "open"),
    ],
)
def test_what_cannot_be_read_is_nothing_known(damaged: str) -> None:
    assert damaged != SNAPSHOT.to_json()
    assert IncidentSnapshot.from_json(damaged) == NOTHING_KNOWN


def test_an_answer_decides_for_a_minute_and_no_longer() -> None:
    assert SNAPSHOT.find("INC-42", NOW + FRESH_FOR) == OPEN
    late = NOW + FRESH_FOR + timedelta(seconds=1)
    assert SNAPSHOT.find("INC-42", late) == NotKnown("INC-42", Because.STALE, NOW, "pagerduty", 0.25)
    assert SNAPSHOT.find("INC-43", late) == NotKnown("INC-43", Because.STALE, NOW, "pagerduty", 0.25)
    assert SNAPSHOT.fresh(NOW)
    assert not SNAPSHOT.fresh(late)


def test_what_is_stale_is_not_kept_for_ever() -> None:
    late = NOW + FRESH_FOR + timedelta(seconds=1)
    snapshot = SNAPSHOT.with_answer(NoSuchIncident("INC-46", late, "pagerduty", 0.1))
    assert list(snapshot.answers) == ["INC-46"]


def test_of_an_incident_that_was_not_asked_about_nothing_is_known() -> None:
    assert SNAPSHOT.find("INC-1", NOW) == NotKnown("INC-1", Because.NOT_ASKED, NOW)
