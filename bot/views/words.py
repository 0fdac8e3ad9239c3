"""Parts of sentences that cards, direct messages and audit lines share, so that each thing is called the same."""

from datetime import datetime, timedelta
from typing import assert_never

from bot.views.text import NAME, Names, escape, harmless, listed, moment, named, shorten, straight
from jit.durations import say_duration
from jit.facts import ENDED_BY_ITSELF, EndCause, Quorum, in_numbers
from jit.facts.sentence import Loud, Name, Part, Person, Several, Text, Time
from jit.requests.lifecycle import Request, State

NOTHING_GIVEN = "nothing had been given"
NOT_TAKEN_UP = "not gone yet: no worker or timekeeper has taken it up"


def word(text: str, most: int = 200) -> str:
    """A name or word out of the policy files, which their owners answer for."""
    return escape(shorten(text, most))


def in_line(part: Part, names: Names) -> str:  # noqa: PLR0911  one return for each type of part
    """A part of what is told, for a line of mrkdwn."""
    match part:
        case str():
            return escape(part)
        case tuple():
            return "".join(in_line(each, names) for each in part)
        case Loud(text):
            return f"*{text}*"
        case Person(who):
            return named(who, names)
        case Name(text, most):
            return word(text, most)
        case Text(text, most):
            return harmless(text, most)
        case timedelta():
            return say_duration(part)
        case Time(at, beside):
            return moment(at, beside)
        case Several(parts, most, between):
            more = f" and {len(parts) - most} more" if len(parts) > most else ""
            return between.join(in_line(each, names) for each in parts[:most]) + more
    assert_never(part)


def target_said(target: str, reason: str) -> str:
    """What stood in the way there, with the target's name in front."""
    return f"{word(target)}: {reason_of(target, reason)}"


def reason_of(target: str, reason: str) -> str:
    """What a target said, without its own name, which its errors begin with."""
    return harmless(reason.removeprefix(f"{target}: ").rstrip(". "))


def audience(need: Quorum, names: Names) -> str:
    """Who a quorum is made of, as people call them: `@dba`, `@dba or Carol`."""
    return in_line(need.audience, names)


def said_yes(request: Request, need: Quorum) -> tuple[str, ...]:
    """Who approved so far and counts for this quorum."""
    approvers = (approval.approver for approval in request.approvals if need.label in approval.quorums)
    return tuple(dict.fromkeys(approvers))


def more_asked(request: Request) -> str:
    """`30 min more asked for`, of active access whose extension is not carried out; empty without one."""
    return f"{say_duration(request.extension.duration)} more asked for" if request.extension else ""


def deciders(request: Request) -> tuple[str, ...]:
    """Those whose approvals the decision counted, once each."""
    return tuple(dict.fromkeys(counted.approver for counted in request.counted))


def decided_by(request: Request, names: Names) -> str:
    """`approved by Bob (dba, 1/1) and Carol (security, 1/1)`, or `approved by rule: on call for orders-primary`; empty
    if it is not decided.
    """
    if request.by_rule and not request.counted:
        return f"approved {by_rule(request)}"
    if not request.counted:
        return ""
    wanted = {need.label: need.count for need in request.needs}
    parts = []
    for label, count in list(wanted.items())[:5]:
        people = [counted.approver for counted in request.counted if counted.quorum == label]
        parts.append(f"{listed(people, names)} ({word(label, 80)}, {len(people)}/{count})")
    return "approved by " + ", ".join(parts)


def past_the_rules(request: Request) -> str:
    """`exception`, of what was asked for longer than the access is given for; empty of all else."""
    return "exception" if request.basis == "exception" else ""


def by_rule(request: Request) -> str:
    return f"by rule: {word(request.by_rule)}"


def from_when(request: Request) -> str:
    """` from 22:00`, where it is to begin later; empty where at once."""
    return f" from {moment(request.start_at, request.asked_at)}" if request.start_at else ""


