"""Groups read from a real directory (slapd): who is in them, and what is not known of them."""

import socket
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import ldap3
import pytest
from pydantic import SecretStr

from jit.people.answers import Because
from jit.people.binding import Bindings
from jit.people.directory import Members, NotKnown, ldap
from jit.people.directory.ldap import open_directory
from jit.people.directory.poller import DirectoryPoller, Rules
from jit.people.directory.settings import DirectoryForm
from jit.testing import ALICE, BOB, EVE, ManualClock
from tests.world.slapd import LISTED, PASSWORD, ROOT, WORKER, group_of, person_of, slapd
from tests.world.waiting import HUNG

pytestmark = pytest.mark.real

PEOPLE = {ALICE: {"ldap": "alice"}, EVE: {"ldap": "Eve"}, BOB: {"fake": "bob"}}


@pytest.fixture(scope="module")
def server():
    with slapd() as made:
        yield made


class Read:
    """A poller, and what it is told of the policy."""

    def __init__(self, server, **form):
        self.clock = ManualClock()
        self.server = server
        self.form = {
            "kind": "ldap",
            "url": server.url,
            "bind_dn": WORKER,
            "password": "env:LDAP_PASSWORD",
            "base": ROOT,
            "groups": {"readers": group_of("orders-read")},
        } | form
        self.password = PASSWORD
        self.people = PEOPLE
        self.emails = {}
        self.kept = []
        self.poller = DirectoryPoller(
            lambda: Rules(DirectoryForm.model_validate(self.form), Bindings(self.people, self.emails)),
            lambda _: SecretStr(self.password),
            self.clock,
            open_directory=open_directory,
            keep=self.kept.append,
        )

    def who(self, group="readers"):
        self.poller.poll()
        return self.poller.snapshot().who(group, self.clock.now())

    def reason(self, group="readers"):
        told = self.who(group)
        assert isinstance(told, NotKnown), told
        return told.reason


@pytest.fixture
def read(server):
    server.clear()
    return Read(server)


@contextmanager
def group(server, name, members, kind="groupOfNames", **more):
    """Below the groups, for as long as the block lasts."""
    with server.admin() as conn:
        conn.add(group_of(name), [kind], ({"member": members} if members else {}) | more)
        try:
            yield group_of(name)
        finally:
            conn.delete(group_of(name))


