"""How incidents are written: an author's regular expression, matched against what strangers type."""

import pytest

from jit.policy.incidents import accepts, require_pattern

LONG = "a" * 100


@pytest.mark.parametrize(
    ("pattern", "incident"),
    [
        (r"(INC|CHG)-\d+", "CHG-12"),
        (r"INC-\d{1,6}", "INC-123456"),
        (r"[A-Z]{2,5}-[0-9]+", "ABC-1"),
        (r"(?:INC|CHG|REQ)?-?\d+", "7"),
        (r"https?://tickets\.example/[A-Z]+-\d+", "https://tickets.example/A-1"),
        (r"[]a)(*]+x", "])(*x"),
        (r"\(\d+\)", "(1)"),
        (r"(INC){2}-\d+", "INCINC-1"),
        (r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", "00:11:22:33:44:FF"),
        (r"(?i)inc-\d", "Inc-1"),
        (r"[a-z]{2,100}", LONG),
    ],
)
def test_a_pattern_is_matched_whole(pattern, incident):
    assert require_pattern(pattern) == pattern
    assert accepts(pattern, incident)
    assert not accepts(pattern, incident + "\n")
    assert not accepts(pattern, f"see {incident}")


@pytest.mark.parametrize(
    ("pattern", "incident"),
    [
        (r"(a+)+b", LONG),
        (r"(a|a)*b", LONG),
        (r"((a|a)){30}b", LONG),
        (r"(?:(?:a?)x){9}", LONG),
        ("a?" * 20 + "a" * 21, "a" * 20),
        ("a*" * 50 + "b", LONG),
        ("(a|a)" * 30 + "b", LONG),
        (r"(?:$){900}b", LONG),
        (r"INC(?:\b){999}-1", "INC-" + LONG[:90]),
    ],
)
def test_a_pattern_that_runs_away_by_backtracking_holds_nothing_up(pattern, incident):
    assert not accepts(require_pattern(pattern), incident)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a)\1", "refer back"),
        (r"(?=a)a", "look around"),
        (r"(?<!b)a", "look around"),
        (r"(?P<x>a)(?P=x)", "refer back"),
        ("INC-[", "cannot be used"),
        ("a++", "cannot be used"),
        (r"INC-\d+\Z", "cannot be used"),
        ("a{99999999999999}", "count in braces"),
        (r"(?:$){4000000000}", "count in braces"),
        (r"a{3,4000000000}", "count in braces"),
        (r"a{,5}b", "count in braces"),
        (r"(?:(?:(?:\b){90}){90}){90}a", "too big"),
        (r"(?:\pL|\pN|\pS){900}", "too big"),
        (r"\d*", "empty text"),
        (r"(?:(?:$){100}){2,3}", "empty text"),
        ("", "empty text"),
        ("ÍNC-1", "ASCII"),
        ("x" * 201, "200 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_a_sentence(pattern, reason):
    with pytest.raises(ValueError, match=reason):
        require_pattern(pattern)


def test_digits_are_ascii_and_an_incident_is_short():
    assert not accepts(r"INC-\d+", "INC-\u0663")
    assert not accepts(r".+", "\u212a")
    assert not accepts(r"a+", "a" * 101)


def test_what_is_wrong_with_a_pattern_is_told_to_its_author_alone(capfd):
    with pytest.raises(ValueError, match="cannot be used"):
        require_pattern("(?=secret)")
    assert capfd.readouterr() == ("", "")
