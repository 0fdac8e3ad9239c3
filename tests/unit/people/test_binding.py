import pytest

from jit.people.binding import Bindings, Bound, BoundTwice, Named

ALICE, BOB = "U01ALICE0", "U02BOB000"
PEOPLE = {ALICE: {"postgres": "alice", "pagerduty": "PT23IWX"}, BOB: {"pagerduty": "PXPGF42"}}
EMAILS = {ALICE: "alice@example.com", BOB: "Bob@Example.com"}


def test_people_are_bound_by_what_the_policy_calls_them_there() -> None:
    bindings = Bindings(PEOPLE, EMAILS)
    named = [Named("PT23IWX"), Named("PXPGF42"), Named("PT23IWX")]
    assert bindings.bind("pagerduty", named, by_email=False) == Bound(frozenset({ALICE, BOB}), 0)


def test_a_name_of_another_kind_binds_nobody() -> None:
    assert Bindings(PEOPLE).bind("pagerduty", [Named("alice")], by_email=False) == Bound(frozenset(), 1)
    assert Bindings(PEOPLE).bind("incident_io", [Named("PT23IWX")], by_email=False) == Bound(frozenset(), 1)


def test_who_is_unbound_is_counted_once() -> None:
    named = [Named("P00NOBODY"), Named("P00NOBODY"), Named("P11NOBODY"), Named("PT23IWX")]
    assert Bindings(PEOPLE).bind("pagerduty", named, by_email=False) == Bound(frozenset({ALICE}), 2)


def test_an_email_binds_only_where_the_policy_says_so() -> None:
    named = [Named("P00NOBODY", "ALICE@example.com")]
    assert Bindings(PEOPLE, EMAILS).bind("pagerduty", named, by_email=False) == Bound(frozenset(), 1)
    assert Bindings(PEOPLE, EMAILS).bind("pagerduty", named, by_email=True) == Bound(frozenset({ALICE}), 0)


def test_what_the_policy_says_counts_more_than_an_email() -> None:
    named = [Named("PXPGF42", "alice@example.com")]
    assert Bindings(PEOPLE, EMAILS).bind("pagerduty", named, by_email=True) == Bound(frozenset({BOB}), 0)


def test_an_empty_email_is_nobodys() -> None:
    assert Bindings({}, {ALICE: ""}).bind("pagerduty", [Named("P00NOBODY")], by_email=True) == Bound(frozenset(), 1)


@pytest.mark.parametrize(
    ("bindings", "named"),
    [
        (Bindings({ALICE: {"pagerduty": "PT23IWX"}, BOB: {"pagerduty": "PT23IWX"}}), Named("PT23IWX")),
        (Bindings({}, {ALICE: "ops@example.com", BOB: "Ops@example.com"}), Named("P00", "ops@example.com")),
    ],
)
def test_who_is_bound_twice_is_nobody_in_particular(bindings: Bindings, named: Named) -> None:
    with pytest.raises(BoundTwice):
        bindings.bind("pagerduty", [named], by_email=True)


def test_letter_case_and_blanks_count_unless_names_are_loose() -> None:
    bindings = Bindings({ALICE: {"icalendar": "Alice Miller"}})
    named = [Named(" alice   MILLER ")]
    assert bindings.bind("icalendar", named, by_email=False) == Bound(frozenset(), 1)
    assert bindings.bind("icalendar", named, by_email=False, loosely=True) == Bound(frozenset({ALICE}), 0)


def test_two_names_that_are_alike_when_loose_are_ambiguous() -> None:
    bindings = Bindings({ALICE: {"icalendar": "alice"}, BOB: {"icalendar": "Alice"}})
    with pytest.raises(BoundTwice):
        bindings.bind("icalendar", [Named("ALICE")], by_email=False, loosely=True)