@contextmanager
def stranger(says, *, again):
    """Somebody who takes a connection and says this, once or for as long as anybody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk():
            with suppress(OSError):
                taken, _ = listening.accept()
                with taken:
                    taken.sendall(says)
                    while again:
                        taken.sendall(b"x" * 1000)
                    while taken.recv(1000):
                        pass

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        yield f"ldap://127.0.0.1:{listening.getsockname()[1]}"
    talking.join(HUNG)


def test_members_are_those_whom_the_policy_binds_and_the_others_are_nobody(read):
    for name in ("alice", "eve", "o'brien"):
        read.server.change("orders-read", ldap3.MODIFY_ADD, name)
    told = read.who()
    assert isinstance(told, Members)
    assert told.people == {ALICE, EVE}
    assert told.unbound == 2  # o'brien, and what stands in the place of nobody
    assert told.entry == group_of("orders-read")
    assert read.kept[-1] == read.poller.snapshot()


def test_who_is_taken_out_is_out_at_the_next_look(read):
    read.server.change("orders-read", ldap3.MODIFY_ADD, "alice")
    assert read.who().people == {ALICE}
    read.server.change("orders-read", ldap3.MODIFY_DELETE, "alice")
    read.clock.move(seconds=10)
    assert read.who().people == frozenset()


def test_groups_within_groups_are_gone_through_and_rings_end(read):
    with (
        group(read.server, r"inner\, deep", [person_of("alice")]) as inner,
        group(read.server, "middle", [inner, person_of("eve")]) as middle,
    ):
        read.form["groups"] = {"readers": group_of("outer")}
        with group(read.server, "outer", [middle]), read.server.admin() as conn:
            conn.modify(inner, {"member": [(ldap3.MODIFY_ADD, [group_of("outer")])]})
            told = read.who()
    assert (told.people, told.unbound) == ({ALICE, EVE}, 0)


def test_groups_deeper_than_the_policy_says_make_the_group_unknown(read):
    read.form |= {"nested": 1, "groups": {"readers": group_of("outer"), "inner": group_of("inner")}}
    with (
        group(read.server, "inner", [person_of("alice")]) as inner,
        group(read.server, "middle", [inner]) as middle,
        group(read.server, "outer", [middle]),
    ):
        assert read.reason() is Because.TOO_DEEP
        assert read.who("inner").people == {ALICE}


def test_a_group_that_was_deleted_is_empty_and_said(read):
    read.form["groups"] = {"readers": group_of("gone")}
    told = read.who()
    assert (told.people, told.gone) == (frozenset(), True)


def test_a_base_that_is_not_there_makes_every_group_unknown(read):
    read.form["base"] = "ou=nowhere," + ROOT
    assert read.reason() is Because.NOT_THERE


def test_members_outside_the_base_make_the_group_unknown(read):
    read.form["base"] = "ou=people," + ROOT
    assert read.reason() is Because.OUTSIDE


def test_a_group_whose_members_are_hidden_is_not_empty(read):
    with read.server.admin() as conn:
        conn.add(f"cn=secret,ou=jit,{ROOT}", ["groupOfNames"], {"member": person_of("alice")})
    read.form["groups"] = {"readers": f"cn=secret,ou=jit,{ROOT}"}
    assert read.who().people == {ALICE}
    read.form["bind_dn"] = f"cn=blind,{ROOT}"
    with read.server.admin() as conn:
        conn.add(f"cn=blind,{ROOT}", ["simpleSecurityObject", "organizationalRole"], {"userPassword": PASSWORD})
    assert read.reason() is Because.NOT_THERE  # it sees no base either: nothing says that the group is gone


def test_what_is_no_group_is_not_an_empty_one(read):
    read.form["groups"] = {"readers": person_of("alice")}
    assert read.reason() is Because.HIDDEN


def test_where_the_directory_sends_elsewhere_nobody_follows(read):
    """The group itself, or a part of where people are."""
    manage = [("2.16.840.1.113730.3.4.2", True, None)]
    for entry in (group_of("elsewhere"), f"cn=elsewhere,ou=people,{ROOT}"):
        with read.server.admin() as conn:
            conn.add(entry, ["referral", "extensibleObject"], {"cn": "elsewhere", "ref": "ldap://198.51.100.1/"})
            read.form["groups"] = {"readers": group_of("elsewhere" if "groups" in entry else "orders-read")}
            assert read.reason() is Because.REDIRECT, entry
            conn.delete(entry, controls=manage)


def test_who_says_nothing_or_nonsense_or_never_ends_is_no_answer(read, monkeypatch):
    monkeypatch.setattr(ldap, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(ldap, "LARGEST", 100_000)
    for says, again, because in (
        (b"", False, {Because.NO_ANSWER}),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, {Because.UNREADABLE, Because.NO_ANSWER}),
        (b"\x30\x84\x7f\xff\xff\xff", True, {Because.UNREACHABLE}),
    ):
        with stranger(says, again=again) as url:
            read.form["url"] = url
            assert read.reason() in because, says


def test_a_list_that_is_cut_short_makes_the_group_unknown(read):
    names = [f"many{number}" for number in range(LISTED + 1)]
    with read.server.admin() as conn:
        for number, name in enumerate(names):
            conn.add(f"uid={name},ou=people,{ROOT}", ["inetOrgPerson"], {"cn": "twin", "sn": str(number)})
    read.form |= {"person": "cn"}
    read.people = {ALICE: {"ldap": "twin"}}
    assert read.reason() is Because.CUT_SHORT
    with read.server.admin() as conn:
        for name in names:
            conn.delete(f"uid={name},ou=people,{ROOT}")


def test_a_name_that_two_entries_have_is_nobodys(read):
    with read.server.admin() as conn:
        twin = f"cn=twin,ou=people,{ROOT}"
        conn.add(twin, ["inetOrgPerson"], {"sn": "twin", "uid": "alice"})
        read.server.change("orders-read", ldap3.MODIFY_ADD, "alice")
        assert read.reason() is Because.BOUND_TWICE
        assert ALICE not in read.poller.snapshot().found
        conn.delete(twin)


def test_disabled_accounts_are_told_and_stay_so_while_the_directory_is_silent(read):
    read.form["disabled"] = "(title=disabled)"
    with read.server.admin() as conn:
        conn.modify(person_of("eve"), {"title": [(ldap3.MODIFY_REPLACE, ["disabled"])]})
        read.who()
        assert read.poller.snapshot().disabled == {EVE}
        read.password = "wrong"
        assert read.reason() is Because.REFUSED
        assert read.poller.snapshot().disabled == {EVE}
        read.password = PASSWORD
        conn.modify(person_of("eve"), {"title": [(ldap3.MODIFY_DELETE, [])]})
        read.who()
        assert read.poller.snapshot().disabled == frozenset()


def test_a_login_that_is_refused_is_left_alone_for_a_minute(read):
    read.password = "wrong"
    assert read.poller.poll() == timedelta(minutes=1)
    assert read.reason() is Because.REFUSED


def test_an_empty_password_which_lets_in_anybody_is_none(read):
    read.password = ""
    assert read.reason() is Because.NO_CREDENTIAL
    read.password = " "
    assert read.reason() is Because.REFUSED


def test_groups_of_posix_list_names(read):
    read.form |= {"member": "memberUid", "groups": {"readers": group_of("posix")}}
    with read.server.admin() as conn:
        names = ["alice", "nobody"]
        conn.add(group_of("posix"), ["posixGroup"], {"gidNumber": 7, "memberUid": names})
        told = read.who()
        conn.delete(group_of("posix"))
    assert (told.people, told.unbound) == ({ALICE}, 1)


def test_a_mail_binds_only_where_the_policy_says_so(read):
    read.emails = {BOB: "O.Brien@example.org"}
    read.server.change("orders-read", ldap3.MODIFY_ADD, "o'brien")
    with read.server.admin() as conn:
        conn.modify(person_of("o'brien"), {"mail": [(ldap3.MODIFY_REPLACE, ["o.brien@example.org"])]})
    assert read.who().people == frozenset()
    read.form["by_email"] = True
    assert read.who().people == {BOB}


def test_no_password_goes_to_whom_nobody_vouches_for(read):
    read.form["url"] = read.server.url.replace("127.0.0.1", "127.1")  # which nobody calls this machine
    assert read.reason() is Because.UNTRUSTED
    read.form["ca_file"] = str(read.server.certificate)
    assert read.reason() is Because.UNTRUSTED  # it is that of localhost
    read.form["plain"] = True
    assert isinstance(read.who(), Members)


def test_it_speaks_tls_with_whom_the_policy_s_authority_vouches_for(read, monkeypatch):
    monkeypatch.setattr(DirectoryForm, "encrypts", True)
    read.form |= {"url": read.server.url.replace("127.0.0.1", "localhost"), "ca_file": str(read.server.certificate)}
    assert isinstance(read.who(), Members)


def test_who_is_killed_leaves_what_is_fresh_and_then_nothing():
    with slapd() as server:
        read = Read(server)
        read.server.change("orders-read", ldap3.MODIFY_ADD, "alice")
        assert read.who().people == {ALICE}
    read.clock.move(seconds=20)
    assert read.who().people == {ALICE}
    read.clock.move(seconds=20)
    assert read.reason() is Because.UNREACHABLE
