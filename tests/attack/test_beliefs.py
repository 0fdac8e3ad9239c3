"""What an end believes that somebody else than the worker can write: notes, names, who is in which role, and when."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import TargetError, TargetRefused
from jit.testing import T0
from tests.attack.shop import DATABASE, Shop
from tests.world.orders import is_cut
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres.lock import lock_key

pytestmark = pytest.mark.real

MINE = "CREATE VIEW v AS SELECT * FROM orders; GRANT ALL ON v TO PUBLIC; REASSIGN OWNED BY alice TO shop_read"
READS_ON = "BEGIN; DECLARE c CURSOR FOR SELECT o.* FROM {}, generate_series(1, 100000); FETCH 1 FROM c"
CHANGED = "somebody changed the note on jit_r_attk: what was made by means of it is not known"
OURS = "jit_r_attk stays, without any right: it owns view public.v"


@contextmanager
def renamed(at: Shop, role: str, to: str) -> Iterator[None]:
    dba = at.dba()
    dba.execute(f"ALTER ROLE {role} RENAME TO {to}")
    try:
        yield
    finally:
        dba.execute(f"ALTER ROLE {to} RENAME TO {role}")


@contextmanager
def another_worker(at: Shop, *, allow_owners: bool = False) -> Iterator[PostgresTarget]:
    dsn = SecretStr(at.server.dsn("shop_worker", DATABASE))
    with closing(PostgresTarget("shop", dsn, allow_owners=allow_owners)) as made:
        yield made


def rights_taken_by_another(at: Shop) -> None:
    """Which does no more, while the target is inspected."""
    with another_worker(at) as first:
        first.take_rights("R-ATTK", "alice")
        assert first.list_grants() == []


def rewrite_the_note(at: Shop) -> None:
    """Into one that reads as one of ours."""
    at.dba().execute(
        """DO $$ BEGIN EXECUTE format('COMMENT ON ROLE jit_r_attk IS %L', replace(
               shobj_description('jit_r_attk'::regrole, 'pg_authid'), '"owned": 0', '"owned": 7')); END $$"""
    )


def test_a_note_that_somebody_rewrote_keeps_nothing_that_the_permission_was_made_to_own(at: Shop) -> None:
    """It said that the permission had owned something before: so that stayed, and it was *ended* without a word."""
    at.give()
    at.alice(MINE)
    rewrite_the_note(at)
    assert set(at.take().left_behind) == {OURS, CHANGED}
    assert at.reached() == []


def test_a_role_that_somebody_named_like_ours_makes_no_application_lose_what_is_its_own(at: Shop) -> None:
    """It has no note, and gives what owned nothing when it was given."""
    dba = at.dba()
    dba.execute("CREATE ROLE odd_app; GRANT odd_app TO shop_worker WITH ADMIN OPTION")
    dba.execute("CREATE ROLE jit_r_apps; GRANT odd_app TO jit_r_apps; GRANT jit_r_apps TO eve")
    dba.execute("CREATE TABLE app (); ALTER TABLE app OWNER TO odd_app")
    at.target.list_grants()
    assert dba.execute("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'app'").fetchone() == ("odd_app",)


def test_a_note_of_somebody_who_may_create_roles_makes_no_permission_lose_what_is_its_own(at: Shop) -> None:
    """Written by the transaction that made the role, as ours are; but no worker made it. Before 16 she needs none."""
    dba = at.dba()
    dba.execute("CREATE TABLE app (); ALTER TABLE app OWNER TO shop_other; CREATE ROLE odd_maker LOGIN CREATEROLE")
    maker = at.login("odd_maker")
    with maker.transaction():
        maker.execute("CREATE ROLE jit_r_evil; GRANT jit_r_evil TO shop_worker WITH ADMIN OPTION")
        maker.execute(
            """DO $$ BEGIN EXECUTE format('COMMENT ON ROLE jit_r_evil IS %L', format(
                   'jit {"oid": %s, "request": "R-EVIL", "target": "shop", "principal": "eve", "permissions": [],
                         "ends_at": "2030-01-01T00:00:00+00:00", "before": {"holder": %s, "reached": [%s], "had": [],
                         "owned": 0, "named": [], "since": 3, "makes": false}}',
                   'jit_r_evil'::regrole::oid, 'eve'::regrole::oid, 'shop_other'::regrole::oid)); END $$"""
        )
    at.target.list_grants()
    owner = dba.execute("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'app'").fetchone()
    dba.execute("DROP TABLE app")
    assert owner == ("shop_other",) or not at.modern


def test_where_permissions_may_own_things_a_rewritten_note_is_told(at: Shop) -> None:
    """Nobody knows then what is whose, so nothing is taken."""
    with another_worker(at, allow_owners=True) as target:
        at.give()
        at.alice(MINE)
        rewrite_the_note(at)
        assert target.revoke("R-ATTK", "alice").left_behind == (CHANGED,)


def test_a_note_that_somebody_rewrote_is_told_by_the_worker_that_finds_the_rights_gone(at: Shop) -> None:
    at.give()
    rewrite_the_note(at)
    rights_taken_by_another(at)
    assert at.take().left_behind == (CHANGED,)


def test_a_note_that_somebody_rewrote_is_not_believed_by_a_grant_that_is_given_again(at: Shop) -> None:
    at.give()
    rewrite_the_note(at)
    at.give()
    assert at.take().left_behind == (CHANGED,)


@pytest.mark.parametrize("postgres", [18], indirect=True, ids="pg{}".format)
def test_a_role_that_was_renamed_and_lost_its_note_is_access_that_remains(at: Shop) -> None:
    """It was *ended*, and she read on. Before 16 nothing tells who gave it, and whoever can do this can do anything."""
    at.give()
    at.dba().execute("COMMENT ON ROLE jit_r_attk IS NULL; ALTER ROLE jit_r_attk RENAME TO odd_one")
    with pytest.raises(TargetRefused, match=r'access remains: .* DROP ROLE "odd_one"$'):
        at.take()
    at.dba().execute("DROP ROLE odd_one")
    assert at.take().existed is False


def test_the_servers_own_housekeeping_makes_no_note_somebody_elses(at: Shop) -> None:
    at.give()
    at.dba().execute("VACUUM FULL pg_shdescription")
    at.dba().execute("VACUUM FREEZE pg_shdescription")
    at.dba().execute("VACUUM FREEZE pg_auth_members")
    assert at.take().left_behind == ()


def test_a_grant_that_is_given_more_time_is_still_known(at: Shop) -> None:
    at.give()
    at.target.grant(replace(at.granted(), ends_at=T0 + timedelta(hours=2)), int)
    at.alice(MINE)
    rights_taken_by_another(at)
    assert at.take().left_behind == (OURS,)
    assert at.reached() == []


def test_what_she_makes_it_own_before_a_stuck_grant_is_given_again_was_not_there_before(at: Shop) -> None:
    """Its note was written anew, and looked as if what came before had been there before the grant."""
    at.give()
    alice = at.alice(f"BEGIN; {MINE}")
    at.give()
    alice.execute("COMMIT")
    assert at.take().left_behind == (OURS,)
    assert at.reached() == []


@pytest.mark.parametrize("how", ["renamed", "renamed, and the name is a colleague's"])
def test_whoever_went_on_as_a_login_or_through_it_is_cut_though_it_was_renamed_between_two_workers(
    at: Shop, how: str
) -> None:
    at.give()
    alice = at.alice("CREATE VIEW hers AS SELECT * FROM orders; GRANT SELECT ON hers TO PUBLIC")
    alice.execute(READS_ON.format("orders o"))
    eve, mallory = at.login("eve"), at.login("mallory")
    eve.execute(READS_ON.format("hers o"))
    rights_taken_by_another(at)
    with renamed(at, "alice", "was_alice"), renamed(at, "mallory", "alice" if how != "renamed" else "was_mallory"):
        assert at.take().left_behind == ("eve went on through view public.hers; that session was cut",)
    assert [is_cut(one) for one in (alice, eve, mallory)] == [True, True, False]


def test_a_login_that_was_dropped_and_made_anew_between_two_workers_goes_on_with_nothing(at: Shop) -> None:
    dba = at.dba()
    dba.execute("CREATE ROLE odd_carol LOGIN")
    with another_worker(at) as first:
        first.grant(at.granted("R-ATTK", "odd_carol"), int)
        carol = at.login("odd_carol")
        carol.execute(READS_ON.format("orders o"))
        first.take_rights("R-ATTK", "odd_carol")
    dba.execute("DROP ROLE odd_carol; CREATE ROLE odd_carol LOGIN")
    new = at.login("odd_carol")
    at.target.list_grants()
    taken = at.target.revoke("R-ATTK", "odd_carol")
    assert is_cut(carol)
    if at.modern:  # before, nothing is left then that tells whose note it is
        assert (taken.sessions, taken.left_behind, is_cut(new)) == (1, (), False)
    else:
        assert taken.left_behind == (CHANGED,)


def test_somebody_whom_a_dba_gave_the_grants_role_is_cut_by_a_second_worker_too(at: Shop) -> None:
    at.give()
    at.dba().execute("GRANT jit_r_attk TO eve")
    eve = at.login("eve")
    eve.execute(READS_ON.format("orders o"))
    rights_taken_by_another(at)
    assert at.take().left_behind == ("jit_r_attk had also been given to eve, who lost it too",)
    assert is_cut(eve)


@pytest.mark.parametrize("by", ["the same worker", "a second worker"])
def test_a_permission_that_was_renamed_keeps_nothing_that_it_was_made_to_own(at: Shop, by: str) -> None:
    """By its name nothing was found, and it was *ended*."""
    at.give()
    at.alice(MINE)
    with renamed(at, "shop_read", "was_read"):
        if by == "a second worker":
            rights_taken_by_another(at)
        assert at.take().left_behind == (OURS,)
    assert at.reached() == []


def test_a_role_that_came_with_a_permission_and_was_taken_from_it_keeps_nothing(at: Shop) -> None:
    dba = at.dba()
    dba.execute("CREATE ROLE odd_base; GRANT SELECT ON orders TO odd_base; GRANT odd_base TO shop_read")
    at.give()
    at.alice(MINE.replace("TO shop_read", "TO odd_base"))
    dba.execute("REVOKE odd_base FROM shop_read")
    if at.modern:  # before, who may create roles has a way to any
        with pytest.raises(TargetRefused, match=r"access remains: odd_base owns view public\.v"):
            at.take()
        dba.execute("GRANT odd_base TO shop_worker WITH ADMIN OPTION")
    assert at.take().left_behind == (OURS,)
    assert at.reached() == []


def test_what_a_transaction_makes_that_began_before_the_grant_was_not_there_before(at: Shop) -> None:
    alice = at.alice("BEGIN; SELECT txid_current()")
    at.give()
    alice.execute(f"{MINE}; COMMIT")
    assert at.take().left_behind == (OURS,)
    assert at.reached() == []


def test_a_function_that_a_transaction_changed_that_began_before_the_grant_is_a_changed_one(at: Shop) -> None:
    """A colleague is inside it, and nothing of it says any more that it read with the holder's rights."""
    at.alice(
        """CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS
            $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR
               SELECT o.* FROM public.orders o, generate_series(1, 100000); RETURN c; END $$"""
    )
    alice, eve = at.alice("BEGIN; SELECT txid_current()"), at.login("eve")
    at.give()
    eve.execute("BEGIN; SELECT opens(); FETCH 1 FROM c")
    alice.execute("ALTER FUNCTION opens() SECURITY INVOKER; COMMIT")
    at.take()
    assert is_cut(eve)


