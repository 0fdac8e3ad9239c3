"""The session beside the chat, in a real PostgreSQL: as psql would show it, and no more than one statement."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from demo.console import WATCHED, Console
from demo.sample import DATABASE, LOG, ROLES, WORKER, furnish, log_of
from demo.session import LONGEST_CELL, MOST_BYTES, MOST_ROWS, Lost, Refused, Session
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.activity import wait_for
from tests.world.orders import grant_of, wanted
from tests.world.servers import postgres_18
from tests.world.waiting import HUNG, wait_until
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

TABLE = """\
  id  | customer |  state  |  since
------+----------+---------+----------
 4711 | Sato     | stuck   | 03:00:00
 4712 | Okafor   | stuck   | 02:00:00
 4713 | Lind     | shipped | 01:00:00
(3 rows)"""


@pytest.fixture(scope="module")
def orders():
    with postgres_18() as server:
        furnish(server)
        yield server


@pytest.fixture
def session(orders):
    made = Session(orders.dsn("alice", DATABASE), most_seconds=HUNG)
    yield made
    made.close()


@pytest.fixture
def console(orders, monkeypatch):
    monkeypatch.setattr("demo.console.LOOK_EVERY", 0.05)
    monkeypatch.setattr("demo.console.AGAIN_AFTER", 0.05)
    made = Console(orders.dsn("alice", DATABASE), "alice", DATABASE)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def admin(orders):
    with psycopg.connect(orders.dsn(), autocommit=True) as conn:
        yield conn


def test_every_role_of_the_sample_can_be_given(orders):
    """None has more than a permission may have."""
    with closing(PostgresTarget("orders-db", SecretStr(orders.dsn(WORKER, DATABASE)))) as target:
        assert [finding for finding in target.check(ROLES) if not finding.ok] == []
        assert target.grant(grant_of("R-7F3K", *ROLES), wanted).permissions == tuple(sorted(ROLES))
        assert target.revoke("R-7F3K", "alice").existed


def cut(admin):
    admin.execute("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = 'alice'")


def watched(console):
    return console.state()["watch"]["text"]


def said(console):
    return [line["text"] for line in console.state()["lines"]]


def test_answers_look_as_in_psql(session):
    answer = session.ask("SELECT 1 AS n, '%' AS sign, NULL::text AS nothing, true AS yes")
    assert answer.splitlines()[2] == " 1 | %    |         | t"
    assert session.ask("SET application_name = 'x'") == "SET"
    assert session.ask("SELECT 1 AS n WHERE false").endswith("(0 rows)")


def test_what_the_server_refuses_is_shown_and_the_session_goes_on(session):
    for statement, words in (
        ("SELECT * FROM orders", "ERROR:  permission denied for table orders"),
        ("UPDATE orders SET state = 'x'", "ERROR:  permission denied for table orders"),
        ("SELECT 1; SELECT 2", "cannot insert multiple commands"),
        ("\\! touch /here", "syntax error"),
        ("SET statement_timeout = 0; SELECT pg_sleep(60)", "cannot insert multiple commands"),
        ("SELECT pg_read_file('/etc/passwd')", "permission denied for function pg_read_file"),
        ("SELECT nothing", 'column "nothing" does not exist'),
    ):
        with pytest.raises(Refused, match=words):
            session.ask(statement)
        assert session.ask("SELECT 1 AS n").endswith("(1 row)"), statement


def test_a_statement_has_its_time_and_no_more_whatever_limit_somebody_sets(orders):
    with closing(Session(orders.dsn("alice", DATABASE))) as session:
        assert "\n 2s\n" in session.ask("SHOW statement_timeout")
    with closing(Session(orders.dsn("alice", DATABASE), most_seconds=1)) as shorter:
        for before in ("SELECT 1 AS n", "SET statement_timeout = 0"):
            shorter.ask(before)
            with pytest.raises(Refused, match="statement timeout"):
                shorter.ask("SELECT pg_sleep(600)")
        assert shorter.ask("SELECT 1 AS n").endswith("(1 row)")


def test_a_long_answer_is_cut_short_and_the_rest_never_fetched(session):
    answer = session.ask("SELECT generate_series(1, 1000000000)")
    assert answer.endswith(f"({MOST_ROWS} rows, and more)")
    assert session.ask("SELECT 1 AS n").endswith("(1 row)")


def test_a_transaction_is_not_left_open(session):
    assert session.ask("BEGIN") == "BEGIN"
    assert session.ask("SELECT pg_current_xact_id_if_assigned() IS NULL AS free").splitlines()[2] == " t"


def test_copy_ends_the_session_and_nothing_else(orders):
    for statement in ("COPY (SELECT 1) TO STDOUT", "COPY pg_temp.x FROM STDIN"):
        with closing(Session(orders.dsn("alice", DATABASE))) as session:
            session.ask("CREATE TEMP TABLE x (n int)")
            with pytest.raises(Lost, match="COPY"):
                session.ask(statement)


def test_the_session_shows_the_table_as_soon_as_it_may_and_is_cut(console, admin):
    wait_until(lambda: "permission denied" in watched(console))
    admin.execute("GRANT orders_read TO alice")
    try:
        wait_until(lambda: watched(console) == TABLE)
    finally:
        admin.execute("REVOKE orders_read FROM alice")
    cut(admin)
    wait_until(lambda: "FATAL:  terminating connection due to administrator command" in said(console))
    wait_until(lambda: "permission denied" in watched(console))
    assert said(console)[-1] == "Connected again: a new session."


def test_it_comes_back_after_the_server_was_down(console, orders):
    wait_until(lambda: "permission denied" in watched(console))
    orders.kill()
    try:
        wait_until(lambda: console.state()["session"] in ("cut by the server", "not connected; tries again"))
        with pytest.raises(ValueError, match="cut"):
            console.run("SELECT 1")
    finally:
        orders.start()
    wait_until(lambda: "permission denied" in watched(console))


def test_many_may_type_at_once(console):
    wait_until(lambda: watched(console))
    with ThreadPoolExecutor(8) as typing:
        list(typing.map(lambda number: console.run(f"SELECT {number} AS n"), range(8)))
    answers = [line.splitlines()[2].strip() for line in said(console) if line.endswith("(1 row)")]
    assert sorted(answers) == [str(number) for number in range(8)]


def test_what_is_no_statement_is_told_in_a_sentence(console):
    wait_until(lambda: watched(console))
    for typed in ("", "  ", "x" * 2001, "SELECT '\0'"):
        with pytest.raises(ValueError, match="one SQL statement"):
            console.run(typed)


def test_a_cell_is_cut_where_it_is_long_and_left_where_it_is_not(session):
    fits, long = session.ask(f"SELECT repeat('ö', {LONGEST_CELL})"), session.ask("SELECT repeat('ö', 10000000)")
    assert "ö" * LONGEST_CELL in fits
    assert "…" not in fits
    assert "ö" * LONGEST_CELL + "…" in long
    assert len(long) < 5 * LONGEST_CELL


def test_an_answer_is_bounded_in_bytes(session):
    for name, statement in {
        "wide rows": "SELECT " + ", ".join("repeat('x', 1000)" for _ in range(50)) + " FROM generate_series(1, 40)",
        "many columns": "SELECT " + ", ".join(f"{number} AS {'c' * 15}{number}" for number in range(1500)),
        "an error": "SELECT repeat('x', 1000000)::int",
    }.items():
        try:
            answer = session.ask(statement)
        except Refused as refused:
            answer = str(refused)
        assert MOST_BYTES // 2 < len(answer.encode()) < MOST_BYTES + 100, name
        assert answer.endswith("(cut)"), name
        assert session.ask("SELECT 1 AS n").endswith("(1 row)"), name


def test_the_log_shows_what_is_typed_and_nothing_of_what_watches(monkeypatch):
    monkeypatch.setattr("demo.console.LOOK_EVERY", 0.01)
    with EmbeddedPostgres(sync=False, settings=LOG) as server:
        furnish(server)
        console = Console(server.dsn("alice", DATABASE), "alice", DATABASE)
        console.start()
        try:
            wait_until(lambda: "permission denied" in watched(console))
            for typed in ("SELECT 1 AS first", "UPDATE orders SET state = 'x'", "SELECT 2 AS last"):
                console.run(typed)
            wait_for(log_of(server), "AS last")
        finally:
            console.stop()
        lines = [json.loads(line) for line in log_of(server).read_text().splitlines()]
        of_alice = [line["message"] for line in lines if line.get("user") == "alice"]
    assert of_alice == [
        "execute <unnamed>: SELECT 1 AS first",
        "execute <unnamed>: UPDATE orders SET state = 'x'",
        "permission denied for table orders",
        "execute <unnamed>: SELECT 2 AS last",
    ]


def test_a_temporary_view_cannot_stand_for_the_table_that_is_watched(console):
    wait_until(lambda: console.state()["session"].startswith("session"))
    console.run("CREATE TEMP VIEW orders AS SELECT 1 AS id, 'forged' AS customer, '' AS state, interval '1 s' AS since")
    console.run("SELECT customer FROM orders")
    assert "forged" in said(console)[-1]
    console.run(WATCHED)
    assert "permission denied for table orders" in said(console)[-1]
