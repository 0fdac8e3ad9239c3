"""The channels that the policies name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.doctor.workspace import SlackRefused, SlackSilent, Workspace, answered
from jit.doctor import Line, NotLookedAt, Part, fine, mend, note
from jit.policy import Policy


@dataclass(frozen=True, slots=True)
class Used:
    """A channel, and what for: `audit`, `alerts`, or the names of accesses."""

    channel: str
    uses: Sequence[str]

    @property
    def about(self) -> str:
        more = f" and {len(self.uses) - 1} more" if len(self.uses) > 1 else ""
        return f"{self.channel} ({self.uses[0]}{more})"


def channels_of(policy: Policy) -> list[Used]:
    """Each once, audit first."""
    uses: dict[str, list[str]] = {policy.channels.audit: ["audit"]}
    uses.setdefault(policy.channels.alerts, []).append("alerts")
    for access in policy.accesses.values():
        uses.setdefault(access.channel, []).append(access.name)
    return [Used(channel, names) for channel, names in uses.items()]


def look_at_channel(workspace: Workspace, used: Used) -> Iterator[Line]:
    """Raises NotLookedAt. Says nothing where Slack does not let the bot in at all."""
    if not workspace.welcomed:
        return
    bot = workspace.welcome().said.get("user")
    try:
        found = answered(workspace.client.conversations_info, channel=used.channel)["channel"]
    except SlackRefused as refused:
        if str(refused) != "channel_not_found":
            raise NotLookedAt(f"Slack says {refused}") from None
        yield mend(
            Part.SLACK,
            f"{used.about}: there is no such channel, or it is private and {bot} is not in it",
            f"If it is private, type there\n/invite @{bot}\nElse put the right id into the policy files.",
        )
    except SlackSilent as silent:
        raise NotLookedAt(f"Slack did not answer ({silent})") from None
    else:
        yield from _state(found, used, str(bot))


def _state(found: Mapping[str, Any], used: Used, bot: str) -> Iterator[Line]:
    name = f"#{found.get('name')}"
    about = f"{name}, {used.about}"
    if found.get("is_archived"):
        yield mend(Part.SLACK, f"{about}, is archived", "Unarchive it, or name another in the policy files.")
    elif not found.get("is_member"):
        yield mend(Part.SLACK, f"{about}: {bot} is not in it", f"In {name} type\n/invite @{bot}")
    else:
        yield fine(Part.SLACK, f"{about}: {bot} is in it")
    if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
        yield note(
            Part.SLACK,
            f"{about}, is shared with another workspace, whose people read along",
            "Name a channel in the policy files that is this workspace's alone.",
        )
