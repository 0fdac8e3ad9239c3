"""What is outside what an access is for, and what comes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.followers.follower import Tools
from bot.followers.purposes import MOST_OF_ONE, Purposes
from bot.views.alert import draw_alert
from jit.detect.activity.doctor import look_at_logs
from jit.facts import ActivityClass, AlertName, EndCause
from jit.ledger import Notes
from jit.ledger.followers import CURSOR
from jit.policy import PolicyError, load_policy
from jit.requests.lifecycle import State
from tests.world.activity import FOR, collect, collector, json_line, with_purpose
from tests.world.base import World, in_a_file
from tests.world.hands import RULES as HANDS
from tests.world.hands import Hands

_GRANTS = "grants: [orders_read]\n", "grants: [orders_read]\n    for: {classes: [read]}\n    on_exceed: revoke\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, rules=with_purpose(FOR))


class Judged:
    """What alice does is read from a log, and judged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file = world.folder / "log.json"
        self.reader = collector(world, self.file)
        self.notes = Notes(world.engine, Purposes.name)
        self.judge = self.another()
        self.judge.begin()

    def another(self) -> Purposes:
        world = self.world
        tools = Tools(ledger=world.ledger, notes=self.notes, policies=world.policies, clock=world.clock)
        return Purposes(tools, world.queue)

    def does(self, *statements: str, **told: Any) -> list[str]:
        """What is said of it, in an alert each."""
        before = len(self.world.alerts())
        with self.file.open("a") as log:
            for statement in statements:
                message = statement if statement.startswith("AUDIT") else f"statement: {statement}"
                log.write(json_line(message, at=self.world.clock.now(), **told))
        collect(self.reader)
        while self.judge.step() == 0:
            pass
        return [alert.says for alert in self.world.alerts()[before:]]


@pytest.fixture
def judged(world: World) -> Judged:
    judged = Judged(world)
    judged.story = world.story().active()  # type: ignore[attr-defined]
    return judged


def test_what_it_is_for_is_told_of_to_nobody(judged: Judged):
    for statement in (
        "SELECT * FROM orders",
        "SELECT count(*) FROM public.orders JOIN shop.items USING (id)",
        "UPDATE orders SET a = 1",
        "BEGIN",
        "SET client_encoding = 'UTF8'",
        "SET ROLE jit_r_7f3k",
        "RESET ROLE",
        "SELECT c.relname FROM pg_catalog.pg_class c WHERE pg_catalog.pg_table_is_visible(c.oid)",
        "SHOW server_version",
    ):
        assert judged.does(statement) == [], statement


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT * FROM salaries", "read of salaries; it is for orders, shop.*"),
        ("SELECT 1 FROM orders, hr.salaries", "read of hr.salaries; it is for orders, shop.*"),
        ("SELECT * FROM hr.orders", "read of hr.orders; it is for"),
        ("DROP TABLE orders", "ddl of orders; it is for read, write"),
        ("COPY orders TO STDOUT", "export of orders; it is for read, write"),
        ("COPY orders TO PROGRAM 'curl -u bob:hunter2 x'", "exec of orders; it is for read, write"),
        ("SELECT steal()", "exec of steal(); it is for read, write"),
        ("DO $$ BEGIN DELETE FROM orders; END $$", "exec; it is for read, write"),
        ("EXECUTE q(1)", "exec of q(); it is for read, write"),
        ("SET ROLE dba", "privilege of dba; it is for read, write"),
        ("SELECT * FROM pg_authid", "read of pg_authid; it is for"),
        ("CREATE ROLE eve PASSWORD 'hunter2'", "account of eve; it is for"),
    ],
)
def test_what_is_outside_is_told_with_the_statement_and_the_limit_and_can_be_revoked(
    judged: Judged, statement: str, says: str
):
    [said] = judged.does(statement)
    assert says in said
    assert "hunter2" not in said
    assert statement.partition(" '")[0][:20] in said
    [alert] = judged.world.alerts()
    assert (alert.name, alert.request_id) == (AlertName.OUTSIDE_PURPOSE, "R-7F3K")
    drawn = draw_alert(alert, judged.world.request("R-7F3K"), lambda who: who)
    assert "'Revoke'" in str(drawn.blocks)
    assert judged.world.request("R-7F3K").state is State.ACTIVE


