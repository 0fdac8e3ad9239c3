from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jit.durations import LONGEST, BadDuration, compact, parse_duration, say_duration
from tests.world.raised import raised


def test_what_people_write():
    for text, minutes in (
        ("90m", 90),
        ("2h", 120),
        ("1h30m", 90),
        ("1d", 1440),
        ("1D2h3M", 1563),
        (" 30m\n", 30),
        ("60s", 1),
    ):
        assert parse_duration(text) == timedelta(minutes=minutes), text


def test_everything_else_is_refused_with_what_to_type():
    for text in (
        *("", " ", "0", "0m", "0h0m", "-1h", "+1h", "1.5m", "1,5h", "abc", "30", "m", "30 m", "30min", "30m1h"),
        *("1h1h", "1e3m", "\u0663\u0660m", "\uff130m", "1h\x0030m", "½h", "1" * 5_000 + "m", "99999999999m", "1w"),
    ):
        assert "Write a duration like 30m, 2h or 1h30m" in str(raised(BadDuration, parse_duration, text)), text[:20]


def test_too_long_is_said():
    for text in ("366d", "365d1s", "99999999d99999999h"):
        assert "too long: write 365d or less" in str(raised(BadDuration, parse_duration, text)), text


def test_the_longest_is_accepted():
    assert parse_duration("365d") == LONGEST


def test_how_a_duration_is_said():
    for seconds, said, typed in (
        (1800, "30 min", "30m"),
        (5400, "1 h 30 min", "1h30m"),
        (45, "45 s", "45s"),
        (90061, "1 d 1 h 1 min 1 s", "1d1h1m1s"),
        (7200, "2 h", "2h"),
        (0, "0 s", "0s"),
        (-5, "0 s", "0s"),
        (0.9, "0 s", "0s"),
    ):
        length = timedelta(seconds=seconds)
        assert (say_duration(length), compact(length)) == (said, typed), seconds


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_what_is_written_compactly_reads_back(seconds):
    length = timedelta(seconds=seconds)
    assert parse_duration(compact(length)) == length


@given(st.one_of(st.text(), st.from_regex(r"[0-9dhmsDHMS\u0663 .-]{0,12}", fullmatch=True)))
def test_no_text_breaks_it(text):
    try:
        length = parse_duration(text)
    except BadDuration:
        return
    assert timedelta(0) < length <= LONGEST
    assert parse_duration(compact(length)) == length
