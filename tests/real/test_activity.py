"""What people do in a real PostgreSQL, from its own log into the record, and out of it again."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from bot.views.card import draw
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import ActivityClass
from jit.ledger import Conflict
from jit.ledger.database import Forbidden
from jit.proof.evidence.page import page_of
from jit.runtime.embedded import EmbeddedPostgres
from playground.text import rendered
from tests.world.activity import PGAUDIT, collect, collector, json_line, log_of, logging_postgres, wait_for
from tests.world.base import World
from tests.world.record import Record
from tests.world.servers import LedgerDatabase

pytestmark = pytest.mark.real
R = ActivityClass.READ


class RealTime(SystemClock):
    def move(self, **_: float) -> None:
        """It moves by itself."""


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
        admin.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 9) AS n")


@pytest.fixture
def record(tmp_path: Any) -> Iterator[Record]:
    record = Record(tmp_path, clock=RealTime())
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
    monkeypatch.setenv("JIT_LEDGER_URL", record.url)
    shown = CliRunner().invoke(cli, ["show", "R-7F3K"])
    assert "UPDATE orders SET note" in shown.output


def test_a_session_that_takes_the_grants_role_is_tied_by_it(record: Record, audited: EmbeddedPostgres):
    record.story().active()
    use(audited, "SET ROLE jit_r_7f3k", "SELECT * FROM orders", "UPDATE orders SET note = 'y' WHERE id < 4")
    collect(collector(record, log_of(audited)))
    done = [fact for fact in record.facts("activity") if fact.request_id]
    assert [fact.tied_by for fact in done] == ["principal_and_time", "role"]
    items = [item for item in done[1].items if item.objects]
    assert [(item.activity, item.rows) for item in items][:2] == [(R, 9), (ActivityClass.WRITE, 3)]


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