def test_rows_are_counted_over_the_whole_of_a_grant_and_across_a_restart(judged: Judged):
    def reads(rows: int) -> str:
        return f"AUDIT: SESSION,1,1,READ,SELECT,TABLE,orders,select * from orders,<not logged>,{rows}"

    assert judged.does(reads(60)) == []
    judged.judge.begin()
    assert judged.does(reads(40)) == []
    [said] = judged.does(reads(1))
    assert "101 rows; it is for 100" in said
    assert judged.does(reads(1)) == []


def test_the_same_is_told_of_once_in_a_while(judged: Judged):
    assert len(judged.does("DROP TABLE orders", "DROP TABLE orders", "SELECT 1 FROM salaries")) == 2
    assert judged.does("DROP TABLE orders") == []
    judged.world.clock.move(minutes=16)
    assert len(judged.does("DROP TABLE orders")) == 1


def test_what_is_harmless_hides_nothing_that_follows(judged: Judged):
    """An alert for each thing, not for each limit: whoever trips one first gets no quiet quarter of an hour."""
    assert len(judged.does("DROP TABLE a")) == 1
    assert len(judged.does("DROP TABLE orders")) == 1
    assert len(judged.does("DO $$ BEGIN PERFORM 1; END $$", "DO $$ BEGIN PERFORM steal(); END $$")) == 2


def test_a_storm_of_different_things_is_told_of_so_often_and_then_said_to_be_one(judged: Judged):
    said = judged.does(*(f"DROP TABLE t{number}" for number in range(50)))
    assert len(said) == MOST_OF_ONE
    assert "not told one by one" in said[-1]
    assert len(judged.does("DROP TABLE late")) == 0
    judged.world.clock.move(minutes=16)
    assert len(judged.does("DROP TABLE late")) == 1


def test_no_storm_of_others_hides_that_the_log_is_turned_off(judged: Judged):
    judged.does(*(f"SELECT 1 FROM hr.t{number}" for number in range(MOST_OF_ONE + 1)))
    says = judged.does("SET log_statement = 'none'", "SELECT 1 FROM hr.another")
    assert [alert.name for alert in judged.world.alerts()[-len(says) :]] == [AlertName.LOG_TURNED_OFF]


def test_what_was_judged_before_a_crash_is_told_of_once(judged: Judged):
    judged.does("DROP TABLE orders")
    judged.judge = judged.another()
    judged.notes.put({CURSOR: "0"})
    judged.judge.begin()
    assert judged.does() == []
    assert len(judged.world.alerts()) == 1


def test_what_comes_after_a_restore_of_an_older_record_is_judged(judged: Judged):
    judged.notes.put({CURSOR: "1000"})
    judged.judge.begin()
    judged.judge.step()
    assert len(judged.does("DROP TABLE orders")) == 1


def test_an_access_whose_log_says_too_much_is_ended_by_the_workers(tmp_path: Path):
    house = Hands(tmp_path, rules=HANDS.replace(*_GRANTS, 1))
    request = house.active()
    judged = Judged(house)
    assert len(judged.does("DROP TABLE orders")) == 1
    house.timekeeper.sweep()
    [ended] = house.facts("ended")
    assert (ended.cause, ended.request_id) == (EndCause.EXCEEDED, request.id)
    assert not house.target.gives


def test_what_another_grant_is_for_is_inside(judged: Judged):
    """The admin access of the same person says nothing of what it is for: then it may be anything."""
    judged.world.story("R-2222", access="orders-db/admin").active()
    assert judged.does("DROP TABLE orders") == []


def test_who_turns_the_log_off_is_told_of_with_or_without_a_grant(judged: Judged):
    [off, outside] = judged.does("SET log_statement = 'none'")
    assert "SET log_statement = 'none'" in off
    assert "config of log_statement; it is for" in outside
    [nobodys] = judged.does("SET log_statement = 'none'", user="mallory")
    assert nobodys.endswith("No grant explains that session.")
    assert [alert.name for alert in judged.world.alerts()] == [
        AlertName.LOG_TURNED_OFF,
        AlertName.OUTSIDE_PURPOSE,
        AlertName.LOG_TURNED_OFF,
    ]


