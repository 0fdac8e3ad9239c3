"""What nobody granted in PostgreSQL, each kind made by hand, and found by one comparison."""

import json
from contextlib import closing

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from bot.views.alert import draw_alert
from jit.detect.reconcile import SETTLES, Drift, Kind
from jit.facts import Alert, AlertName, Reconciled
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.drift import CASES, Case
from tests.world.hands import RULES, Hands
from tests.world.orders import SET_UP, grant_of, modern, session, wanted
from tests.world.servers import both_versions
from workers.reconcile.reconciler import Comparison
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

REMOVE = RULES.replace("orders-db: {kind: fake}", "orders-db: {kind: fake, reconcile: {every: 1h, on_drift: remove}}")


class Office(Hands):
    """Where a reconciler compares by hand, and the clock moves only between two looks."""

    def __init__(self, folder, target: PostgresTarget, rules: str = RULES) -> None:
        super().__init__(folder, rules=rules)
        self.targets["orders-db"] = target
        self.reconciler = self.make_reconciler()

    def compared(self) -> Comparison:
        found = self.reconciler.look("orders-db")
        if found is None:
            self.clock.move(seconds=SETTLES.total_seconds())
            found = self.reconciler.look("orders-db")
        assert found is not None
        return found

    def news(self) -> list[Drift]:
        known = {each for fact in self.comparisons()[:1] for each in fact.known}
        return [each for each in self.compared().differs if each.id not in known]

    def comparisons(self) -> list[Reconciled]:
        return [fact for fact in self.ledger.newest(("reconciled",), 100) if isinstance(fact, Reconciled)]

    def told(self) -> list[Alert]:
        return [alert for alert in self.alerts() if alert.name is AlertName.DRIFT]


@pytest.fixture
def office(tmp_path, target: PostgresTarget) -> Office:
    """It has been compared once, with what was there before jit."""
    made = Office(tmp_path, target)
    made.compared()
    return made


@pytest.fixture
def mallory(dba: psycopg.Connection):
    dba.execute("CREATE ROLE mallory LOGIN")
    yield "mallory"
    for role in ("backdoor", "team", "mallory"):
        if dba.execute("SELECT to_regrole(%s)", [role]).fetchone() != (None,):
            dba.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(role)))


@both_versions
def test_each_kind_made_by_hand_is_found_by_the_next_comparison_told_once_and_gone_when_it_is_undone(
    tmp_path, target, dba, mallory
):
    for number, (name, case) in enumerate(CASES.items()):
        if case.since_16 and not modern(dba):
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        office = Office(folder, target)
        office.active("R-TEST")
        if case.by and case.since_16:
            dba.execute("ALTER ROLE alice CREATEROLE")
        office.compared()
        before = len(office.told())
        doing(dba, target, case)
        expected = case.kind, case.principal, case.permission, case.how
        try:
            news = office.news()
            assert expected in [(each.kind, each.principal, each.permission, each.how) for each in news], (name, news)
            alerts = office.told()[before:]
            assert 1 <= len(alerts) <= len(news), name
            assert office.news() == [], name
            assert office.told()[before:] == alerts, name
        finally:
            undone(dba, case)
        left = {each.id for each in office.compared().differs} & {each.id for each in news}
        gone = {each.kind for each in news if each.id in left}
        assert gone <= {Kind.VANISHED}, name


def doing(dba: psycopg.Connection, target: PostgresTarget, case: Case) -> None:
    if not case.by:
        dba.execute(case.does)
        return
    with psycopg.connect(dba.info.dsn, user=case.by, autocommit=True) as conn:
        conn.execute(case.does)


def undone(dba: psycopg.Connection, case: Case) -> None:
    """With no grant of ours left, and a mallory who was given nothing."""
    for statement in filter(None, case.undo.split("; ")):
        dba.execute(statement)
    for (role,) in dba.execute(r"SELECT rolname FROM pg_roles WHERE rolname ~ '^(jit_|team$|backdoor$)'").fetchall():
        dba.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
    dba.execute("DROP OWNED BY mallory CASCADE; DROP ROLE mallory; CREATE ROLE mallory LOGIN")
    dba.execute("ALTER ROLE alice NOCREATEROLE")


def test_a_transaction_that_the_holder_prepared_can_be_committed_after_the_end(tmp_path):
    with EmbeddedPostgres(sync=False, settings={"max_prepared_transactions": "5"}) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(SET_UP)
        with closing(PostgresTarget("orders-db", SecretStr(server.dsn("worker", "postgres")))) as target:
            office = Office(tmp_path, target)
            office.active("R-TEST")
            office.compared()
            for user in ("alice", "eve"):
                with psycopg.connect(server.dsn(user, "postgres"), autocommit=True) as conn:
                    conn.execute(f"BEGIN; SELECT 1; PREPARE TRANSACTION '{user}''s'")
            (drift,) = office.news()
    assert (drift.kind, drift.principal, drift.permission, drift.how, drift.detail) == (
        Kind.LASTING,
        "alice",
        "transactions in database postgres",
        "prepared",
        "alice's",
    )


def worker_session(dba: psycopg.Connection) -> psycopg.Connection:
    return psycopg.connect(dba.info.dsn, user="worker", autocommit=True)


@both_versions
def test_a_membership_is_taken_away_unless_another_than_the_worker_gave_it_and_then_the_sql_is_told(
    tmp_path, target, dba, mallory
):
    office = Office(tmp_path, target, REMOVE)
    office.compared()
    with worker_session(dba) as worker:
        worker.execute("GRANT orders_read TO mallory")
    office.compared()
    assert [(fact.principal, fact.outcome) for fact in office.facts("removed")] == [("mallory", "gone")]
    assert office.news() == []
    dba.execute("GRANT orders_read TO mallory")
    office.compared()
    outcome, alert = office.facts("removed")[-1].outcome, office.told()[-1]
    if modern(dba):
        assert outcome == "there"
        assert 'REVOKE "orders_read" FROM "mallory" GRANTED BY "postgres" CASCADE' in alert.says
    else:
        assert outcome == "gone"


