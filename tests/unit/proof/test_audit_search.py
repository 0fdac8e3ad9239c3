"""`jit audit search` and `jit audit tail`: what is found, how it is shown, and what is said where it goes wrong."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from sqlalchemy import delete, update

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import RecordRead
from jit.ledger import Entry, Ledger, LedgerUnavailable, StoredDirectory, TamperedEntry
from jit.ledger.entry import open_entry, seal
from jit.ledger.privacy.erasing import erase
from jit.ledger.schema import entries
from jit.people.person import Person
from jit.proof.audit import reading
from jit.proof.audit.index import terms_of
from jit.proof.audit.reading import coming
from jit.proof.audit.search import BadTime, People, Wanted, find_people, known_names, read_moment, search
from jit.proof.audit.table import Layout, names_from, plain, row_of
from jit.testing import ALICE, BOB, CAROL, EVE, T0, Story, ledger_in
from tests.world.tamper import past_the_guards

STORED = [open_entry(body) for body in (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()]
NAMES = {ALICE: "Alice Änger", BOB: "Bob", CAROL: "Carol"}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A request of Alice's from beginning to end, a refusal of Eve's, an alert, and a denied request of Bob's."""
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.delenv("JIT_LEDGER_URL", raising=False)
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    for who, name in NAMES.items():
        handle = name.partition(" ")[0].lower()
        StoredDirectory(ledger.engine).keep_person(Person(id=who, team="T1", name=name, handle=handle), T0)
    alices = Story(ledger, ledger.clock).active()
    alices.revoked("Rechner gestohlen")
    alices.ending()
    alices.ended()
    alices.refused()
    alices.alert()
    fields = {"requester": BOB, "access": "books/write", "target": "books", "incident": None, "why": "GROSSE Straße"}
    bobs = Story(ledger, ledger.clock, id="R-BBBB", fields=fields)
    bobs.asked()
    bobs.denied("erst morgen", by=CAROL)
    return ledger


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["audit", *words])


def found(*words: str) -> list[int]:
    told = run("search", *words)
    assert told.exit_code == 0, told.stderr
    return [json.loads(line)["index"] for line in told.stdout.splitlines()]


