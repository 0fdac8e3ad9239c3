"""What was done with a grant in all, by one log."""

from collections.abc import Mapping, Sequence
from typing import Any

from jit.detect.activity.coverage import covered
from jit.facts import ActivityClass, ActivityLog, ActivityRecorded, ActivitySummed, Fact, Tally
from jit.facts.activity import at_place
from jit.requests.lifecycle import Request

MOST_KINDS = 100


def summed(
    request: Request, log: str, history: Sequence[Fact], logs: Sequence[ActivityLog], about: Mapping[str, Any]
) -> ActivitySummed:
    """``history`` are the facts about the request, ``logs`` what is known of this log."""
    mine = [fact for fact in history if isinstance(fact, ActivityRecorded) and fact.log == log]
    counted: dict[tuple[ActivityClass, str], tuple[int, int]] = {}
    for fact in mine:
        for each in fact.tallies():
            kind = each.activity, at_place(fact.objects, next(iter(each.objects), None))
            if kind not in counted and len(counted) >= MOST_KINDS:
                kind = each.activity, "…"
            number, rows = counted.get(kind, (0, 0))
            counted[kind] = number + each.number, rows + each.rows
    objects = tuple(dict.fromkeys(name for _, name in counted if name))
    tallies = tuple(
        Tally(activity=class_, objects=(objects.index(name),) if name else (), number=number, rows=rows)
        for (class_, name), (number, rows) in counted.items()
    )
    coverage, gaps = covered(request, mine, logs)
    return ActivitySummed.about(
        request,
        **about,
        log=log,
        sessions=len({fact.session for fact in mine}),
        tallies=tallies,
        objects=objects,
        coverage=coverage,
        gaps=gaps,
    )
