"""The e-mail seen first, and what becomes of one that changes."""

from dataclasses import replace

from jit.facts import PersonRebound, Source
from jit.ledger.of_people import rebound_email
from jit.people.person import Person
from jit.policy.model import Channels
from jit.policy.policy import Policy
from jit.requests.accounts import one_of_each
from jit.testing import T0, InMemoryLedger

BOB = Person(id="U02BOB000", team="T0JIT0001", name="Bob", email="bob@example.com")
POLICY = Policy(version="", channels=Channels("C", "C"), accesses={}, targets={})


def test_the_first_email_is_kept_and_another_is_a_change():
    first = BOB.seen_after(None)
    assert (first.first_email, first.email_changed) == ("bob@example.com", False)
    moved = replace(BOB, email="mallory@example.com").seen_after(first)
    assert (moved.first_email, moved.email_changed) == ("bob@example.com", True)


def test_an_email_that_is_hidden_after_it_changed_stays_changed():
    moved = replace(BOB, email="mallory@example.com").seen_after(BOB.seen_after(None))
    assert replace(BOB, email="").seen_after(moved).email_changed


def test_one_that_slack_tells_later_is_the_first():
    unknown = replace(BOB, email="").seen_after(None)
    assert not unknown.email_changed
    assert BOB.seen_after(unknown).first_email == "bob@example.com"


def test_plus_addresses_are_addresses_of_their_own():
    """What stands behind a plus is the mail server's to read."""
    assert not replace(BOB, id="U0OTHER01", email="bob+two@example.com").is_also(BOB)
    assert replace(BOB, id="U0OTHER01", email="BOB@example.com").is_also(BOB)


def test_people_without_an_email_are_different_people():
    nobody, other = (Person(id=each, team="T0JIT0001", name="x") for each in ("U0ONE0001", "U0TWO0001"))
    assert one_of_each([nobody, other], BOB, POLICY) == [nobody, other]


def test_no_email_stands_in_what_is_printed_of_a_person():
    assert "example.com" not in repr(BOB.seen_after(None))


def test_what_security_said_last_counts():
    ledger = InMemoryLedger()
    for email in ("one@example.com", "two@example.com"):
        ledger.append(
            [
                PersonRebound(
                    at=T0,
                    actor="cli:carol@host1",
                    source=Source.CLI,
                    requester=BOB.id,
                    email=email,
                    reason="HR knows",
                )
            ]
        )
    assert rebound_email(ledger, BOB.id) == "two@example.com"
    assert rebound_email(ledger, "U0OTHER01") == ""
