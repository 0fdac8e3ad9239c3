"""What PostgreSQL itself refuses to take into the record, or to change in it, whoever asks."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from jit.clock import EPOCH
from jit.facts import Alert, Source
from jit.ledger import Ledger, LedgerUnavailable, check_chain, connect
from jit.ledger.database import writing
from jit.ledger.guard import KEPT
from jit.ledger.guard.roles import LOGINS
from jit.ledger.unavailable import Forbidden, NotTaken
from jit.testing import T0, ManualClock
from tests.world.facts import late, started
from tests.world.next_entry import Next, append, count
from tests.world.servers import both_versions, new_ledger

pytestmark = pytest.mark.real


@both_versions
def test_an_entry_as_it_should_be_is_taken_and_its_columns_are_what_it_says(bot) -> None:
    for request_id, says in (("R-7F3K", "plain"), (None, 'ünïcode 🚒 \u202e "quoted" \\u0000 \x00 \x07 \\')):
        entry = Next(bot)
        body = entry.body(request_id=request_id, says=says)
        assert append(bot, body) == entry.index
        row = bot.execute("SELECT * FROM entries WHERE index = %s", [entry.index]).fetchone()
        micros = (datetime.fromisoformat(entry.at) - EPOCH) // timedelta(microseconds=1)
        digest = hashlib.sha256(body).hexdigest()
        assert row == (entry.index, entry.fact["id"], micros, "alert", request_id, body, digest)


def test_many_are_taken_together_or_none(bot) -> None:
    first = Next(bot)
    second = Next(bot)
    second.index, second.previous = first.index + 1, hashlib.sha256(first.body()).hexdigest()
    bad = Next(bot)
    bad.index, bad.previous = first.index + 2, "f" * 64
    before = count(bot)
    with pytest.raises(psycopg.Error, match="does not follow"):
        append(bot, first.body(), second.body(), bad.body())
    assert count(bot) == before
    assert append(bot, first.body(), second.body()) == second.index


NO_FACT = "holds no fact"
FORM = "in this order, and no key twice"
TWICE = "no name twice"
NO_TIME = "a time that is none"
BENT = {
    "too far": (lambda e: e.bent(f'"index": {e.index}', f'"index": {e.index + 1}'), "is not the next"),
    "again": (lambda e: e.bent(f'"index": {e.index}', f'"index": {e.index - 1}'), "is not the next|in this order"),
    "index as text": (lambda e: e.bent(f'"index": {e.index}', f'"index": "{e.index}"'), FORM),
    "index with a point": (lambda e: e.bent(f'"index": {e.index}', f'"index": {e.index}.0'), FORM),
    "no index": (lambda e: e.bent(f'"index": {e.index}, ', ""), FORM),
    "another's hash": (lambda e: e.bent(e.previous, "f" * 64), "does not follow"),
    "capital hash": (lambda e: e.bent(e.previous, "F" * 64), "does not follow"),
    "time in words": (lambda e: e.bent(e.at, "now"), NO_TIME),
    "another zone": (
        lambda e: e.bent(f'{e.at}", "prev', e.at.replace("+00:00", "+01:00") + '", "prev'),
        "a time that is none",
    ),
    "no such day": (lambda e: e.bent(f'{e.at}", "prev', '2026-02-30T00:00:00+00:00", "prev'), NO_TIME),
    "other order": (lambda e: b'{"fact": {}, ' + e.body()[1:], FORM),
    "one more key": (lambda e: e.body()[:-1] + b', "more": 1}', FORM),
    "index twice": (lambda e: e.body()[:-1] + b', "index": 7}', FORM),
    "fact twice": (lambda e: e.body()[:-1] + b', "fact": {"kind": "granted"}}', FORM),
    "kind twice": (lambda e: e.bent('"kind":"alert"', '"kind":"granted","kind":"alert"'), TWICE),
    "kind twice, hidden": (lambda e: e.bent('"kind":"alert"', '"k\\u0069nd":"granted","kind":"alert"'), TWICE),
    "no fact": (lambda e: f'{e.head()}, "fact": null}}'.encode(), FORM),
    "an empty fact": (lambda e: f'{e.head()}, "fact": {{}}}}'.encode(), FORM),
    "a list": (lambda e: b"[" + e.body() + b"]", FORM),
    "no kind": (lambda e: e.bent('"kind":"alert",', ""), NO_FACT),
    "kind null": (lambda e: e.body(kind=None), NO_FACT),
    "kind a list": (lambda e: e.body(kind=["alert"]), NO_FACT),
    "kind empty": (lambda e: e.body(kind=""), NO_FACT),
    "kind too long": (lambda e: e.body(kind="a" * 33), NO_FACT),
    "id no uuid": (lambda e: e.body(id="1"), NO_FACT),
    "id null": (lambda e: e.body(id=None), NO_FACT),
    "request a number": (lambda e: e.body(request_id=7), NO_FACT),
    "request too long": (lambda e: e.body(request_id="R" * 17), NO_FACT),
    "no actor": (lambda e: e.bent('"actor":"bot@host",', ""), NO_FACT),
    "not JSON": (lambda e: e.body()[:-1], "is JSON in UTF-8"),
    "not UTF-8": (lambda e: e.body(says="late").replace(b"late", b"\xff\xfe"), "is JSON in UTF-8"),
    "a NUL": (lambda e: e.body(says="late").replace(b"late", b"\x00"), "is JSON in UTF-8"),
    "half a character": (lambda e: e.bent('"says":"x"', '"says":"\\ud800"'), "is JSON in UTF-8"),
    "too deep": (lambda e: e.bent('"says":"x"', '"says":' + "[" * 100_000 + "]" * 100_000), "is JSON in UTF-8"),
    "two lines": (lambda e: e.bent(', "fact"', ',\n"fact"'), "is one line"),
    "a carriage return": (lambda e: e.bent(', "fact"', ',\r"fact"'), "is one line"),
    "space at the end": (lambda e: e.body() + b" ", FORM),
    "space at the front": (lambda e: b" " + e.body(), FORM),
    "too long": (lambda e: e.body(says="x" * 1024 * 1024), "between 1 and 1048576"),
    "empty": (lambda _: b"", "between 1 and"),
    "none": (lambda _: None, "between 1 and"),
}


@both_versions
def test_what_is_not_the_next_entry_is_refused_and_says_why(bot) -> None:
    append(bot, Next(bot).body())
    before, other = count(bot), {}
    for name, (bend, says) in BENT.items():
        try:
            other[name] = append(bot, bend(Next(bot)))
        except psycopg.Error as refused:
            if refused.sqlstate != "JIT01" or not re.search(says, str(refused)):
                other[name] = refused
    assert not other, f"{len(other)} of {len(BENT)}"
    assert count(bot) == before


def test_nothing_is_no_entry(bot) -> None:
    for given in ("NULL", "'{}'", "ARRAY[['a'],['b']]::bytea[]"):
        with pytest.raises(psycopg.Error, match="given as one list"):
            bot.execute(f"SELECT jit_append({given})")


def test_a_fact_is_recorded_once(bot) -> None:
    entry = Next(bot)
    append(bot, entry.body())
    again = Next(bot)
    with pytest.raises(psycopg.Error, match="is recorded already") as refused:
        append(bot, again.body(id=entry.fact["id"]))
    assert refused.value.sqlstate == "JIT03"


def test_another_time_than_now_is_refused(bot) -> None:
    append(bot, Next(bot).body())
    for seconds in (-3, 4, -400 * 86400, 400 * 86400):
        with pytest.raises(psycopg.Error, match=r"NTP|dated before"):
            append(bot, Next(bot, datetime.now(UTC) + timedelta(seconds=seconds)).body())


def test_time_does_not_run_backwards(bot) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    append(bot, Next(bot, soon).body())
    with pytest.raises(psycopg.Error, match="dated before the one before it"):
        append(bot, Next(bot, soon - timedelta(milliseconds=1)).body())


def test_where_the_clock_was_set_back_the_record_goes_on_from_its_last_time(bot, owner) -> None:
    """The last entry is an hour ahead; what follows may not be further ahead than that."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    entry = Next(bot, ahead)
    owner.execute(
        "INSERT INTO entries VALUES (%s, %s, %s, 'alert', NULL, %s, %s)",
        [
            entry.index,
            entry.fact["id"],
            int(ahead.timestamp() * 1_000_000),
            entry.body(),
            hashlib.sha256(entry.body()).hexdigest(),
        ],
    )
    try:
        with pytest.raises(psycopg.Error, match="NTP"):
            append(bot, Next(bot, ahead + timedelta(seconds=1)).body())
        append(bot, Next(bot, datetime.fromtimestamp(int(ahead.timestamp() * 1_000_000) / 1_000_000, UTC)).body())
    finally:
        owner.execute("ALTER TABLE entries DISABLE TRIGGER entries_kept")
        owner.execute("DELETE FROM entries WHERE index >= %s", [entry.index])
        owner.execute("ALTER TABLE entries ENABLE ALWAYS TRIGGER entries_kept")


