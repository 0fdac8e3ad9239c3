"""What each login of the ledger's database may do there: its room's work, and nothing else."""

from datetime import timedelta
from itertools import product

import psycopg
import pytest

from bot.mirror import session
from jit.clock import SystemClock
from jit.facts import (
    MODELS,
    Away,
    Back,
    Escalated,
    Escalation,
    KeyChanged,
    LockdownBegun,
    LockdownLifted,
    LockdownLiftProposed,
    Narrowed,
    PersonRebound,
    RecordRead,
    Revoked,
    Source,
)
from jit.ledger import Leases, Notes, Question, StoredDirectory, check_chain
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.ledger.privacy.erasing import erase
from jit.ledger.unavailable import Forbidden
from jit.ledger.undelivered import REFUSED, Undelivered, undelivered
from jit.people.person import Groups, Person
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, CAROL, Story
from tests.world.facts import started
from tests.world.leases import LEASES
from tests.world.lifting import lift_all
from tests.world.servers import LedgerDatabase, both_versions

pytestmark = pytest.mark.real

NAMES = [login.name for login in LOGINS]
NO_RIGHT = "42501"


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
    seen_by_hands = StoredDirectory(hands.engine)
    assert seen_by_hands.look_up(ALICE).name == "Alice"
    people.confirm(ALICE, clock.now())
    assert seen_by_hands.heard_within([ALICE], timedelta(minutes=5), clock.now())
    with pytest.raises(Forbidden):
        seen_by_hands.confirm(ALICE, clock.now())


def test_the_bot_and_security_read_what_slack_refused_the_followers(opened) -> None:
    refused = Undelivered("cards", "R-AAAA", "new cards", "C0ACCESS1", "restricted_action", SystemClock().now())
    notes = Notes(opened("jit_bot").engine, refused.follower)
    notes.put({REFUSED + refused.key: refused.as_note(), "refusedX": "junk"})
    for login in ("jit_bot", "jit_auditor"):
        assert list(undelivered(opened(login).engine)) == [refused], login
    with pytest.raises(Forbidden):
        list(undelivered(opened("jit_hands").engine))
    notes.put({REFUSED + refused.key: None})


def test_the_command_line_of_security_may_end_access(opened) -> None:
    bot, auditor, clock = opened("jit_bot"), opened("jit_auditor"), SystemClock()
    story = Story(bot, clock, id="R-BBBB")
    for step in (story.asked, story.approval, story.approved):
        step()
    request = auditor.request("R-BBBB")
    fact = Revoked.about(request, at=clock.now(), actor="cli:eve@desk", source=Source.CLI, reason="stolen")
    auditor.append([fact], expect={"R-BBBB": request.version})
    assert bot.request("R-BBBB").state is State.ENDING
    assert [request.id for request in bot.requests(Question(states=frozenset({State.ENDING})))] == ["R-BBBB"]


def test_a_lockdown_is_begun_by_whoever_may_end_access_and_lifted_by_the_bot_alone(opened) -> None:
    bot, hands, auditor = opened("jit_bot"), opened("jit_hands"), opened("jit_auditor")
    for login, ledger in (("L-BOT1", bot), ("L-HANDS", hands), ("L-AUDIT", auditor)):
        same = {"at": ledger.clock.now(), "source": Source.CLI, "lockdown_id": login, "scope": "target"}
        begun = LockdownBegun(**same, actor="cli:eve@desk", target="orders-db", reason="stolen")
        assert login in {each.id for each in ledger.append_lockdown(begun, ledger.lockdowns())}
    told = {**same, "target": "orders-db", "reason": "it is over"}
    proposed = LockdownLiftProposed(**told, actor=BOB)
    lifted = LockdownLifted(**told, actor=CAROL, proposal=proposed.id, proposed_by=BOB)
    for ledger, fact in product((hands, auditor), (proposed, lifted)):
        with pytest.raises(Forbidden, match=f"may not record {fact.kind}"):
            ledger.append([fact])
    assert {each.id for each in hands.lockdowns()} == {"L-BOT1", "L-HANDS", "L-AUDIT"}
    lift_all(bot, bot.clock)
    assert hands.lockdowns() == auditor.lockdowns() == ()


def test_a_kind_that_is_another_rooms_is_refused_by_name(opened) -> None:
    bot, hands = opened("jit_bot"), opened("jit_hands")
    story = Story(bot, bot.clock, id="R-CCCC", fields={"requester": CAROL})
    for step in (story.asked, story.approval, story.approved):
        step()
    last = bot.last_index()
    with pytest.raises(Forbidden, match="the login jit_hands may not record withdrawn"):
        Story(hands, hands.clock, id="R-CCCC").withdrawn()
    with pytest.raises(Forbidden, match=r"the login jit_bot may not record grant\.intent"):
        story.intent()
    assert bot.last_index() == last


