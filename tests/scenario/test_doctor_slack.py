"""What the doctor says of a workspace: on the playground, each thing broken, said, and mended as it says."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.doctor import checks
from bot.manifest import load_manifest
from jit.clock import SystemClock
from jit.doctor import State, examine
from jit.policy import load_policy
from playground.faults import Fault, Outage
from playground.people import UserGroup
from playground.sample import ALICE, APP_TOKEN, AUDIT, BOB, BOT, BOT_TOKEN, CAROL, EVE, REQUESTS, sample_workspace
from playground.server import running
from tests.world.waiting import HUNG

pytestmark = pytest.mark.scenario

POLICY = load_policy(Path(__file__).parents[2] / "policies")
SCOPES = frozenset({*load_manifest()["oauth_config"]["scopes"]["bot"], "connections:write"})
"""The playground holds the app-level token's scope beside the bot's."""


@pytest.fixture
def stage():
    with running(sample_workspace(scopes=SCOPES), {}) as stage:
        yield stage


@pytest.fixture
def world(stage):
    return stage.slack.world


def lines(stage, policy=POLICY, clock=None, within=HUNG, **given):
    settings = {
        "bot_token": SecretStr(BOT_TOKEN),
        "app_token": SecretStr(APP_TOKEN),
        "signing_secret": None,
        "api_url": f"{stage.slack.url}/api/",
        **given,
    }
    return examine(checks(policy=policy, clock=clock or SystemClock(), **settings), within)


def to_mend(stage, **given):
    return [line for line in lines(stage, **given) if line.ok is False]


def the_line(stage, **given):
    (line,) = to_mend(stage, **given)
    return line


def test_a_workspace_as_it_should_be_has_nothing_to_mend(stage):
    found = lines(stage)
    assert to_mend(stage) == []
    assert not [line for line in found if line.state is State.NOT_LOOKED_AT]
    said = "\n".join(line.what for line in found)
    for thing in (
        "in jit-playground (T0JIT0001)",
        "every scope of the manifest",
        "opens Socket Mode",
        "#jit-audit, C0AUDIT01 (audit): jit is in it",
        "#access-requests, C0ACCESS1 (orders-db/admin and 2 more): jit is in it",
        "@engineering (S0ENGIN01) has 3 members",
        "U01ALICE0 is Alice",
        "Slack's clock and ours are",
    ):
        assert thing in said


def test_looking_opens_no_socket_and_says_nothing_in_a_channel(stage, world):
    lines(stage)
    assert stage.slack.hub.connections == 0
    assert not [message for channel in world.channels.values() for message in channel.messages]


def test_another_slack_than_slacks_is_a_note(stage):
    (note,) = [line for line in lines(stage) if "slack.com" in line.what]
    assert note.state is State.NOTE


@pytest.mark.parametrize("token", ["xoxb-stolen", APP_TOKEN])
def test_a_token_that_slack_does_not_take_is_said_once_and_not_shown(stage, token):
    line = the_line(stage, bot_token=SecretStr(token))
    assert "does not accept SLACK_BOT_TOKEN" in line.what
    assert token not in str(lines(stage, bot_token=SecretStr(token)))
    assert len(lines(stage, bot_token=SecretStr(token))) == 4


def test_only_a_bad_token_stops_all(stage):
    assert the_line(stage, bot_token=SecretStr("xoxb-stolen")).stops_all
    assert the_line(stage, app_token=SecretStr("xapp-stolen")).stops_all
    stage.slack.break_down(Outage.UNAVAILABLE)
    assert not any(line.stops_all for line in to_mend(stage))


def test_a_bots_token_in_the_place_of_the_apps_is_said(stage):
    assert "opens no socket for SLACK_APP_TOKEN" in the_line(stage, app_token=SecretStr(BOT_TOKEN)).what


def test_without_a_way_in_both_are_named(stage):
    assert "neither SLACK_APP_TOKEN" in the_line(stage, app_token=None).what
    assert "both set" in the_line(stage, signing_secret=SecretStr("s")).what
    assert to_mend(stage, app_token=None, signing_secret=SecretStr("s")) == []


def test_without_a_bot_token_slack_is_one_line_that_was_not_looked_at(stage):
    (line,) = lines(stage, bot_token=None)
    assert line.state is State.NOT_LOOKED_AT
    assert "run it where the bot runs" in line.remedy


def test_a_token_in_a_file_is_read_and_a_file_that_is_not_there_is_one_line(stage, tmp_path):
    kept = tmp_path / "token"
    assert "cannot be read" in the_line(stage, bot_token=SecretStr(f"file:{kept}")).remedy
    kept.write_text(BOT_TOKEN)
    kept.chmod(0o600)
    assert to_mend(stage, bot_token=SecretStr(f"file:{kept}")) == []


def test_missing_scopes_are_named_and_those_that_are_not_wanted_noted():
    with running(sample_workspace(scopes=(SCOPES | {"files:read"}) - {"chat:write", "im:write"}), {}) as stage:
        assert the_line(stage).what == "the app lacks chat:write, im:write"
        assert any("files:read" in line.what for line in lines(stage) if line.state is State.NOTE)


def test_what_a_missing_scope_hides_was_not_looked_at():
    with running(sample_workspace(scopes=SCOPES - {"channels:read", "groups:read", "users:read"}), {}) as stage:
        assert len(to_mend(stage)) == 1
        hidden = [line for line in lines(stage) if line.state is State.NOT_LOOKED_AT]
        assert len(hidden) == 7  # three channels, four people
        assert all("it lacks the scope" in line.remedy for line in hidden)


def test_an_app_token_without_its_scope_is_to_be_mended():
    with running(sample_workspace(scopes=SCOPES - {"connections:write"}), {}) as stage:
        assert "connections:write" in the_line(stage).what


def test_a_channel_that_the_bot_is_not_in_is_mended_by_inviting_it(stage, world):
    world.channel(REQUESTS).members.remove(BOT)
    line = the_line(stage)
    assert line.remedy == "In #access-requests type\n/invite @jit"
    world.channel(REQUESTS).members.add(BOT)
    assert to_mend(stage) == []


def test_a_channel_that_is_not_there_is_named_with_what_uses_it(stage, world):
    del world.channels[AUDIT]
    assert the_line(stage).what.startswith("C0AUDIT01 (audit): there is no such channel")


def test_a_private_channel_without_the_bot_may_be_there(stage, world):
    channel = world.channel(REQUESTS)
    channel.private = True
    assert to_mend(stage) == []
    channel.members.remove(BOT)
    assert "/invite @jit" in the_line(stage).remedy


def test_an_archived_channel_is_to_be_mended(stage, world):
    world.channel(REQUESTS).archived = True
    assert "is archived" in the_line(stage).what


def test_a_channel_shared_with_another_workspace_is_a_note(stage, world):
    world.channel(REQUESTS).shared_outside = True
    assert to_mend(stage) == []
    assert any("is shared with another workspace" in line.what for line in lines(stage) if line.state is State.NOTE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"deleted": True}, "is deactivated"),
        ({"guest": True}, "is a guest"),
        ({"bot": True}, "is a bot"),
        ({"team": "T0ELSEWHERE"}, "is of another workspace"),
    ],
)
def test_people_who_may_not_act_are_named(stage, world, change, says):
    world.change_user(BOB, **change)
    line = the_line(stage)
    assert BOB in line.what
    assert says in line.what


def test_somebody_who_is_nobody_is_named(stage, world):
    del world.users[ALICE]
    assert ALICE in the_line(stage).what


def test_who_is_denied_may_be_a_guest(stage, world):
    world.change_user(EVE, guest=True)
    access = replace(POLICY.accesses["orders-db/read"], deny=(EVE,))
    people = {person: names for person, names in POLICY.people.items() if person != EVE}
    rules = replace(POLICY, people=people, accesses={**POLICY.accesses, access.name: access})
    assert to_mend(stage, policy=rules) == []


def test_a_user_group_that_is_disabled_empty_or_not_there_is_to_be_mended(stage, world):
    world.set_members("S0ENGIN01", [])
    assert "@engineering (S0ENGIN01) is empty" in the_line(stage).what
    world.disable_group("S0ENGIN01")
    assert "is disabled" in the_line(stage).what
    del world.groups["S0ENGIN01"]
    assert "there is no user group S0ENGIN01" in the_line(stage).what
    world.add_group(UserGroup("S0ENGIN01", "engineering", (ALICE,)))
    assert to_mend(stage) == []


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.DROPPING])
def test_a_slack_that_is_down_is_a_line_for_each_token_and_one_for_the_rest(stage, outage):
    stage.slack.break_down(outage)
    found = to_mend(stage)
    assert len(found) == 2
    assert all("does not answer" in line.what for line in found)
    assert any("channels, user groups and people" in line.what for line in lines(stage))


def test_a_slack_that_asks_for_a_pause_is_neither_fine_nor_wrong(stage):
    stage.slack.faults.plan("conversations.info", Fault.RATE_LIMITED, times=3)
    found = [line for line in lines(stage) if line.state is State.NOT_LOOKED_AT]
    assert len(found) == 3
    assert all("again in a minute" in line.remedy for line in found)


def test_with_broken_rules_the_tokens_are_looked_at_and_the_rest_is_not(stage):
    found = lines(stage, policy=None)
    assert not [line for line in found if line.ok is False]
    assert any("opens Socket Mode" in line.what for line in found)
    assert any("mend them first" in line.remedy for line in found)


class Ahead(SystemClock):
    def now(self):
        return super().now() + timedelta(seconds=30)


def test_a_clock_far_from_slacks_is_to_be_mended(stage):
    line = the_line(stage, clock=Ahead())
    assert line.part == "Clocks"
    assert "NTP" in line.remedy


def test_nothing_that_is_to_be_read_is_taken_for_a_secret(stage, world):
    found = lines(stage) + lines(stage, bot_token=SecretStr("xoxb-stolen"), app_token=SecretStr("xapp-stolen"))
    stage.slack.faults.slow("auth.test", 1)
    found += lines(stage, within=0.2)
    assert any("no answer" in line.what for line in found)
    assert "[hidden]" not in str(found)


def test_an_access_that_nobody_could_approve_is_said(stage, world):
    assert any("every access has people" in line.what for line in lines(stage))
    world.change_user(BOB, deleted=True)
    assert len(to_mend(stage)) == 1  # Carol could
    world.change_user(CAROL, deleted=True)
    said = [line.what for line in to_mend(stage)]
    assert "orders-db/read needs 1 of dba, and only 0 there could approve it" in said
    assert "orders-db/admin needs 1 of security, and only 0 there could approve it" in said
