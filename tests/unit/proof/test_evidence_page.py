"""The page an auditor reads: it says what the bundle says, does nothing by itself, and cannot be made to lie."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from jit.facts import EndCause
from jit.proof.evidence.page import NotAPage, bundle_in, is_as_made, page_of
from jit.proof.evidence.text import called, shown
from jit.testing import ALICE, BOB, CAROL, EVE
from tests.world.raised import raised
from tests.world.record import Record

NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", EVE: "Eve"}
HOSTILE = (
    "</script><img src=x onerror=a(1)> \u202eevil\u202c \x00\x1b[31m \u2066iso $story {{ case }} {% raw %} &amp; '\""
)


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path)
    yield record
    record.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A signed record of one request from the asking to the end."""
    folder = tmp_path_factory.mktemp("whole")
    record = Record(folder)
    record.whole()
    record.sign()
    yield record
    record.close()


class Reader(HTMLParser):
    """What a browser would make of a page: its text, its tags, its attributes."""

    def __init__(self, page):
        super().__init__()
        self.words, self.tags, self.attributes = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        if self.lasttag not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))


def page(record, names=NAMES):
    return page_of(record.prove(), names)


def read(record, names=NAMES):
    return Reader(page(record, names)).text


def test_the_page_tells_the_story_in_a_sentence(whole):
    assert (
        "U01ALICE0, called “Alice” asked on 21 November 2026, 14:00 UTC for orders-db/read for 30 min, because "
        "“INC-42: db down, need to look at stuck orders”. U02BOB000, called “Bob” approved it, decided at 14:01:41 "
        "UTC. It was given at 14:01:41 UTC and was gone at 14:20:42 UTC, as it was released by U01ALICE0, called "
        "“Alice”, and 1 live session was cut."
    ) in read(whole)


def test_the_page_says_by_what_authority(record):
    record.whole()
    record.sign()
    text = read(record)
    assert "1 of dba" in text
    assert "group:dba: U02BOB000, called “Bob” and U03CAROL0, called “Carol”" in text
    assert f"have the version {record.version}" in text
    assert "- all_of: [{from: [group:dba]}]" in text


def test_the_page_says_that_a_rule_decided_and_by_what(record):
    read_then = '{"on_call":{"orders-primary":true},"incident":{"id":"INC-42"},"zone":null}'
    story = record.story(needs=(), rule="on call", inputs=read_then)
    story.asked()
    story.approved(by_rule="on call, INC-42 open")
    record.sign()
    text = read(record)
    assert "A rule approved it without people at 14:00" in text
    assert "Nobody\u2019s: a rule decided it without people, “on call, INC-42 open”" in text
    assert "on_call.orders-primary = true" in text
    assert 'incident.id = "INC-42"' in text
    assert "zone" not in text.partition("could read when it was asked")[2].partition("What was given")[0]


def test_the_page_says_asked_and_given(record):
    begins = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
    story = record.story(permissions=("orders_read", "orders_write"), start_at=begins)
    story.asked()
    story.approval(CAROL)
    story.narrowed(permissions=("orders_read",), duration=timedelta(minutes=10), reason="reading will do")
    story.approval()
    text = read(record)
    assert "called “Bob” left 10 min of it, with 1 of 2 permissions." in text
    assert "an exception" not in text
    assert "Asked fororders-db/read for 30 min, from 21 November 2026, 14:00 UTC" in text
    assert (
        "10 min of 30 min, and orders_read of orders_read and orders_write, because “reading will do”. Whoever had "
        "approved before was asked again."
    ) in text
    row = text.partition("Who approved")[2].partition("gave less")[0]
    assert "as the bot recorded it" in row
    assert "Carol” at" not in row, "her yes was to more"
    story.approved()
    story.intent()
    story.granted()
    assert "Exactlyorders_readOn" in read(record)


def test_an_exception_is_said_to_be_one(record):
    record.story(basis="exception").asked()
    assert ", an exception from what the rules otherwise allow, because" in read(record)


def test_the_page_says_exactly_what_was_given_and_how_its_end_was_seen(whole):
    text = read(whole)
    for said in (
        "Exactlyorders_read",
        "Onorders-db",
        "Toalice, who is U01ALICE0, called “Alice” there",
        "Sessions cut1",
    ):
        assert said in text
    assert "timekeeper@host took it away and read the target again: nothing of it was left" in text
    assert "Left behindnothing" in text


def test_what_was_left_behind_stands_there(record):
    story = record.story().active()
    story.ending(EndCause.EXPIRED)
    story.ended(EndCause.EXPIRED, left_behind=("role jit_x owns a table",), existed=False, sessions=0)
    record.sign()
    text = read(record)
    assert "Left behindrole jit_x owns a table" in text
    assert "nothing of it was there any more" in text


