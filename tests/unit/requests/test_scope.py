"""What is locked down is what was named whole, wherever it stands; what is nearly a name is offered."""

from jit.people.person import Person
from jit.requests.scope import Known, What, read_lift, read_scope

ALICE, ALINA = Person("U01ALICE0", "T", "Alice Smith", "alice"), Person("U06ALINA0", "T", "Alina", "alina")
KNOWN = Known([ALICE, ALINA], ["orders-db/read", "orders-db/write"], ["orders-db", "ledger-db"])
PERSON, READ, TARGET = What("person", ALICE.id), What("access", "orders-db/read"), What("target", "orders-db")
WHY = "reads what she should not"


def test_what_is_named_whole_is_meant() -> None:
    for typed, what, rest in (
        (f"@alice {WHY}", PERSON, WHY),
        (f"{WHY} @Alice", PERSON, WHY),
        (f"person alice {WHY}", PERSON, WHY),
        (f"{WHY} person @alice", PERSON, WHY),
        (f"<@U01ALICE0|alice> {WHY}", PERSON, WHY),
        (f"U01ALICE0 {WHY}", PERSON, WHY),
        ("@alice reads orders-db/read at night", PERSON, "reads orders-db/read at night"),
        (f"ORDERS-DB/read {WHY}", READ, WHY),
        (f"access orders-db/read {WHY}", READ, WHY),
        (f"orders-db: {WHY}", TARGET, WHY),
        (f"target orders-db {WHY}", TARGET, WHY),
        ("somebody in orders-db deletes rows", TARGET, "somebody in orders-db deletes rows"),
        (f"everything {WHY}", What("everything"), WHY),
        (f"{WHY} everything", What("everything"), WHY),
        ("orders-db everything is gone there", TARGET, "everything is gone there"),
        ("orders-db", TARGET, ""),
    ):
        found = read_scope(typed, KNOWN)
        assert (found.what, found.rest) == (what, rest), typed


def test_what_is_nearly_a_name_or_could_be_two_is_offered_and_never_taken() -> None:
    for typed, offered in (
        (f"ali {WHY}", ("person @alice", "person @alina")),
        (f"person ali {WHY}", ("person @alice", "person @alina")),
        (f"alice {WHY}", ("person @alice",)),
        (f"@alic {WHY}", ("person @alice",)),
        (f"orders {WHY}", ("access orders-db/read", "access orders-db/write", "target orders-db")),
        (f"access orders-db {WHY}", ("access orders-db/read", "access orders-db/write")),
        (f"everythin {WHY}", ("everything",)),
        ("somebody like @alice reads orders-db at night", ("person @alice", "target orders-db")),
        ("orders-db/* as @alice reads it", ("access orders-db/read", "person @alice")),
        ("orders-db/* is read by @alice", ("access orders-db/read", "person @alice")),
        ("orders-* orders-db", ("target orders-db",)),
        ("\u043erders-db since orders-db/read leaks", ("target orders-db", "access orders-db/read")),
        ("orders-db\u200b/read leaks to @alice", ("access orders-db/read", "person @alice")),
        ("@alise reads orders-db", ("person @alice", "target orders-db")),
        ("@nobody reads orders-db", ("target orders-db",)),
        ("alice deleted everything", ("person @alice", "everything")),
        ("@al\u0456ce deleted everything", ("person @alice", "everything")),
        (f"zzzz {WHY}", ()),
    ):
        found = read_scope(typed, KNOWN)
        assert found.what is None, typed
        assert set(offered) <= set(found.offered), (typed, found.offered)


def test_one_handle_of_two_is_nobodys() -> None:
    other = Person("U09ALICE9", "T", "Another", "alice")
    found = read_scope(f"@alice {WHY}", Known([ALICE, other], [], []))
    assert found.what is None
    assert set(found.offered) == {"person U01ALICE0", "person U09ALICE9"}


def test_a_lift_is_told_in_any_order() -> None:
    for typed, found in (
        ("lift L-7F3K it is over", ("L-7F3K", "it is over")),
        ("--lift l-7f3k it is over", ("L-7F3K", "it is over")),
        ("L-7F3K lift it is over", ("L-7F3K", "it is over")),
        ("it is over lift L-7F3K", ("L-7F3K", "it is over")),
        ("it is over L-7F3K lift", ("L-7F3K", "it is over")),
        ("lift", ("", "")),
        ("orders-db the lift is broken", None),
    ):
        assert read_lift(typed) == found, typed
