"""The rules of the stage, tested as rules."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.main import refuse_other_parts
from demo.rules import CHANNELS, ENGINEERS, REPORTS, lay_out, report
from jit.people.person import Groups
from jit.policy import load_policy
from jit.runtime.settings import CannotStart
from tests.world.product import POLICIES

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
ALICE, BOB, EVE = "U01ALICE0", "U02BOB000", "U04EVE000"
GROUPS = Groups(NOW, {"S0ENGIN01": frozenset({ALICE, BOB, EVE}), "S0AUDIT01": frozenset({BOB})})


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return load_policy(lay_out(tmp_path_factory.mktemp("rules"), POLICIES))


def test_short_accesses_last_no_longer_than_a_minute_or_two(policy):
    longest = {name: policy.accesses[name].max_duration for name in ("orders-db/look", "orders-db/fix")}
    assert longest == {"orders-db/look": timedelta(minutes=1), "orders-db/fix": timedelta(minutes=2)}


def test_eve_is_denied_what_others_may_ask_for(policy):
    customers = policy.accesses["orders-db/customers"]
    assert [policy.may_ask(customers, person, GROUPS, NOW) for person in (ALICE, EVE)] == [True, False]


def test_nobody_could_approve_the_books(policy):
    books = policy.accesses["orders-db/books"]
    assert [policy.may_ask(books, person, GROUPS, NOW) for person in (ALICE, BOB)] == [False, True]
    assert not policy.decidable(books.rules[0], BOB, GROUPS, NOW)


def test_the_crowd_may_ask_for_every_report_in_channels_of_its_own(policy):
    reports = [policy.accesses[report(number)] for number in range(REPORTS)]
    assert all(policy.may_ask(one, person, GROUPS, NOW) for one in reports for person in ENGINEERS)
    assert {one.channel for one in reports} == set(CHANNELS)
    assert not any(policy.may_ask(reports[0], person, GROUPS, NOW) for person in (ALICE, BOB, EVE))
    assert len({policy.principal(person, "orders-db") for person in ENGINEERS}) == len(ENGINEERS)


def test_the_demo_names_what_must_be_unset_and_no_value(policy):
    refuse_other_parts({"PATH": "/bin", "REDIS_URL": ""}, policy)
    with pytest.raises(CannotStart) as refused:
        refuse_other_parts({"REDIS_URL": "redis://secret@x", "ORDERS_DB_ADMIN_DSN": "postgresql://secret@y"}, policy)
    assert "ORDERS_DB_ADMIN_DSN and REDIS_URL are set" in str(refused.value)
    assert "secret" not in str(refused.value)
