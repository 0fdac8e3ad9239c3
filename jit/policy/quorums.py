"""Which people count for which quorum of a rule."""

from collections.abc import Collection, Sequence

from jit.policy.model import QuorumCount, Rule


def assigned(rule: Rule, could: Sequence[Collection[str]]) -> tuple[QuorumCount, ...]:
    """The quorums of ``rule`` with those who count for each; ``could`` holds, quorum by quorum, who may.

    One person counts for every quorum of theirs, or, where the rule wants different people, for one alone: then as
    many places are filled as can be, earlier quorums first.
    """
    if not rule.different_people:
        people = [tuple(sorted(each)) for each in could]
        return tuple(map(QuorumCount, rule.quorums, people))
    holder: dict[str, int] = {}
    for number, quorum in enumerate(rule.quorums):
        for _ in range(quorum.count):
            if not _place(number, could, holder, set()):
                break
    return tuple(
        QuorumCount(quorum, tuple(sorted(person for person, place in holder.items() if place == number)))
        for number, quorum in enumerate(rule.quorums)
    )


def _place(number: int, could: Sequence[Collection[str]], holder: dict[str, int], tried: set[str]) -> bool:
    """Whether somebody more was found for this quorum; others move to another of theirs for it, if they can. (Kuhn's
    algorithm for matchings.)
    """
    for person in sorted(could[number]):
        if person in tried or holder.get(person) == number:
            continue
        tried.add(person)
        if person not in holder or _place(holder[person], could, holder, tried):
            holder[person] = number
            return True
    return False
