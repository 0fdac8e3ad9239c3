"""Promise 2: no access outlives its time, whoever is down, late or in the way when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from demo.sample import WORKER
from jit.facts import Alert, AlertName, EndCause, Ended, RevokeFailed, Source
from jit.ledger import StoredDirectory
from jit.ports import Grant
from jit.requests.lifecycle import Request, State
from playground.person import Person
from playground.sample import ALERTS, ALICE, BOB, EVE
from tests.world.exhaustive import exhaustive
from tests.world.orders import is_cut
from tests.world.product import READ, STATED_LAG, Product, role_of
from workers.targets.postgres import PostgresTarget
from workers.timekeeper.inspection import INSPECT_EVERY

pytestmark = [pytest.mark.fault, pytest.mark.real]

ENGINEERING = "S0ENGIN01"
REPORT = "orders-db/report 1h INC-42 count what is stuck"
in_the_target = exhaustive("what the tests of the target show, once more through the whole product")


@contextmanager
def session(it: Product, login: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(it.stage.orders_dsn(login), autocommit=True) as opened:
        yield opened


def ended(it: Product, request: Request) -> Ended:
    (fact,) = it.facts(Ended, request)
    return fact


def how_it_ended(it: Product, request: Request) -> tuple[Source, EndCause, bool]:
    fact = ended(it, request)
    return fact.source, fact.cause, fact.existed


def alerts(it: Product, name: AlertName, request: Request) -> list[Alert]:
    return [alert for alert in it.facts(Alert, request) if alert.name is name]


class TestEitherClockAlone:
    """Nothing they need is shared: each works with the other, and all of the other's, gone."""

    def test_the_timekeeper(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        it.kill("worker-1", "worker-2")
        it.stage.valkey.kill()

        it.expire(request)

        assert how_it_ended(it, request) == (Source.TIMEKEEPER, EndCause.EXPIRED, True)

    def test_the_signed_order(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        it.kill("timekeeper", "bot-1")

        it.pass_time(request.duration + STATED_LAG)
        it.expire(request)

        assert how_it_ended(it, request) == (Source.WORKER, EndCause.EXPIRED, True)


class TestEndsEarly:
    def test_revoked_by_security_from_the_card(self, it: Product):
        carol = it.stage.carol
        request = it.granted(it.stage.alice, READ)
        carol.press(it.card(carol, request, "End access"), "End access")
        carol.form().fill(Reason="seen where it should not be").submit()

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.REVOKED

    @pytest.mark.parametrize("gone", ["timekeeper", "workers and Redis"])
    def test_released_with_half_of_the_house_down(self, it: Product, gone: str):
        alice = it.stage.alice
        request = it.granted(alice, READ)
        if gone == "timekeeper":
            it.kill("timekeeper")
        else:
            it.kill("worker-1", "worker-2")
            it.stage.valkey.kill()
        alice.press(it.card(alice, request, "End access"), "End access")

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.RELEASED

    def test_who_is_deactivated_in_slack(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        with session(it, "alice") as opened:
            it.stage.stage.change_user(ALICE, deleted=True)
            try:
                it.reaches(request, State.ENDED)
                assert is_cut(opened)
            finally:
                it.stage.stage.change_user(ALICE, deleted=False)
                known = StoredDirectory(it.stage.ledger.engine)
                it.until(lambda: not known.people([ALICE])[ALICE].deleted)  # else she is refused what she asks for next
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.DEACTIVATED

    def test_who_leaves_the_group_that_may_ask(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        it.stage.stage.set_members(ENGINEERING, [BOB, EVE])
        try:
            it.reaches(request, State.ENDED)
        finally:
            it.stage.stage.set_members(ENGINEERING, [ALICE, BOB, EVE])
            it.until(lambda: ALICE in it.groups().members[ENGINEERING])
        assert not it.gives(request)
        assert ended(it, request).cause is EndCause.LEFT_RULES


@contextmanager
def tools(it: Product) -> Iterator[str]:
    """A role that Alice has anyway, and may act as."""
    with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute("CREATE ROLE tools; GRANT tools TO alice")
        yield "tools"
        admin.execute("DROP ROLE tools")


def test_sessions_are_cut_whatever_they_are_at_and_those_of_others_go_on(it: Product):
    request = it.granted(it.stage.alice, READ)
    with (
        tools(it) as role,
        session(it, "eve") as of_eve,
        session(it, "alice") as idle,
        session(it, "alice") as acting,
        session(it, "alice") as reading,
    ):
        assert idle.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        acting.execute(f"SET ROLE {role}")
        with reading.transaction(force_rollback=True):
            reading.execute("DECLARE slowly CURSOR FOR SELECT id FROM orders")
            assert reading.execute("FETCH 1 FROM slowly").fetchone() is not None

            it.expire(request)

            with pytest.raises(psycopg.OperationalError):
                reading.execute("FETCH 1 FROM slowly")
        assert is_cut(idle)
        assert is_cut(acting)
        assert not is_cut(of_eve)
    assert ended(it, request).sessions == 3
    with session(it, "alice") as again, pytest.raises(psycopg.errors.InsufficientPrivilege):
        again.execute("SELECT count(*) FROM orders")


@in_the_target
def test_of_two_that_give_the_same_each_ends_at_its_own_time(it: Product):
    alice = it.stage.alice
    read, report = it.granted(alice, READ), it.granted(alice, REPORT)

    it.expire(read)
    assert it.now(report).state is State.ACTIVE
    assert it.gives(report)
    assert it.holds("alice", "orders_read")

    it.expire(report)
    assert not it.holds("alice", "orders_read")


@in_the_target
def test_what_the_person_had_before_stays(it: Product):
    with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute("GRANT orders_read TO alice")
        try:
            request = it.granted(it.stage.alice, READ)
            it.expire(request)
            assert it.holds("alice", "orders_read")
        finally:
            admin.execute("REVOKE orders_read FROM alice")


def test_target_down_at_the_end_is_told_tried_again_and_then_ended(it: Product):
    alice, carol = it.stage.alice, it.stage.carol
    request = it.granted(alice, READ)
    it.stage.postgres.kill()
    it.pass_time(request.duration + STATED_LAG + timedelta(seconds=1))
    it.until(lambda: alerts(it, AlertName.END_LATE, request))
    (alert,) = alerts(it, AlertName.END_LATE, request)
    assert (alert.requester, alert.principal, alert.target) == (request.requester, "alice", "orders-db")
    assert it.facts(RevokeFailed, request)
    it.until(lambda: "not gone yet" in it.card(alice, request).text)
    said = {"could not be taken away", role_of(request)}
    it.until(lambda: any(all(part in shown.text for part in said) for shown in carol.sees(ALERTS)))
    for _ in range(8):  # by now the next try is a minute away
        tries = len(it.log_lines("revoke.failed", request_id=request.id))
        it.pass_time(timedelta(minutes=1))
        it.until(lambda: len(it.log_lines("revoke.failed", request_id=request.id)) > tries)  # noqa: B023  asked at once
    it.kill("worker-1", "worker-2")

    it.stage.postgres.start()
    it.pass_time(INSPECT_EVERY)

    assert it.reaches(request, State.ENDED).end_cause is EndCause.EXPIRED
    assert not it.gives(request)
    assert [alert.name for alert in it.facts(Alert, request)] == [AlertName.END_LATE]


class TestLateWorker:
    """What a worker that stalled long ago may still do, done by hand."""

    def give_late(self, it: Product, request: Request) -> None:
        target = PostgresTarget("orders-db", SecretStr(it.stage.orders_dsn(WORKER)))
        grant = Grant(request.id, request.principal, request.permissions, it.clock.now() + timedelta(hours=1))
        target.grant(grant, lambda: None)
        target.close()
        it.pass_time(INSPECT_EVERY)

    def test_after_an_end_is_taken_back_and_told_each_time(self, it: Product):
        request = it.granted(it.stage.alice, READ)
        it.expire(request)
        for later in (timedelta(0), timedelta(minutes=9)):
            told = len(alerts(it, AlertName.GRANT_LATE, request))
            it.pass_time(later)
            self.give_late(it, request)

            it.until(lambda: len(alerts(it, AlertName.GRANT_LATE, request)) > told)  # noqa: B023  asked at once
            assert not it.gives(request)
        it.stage.carol.finds(request.id, channel=ALERTS)
        assert it.now(request).state is State.ENDED

    def test_of_what_was_never_approved_is_taken_back_and_told(self, it: Product):
        request = it.ask(it.stage.alice, READ)
        self.give_late(it, request)

        it.until(lambda: alerts(it, AlertName.GRANT_LATE, request))
        assert not it.gives(request)


def test_many_that_fall_due_at_once_all_end(it: Product):
    people: tuple[tuple[Person, str], ...] = (
        (it.stage.alice, READ),
        (it.stage.alice, REPORT.replace("1h", "30m")),
        (it.stage.eve, READ),
        (it.stage.eve, "orders-db/write 30m INC-42 set order 4711 free"),
    )
    given = []
    for person, words in people:
        given.append(it.granted(person, words))
        it.pass_time(timedelta(seconds=3))  # after which Slack takes what the next one takes to show
    it.pass_time(timedelta(minutes=30))
    for request in given:
        it.reaches(request, State.ENDED)
        assert not it.gives(request)
