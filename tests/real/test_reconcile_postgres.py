"""What nobody granted in PostgreSQL, each kind made by hand, and found by one comparison."""

from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from jit.detect.reconcile import SETTLES, Drift, Kind
from jit.facts import Alert, AlertName, Reconciled
from tests.world.hands import RULES, Hands
from tests.world.orders import modern
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
    """With no grant of ours left, nor anything of mallory's."""
    for statement in filter(None, case.undo.split("; ")):
        dba.execute(statement)
    for (role,) in dba.execute(r"SELECT rolname FROM pg_roles WHERE rolname ~ '^(jit_|team$|backdoor$)'").fetchall():
        dba.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
    dba.execute("REVOKE orders_read FROM mallory; ALTER ROLE alice NOCREATEROLE")
