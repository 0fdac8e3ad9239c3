"""A break-glass as people see it: what it is before, while it lasts, and until it is reviewed."""

from collections.abc import Iterator
from datetime import datetime

from bot.views import card
from bot.views.held import revoke_buttons
from bot.views.review import review, review_buttons, reviewers, skipped
from bot.views.text import Drawn, Json, Names, actions, context, day_and_time, harmless, line_of, quote, section
from bot.views.words import in_line, word
from jit.durations import say_duration
from jit.facts import Alert, Quorum
from jit.policy import Access
from jit.requests.lifecycle import Request, State
from jit.requests.reviews import review_due

_REVOCABLE = frozenset({State.APPROVED, State.GRANTING, State.ACTIVE})


def what_happens(access: Access | None, names: Names) -> str:
    """For whoever is about to do it, in plain text; without who reviews it where no access is chosen yet."""
    glass = access.break_glass if access else None
    reviews = "it is reviewed"
    if glass is not None:
        who = in_line(Quorum(label="", who=glass.review_by, count=1).audience, names)
        reviews = f"{who} reviews it within {say_duration(glass.review_within)}"
    return (
        "For emergencies only. You get in at once, without anybody's approval. Everybody who was not asked is told, in "
        f"the open; {reviews}. Until then your next one needs a co-signer."
    )


def draw_break_glass(
    alert: Alert, request: Request, names: Names, *, notify: str = "", now: datetime | None = None
) -> Drawn:
    """The message in the channel of the alerts, as it is true now; ``notify`` are mentions of those who review it."""
    first = card.first_line(request, names, now)
    rested_on = request.emergency.rested_on if request.emergency else ""
    blocks = [
        section(first),
        quote(request.why),
        section(line_of(harmless(rested_on), f"not asked: {skipped(request, names)}")),
    ]
    blocks += review(request, names, notify=notify)
    buttons = [card.revoke_button(request, names)] if request.state in _REVOCABLE else []
    buttons += review_buttons(request)
    return Drawn(first, [*blocks, *actions(buttons), context(line_of(day_and_time(alert.at), request.id))])


def to_review(request: Request, names: Names, *, revoke: bool = False) -> Iterator[Json]:
    """In the Home of somebody who may review it, and end it where ``revoke`` says so."""
    yield section(card.first_line(request, names, None))
    yield quote(request.why)
    rested_on = request.emergency.rested_on if request.emergency else ""
    due = review_due(request)
    yield context(line_of(harmless(rested_on), f"review due {day_and_time(due)}" if due else "", request.id))
    yield from actions([*(revoke_buttons(request) if revoke else []), *review_buttons(request)])


def own_review(request: Request, names: Names) -> Json:
    """In the Home of whoever broke the glass."""
    due = review_due(request)
    until = f", due {day_and_time(due)}" if due else ""
    first = f"Review open: *{word(request.access)}*, by {reviewers(request, names)}{until}"
    return context(line_of(first, "until then your next break-glass needs a co-signer", request.id))