def test_a_text_of_the_rules_under_another_version_is_refused(bot) -> None:
    with pytest.raises(psycopg.Error, match="SHA-256 of their text") as refused:
        bot.execute("INSERT INTO policy_texts VALUES (%s, 'junk')", ["a" * 64])
    assert refused.value.sqlstate == "JIT04"


class TestWhoMayRecordWhat:
    @pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.name)
    def test_each_kind_of_its_own_and_no_other(self, guarded, login) -> None:
        kinds = {kind for other in LOGINS for kind in other.kinds} | {"nothing", "Alert", "alert "}
        with guarded.login(login.name) as session:
            for kind in kinds - login.kinds:
                with pytest.raises(psycopg.Error, match=f"the login {login.name} may not record {kind}") as refused:
                    append(session, Next(session).body(kind=kind))
                assert refused.value.sqlstate == "JIT02"
            for kind in login.kinds:
                append(session, Next(session).body(kind))

    def test_it_is_the_login_that_counts_and_no_role_it_may_take_on(self, guarded, owner) -> None:
        owner.execute("GRANT jit_hands TO jit_bot")
        try:
            with guarded.login("jit_bot") as session:
                session.execute("SET ROLE jit_hands")
                with pytest.raises(psycopg.Error, match="the login jit_bot may not record granted"):
                    append(session, Next(session).body(kind="granted"))
        finally:
            owner.execute("REVOKE jit_hands FROM jit_bot")

    def test_a_login_that_nobody_named_records_nothing(self, guarded, owner) -> None:
        owner.execute("CREATE ROLE eve LOGIN IN ROLE jit_bot")
        owner.execute("GRANT CONNECT ON DATABASE jit TO eve")
        try:
            with guarded.login("eve") as session:
                with pytest.raises(psycopg.Error, match="the login eve may not record alert"):
                    append(session, Next(session).body())
                with pytest.raises(psycopg.Error, match="the login eve may record nothing"):
                    session.execute("SELECT jit_writable()")
        finally:
            owner.execute("DROP OWNED BY eve")
            owner.execute("DROP ROLE eve")

    def test_not_even_a_superuser_by_the_function(self, owner) -> None:
        with pytest.raises(psycopg.Error, match="the login postgres may not record granted"):
            append(owner, Next(owner).body(kind="granted"))


