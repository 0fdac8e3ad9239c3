from datetime import UTC, datetime, timedelta

import pytest

from jit.clock import SKEW_LIMIT
from jit.people import GROUPS_FRESH_FOR, NO_GROUPS, Groups, Person, Standing

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(0), True),
        (GROUPS_FRESH_FOR, True),
        (GROUPS_FRESH_FOR + INSTANT, False),
        (-SKEW_LIMIT, True),
        (-SKEW_LIMIT - INSTANT, False),
        (-timedelta(days=365), False),
    ],
)
def test_a_snapshot_is_fresh_neither_when_old_nor_when_from_the_future(age, fresh):
    assert Groups(as_of=NOW - age).fresh(NOW) is fresh


def test_before_the_first_snapshot_nothing_is_fresh():
    assert not NO_GROUPS.fresh(NOW)


@pytest.mark.parametrize(
    ("how", "standing"),
    [
        ({}, Standing.GOOD),
        ({"deleted": True}, Standing.DELETED),
        ({"bot": True}, Standing.BOT),
        ({"external": True}, Standing.EXTERNAL),
        ({"team": "T0OTHER01"}, Standing.EXTERNAL),
        ({"guest": True}, Standing.GUEST),
        ({"deleted": True, "guest": True, "external": True}, Standing.DELETED),
    ],
)
def test_only_a_full_member_is_in_good_standing(how, standing):
    person = Person(**({"id": "U01ALICE0", "team": "T0TEST001", "name": "Alice"} | how))
    assert person.standing("T0TEST001") is standing


def test_nobody_is_in_good_standing_before_the_workspace_is_known():
    assert Person(id="U01ALICE0", team="", name="Alice").standing("") is Standing.UNKNOWN