def test_on_exceed_revoke_ends_it_at_once_with_a_cause_of_its_own(judged: Judged):
    judged.world.rules(text=with_purpose(f"{FOR}\n    on_exceed: revoke"))
    judged.does("SELECT 1 FROM orders")
    assert judged.world.request("R-7F3K").state is State.ACTIVE
    judged.does("DROP TABLE orders")
    request = judged.world.request("R-7F3K")
    assert (request.state, request.end_cause) == (State.ENDING, EndCause.EXCEEDED)
    assert judged.world.queue.revokes == ["R-7F3K"]
    judged.does("DROP TABLE orders")
    assert judged.world.kinds("R-7F3K").count("exceeded") == 1


def test_a_command_is_inside_where_it_is_one_of_those_named(tmp_path: Path):
    judged = Judged(
        World(tmp_path, rules=with_purpose("for: {classes: [login], commands: ['/usr/bin/systemctl restart *']}"))
    )
    judged.world.story().active()
    judged.file = tmp_path / "auth.log"
    judged.reader = collector(judged.world, judged.file, kind="auth-log")

    def runs(command: str) -> int:
        at = judged.world.clock.now().isoformat()
        says = f"alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND={command}"
        judged.file.open("a").write(f"{at} host sudo: {says}\n")
        return len(judged.does())

    assert runs("/usr/bin/systemctl restart orders") == 0
    assert runs("/usr/bin/cat /etc/shadow") == 1


def test_nothing_hides_behind_many_others(tmp_path: Path):
    """Not a table as the last of many in one statement, and no command among a thousand that are as they should be."""
    world = World(tmp_path, rules=with_purpose("for: {objects: ['shop.*'], classes: [read]}"))
    world.story().active()
    judged = Judged(world)
    many = ", ".join(f"shop.t{number}" for number in range(25))
    [said] = judged.does(f"SELECT 1 FROM {many}, hr.salaries")
    assert "read of …; it is for shop.*" in said
    world.rules(text=with_purpose("for: {classes: [read], commands: ['ls *']}"))
    kept = tmp_path / "sent.json"
    judged.file, judged.reader = kept, collector(world, kept, kind="json", log="other")
    line = {"principal": "alice", "session": "s", "class": "exec", "time": world.clock.now().isoformat()}
    sent = ["ls /"] * 800 + ["cat /etc/shadow"] + ["ls /"] * 200
    kept.write_text("".join(json.dumps(line | {"seq": seq, "text": each}) + "\n" for seq, each in enumerate(sent)))
    [said] = judged.does()
    assert "cat /etc/shadow" in said


@pytest.mark.parametrize(
    ("says", "mistake"),
    [
        ("for: {}", "it has objects, classes, rows or commands"),
        ("for: {classes: [reads]}", "must be one of login, logout, read"),
        ("for: {rows: 0}", "must be between 1 and 1,000,000,000,000"),
        ("for: {object: [x]}", "unknown key"),
        ("for: {objects: []}", "must not be empty"),
        ("for: orders", "must be keys and values"),
        (f"{FOR}\n    on_exceed: kill", "must be one of alert, revoke"),
        ("on_exceed: revoke", "which this access does not have"),
    ],
)
def test_a_slip_in_what_it_is_for_is_named(tmp_path: Path, says: str, mistake: str):
    (tmp_path / "a.policy.yml").write_text(with_purpose(says))
    with pytest.raises(PolicyError) as wrong:
        load_policy(tmp_path)
    assert mistake in str(wrong.value)
    assert "access.orders-db/read" in str(wrong.value)


def test_what_an_access_is_for_is_read(tmp_path: Path):
    (tmp_path / "a.policy.yml").write_text(with_purpose(FOR))
    access = load_policy(tmp_path).accesses["orders-db/read"]
    assert access.purpose is not None
    assert (access.purpose.classes, access.purpose.rows) == ((ActivityClass.READ, ActivityClass.WRITE), 100)
    assert access.on_exceed == "alert"


def test_the_doctor_notes_an_access_that_is_for_something_while_nobody_reads_its_log(tmp_path: Path):
    world = World(tmp_path, rules=with_purpose(FOR), ledger=in_a_file(tmp_path))
    url = SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}")

    def says() -> list[str]:
        return [line.what for line in look_at_logs(world.policies.current(), url, world.clock)]

    assert says() == ["accesses of orders-db say what they are for, and no log of it is read: nothing is judged"]
    Judged(world).does("SELECT 1")
    assert says() == ["what is done in orders-db comes out of its log"]
    world.rules()
    assert says() == []
