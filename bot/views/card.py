"""The request card: what an approver decides on, and afterwards what became of it.

It is drawn anew from what the facts tell at that moment. The first line says the state in words.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from bot.buttons import APPROVE, ASK_AGAIN, DENY, END, EXTEND, LESS, REVOKE, WITHDRAW, value_of
from bot.views import review
from bot.views.text import (
    SECTION,
    Drawn,
    Json,
    Names,
    actions,
    button,
    context,
    harmless,
    line_of,
    listed,
    moment,
    named,
    plain_text,
    quote,
    section,
    shorten,
)
from bot.views.words import (
    audience,
    by_rule,
    deciders,
    ended_because,
    ending,
    from_when,
    given_of_asked,
    held,
    in_line,
    left_behind,
    loses,
    not_given_yet,
    reason_of,
    said_yes,
    used,
    why_closed,
    word,
)
from jit.durations import say_duration
from jit.facts import LAPSED, Basis, EndCause, Quorum
from jit.facts.sentence import plural
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State

AudienceName = Callable[[Quorum], str]
"""How those who may decide are called; on a card's first posting, so that Slack tells them."""

STANDS_ON: dict[Basis, str] = {"rule": "", "exception": "*Exception* · ", "emergency": "*BREAK-GLASS* · "}
"""Before the first line: what is no ordinary request is told apart at a glance."""
ROOM_FOR_PLACE = 1200
"""Characters kept free behind the permissions: two names of 100 that grow fivefold when escaped, and words."""


def draw(
    request: Request,
    names: Names,
    *,
    asked: AudienceName | None = None,
    nth: int | None = None,
    now: datetime | None = None,
    leave_out: frozenset[str] = frozenset(),
    beside: str = "",
    skipped: str = "",
    extend: bool = False,
) -> Drawn:
    """The card as it is true now.

    Args:
        request: as its facts tell it.
        names: what people are called.
        asked: how the approvers are called; by name, without telling them, if left out.
        nth: the how-manieth request of this person this week it is.
        now: to tell what is late by; as if all was on time, if left out.
        beside: what the approvers have to know of people while it is pending, or its extension, and the request does
            not tell.
        leave_out: buttons that whoever alone sees this has no use for.
        skipped: mentions of those whom a break-glass passed over; by name, without telling them, if left out.
        extend: whether its holder may ask for more time.
    """
    late = late_since(request, now) if now else None
    first = _first_line(request, names, late)
    blocks = [section(first), quote(request.why), *gives(request), *given_less(request, names)]
    by_people = request.rule and not request.decided_by_rule and request.emergency is None
    decides = f"rule: {word(request.rule)}" if by_people else ""
    incident = harmless(request.incident or "") if request.emergency is None else ""
    if helps := line_of(incident, ordinal(nth), decides):
        blocks.append(context(helps))
    blocks += how_it_stands(request, names, asked, late)
    blocks += [context(beside)] if beside and request.undecided.state is State.PENDING else []
    blocks += review.on_card(request, names, notify=skipped)
    blocks += actions([each for each in _buttons(request, late, extend=extend) if each["action_id"] not in leave_out])
    return Drawn(first, [*blocks, context(line_of(request.id, asked_beside(request)))])


def asked_beside(request: Request) -> str:
    """`asked together with R-8K2M`; empty if it was asked alone."""
    beside = [word(each, 20) for each in request.together if each != request.id]
    return f"asked together with {', '.join(beside)}" if beside else ""


def first_line(request: Request, names: Names, now: datetime | None) -> str:
    """How it stands, in a sentence; ``now`` as in `draw`."""
    return _first_line(request, names, late_since(request, now) if now else None)


def _first_line(request: Request, names: Names, late: datetime | None) -> str:
    return f"{STANDS_ON[request.basis]}{_says(request, names, late)}"


def _says(request: Request, names: Names, late: datetime | None) -> str:
    who, what, long = _who(request, names), f"*{word(request.access)}*", f"*{say_duration(request.duration)}*"
    if request.state is State.PENDING:
        return f"{who} asks for {what} for {long}{from_when(request)}"
    return line_of(state_of(request, names, late), f"{what} for {who}, {long}{from_when(request)}")


def _who(request: Request, names: Names) -> str:
    return f"*{named(request.requester, names)}*"