def test_a_trigger_of_a_transaction_that_began_before_the_grant_is_told(at: Shop) -> None:
    at.dba().execute("GRANT TRIGGER ON orders TO shop_all")
    alice = at.alice("BEGIN; SELECT txid_current()")
    with another_worker(at, allow_owners=True) as target:
        target.grant(at.granted("R-ATTK", "alice", "shop_all"), int)
        alice.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        alice.execute("CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f(); COMMIT")
        (said,) = target.revoke("R-ATTK", "alice").left_behind
    assert said == "alice may have made by means of it what stays: trigger t on table public.orders"


def test_an_end_that_another_worker_finished_leaves_nothing_in_this_one(at: Shop) -> None:
    """Not a trace of the first try in the counts of the second."""
    at.give()
    assert not is_cut(at.login())
    at.target.take_rights("R-ATTK", "alice")
    with another_worker(at) as other:
        assert other.revoke("R-ATTK", "alice").existed is True
    assert at.target.list_grants() == []
    assert at.take().existed is False


def test_an_older_version_of_jit_left_a_note_that_tells_too_little_and_the_end_says_so(at: Shop) -> None:
    at.give()
    with psycopg.connect(at.server.dsn("shop_worker", DATABASE)) as worker:  # one transaction, as giving is
        worker.execute("REVOKE jit_r_attk FROM alice; GRANT jit_r_attk TO alice")
        worker.execute(
            """DO $$ BEGIN EXECUTE format('COMMENT ON ROLE jit_r_attk IS %L', regexp_replace(
                   shobj_description('jit_r_attk'::regrole, 'pg_authid'), '"before": .*',
                   '"before": {"roles": [], "owned": 0, "named": [], "since": null}}')); END $$"""
        )
    at.alice(MINE)
    left = set(at.take().left_behind)
    assert left == {OURS, "jit_r_attk is of an older version of jit: what was made by means of it is not known"}
    assert at.reached() == []


