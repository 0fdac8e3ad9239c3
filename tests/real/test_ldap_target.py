"""Groups in a directory: what every target must do, and what is a directory's own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ldap3
import pytest
from pydantic import ValidationError

from jit.detect.reconcile import SETTLES
from jit.ports import Grant, TargetRefused, TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing.targets import ENDS_AT, HOUR, TargetCase, TargetTests, still_due
from tests.world.hands import RULES, Hands
from tests.world.slapd import GROUPS, LISTED, NOBODY, PASSWORD, ROOT, Slapd, group_of, person_of, slapd
from workers.targets import ldap
from workers.targets.ldap import Directory, DirectoryTarget, Settings
from workers.targets.membership import Note

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with slapd() as made:
        yield made


@pytest.fixture
def directory(server: Slapd) -> Slapd:
    server.clear()
    return server


def opened(directory: Slapd, **settings: str) -> DirectoryTarget:
    return DirectoryTarget("directory", **directory.settings() | settings)


class TestDirectory(TargetTests):
    @pytest.fixture
    def case(self, directory: Slapd) -> TargetCase:
        return case_of(directory)


def case_of(directory: Slapd) -> TargetCase:
    def take(person: str, group: str) -> None:
        if f"uid={person}" in directory.members(group):
            directory.change(group, ldap3.MODIFY_DELETE, person)

    return TargetCase(
        target=opened(directory),
        anew=lambda: opened(directory),
        unreachable=opened(directory, url="ldap://127.0.0.1:1"),
        permissions=GROUPS,
        principals=("alice", "eve"),
        has=lambda person, group: f"uid={person}" in directory.members(group),
        give_by_hand=lambda person, group: directory.change(group, ldap3.MODIFY_ADD, person),
        take_by_hand=take,
        no_names=("nobody", "", "*", "alice)(uid=*", "a\x00b", "x" * 300),
        secret=PASSWORD,
    )


@pytest.fixture
def target(directory: Slapd) -> DirectoryTarget:
    return opened(directory)


def grant(*permissions: str, principal: str = "alice") -> Grant:
    return Grant("R-7F3K", principal, permissions or GROUPS[:1], ENDS_AT)


def test_the_last_one_leaves_a_group_that_may_not_be_empty(directory: Slapd, target: DirectoryTarget) -> None:
    """groupOfNames refuses that, and the access would have stayed."""
    target.grant(grant(), still_due)
    with directory.admin() as dba:
        dba.modify(group_of("orders-read"), {"member": [(ldap3.MODIFY_DELETE, [NOBODY])]})
    assert directory.members("orders-read") == {"uid=alice"}
    assert target.revoke("R-7F3K", "alice").existed
    assert directory.members("orders-read") == {"ou=jit"}
    assert target.holders("orders-read") == []


def test_a_grant_is_an_entry_that_says_whose_it_is_and_until_when(directory: Slapd, target: DirectoryTarget) -> None:
    target.grant(grant(*GROUPS), still_due)
    with directory.admin() as dba:
        dba.search(f"cn=jit-r-7f3k,ou=jit,{ROOT}", "(objectClass=*)", ldap3.BASE, attributes=["description"])
        (note,) = [Note.read(text) for text in dba.response[0]["attributes"]["description"]]
    assert (note.principal, note.permissions, note.ends_at) == ("alice", GROUPS, ENDS_AT)


def test_a_name_with_signs_of_ldaps_own_is_that_name(directory: Slapd, target: DirectoryTarget) -> None:
    held = target.grant(grant(principal="o'brien"), still_due)
    assert (held.principal, directory.members("orders-read")) == ("o'brien", {"uid=o'brien", "ou=jit"})


def test_a_name_that_is_not_one_persons_alone_is_refused(directory: Slapd, target: DirectoryTarget) -> None:
    """A directory finds alice under ALICE too, and may have another one in a unit below."""
    unit = f"ou=guests,ou=people,{ROOT}"
    other = f"uid=eve,{unit}"
    with directory.admin() as dba:
        dba.add(unit, ["organizationalUnit"])
        dba.add(other, ["inetOrgPerson"], {"cn": "eve", "sn": "eve"})
        try:
            for name in ("ALICE", "eve"):
                with pytest.raises(TargetRefused, match="not one person called"):
                    target.grant(grant(principal=name), still_due)
        finally:
            dba.delete(other)
            dba.delete(unit)
    with pytest.raises(TargetRefused, match="not one group called"):
        target.grant(grant("Orders-Read"), still_due)
    assert target.list_grants() == []


def test_a_note_that_somebody_changed_meanwhile_is_not_written_over(directory: Slapd, target: DirectoryTarget) -> None:
    target.grant(grant(), still_due)
    there = Directory("directory", Settings(**directory.settings()))
    note = there.note("R-7F3K")
    assert note is not None
    later = replace(note, ends_at=ENDS_AT + HOUR)
    assert there.change_note(note, later)
    assert not there.change_note(note, replace(note, ended_at=ENDS_AT))
    assert there.note("R-7F3K") == later
    there.drop_note("R-7F3K")
    there.drop_note("R-7F3K")
    assert not there.change_note(later, note)


def test_somebody_whose_entry_was_deleted_loses_the_membership_all_the_same(
    directory: Slapd, target: DirectoryTarget
) -> None:
    with directory.admin() as dba:
        dba.add(person_of("leaver"), ["inetOrgPerson"], {"cn": "leaver", "sn": "leaver"})
        target.grant(grant(principal="leaver"), still_due)
        dba.delete(person_of("leaver"))
    assert target.revoke("R-7F3K", "leaver").existed
    assert directory.members("orders-read") == {"ou=jit"}


def test_what_somebody_else_wrote_below_the_grants_keeps_none_from_being_listed(
    directory: Slapd, target: DirectoryTarget
) -> None:
    given = target.grant(grant(), still_due)
    with directory.admin() as dba:
        for number, text in enumerate(("no note", "[]", "{}", '{"permissions": 1, "had": 1, "ends_at": 1}')):
            dba.add(f"cn=jit-odd-{number},ou=jit,{ROOT}", ["applicationProcess"], {"description": text})
    assert target.list_grants() == [given]


def test_more_grants_than_the_server_lists_at_once_are_all_known_and_end(
    directory: Slapd, target: DirectoryTarget
) -> None:
    """One search too large would have kept every end from being proven."""
    ids = [f"R-7F{number:03}" for number in range(LISTED)] + [f"R-8F{number:03}" for number in range(LISTED)]
    with directory.admin() as dba:
        for request_id in [*ids, "R-7F00"]:
            note = Note(request_id, "eve", person_of("eve"), ("orders-write",), ENDS_AT)
            entry = f"cn=jit-{request_id.lower()},ou=jit,{ROOT}"
            dba.add(entry, ["applicationProcess"], {"description": note.write()})
    directory.change("orders-write", ldap3.MODIFY_ADD, "eve")
    target.grant(grant(), still_due)
    assert {held.request_id for held in target.list_grants()} == {*ids, "R-7F00", "R-7F3K"}
    assert target.revoke("R-7F3K", "alice").existed


def test_a_group_that_was_renamed_is_access_that_remains(directory: Slapd, target: DirectoryTarget) -> None:
    held = target.grant(grant(), still_due)
    with directory.admin() as dba:
        dba.modify_dn(group_of("orders-read"), "cn=orders-look")
        try:
            with pytest.raises(TargetRefused, match=r"access remains: .* cn=orders-look,"):
                target.revoke("R-7F3K", "alice")
            assert target.list_grants() == [held]
        finally:
            dba.modify_dn(group_of("orders-look"), "cn=orders-read")
    assert target.revoke("R-7F3K", "alice").existed
    assert directory.members("orders-read") == {"ou=jit"}


def test_a_group_that_was_deleted_keeps_no_end_from_being_proven(directory: Slapd, target: DirectoryTarget) -> None:
    with directory.admin() as dba:
        dba.add(group_of("short-lived"), ["groupOfNames"], {"member": NOBODY})
        target.grant(grant("short-lived"), still_due)
        dba.delete(group_of("short-lived"))
    assert target.revoke("R-7F3K", "alice").existed
    assert (target.held("R-7F3K"), target.list_grants()) == (None, [])


def test_a_login_that_may_not_write_is_told_what_it_lacks(directory: Slapd) -> None:
    with directory.admin() as dba:
        dba.add(f"cn=reader,{ROOT}", ["simpleSecurityObject", "organizationalRole"], {"userPassword": PASSWORD})
    reader = opened(directory, bind_dn=f"cn=reader,{ROOT}")
    try:
        (found, *_) = reader.check()
        assert (found.ok, found.remedy) == (False, f"Make ou=jit,{ROOT}, and let the worker write below it")
        with pytest.raises(TargetRefused):
            reader.list_grants()
    finally:
        with directory.admin() as dba:
            dba.delete(f"cn=reader,{ROOT}")


def test_a_wrong_password_is_refused_and_not_told(directory: Slapd) -> None:
    with pytest.raises(TargetRefused, match=r"directory: the directory refuses \(invalidCredentials\)") as said:
        opened(directory, password="swordfish").list_grants()
    assert "swordfish" not in str(said.value)


def test_settings_that_cannot_be_used_are_refused_one_by_one(directory: Slapd) -> None:
    for key, value in (
        ("url", "https://directory.example"),
        ("groups", "not a name"),
        ("member", "memberUid"),
        ("person", "uid)(cn=*"),
    ):
        with pytest.raises(ValidationError, match=f"1 validation error for Settings\n{key}"):
            Settings(**directory.settings() | {key: value})


def test_a_password_goes_over_a_network_only_encrypted_and_to_whom_it_is_for(
    directory: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap, "LOOPBACK", ())
    here = {"url": directory.url.replace("127.0.0.1", "localhost"), "ca_file": str(directory.certificate)}
    bind = ldap3.Connection.bind
    with monkeypatch.context() as looking:

        def bound(conn: ldap3.Connection, *how: object) -> object:
            assert conn.tls_started
            return bind(conn, *how)

        looking.setattr(ldap3.Connection, "bind", bound)
        assert opened(directory, **here).list_grants() == []
    monkeypatch.setattr(ldap3.Connection, "bind", lambda *_: pytest.fail("the password was sent"))
    for wrong in ({"url": directory.url, "ca_file": here["ca_file"]}, {"url": here["url"]}):  # another name, unknown
        with pytest.raises(TargetUnreachable):
            opened(directory, **wrong).list_grants()


@pytest.fixture
def house(tmp_path: Path, target: DirectoryTarget) -> Hands:
    house = Hands(tmp_path, rules=RULES.replace("[orders_read]", "[orders-read]"))
    house.targets["orders-db"] = target
    return house


def test_the_story_in_a_directory(house: Hands, directory: Slapd) -> None:
    """Approved, given by a worker, recorded; over, taken by the timekeeper, recorded."""
    directory.change("orders-read", ldap3.MODIFY_ADD, "eve")
    house.active(minutes=30)
    assert house.request().state is State.ACTIVE
    assert directory.members("orders-read") == {"uid=alice", "uid=eve", "ou=jit"}
    house.clock.move(minutes=29)
    house.timekeeper.sweep()
    assert "uid=alice" in directory.members("orders-read")
    house.clock.move(minutes=1)
    house.timekeeper.sweep()
    assert directory.members("orders-read") == {"uid=eve", "ou=jit"}
    assert house.kinds()[-4:] == ["grant.intent", "granted", "revoke.intent", "ended"]
    assert house.request().state is State.ENDED


def test_somebody_who_was_in_the_group_before_is_recorded_so_and_stays(house: Hands, directory: Slapd) -> None:
    directory.change("orders-read", ldap3.MODIFY_ADD, "alice")
    house.active(minutes=30)
    (intent,) = house.facts("grant.intent")
    assert intent.held_before == ("orders-read",)
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED
    assert "uid=alice" in directory.members("orders-read")


def test_a_timekeeper_that_never_saw_the_ledger_ends_it_by_the_entry(house: Hands, directory: Slapd) -> None:
    house.active(minutes=30)
    house.ledger.cut = True
    fresh = house.make_timekeeper("another")
    fresh.sweep()
    assert "uid=alice" in directory.members("orders-read")
    house.clock.move(minutes=31)
    for _ in range(3):
        fresh.sweep()
        house.clock.move(seconds=3)
    assert directory.members("orders-read") == {"ou=jit"}


def test_a_grant_in_the_name_of_somebody_unknown_fails_with_the_reason(house: Hands, directory: Slapd) -> None:
    with directory.admin() as dba:
        dba.modify_dn(person_of("alice"), "uid=alice2")
    try:
        house.active(minutes=30)
        request = house.request()
        assert (request.state, request.closed_because) == (
            State.FAILED,
            "directory: there is not one person called 'alice'",
        )
    finally:
        with directory.admin() as dba:
            dba.modify_dn(person_of("alice2"), "uid=alice")


def test_what_is_done_by_hand_in_a_directory_is_found_and_a_membership_taken_away(
    tmp_path: Path, directory: Slapd, target: DirectoryTarget
) -> None:
    rules = RULES.replace(
        "orders-db: {kind: fake}", "orders-db: {kind: fake, reconcile: {every: 1h, on_drift: remove}}"
    )
    house = Hands(tmp_path, rules=rules.replace("[orders_read]", f"[{GROUPS[0]}]"))
    house.targets["orders-db"] = target
    reconciler = house.make_reconciler()

    def news() -> list[tuple[str, str]]:
        known = {each for fact in house.facts("reconciled")[-1:] for each in fact.known}
        while (comparison := reconciler.look("orders-db")) is None:
            house.clock.move(seconds=SETTLES.total_seconds())
        return [(each.kind.value, each.principal) for each in comparison.differs if each.id not in known]

    house.active("R-TEST")
    assert news() == []
    directory.change(GROUPS[0], ldap3.MODIFY_ADD, "eve")
    assert news() == [("ungranted", "eve")]
    assert directory.members(GROUPS[0]) >= {"uid=alice"}
    assert "uid=eve" not in directory.members(GROUPS[0])
    assert [fact.outcome for fact in house.facts("removed")] == ["gone"]
    directory.change(GROUPS[0], ldap3.MODIFY_DELETE, "alice")
    assert news() == [("vanished", "alice")]
