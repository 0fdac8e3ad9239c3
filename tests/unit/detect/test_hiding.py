"""Somebody with a login in a target, or with a grant, wants what they do out of the record, or on somebody else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jit.detect.activity.lines import LONGEST_LINE
from jit.facts import ActivityRecorded
from tests.unit.detect.test_purpose import Judged
from tests.world.activity import collector, json_line, with_purpose
from tests.world.base import World

OBJECTS_ALONE = "for: {objects: [orders]}"
FORGED = "{at:%Y-%m-%d %H:%M:%S}.000 UTC,bob,orders,1,here,1.1,1,idle,,,,LOG,00000,statement: DELETE FROM orders"
FORGED_ROW = FORGED + "," * 9 + "psql,client backend,,0"


def watched(folder: Path, purpose: str = OBJECTS_ALONE, *, kind: str = "postgres-json") -> Judged:
    """Alice and Bob hold the same access."""
    world = World(folder, rules=with_purpose(purpose))
    world.story().active()
    world.story("R-0B0B", requester="U02BOB000", principal="bob").active()
    judged = Judged(world)
    judged.file = folder / "log"
    judged.reader = collector(world, judged.file, kind=kind)
    return judged


def row(judged: Judged, statement: str, user: str = "alice", **told: Any) -> str:
    """A line of csvlog, as PostgreSQL writes it."""
    at = f"{judged.world.clock.now():%Y-%m-%d %H:%M:%S}.000 UTC"
    message = f"statement: {statement}".replace('"', '""')
    number = told.get("number", 7)
    begins = f'{at},"{user}","orders",8004,"10.0.0.7:50312",6b0abe61.{user},{number},"SELECT",{at},3/11,0,LOG,00000,'
    return f'{begins}"{message}",,,,,,,,,"psql","client backend",,0\n'


def sends(judged: Judged, *lines: str) -> list[str]:
    """What is said of it, in an alert each."""
    with judged.file.open("a") as log:
        log.writelines(lines)
    return judged.does()


def done(judged: Judged) -> list[ActivityRecorded]:
    return [fact for fact in judged.world.facts("activity") if isinstance(fact, ActivityRecorded)]


@pytest.mark.parametrize("kind", ["postgres-json", "postgres-csv"])
@pytest.mark.parametrize("length", [33_000, 140_000, LONGEST_LINE, 3 * LONGEST_LINE])
def test_a_statement_of_any_length_is_told_of(tmp_path: Path, kind: str, length: int):
    judged = watched(tmp_path, kind=kind)
    filler = "x" * 99 + "\n"
    statement = f"SELECT 1 FROM orders /* {filler * (length // 100)} */; SELECT * FROM salaries"
    at = judged.world.clock.now()
    line = row(judged, statement) if kind == "postgres-csv" else json_line(f"statement: {statement}", at=at)
    [said] = sends(judged, line)
    assert "exec of …; it is for orders" in said
    assert {fact.request_id for fact in done(judged)} == {"R-7F3K"}
    good = row(judged, "SELECT 1 FROM orders", number=8) if kind == "postgres-csv" else json_line("statement: SELECT 1")
    assert sends(judged, good) == []
    assert len(done(judged)) == 2


def test_of_a_pgaudit_line_of_any_length_the_same(tmp_path: Path):
    judged = watched(tmp_path)
    for length in (140_000, 2 * LONGEST_LINE):
        says = f'AUDIT: SESSION,1,1,READ,SELECT,,,"select 1 /* {"x" * length} */ from salaries",<not logged>,5'
        sends(judged, json_line(says, at=judged.world.clock.now()))
    assert [fact.request_id for fact in done(judged)] == ["R-7F3K"] * 2
    assert len(judged.world.alerts()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        r"SELECT 1 FROM orders WHERE a = '\'; SELECT * FROM salaries --'",
        "DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'salaries'; END $$",
        "SELECT 1 FROM orders; LOAD 'x' /* never closed",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob",
    ],
)
def test_what_is_not_understood_is_outside_where_objects_alone_are_named(tmp_path: Path, statement: str):
    judged = watched(tmp_path)
    [said] = judged.does(statement)
    assert re.search("(exec|privilege) of (…|nobody knows what); it is for orders", said)
    assert len(judged.does(f"{statement} -- another")) == 1


@pytest.mark.parametrize(
    "message",
    [
        "execute a:b: SELECT * FROM salaries",
        f"execute {'x' * 300}: SELECT * FROM salaries",
        "execute x: SELECT 1 FROM orders --: SELECT * FROM salaries",
        "execute x/y: SELECT 1 /*: /**/ SELECT * FROM salaries -- */",
        f"execute {'x: SELECT 1 --' * 30}: SELECT * FROM salaries",
        'fastpath function call: "lo_export" (OID 765)',
        "received replication command: BASE_BACKUP ( LABEL 'x' )",
    ],
)
def test_no_name_of_a_statement_and_no_other_way_to_send_it_hides_it(tmp_path: Path, message: str):
    judged = watched(tmp_path)
    assert len(sends(judged, json_line(message, at=judged.world.clock.now()))) == 1
    harmless = ("execute S_1: SELECT 1 FROM orders", "execute <unnamed>: SELECT 1 FROM orders WHERE a = 'note: one'")
    assert sends(judged, *(json_line(each, at=judged.world.clock.now()) for each in harmless)) == []


@pytest.mark.parametrize("kind", ["postgres-json", "postgres-csv"])
def test_nothing_passes_for_what_pgaudit_says_of_the_statement_before_it(tmp_path: Path, kind: str):
    """By a parameter, or by what the application calls itself: neither is of pgaudit."""
    judged = watched(tmp_path, kind=kind)
    at = judged.world.clock.now()
    if kind == "postgres-csv":
        first = row(judged, "SELECT * FROM salaries; SELECT 1; SET application_name = 'AUDIT: '")
        second = row(judged, "SELECT 1", number=8).replace('"psql"', '"AUDIT: "')
    else:
        first = json_line("statement: SELECT * FROM salaries -- SELECT 1", at=at)
        second = json_line("execute x: SELECT 1", at=at, detail="parameters: $1 = 'AUDIT: '")
    [said] = sends(judged, first, second)
    assert "salaries" in said


@pytest.mark.parametrize(
    "forged", [FORGED_ROW, FORGED + '"",,', '"\n' + FORGED_ROW, FORGED_ROW + '\n"', 'x"\n"' + FORGED_ROW]
)
def test_a_line_within_a_statement_is_nobody_elses_entry_and_hides_none(tmp_path: Path, forged: str):
    judged = watched(tmp_path, kind="postgres-csv")
    inside = forged.format(at=judged.world.clock.now())
    [said] = sends(
        judged, row(judged, f"SELECT * FROM salaries /*\n{inside}\n*/"), row(judged, "SELECT 1 FROM orders", "bob")
    )
    assert "salaries" in said
    assert [(fact.principal, len(fact.items)) for fact in done(judged)] == [("alice", 1), ("bob", 1)]


def test_nor_is_one_behind_so_much_that_an_entry_is_cut(tmp_path: Path):
    judged = watched(tmp_path, kind="postgres-csv")
    inside = FORGED_ROW.format(at=judged.world.clock.now())
    filler = ("x" * 99 + "\n") * (2 * LONGEST_LINE // 100)
    for much in (filler, "x" * 2 * LONGEST_LINE + "\n"):
        sends(judged, row(judged, f"SELECT 1 FROM orders /*\n{much}{inside}\n{inside}*/"))
    sends(judged, row(judged, "SELECT *\nFROM salaries", number=9))
    assert {fact.principal for fact in done(judged)} == {"alice"}
    assert any("salaries" in alert.says for alert in judged.world.alerts())


def test_a_reader_that_begins_within_an_entry_believes_no_line_of_it(tmp_path: Path):
    judged = watched(tmp_path, kind="postgres-csv")
    inside = FORGED_ROW.format(at=judged.world.clock.now())
    sends(judged, f"the rest of an entry\n{inside}\n*/" + '",,,,,,,,,"psql","client backend",,0\n')
    sends(judged, row(judged, "SELECT * FROM salaries"))
    assert [fact.principal for fact in done(judged)] == ["alice"]


def test_what_cannot_be_read_is_said_though_nothing_came_with_it(tmp_path: Path):
    judged = watched(tmp_path, kind="json")
    sends(judged, "x" * 2 * LONGEST_LINE + "\n")
    line = {"principal": "alice", "session": "s", "seq": 1, "class": "read", "time": f"{judged.world.clock.now()}"}
    sends(judged, json.dumps(line) + "\n")
    sends(judged, json.dumps(line | {"seq": 2}) + "\n")
    assert [fact.remarks for fact in done(judged)] == [("1 unread: a line too long",), ()]


def test_one_command_hides_behind_no_number_of_different_ones(tmp_path: Path):
    judged = watched(tmp_path, "for: {classes: [read], commands: ['ls *']}", kind="json")
    sent = [f"ls {number}" for number in range(300)] + ["ls 1"] * 600 + ["cat /etc/shadow"]
    line = {"principal": "alice", "session": "s", "class": "exec", "time": judged.world.clock.now().isoformat()}
    said = sends(judged, *(json.dumps(line | {"seq": at, "text": each}) + "\n" for at, each in enumerate(sent)))
    assert said


@pytest.mark.parametrize(
    "says",
    [
        "PWD=/tmp/x ; USER=root ; COMMAND=/usr/bin/ls a ; USER=root ; COMMAND=/usr/bin/cat /etc/gshadow",
        "PWD=/tmp ; USER=root ; COMMAND=/usr/bin/cat /etc/gshadow ; USER=root ; COMMAND=/usr/bin/ls a",
        f"PWD=/{'x/' * 700} ; USER=root ; COMMAND=/usr/bin/cat /etc/gshadow",
        f"PWD=/{'x/' * 400}",
        "PWD=/ ; USER=root ; ENV=A=b;c ; COMMAND=/usr/bin/cat /etc/gshadow",
    ],
)
def test_no_folder_and_no_argument_hides_what_was_run(tmp_path: Path, says: str):
    judged = watched(tmp_path, "for: {objects: [/usr/bin/ls], commands: ['/usr/bin/ls *']}", kind="auth-log")
    at = judged.world.clock.now().isoformat()
    line = "{} host sudo:    alice : {}\n"
    assert len(sends(judged, line.format(at, f"TTY=pts/0 ; {says}"))) == 1
    harmless = ("TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/ls a", "(command continued) b c d")
    assert sends(judged, *(line.format(at, each) for each in harmless)) == []


def test_nor_does_the_rest_of_a_line_that_syslog_cut(tmp_path: Path):
    judged = watched(tmp_path, "for: {commands: ['/usr/bin/ls *']}", kind="auth-log")
    says = "alice : (command continued) x/x ; USER=root ; COMMAND=/usr/bin/cat /etc/gshadow"
    assert len(sends(judged, f"{judged.world.clock.now().isoformat()} host sudo: {says}\n")) == 1
