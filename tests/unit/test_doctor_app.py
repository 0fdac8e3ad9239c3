"""What the doctor makes of Slack's answer about the app, where the playground always answers alike."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.doctor import checks
from bot.doctor.app import _clock, _scopes, _token
from bot.doctor.visit import Welcome
from jit.clock import SystemClock
from jit.doctor import State, examine
from tests.fake_slack import answer

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT_NOON = {"date": "Sat, 21 Nov 2026 12:00:00 GMT"}
A_BOT = {"user": "jit", "bot_id": "B1", "team": "acme", "team_id": "T1"}


def welcome(said=None, headers=None, at=NOON):
    return Welcome(answer(said or A_BOT), headers or {}, at, at)


def test_a_persons_own_token_is_not_the_apps():
    (line,) = _token(welcome({"user": "alice", "team": "acme", "team_id": "T1"}))
    assert line.state is State.MEND
    assert "alice's own" in line.what


@pytest.mark.parametrize(("ahead", "apart"), [(0, 0), (1, 0), (3, 2), (4, 3), (-2, 2), (-3, 3)])
def test_slack_tells_whole_seconds_which_count_for_nothing(ahead, apart):
    line = _clock(welcome(headers=AT_NOON, at=NOON + timedelta(seconds=ahead)))
    assert f"{apart}.0 s apart" in line.what
    assert line.ok is (apart <= 2)


@pytest.mark.parametrize("headers", [{}, {"date": "noon"}])
def test_a_time_that_slack_does_not_tell_is_not_looked_at(headers):
    assert _clock(welcome(headers=headers)).state is State.NOT_LOOKED_AT


def test_scopes_that_slack_does_not_tell_are_not_looked_at():
    assert [line.state for line in _scopes(welcome())] == [State.NOT_LOOKED_AT]


def test_nothing_said_for_people_looks_like_a_secret():
    given = {"api_url": "http://127.0.0.1:1/api/", "policy": None, "clock": SystemClock()}
    none = {"bot_token": SecretStr("xoxb-1"), "app_token": None, "signing_secret": None}
    both = {**none, "app_token": SecretStr("xapp-1"), "signing_secret": SecretStr("s")}
    found = [line for tokens in (none, both) for line in examine(checks(**given, **tokens), 10)]
    assert any(line.ok is False for line in found)
    assert "[hidden]" not in str(found)