def state_of(request: Request, names: Names, late: datetime | None) -> str:  # noqa: C901, PLR0911  one return for each state
    """How it stands, of one that does not wait any more."""
    said = _decided(request, names)
    closed = f"{_at(request, request.over_at)}{_by([request.closed_by] if request.closed_by else [], names)}"
    match request.state:
        case State.APPROVED:
            return f"Approved{said}, {not_given_yet(request, late)}"
        case State.GRANTING | State.ACTIVE if late:
            return line_of(f"Ending since{_at(request, late)}: {ended_because(request, names)}", ending(request, late))
        case State.GRANTING:
            return f"Approved{said}, access is on its way"
        case State.ACTIVE:
            approved = f"approved{said}" if request.emergency is None or request.counted else ""
            extended = "extended" if len(request.fixed_ends) > 1 else ""
            return line_of(f"Active until{_at(request, request.ends_at)}", extended, approved)
        case State.ENDING:
            since = request.ends_at if request.end_cause is EndCause.EXPIRED else request.ending_since
            return line_of(f"Ending since{_at(request, since)}: {ended_because(request, names)}", ending(request, late))
        case State.ENDED:
            return _ended(request, names)
        case State.DENIED:
            return f"Denied{closed}"
        case State.WITHDRAWN:
            return f"Withdrawn{closed}"
        case State.LAPSED:
            because = LAPSED.get(request.closed_because or "", request.closed_because or "")
            return f"Lapsed{_at(request, request.over_at)}: {because}"
        case State.FAILED:
            why = reason_of(request.target, request.closed_because or "no reason given")
            return f"Not granted: {word(request.target)} refused ({why}); nothing was given"
        case _:
            raise AssertionError("a pending request is asked for")


def _decided(request: Request, names: Names) -> str:
    """` by Bob 14:02`; of a break-glass, on what that rests stands below."""
    people, at = _by(deciders(request), names), _at(request, request.approved_at)
    if request.emergency is not None:
        return f"{at}{', co-signed' if people else ''}{people}"
    return f" {by_rule(request)}{at}" if request.by_rule else f"{people}{at}"


def _ended(request: Request, names: Names) -> str:
    ended = f"Ended{_at(request, request.over_at)}, {ended_because(request, names)}"
    cut = plural(request.sessions, "session cut", "sessions cut") if request.held_for is not None else ""
    return line_of(ended, held(request), cut)


def _at(request: Request, when: datetime | None) -> str:
    return f" {moment(when, request.asked_at)}" if when else ""


def _by(people: Iterable[str], names: Names) -> str:
    said = listed(people, names)
    return f" by {said}" if said else ""


def gives(request: Request) -> Iterator[Json]:
    """Every permission, never cut short: it is what the approvers answer for."""
    line, *rest = (word(permission) for permission in request.permissions)
    line = f"Gives: {line}"
    for permission in rest:
        if len(line) + len(permission) > SECTION - ROOM_FOR_PLACE:
            yield section(f"{line},")
            line = permission
        else:
            line += f", {permission}"
    yield section(
        f"{line} on {word(request.target, 100)} as {harmless(request.principal, 100)} · risk {word(request.risk)}"
    )


def given_less(request: Request, names: Names) -> Iterator[Json]:
    """Asked and given, where these are not the same."""
    if request.narrowed is None:
        return
    yield context(given_of_asked(request, names))
    if request.narrowed.reason:
        yield quote(request.narrowed.reason, by=names(request.narrowed.actor))


def ordinal(nth: int | None) -> str:
    """`3rd request this week`"""
    if nth is None:
        return ""
    ending = "th" if 10 <= nth % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(nth % 10, "th")
    return f"{nth}{ending} request this week"


def how_it_stands(request: Request, names: Names, asked: AudienceName | None, late: datetime | None) -> Iterator[Json]:
    """What it waits for, or what came of it, below the first line."""
    match request.state:
        case State.PENDING if late:
            yield context(f"Nobody can decide on it any more: it was to be answered by{_at(request, late)}")
        case State.PENDING:
            yield context(needs(request, names, asked))
        case State.ACTIVE if request.extension and not late:
            yield from extension(request.extension, names)
        case State.DENIED | State.ENDING | State.ENDED if why := why_closed(request):
            yield quote(why, by=names(request.closed_by or ""))
    if request.used:
        yield context("\n".join(used(request)))
    if request.left_behind:
        yield section(f"Left behind: {left_behind(request)}")