@both_versions
def test_what_stood_at_the_first_comparison_is_never_taken_away(tmp_path, target, dba, mallory):
    with worker_session(dba) as worker:
        worker.execute("GRANT orders_read TO mallory")
    office = Office(tmp_path, target, REMOVE)
    for _ in range(3):
        office.compared()
    assert office.facts("removal.intent") == []
    assert dba.execute("SELECT pg_has_role('mallory', 'orders_read', 'MEMBER')").fetchone() == (True,)


def test_a_role_that_passes_for_a_grant_is_ended_as_one_where_the_rules_say_remove(tmp_path, target, dba, mallory):
    office = Office(tmp_path, target, REMOVE)
    office.compared()
    with worker_session(dba) as worker:
        worker.execute("CREATE ROLE jit_r_fake; GRANT orders_read TO jit_r_fake; GRANT jit_r_fake TO mallory")
    office.compared()
    assert dba.execute("SELECT to_regrole('jit_r_fake')").fetchone() == (None,)
    assert office.news() == []


def test_what_a_holder_owns_is_found_after_the_end_and_what_they_own_for_a_session_alarms_nobody(
    office, target, dba, prepared
):
    office.active("R-TEST")
    with session(prepared, "alice") as alice:
        alice.execute("CREATE TEMP TABLE mine (id int); CREATE FUNCTION pg_temp.f() RETURNS int RETURN 1")
        assert office.news() == []
        alice.execute("CREATE TABLE kept AS SELECT * FROM orders")
    try:
        office.story("R-TEST").released()
        office.timekeeper.sweep()
        assert office.request("R-TEST").state is State.ENDED
        (drift,) = office.news()
        assert (drift.kind, drift.principal, drift.permission, drift.detail) == (
            Kind.LASTING,
            "alice",
            "tables in schema public",
            "kept",
        )
    finally:
        dba.execute("DROP TABLE kept")


def test_a_grant_that_the_record_says_is_over_has_outlived_its_end(office, target):
    office.active("R-TEST")
    office.story("R-TEST").ending()
    office.story("R-TEST").ended(existed=True, sessions=0, left_behind=())
    (drift,) = office.news()
    assert (drift.kind, drift.request) == (Kind.OUTLIVED, "R-TEST")


def test_a_grant_whose_check_was_skipped_is_found_by_the_facts_of_its_request(office, target):
    story = office.story("R-TEST")
    story.asked()
    story.approved()
    story.intent()
    story.granted()
    ends_at = office.request("R-TEST").ends_at
    target.grant(grant_of("R-TEST", ends_at=ends_at), wanted)
    (drift,) = office.news()
    assert (drift.kind, drift.how) == (Kind.UNDECIDED, "quorum_gone")
    (alert,) = [alert for alert in office.told() if alert.request_id == "R-TEST"]
    assert "fewer people approved it than its request asked for" in alert.says


HOSTILE = ["<!channel> *x* `y`", "a\nb\x1b[31m", "\u202eadmin", "o'br\"ien; DROP ROLE alice", "x" * 63, "orders_read "]


@both_versions
def test_names_that_a_holder_chose_are_found_and_told_as_harmless_text(tmp_path, target, dba):
    office = Office(tmp_path, target, REMOVE)
    office.compared()
    try:
        for name in HOSTILE:
            statement = sql.SQL("CREATE ROLE {0} LOGIN; GRANT orders_read TO {0}; CREATE SCHEMA {0} AUTHORIZATION {0}")
            dba.execute(statement.format(sql.Identifier(name)))
        found = office.compared().differs
        assert {*HOSTILE} <= {each.principal for each in found if each.how == "member"}
        for alert in office.told():
            assert alert.says.isprintable()
            assert "<!channel>" not in json.dumps(draw_alert(alert, None, {}).blocks)
    finally:
        for name in HOSTILE:
            dba.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(name)))
        for (name,) in dba.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [HOSTILE]).fetchall():
            dba.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def test_a_table_whose_name_is_no_text_blinds_nobody(tmp_path, prepared, dba, mallory):
    """The server sends nothing of what it stands in, unless it is taken out there."""
    dba.execute("CREATE DATABASE odd ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    dsn = prepared.dsn("{}", "odd").replace("%7B%7D", "{}") + "&client_encoding=SQL_ASCII"
    try:
        with closing(PostgresTarget("orders-db", SecretStr(dsn.format("worker")))) as odd:
            office = Office(tmp_path, odd)
            office.compared()
            with psycopg.connect(dsn.format("postgres"), autocommit=True) as root:
                root.execute(
                    b'CREATE SCHEMA "\xff"; CREATE TABLE "\xff"."\xfe" (); ALTER TABLE "\xff"."\xfe" OWNER TO alice'
                )
            assert ("tables in schema ?", "owner", "?") in [
                (each.permission, each.how, each.detail) for each in office.news()
            ]
    finally:
        dba.execute("DROP DATABASE odd WITH (FORCE)")


def test_a_role_of_another_target_in_the_same_server_is_left_to_that_one(office, target, dba, prepared, mallory):
    with closing(PostgresTarget("billing-db", SecretStr(prepared.dsn("worker", "orders")))) as other:
        other.grant(grant_of("R-BILL", principal="mallory"), wanted)
        assert office.news() == []
        other.revoke("R-BILL", "mallory")