def test_every_course_of_a_request_is_told(record):
    for number, (life, says) in enumerate(
        {
            "": "Nobody has decided, as far as these entries go.",
            "denied": "U02BOB000, called “Bob” denied it at 14:00:00 UTC: “not now”.",
            "withdrawn": "U01ALICE0, called “Alice” withdrew it at 14:00:00 UTC.",
            "lapsed": "It lapsed at 14:00:00 UTC: unanswered.",
            "approval approved": "It has not been given yet, as far as these entries go.",
            "approval approved intent failed": "It was not given: role is missing. Reading back found nothing.",
            "approval approved intent granted alert": "called “Alice” · orders-db does not answer",
            "approval approved intent granted left": "is to end · the requester was deactivated in Slack · by bot@host",
            "approval approved intent granted revoked": "by U03CAROL0, called “Carol” · “enough”",
        }.items()
    ):
        story = record.story(f"R-{2000 + number}", access=f"orders-db/{number}")
        for step in ["asked", *life.split()]:
            getattr(story, step)()
        assert says in Reader(page_of(record.prove(story.id), NAMES)).text, life


def test_a_record_that_nobody_signed_is_called_that(record):
    record.whole()
    text = read(record)
    assert "Unsigned. The entries hang together, and no signature vouches for them." in text
    assert "No signed checkpoint: the record was not signed when this was made." in text


def test_every_entry_stands_there_with_its_number_and_hash(whole):
    text = read(whole)
    for index, _, kept_under in whole.entries():
        assert str(index) in text
        assert kept_under in text


def test_what_a_grade_does_not_exclude_stands_on_the_page(whole):
    text = read(whole)
    assert "Not excluded" in text
    assert "The key came with" in text
    assert "is shown by no signature" in text


def test_nothing_that_somebody_typed_is_markup(record):
    story = record.story(why=HOSTILE, incident=HOSTILE[:90], permissions=(HOSTILE,), principal=HOSTILE)
    story.asked()
    story.denied(HOSTILE)
    record.sign()
    made = page(record, {ALICE: HOSTILE, BOB: "<b>Bob</b>"})
    reader = Reader(made)
    assert "img" not in reader.tags
    assert reader.tags.count("script") == 2
    assert "b" not in reader.tags
    for sign in "\u202e\u202c\u2066\x00\x1b":
        assert sign not in made
    assert "[U+202E]evil[U+202C]" in reader.text
    assert "$story {{ case }} {% raw %} &amp; '\"" in reader.text


def test_the_page_runs_nothing_and_fetches_nothing(whole):
    reader = Reader(page(whole))
    assert {value for tag, name, value in reader.attributes if (tag, name) == ("script", "type")} == {
        "application/json"
    }
    assert not [
        name for _, name, _ in reader.attributes if name in ("src", "href", "style", "action") or name[:2] == "on"
    ]
    assert "default-src 'none'" in page(whole)


def test_the_bundle_in_a_page_is_the_bundle_to_the_byte(record):
    record.whole(why=HOSTILE)
    record.sign()
    bundle = record.prove()
    assert bundle_in(page_of(bundle, NAMES).encode()) == bundle


def test_a_page_is_told_from_one_whose_words_were_changed(whole):
    made = page(whole).encode()
    assert is_as_made(made)
    assert not is_as_made(made.replace(b"approved it", b"denied it", 1))
    assert not is_as_made(made.replace(b"</main>", b"<p>Carol agreed.</p></main>"))


def test_the_same_bundle_and_names_make_the_same_page_to_the_byte(whole):
    bundle = whole.prove()
    assert page_of(bundle, NAMES) == page_of(bundle, dict(reversed(NAMES.items())))


def test_what_is_no_page_is_said_so():
    for data in (b"", b"<!doctype html>", b'<script type="application/json" id="bundle">'):
        assert raised(NotAPage, bundle_in, data), data


def test_a_page_with_two_bundles_is_refused(record):
    record.whole()
    made = page(record).encode()
    with pytest.raises(NotAPage):
        bundle_in(made + b'<script type="application/json" id="bundle">{}</script>')


def test_marks_piled_on_a_letter_do_not_reach_the_line_above():
    assert shown("Z" + "\u0301" * 20).count("[U+0301]") == 17


def test_long_text_is_cut_and_says_how_much_is_gone():
    assert "… 10 more characters" in shown("x" * 30, 20)


def test_no_name_on_a_page_looks_like_another_person(whole):
    """Whoever makes a page writes the names in it, and it verifies."""
    lie = (
        "Carol Chief (U03CAROL0) and\nDana CISO \uff08\uff3505DANA00\uff09, both of group security; known to everybody"
    )
    text = read(whole, {ALICE: "Alice", BOB: lie, CAROL: "u03carol0"})
    assert "U02BOB000, called “Carol Chief … and Dana CISO … , both of group security; kno…”" in text
    assert "U05DANA00" not in text
    assert "everybody" not in text
    assert "U03CAROL0, called “…”" in text


def test_a_name_is_short_and_without_brackets():
    for name in ("x" * 5000, "()[]{}“”", "\u202eU01", "a\u200bb" * 100, "1234567", ""):
        said = called(name)
        assert len(said) <= 60, name[:20]
        assert not set(said) & set("()[]{}<>“”\n"), name[:20]
        assert "1234567" not in said