def test_a_login_that_was_dropped_while_it_held_access_is_held_and_its_session_cut(at: Shop) -> None:
    """Its membership went with it: an inspection found nobody who held anything, and the end nothing to take."""
    dba = at.dba()
    dba.execute("CREATE ROLE odd_carol LOGIN")
    at.target.grant(at.granted("R-ATTK", "odd_carol"), int)
    carol = at.login("odd_carol")
    carol.execute(READS_ON.format("orders o"))
    dba.execute("DROP ROLE odd_carol")
    assert [(held.request_id, held.principal) for held in at.target.list_grants()] == [("R-ATTK", "odd_carol")]
    taken = at.target.revoke("R-ATTK", "odd_carol")
    assert (taken.existed, taken.sessions, is_cut(carol)) == (True, 1, True)
    assert at.target.held("R-ATTK") is None


def test_a_login_that_was_dropped_and_has_no_session_holds_nothing(at: Shop) -> None:
    dba = at.dba()
    dba.execute("CREATE ROLE odd_carol LOGIN")
    at.target.grant(at.granted("R-ATTK", "odd_carol"), int)
    dba.execute("DROP ROLE odd_carol")
    assert at.target.list_grants() == []
    assert at.target.revoke("R-ATTK", "odd_carol").existed is False
    assert dba.execute("SELECT to_regrole('jit_r_attk')").fetchone() == (None,)


