"""Who is on call, asked of servers that answer as the providers' public references say, and as they should not."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit.people.answers import Because
from jit.people.on_call import NotKnown, Shift
from jit.people.providers.asking import Asking
from jit.people.providers.http import LONGEST_ANSWER, MOST_PAGES
from jit.testing import ALICE, BOB, CAROL, T0
from tests.world.answering import AnsweringServer, Answers, Asked, Raw, Reply, answering
from tests.world.providers import (
    ASKED_AT,
    IDS,
    KINDS,
    NOBODYS,
    PEOPLE,
    SCHEDULE,
    TOKEN,
    Watching,
    asking,
    bindings,
    entry,
    now,
    page,
    puts_on_call,
    schedule,
    user,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[AnsweringServer, Asking]]:
    with answering() as server, asking() as made:
        yield server, made


@pytest.fixture
def server(shared: tuple[AnsweringServer, Asking]) -> AnsweringServer:
    shared[0].forget()
    return shared[0]


@pytest.fixture
def watching(server: AnsweringServer, shared: tuple[AnsweringServer, Asking], tmp_path: Path) -> Any:
    return lambda kind, **more: Watching(shared[1], tmp_path, {SCHEDULE: schedule(kind, server.url, **more)})


def kinds(test: Any) -> Any:
    return pytest.mark.parametrize("kind", KINDS)(test)


@kinds
def test_those_on_call_are_told_as_slack_ids_with_what_was_asked_and_when(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    puts_on_call(server, kind, PEOPLE[kind][ALICE])
    assert watching(kind).who() == Shift(SCHEDULE, frozenset({ALICE}), T0, kind, 0.0)


@kinds
def test_two_on_call_are_both_on_call_and_doubles_are_one(kind: str, server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, kind, *[PEOPLE[kind][person] for person in (ALICE, BOB, ALICE)])
    assert watching(kind).who() == Shift(SCHEDULE, frozenset({ALICE, BOB}), T0, kind, 0.0)


@kinds
def test_who_is_bound_to_nobody_is_counted_and_is_not_on_call(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    puts_on_call(server, kind, PEOPLE[kind][ALICE], NOBODYS[kind])
    shift = watching(kind).who()
    assert shift == Shift(SCHEDULE, frozenset({ALICE}), T0, kind, 0.0, unbound=1)
    assert shift.includes(CAROL) is None


@kinds
def test_a_name_that_two_people_have_puts_neither_on_call(kind: str, server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, kind, PEOPLE[kind][ALICE])
    made = watching(kind)
    made.bindings = bindings(**{kind: {ALICE: PEOPLE[kind][ALICE], BOB: PEOPLE[kind][ALICE]}})
    assert made.who() == NotKnown(SCHEDULE, Because.BOUND_TWICE, T0, kind, 0.0)


@kinds
def test_nobody_on_call_is_not_known(kind: str, server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, kind)
    assert watching(kind).who() == NotKnown(SCHEDULE, Because.NOBODY, T0, kind, 0.0)


@kinds
def test_a_schedule_that_the_provider_does_not_know_is_told_from_one_with_nobody_on_it(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    if kind != "grafana_irm":  # there the question itself is answered with 404
        server.answers[ASKED_AT[kind]] = Reply(page(kind, []))
    assert watching(kind).who() == NotKnown(SCHEDULE, Because.NOT_THERE, T0, kind, 0.0)


def a_date(_: Asked) -> Reply:
    return Reply({}, 429, {"Retry-After": "Sat, 21 Nov 2026 14:01:00 GMT"})


TROUBLES: dict[str, tuple[Answers, Because]] = {
    "401": (Reply({"error": {"message": "Unauthorized"}}, 401), Because.REFUSED),
    "403": (Reply({}, 403), Because.REFUSED),
    "404": (Reply({}, 404), Because.NOT_THERE),
    "429": (Reply({}, 429, {"Retry-After": "30"}), Because.BUSY),
    "429 until a date": (a_date, Because.BUSY),
    "429 that does not say for how long": (Reply({}, 429), Because.BUSY),
    "500": (Reply(b"<h1>Oops</h1>", 500, media_type="text/html"), Because.ERROR),
    "503 with a pause": (Reply({}, 503, {"Retry-After": "30"}), Because.BUSY),
    "204": (Reply(b"", 204), Because.ERROR),
    "a redirect": (Reply({}, 302, {"Location": "https://example.com/"}), Because.REDIRECT),
    "a redirect for good": (Reply({}, 308, {"Location": "/elsewhere"}), Because.REDIRECT),
    "200 with an error inside": (Reply({"error": {"code": 2001, "message": "nope"}}), Because.ERROR),
    "200 with errors inside": (Reply({"errors": ["nope"], "oncalls": [], "more": False}), Because.ERROR),
    "another media type": (Reply(b"{}", media_type="text/html"), Because.UNREADABLE),
    "no media type": (Reply(b"{}", media_type=""), Because.UNREADABLE),
    "no JSON": (Reply(b"{{"), Because.UNREADABLE),
    "not UTF-8": (Reply(b'{"id": "\xff\xfe"}'), Because.UNREADABLE),
    "nothing": (Reply(b""), Because.UNREADABLE),
    "null": (Reply(b"null"), Because.UNREADABLE),
    "a list": (Reply([]), Because.UNREADABLE),
    "an empty object": (Reply({}), Because.UNREADABLE),
    "very deep JSON": (Reply(b'{"x":' * 100_000), Because.UNREADABLE),
    "too much": (Reply(b" " * (LONGEST_ANSWER + 1)), Because.TOO_LONG),
    "compressed, unasked": (Reply(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), Because.UNREADABLE),
    "no HTTP": (Raw(b"220 mail.example.com ESMTP\r\n"), Because.UNREADABLE),
    "a line that ends": (Raw(b""), Because.UNREADABLE),
    "half an answer": (
        Raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"),
        Because.UNREADABLE,
    ),
}


@kinds
def test_whatever_else_is_answered_puts_nobody_on_call(
    kind: str, server: AnsweringServer, watching: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for trouble, (answer, because) in TROUBLES.items():
        server.answers[ASKED_AT[kind]] = answer
        assert watching(kind).who() == NotKnown(SCHEDULE, because, T0, kind, 0.0), trouble
    assert {asked.path for asked in server.asked} == {ASKED_AT[kind]}
    assert TOKEN not in caplog.text


@kinds
def test_a_good_answer_in_another_media_type_or_encoding_than_it_says_is_not_read(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    good = page(kind, now(kind, PEOPLE[kind][ALICE]))
    page_of_a_login = Reply(good, media_type="text/html")
    for answer in (page_of_a_login, Reply(good, media_type=""), Reply(good, headers={"Content-Encoding": "br"})):
        server.answers[ASKED_AT[kind]] = answer
        assert watching(kind).who() == NotKnown(SCHEDULE, Because.UNREADABLE, T0, kind, 0.0)
    server.answers[ASKED_AT[kind]] = Reply(good, media_type="application/vnd.pagerduty+json; charset=utf-8")
    assert watching(kind).who().people == {ALICE}


@kinds
def test_every_part_that_is_missing_or_of_another_kind_is_garbage(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    good = page(kind, now(kind, PEOPLE[kind][ALICE]))
    read = {
        "pagerduty": ["user", "id", "schedule", "escalation_level", "start", "end", "oncalls", "more"],
        "incident_io": ["schedule_entries", "final", "start_at", "end_at", "id"],
        "grafana_irm": ["id", "on_call_now"],
    }
    for key in read[kind]:
        for damaged in (_without(good, key), _with(good, key, {"x": 1}), _with(good, key, 7.5)):
            server.answers[ASKED_AT[kind]] = Reply(damaged)
            answer = watching(kind).who()
            assert isinstance(answer, NotKnown), (key, damaged)
            assert answer.reason is Because.UNREADABLE, (key, damaged)


def _without(said: Any, key: str) -> Any:
    if isinstance(said, dict):
        return {name: _without(part, key) for name, part in said.items() if name != key}
    return [_without(part, key) for part in said] if isinstance(said, list) else said


def _with(said: Any, key: str, value: Any) -> Any:
    if isinstance(said, dict):
        return {name: value if name == key else _with(part, key, value) for name, part in said.items()}
    return [_with(part, key, value) for part in said] if isinstance(said, list) else said


@kinds
def test_a_token_that_the_bot_has_not_got_asks_nobody(kind: str, server: AnsweringServer, watching: Any) -> None:
    made = watching(kind, token="env:ANOTHER")
    assert made.who() == NotKnown(SCHEDULE, Because.NO_CREDENTIAL, T0, kind, 0.0)
    assert server.asked == []


@kinds
def test_the_token_is_shown_in_its_header_and_nowhere_else(kind: str, server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, kind, PEOPLE[kind][ALICE])
    watching(kind).who()
    (asked,) = server.asked
    written = {"pagerduty": f"Token token={TOKEN}", "incident_io": f"Bearer {TOKEN}", "grafana_irm": TOKEN}
    assert asked.headers["Authorization"] == written[kind]
    assert TOKEN not in str({**asked.headers, "Authorization": ""}) + str(asked.query)


@pytest.mark.parametrize("kind", ["pagerduty", "incident_io"])
def test_a_shift_that_is_over_or_not_begun_puts_nobody_on_call(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    puts_on_call(server, kind)
    hour, alice = timedelta(hours=1), PEOPLE[kind][ALICE]
    edges = [entry(kind, alice, T0 - hour, T0), entry(kind, alice, T0 + timedelta(milliseconds=1), T0 + hour)]
    server.answers[ASKED_AT[kind]] = Reply(page(kind, edges))
    assert watching(kind).who() == NotKnown(SCHEDULE, Because.NOBODY, T0, kind, 0.0)
    server.answers[ASKED_AT[kind]] = Reply(page(kind, [entry(kind, alice, T0, T0 + timedelta(milliseconds=1))]))
    assert watching(kind).who().people == {ALICE}


@pytest.mark.parametrize("kind", ["pagerduty", "incident_io"])
def test_all_pages_are_read(kind: str, server: AnsweringServer, watching: Any) -> None:
    first, second = now(kind, PEOPLE[kind][ALICE], PEOPLE[kind][BOB])

    def answer(asked: Asked) -> Reply:
        if kind == "pagerduty":
            return Reply(page(kind, [first], more=True) if asked.query["offset"] == "0" else page(kind, [second]))
        if asked.query["entry_window_start"] == "the next page":
            return Reply(page(kind, [second], pagination_meta={"after": None}))
        return Reply(page(kind, [first], pagination_meta={"after": "the next page", "after_url": "http://x"}))

    server.answers[ASKED_AT[kind]] = answer
    assert watching(kind).who().people == {ALICE, BOB}


@pytest.mark.parametrize("kind", ["pagerduty", "incident_io"])
def test_pages_without_an_end_are_too_many(kind: str, server: AnsweringServer, watching: Any) -> None:
    more: dict[str, Any] = {"more": True} if kind == "pagerduty" else {"pagination_meta": {"after": "again"}}
    server.answers[ASKED_AT[kind]] = Reply(page(kind, now(kind, PEOPLE[kind][ALICE]), **more))
    assert watching(kind).who() == NotKnown(SCHEDULE, Because.TOO_LONG, T0, kind, 0.0)
    assert len(server.asked) == MOST_PAGES


@kinds
def test_an_email_binds_where_the_policy_says_so_and_nowhere_else(
    kind: str, server: AnsweringServer, watching: Any
) -> None:
    puts_on_call(server, kind, NOBODYS[kind])
    if kind == "grafana_irm":
        told = {"id": NOBODYS[kind], "email": "Carol@Example.com", "slack": [{"user_id": "U0LIES000"}]}
        server.answers[f"/api/v1/users/{NOBODYS[kind]}/"] = Reply(told)
    else:
        hour = timedelta(hours=1)
        shift = entry(kind, NOBODYS[kind], T0 - hour, T0 + hour, "Carol@Example.com")
        server.answers[ASKED_AT[kind]] = Reply(page(kind, [shift]))
    assert watching(kind).who() == Shift(SCHEDULE, frozenset(), T0, kind, 0.0, unbound=1)
    assert watching(kind, by_email=True).who() == Shift(SCHEDULE, frozenset({CAROL}), T0, kind, 0.0)


# What is so with one of them


def test_pagerduty_tells_a_permanent_on_call_by_null(server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, "pagerduty")
    (always,) = now("pagerduty", PEOPLE["pagerduty"][ALICE])
    server.answers["/oncalls"] = Reply(page("pagerduty", [always | {"start": None, "end": None}]))
    assert watching("pagerduty").who().people == {ALICE}


def test_pagerduty_is_asked_for_one_schedule_now(server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    watching("pagerduty").who()
    (asked,) = server.asked
    assert asked.query["schedule_ids[]"] == IDS["pagerduty"]
    assert (asked.query["earliest"], asked.query["since"]) == ("true", T0.isoformat())
    assert asked.headers["Accept"] == "application/vnd.pagerduty+json;version=2"


@pytest.mark.parametrize("other", [None, {"id": "P00OTHER", "type": "schedule_reference"}])
def test_pagerduty_that_tells_of_another_schedule_puts_nobody_on_call(
    other: Any, server: AnsweringServer, watching: Any
) -> None:
    told = now("pagerduty", PEOPLE["pagerduty"][ALICE], PEOPLE["pagerduty"][BOB])
    server.answers["/oncalls"] = Reply(page("pagerduty", [told[0], told[1] | {"schedule": other}]))
    assert watching("pagerduty").who().reason is Because.UNREADABLE


def test_two_on_one_level_of_a_schedule_of_pagerduty_are_ambiguous_and_people_decide(
    server: AnsweringServer, watching: Any
) -> None:
    first, second = now("pagerduty", PEOPLE["pagerduty"][ALICE], PEOPLE["pagerduty"][BOB])
    server.answers["/oncalls"] = Reply(page("pagerduty", [first, second | {"escalation_level": 1}]))
    for watched in (watching("pagerduty"), watching("pagerduty", level=1)):
        assert watched.who() == NotKnown(SCHEDULE, Because.SEVERAL, T0, "pagerduty", 0.0)
    server.answers["/oncalls"] = Reply(page("pagerduty", [first | {"escalation_level": 2}, first, second]))
    assert watching("pagerduty", level=1).who().people == {ALICE}
    assert watching("pagerduty").who().reason is Because.SEVERAL


def test_pagerduty_counts_the_level_that_the_policy_names(server: AnsweringServer, watching: Any) -> None:
    first, second = now("pagerduty", PEOPLE["pagerduty"][ALICE], PEOPLE["pagerduty"][BOB])
    server.answers["/oncalls"] = Reply(page("pagerduty", [first, second | {"escalation_level": 2}]))
    assert watching("pagerduty").who().people == {ALICE, BOB}
    assert watching("pagerduty", level=1).who().people == {ALICE}
    assert watching("pagerduty", level=2).who().people == {BOB}
    assert watching("pagerduty", level=3).who().reason is Because.NOBODY


def test_incident_io_goes_by_what_is_so_after_overrides(server: AnsweringServer, watching: Any) -> None:
    alice, bob = now("incident_io", PEOPLE["incident_io"][ALICE], PEOPLE["incident_io"][BOB])
    said = page("incident_io", [bob, bob | {"user": None}])
    said["schedule_entries"] |= {"scheduled": [alice], "overrides": [bob]}
    server.answers["/v2/schedule_entries"] = Reply(said)
    assert watching("incident_io").who() == Shift(SCHEDULE, frozenset({BOB}), T0, "incident_io", 0.0)


def test_a_slack_id_that_a_provider_tells_is_not_believed(server: AnsweringServer, watching: Any) -> None:
    assert user("incident_io", NOBODYS["incident_io"], "")["slack_user_id"] == "U0LIES000"
    puts_on_call(server, "incident_io", NOBODYS["incident_io"])
    made = watching("incident_io", by_email=True)
    made.bindings = bindings(incident_io={"U0LIES000": "somebody-else"})
    assert made.who() == Shift(SCHEDULE, frozenset(), T0, "incident_io", 0.0, unbound=1)


def test_grafana_is_told_which_stack_a_service_account_is_of(server: AnsweringServer, watching: Any) -> None:
    puts_on_call(server, "grafana_irm", PEOPLE["grafana_irm"][ALICE])
    watching("grafana_irm", stack="https://example.grafana.net").who()
    watching("grafana_irm").who()
    with_stack, without = server.asked
    assert with_stack.headers["X-Grafana-URL"] == "https://example.grafana.net"
    assert "X-Grafana-URL" not in without.headers


def test_grafana_that_tells_of_another_schedule_or_user_puts_nobody_on_call(
    server: AnsweringServer, watching: Any
) -> None:
    puts_on_call(server, "grafana_irm", PEOPLE["grafana_irm"][ALICE])
    server.answers[f"/api/v1/users/{PEOPLE['grafana_irm'][ALICE]}/"] = Reply({"id": "U00OTHER", "email": "x@y"})
    assert watching("grafana_irm", by_email=True).who().reason is Because.UNREADABLE
    server.answers[ASKED_AT["grafana_irm"]] = Reply(page("grafana_irm", ["../users/current"]))
    assert watching("grafana_irm", by_email=True).who().reason is Because.UNREADABLE
    server.answers[ASKED_AT["grafana_irm"]] = Reply(page("grafana_irm", [], id="S00OTHER"))
    assert watching("grafana_irm").who().reason is Because.UNREADABLE
    assert not [asked for asked in server.asked if re.search("current", asked.path)]


def test_what_was_known_last_outlives_a_restart_while_the_provider_is_down_for_break_glass_alone(
    server: AnsweringServer, shared: tuple[AnsweringServer, Asking], tmp_path: Path
) -> None:
    schedules = {SCHEDULE: schedule("pagerduty", server.url)}
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    before = Watching(shared[1], tmp_path, schedules)
    before.poller.poll()
    server.answers[ASKED_AT["pagerduty"]] = Reply(b"<h1>Oops</h1>", 500, media_type="text/html")
    after = Watching(shared[1], tmp_path, schedules, begin_with=before.kept[-1])
    after.clock.move(hours=3)
    after.poller.poll()
    now_, kept = after.clock.now(), after.kept[-1]
    assert isinstance(kept.who(SCHEDULE, now_), NotKnown)
    last = kept.in_emergency().who(SCHEDULE, now_)
    assert isinstance(last, Shift)
    assert (last.people, last.as_of) == (frozenset({ALICE}), T0)
