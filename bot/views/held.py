"""What others hold now, in the Home of security: who, what, until when, and on what it stands; each can be revoked."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime

from bot.buttons import END, HELD_ALL, HELD_BACK, HELD_ON, HELD_PERSON, HELD_TARGET, value_of
from bot.forms import target_option
from bot.held import MOST_COUNTED, PAGE, Held
from bot.views.text import (
    SECTION,
    Json,
    Names,
    actions,
    button,
    context,
    day_and_time,
    harmless,
    line_of,
    listed,
    moment,
    named,
    plain_text,
    section,
    units,
)
from bot.views.words import by_rule, decided_by, deciders, ending, more_asked, past_the_rules, word
from jit.detect.activity.so_far import Done
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State
from jit.requests.reviews import review_due

TITLE = "Held by others now"
HELD_BLOCKS = PAGE + 5
"""At most: one for each, a title, how many, a row of menus, those that were changed, a row to turn the page."""
_REVOCABLE = frozenset({State.GRANTING, State.ACTIVE})


def held_by_others(held: Held, names: Names, now: datetime | None, *, above: Collection[str]) -> Iterator[Json]:
    """A page of it, the most pressing first. What stands ``above`` on the same screen is not said again."""
    shown = [request for request in held.shown if request.id not in above]
    yield context(_how_many(held, names, above=len(held.shown) - len(shown)))
    if held.number > PAGE or held.look.person or held.look.target:
        yield _filters(held)
    for request in sorted(shown, key=_is_settled):
        yield _row(request, names, now, done_in_short(held.done.get(request.id), now))
    if held.changed:
        ids = ", ".join(held.changed)
        yield section(f"*The record was changed* of {word(ids)}. `/jit revoke` with its id, and why, ends it.")
    yield from actions(_pages(held))


def _how_many(held: Held, names: Names, *, above: int) -> str:
    if held.number > MOST_COUNTED:
        count = f"More than {MOST_COUNTED} accesses"
    elif held.number:
        count = "1 access" if held.number == 1 else f"{held.number} accesses"
    else:
        count = "No access"
    of = f"of {named(held.look.person, names)}" if held.look.person else ""
    on = f"on {word(held.look.target)}" if held.look.target else ""
    before = held.look.page * PAGE
    part = f"{before + 1} to {before + len(held.shown) + len(held.changed)}" if held.number > PAGE else ""
    return line_of(" ".join(filter(None, (count, of, on))), part, f"{above} shown above" if above else "")


def _is_settled(request: Request) -> bool:
    """Of break-glass, which come first as they are found, those that nobody has reviewed lead."""
    return request.emergency is None or request.reviewed is not None


def _filters(held: Held) -> Json:
    """Whose, and where: Slack's own menu of people, and one of targets that searches. What was chosen in a block of the
    same name stays in its menu, so each choice has another.
    """
    person: Json = {"type": "users_select", "action_id": HELD_PERSON, "placeholder": plain_text("Of anybody")}
    target: Json = {
        "type": "external_select",
        "action_id": HELD_TARGET,
        "min_query_length": 0,
        "placeholder": plain_text("On any target"),
    }
    look = held.look
    person |= {"initial_user": look.person} if look.person else {}
    target |= {"initial_option": target_option(look.target)} if look.target else {}
    show_all = [button("Show all", HELD_ALL, "all")] if look.person or look.target else []
    chosen = hashlib.sha256(f"{look.person} {look.target}".encode()).hexdigest()
    return {"type": "actions", "block_id": f"held-{chosen[:12]}", "elements": [person, target, *show_all]}


def _pages(held: Held) -> list[Json]:
    page = held.look.page
    more = held.number > (page + 1) * PAGE or held.number > MOST_COUNTED
    back = [button("Back", HELD_BACK, str(page - 1))] if page else []
    return [*back, *([button("More", HELD_ON, str(page + 1))] if more else [])]


def _row(request: Request, names: Names, now: datetime | None, done: str) -> Json:
    """Its button beside both lines, so that it is plain on a phone, too, which of many it ends."""
    late = late_since(request, now) if now else None
    loud = "*BREAK-GLASS*" if request.emergency is not None else ""
    revoke = revoke_buttons(request)
    holds = line_of(loud, _holds(request, names, late))
    said = f"{holds}\n{line_of(_stands_on(request, names), done, request.id)}"
    said = said if units(said) <= SECTION else f"{holds}\n{line_of(done, request.id)}"
    return section(said) | ({"accessory": revoke[0]} if revoke else {})


def done_in_short(done: Done | None, now: datetime | None) -> str:
    """What was done so far with what is held; empty where nothing is known of it."""
    return done.in_short(moment(done.last, now) if done.last else "") if done else ""


def revoke_buttons(request: Request) -> list[Json]:
    """One that asks why first; none where nothing is left to be ended."""
    value = value_of(request.id, request.digest)
    return [button("Revoke", END, value, style="danger")] if request.state in _REVOCABLE else []


def _holds(request: Request, names: Names, late: datetime | None) -> str:
    who, what = f"*{named(request.requester, names)}*", f"*{word(request.access)}*"
    until = f"until {day_and_time(request.ends_at)}" if request.ends_at else ""
    if request.state is State.ENDING or late is not None:
        return f"{who} still holds {what}: ending, {ending(request, late) or 'it is being taken away'}"
    if request.state is State.GRANTING:
        return f"{who} is being given {what} {until}"
    return f"{who} holds {what} {until}"


def _stands_on(request: Request, names: Names) -> str:
    """Who or what decided it: people, a rule by itself, an exception past the catalogue, or a break-glass."""
    more = more_asked(request)
    if request.emergency is not None:
        by = deciders(request)
        co_signed = f"co-signed by {listed(by, names)}" if by else ""
        return line_of(harmless(request.emergency.rested_on), co_signed, _reviewed(request), more)
    if request.by_rule and not request.counted:
        return line_of(f"pre-approved {by_rule(request)}", more)
    rule = f"rule: {word(request.rule)}" if request.rule else ""
    return line_of(past_the_rules(request), decided_by(request, names), rule, more)


def _reviewed(request: Request) -> str:
    if request.reviewed is not None:
        return "reviewed: justified" if request.reviewed.verdict == "justified" else "reviewed: *not justified*"
    due = review_due(request)
    return f"not reviewed, due {day_and_time(due)}" if due else "not reviewed"