def test_what_the_grants_role_owns_is_none_of_its_end_while_somebody_keeps_its_rights_from_being_taken(
    at: Shop,
) -> None:
    """Her view was its own by then, and acted with the rights that an open transaction kept in it: *ended*."""
    dba = at.dba()
    dba.execute("CREATE ROLE odd_lead LOGIN; GRANT shop_read TO odd_lead WITH ADMIN OPTION")
    at.give()
    at.alice(MINE)
    lead = at.login("odd_lead")
    lead.execute("BEGIN; GRANT shop_read TO eve")
    if at.modern:  # before, it keeps nobody waiting
        with pytest.raises(TargetError):
            at.take()
    lead.execute("ROLLBACK")
    dba.execute("REVOKE shop_read FROM odd_lead")
    assert at.take().left_behind == (OURS,)
    assert at.reached() == []


@pytest.mark.parametrize("how", ["GRANT jit_r_attk TO {}", "GRANT alice TO {}", "GRANT SELECT ON hers TO PUBLIC"])
def test_a_colleague_who_went_on_and_was_dropped_is_cut(how: str, at: Shop) -> None:
    """No role is left that tells of them; what their session has locked does."""
    dba = at.dba()
    dba.execute("CREATE ROLE odd_carol LOGIN")
    at.give()
    at.alice("CREATE VIEW hers AS SELECT * FROM orders")
    dba.execute(how.format("odd_carol"))
    carol = at.login("odd_carol")
    carol.execute(READS_ON.format("hers o" if "hers" in how else "orders o"))
    dba.execute("DROP ROLE odd_carol")
    (said,) = at.take().left_behind
    assert said.startswith("a login that was dropped went on through ")
    assert is_cut(carol)
    assert at.reached() == []


@pytest.mark.parametrize("keeps", ["a grant waiting", "what a permission was made to own"])
def test_the_lock_of_a_login_that_was_dropped_is_broken_as_anybodys(keeps: str, at: Shop) -> None:
    dba = at.dba()
    dba.execute("CREATE ROLE odd_carol LOGIN")
    carol = at.login("odd_carol")
    if keeps == "a grant waiting":
        carol.execute(f"SELECT pg_advisory_lock({lock_key('alice')})")
        dba.execute("DROP ROLE odd_carol")
        at.give()
    else:
        at.give()
        at.alice(MINE.replace("SELECT * FROM orders", "SELECT 1"))
        carol.execute("BEGIN; SELECT * FROM v")
        dba.execute("DROP ROLE odd_carol")
        assert len(at.target.list_grants()) == 1
    assert is_cut(carol)