def test_who_decides_on_what_and_who_somebody_is_is_recorded_by_its_own_room_alone(opened) -> None:
    bot, hands, auditor = opened("jit_bot"), opened("jit_hands"), opened("jit_auditor")
    clock, escalation = SystemClock(), Escalation(after=timedelta(minutes=15), to=("group:leads",))
    story = Story(bot, clock, id="R-DDDD", fields={"requester": "U0LESS001", "escalation": escalation})
    story.asked()
    about, at, last = story.request, {"at": clock.now(), "actor": CAROL}, bot.last_index()
    less = {"duration": timedelta(minutes=1), "asked_duration": about.duration, "asked_permissions": about.permissions}
    narrowed = Narrowed.about(about, source=Source.SLACK, digest=about.digest, **at, **less)
    escalated = Escalated.about(about, source=Source.TIMEKEEPER, escalation=escalation, **at)
    away = Away(source=Source.SLACK, until=clock.now() + timedelta(days=1), substitute=ALICE, **at)
    back = Back(source=Source.SLACK, **at)
    rebound = PersonRebound(source=Source.CLI, requester=CAROL, email="mallory@example.com", reason="it is me", **at)
    for ledger, facts in (
        (bot, (escalated, rebound)),
        (hands, (narrowed, away, back, rebound)),
        (auditor, (narrowed, escalated, away, back)),
    ):
        for fact in facts:
            with pytest.raises(Forbidden, match="may not record"):
                ledger.append([fact])
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
    "UPDATE checkpoints SET size = 0",
    "DELETE FROM checkpoints",
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
        "INSERT INTO checkpoints VALUES (1, 1, 1, '')",
        "INSERT INTO cosignatures VALUES (1, 'w', '')",
        "DELETE FROM person_keys",
    ],
    "jit_hands": [
        "DELETE FROM directory",
        "INSERT INTO directory VALUES ('groups', '{}', 0)",
        "SELECT * FROM notes",
        "INSERT INTO checkpoints VALUES (1, 1, 1, '')",
        "DELETE FROM person_keys",
    ],
    "jit_signer": ["SELECT * FROM person_keys", "SELECT * FROM requests", "SELECT * FROM directory"],
    "jit_auditor": [
        "DELETE FROM person_keys",
        "INSERT INTO policy_texts VALUES ('v', '')",
        "INSERT INTO leases VALUES ('signer', 'eve', 9)",
    ],
    "jit_collector": [
        "DELETE FROM person_keys",
        "INSERT INTO requests SELECT * FROM requests",
        "INSERT INTO leases VALUES ('signer', 'eve', 9)",
        "SELECT * FROM notes",
        "INSERT INTO directory VALUES ('groups', '{}', 0)",
    ],
    "jit_privacy": [
        "INSERT INTO checkpoints VALUES (1, 1, 1, '')",
        "INSERT INTO leases VALUES ('signer', 'eve', 9)",
        "UPDATE notes SET value = ''",
    ],
}


@pytest.mark.parametrize("login", NAMES)
def test_nobody_may_change_what_is_recorded_or_do_what_is_another_rooms(guarded: LedgerDatabase, login: str) -> None:
    tried = NOBODY + ANOTHER_ROOMS[login]
    came = guarded.came_of(login, tried, refusal=NO_RIGHT)
    assert not came, f"{len(came)} of the {len(tried)} that {login} tried"


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
def test_a_default_that_a_login_gives_itself_stops_no_process(guarded: LedgerDatabase, opened, default: str) -> None:
    """With the workers' login, once: no worker and no timekeeper started any more, so that nothing was ended."""
    with guarded.login("jit_hands") as eve:
        eve.execute(f"ALTER ROLE jit_hands SET {default}")
    try:
        hands = opened("jit_hands")
        at = hands.clock.now()
        (entry,) = hands.append([started(at, actor=f"cli:木@{at}", source=Source.WORKER)]).entries
        assert hands.read(after=entry.index - 1)[0].fact == entry.fact
    finally:
        with guarded.login() as dba:
            dba.execute("ALTER ROLE jit_hands RESET ALL")


def test_the_owner_cannot_log_in(guarded: LedgerDatabase) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        guarded.login(OWNER)


def test_what_may_wait_in_a_spool_may_be_recorded_by_the_hands() -> None:
    hands = next(login for login in LOGINS if login.name == "jit_hands")
    assert {kind for kind, model in MODELS.items() if model.waits} <= hands.kinds
