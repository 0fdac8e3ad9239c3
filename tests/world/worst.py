"""The worst that can stand in a request, and in what is drawn of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from jit.facts import (
    Approval,
    BreakGlassReviewed,
    Counted,
    EndCause,
    LockdownLiftProposed,
    Narrowed,
    Quorum,
    Requested,
    Source,
)
from jit.requests.lifecycle import Request, State
from jit.requests.lockdown import Lockdown
from jit.requests.request import Extends

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PEOPLE = tuple(f"U{number:08}" for number in range(50))
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROLS = "".join(map(chr, (*range(1, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))


def _repeated(text: str) -> str:
    return (text * 2000)[:2000]


TEXTS = {
    "escaped": _repeated("&"),
    "brackets": _repeated("<>"),
    "astral": _repeated("\U0001f525"),
    "families": _repeated("\U0001f469\u200d\U0001f469\u200d\U0001f467 "),
    "hebrew": _repeated("\u05d0\u05d1 "),
    "arabic digits": _repeated("\u0661\u0662 "),
    "directions": _repeated(f"a{DIRECTIONS}\u05d0"),
    "controls": _repeated(f"a{_CONTROLS}"),
    "lines": _repeated("\nGives: nothing\n> Approved by Bob\n"),
    "mrkdwn": _repeated("*_~`<!channel> <!here> <@U02BOB000> <!subteam^S1> <https://evil.example|ok> :fire: ```"),
    "combining": _repeated("e" + "\u0301" * 30),
    "one word": _repeated("w"),
}
NEEDS = tuple(Quorum(label=f"{number}" + "&" * 199, who=PEOPLE, count=50) for number in range(12))


@cache
def worst(text: str, state: State) -> Request:
    """A request in this state with ``text`` wherever people and targets may put words of theirs."""
    began = state in {State.GRANTING, State.ACTIVE, State.ENDING, State.ENDED, State.FAILED}
    approved = began or state is State.APPROVED
    ended = state in {State.ENDING, State.ENDED}
    fields: dict[str, Any] = {
        "id": "R-WWWWWWWWWWWW",
        "state": state,
        "version": 60,
        "requester": PEOPLE[0],
        "access": "orders-db/" + "w" * 150,
        "target": "t" * 100,
        "permissions": tuple(f"{each:03}" + "r" * 190 for each in range(120)),
        "principal": text[:200],
        "why": text,
        "incident": text[:100],
        "policy_version": "ab" * 32,
        "duration": timedelta(days=9, hours=23, minutes=59, seconds=59),
        "channel": "C0ACCESS1",
        "risk": "r" * 200,
        "needs": NEEDS,
        "asked_at": NOON,
        "pending_until": NOON + timedelta(days=30),
        "start_at": NOON + timedelta(days=7),
        "left_behind": (text,) * 20 if ended else (),
        "revoke_trouble": text if state is State.ENDING else None,
        "end_cause": EndCause.REVOKED if ended else None,
        "closed_by": PEOPLE[1],
        "closed_because": "no_longer_approved" if state is State.LAPSED else text,
        "approved_at": NOON if approved else None,
        "intent_at": NOON if began else None,
        "granted_at": NOON if began else None,
        "how_to_connect": text[:500] if began else None,
        "ends_at": NOON + timedelta(days=9) if began else None,
        "over_at": NOON + timedelta(days=9),
        "sessions": 10**9,
    }
    request = Request(**fields)
    request = replace(request, narrowed=_narrowed(request, text), approved_more=PEOPLE)
    said = tuple(_approvals(request)) if state is State.PENDING or approved else ()
    counted = tuple(Counted(approval=each.id, approver=each.approver, quorum=each.quorums[0]) for each in said)
    return replace(request, approvals=said, counted=counted if approved else ())


@cache
def worst_break_glass(text: str, state: State, *, reviewed: bool = False) -> Request:
    """The same, of somebody who let themselves in."""
    request = worst(text, state)
    common = {"at": NOON, "actor": PEOPLE[0], "source": Source.SLACK}
    fields = {name: getattr(request, name) for name in ("duration", "channel", "risk", "needs", "pending_until")}
    emergency = {"basis": "emergency", "rested_on": text, "skipped": NEEDS, "review_by": PEOPLE}
    asked = Requested.about(request, **common, **fields, **emergency, review_within=timedelta(days=9))
    verdict = BreakGlassReviewed.about(request, **common, reviewer=PEOPLE[2], verdict="not_justified", reason=text)
    late = {"review_escalated_at": NOON, "reviewed": verdict if reviewed else None}
    return replace(request, basis="emergency", emergency=asked, by_rule=text, **late)


def _narrowed(request: Request, text: str) -> Narrowed:
    """From something longer, and more."""
    asked = {"asked_duration": request.duration * 2, "asked_permissions": ("x" * 200, *request.permissions)}
    said = {"at": NOON, "actor": PEOPLE[1], "source": Source.SLACK, "digest": "0" * 64, "reason": text}
    return Narrowed.about(request, **said, **asked, duration=request.duration)


@cache
def worst_extension(text: str, state: State) -> Request:
    """Active access, with an extension in this state."""
    since = Extends(UUID(int=1), NOON, NOON + timedelta(days=9))
    by_rule = "" if state is State.PENDING else "w&" * 200  # words of the policy
    waiting = replace(worst(text, state), extends=since, rule="w" * 100, by_rule=by_rule)
    return replace(worst(text, State.ACTIVE), extension=waiting)


def _approvals(request: Request) -> Iterator[Approval]:
    for number, person in enumerate(PEOPLE[1:]):
        yield Approval.about(
            request,
            id=UUID(int=number),
            at=NOON,
            actor=person,
            source=Source.SLACK,
            approver=person,
            digest="0" * 64,
            quorums=(NEEDS[number % 3].label,),
            groups_as_of=None,
        )


def worst_lockdowns(text: str) -> Iterator[Lockdown]:
    """Of a person and of an access, each as it begins and when somebody proposed to lift it."""
    about = {"at": NOON, "lockdown_id": "L-WWWWWWWWWWWW", "scope": "everything", "reason": text}
    for proposed in (None, LockdownLiftProposed(**about, actor=PEOPLE[1], source=Source.SLACK)):
        same: dict[str, Any] = {
            "id": "L-WWWWWWWWWWWW",
            "by": PEOPLE[0],
            "at": NOON,
            "reason": text,
            "proposed": proposed,
        }
        yield Lockdown(**same, scope="person", person=PEOPLE[0], accounts=frozenset(PEOPLE))
        yield Lockdown(**same, scope="access", access="orders-db/" + "w" * 150)