def test_what_fits_is_found(ledger: Ledger):
    for asked, expected in (
        (["--person", ALICE], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (["--person", BOB], [2, 3, 11, 12]),
        (["--person", EVE], [9]),
        (["--person", "bob"], [2, 3, 11, 12]),
        (["--person", "@BOB"], [2, 3, 11, 12]),
        (["--person", "Alice änger", "--kind", "granted"], [5]),
        (["--person", "timekeeper@host"], [7, 8, 10]),
        (["--target", "books"], [11, 12]),
        (["--access", "orders-db/read", "--kind", "requested"], [1]),
        (["--kind", "granted", "--kind", "denied"], [5, 12]),
        (["--refused"], [9]),
        (["--refused", "--kind", "alert"], [9, 10]),
        (["--incident", "inc-42", "--kind", "ended"], [8]),
        (["--request", "R-BBBB"], [11, 12]),
        (["--request", "bbbb"], [11, 12]),
        (["strasse"], [11, 12]),
        (["gestohlen", "RECHNER"], [6]),
        (["gestohlen", "morgen"], []),
        (["does", "not", "answer"], [10]),
        (["--person", BOB, "--target", "orders-db"], [2, 3]),
        (["--limit", "2"], [11, 12]),
        (["--limit", "2", "--person", ALICE], [9, 10]),
        (["--since", "1h", "--kind", "granted"], [5]),
        (["--until", "1h"], []),
        (["--since", "2000-01-01", "--until", "2001-01-01T00:00"], []),
    ):
        assert found(*asked) == expected, asked
        with ledger.engine.begin() as connection, past_the_guards(connection):
            connection.execute(delete(entries).where(entries.c.kind == "record.read"))


def test_time_is_when_it_was_recorded_to_the_microsecond(ledger: Ledger):
    at = ledger.read()[4].recorded_at.isoformat()
    assert found("--since", at, "--until", at) == [5]


def test_a_bare_date_is_the_whole_day_in_the_zone_that_is_said(ledger: Ledger):
    at = ledger.read()[4].recorded_at
    day, before, after = (f"{at + timedelta(days=days):%Y-%m-%d}" for days in (0, -1, 1))
    week = "{}-W{:02}-{}".format(*at.isocalendar())
    for since, until, expected in (
        ("2000-01-01Z", f"{day}Z", [5]),
        (f"{day}Z", f"{day}Z", [5]),
        (f"{day}+00:00", f"{day}-00:00", [5]),
        (f"{day.replace('-', '')}Z", f"{week}Z", [5]),
        (f"{before}Z", f"{before}Z", []),
        (f"{after}Z", "9998-12-31", []),
        ("2000-01-01", "9999-12-31Z", [5]),
    ):
        assert found("--kind", "granted", "--since", since, "--until", until) == expected, (since, until)


def test_a_day_is_as_long_as_it_is_where_the_clocks_change(monkeypatch: pytest.MonkeyPatch):
    now = datetime(2026, 11, 27, tzinfo=UTC)
    for zone, day, first, last in (
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T22:59:59.999999"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T04:59:59.999999"),
        ("UTC", "2026-11-27+05:30", "2026-11-26T18:30:00", "2026-11-27T18:29:59.999999"),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            begins, ends = read_moment(day, now), read_moment(day, now, to_its_end=True)
        finally:
            monkeypatch.undo()
            time.tzset()
        assert (begins.isoformat(), ends.isoformat()) == (f"{first}+00:00", f"{last}+00:00"), zone


def test_a_line_is_the_entry_as_it_reads(ledger: Ledger):
    entry = ledger.read()[5]
    assert json.loads(run("search", "gestohlen").stdout) == {
        "index": 6,
        "recorded_at": entry.recorded_at.isoformat(),
        "hash": entry.hash,
        "fact": entry.fact.model_dump(mode="json"),
    }


def test_searching_is_recorded_and_not_shown_in_what_it_found(ledger: Ledger):
    assert found("--kind", "record.read") == []
    assert found("--kind", "record.read") == [13]
    fact = ledger.read(after=13)[0].fact
    assert isinstance(fact, RecordRead)
    assert (fact.how, fact.asked, fact.after) == ("search", "--kind record.read", 0)


def test_what_was_typed_is_recorded_with_moments_as_they_were_understood(ledger: Ledger):
    run("search", "gestohlen", "--person", "bot@host", "--since", "2026-11-20T10:00+00:00", "--refused")
    asked = ledger.read(after=12)[0].fact.asked
    assert asked == "gestohlen --person bot@host --since 2026-11-20T10:00:00+00:00 --refused"


@pytest.mark.parametrize("called", [BOB, "bob"])
def test_that_somebody_was_looked_for_leads_to_nobody_once_they_are_erased(ledger: Ledger, called: str):
    run("search", "--person", called, "--kind", "denied")
    asked = ledger.read(after=12)[0].fact.asked
    pseudonym = asked.split()[1]
    assert asked == f"--person {pseudonym} --kind denied"
    assert pseudonym.startswith("sealed:")
    assert found("--person", pseudonym) == [2, 3, 11, 12]
    erase(ledger, BOB, legal_basis="GDPR Art. 17(1)(a)", actor="cli:root@host")
    assert found("--person", pseudonym) == [2, 3, 11, 12]
    assert [word for word in (BOB, '"bob"', "Bob", "--person bob") if word in run("search").stdout] == []


def test_nothing_is_shown_that_could_not_be_recorded_as_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    def down(*_args, **_rest):
        raise LedgerUnavailable("no space left")

    monkeypatch.setattr(Ledger, "append", down)
    for command in ("search", "tail", "export"):
        told = run(command)
        assert (told.exit_code, told.stdout) == (1, ""), command
        assert "Nothing is shown" in str(told.exception), command


def test_who_was_erased_is_found_under_no_name_any_more(ledger: Ledger):
    erase(ledger, BOB, legal_basis="GDPR Art. 17(1)(a)", actor="cli:root@host")
    told = run("search")
    assert [word for word in (BOB, "Bob", "Straße") if word in told.stdout] == []
    assert found("--person", BOB) == []
    assert run("search", "--person", "bob").exit_code == 2
    erased = next(json.loads(line)["fact"]["requester"] for line in told.stdout.splitlines() if "R-BBBB" in line)
    assert found("--person", erased) == [2, 3, 11, 12]


def test_broken_entries_are_said_and_passed_over(ledger: Ledger):
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == 5).values(hash="0" * 64))
    for forwards_or_back in ([], ["--limit", "100"]):
        told = run("search", "--person", ALICE, *forwards_or_back)
        assert told.exit_code == 4
        assert [json.loads(line)["index"] for line in told.stdout.splitlines()] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
        assert "entry 5: its bytes do not have the hash" in told.stderr
        assert "jit audit verify" in told.stderr


