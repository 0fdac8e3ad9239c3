"""What people are shown of a pattern: something that it accepts."""

from dataclasses import replace

from jit.policy.incident_example import example_of
from jit.policy.incidents import accepts, require_pattern
from jit.requests.intake import incident_wanted
from tests.unit.bot.test_bot_forms import access

MADE = {
    r"(INC|CHG)-\d+": "INC-4711",
    r"INC-[0-9]+": "INC-4711",
    r"INC-\d{5,}": "INC-47114",
    r"^INC-\d{1,2}$": "INC-47",
    r"(?:PD|IO)[A-Z0-9]{6}": "PDABCDEF",
    r"(?P<kind>INC|CHG)-(\d{2}){2}": "INC-4747",
    r"(?i)inc[-_]?\d+": "inc4711",
    r"#?\d+": "4711",
    r"\w+\.\d{3}": "ABCD.471",
    r"[^]a-z]x*[\]]": "A]",
    r"INC-\d+?": "INC-4711",
}
NONE = (r"\pN+", r"\Qa.b\E", r"[[:digit:]]x{99}{9}", r"a{101}", r"\x41{200}|", r"(?:a|b", "[")


def test_an_example_is_what_the_pattern_accepts() -> None:
    for pattern, example in MADE.items():
        assert require_pattern(pattern) == pattern
        assert example_of(pattern) == example, pattern
        assert accepts(pattern, example), pattern


def test_where_none_can_be_made_there_is_none() -> None:
    for pattern in NONE:
        assert example_of(pattern) is None or accepts(pattern, example_of(pattern) or ""), pattern
    assert example_of("a{101}") is None


def test_what_the_rule_gives_comes_first_and_else_words() -> None:
    admin = access("orders-db/admin", incident=r"(INC|CHG)-\d+")
    assert incident_wanted(admin) == "an incident or ticket like INC-4711"
    assert incident_wanted(replace(admin, incident_example="CHG-42")) == "an incident or ticket like CHG-42"
    assert incident_wanted(replace(admin, incident=r"a{101}")) == "an incident or ticket id"