def begins_later(request: Request) -> str:
    """Of what is approved now and begins later; empty of all else."""
    if request.begins_at is None or request.begins_at == request.approved_at:
        return ""
    return f"{request.id} begins {moment(request.begins_at, request.approved_at)}, if it is still approved by then."


def not_given_yet(request: Request, late: datetime | None) -> str:
    """Of what is approved."""
    if request.begins_at != request.approved_at and request.begins_at is not None and not late:
        return f"begins {moment(request.begins_at, request.asked_at)}"
    return f"not given yet{': no worker could begin it' if late else ''}"


def given_of_asked(request: Request, names: Names) -> str:
    """`Bob gives less: 30 min of 2 h asked · orders_read of orders_read, orders_write asked`; empty if it is all."""
    if request.narrowed is None:
        return ""
    shorter = f"{say_duration(request.duration)} of {say_duration(request.asked.duration)} asked"
    fewer = f"{_few(request.permissions)} of {_few(request.asked.permissions)} asked"
    parts = [shorter] if request.duration != request.asked.duration else []
    parts += [fewer] if request.permissions != request.asked.permissions else []
    return f"{named(request.narrowed.actor, names)} gives less: {' · '.join(parts)}"


def _few(permissions: tuple[str, ...]) -> str:
    more = f" and {len(permissions) - 5} more" if len(permissions) > 5 else ""
    return ", ".join(harmless(each, 60) for each in permissions[:5]) + more


def ended_because(request: Request, names: Names) -> str:
    """`released by Alice`, `revoked by Carol`, `time was over`, `because Alice was deactivated in Slack`"""
    cause = request.end_cause or EndCause.EXPIRED
    if cause is EndCause.DEACTIVATED:
        return f"because {named(request.requester, names)} was deactivated in Slack"
    if cause is EndCause.LEFT_RULES:
        return f"because {named(request.requester, names)} may not ask for it any more"
    if request.lockdown:
        return f"lockdown {request.lockdown} stopped it"
    if cause in ENDED_BY_ITSELF:
        return ENDED_BY_ITSELF[cause]
    return f"{cause.value} by {named(request.closed_by or '', names)}"


def ending(request: Request, late: datetime | None = None) -> str:
    """What stands in the way of an end, as far as anybody says; ``late`` since when nobody does."""
    if not request.given:
        return NOTHING_GIVEN
    if request.revoke_trouble is not None:
        return f"not gone yet, {target_said(request.target, request.revoke_trouble)}; it is tried again"
    return NOT_TAKEN_UP if late else ""


def held(request: Request) -> str:
    """How long it was held."""
    if request.held_for is not None:
        return f"held {say_duration(request.held_for)}"
    return "no access had been confirmed" if request.given else NOTHING_GIVEN


def why_closed(request: Request) -> str | None:
    """The words of the one who denied or revoked."""
    spoken = request.state is State.DENIED or request.end_cause is EndCause.REVOKED
    return request.closed_because if spoken else None


def loses(request: Request, names: Names) -> str:
    """What becomes of an access that somebody ends for its holder."""
    who, what = straight(names(request.requester), NAME), shorten(request.access, 120)
    if request.given:
        return f"{who} loses {what}, and open sessions are cut."
    return f"{who} does not get {what}. Nothing has been given yet."


def left_behind(request: Request) -> str:
    """What the target could not undo."""
    left = request.left_behind
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return ", ".join(harmless(each, 100) for each in left[:5]) + more


def used(request: Request) -> list[str]:
    """What was done with it, by each log: `12 statements: …; nothing left behind; log complete`."""
    left = "" if request.left_behind else "nothing left behind"
    said = []
    for each in request.used:
        name = harmless(each.log, 60) if len(request.used) > 1 else ""
        told = "; ".join(
            filter(None, (harmless(in_numbers(each.tallies, each.objects), 400), left, harmless(each.log_says, 400)))
        )
        said.append(f"{name}: {told}" if name else told)
    return said
