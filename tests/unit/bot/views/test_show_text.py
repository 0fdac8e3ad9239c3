from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from bot.views.text import escape, harmless, listed, moment, moment_to_the_second, quote, shorten
from playground.text import rendered

T0 = datetime(2026, 11, 21, 14, 32, 5, tzinfo=UTC)


def test_escaping_stops_mentions_broadcasts_and_links():
    assert escape("<!channel> & <@U01>") == "&lt;!channel&gt; &amp; &lt;@U01&gt;"


def test_text_is_cut_between_characters():
    for text, most, cut in (
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("ab🔥cd", 4, "ab…"),
        ("ab🔥cd", 5, "ab🔥…"),
        ("abe\u0301xyz", 5, "abe…"),
        ("👩\u200d👩 x", 4, "👩…"),
    ):
        assert shorten(text, most) == cut, text


@given(st.text(max_size=50), st.integers(1, 20))
def test_what_is_cut_always_fits(text, most):
    assert len(shorten(text, most).encode("utf-16-le", "surrogatepass")) // 2 <= most


@given(st.text())
def test_free_text_in_a_line_cannot_do_harm(text):
    line = harmless(text)
    assert not any(letter in line for letter in "<>*~`\n\r\u2028\u2029\x00")
    assert not any("\u202a" <= letter <= "\u202e" for letter in line)
    assert line.count("\u2068") == line.count("\u2069") <= 1
    assert len(line) <= 5 * 200 + 2


def test_what_free_text_becomes():
    for text, line in (
        ("two\n  lines", "two lines"),
        ("pg_read_all_data", "pg_read_all_data"),
        ("_slanted_", "\u02cdslanted\u02cd"),
        ("*bold*", "\u2217bold\u2217"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("\u202eevil", "\u2068evil\u2069"),
        ("\u05d0\u05d1", "\u2068\u05d0\u05d1\u2069"),
    ):
        assert harmless(text) == line, text


def test_a_quote_keeps_every_byte_and_stands_apart():
    typed = "<!channel> *x*\nGives: nothing\nNeeds 0 :fire: \u202e"
    block = quote(typed, by="Bob")
    who, said = block["elements"]
    assert who["elements"][0]["text"] == "Bob:"
    assert said == {"type": "rich_text_quote", "elements": [{"type": "text", "text": typed}]}
    assert rendered({"blocks": [quote("look\nNeeds 0")]}, str) == "> look\n> Needs 0"


def test_a_moment_is_in_the_readers_zone_and_says_the_day_where_that_may_be_another():
    epoch = int(T0.timestamp())
    assert moment(T0) == f"<!date^{epoch}^{{time}}|14:32 UTC>"
    assert moment(T0, T0 - timedelta(minutes=2)) == moment(T0)
    for earlier in (timedelta(minutes=3), timedelta(hours=2), timedelta(hours=13), timedelta(hours=-1)):
        far = moment(T0, T0 - earlier)
        assert far == f"<!date^{epoch}^{{date_short_pretty}} {{time}}|2026-11-21 14:32 UTC>", earlier
    assert moment_to_the_second(T0) == f"<!date^{epoch}^{{time_secs}}|14:32:05 UTC>"
    said = moment_to_the_second(T0, other_day=True)
    assert said == f"<!date^{epoch}^{{date_short_pretty}} {{time_secs}}|2026-11-21 14:32:05 UTC>"


def test_no_midnight_of_any_zone_passes_without_the_day_being_said():
    for zone in sorted(available_timezones()):
        midnight = (T0.astimezone(ZoneInfo(zone)) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        before, after = midnight - timedelta(seconds=5), midnight + timedelta(seconds=5)
        assert "{date_short_pretty}" in moment(after.astimezone(UTC), before.astimezone(UTC)), zone


def test_people_are_listed():
    for count, said in ((0, ""), (1, "P0"), (2, "P0 and P1"), (3, "P0, P1 and P2"), (8, "P0, P1 and 6 others")):
        assert listed([f"P{number}" for number in range(count)], str, most=2 if count > 3 else 5) == said, count
