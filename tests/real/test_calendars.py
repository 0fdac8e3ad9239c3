"""Who is on call by a calendar, from a file and over HTTP, as the process that reads it says."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jit.people.answers import Because
from jit.people.binding import Bindings
from jit.people.on_call import NotKnown, Shift
from jit.people.on_call.poller import OnCallPoller, Rules
from jit.people.on_call.settings import schedule_form
from jit.people.providers.asking import Asking
from jit.people.providers.http import LONGEST_ANSWER
from jit.testing import ALICE, BOB, CAROL, T0, ManualClock
from tests.world.answering import AnsweringServer, Answers, Asked, Raw, Reply, answering
from tests.world.calendars import calendar, shift
from tests.world.providers import EMAILS, SCHEDULE, TOKEN, secret

PEOPLE = {ALICE: {"icalendar": "alice"}, BOB: {"icalendar": "Bob Miller"}, CAROL: {"icalendar": "carol@example.com"}}


class Calendar:
    def __init__(self, asking: Asking, folder: Path, url: str, **more: Any) -> None:
        self.clock = ManualClock()
        self.form = schedule_form({"kind": "icalendar", "url": url, **more})
        rules = Rules({SCHEDULE: self.form}, Bindings(PEOPLE, EMAILS))
        self.poller = OnCallPoller(lambda: rules, secret, self.clock, folder=folder, asking=asking, press_within=60.0)

    def who(self, at: datetime = T0) -> Any:
        self.clock.time = at
        return self.poller.who(SCHEDULE, at)

    def people(self, at: str) -> set[str] | Because:
        """At a moment in UTC like `2026-11-21 14:00`."""
        answer = self.who(datetime.fromisoformat(at).replace(tzinfo=UTC))
        return answer.reason if isinstance(answer, NotKnown) else set(answer.people)


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    made.close()


@pytest.fixture
def of(asking: Asking, tmp_path: Path) -> Any:
    def made(*events: str, head: str = "", **more: Any) -> Calendar:
        (tmp_path / "o.ics").write_bytes(calendar(*events, head=head))
        return Calendar(asking, tmp_path, "file:o.ics", **more)

    return made


def test_whoever_an_event_names_is_on_call_while_it_lasts(of: Any) -> None:
    made = of(shift(), shift("DTSTART:20261121T150000Z", "DURATION:PT1H", who="SUMMARY:Bob Miller"))
    assert made.who() == Shift(SCHEDULE, frozenset({ALICE}), T0, "icalendar", 0.0)
    seen = {at: made.people(f"2026-11-21 {at}") for at in ("12:59:59", "13:00", "14:59:59", "15:00", "15:59", "16:00")}
    none = Because.NOBODY
    assert seen == dict(zip(seen, [none, {ALICE}, {ALICE}, {BOB}, {BOB}, none], strict=True))


def test_two_events_at_once_put_both_on_call(of: Any) -> None:
    assert of(shift(), shift(who="SUMMARY:Bob Miller")).people("2026-11-21 14:00") == {ALICE, BOB}


# The file


def test_a_file_that_changes_is_read_anew(of: Any, tmp_path: Path) -> None:
    made = of(shift())
    assert made.people("2026-11-21 14:00") == {ALICE}
    (tmp_path / "o.ics").write_bytes(calendar(shift(who="SUMMARY:Bob Miller")))
    assert made.people("2026-11-21 14:01") == {BOB}
    (tmp_path / "o.ics").unlink()
    assert made.people("2026-11-21 14:02") == Because.NOT_THERE


def test_what_is_no_calendar_puts_nobody_on_call(of: Any, tmp_path: Path) -> None:
    made = of()
    (tmp_path / "o.ics").write_bytes(b"garbage")
    assert made.people("2026-11-21 14:00") == Because.UNUSABLE
    (tmp_path / "o.ics").write_bytes(calendar(shift()) + b" " * LONGEST_ANSWER)
    assert made.people("2026-11-21 14:01") == Because.TOO_LONG


def test_a_calendar_by_the_second_is_refused_and_costs_no_core(of: Any) -> None:
    made = of(shift("DTSTART:19700101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY"))
    assert made.people("2026-11-21 14:00") == Because.UNUSABLE


def test_names_count_without_regard_to_letter_case_and_who_is_unbound_is_counted(of: Any) -> None:
    shift_ = of(shift(who="SUMMARY:ALICE\\, bob  miller\\, somebody")).who()
    assert (shift_.people, shift_.unbound) == ({ALICE, BOB}, 1)
    shift_ = of(shift(who="ATTENDEE:mailto:Bob@Example.com"), by_email=True).who()
    assert (shift_.people, shift_.unbound) == ({BOB}, 0)


def test_what_is_no_file_is_not_waited_for(of: Any, tmp_path: Path) -> None:
    made = of()
    (tmp_path / "o.ics").unlink()
    os.mkfifo(tmp_path / "o.ics")
    assert isinstance(made.who(), NotKnown)
    (tmp_path / "o.ics").unlink()
    (tmp_path / "o.ics").mkdir()
    assert made.people("2026-11-21 14:02") == Because.UNREACHABLE


# Over HTTP


@pytest.fixture(scope="module")
def shared() -> Iterator[AnsweringServer]:
    with answering() as server:
        yield server


@pytest.fixture
def server(shared: AnsweringServer) -> AnsweringServer:
    shared.forget()
    return shared


def ics(content: bytes, **headers: str) -> Reply:
    return Reply(content, headers=headers, media_type="text/calendar; charset=utf-8")


def test_a_calendar_is_fetched_only_when_it_changed(server: AnsweringServer, asking: Asking, tmp_path: Path) -> None:
    versions = {"v1": calendar(shift()), "v2": calendar(shift(who="SUMMARY:Bob Miller"))}
    now = "v1"

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("If-None-Match") == f'"{now}"':
            return Reply(b"", 304, {"ETag": f'"{now}"'})
        return ics(versions[now], ETag=f'"{now}"')

    server.answers["/orders.ics"] = answer
    made = Calendar(asking, tmp_path, f"{server.url}/orders.ics")
    assert made.people("2026-11-21 14:00") == {ALICE}
    assert made.people("2026-11-21 14:01") == {ALICE}
    now = "v2"
    assert made.people("2026-11-21 14:02") == {BOB}
    assert [asked.headers.get("If-None-Match") for asked in server.asked] == [None, '"v1"', '"v1"']
    assert all(asked.headers["Accept"] == "text/calendar" for asked in server.asked)


TROUBLES: dict[str, tuple[Answers, Because]] = {
    "304 to who has nothing": (Reply(b"", 304), Because.UNREADABLE),
    "403": (Reply(b"", 403), Because.REFUSED),
    "404": (Reply(b"", 404), Because.NOT_THERE),
    "429": (Reply(b"", 429, {"Retry-After": "5"}), Because.BUSY),
    "500": (Reply(b"", 500), Because.ERROR),
    "a redirect to log in": (Reply(b"", 302, {"Location": "https://example.com/login"}), Because.REDIRECT),
    "a page to log in": (Reply(b"<html>Log in</html>", media_type="text/html"), Because.UNREADABLE),
    "too much": (ics(b" " * (LONGEST_ANSWER + 1)), Because.TOO_LONG),
    "no HTTP": (Raw(b"\x00\x01"), Because.UNREADABLE),
    "no calendar": (ics(b"hello"), Because.UNUSABLE),
}


def test_whatever_else_is_fetched_puts_nobody_on_call(server: AnsweringServer, asking: Asking, tmp_path: Path) -> None:
    for trouble, (answer, because) in TROUBLES.items():
        server.answers["/orders.ics"] = answer
        made = Calendar(asking, tmp_path, f"{server.url}/orders.ics")
        assert made.people("2026-11-21 14:00") == because, trouble


def test_an_address_that_is_a_secret_is_told_to_nobody(
    server: AnsweringServer, asking: Asking, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Calendar(asking, tmp_path, "env:TOKEN")
    assert made.people("2026-11-21 14:00") == Because.NO_CREDENTIAL  # what it holds is no address
    assert Calendar(asking, tmp_path, "env:ANOTHER").people("2026-11-21 14:00") == Because.NO_CREDENTIAL
    assert TOKEN not in caplog.text
    assert server.asked == []


def test_a_calendar_that_takes_too_long_to_read_is_given_up(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.people.providers.icalendar.READ_WITHIN", 0.01)
    assert of(shift()).people("2026-11-21 14:00") == Because.UNUSABLE


def test_a_day_later_it_is_read_anew(of: Any) -> None:
    made = of(shift("DTSTART:20261101T130000Z", "DTEND:20261101T150000Z", "RRULE:FREQ=DAILY"))
    at = T0
    for _ in range(4):
        assert made.who(at).people == {ALICE}
        at += timedelta(days=1)
