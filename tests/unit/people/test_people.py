from datetime import UTC, datetime, timedelta

from jit.clock import SKEW_LIMIT
from jit.people.person import GROUPS_FRESH_FOR, NO_GROUPS, Groups, Person, Standing

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def test_a_snapshot_is_fresh_neither_when_old_nor_when_from_the_future():
    for age, fresh in (
        (timedelta(0), True),
        (GROUPS_FRESH_FOR, True),
        (GROUPS_FRESH_FOR + INSTANT, False),
        (-SKEW_LIMIT, True),
        (-SKEW_LIMIT - INSTANT, False),
        (-timedelta(days=365), False),
    ):
        assert Groups(as_of=NOW - age).fresh(NOW) is fresh, age


def test_before_the_first_snapshot_nothing_is_fresh():
    assert not NO_GROUPS.fresh(NOW)


def test_only_a_full_member_is_in_good_standing():
    for how, standing in (
        ({}, Standing.GOOD),
        ({"deleted": True}, Standing.DELETED),
        ({"bot": True}, Standing.BOT),
        ({"external": True}, Standing.EXTERNAL),
        ({"team": "T0OTHER01"}, Standing.EXTERNAL),
        ({"guest": True}, Standing.GUEST),
        ({"deleted": True, "guest": True, "external": True}, Standing.DELETED),
    ):
        person = Person(**({"id": "U01ALICE0", "team": "T0TEST001", "name": "Alice"} | how))
        assert person.standing("T0TEST001") is standing, how


def test_nobody_is_in_good_standing_before_the_workspace_is_known():
    assert Person(id="U01ALICE0", team="", name="Alice").standing("") is Standing.UNKNOWN
