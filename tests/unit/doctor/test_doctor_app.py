"""What the doctor makes of Slack's answer about the app, where the playground always answers alike."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from pydantic import SecretStr

from bot.doctor import checks
from bot.doctor.app import look_at_app
from bot.doctor.workspace import Welcome
from jit.clock import SystemClock
from jit.doctor import State, examine
from jit.runtime.settings import SLACK
from tests.world.fake_slack import answer

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT_NOON = {"date": "Sat, 21 Nov 2026 12:00:00 GMT"}
A_BOT = {"user": "jit", "bot_id": "B1", "team": "acme", "team_id": "T1"}


def welcome(said=None, headers=None, at=NOON):
    return Welcome(answer(said or A_BOT), headers or {}, at, at)


def looked(welcome):
    visit = SimpleNamespace(welcome=lambda: welcome, where="slack.com", api_url=SLACK, welcomed=True)
    return list(look_at_app(visit))


def clock_line(**how):
    return next(line for line in looked(welcome(**how)) if "clock" in line.what)


def test_a_persons_own_token_is_not_the_apps():
    line, *_ = looked(welcome({"user": "alice", "team": "acme", "team_id": "T1"}))
    assert line.state is State.MEND
    assert "alice's own" in line.what


def test_slack_tells_whole_seconds_which_count_for_nothing():
    for ahead, apart in ((0, 0), (1, 0), (3, 2), (4, 3), (-2, 2), (-3, 3)):
        line = clock_line(headers=AT_NOON, at=NOON + timedelta(seconds=ahead))
        assert f"{apart}.0 s apart" in line.what, ahead
        assert line.ok is (apart <= 2), ahead


def test_what_slack_does_not_tell_is_not_looked_at():
    for headers in ({}, {"date": "noon"}):
        assert clock_line(headers=headers).state is State.NOT_LOOKED_AT, headers
    (scopes,) = [line for line in looked(welcome()) if "scopes" in line.what]
    assert scopes.state is State.NOT_LOOKED_AT


def test_nothing_said_for_people_looks_like_a_secret():
    given = {"api_url": "http://127.0.0.1:1/api/", "policy": None, "clock": SystemClock()}
    none = {"bot_token": SecretStr("xoxb-1"), "app_token": None, "signing_secret": None}
    both = {**none, "app_token": SecretStr("xapp-1"), "signing_secret": SecretStr("s")}
    found = [line for tokens in (none, both) for line in examine(checks(**given, **tokens), 10)]
    assert any(line.ok is False for line in found)
    assert "[hidden]" not in str(found)
