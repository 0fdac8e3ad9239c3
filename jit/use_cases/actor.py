"""Who acts, and whether they may act here at all."""

from collections.abc import Callable
from dataclasses import dataclass

from jit.facts import RefusalReason, Source
from jit.people.person import Person, Standing
from jit.ports import DirectoryUnavailable


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, as the surface saw them: a Slack id and the workspace it came from, or `cli:user@host` and none."""

    id: str
    team: str | None
    source: Source


def membership_trouble(by: Actor, workspace: str, look_up: Callable[[str], Person]) -> RefusalReason | None:
    """What speaks against this person acting here: the account must be alive and a full member's of our workspace.

    A press may name another workspace of an organisation that the account is in: only Slack's own word that it is in
    both counts, as somebody of elsewhere may have the id of one of ours. ``look_up`` may raise DirectoryUnavailable.
    """
    elsewhere = by.team != workspace
    if by.source is not Source.SLACK or (elsewhere and not by.team):
        return RefusalReason.WRONG_WORKSPACE
    try:
        person = look_up(by.id)
    except DirectoryUnavailable:
        return RefusalReason.WRONG_WORKSPACE if elsewhere else RefusalReason.CANNOT_LOOK_UP
    standing = person.standing(workspace)
    if elsewhere and (standing is Standing.EXTERNAL or not person.is_in(by.team or "")):
        return RefusalReason.WRONG_WORKSPACE
    return None if standing is Standing.GOOD else RefusalReason.BAD_STANDING
