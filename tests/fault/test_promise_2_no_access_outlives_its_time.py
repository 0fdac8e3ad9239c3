"""Promise 2: no access outlives its time, whoever is down, late or in the way when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from bot.playground.person import Person
from jit.access import Request, State
from jit.cli.sample import WORKER
from jit.facts import Alert, AlertName, EndCause, Ended, RevokeFailed, Source
from jit.ports import Grant
from tests.house import POLICIES, STATED_LAG, House
from workers.targets.postgres import PostgresTarget

pytestmark = [pytest.mark.fault, pytest.mark.real]

READ = "orders-db/read 30m INC-42 db down: need shell"
REPORT = "orders-db/report 1h INC-42 count what is stuck"

ANOTHER_WAY_TO_READ = """
access:
  orders-db/report:
    describe: Read orders for a report
    grants: [orders_read]
    max_duration: 2h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - all_of: [{from: [group:dba]}]
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As always, and one more access that gives the same as another."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "orders.policy.yml").write_text((POLICIES / "orders.policy.yml").read_text())
    (folder / "report.policy.yml").write_text(ANOTHER_WAY_TO_READ)
    return folder


@contextmanager
def session(it: House, login: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(it.stage.orders_dsn(login), autocommit=True) as opened:
        yield opened


def is_cut(opened: psycopg.Connection) -> bool:
    try:
        opened.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def ended(it: House, request: Request) -> Ended:
    (fact,) = it.facts(Ended, request)
    return fact


def how_it_ended(it: House, request: Request) -> tuple[Source, EndCause, bool]:
    fact = ended(it, request)
    return fact.source, fact.cause, fact.existed


def alerts(it: House, name: AlertName, request: Request) -> list[Alert]:
    return [alert for alert in it.facts(Alert, request) if alert.name is name]


class TestEitherClockAlone:
    """Nothing they need is shared: each works with the other, and all of the other's, gone."""

    def test_the_timekeeper(self, it: House):
        request = it.granted(it.stage.alice, READ)
        it.kill("worker-1", "worker-2")
        it.stage.valkey.kill()

        it.expire(request)

        assert how_it_ended(it, request) == (Source.TIMEKEEPER, EndCause.EXPIRED, True)

    def test_the_signed_order(self, it: House):
        request = it.granted(it.stage.alice, READ)
        it.kill("timekeeper", "bot-1")

        it.expire(request)

        assert how_it_ended(it, request) == (Source.WORKER, EndCause.EXPIRED, True)


class TestEndsEarly:
    def test_released_by_its_holder(self, it: House):
        alice = it.stage.alice
        request = it.granted(alice, READ)
        alice.press(it.card(alice, request, "Release"), "Release")

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.RELEASED

    def test_revoked_by_security_from_the_card(self, it: House):
        carol = it.stage.carol
        request = it.granted(it.stage.alice, READ)
        carol.press(it.card(carol, request, "Revoke"), "Revoke", confirm=True)

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.REVOKED

    @pytest.mark.parametrize("gone", ["timekeeper", "workers and Redis"])
    def test_with_half_of_the_house_down(self, it: House, gone: str):
        alice = it.stage.alice
        request = it.granted(alice, READ)
        if gone == "timekeeper":
            it.kill("timekeeper")
        else:
            it.kill("worker-1", "worker-2")
            it.stage.valkey.kill()
        alice.press(it.card(alice, request, "Release"), "Release")

        it.reaches(request, State.ENDED)
        assert not it.gives(request)


class TestLiveSession:
    @pytest.fixture
    def tools(self, it: House) -> Iterator[str]:
        """A role that Alice has anyway, and may act as."""
        with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
            admin.execute("CREATE ROLE tools; GRANT tools TO alice")
            yield "tools"
            admin.execute("DROP ROLE tools")

    def test_is_cut_also_as_another_role_and_in_the_middle_of_a_cursor(self, it: House, tools: str):
        request = it.granted(it.stage.alice, READ)
        with session(it, "alice") as idle, session(it, "alice") as acting, session(it, "alice") as reading:
            assert idle.execute("SELECT count(*) FROM orders").fetchone() == (3,)
            acting.execute(f"SET ROLE {tools}")
            with reading.transaction(force_rollback=True):
                reading.execute("DECLARE slowly CURSOR FOR SELECT id FROM orders")
                assert reading.execute("FETCH 1 FROM slowly").fetchone() is not None

                it.expire(request)

                with pytest.raises(psycopg.OperationalError):
                    reading.execute("FETCH 1 FROM slowly")
            assert is_cut(idle)
            assert is_cut(acting)
        assert ended(it, request).sessions == 3

    def test_of_somebody_else_goes_on(self, it: House):
        request = it.granted(it.stage.alice, READ)
        with session(it, "eve") as hers:
            it.expire(request)
            assert not is_cut(hers)

    def test_that_comes_back_may_do_nothing_any_more(self, it: House):
        request = it.granted(it.stage.alice, READ)
        it.expire(request)
        with session(it, "alice") as again, pytest.raises(psycopg.errors.InsufficientPrivilege):
            again.execute("SELECT count(*) FROM orders")


def test_of_two_that_give_the_same_each_ends_at_its_own_time(it: House):
    alice = it.stage.alice
    read, report = it.granted(alice, READ), it.granted(alice, REPORT)

    it.expire(read)
    assert it.now(report).state is State.ACTIVE
    assert it.gives(report)
    assert it.holds("alice", "orders_read")

    it.expire(report)
    assert not it.holds("alice", "orders_read")


def test_what_the_person_had_before_stays(it: House):
    with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute("GRANT orders_read TO alice")
        try:
            request = it.granted(it.stage.alice, READ)
            it.expire(request)
            assert it.holds("alice", "orders_read")
        finally:
            admin.execute("REVOKE orders_read FROM alice")


def test_target_down_at_the_end_is_told_tried_again_and_then_ended(it: House):
    request = it.granted(it.stage.alice, READ)
    it.stage.postgres.kill()
    it.pass_time(request.duration + STATED_LAG + timedelta(seconds=1))
    it.until(lambda: alerts(it, AlertName.END_LATE, request))
    (alert,) = alerts(it, AlertName.END_LATE, request)
    assert (alert.requester, alert.principal, alert.target) == (request.requester, "alice", "orders-db")
    assert it.facts(RevokeFailed, request)
    tries = len(it.log_lines("revoke.failed", request_id=request.id))
    for _ in range(8):  # by now the next try is a minute away
        it.pass_time(timedelta(minutes=1))
        it.until(lambda: len(it.log_lines("revoke.failed", request_id=request.id)) > tries)  # noqa: B023  asked at once
        tries = len(it.log_lines("revoke.failed", request_id=request.id))
    it.kill("worker-1", "worker-2")

    it.stage.postgres.start()

    it.reaches(request, State.ENDED)
    assert not it.gives(request)
    assert len(alerts(it, AlertName.END_LATE, request)) == 1


class TestLateWorker:
    """What a worker that stalled long ago may still do, done by hand."""

    def give_late(self, it: House, request: Request) -> None:
        target = PostgresTarget("orders-db", SecretStr(it.stage.orders_dsn(WORKER)))
        grant = Grant(request.id, request.principal, request.permissions, it.clock.now() + timedelta(hours=1))
        target.grant(grant, lambda: None)
        target.close()

    @pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=9)], ids=["at once", "nine minutes later"])
    def test_after_an_end_is_taken_back_and_told(self, it: House, later: timedelta):
        request = it.granted(it.stage.alice, READ)
        it.expire(request)
        it.pass_time(later)
        self.give_late(it, request)

        it.until(lambda: not it.gives(request))
        it.until(lambda: alerts(it, AlertName.GRANT_LATE, request))
        it.stage.carol.finds(request.id, channel="C0ALERT01")
        assert it.now(request).state is State.ENDED

    def test_of_what_was_never_approved_is_taken_back_and_told(self, it: House):
        request = it.ask(it.stage.alice, READ)
        self.give_late(it, request)

        it.until(lambda: not it.gives(request))
        it.until(lambda: alerts(it, AlertName.GRANT_LATE, request))


def test_many_that_fall_due_at_once_all_end(it: House):
    people: tuple[tuple[Person, str], ...] = (
        (it.stage.alice, READ),
        (it.stage.alice, REPORT.replace("1h", "30m")),
        (it.stage.eve, READ),
        (it.stage.eve, "orders-db/write 30m INC-42 set order 4711 free"),
    )
    given = [it.granted(person, words) for person, words in people]
    it.pass_time(timedelta(minutes=30))
    for request in given:
        it.reaches(request, State.ENDED)
        assert not it.gives(request)
