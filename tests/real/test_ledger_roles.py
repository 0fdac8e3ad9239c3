"""`jit ledger init`: each room may do its work in the ledger's database, and nobody may change what is recorded."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from bot.followers import follower
from bot.mirror import session
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import MODELS, KeyChanged, RecordRead, Revoked, Source, Started
from jit.ledger import (
    Leases,
    Ledger,
    LedgerMisconfigured,
    Notes,
    Question,
    StoredDirectory,
    check_chain,
    connect,
    create_tables,
)
from jit.ledger.guard.postgres import FUNCTIONS
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.ledger.privacy.erasing import erase
from jit.ledger.refusals import REFUSED, Refusal, refusals
from jit.ledger.unavailable import Forbidden
from jit.people.person import Groups, Person
from jit.proof.copies import copier
from jit.proof.signer import signer as signing
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ALICE, CAROL, EVE, Story
from tests.world.servers import both_versions, harden, hardened
from workers.queue import presence
from workers.timekeeper import timekeeper

pytestmark = pytest.mark.real

PRINTED = Path(__file__).parents[2] / "deploy/postgresql/ledger.sql"
LEASES = {
    "jit_bot": (follower.LEASE,),
    "jit_hands": (timekeeper.LEASE, f"{presence.LEASE}a1b2"),
    "jit_signer": (signing.LEASE, copier.LEASE),
}
HELD = [name for names in LEASES.values() for name in names]
NAMES = [login.name for login in LOGINS]
NO_RIGHT, ANOTHERS_ROW = "42501", "JIT02"


@pytest.fixture(scope="module")
def prepared(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with hardened(postgres, "jit"):
        yield postgres


@pytest.fixture
def opened(prepared: EmbeddedPostgres):
    """A ledger by the name of a login, opened as each process does at its start."""
    engines = []

    def by(login: str) -> Ledger:
        engine = connect(prepared.dsn(login, "jit"))
        engines.append(engine)
        create_tables(engine)
        return Ledger(engine, SystemClock())

    yield by
    for engine in engines:
        engine.dispose()


def came_of(
    server: EmbeddedPostgres, login: str, statements: Iterable[str], *, refusal: str, database: str = "jit"
) -> dict[str, object]:
    """Each statement that did not fail with the SQLSTATE ``refusal``: how many rows it changed, or what else failed."""
    came: dict[str, object] = {}
    with psycopg.connect(server.dsn(login, database)) as conn:
        for statement in statements:
            try:
                with conn.transaction(force_rollback=True):
                    came[statement] = conn.execute(statement).rowcount
            except psycopg.Error as refused:
                if refused.sqlstate != refusal:
                    came[statement] = refused
    return came


@both_versions
def test_each_room_may_do_its_work(opened) -> None:
    bot, hands, clock = opened("jit_bot"), opened("jit_hands"), SystemClock()
    asked, worked = Story(bot, clock, id="R-AAAA"), Story(hands, clock, id="R-AAAA")
    asked.asked()
    asked.approval()
    asked.approved()
    worked.intent()
    worked.granted()
    worked.ending()
    worked.ended()
    assert bot.request("R-AAAA").state is State.ENDED
    check_chain(bot.read())
    for ledger, names in zip((bot, hands, opened("jit_signer")), LEASES.values(), strict=True):
        ledger.require_writable()
        leases = Leases(ledger.engine, clock)
        for name in names:
            assert leases.hold(name, "one")
            assert leases.hold(name, "one")
            assert not Leases(hands.engine, clock).hold(name, "two")
            leases.let_go(name, "one")
    for name, login in (("cards", "jit_bot"), (session.NOTES, "jit_bot"), (session.NOTES, "jit_auditor")):
        notes = Notes(opened(login).engine, name)
        notes.put({"cursor": "1", "gone": None})
        notes.put({"cursor": "2"})
        assert notes.cursor == 2
    people = StoredDirectory(bot.engine)
    people.keep_groups(Groups(as_of=clock.now()))
    people.keep_person(Person(id=ALICE, team="T1", name="Alice"), clock.now())
    assert StoredDirectory(hands.engine).look_up(ALICE).name == "Alice"


def test_the_bot_and_security_read_what_slack_refused_the_followers(opened) -> None:
    refused = Refusal("cards", "R-AAAA", "new cards", "C0ACCESS1", "restricted_action", SystemClock().now())
    notes = Notes(opened("jit_bot").engine, refused.follower)
    notes.put({REFUSED + refused.key: refused.as_note(), "refusedX": "junk"})
    for login in ("jit_bot", "jit_auditor"):
        assert list(refusals(opened(login).engine)) == [refused], login
    with pytest.raises(Forbidden):
        list(refusals(opened("jit_hands").engine))
    notes.put({REFUSED + refused.key: None})


def test_the_command_line_of_security_may_end_access(opened) -> None:
    bot, auditor, clock = opened("jit_bot"), opened("jit_auditor"), SystemClock()
    Story(bot, clock, id="R-BBBB").asked()
    Story(bot, clock, id="R-BBBB").approval()
    Story(bot, clock, id="R-BBBB").approved()
    request = auditor.request("R-BBBB")
    fact = Revoked.about(request, at=clock.now(), actor="cli:eve@desk", source=Source.CLI, reason="stolen")
    auditor.append([fact], expect={"R-BBBB": request.version})
    assert bot.request("R-BBBB").state is State.ENDING
    assert [request.id for request in bot.requests(Question(states=frozenset({State.ENDING})))] == ["R-BBBB"]


def test_a_kind_that_is_another_rooms_is_refused_by_name(opened) -> None:
    bot, hands = opened("jit_bot"), opened("jit_hands")
    Story(bot, bot.clock, id="R-CCCC", fields={"requester": CAROL}).asked()
    Story(bot, bot.clock, id="R-CCCC", fields={"requester": CAROL}).approval()
    Story(bot, bot.clock, id="R-CCCC", fields={"requester": CAROL}).approved()
    last = bot.last_index()
    with pytest.raises(Forbidden, match="the login jit_hands may not record withdrawn"):
        Story(hands, hands.clock, id="R-CCCC").withdrawn()
    with pytest.raises(Forbidden, match=r"the login jit_bot may not record grant\.intent"):
        Story(bot, bot.clock, id="R-CCCC").intent()
    assert bot.last_index() == last


def test_the_signer_records_its_key_and_nobody_else_may(opened) -> None:
    signer, bot = opened("jit_signer"), opened("jit_bot")
    fact = KeyChanged(at=signer.clock.now(), actor="signer@host", source=Source.SIGNER, key="k+1+k")
    with pytest.raises(Forbidden, match=r"may not record key\.changed"):
        bot.append([fact])
    assert signer.append([fact]).entries[0].fact == fact


def test_reading_is_recorded_by_the_auditor(opened) -> None:
    auditor = opened("jit_auditor")
    fact = RecordRead(
        at=auditor.clock.now(), actor="cli:eve@desk", source=Source.CLI, how="search", asked="person alice", after=0
    )
    auditor.append([fact])
    assert auditor.read()[-1].fact == fact


def test_a_person_is_erased_by_the_login_for_it_and_by_no_other(opened) -> None:
    bot, clock = opened("jit_bot"), SystemClock()
    people = StoredDirectory(bot.engine)
    people.keep_groups(Groups(as_of=clock.now(), members={"S0DBA": frozenset({"U0GONE001", ALICE})}))
    people.keep_person(Person(id="U0GONE001", team="T1", name="Gone"), clock.now())
    Notes(bot.engine, "homes").put({"opened:U0GONE001": "x"})
    told = Story(bot, clock, id="R-GGGG", fields={"requester": "U0GONE001"})
    told.asked()
    told.withdrawn()
    basis = {"legal_basis": "Art. 17 GDPR", "actor": "cli:eve@desk"}
    for login in ("jit_bot", "jit_hands", "jit_signer", "jit_auditor"):
        with pytest.raises(Forbidden):
            erase(opened(login), "U0GONE001", **basis)
    assert erase(opened("jit_privacy"), "U0GONE001", **basis).keys
    assert bot.read()[-1].fact.kind == "person.erased"


def test_every_kind_of_fact_has_a_login_that_records_it() -> None:
    assert {kind for login in LOGINS for kind in login.kinds} == set(MODELS)


NOBODY = [
    "INSERT INTO entries VALUES (1000, '', 0, 'granted', NULL, '', '')",
    "UPDATE entries SET body = ''",
    "DELETE FROM entries",
    "TRUNCATE entries",
    "DROP TABLE entries",
    "ALTER TABLE entries DISABLE TRIGGER entries_kept",
    "ALTER TABLE entries ADD COLUMN more int",
    "CREATE TRIGGER other BEFORE INSERT ON entries EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE other AS ON INSERT TO entries DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION jit_append(bodies bytea[]) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION jit_append(bytea[])",
    "ALTER FUNCTION jit_append(bytea[]) SECURITY INVOKER",
    "UPDATE heads SET size = 0",
    "DELETE FROM heads",
    "DELETE FROM cosignatures",
    "UPDATE policy_texts SET files = ''",
    "DELETE FROM requests",
    "UPDATE made_by SET version = 2",
    "INSERT INTO may_write VALUES (session_user, 'granted')",
    "DELETE FROM may_write",
    "UPDATE person_keys SET key = ''",
    "CREATE TABLE more ()",
    "CREATE TEMP TABLE entries ()",
    "CREATE SCHEMA mine",
    "SET ROLE jit_owner",
    "SET session_replication_role = replica",
    "SET SESSION AUTHORIZATION jit_owner",
]
ANOTHER_ROOMS = {
    "jit_bot": [
        "INSERT INTO heads VALUES (1, 1, 1, '')",
        "INSERT INTO cosignatures VALUES (1, 'w', '')",
        "DELETE FROM person_keys",
    ],
    "jit_hands": [
        "DELETE FROM directory",
        "INSERT INTO directory VALUES ('groups', '{}', 0)",
        "SELECT * FROM notes",
        "INSERT INTO heads VALUES (1, 1, 1, '')",
        "DELETE FROM person_keys",
    ],
    "jit_signer": ["SELECT * FROM person_keys", "SELECT * FROM requests", "SELECT * FROM directory"],
    "jit_auditor": [
        "DELETE FROM person_keys",
        "INSERT INTO policy_texts VALUES ('v', '')",
        "INSERT INTO leases VALUES ('signer', 'eve', 9)",
    ],
    "jit_privacy": [
        "INSERT INTO heads VALUES (1, 1, 1, '')",
        "INSERT INTO leases VALUES ('signer', 'eve', 9)",
        "UPDATE notes SET value = ''",
    ],
}


@pytest.mark.parametrize("login", NAMES)
def test_nobody_may_change_what_is_recorded_or_do_what_is_another_rooms(prepared: EmbeddedPostgres, login: str) -> None:
    tried = NOBODY + ANOTHER_ROOMS[login]
    came = came_of(prepared, login, tried, refusal=NO_RIGHT)
    assert not came, f"{len(came)} of the {len(tried)} that {login} tried"


class TestRowsOfAnother:
    """The login may write the table, and there its own rows alone."""

    GROUPS = '{"members": {"S0DBA": ["U0ALICE01", "U0BOB0001"]}, "handles": {"S0DBA": "dba"}}'

    @pytest.fixture
    def filled(self, prepared: EmbeddedPostgres, opened) -> Iterator[psycopg.Connection]:
        """As a superuser, who may write every row."""
        bot = opened("jit_bot")
        if bot.request("R-ROWS") is None:
            Story(bot, SystemClock(), id="R-ROWS", fields={"requester": "U0ROWS001"}).asked()
        with psycopg.connect(prepared.dsn(database="jit"), autocommit=True) as dba:
            for table in ("leases", "notes", "directory"):
                dba.execute(f"DELETE FROM {table}")
            dba.execute("INSERT INTO leases SELECT unnest(%s::text[]), 'one', 9", [HELD])
            dba.execute(
                "INSERT INTO notes VALUES ('mirror', 'cursor', '3'), ('audit_channel', 'announced:1700000.001', 'x'),"
                " ('homes', 'opened:U0ALICE01', ''), ('mirror_check', 'posting:1', '')"
            )
            dba.execute(
                "INSERT INTO directory VALUES ('groups', %s, 1), ('workspace', '{}', 1), ('person:U0ALICE01', '{}', 1)",
                [self.GROUPS],
            )
            yield dba
            for table in ("leases", "notes", "directory"):
                dba.execute(f"DELETE FROM {table}")

    @pytest.mark.parametrize("login", LEASES)
    def test_a_lease_is_held_renewed_and_let_go_by_its_rooms_login_alone(
        self, prepared: EmbeddedPostgres, filled, login: str
    ) -> None:
        for name in HELD:
            renamed = f"UPDATE leases SET name = 'other' WHERE name = '{name}'"
            changes = (
                f"UPDATE leases SET holder = 'eve' WHERE name = '{name}'",
                f"DELETE FROM leases WHERE name = '{name}'",
                f"INSERT INTO leases VALUES ('{name}', 'eve', 9) ON CONFLICT (name) DO UPDATE SET holder = 'eve'",
            )
            came = came_of(prepared, login, [*changes, renamed], refusal=ANOTHERS_ROW)
            assert came == (dict.fromkeys(changes, 1) if name in LEASES[login] else {})

    def test_are_not_written(self, prepared: EmbeddedPostgres, filled) -> None:
        tried = {
            "jit_auditor": (
                "DELETE FROM notes WHERE follower = 'mirror'",
                "INSERT INTO notes VALUES ('audit_channel', 'announced:1.000001', '[]')",
                "INSERT INTO notes VALUES ('mirror', 'shown', '999 ff')",
                "UPDATE requests SET state = 'ended', wakes_at = NULL WHERE id = 'R-ROWS'",
                "UPDATE requests SET requester = 'U0SOMEONE' WHERE id = 'R-ROWS'",
            ),
            "jit_privacy": (
                "DELETE FROM notes WHERE key = 'cursor'",
                "DELETE FROM notes WHERE follower = 'audit_channel'",
                "DELETE FROM directory WHERE key = 'groups'",
                "DELETE FROM directory WHERE key = 'workspace'",
                "UPDATE directory SET value = '{}' WHERE key = 'workspace'",
                "UPDATE directory SET value = '{}' WHERE key = 'person:U0ALICE01'",
                "UPDATE directory SET as_of = 99 WHERE key = 'groups'",
                "UPDATE directory SET key = 'x' WHERE key = 'groups'",
                "UPDATE directory SET value = '{}' WHERE key = 'groups'",
                "UPDATE directory SET value = replace(value, 'BOB0', 'EVE0') WHERE key = 'groups'",
                "UPDATE directory SET value = replace(value, '\"dba', '\"sre') WHERE key = 'groups'",
                "UPDATE directory SET value = value || repeat(' ', 9000000) WHERE key = 'groups'",
                """UPDATE directory SET value = replace(value, '["U', '[' || repeat('"U0ALICE01", ', 9) || '"U')""",
                "UPDATE requests SET state = 'ended'",
                "UPDATE requests SET wakes_at = 99999999999999999",
                "UPDATE requests SET requester = 'U0SOMEONE' WHERE id = 'R-ROWS'",  # it is open
            ),
        }
        for login, statements in tried.items():
            came = came_of(prepared, login, statements, refusal=ANOTHERS_ROW)
            assert not came, f"{len(came)} of the {len(statements)} that {login} tried"

    def test_security_revokes_and_opens_nothing_in_anothers_name(self, prepared: EmbeddedPostgres, opened) -> None:
        """Somebody's own revoked request, made an open one of another's for the same access: who is asked for was told
        that they had asked already.
        """
        bot, auditor = (Story(opened(login), SystemClock(), id="R-MINE") for login in ("jit_bot", "jit_auditor"))
        for step in (bot.asked, bot.approval, bot.approved, auditor.revoked):
            last = step()
        changes = [
            f"UPDATE requests SET last_entry = {last.index}, requester = 'U0BOB', state = '{state}' WHERE id = 'R-MINE'"
            for state in ("pending", "approved", "granting", "active")
        ]
        assert not came_of(prepared, "jit_auditor", changes, refusal=ANOTHERS_ROW)

    def test_a_head_leaves_room_for_those_that_come(self, prepared: EmbeddedPostgres) -> None:
        """With the highest number there is, which no login may take away again, the signer was out of numbers."""
        numbers = (2**63 - 1, 2**40, 0, -1)
        tried = [f"INSERT INTO heads VALUES ({number}, 1, 1, '')" for number in numbers]
        assert not came_of(prepared, "jit_signer", tried, refusal="JIT04")

    def test_a_login_that_was_given_another_as_a_role_writes_none(self, prepared: EmbeddedPostgres, filled) -> None:
        filled.execute("CREATE ROLE eve LOGIN IN ROLE jit_bot")
        filled.execute("GRANT CONNECT ON DATABASE jit TO eve")
        try:
            with (
                psycopg.connect(prepared.dsn("eve", "jit")) as conn,
                pytest.raises(psycopg.Error, match="the login eve may not UPDATE this row"),
            ):
                conn.execute("UPDATE leases SET holder = 'eve'")
        finally:
            filled.execute("DROP OWNED BY eve")
            filled.execute("DROP ROLE eve")

    def test_what_an_erasure_takes_out_is_taken_out(self, prepared: EmbeddedPostgres, filled) -> None:
        filled.execute("UPDATE requests SET state = 'withdrawn' WHERE id = 'R-ROWS'")
        erasing = [
            "DELETE FROM notes WHERE key = 'opened:U0ALICE01'",
            "DELETE FROM directory WHERE key = 'person:U0ALICE01'",
            "UPDATE directory SET value = replace(value, '\"U0ALICE01\", ', '') WHERE key = 'groups'",
            "UPDATE requests SET requester = 'erased:1a2b3c4d' WHERE id = 'R-ROWS'",
        ]
        assert came_of(prepared, "jit_privacy", erasing, refusal=ANOTHERS_ROW) == dict.fromkeys(erasing, 1)


@pytest.mark.parametrize(
    "default",
    [
        "search_path = pg_catalog",
        "search_path = ''",
        "client_encoding = 'SQL_ASCII'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "idle_session_timeout = '1ms'",
        "TimeZone = 'Asia/Tokyo'",
    ],
)
def test_a_default_that_a_login_gives_itself_stops_no_process(prepared: EmbeddedPostgres, opened, default: str) -> None:
    """With the hands' login, once: no worker and no timekeeper started any more, so that nothing was ended."""
    with psycopg.connect(prepared.dsn("jit_hands", "jit"), autocommit=True) as eve:
        eve.execute(f"ALTER ROLE jit_hands SET {default}")
    try:
        hands = opened("jit_hands")
        at = hands.clock.now()
        signed = {"at": at, "actor": f"cli:木@{at}", "source": Source.WORKER}
        (entry,) = hands.append([Started(process="worker", version="1", policy_version="none", **signed)]).entries
        assert hands.read(after=entry.index - 1)[0].fact == entry.fact
    finally:
        with psycopg.connect(prepared.dsn(), autocommit=True) as dba:
            dba.execute("ALTER ROLE jit_hands RESET ALL")


