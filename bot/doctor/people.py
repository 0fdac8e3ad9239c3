"""The people and user groups that the policies name."""

from collections.abc import Iterable, Iterator

from bot.directory import read_person
from bot.doctor.visit import Refused, Silent, Visit, answered
from jit.doctor import Line, NotLookedAt, Part, fine, mend
from jit.people import Standing
from jit.policy import Policy
from jit.policy.membership import GROUP, SLACK

_BECAUSE = {
    Standing.DELETED: "is deactivated",
    Standing.BOT: "is a bot",
    Standing.GUEST: "is a guest",
    Standing.EXTERNAL: "is of another workspace",
    Standing.UNKNOWN: "is of a workspace that Slack does not name",
}


def people_of(policy: Policy) -> list[str]:
    """Everybody who is to be able to do something. Who is denied may be a guest."""
    leaves = _leaves(policy)
    return sorted({*policy.people, *(who for who in leaves if not who.startswith(SLACK))})


def groups_of(policy: Policy) -> list[str]:
    return sorted(who.removeprefix(SLACK) for who in _leaves(policy) if who.startswith(SLACK))


def look_at_person(visit: Visit, person: str) -> Iterator[Line]:
    """Raises NotLookedAt. Says nothing where Slack does not let the bot in at all."""
    if not visit.welcomed:
        return
    try:
        found = read_person(answered(visit.client.users_info, user=person)["user"])
    except Refused as refused:
        yield mend(
            Part.SLACK, f"{person} is nobody here (Slack says {refused})", "Put the right id into the policy files."
        )
        return
    except Silent as silent:
        raise NotLookedAt(f"Slack did not answer ({silent})") from None
    standing = found.standing(str(visit.welcome().said.get("team_id")))
    if standing is Standing.GOOD:
        yield fine(Part.SLACK, f"{person} is {found.name}")
    else:
        yield mend(
            Part.SLACK,
            f"{person}, {found.name}, {_BECAUSE[standing]}, and may neither ask nor decide",
            f"Take {person} out of the policy files.",
        )


def look_at_groups(visit: Visit, policy: Policy) -> Iterator[Line]:
    """Raises NotLookedAt. Says nothing where Slack does not let the bot in at all."""
    wanted = groups_of(policy)
    if not wanted or not visit.welcomed:
        return
    try:
        listed = answered(visit.client.usergroups_list, include_users=True, include_disabled=True)["usergroups"]
    except (Refused, Silent) as wrong:
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


def _leaves(policy: Policy) -> set[str]:
    """Who is meant in the end: `U…` and `slack:S…`."""
    asked = [*policy.security]
    for access in policy.accesses.values():
        asked += [*access.request, *_deciders(policy, access.name)]
    leaves: set[str] = set()
    seen: set[str] = set()
    while asked:
        who = asked.pop()
        if who in seen:
            continue
        seen.add(who)
        if who.startswith(GROUP):
            asked += policy.groups.get(who.removeprefix(GROUP), ())
        else:
            leaves.add(who)
    return leaves


def _deciders(policy: Policy, access: str) -> Iterable[str]:
    return (who for rule in policy.accesses[access].rules for quorum in rule.quorums for who in quorum.who)