def test_a_column_changed_in_the_database_hides_nothing(ledger: Ledger):
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == 5).values(kind="started"))
        connection.execute(update(entries).where(entries.c.index == 12).values(request_id="R-7F3K"))
    assert found("--kind", "granted") == [5]
    assert found("--kind", "started") == []
    assert found("--request", "R-BBBB") == [11, 12]


def test_what_cannot_be_understood_is_said_in_words_and_records_nothing(ledger: Ledger):
    for typed, says in (
        (["--since", "yesterday"], "2026-11-21T14:30"),
        (["--since", "0000-99-99"], "Write a time"),
        (["--until", "-1h"], "Write a time"),
        (["--kind", "grnted"], "grant.intent"),
        (["--person", "nobody at all"], "Give a Slack id"),
        (["--person", " @ "], "Give a Slack id"),
        (["--since", "1h", "--until", "2h"], "--until is before --since"),
        (["--limit", "0"], "0"),
    ):
        told = run("search", *typed)
        assert told.exit_code == 2, typed
        assert says in told.stderr, typed
        assert ledger.last_index() == 12, typed


def test_without_a_ledger_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "nowhere"))
    for command in ("search", "tail", "export"):
        told = run(command)
        assert told.exit_code == 1, command
        assert "There is no ledger" in str(told.exception), command


def test_two_of_the_same_name_are_both_found(ledger: Ledger):
    StoredDirectory(ledger.engine).keep_person(Person(id=EVE, team="T1", name="Bob"), T0)
    assert found("--person", "bob") == [2, 3, 9, 11, 12]


def test_people_are_known_though_the_directory_holds_nonsense(ledger: Ledger):
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO directory VALUES ('person:X', '[[[', 0), ('person:Y', '7', 0)")
    assert known_names(ledger.engine).keys() == NAMES.keys()


def test_people_are_found_by_the_keys_of_what_is_closed_about_them(ledger: Ledger):
    people = find_people(ledger.engine, ALICE, {})
    assert len(people.keys) == 1
    none = Wanted(People(people.ids, frozenset()))
    assert [each.index for each in search(ledger, none)] == []
    assert [each.index for each in search(ledger, Wanted(people))] == list(range(1, 11))


def holds(entry: Entry, wanted: Wanted) -> bool:
    return all(terms_of(entry.body).intersection(any_of) for any_of in wanted.terms())


def test_no_entry_that_fits_is_left_unopened():
    """What the index looks up must never say no to what fits."""
    for entry in STORED:
        fact = entry.fact
        for wanted in (
            Wanted(kinds=frozenset([fact.kind])),
            Wanted(target=getattr(fact, "target", None) or ""),
            Wanted(access=getattr(fact, "access", None) or ""),
            Wanted(request=getattr(fact, "request_id", None) or ""),
            Wanted(People(frozenset([fact.actor]))),
            Wanted(People(frozenset([getattr(fact, "requester", None) or fact.actor]))),
            Wanted(People(frozenset([getattr(fact, "approver", None) or fact.actor]))),
        ):
            assert wanted.fits(fact), fact.kind
            assert holds(entry, wanted), fact.kind