def extension(waiting: Request, names: Names, asked: AudienceName | None = None) -> Iterator[Json]:
    """More time that was asked for, as whoever decides on it is shown it."""
    more = f"*{say_duration(waiting.duration)}* more, until{_at(waiting, waiting.longest_end)}"
    if waiting.state is State.PENDING:
        yield section(f"{_who(waiting, names)} asks for {more}")
        yield quote(waiting.why)
        decides = f"rule: {word(waiting.rule)}" if waiting.rule else ""
        yield context(line_of(needs(waiting, names, asked), decides))
    else:
        by = f" {by_rule(waiting)}" if waiting.by_rule else _by(deciders(waiting), names)
        yield section(f"Approved{by}: {more}. The target is not told yet")
        yield quote(waiting.why)


def decide_buttons(request: Request) -> Iterator[Json]:
    value = value_of(request.id, request.digest)
    yield button("Approve", APPROVE, value, style="primary")
    if request.may_be_narrowed:
        yield button("Approve less…", LESS, value)
    yield button("Deny", DENY, value, style="danger")


def withdraw_extension(request: Request) -> Iterator[Json]:
    """For whoever asked for it, while nobody has decided."""
    waiting = request.extension
    if waiting is not None and waiting.state is State.PENDING:
        yield button("Withdraw extension", WITHDRAW, value_of(waiting.id, waiting.digest))


def needs(request: Request, names: Names, asked: AudienceName | None = None) -> str:
    """`Needs 1 of @dba · lapses 14:45`; what each quorum has and lacks, as far as there is room."""
    asked = asked or (lambda need: audience(need, names))
    lapses = line_of(_escalates(request, names), f"lapses {moment(request.pending_until, request.asked_at)}")
    in_full = [_need(request, need, names, asked) for need in request.needs]
    no = listed([each.approver for each in request.denials], names)
    in_full += [f"{no} said no, {len(request.denials)} of {request.denials_needed} that deny"] if no else []
    again = [each for each in request.approved_more if each not in request.approvers]
    asked_again = f"{listed(again, names)} said yes to more and {'is' if len(again) == 1 else 'are'} asked again"
    in_full += [asked_again] if again else []
    in_brief = [f"{len(said_yes(request, need))} of {need.count} by {word(need.label, 80)}" for need in request.needs]
    for parts in (in_full, in_brief[:20]):
        line = line_of(*parts, lapses)
        if len(line) <= SECTION:
            return line
    return line_of(f"Needs approvals for {len(request.needs)} quorums", lapses)


def _escalates(request: Request, names: Names) -> str:
    """`from 14:15 also @sre-leads`, until they are asked."""
    if request.escalation is None or request.escalates_at is None:
        return ""
    return f"from {moment(request.escalates_at, request.asked_at)} also {in_line(request.escalation.audience, names)}"


def _need(request: Request, need: Quorum, names: Names, asked: AudienceName) -> str:
    """One quorum: who said yes, who is still missing."""
    yes = said_yes(request, need)
    if not yes and len(request.needs) == 1:
        return f"Needs {need.count} of {asked(need)}"
    left = need.count - len(yes)
    label = word(shorten(need.label, 80))
    label = f"then {label}" if need.stage > 1 else label
    said = f"{listed(yes, names)} ✓" if yes else ""
    missing = f"{left} of {asked(need)} missing" if left > 0 else ""
    return f"{label}: {', '.join(part for part in (said, missing) if part)}"


def _buttons(request: Request, late: datetime | None, *, extend: bool) -> Iterator[Json]:
    value = value_of(request.id, request.digest)
    match request.state:
        case State.PENDING if late:
            yield button("Withdraw", WITHDRAW, value)
        case State.PENDING:
            yield from decide_buttons(request)
            yield button("Withdraw", WITHDRAW, value)
        case State.APPROVED | State.GRANTING | State.ACTIVE:
            if request.undecided.state is State.PENDING and not late:
                yield from decide_buttons(request.undecided)
                yield from withdraw_extension(request)
            elif extend and not late:
                yield button("Extend", EXTEND, value)
            yield button("End access", END, value, style="danger")
        case state if state.over:
            yield button("Ask again", ASK_AGAIN, value)


def revoke_button(request: Request, names: Names) -> Json:
    """Asks once more: it cuts what somebody is doing."""
    confirm: Json = {
        "title": plain_text("Revoke this access?"),
        "text": plain_text(loses(request, names)),
        "confirm": plain_text("Revoke"),
        "deny": plain_text("Keep it"),
        "style": "danger",
    }
    return button("Revoke", REVOKE, value_of(request.id, request.digest), style="danger", confirm=confirm)
