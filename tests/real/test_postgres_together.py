"""Many ends at once in PostgreSQL: as each by itself, and whatever is in the way of one is in the way of no other."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from jit.ports import RevokeResult
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.orders import can_read, grant_of, is_cut, modern, session, wanted
from workers.targets.postgres import PostgresTarget, catalog
from workers.targets.postgres.lock import lock_key

pytestmark = pytest.mark.real

ALICES, EVES = {"R-AAA2": "alice", "R-AAA3": "alice"}, {"R-EVE2": "eve"}
ALL = {**ALICES, **EVES}


@pytest.fixture
def given(target: PostgresTarget) -> PostgresTarget:
    """`ALL` are given: to read, and one of them to write as well."""
    for request_id, principal in ALL.items():
        more = ("orders_write",) if request_id == "R-AAA3" else ()
        target.grant(grant_of(request_id, "orders_read", *more, principal=principal), wanted)
    return target


@pytest.fixture
def eve(prepared: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with session(prepared, "eve") as conn:
        yield conn


def roles_left(dba: psycopg.Connection) -> list[str]:
    return [role for (role,) in dba.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^jit_' ORDER BY 1")]


def test_all_end_and_each_session_is_cut_and_counted_once(given, alice, eve, dba):
    assert given.take_rights_of_many(ALL) == ALL.keys()
    assert not can_read(alice)
    assert not can_read(eve)
    done = given.revoke_many(ALL)
    assert is_cut(alice)
    assert is_cut(eve)
    assert done.keys() == ALL.keys()
    assert all(one.existed and one.left_behind == () for one in done.values())
    assert [done[request_id].sessions for request_id in ALL] == [1, 0, 1]
    assert roles_left(dba) == []
    assert not any(given.revoke(request_id, whose).existed for request_id, whose in ALL.items())


def test_others_of_the_same_person_stay(given, alice):
    given.take_rights_of_many({"R-AAA3": "alice", **EVES})
    assert given.revoke_many({"R-AAA3": "alice", **EVES}).keys() == {"R-AAA3", "R-EVE2"}
    assert is_cut(alice)
    assert [held.request_id for held in given.list_grants()] == ["R-AAA2"]


def test_a_lock_that_somebody_holds_keeps_one_person_out_and_no_other(given, dba, eve):
    with dba.transaction():
        dba.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("alice")])
        assert given.take_rights_of_many(ALL) == {"R-EVE2"}
    assert not can_read(eve)
    assert given.revoke_many(ALL).keys() == {"R-EVE2"}
    assert given.revoke("R-AAA2", "alice").existed


def test_a_permission_that_somebody_has_locked_is_left_to_be_taken_one_by_one(given, prepared, dba):
    """The other permissions go. Before 16 who gives one locks nothing."""
    locked = {"R-AAA3"} if modern(dba) else set()
    with psycopg.connect(prepared.dsn(database="orders")) as granting:
        granting.execute("GRANT orders_write TO eve")
        taken = given.take_rights_of_many(ALL)
        granting.rollback()
    assert taken == ALL.keys() - locked
    assert given.revoke_many(taken_of(taken)).keys() == taken
    assert roles_left(dba) == (["jit_r_aaa3"] if locked else [])


def taken_of(taken: frozenset[str]) -> dict[str, str]:
    return {request_id: ALL[request_id] for request_id in taken}


def test_a_role_that_was_renamed_or_has_lost_its_note_is_left_out(given, dba):
    dba.execute("ALTER ROLE jit_r_aaa2 RENAME TO something; COMMENT ON ROLE jit_r_eve2 IS NULL")
    assert given.take_rights_of_many(ALL) == {"R-AAA2", "R-AAA3"}
    assert given.revoke_many(ALL).keys() == {"R-AAA2", "R-AAA3"}
    assert given.revoke("R-EVE2", "eve").existed
    assert dba.execute("SELECT FROM pg_roles WHERE rolname IN ('something', 'jit_r_eve2')").fetchall() == []


def test_a_role_that_others_gave_something_to_is_left_out_and_the_rest_are_dropped(given, dba):
    dba.execute("GRANT SELECT ON owned TO jit_r_aaa2")
    given.take_rights_of_many(ALL)
    assert given.revoke_many(ALL).keys() == {"R-AAA3", "R-EVE2"}
    taken = given.revoke("R-AAA2", "alice")
    assert taken.existed
    assert any("stays, without any right" in word for word in taken.left_behind)
    dba.execute("REVOKE SELECT ON owned FROM jit_r_aaa2")


def test_a_colleague_who_goes_on_through_a_view_is_found_and_each_ends_by_itself(given, prepared, alice, eve):
    alice.execute("CREATE VIEW hers AS SELECT * FROM orders")
    with (
        session(prepared, "o'brien") as other,
        psycopg.connect(prepared.dsn(database="orders"), autocommit=True) as dba,
    ):
        dba.execute("""GRANT SELECT ON hers TO "o'brien" """)
        try:
            other.execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM hers")
            given.take_rights_of_many(ALL)
            assert given.revoke_many(ALL) == {}
            done = {request_id: given.revoke(request_id, whose) for request_id, whose in ALL.items()}
            assert is_cut(other)
        finally:
            dba.execute("DROP VIEW hers")
    assert all(one.existed for one in done.values())
    assert [one.sessions for one in done.values()] == [2, 0, 1]


def test_what_was_left_behind_is_told_of_whom_it_is(given, dba):
    dba.execute("GRANT SELECT ON orders TO eve")
    try:
        given.take_rights_of_many(ALL)
        done = given.revoke_many(ALL)
    finally:
        dba.execute("REVOKE SELECT ON orders FROM eve")
    assert done["R-AAA2"] == RevokeResult(existed=True)
    (word,) = done["R-EVE2"].left_behind
    assert "eve was given rights by name meanwhile" in word


def test_what_another_process_ended_meanwhile_is_left_out(given, prepared):
    given.take_rights_of_many(ALL)
    with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as other:
        assert other.revoke("R-EVE2", "eve").existed
    assert given.revoke_many(ALL).keys() == ALICES.keys()
    assert not given.revoke("R-EVE2", "eve").existed


def test_one_that_another_process_drops_just_then_keeps_no_other(given, prepared, dba, monkeypatch):
    given.take_rights_of_many(ALL)
    really = catalog.unnamed

    def overtaken(*asked):
        found = really(*asked)
        with closing(PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))) as other:
            other.revoke("R-EVE2", "eve")
        return found

    monkeypatch.setattr(catalog, "unnamed", overtaken)
    assert given.revoke_many(ALL).keys() == ALL.keys()
    assert roles_left(dba) == []


def test_nothing_is_finished_whose_rights_were_not_taken(given, alice):
    assert given.revoke_many(ALL) == {}
    assert can_read(alice)