COLUMN = {"entries": "body", "checkpoints": "note", "cosignatures": "line", "policy_texts": "files"}


class TestNotEvenASuperuser:
    CHANGES = (
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
        "WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
    )

    @pytest.fixture
    def filled(self, bot, guarded, owner) -> None:
        append(bot, Next(bot).body())
        with guarded.login("jit_signer") as signer:
            number = owner.execute("SELECT coalesce(max(number), 0) + 1 FROM checkpoints").fetchone()[0]
            signer.execute("INSERT INTO checkpoints VALUES (%s, 1, 1, '')", [number])
            signer.execute("INSERT INTO cosignatures VALUES (%s, 'w', '')", [number])
        text = uuid4().bytes
        bot.execute("INSERT INTO policy_texts VALUES (%s, %s)", [hashlib.sha256(text).hexdigest(), text])

    def test_changes_what_is_recorded(self, owner, filled) -> None:
        for role in ("origin", "replica"):
            owner.execute(f"SET session_replication_role = {role}")
            for table in KEPT:
                for change in self.CHANGES:
                    with pytest.raises(psycopg.Error, match=f"what is in {table} stays as it is") as refused:
                        owner.execute(change.format(table=table, column=COLUMN[table]))
                    assert refused.value.sqlstate == "JIT04"

    def test_by_a_conflict_a_merge_or_a_parent_table(self, owner, filled) -> None:
        by_conflict = (
            "INSERT INTO entries SELECT * FROM entries LIMIT 1 ON CONFLICT (index) DO UPDATE SET body = excluded.body"
        )
        merge = "MERGE INTO entries AS e USING entries AS o ON e.index = o.index WHEN MATCHED THEN DELETE"
        for change in (by_conflict, merge):
            with pytest.raises(psycopg.Error, match="stays as it is"):
                owner.execute(change)
        owner.execute("CREATE TABLE parent (body bytea NOT NULL)")
        owner.execute("ALTER TABLE entries INHERIT parent")
        try:
            with pytest.raises(psycopg.Error, match="stays as it is"):
                owner.execute("UPDATE parent SET body = ''")
        finally:
            owner.execute("ALTER TABLE entries NO INHERIT parent")
            owner.execute("DROP TABLE parent")

    def test_as_the_owner(self, owner, filled) -> None:
        owner.execute("SET ROLE jit_owner")
        with pytest.raises(psycopg.Error, match="stays as it is"):
            owner.execute("DELETE FROM entries")
        owner.execute("RESET ROLE")


