"""What targets hold that nobody granted, for security: what, where, since when, and what ends it."""

from collections.abc import Iterator

from bot.views.held import revoke_buttons
from bot.views.text import Json, context, day_and_time, harmless, header, line_of, section
from bot.views.words import target_said, word
from jit.detect.ungranted import SHOWN, Found, Ungranted, Unsure

NOBODY_GRANTED = "Nobody granted"
UNGRANTED_BLOCKS = SHOWN + 3
"""At most: one for each, a title, how many more, and the targets of which it is not known."""
SAYS = 300
"""Of a finding: it may grow fivefold as it is escaped, and its command has to fit beside it."""
UNSURE_SHOWN = 4


def draw_ungranted(ungranted: Ungranted) -> list[Json]:
    """Nothing where all that was compared agrees."""
    rows = [*(_row(each) for each in ungranted.shown), *_more(ungranted), *_unsure(ungranted.unsure)]
    return [header(NOBODY_GRANTED), *rows] if rows else []


def _row(found: Found) -> Json:
    finding, request = found.finding, found.request
    since = f"{'before' if finding.earlier else 'since'} {day_and_time(finding.since)}"
    removes = f"`{word(found.removes)}` takes it away" if found.removes else ""
    revoke = revoke_buttons(request) if request else []
    by_hand = "" if removes or request else f"undone by hand in {word(finding.target)}"
    said = line_of(since, removes, by_hand, request.id if request else "")
    return section(f"{harmless(found.says, SAYS)}\n{said}") | ({"accessory": revoke[0]} if revoke else {})


def _more(ungranted: Ungranted) -> Iterator[Json]:
    more = ungranted.number - len(ungranted.shown)
    if more:
        yield context(f"{'and ' if ungranted.shown else ''}{more} more: `jit reconcile` lists all.")


def _unsure(unsure: tuple[Unsure, ...]) -> Iterator[Json]:
    lines = [_not_known(each) for each in unsure[:UNSURE_SHOWN]]
    if len(unsure) > UNSURE_SHOWN:
        lines.append(f"and {len(unsure) - UNSURE_SHOWN} more targets of which it is not known now")
    if lines:
        yield context(*lines)


def _not_known(unsure: Unsure) -> str:
    said = unsure.in_short(day_and_time(unsure.at) if unsure.at else "")
    trouble = f" ({target_said(unsure.target, unsure.trouble)})" if unsure.trouble else ""
    return f"{word(unsure.target)}: {said}{trouble}"
