"""What `jit doctor` says of Slack: the app, and everybody and everything there that the policies name."""

from collections.abc import Iterator
from functools import partial

from pydantic import SecretStr

from bot.doctor.app import look_at_app, look_at_way_in
from bot.doctor.channels import channels_of, look_at_channel
from bot.doctor.people import look_at_deciders, look_at_groups, look_at_person, people_of
from bot.doctor.workspace import Workspace
from jit.doctor import Check, Line, NotLookedAt, Part
from jit.policy import Policy
from jit.ports import Clock


def checks(
    *,
    bot_token: SecretStr | None,
    app_token: SecretStr | None,
    signing_secret: SecretStr | None,
    api_url: str,
    policy: Policy | None,
    clock: Clock,
) -> list[Check]:
    """Where there is no bot token, one that says so."""
    if bot_token is None:
        return [Check(Part.SLACK, "Slack", _elsewhere)]
    workspace = Workspace(bot_token, api_url, clock)
    found = [
        Check(Part.SLACK, "the app", partial(look_at_app, workspace)),
        Check(Part.SLACK, "how Slack reaches the bot", partial(look_at_way_in, workspace, app_token, signing_secret)),
    ]
    if policy is None:
        return [*found, Check(Part.SLACK, "channels, user groups and people", _without_rules)]
    found += [Check(Part.SLACK, used.about, partial(look_at_channel, workspace, used)) for used in channels_of(policy)]
    found.append(Check(Part.SLACK, "user groups", partial(look_at_groups, workspace, policy)))
    found.append(Check(Part.SLACK, "who could approve", partial(look_at_deciders, workspace, policy)))
    found += [Check(Part.SLACK, person, partial(look_at_person, workspace, person)) for person in people_of(policy)]
    return found


def _elsewhere() -> Iterator[Line]:
    raise NotLookedAt("SLACK_BOT_TOKEN is not set; run it where the bot runs")


def _without_rules() -> Iterator[Line]:
    raise NotLookedAt("the policy files cannot be read; mend them first")
