"""The people and user groups that the policies name."""

from collections.abc import Iterator

from bot.directory import NOBODY
from bot.doctor.workspace import SlackRefused, SlackSilent, Workspace
from jit.doctor import Line, NotLookedAt, Part, fine, mend
from jit.people.person import Standing
from jit.policy import Policy

_BECAUSE = {
    Standing.DELETED: "is deactivated",
    Standing.BOT: "is a bot",
    Standing.GUEST: "is a guest",
    Standing.EXTERNAL: "is of another workspace",
    Standing.UNKNOWN: "is of a workspace that Slack does not name",
}


def people_of(policy: Policy) -> list[str]:
    """Everybody who is to be able to do something. Who is denied may be a guest."""
    return sorted({*policy.people, *policy.named(_named_in(policy))})


def look_at_person(workspace: Workspace, person: str) -> Iterator[Line]:
    """Raises NotLookedAt. Says nothing where Slack does not let the bot in at all."""
    if not workspace.welcomed:
        return
    try:
        found = workspace.person(person)
    except SlackRefused as refused:
        yield mend(
            Part.SLACK, f"{person} is nobody here (Slack says {refused})", "Put the right id into the policy files."
        )
        return
    except SlackSilent as silent:
        raise NotLookedAt(f"Slack did not answer ({silent})") from None
    standing = found.standing(str(workspace.welcome().said.get("team_id")))
    if standing is Standing.GOOD:
        yield fine(Part.SLACK, f"{person} is {found.name}")
    else:
        yield mend(
            Part.SLACK,
            f"{person}, {found.name}, {_BECAUSE[standing]}, and may neither ask nor decide",
            f"Take {person} out of the policy files.",
        )


def look_at_groups(workspace: Workspace, policy: Policy) -> Iterator[Line]:
    """Raises NotLookedAt. Says nothing where Slack does not let the bot in at all."""
    wanted = sorted(policy.slack_groups(_named_in(policy)))
    if not wanted or not workspace.welcomed:
        return
    try:
        listed = workspace.groups()
    except (SlackRefused, SlackSilent) as wrong:
        raise NotLookedAt(f"Slack says {wrong}") from None
    groups = {group["id"]: group for group in listed}
    for name in wanted:
        if name not in groups:
            yield mend(Part.SLACK, f"there is no user group {name}", "Put the right id into the policy files.")
            continue
        called, members = f"@{groups[name].get('handle')} ({name})", groups[name].get("users") or ()
        if groups[name].get("date_delete"):
            yield mend(
                Part.SLACK, f"{called} is disabled: nobody is in it", "Enable it, or name another in the policy files."
            )
        elif not members:
            yield mend(Part.SLACK, f"{called} is empty", "Put people into it, or name another in the policy files.")
        else:
            yield fine(Part.SLACK, f"{called} has {len(members)} members")


def look_at_deciders(workspace: Workspace, policy: Policy) -> Iterator[Line]:
    """What nobody could approve, or too few. Where Slack does not answer, the other lines say so."""
    if not workspace.welcomed:
        return
    team = str(workspace.welcome().said.get("team_id"))
    known, short = True, False
    for access in policy.accesses.values():
        for quorum in access.quorums:
            if policy.schedules_in(quorum.who) or policy.directory_groups(quorum.who):
                continue
            there = 0
            for who in (*sorted(policy.named(quorum.who)), *sorted(policy.slack_groups(quorum.who))):
                try:
                    there += _counts(workspace, who, team)
                except (SlackRefused, SlackSilent, NotLookedAt):
                    known, there = False, there + quorum.count
                if there >= quorum.count:
                    break
            if there < quorum.count:
                short = True
                yield mend(
                    Part.SLACK,
                    f"{access.name} needs {quorum.count} of {quorum.label}, and only {there} there could approve it",
                    "Put people into it who are full members of this workspace.",
                )
    if known and not short:
        yield fine(Part.SLACK, "every access has people who could approve it")


def _counts(workspace: Workspace, who: str, team: str) -> int:
    """How many may approve: a person, or those in a Slack group, out of which Slack takes the deactivated itself.

    Raises SlackRefused, SlackSilent, NotLookedAt.
    """
    if who.startswith("S"):
        groups = {group["id"]: group for group in workspace.groups()}
        return len(groups[who].get("users") or ()) if who in groups and not groups[who].get("date_delete") else 0
    try:
        return workspace.person(who).standing(team) is Standing.GOOD
    except SlackRefused as refused:
        if str(refused) in NOBODY:
            return 0
        raise


def _named_in(policy: Policy) -> list[str]:
    """All who-expressions by which somebody may do something."""
    asking = [who for access in policy.accesses.values() for who in access.request]
    rules = [rule for access in policy.accesses.values() for rule in access.all_rules]
    deciding = [who for rule in rules for quorum in rule.quorums for who in quorum.who]
    late = [who for rule in rules if rule.escalation for who in rule.escalation.to]
    return [*policy.security, *asking, *deciding, *late]