class TestTheLedgerOverIt:
    @pytest.fixture
    def ledger(self, opened) -> Ledger:
        return opened("jit_bot")

    def alert(self, ledger: Ledger) -> Alert:
        return late(ledger.clock.now(), actor="bot@host", source=Source.BOT)

    def test_a_clock_far_off_keeps_nothing_from_being_recorded(self, ledger) -> None:
        """The database's counts."""
        ledger.clock = ManualClock(T0 - timedelta(days=3))
        (entry,) = ledger.append([self.alert(ledger)]).entries
        assert abs(entry.recorded_at - datetime.now(UTC)) < timedelta(seconds=30)
        (ahead,) = Ledger(ledger.engine, ManualClock(T0 + timedelta(days=4000))).append([self.alert(ledger)]).entries
        assert abs(ahead.recorded_at - datetime.now(UTC)) < timedelta(seconds=30)

    def test_what_this_login_may_not_do_is_said_as_such(self, ledger) -> None:
        with pytest.raises(Forbidden, match=r"^the login jit_bot may not record record\.read$"):
            ledger.append([self.alert(ledger).model_copy(update={"kind": "record.read"})])
        with pytest.raises(Forbidden, match="permission denied for table entries"), writing(ledger.engine) as raw:
            raw.exec_driver_sql("DELETE FROM entries")

    def test_what_is_recorded_already_is_said(self, ledger) -> None:
        fact = started(ledger.clock.now())
        ledger.append([fact])
        with pytest.raises(NotTaken, match="recorded already"):
            ledger.append([fact])
        assert issubclass(NotTaken, LedgerUnavailable)

    def test_what_was_taken_hangs_together(self, guarded, owner, ledger) -> None:
        for _ in range(3):
            ledger.append([self.alert(ledger), self.alert(ledger)])
        rows = ledger.read(limit=100_000, skip_unreadable=True)
        start = rows[-6]
        assert check_chain(rows[-6:], after=start.index - 1, previous=start.previous) == ledger.last_index()


def test_without_roles_the_same_function_takes_any_clock_and_any_kind(postgres) -> None:
    """One login, as in tests and in the embedded ledger."""
    with new_ledger(postgres) as url:
        engine = connect(url)
        ledger = Ledger(engine, ManualClock(T0 - timedelta(days=3000)))
        (entry,) = ledger.append([late(T0)]).entries
        assert entry.recorded_at == T0 - timedelta(days=3000)
        engine.dispose()
        with psycopg.connect(url) as owner, pytest.raises(psycopg.Error, match="not follow"):
            append(owner, Next(owner).bent(hashlib.sha256(entry.body).hexdigest(), "f" * 64))
