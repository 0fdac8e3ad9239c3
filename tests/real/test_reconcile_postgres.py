"""What nobody granted in PostgreSQL, each kind made by hand, and found by one comparison."""

import json
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from bot.views.alert import draw_alert
from jit.detect.reconcile import SETTLES, Drift, Kind
from jit.facts import Alert, AlertName, Reconciled
from jit.requests.lifecycle import State
from tests.world.hands import RULES, Hands
from tests.world.orders import grant_of, modern, session, wanted
from tests.world.servers import both_versions
from workers.reconcile.reconciler import Comparison
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real

REMOVE = RULES.replace("orders-db: {kind: fake}", "orders-db: {kind: fake, reconcile: {every: 1h, on_drift: remove}}")
ROLE = "jit_r_test"


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


@dataclass(frozen=True)
class Case:
    """What somebody does, as a superuser unless ``by`` says who, what is found of it, and how it is undone."""

    does: str
    kind: Kind
    principal: str
    permission: str
    how: str
    undo: str = ""
    by: str = ""
    since_16: bool = False


CASES = {
    "a membership given by hand": Case(
        "GRANT orders_read TO mallory", Kind.UNGRANTED, "mallory", "orders_read", "member"
    ),
    "a membership through a role of their own": Case(
        "CREATE ROLE team; GRANT orders_read TO team; GRANT team TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "team",
        "member",
    ),
    "a permission that leads to another": Case(
        "GRANT pg_read_all_data TO orders_read",
        Kind.UNGRANTED,
        "orders_read",
        "pg_read_all_data",
        "member",
        "REVOKE pg_read_all_data FROM orders_read",
    ),
    "a role of the server given to the holder": Case(
        "GRANT pg_read_all_data TO alice",
        Kind.UNGRANTED,
        "alice",
        "pg_read_all_data",
        "member",
        "REVOKE pg_read_all_data FROM alice",
    ),
    "a privilege given to a person by name": Case(
        "GRANT INSERT ON orders TO alice",
        Kind.UNGRANTED,
        "alice",
        "tables in schema public",
        "INSERT",
        "REVOKE INSERT ON orders FROM alice",
    ),
    "a privilege given to everybody": Case(
        "GRANT DELETE ON orders TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "tables in schema public",
        "DELETE",
        "REVOKE DELETE ON orders FROM PUBLIC",
    ),
    "more privileges for what can be given": Case(
        "GRANT DELETE ON orders TO orders_read",
        Kind.UNGRANTED,
        "orders_read",
        "tables in schema public",
        "DELETE",
        "REVOKE DELETE ON orders FROM orders_read",
    ),
    "a superuser": Case(
        "ALTER ROLE mallory SUPERUSER",
        Kind.UNGRANTED,
        "mallory",
        "SUPERUSER",
        "attribute",
        "ALTER ROLE mallory NOSUPERUSER",
    ),
    "a role that passes for a grant": Case(
        "CREATE ROLE jit_r_fake; GRANT orders_read TO jit_r_fake; GRANT jit_r_fake TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "orders_read",
        "grant",
    ),
    "the grant given to a friend": Case(f"GRANT {ROLE} TO mallory", Kind.MORE, "mallory", ROLE, "member"),
    "the grant given to a friend to give on": Case(
        f"GRANT {ROLE} TO mallory WITH ADMIN OPTION", Kind.LASTING, "mallory", ROLE, "member WITH ADMIN OPTION"
    ),
    "the grant given to its holder to give on": Case(
        f"GRANT {ROLE} TO alice WITH ADMIN OPTION", Kind.LASTING, "alice", ROLE, "member WITH ADMIN OPTION"
    ),
    "more than was approved": Case(f"GRANT orders_write TO {ROLE}", Kind.MORE, "alice", "orders_write", "permissions"),
    "a privilege given to the grant itself": Case(
        f"GRANT SELECT ON owned TO {ROLE}", Kind.LASTING, ROLE, "tables in schema public", "SELECT"
    ),
    "less than was approved": Case(
        f"GRANT orders_write TO {ROLE}; REVOKE orders_read FROM {ROLE} GRANTED BY worker CASCADE",
        Kind.LESS,
        "alice",
        "orders_read",
        "permissions",
    ),
    "the membership dropped": Case(
        f"REVOKE {ROLE} FROM alice GRANTED BY worker CASCADE", Kind.VANISHED, "alice", "orders_read", ""
    ),
    "the role dropped": Case(f"DROP ROLE {ROLE}", Kind.VANISHED, "alice", "orders_read", ""),
    "the role made anew": Case(
        f"DROP ROLE {ROLE}; CREATE ROLE {ROLE}; GRANT orders_read TO {ROLE}; GRANT {ROLE} TO alice",
        Kind.CHANGED,
        ROLE,
        "its note",
        "changed",
    ),
    "the role renamed": Case(f"ALTER ROLE {ROLE} RENAME TO jit_x", Kind.CHANGED, "jit_x", "its name", "changed"),
    "the note changed": Case(f"COMMENT ON ROLE {ROLE} IS 'mine'", Kind.CHANGED, ROLE, "its note", "changed"),
    "the role made a login": Case(f"ALTER ROLE {ROLE} LOGIN PASSWORD 'x'", Kind.LASTING, ROLE, "LOGIN", "attribute"),
    "a table of the holder": Case(
        "CREATE TABLE copied AS SELECT * FROM orders",
        Kind.LASTING,
        "alice",
        "tables in schema public",
        "owner",
        "DROP TABLE copied",
        by="alice",
    ),
    "a function with its owner's rights": Case(
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM orders'",
        Kind.LASTING,
        "alice",
        "SECURITY DEFINER functions in schema public",
        "owner",
        "DROP FUNCTION peek()",
        by="alice",
    ),
    "a table made over to the holder": Case(
        "CREATE SCHEMA dark; CREATE TABLE dark.t (); ALTER TABLE dark.t OWNER TO alice",
        Kind.LASTING,
        "alice",
        "tables in schema dark",
        "owner",
        "DROP SCHEMA dark CASCADE",
    ),
    "default privileges": Case(
        "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner IN SCHEMA public GRANT SELECT ON TABLES TO alice",
        Kind.LASTING,
        "alice",
        "whatever orders_owner makes in schema public",
        "default SELECT",
        "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner IN SCHEMA public REVOKE SELECT ON TABLES FROM alice",
    ),
    "a privilege to give on": Case(
        "GRANT SELECT ON owned TO alice WITH GRANT OPTION",
        Kind.LASTING,
        "alice",
        "tables in schema public",
        "SELECT WITH GRANT OPTION",
        "REVOKE ALL ON owned FROM alice",
    ),
    "a permission to give on": Case(
        "GRANT orders_read TO mallory WITH ADMIN OPTION",
        Kind.UNGRANTED,
        "mallory",
        "orders_read",
        "member WITH ADMIN OPTION",
    ),
    "a privilege given to a friend to give on": Case(
        "GRANT SELECT ON owned TO mallory WITH GRANT OPTION",
        Kind.LASTING,
        "mallory",
        "tables in schema public",
        "SELECT WITH GRANT OPTION",
    ),
    "a column given to a friend": Case(
        "GRANT SELECT (id) ON owned TO mallory", Kind.UNGRANTED, "mallory", "columns in schema public", "SELECT"
    ),
    "what a friend will have of what the holder makes": Case(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO mallory",
        Kind.LASTING,
        "mallory",
        "whatever alice makes in schema public",
        "default SELECT",
        "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA public REVOKE SELECT ON TABLES FROM mallory",
        by="alice",
    ),
    "a role that owns things": Case(
        "GRANT orders_owner TO mallory", Kind.UNGRANTED, "mallory", "orders_owner", "member"
    ),
    "a role of the server given to anybody": Case(
        "GRANT pg_write_all_data TO mallory", Kind.UNGRANTED, "mallory", "pg_write_all_data", "member"
    ),
    "a table made over to a friend": Case(
        "CREATE SCHEMA dark; CREATE TABLE dark.t (); ALTER TABLE dark.t OWNER TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "tables in schema dark",
        "owner",
        "DROP SCHEMA dark CASCADE",
    ),
    "a role that may make roles": Case(
        "ALTER ROLE mallory CREATEROLE", Kind.UNGRANTED, "mallory", "CREATEROLE", "attribute"
    ),
    "the permission renamed": Case(
        "ALTER ROLE orders_read RENAME TO orders_all",
        Kind.MORE,
        "alice",
        "orders_all",
        "permissions",
        "ALTER ROLE orders_all RENAME TO orders_read",
    ),
    "the login renamed": Case(
        "ALTER ROLE alice RENAME TO alicia",
        Kind.MORE,
        "alicia",
        "orders_read",
        "principal",
        "ALTER ROLE alicia RENAME TO alice",
    ),
    "the grant put on": Case(
        f"GRANT {ROLE} TO alice WITH SET TRUE", Kind.MORE, "alice", ROLE, "member WITH SET TRUE", since_16=True
    ),
    "a login made by the holder": Case(
        "CREATE ROLE backdoor LOGIN",
        Kind.LASTING,
        "alice",
        "backdoor",
        "member WITH ADMIN OPTION",
        "DROP ROLE backdoor",
        by="alice",
        since_16=True,
    ),
}


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
        office.compared()
        office.compared()
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
