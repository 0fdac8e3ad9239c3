"""Being away, with somebody of the same group standing in."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NoReturn

from jit.durations import say_duration
from jit.facts import Away, Back, RefusalReason
from jit.ledger import StoredDirectory
from jit.ledger.of_people import MOST_READ, absences
from jit.people.away import Absence
from jit.people.membership import GROUP
from jit.people.person import Person
from jit.policy import Policy, StaleGroups
from jit.ports import DirectoryUnavailable
from jit.requests.accounts import may_decide
from jit.requests.shares import ASKED_WITHIN
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core

LONGEST = timedelta(days=180)
SAID_AT_MOST = 20
"""Times within `ASKED_WITHIN`: each is an entry on the record, of which so many are read (`MOST_READ`)."""
MOST_LOOKED_UP = 10
"""People who have never been seen that are asked about for the one who is meant."""
UNTIL, SUBSTITUTE, GROUP_NAME = "until", "substitute", "group"
"""What can be wrong."""
NO_FELLOW = (
    "Nobody is called so among those who decide on the same as you. A substitute is of the same group: it gives nobody "
    "anything new."
)


def go_away(core: Core, *, by: Actor, until: datetime, substitute: str, group: str = "") -> Absence:
    """Say that the actor is away until then and who stands in: a Slack id, or what people call them, `@carol`.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "away")
    attempt.admit()
    policy, now = attempt.policy(), core.clock.now()
    if not now < until <= now + LONGEST:
        _wrong(attempt, UNTIL, f"Say until when: a time within the next {say_duration(LONGEST)}.")
    _require_share(attempt, now)
    try:
        fellows = _fellows(attempt, policy, group)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS)
    if not fellows:
        where = f"in {group}" if group else "together with anybody else"
        _wrong(attempt, GROUP_NAME, f"You decide on nothing {where}, so nobody can stand in for you there.")
    meant = _meant(attempt, substitute, fellows)
    if meant.id in absences(core.ledger, now):
        _wrong(attempt, SUBSTITUTE, f"{meant.name} is away as well. Name somebody who is there.")
    absence = Absence(by.id, meant.id, until, group)
    core.ledger.append([Away(**attempt.signed(now), until=until, substitute=meant.id, group=group)])
    return absence


def come_back(core: Core, *, by: Actor) -> bool:
    """Say that the actor is back; false where they were not away. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, "back")
    attempt.admit()
    if by.id not in absences(core.ledger, core.clock.now()):
        return False
    core.ledger.append([Back(**attempt.signed())])
    return True


def _require_share(attempt: Attempt, now: datetime) -> None:
    said = attempt.core.ledger.newest(("away",), MOST_READ)
    if sum(each.actor == attempt.by.id and each.at > now - ASKED_WITHIN for each in said) >= SAID_AT_MOST:
        problem = f"You said so {SAID_AT_MOST} times within {say_duration(ASKED_WITHIN)}. What you said last counts."
        attempt.refuse(RefusalReason.TOO_MANY, problems={UNTIL: problem})


def _wrong(attempt: Attempt, what: str, says: str) -> NoReturn:
    attempt.refuse(RefusalReason.BAD_INPUT, problems={what: says})


def _fellows(attempt: Attempt, policy: Policy, group: str) -> frozenset[str]:
    """Everybody else who decides on something on which the actor does. Raises StaleGroups."""
    groups, now, person = attempt.core.directory.groups(), attempt.core.clock.now(), attempt.by.id
    found: set[str] = set()
    for who in _deciding(policy, group):
        if policy.includes(who, person, groups, now):
            found |= policy.members(who, groups, now)
    return frozenset(found - {person})


def _deciding(policy: Policy, group: str) -> Iterator[tuple[str, ...]]:
    """The who-expressions of all quorums; those of this group alone where it is named."""
    wanted = f"{GROUP}{group}"
    everybody = {quorum.who for access in policy.accesses.values() for quorum in access.quorums}
    yield from sorted({(wanted,) for who in everybody if wanted in who} if group else everybody)


def _meant(attempt: Attempt, named: str, fellows: frozenset[str]) -> Person:
    """The one of ``fellows`` who is named so, and may decide now."""
    directory, workspace = attempt.core.directory, attempt.core.directory.workspace
    found = [named] if named in fellows else _called(attempt, named, fellows)
    if not found:
        _wrong(attempt, SUBSTITUTE, NO_FELLOW)
    if len(found) > 1:
        _wrong(attempt, SUBSTITUTE, "Several are called so: name them by their handle.")
    try:
        person, actor = directory.look_up(found[0]), directory.look_up(attempt.by.id)
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP)
    if person.is_also(actor) or not may_decide(person, workspace):
        _wrong(attempt, SUBSTITUTE, f"{person.name} cannot decide here now. Name somebody who can.")
    return person


def _called(attempt: Attempt, named: str, fellows: frozenset[str]) -> list[str]:
    """By handle, else by name."""
    known = StoredDirectory(attempt.core.ledger.engine).people(fellows)
    people = list(known.values())
    for each in sorted(fellows - known.keys())[:MOST_LOOKED_UP]:
        try:
            people.append(attempt.core.directory.look_up(each))
        except DirectoryUnavailable:
            continue
    wanted = named.removeprefix("@").casefold()
    by_handle = [person.id for person in people if person.handle.casefold() == wanted]
    return by_handle or [person.id for person in people if person.name.casefold() == wanted]
