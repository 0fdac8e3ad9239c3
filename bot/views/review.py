"""The review of a break-glass, as cards, alerts and Homes show it."""

from collections.abc import Iterator

from bot.buttons import JUSTIFIED, NOT_JUSTIFIED, value_of
from bot.views.text import Json, Names, button, day_and_time, harmless, line_of, quote, section
from bot.views.words import audience, in_line
from jit.facts import Quorum
from jit.requests.lifecycle import Request
from jit.requests.reviews import review_due, review_open

MOST_NAMED = 1000
"""Characters of people and groups in a sentence; more are counted."""


def reviewers(request: Request, names: Names) -> str:
    who = request.emergency.review_by if request.emergency else ()
    said = in_line(Quorum(label="", who=who, count=1).audience, names)
    return said if len(said) <= MOST_NAMED else f"those whom the rules name, {len(who)} in all"


def skipped(request: Request, names: Names) -> str:
    """Those who would have decided: `@dba and @security`."""
    quorums = request.emergency.skipped if request.emergency else ()
    said = " and ".join(dict.fromkeys(audience(quorum, names) for quorum in quorums))
    return said if len(said) <= MOST_NAMED else f"all who decide, in {len(quorums)} quorums"


def review(request: Request, names: Names, *, notify: str = "") -> Iterator[Json]:
    """How the review stands; nothing where there is none to come."""
    verdict, due = request.reviewed, review_due(request)
    if verdict is not None:
        says = "justified" if verdict.verdict == "justified" else "*not justified*"
        yield section(f"Reviewed {day_and_time(verdict.at)}: {says}")
        yield quote(verdict.reason, by=names(verdict.reviewer))
    elif due is not None:
        late = "*overdue*, it was due" if request.review_escalated_at else "due"
        yield section(f"To be reviewed by {notify or reviewers(request, names)}, {late} {day_and_time(due)}")
    elif request.emergency is not None and not request.state.over:
        yield section(f"Then to be reviewed by {notify or reviewers(request, names)}")


def review_buttons(request: Request) -> list[Json]:
    if not review_open(request):
        return []
    value = value_of(request.id, request.digest)
    return [button("Justified", JUSTIFIED, value), button("Not justified", NOT_JUSTIFIED, value)]


def on_card(request: Request, names: Names, *, notify: str = "") -> Iterator[Json]:
    """What the card of a break-glass says beside."""
    if request.emergency is not None:
        rested_on = harmless(request.emergency.rested_on)
        yield section(line_of(f"Not asked: {notify or skipped(request, names)}", rested_on))
        yield from review(request, names)
