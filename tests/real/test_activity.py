"""What people do in a real PostgreSQL, from its own log into the record, and out of it again."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from bot.followers.purposes import Purposes
from bot.views.alert import draw_alert
from bot.views.card import draw
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.detect.activity.collector import Collector
from jit.facts import ActivityClass
from jit.ledger import Conflict
from jit.ledger.database import Forbidden
from jit.proof.audit.ocsf import to_ocsf
from jit.proof.evidence.page import page_of
from jit.runtime.embedded import EmbeddedPostgres
from playground.text import rendered
from tests.world.activity import (
    PGAUDIT,
    RealTime,
    collect,
    collector,
    json_line,
    judge,
    log_of,
    logging_postgres,
    wait_for,
)
from tests.world.base import RULES, World
from tests.world.pooler import pgbouncer
from tests.world.record import Record
from tests.world.servers import LedgerDatabase

pytestmark = pytest.mark.real
R = ActivityClass.READ
FOR = "grants: [orders_read]\n", "grants: [orders_read]\n    for: {objects: [orders], classes: [read]}\n"


@pytest.fixture(scope="module")
def plain() -> Iterator[EmbeddedPostgres]:
    with logging_postgres() as server:
        _prepare(server)
        yield server


@pytest.fixture(scope="module")
def audited() -> Iterator[EmbeddedPostgres]:
    with logging_postgres(**PGAUDIT) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pgaudit")
        _prepare(server)
        yield server


def _prepare(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE ROLE alice LOGIN; CREATE TABLE orders (id int, note text)")
        admin.execute("CREATE ROLE jit_r_7f3k; GRANT jit_r_7f3k TO alice; GRANT ALL ON orders TO jit_r_7f3k")
        admin.execute("CREATE TABLE salaries (id int); GRANT ALL ON salaries TO jit_r_7f3k")
        admin.execute("CREATE ROLE hr; GRANT hr TO alice; GRANT pg_execute_server_program TO alice")
        admin.execute("GRANT SET ON PARAMETER log_statement TO alice")
        admin.execute(
            "CREATE FUNCTION tidy() RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM count(*) FROM orders; DELETE FROM salaries; END $$"
        )
        admin.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 9) AS n")


@pytest.fixture
def record(tmp_path: Any) -> Iterator[Record]:
    record = Record(tmp_path, clock=RealTime(), rules=RULES.replace(*FOR, 1))
    yield record
    record.close()


def use(server: EmbeddedPostgres, *statements: str) -> None:
    """As alice, in a session of its own; whose end the log has then."""
    with psycopg.connect(server.dsn("alice"), autocommit=True) as session:
        for statement in statements:
            session.execute(statement)
        pid = session.info.backend_pid
    wait_for(log_of(server), rf'"pid":{pid},.*"message":"disconnection')


def test_what_is_done_with_a_grant_is_recorded_shown_on_the_card_and_in_the_evidence(
    record: Record, plain: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
):
    story = record.story().active()
    use(plain, *["SELECT * FROM orders"] * 3, "UPDATE orders SET note = 'seen' WHERE id = 1")
    reader = collector(record, log_of(plain))
    collect(reader)
    [done] = [fact for fact in record.facts("activity") if fact.request_id]
    assert (done.request_id, done.tied_by, done.principal) == ("R-7F3K", "principal_and_time", "alice")
    assert [item.activity for item in done.items][:5] == [ActivityClass.LOGIN, R, R, R, ActivityClass.WRITE]
    assert done.statement_of(done.items[4]) == "UPDATE orders SET note = 'seen' WHERE id = 1"
    [entry] = [entry for entry in record.ledger.read(limit=1000) if entry.fact == done]
    assert b"seen" not in entry.body

    story.released()
    story.ending()
    story.ended()
    reader.recorder.follow()
    reader.recorder.sum_up(record.clock.now())
    [summed] = record.request("R-7F3K").used
    assert (summed.coverage, summed.gaps) == ("complete", ())
    said = "4 statements: 3 reads of orders, 1 change of orders; nothing left behind; log complete"
    card = draw(record.request("R-7F3K"), lambda who: who)
    assert said in rendered({"text": "", "blocks": card.blocks}, str)
    record.sign()
    page = page_of(record.prove(), {})
    assert "UPDATE orders SET note = &#x27;seen&#x27; WHERE id = 1" in page
    assert "4 statements: 3 reads of orders" in page
    assert "log complete" in page
    assert "UPDATE orders SET note" in str([to_ocsf(each) for each in record.ledger.read(limit=1000)])
    monkeypatch.setenv("JIT_LEDGER_URL", record.url)
    shown = CliRunner().invoke(cli, ["show", "R-7F3K"])
    assert "UPDATE orders SET note" in shown.output
    found = CliRunner().invoke(cli, ["audit", "search", "--activity", "--request", "R-7F3K"])
    kinds = [json.loads(line)["fact"]["kind"] for line in found.output.splitlines() if line.startswith("{")]
    assert kinds == ["activity", "activity.summed"]
    assert "UPDATE orders SET note" in found.output


def test_a_session_that_takes_the_grants_role_is_tied_by_it(record: Record, audited: EmbeddedPostgres):
    record.story().active()
    use(audited, "SET ROLE jit_r_7f3k", "SELECT * FROM orders", "UPDATE orders SET note = 'y' WHERE id < 4")
    collect(collector(record, log_of(audited)))
    done = [fact for fact in record.facts("activity") if fact.request_id]
    assert [fact.tied_by for fact in done] == ["principal_and_time", "role"]
    items = [item for item in done[1].items if item.objects]
    assert [(item.activity, item.rows) for item in items][:2] == [(R, 9), (ActivityClass.WRITE, 3)]


HIDDEN = {
    "another role": (["SET ROLE hr", "RESET ROLE"], "privilege of hr"),
    "a function": (["SELECT tidy()"], "exec of tidy()"),
    "a program": (["COPY orders TO PROGRAM 'cat >/dev/null'"], "exec of orders"),
    "a prepared statement": (["PREPARE q AS DELETE FROM salaries", "EXECUTE q"], "write of salaries"),
    "a block": (["DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'salaries'; END $$"], "exec; it is for read"),
    "a comment": (["SELECT 1 /* FROM orders */ FROM salaries"], "read of salaries"),
    "a view": (["CREATE TEMP VIEW v AS SELECT * FROM salaries", "SELECT * FROM v"], "read of v"),
    "a failure": (["DROP TABLE orders"], "ddl of orders"),
    "a second database's catalogs": (["SELECT rolpassword FROM pg_authid"], "read of pg_authid"),
    "the log turned off": (["SET log_statement = 'none'", "DROP TABLE orders"], "a change of the log"),
}
"""How somebody may try to hide what they do, and what is told of it."""


@pytest.mark.parametrize("server", ["plain", "audited"])
def test_what_is_done_outside_is_told_from_the_real_log_however_it_is_hidden(
    record: Record, server: str, request: pytest.FixtureRequest
):
    """Each attempt raises an alert with what was sent, and Revoke on it; what is inside raises none."""
    database = request.getfixturevalue(server)
    reader = collector(record, log_of(database))
    collect(reader)
    record.story().active()
    judged = judge(record)
    try_it(database, "SELECT * FROM orders", "BEGIN", "SELECT count(*) FROM orders", "COMMIT")
    assert told(record, reader, judged) == []
    for how, (statements, says) in HIDDEN.items():
        judged.begin()
        try_it(database, "SET ROLE jit_r_7f3k", *statements)
        alerts = told(record, reader, judged)
        assert [alert for alert in alerts if says in alert.says], (how, [alert.says for alert in alerts])
        assert all(alert.request_id == "R-7F3K" for alert in alerts), how
        drawn = draw_alert(alerts[0], record.request("R-7F3K"), lambda who: who)
        assert "'Revoke'" in str(drawn.blocks), how


def test_what_goes_through_a_pooler_is_told_of_as_well(record: Record, plain: EmbeddedPostgres):
    """Sessions of the server are shared there: whose grant it is says the login, and no role that another left on."""
    reader = collector(record, log_of(plain))
    collect(reader)
    record.story().active()
    judged = judge(record)
    with pgbouncer(plain, "alice") as pooler:
        for sent in ("SET ROLE hr; RESET ROLE", "DELETE FROM orders WHERE id < 0"):
            with psycopg.connect(pooler.dsn("alice", "postgres"), autocommit=True) as session:
                session.execute(sent)
    wait_for(log_of(plain), "DELETE FROM orders WHERE id < 0")
    said = [alert.says for alert in told(record, reader, judged)]
    assert any("privilege of hr" in each for each in said)
    assert any("write of orders" in each for each in said)


def told(record: Record, reader: Collector, judged: Purposes) -> list[Any]:
    """The alerts that what is in the log by now raises."""
    before = len(record.alerts())
    collect(reader)
    while judged.step() == 0:
        pass
    return record.alerts()[before:]


def try_it(server: EmbeddedPostgres, *statements: str, dsn: str = "") -> None:
    """As alice, whether or not she may."""
    with psycopg.connect(dsn or server.dsn("alice"), autocommit=True) as session:
        session.prepare_threshold = None
        for statement in statements:
            with suppress(psycopg.Error):
                session.execute(statement)
        pid = session.info.backend_pid
    wait_for(log_of(server), rf'"pid":{pid},.*"message":"disconnection')


def test_the_collectors_login_records_what_was_done_and_nothing_else(
    guarded: LedgerDatabase, opened: Any, tmp_path: Any
):
    """It may write nothing of the life of a request, and of its row only that something was summed."""
    world = World(tmp_path, clock=SystemClock(), ledger=lambda _: opened("jit_bot"))
    by_worker = opened("jit_hands")
    story = world.story()
    story.asked()
    story.approval()
    story.approved()
    story.ledger = by_worker
    story.intent()
    story.granted()
    file = tmp_path / "log.json"
    file.write_text(json_line("statement: SELECT * FROM orders"))
    world.ledger = opened("jit_collector")
    reader = collector(world, file)
    collect(reader)
    story.ending()
    story.ended()
    reader.recorder.follow()
    assert reader.recorder.sum_up(world.clock.now()) == ["R-7F3K"]
    assert world.request("R-7F3K").used[0].sessions == 1
    story.ledger = world.ledger
    for step in (story.approval, story.ended, story.ending):
        with pytest.raises((Forbidden, Conflict)):
            step()
    with guarded.login("jit_collector") as login:
        for change in ("state = 'active'", "requester = 'U04EVE000'", "ends_at = 1", "version = 99", "wakes_at = 1"):
            with pytest.raises(psycopg.Error, match="may not UPDATE this row"):
                login.execute(f"UPDATE requests SET {change}")
        for table in ("entries", "checkpoints", "person_keys", "may_write"):
            with pytest.raises(psycopg.Error, match="permission denied"):
                login.execute(f"DELETE FROM {table}")
