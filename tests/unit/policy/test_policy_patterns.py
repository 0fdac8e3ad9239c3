import re

from jit.policy.patterns import why_unsafe


def test_ordinary_patterns_are_let_in():
    for pattern in (
        r"(INC|CHG)-\d+",
        r"INC-\d{1,6}",
        r"[A-Z]{2,5}-[0-9]+",
        r"(?:INC|CHG|REQ)?-?\d+",
        r"https?://tickets\.example/[A-Z]+-\d+",
        r"[]a)(*]+x",
        r"\(\d+\)",
        r"(INC){2}-\d+",
        r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}",
        r"[a-z]{2,100}",
    ):
        assert why_unsafe(pattern) is None, pattern


def test_patterns_that_could_run_away_are_not():
    for pattern, reason in (
        (r"(a+)+b", "repeated group"),
        (r"(a|a)*b", "repeated group"),
        (r"((a|a)){30}b", "repeated group"),
        (r"(?:(?:a?)x){9}", "repeated group"),
        (r"(a|b){1,9}", "repeated group"),
        ("a?" * 20 + "a" * 20, "repeats"),
        ("a*" * 6 + "b", "repeats"),
        ("(a|a)" * 30 + "b", "alternatives"),
        (r"(a)\1", "back-reference"),
        (r"(?=a)a", r"only \(\?:"),
        (r"(?i)inc", r"only \(\?:"),
        (r"(?P<x>a)(?P=x)", r"only \(\?:"),
        ("INC-[", "does not compile"),
        ("a{99999999999999}", "does not compile"),
        (r"(?:$){4000000000}", "repeats something 4,000,000,000 times"),
        (r"INC(?:\b){101}-1", "101 times"),
        (r"a{3,4000000000}", "4,000,000,000 times"),
        (r"(?:(?:(?:\b){90}){90}){90}a", "8,100 times"),
        (r"(?:(?:$){100}){2,3}", "300 times"),
        (r"\d*", "empty text"),
        ("", "empty text"),
        ("ÍNC-1", "ASCII"),
        ("x" * 201, "200 characters"),
    ):
        assert re.search(reason, why_unsafe(pattern) or ""), pattern
