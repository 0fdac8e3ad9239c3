"""Parts of sentences that cards, direct messages and audit lines share, so that each thing is called the same."""

from collections.abc import Iterable
from datetime import datetime

from bot.views.text import Names, escape, harmless, listed, named, shorten
from jit.durations import say_duration
from jit.facts import BEGIN_WITHIN, EndCause, Need
from jit.requests.lifecycle import Request, State

LEFT = {
    "deactivated": "the requester was deactivated in Slack",
    "left_rules": "the requester may not ask for this any more",
}
ENDED_BY_ITSELF = {
    EndCause.EXPIRED: "time was over",
    EndCause.RECOVERED: "it could not be finished and was taken back",
    EndCause.LATE: "found after its end and taken back",
    EndCause.DEACTIVATED: LEFT["deactivated"],
    EndCause.LEFT_RULES: LEFT["left_rules"],
}
LAPSED = {
    "unanswered": "unanswered",
    "not_begun": f"no worker could begin it within {say_duration(BEGIN_WITHIN)}; nothing was given",
    "no_longer_approved": "the approvals no longer count",
    "rules_changed": "the rules for this access changed",
    **LEFT,
}


NOTHING_GIVEN = "nothing had been given"
NOT_TAKEN_UP = "not gone yet: no worker or timekeeper has taken it up"


def word(text: str, most: int = 200) -> str:
    """A name or word out of the policy files, which their owners answer for."""
    return escape(shorten(text, most))


def words(many: Iterable[str]) -> str:
    return ", ".join(word(each) for each in many)


def target_said(target: str, reason: str) -> str:
    """What stood in the way there, with the target's name in front."""
    return f"{word(target)}: {reason_of(target, reason)}"


def reason_of(target: str, reason: str) -> str:
    """What a target said, without its own name, which its errors begin with."""
    return harmless(reason.removeprefix(f"{target}: ").rstrip(". "))


def audience(need: Need, names: Names) -> str:
    """Who a quorum is made of, as people call them: `@dba`, `@dba or Carol`."""
    return " or ".join(_one_of(who, names) for who in need.who[:5]) + (" or others" if len(need.who) > 5 else "")


def _one_of(who: str, names: Names) -> str:
    kind, _, rest = who.rpartition(":")
    match kind:
        case "group":
            return "@" + word(rest, 80)
        case "slack":
            return "@" + named(rest, names)
        case _:
            return named(who, names)


def said_yes(request: Request, need: Need) -> tuple[str, ...]:
    """Who approved so far and counts for this quorum."""
    approvers = (approval.approver for approval in request.approvals if need.label in approval.quorums)
    return tuple(dict.fromkeys(approvers))


def deciders(request: Request) -> tuple[str, ...]:
    """Those whose approvals the decision counted, once each."""
    return tuple(dict.fromkeys(counted.approver for counted in request.counted))


def decided_by(request: Request, names: Names) -> str:
    """`approved by Bob (dba, 1/1) and Carol (security, 1/1)`; nothing if it is not decided."""
    if not request.counted:
        return ""
    wanted = {need.label: need.count for need in request.needs}
    parts = []
    for label, count in list(wanted.items())[:5]:
        people = [counted.approver for counted in request.counted if counted.quorum == label]
        parts.append(f"{listed(people, names)} ({word(label, 80)}, {len(people)}/{count})")
    return "approved by " + ", ".join(parts)


def ended_because(request: Request, names: Names) -> str:
    """`released by Alice`, `revoked by Carol`, `time was over`, `because Alice was deactivated in Slack`"""
    cause = request.end_cause or EndCause.EXPIRED
    if cause is EndCause.DEACTIVATED:
        return f"because {named(request.requester, names)} was deactivated in Slack"
    if cause is EndCause.LEFT_RULES:
        return f"because {named(request.requester, names)} may not ask for it any more"
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


def left_behind(request: Request) -> str:
    """What the target could not undo."""
    left = request.left_behind
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return ", ".join(harmless(each, 100) for each in left[:5]) + more
