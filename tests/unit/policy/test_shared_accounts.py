"""Accounts that people share, and names in targets that are too much alike."""

import pytest

from tests.unit.policy.test_policy_load import GOOD, edited

SHARED = "is listed under shared"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("dba: [U02BOB000", "dba: [U0SHARED1, U02BOB000", "groups.dba[0]"),
        ("request: [group:engineering]", "request: [U0SHARED1]", "request[0]"),
        ("security: [group:security]", "security: [U0SHARED1]", "security[0]"),
        ("{from: [group:dba]}", "{from: [U0SHARED1, group:dba]}", "from[0]"),
        ("  U01ALICE0: {postgres: alice}", "  U0SHARED1: {postgres: team}", "people.U0SHARED1"),
    ],
)
def test_a_shared_account_that_the_rules_name_is_a_mistake_with_its_line(tmp_path, old, new, line):
    assert old in GOOD
    found = edited(tmp_path, GOOD, "shared: [U0SHARED1]\n" + GOOD.replace(old, new, 1))
    assert [said for said in found if SHARED in said and line in said], found


def test_a_shared_account_may_be_denied_and_mentioned(tmp_path):
    text = GOOD.replace("notify: [group:security]", "notify: [U0SHARED1]")
    text = text.replace("    request: [", "    deny: [U0SHARED1]\n    request: [", 1) + "\nshared: [group:dba]\n"
    found = edited(tmp_path, GOOD, text)
    assert not any(SHARED in said for said in found)
    assert any("shared[0]: must be a Slack member id" in said for said in found)


@pytest.mark.parametrize("name", ["Alice", "alice ", " ALICE", "\N{FULLWIDTH LATIN SMALL LETTER A}lice"])
def test_names_that_differ_in_letter_case_or_blanks_alone_are_refused(tmp_path, name):
    found = edited(tmp_path, "{postgres: bob}", f"{{postgres: '{name}'}}")
    assert any("is U01ALICE0 already, but for letter case or blanks" in said for said in found), found


@pytest.mark.parametrize("mark", ["\ufe0f", "\u034f", "\u3164", "\uffa0", "\u180b", "\U000e0101"])
def test_names_that_differ_by_a_mark_that_shows_nothing_are_refused(tmp_path, mark):
    """Directories leave it out when they compare: two people would share an account there."""
    found = edited(tmp_path, "{postgres: bob}", f"{{postgres: 'al{mark}ice'}}")
    assert any("is U01ALICE0 already" in said for said in found), found
