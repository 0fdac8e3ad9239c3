"""Checks run side by side, none spoils the others, and no line says what it should not."""

from threading import Event

import pytest
from pydantic import SecretStr

from jit.doctor import Check, Line, NotLookedAt, Part, State, examine, fine, mend, needed, note, of_finding
from jit.ports import Finding
from jit.runtime.settings import CannotStart, MissingSecret
from tests.world.waiting import HUNG


def check(look, about="the queue", part=Part.QUEUE):
    return Check(part, about, look)


def says(*lines):
    return check(lambda: lines)


def raises(wrong, *before):
    def look():
        yield from before
        raise wrong

    return check(look)


def test_lines_come_in_the_order_of_the_checks():
    first_done = Event()

    def slow():
        first_done.wait(HUNG)
        return [fine(Part.LEDGER, "slow")]

    def quick():
        first_done.set()
        return [fine(Part.QUEUE, "quick")]

    assert [line.what for line in examine([check(slow), check(quick)], HUNG)] == ["slow", "quick"]


def test_one_that_fails_is_one_line_and_the_others_go_on():
    good = fine(Part.LEDGER, "there")
    lines = examine([raises(RuntimeError("xoxb-1-secret at 0x7f"), good), says(good)], HUNG)
    assert [line.state for line in lines] == [State.OK, State.MEND, State.OK]
    assert lines[1].what == "the queue: looking at it failed (RuntimeError)"
    assert "xoxb" not in str(lines)


def test_one_that_hangs_is_said_to_and_the_others_are_told():
    forever = Event()
    try:
        lines = examine([check(forever.wait), says(fine(Part.LEDGER, "there"))], 1.0)
    finally:
        forever.set()
    assert [(line.state, line.what) for line in lines] == [
        (State.MEND, "the queue: no answer within 1 s"),
        (State.OK, "there"),
    ]


def test_more_checks_than_threads_are_all_looked_into():
    lines = examine([says(fine(Part.SLACK, str(number))) for number in range(100)], HUNG)
    assert [line.what for line in lines] == [str(number) for number in range(100)]


def test_what_cannot_be_looked_at_is_neither_fine_nor_wrong():
    (line,) = examine([raises(NotLookedAt("REDIS_URL is not set"))], HUNG)
    assert (line.state, line.ok, line.remedy) == (State.NOT_LOOKED_AT, None, "REDIS_URL is not set")


def test_what_cannot_start_says_what_to_do():
    (line,) = examine([raises(CannotStart("Set JIT_LEDGER_URL."))], HUNG)
    assert (line.state, line.remedy) == (State.MEND, "Set JIT_LEDGER_URL.")


def test_no_line_shows_a_secret():
    for secret in ("xoxb-12-34-abc", "postgresql://jit:hunter2@db/orders", "password=hunter2"):
        (line,) = examine([says(mend(Part.TARGETS, f"it said {secret}", f"do not {secret}"))], HUNG)
        assert "hunter2" not in str(line), secret
        assert "abc" not in str(line), secret
        assert "[hidden]" in line.what, secret


def test_names_from_elsewhere_do_not_move_the_cursor_and_commands_keep_their_lines():
    (line,) = examine([says(mend(Part.SLACK, "#a\x1b[2Jb\nc", "first\nsecond\x07"))], HUNG)
    assert line.what == "#a [2Jb c"
    assert line.remedy == "first\nsecond "


def test_a_finding_of_a_target_is_a_line_under_its_name_once():
    for found, line in (
        (Finding(ok=True, what="there"), fine(Part.TARGETS, "db: there")),
        (Finding(ok=True, what="old", remedy="upgrade"), note(Part.TARGETS, "db: old", "upgrade")),
        (Finding(ok=False, what="db: gone", remedy="start it"), mend(Part.TARGETS, "db: gone", "start it")),
    ):
        assert of_finding(Part.TARGETS, found, "db") == line, found


def test_a_setting_that_is_not_here_says_where_it_may_be(tmp_path):
    with pytest.raises(NotLookedAt, match="REDIS_URL is not set; run it where the bot runs"):
        needed("REDIS_URL", None, "the bot runs")
    with pytest.raises(MissingSecret, match="cannot be read"):
        needed("REDIS_URL", SecretStr(f"file:{tmp_path / 'none'}"), "the bot runs")
    kept = tmp_path / "url"
    kept.write_text("redis://there\n")
    kept.chmod(0o600)
    assert needed("REDIS_URL", SecretStr(f"file:{kept}"), "").get_secret_value() == "redis://there"


def test_only_what_is_to_be_mended_is_not_ok():
    for state, ok in ((State.OK, True), (State.NOTE, True), (State.MEND, False), (State.NOT_LOOKED_AT, None)):
        assert Line(Part.QUEUE, state, "").ok is ok, state