def test_who_decided_is_found_whoever_recorded_it():
    for kind in ("approval", "approved", "denied"):
        fact = next(entry.fact for entry in STORED if entry.fact.kind == kind).model_copy(update={"actor": "bot@host"})
        decider = fact.counted[0].approver if kind == "approved" else fact.approver
        entry = seal(fact, index=1, recorded_at=fact.at, previous="0" * 64)
        wanted = Wanted(People(frozenset([decider])))
        assert wanted.fits(fact), kind
        assert holds(entry, wanted), kind


def test_a_moment_is_a_time_or_how_long_ago():
    now = datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert read_moment("2h", now) == now - timedelta(hours=2)
    assert read_moment("3d", now) == now - timedelta(days=3)
    assert read_moment("2026-11-21T14:30+01:00", now) == datetime(2026, 11, 21, 13, 30, tzinfo=UTC)
    assert read_moment("2026-11-21", now).tzinfo is not None
    for wrong in ("", "soon", "2026-13-01", "9999999999d", "2026-11-21T25:00"):
        with pytest.raises(BadTime):
            read_moment(wrong, now)


def test_every_kind_has_its_line_in_the_table():
    rows = [row_of(each, names_from(NAMES), UTC) for each in STORED]
    assert [row for row in rows if not (row.what and row.who)] == []
    for width in (40, 80, 120, 250):
        layout = Layout(rows, width)
        for entry, row in zip(STORED, rows, strict=True):
            line = layout.line(row)
            assert "\n" not in line
            assert line.startswith(f"{entry.fact.at:%Y-%m-%d %H:%M:%S}  #{entry.index}"), width
            assert line.endswith(getattr(entry.fact, "request_id", None) or ""), width


def test_columns_stand_under_each_other():
    rows = [row_of(each, names_from(NAMES), UTC)._replace(request="R-7F3K") for each in STORED]
    layout = Layout(rows, 160)
    assert len({cell_len(layout.line(row)) for row in rows}) == 1


def test_a_table_says_what_the_audit_line_says():
    lines = {entry.fact.kind: row_of(entry, names_from(NAMES), UTC) for entry in STORED}
    assert lines["granted"][2:5] == ("granted", f"{ALICE} “Alice Änger”", "orders-db/read")
    assert lines["granted"].said == "until 2026-11-21 15:32 · INC-42"
    who = f"{ALICE} “Alice Änger”"
    assert lines["refused"][2:] == ("REFUSED approve", who, "orders-db/read", "own request", "R-7F3K")
    assert lines["alert"].what == "ALERT left behind"
    assert (
        lines["ended"].said == "revoked · session cut: 1 · left behind: table orders.scratch · INC-42 · from the spool"
    )
    assert lines["denied"].said == f"by {CAROL} “Carol” · “not now” · INC-42"


def test_nothing_typed_can_steer_the_terminal():
    assert plain("a\x1b[2Jb\u202ec\r\nd\x9b31m\u2028e") == "a [2Jbc d 31m e"
    entry = STORED[1]
    evil = entry.fact.model_copy(update={"why": "\x1b]0;owned\x07\u202e", "access": "a\nb", "requester": "\x1b[31mU"})
    line = Layout([row_of(entry, names_from({}), UTC)], 200).line(
        row_of(open_entry(entry.body), names_from({ALICE: "\x1b[31mroot"}), UTC)._replace(said=plain(evil.why))
    )
    assert [letter for letter in line if ord(letter) < 32 or letter == "\u202e"] == []


def test_names_that_look_alike_stand_behind_their_ids():
    alike = {ALICE: "Carol", EVE: "Carol\u200b", BOB: "C\u0430rol", CAROL: f"Carol ({ALICE})"}
    named = names_from(alike)
    assert all(named(who).startswith(f"{who} “Carol"[:12]) for who in alike)
    assert len({named(who) for who in alike}) == len(alike)
    assert named("U0UNKNOWN") == "U0UNKNOWN"