def test_the_owner_cannot_log_in(prepared: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(prepared.dsn(OWNER, "jit"))


def test_running_it_again_changes_nothing_and_loses_nothing(prepared: EmbeddedPostgres, opened) -> None:
    bot = opened("jit_bot")
    Story(bot, bot.clock, id="R-DDDD", fields={"requester": EVE}).asked()
    before = bot.last_index()
    told = harden(prepared)
    assert "\\password jit_bot" in told
    assert bot.last_index() == before
    assert bot.request("R-DDDD").state is State.PENDING


def test_what_is_deployed_by_psql_is_what_is_printed() -> None:
    assert CliRunner().invoke(cli, ["ledger", "init", "--print"]).output == PRINTED.read_text()


@both_versions
def test_what_is_printed_does_the_same_in_psql(postgres: EmbeddedPostgres, admin: psycopg.Connection):
    """Twice: it may be run again."""
    other = PRINTED.read_text().replace("DATABASE jit ", "DATABASE other ").replace("= 'jit'", "= 'other'")
    other = other.replace("\\connect jit", "\\connect other")
    try:
        for _ in range(2):
            program = postgres.programs() / "psql"
            done = subprocess.run(
                [program, "--no-psqlrc", postgres.dsn()], input=other, text=True, capture_output=True, check=False
            )
            assert (done.returncode, re.findall("ERROR.*", done.stderr)) == (0, [])
        engine = connect(postgres.dsn("jit_bot", "other"))
        create_tables(engine)
        Ledger(engine, SystemClock()).require_writable()
        engine.dispose()
        assert not came_of(postgres, "jit_bot", ["UPDATE entries SET body = ''"], refusal=NO_RIGHT, database="other")
    finally:
        admin.execute("DROP DATABASE IF EXISTS other WITH (FORCE)")


class TestADatabaseThatOneLoginHad:
    @pytest.fixture
    def before(self, postgres: EmbeddedPostgres, admin: psycopg.Connection) -> Iterator[Ledger]:
        """Everything made by a login of its own, as by the first process that starts."""
        admin.execute("CREATE ROLE once LOGIN")
        admin.execute("CREATE ROLE friend LOGIN")
        admin.execute("CREATE DATABASE old OWNER once")
        engine = connect(postgres.dsn("once", "old"))
        create_tables(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO friend, PUBLIC")
            connection.exec_driver_sql("GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO friend, PUBLIC")
        yield Ledger(engine, SystemClock())
        engine.dispose()
        admin.execute("DROP DATABASE old WITH (FORCE)")
        admin.execute("DROP ROLE once, friend")

    def test_is_that_logins_no_more(self, before: Ledger, prepared: EmbeddedPostgres) -> None:
        Story(before, before.clock, id="R-EEEE").asked()
        harden(prepared, "old")
        bot = connect(prepared.dsn("jit_bot", "old"))
        create_tables(bot)
        assert Ledger(bot, SystemClock()).request("R-EEEE").state is State.PENDING
        bot.dispose()
        with psycopg.connect(prepared.dsn(database="old"), autocommit=True) as admin:
            admin.execute("GRANT CONNECT ON DATABASE old TO once, friend")
            admin.execute("GRANT USAGE ON SCHEMA public TO once, friend")
        tried = ("DELETE FROM entries", "SELECT jit_append('{}')", "DELETE FROM may_write")
        for login in ("once", "friend"):
            assert not came_of(prepared, login, tried, refusal=NO_RIGHT, database="old")


class TestAnOlderDatabase:
    """Of version 1, as it was before heads and guards."""

    NEW = ("heads", "cosignatures", "policy_texts", "person_keys", "may_write")

    @pytest.fixture
    def owned(self, postgres: EmbeddedPostgres, admin: psycopg.Connection) -> Iterator[str]:
        admin.execute("CREATE ROLE once LOGIN")
        admin.execute("CREATE DATABASE old OWNER once")
        engine = connect(postgres.dsn("once", "old"))
        create_tables(engine)
        with engine.begin() as connection:
            for name in self.NEW:
                connection.exec_driver_sql(f"DROP TABLE {name}")
            for function in FUNCTIONS:
                connection.exec_driver_sql(f"DROP FUNCTION {function.name} CASCADE")
            connection.exec_driver_sql("UPDATE made_by SET version = 1")
        engine.dispose()
        yield postgres.dsn("once", "old")
        admin.execute("DROP DATABASE old WITH (FORCE)")
        admin.execute("DROP ROLE once")

    def test_is_brought_up_by_its_owner(self, owned: str) -> None:
        engine = connect(owned)
        create_tables(engine)
        ledger = Ledger(engine, SystemClock())
        Story(ledger, ledger.clock).asked()
        with pytest.raises(Exception, match="what is in entries stays as it is"), engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM entries")
        engine.dispose()

    def test_is_left_to_the_superuser_where_the_login_owns_nothing(
        self, owned: str, prepared: EmbeddedPostgres
    ) -> None:
        engine = connect(prepared.dsn("jit_bot", "old"))
        with psycopg.connect(owned, autocommit=True) as owner:
            owner.execute("GRANT SELECT ON made_by TO jit_bot")
        with pytest.raises(LedgerMisconfigured, match="`jit ledger init` as the database's superuser"):
            create_tables(engine)
        harden(prepared, "old")
        create_tables(engine)
        Ledger(engine, SystemClock()).require_writable()
        engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--admin-url", "postgresql://postgres:hunter2@db/x"], "env:NAME or file"),
        (["--admin-url", "env:NOT_THERE"], "NOT_THERE is not set"),
        (["--database", 'jit"; DROP'], "small letters"),
    ],
)
def test_what_cannot_be_used_is_said_without_secrets(monkeypatch, arguments: list[str], says: str) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    told = CliRunner().invoke(cli, ["ledger", "init", *arguments])
    assert told.exit_code != 0
    assert says in f"{told.output}{told.exception}"
    assert "hunter2" not in f"{told.output}{told.exception}"


def test_who_is_no_superuser_is_told_so(prepared: EmbeddedPostgres, monkeypatch) -> None:
    monkeypatch.setenv("SUPERUSER_URL", prepared.dsn("jit_bot", "jit"))
    told = CliRunner().invoke(cli, ["ledger", "init", "--admin-url", "env:SUPERUSER_URL"])
    assert told.exit_code != 0
    assert "no superuser" in str(told.exception)


def test_sqlite_is_told_plainly(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    told = CliRunner().invoke(cli, ["ledger", "init"])
    assert told.exit_code == 0
    assert "whoever can write the file can write the record" in told.output
    assert (tmp_path / "ledger.db").exists()


def test_what_may_wait_in_a_spool_may_be_recorded_by_the_hands() -> None:
    hands = next(login for login in LOGINS if login.name == "jit_hands")
    assert {kind for kind, model in MODELS.items() if model.waits} <= hands.kinds