def test_words_that_name_somebody_are_not_recorded_as_typed(ledger: Ledger):
    """Else erasing them would leave them in the record, under the name of whoever looked for them."""
    typed = [ALICE], ["alice änger"], ["ALICE", "Änger"], ["@alice"], ["Änger?"], ["what u01alice0 did"], [f"x {ALICE}"]
    for words in typed:
        assert run("search", *words).exit_code == 0
        asked = ledger.read(after=ledger.last_index() - 1)[0].fact.asked
        assert all(part.startswith("sealed:") for part in asked.split()), words
    erase(ledger, ALICE, legal_basis="GDPR", actor="cli:a@b")
    left = b"".join(each.body for each in ledger.read(after=12, limit=100)).decode().casefold()
    assert "alice" not in left
    assert "änger" not in left


def test_an_id_or_a_name_without_a_key_is_not_recorded_either(ledger: Ledger):
    StoredDirectory(ledger.engine).keep_person(Person(id="U09NOBODY", team="T1", name="Zoë Q", handle="zq"), T0)
    for asked in (["U0777NEW1"], ["Zoë"], ["--person", "zq"], ["--person", "U09NOBODY"], ["--incident", "U09NOBODY"]):
        run("search", *asked)
    assert {each.fact.asked.rpartition("--person ")[2] for each in ledger.read(after=12)} <= {
        "(a person)",
        "--incident (a person)",
    }


def test_other_words_are_recorded_as_typed(ledger: Ledger):
    run("search", "WARNING", "gestohlen", "INC-42", "orders_read")
    assert ledger.read(after=12)[0].fact.asked == "WARNING gestohlen INC-42 orders_read"


def test_a_terminal_gets_a_table(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jit.cli.audit.showing.to_terminal", lambda: True)
    lines = run("search", "--request", "bbbb").stdout.splitlines()
    assert [line.split()[2:4] for line in lines] == [["#11", "requested"], ["#12", "denied"]]
    assert "Bob" in lines[0]
    assert run("search", "no such words").stdout == "Nothing fits.\n"


def test_the_tail_is_the_last_entries(ledger: Ledger):
    told = run("tail", "-n", "2")
    assert [json.loads(line)["index"] for line in told.stdout.splitlines()] == [11, 12]
    assert [json.loads(line)["index"] for line in run("tail", "--after", "11").stdout.splitlines()] == [12, 13]
    assert run("tail", "-n", "0").stdout == ""
    assert ledger.read(after=13)[0].fact.how == "tail"


def test_the_tail_in_other_forms(ledger: Ledger):
    assert json.loads(run("tail", "-n", "1", "--format", "ocsf").stdout)["metadata"]["sequence"] == 12
    assert "denied" in run("tail", "-n", "2", "--format", "text").stdout
    assert run("tail", "--format", "xml").exit_code == 2
    assert "the last entry is #" in run("tail", "--after", "99").stderr


def test_the_tail_follows_until_it_is_interrupted(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    waited = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            Story(ledger, ledger.clock, id="R-CCCC", fields={"requester": CAROL}).asked()
        if len(waited) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("jit.cli.audit.tail.time.sleep", wait)
    told = run("tail", "-f", "-n", "1")
    assert told.exit_code == 0
    assert [json.loads(line)["index"] for line in told.stdout.splitlines()] == [12, 13, 14]
    assert waited == [reading.LOOK_EVERY] * 4


def test_following_waits_for_a_ledger_that_does_not_answer(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    answers = [LedgerUnavailable("restarting"), LedgerUnavailable("restarting"), 12]

    def last_index(_: Ledger) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Ledger, "last_index", last_index)
    warned: list[str] = []
    came = next(coming(ledger, 11, lambda _: None, warned.append))
    assert [each.index for each in came] == [12]
    assert warned == ["the ledger does not answer (restarting); it is asked again"]


def test_following_takes_a_long_absence_in_parts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "PAGE", 5)
    parts = coming(ledger, 0, sys.exit, sys.exit)
    assert [[each.index for each in next(parts)] for _ in range(2)] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_a_record_that_grows_shorter_is_said(ledger: Ledger):
    said = next(coming(ledger, 15, sys.exit, sys.exit))
    assert [type(each) for each in said] == [TamperedEntry]
    assert "13" in str(said[0])
