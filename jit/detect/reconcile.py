"""What the ledger says should be held, against what a target lists. Pure.

Neither side stands still while the other is read. So the ledger is read before and after the target (`Expected`), and
what moved between is not judged; and what differs is looked at a second time before anybody is alarmed
(`workers.reconcile.reconciler`).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from jit.clock import SKEW_LIMIT
from jit.facts import SAME, AlertName
from jit.policy.model import StandingAccess
from jit.ports import Held, Inventory, Right
from jit.requests.decision import fault_of_given
from jit.requests.lifecycle import LIVE, Request, State

ID_LENGTH = 12
"""Hex digits of a finding's id."""
FIRST = "first"
"""What stands in the id of an alert where there was no comparison before."""
NOT_BEGUN = "not_begun"
"""Beside `RefusalReason`, why a decision does not hold: something is held, and by the record no worker has begun."""


class Kind(StrEnum):
    """How reality differs from the record."""

    UNGRANTED = "ungranted"
    """Access that nobody granted: by hand, by a migration, by another tool."""
    OUTLIVED = "outlived"
    """Access that is there after its end."""
    VANISHED = "vanished"
    """A grant that is active by the record, and that the target does not hold."""
    MORE = "more"
    """More than was approved: other permissions, another person, or a later end."""
    LESS = "less"
    """Less than was approved."""
    UNDECIDED = "undecided"
    """Access whose decision does not hold."""
    LASTING = "lasting"
    """Ownership, or rights, that outlast the end."""
    CHANGED = "changed"
    """Somebody changed the object of a grant in the target."""
    REVIEW_DUE = "review_due"
    """Standing access that was accepted, and whose date of review is past."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that differs. ``request`` is the id of the request that it is about, if any."""

    target: str
    kind: Kind
    principal: str
    permission: str
    how: str = ""
    request: str | None = None
    detail: str = ""
    right: Right | None = None
    """As the target lists it, of what is no grant of ours."""
    held: Held | None = None
    """As the target lists it, of what stands there as a grant of ours."""
    id: str = field(init=False)
    """The same at each look, for as long as it is the same thing."""

    def __post_init__(self) -> None:
        what = [self.target, self.kind, self.principal, self.permission, self.how, self.request]
        object.__setattr__(self, "id", hashlib.sha256(json.dumps(what).encode()).hexdigest()[:ID_LENGTH])


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ledger says of one target. ``requests`` are by id those that may hold something there, and those that
    the target lists, closed or not; ``moved`` are the ids of those about which something was recorded while the target
    was read.
    """

    requests: Mapping[str, Request]
    moved: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """``differs`` has everything that does, ``accepted`` how many standing entries were found as they are listed."""

    differs: tuple[Drift, ...]
    accepted: int


def compare(
    target: str, expected: Expected, inventory: Inventory, standing: Iterable[StandingAccess], now: datetime
) -> Compared:
    """Everything that differs, each thing once, in an order of its own.

    1. Each grant that the target lists, against its request.
    2. Each request that is active, against what the target lists, and against its own decision.
    3. Each right beside the grants, against the standing access that is accepted.
    """
    found = [each for held in inventory.grants for each in _of_held(target, held, expected, now)]  # 1.
    listed = {held.request_id for held in inventory.grants}
    for request in expected.requests.values():  # 2.
        if request.target == target and request.id not in expected.moved:
            found += _of_request(target, request, listed, now)
    accepted, drift = _of_rights(target, inventory.rights, expected, standing, now.date())  # 3.
    once = {each.id: each for each in (*found, *drift)}
    return Compared(tuple(sorted(once.values(), key=lambda each: (each.kind, each.id))), accepted)


def _of_held(target: str, held: Held, expected: Expected, now: datetime) -> Iterator[Drift]:
    request = expected.requests.get(held.request_id)
    if held.request_id in expected.moved:
        return
    what = ", ".join(sorted(held.permissions))
    if request is None or request.target != target:
        yield Drift(target, Kind.UNGRANTED, held.principal, what, "grant", held.request_id, held=held)
        return
    if not request.state.over and request.state not in LIVE:
        yield Drift(target, Kind.UNDECIDED, held.principal, what, NOT_BEGUN, request.id, held=held)
    elif request.state not in LIVE:
        yield Drift(target, Kind.OUTLIVED, held.principal, what, "", request.id, held=held)
    elif request.state is State.ACTIVE:
        yield from _of_active(target, held, request, now)


def _of_active(target: str, held: Held, request: Request, now: datetime) -> Iterator[Drift]:
    what = ", ".join(sorted(held.permissions))
    if request.ends_at is not None and request.ends_at + SKEW_LIMIT < now:
        yield Drift(target, Kind.OUTLIVED, held.principal, what, "", request.id, held=held)
    more, less = _beside(held.permissions, request.permissions), _beside(request.permissions, held.permissions)
    if more:
        yield Drift(target, Kind.MORE, held.principal, more, "permissions", request.id, held=held)
    if less:
        yield Drift(target, Kind.LESS, held.principal, less, "permissions", request.id, held=held)
    if held.principal != request.principal:
        yield Drift(target, Kind.MORE, held.principal, what, "principal", request.id, held=held)
    extending = request.extension is not None and request.extension.state is not State.PENDING
    if held.ends_at and request.ends_at and not extending:
        how = "end"
        if held.ends_at > request.ends_at + SKEW_LIMIT:
            yield Drift(target, Kind.MORE, held.principal, what, how, request.id, held.ends_at.isoformat(), held=held)
        elif held.ends_at < request.ends_at - SKEW_LIMIT:
            yield Drift(target, Kind.LESS, held.principal, what, how, request.id, held.ends_at.isoformat(), held=held)


def _of_request(target: str, request: Request, listed: Collection[str], now: datetime) -> Iterator[Drift]:
    what = ", ".join(sorted(request.permissions))
    if request.state is State.ACTIVE and request.id not in listed and request.ends_at and now < request.ends_at:
        yield Drift(target, Kind.VANISHED, request.principal, what, "", request.id)
    if request.state in LIVE and (fault := fault_of_given(request)):
        yield Drift(target, Kind.UNDECIDED, request.principal, what, fault, request.id)


def _beside(these: Iterable[str], those: Collection[str]) -> str:
    return ", ".join(sorted(set(these) - set(those)))


def _of_rights(
    target: str, rights: Iterable[Right], expected: Expected, standing: Iterable[StandingAccess], today: date
) -> tuple[int, list[Drift]]:
    listed = {each.key: each for each in standing if each.target == target}
    accepted, found = 0, list[Drift]()
    for right in rights:
        about = (target, right.principal, right.permission, right.how)
        if right.grant is not None:
            if right.grant not in expected.moved:
                found.append(_drift(target, _kind_of(right), right))
            continue
        entry = listed.get(about)
        if entry is None:
            found.append(_drift(target, _kind_of(right), right))
        elif entry.review < today:
            found.append(_drift(target, Kind.REVIEW_DUE, right, f"{entry.review}, {entry.owner}"))
        else:
            accepted += 1
    return accepted, found


def _kind_of(right: Right) -> Kind:
    if right.changed:
        return Kind.CHANGED
    if right.lasting:
        return Kind.LASTING
    return Kind.MORE if right.grant else Kind.UNGRANTED


def _drift(target: str, kind: Kind, right: Right, detail: str = "") -> Drift:
    more = detail or right.detail
    return Drift(target, kind, right.principal, right.permission, right.how, right.grant, more, right=right)


def alert_id(target: str, occasion: str) -> UUID:
    """The id of an alert that tells of what differs: `FINDING COMPARISON` of one thing, with the id of the comparison
    before, or `FIRST`.
    """
    return uuid5(SAME, f"{AlertName.DRIFT} {target} {occasion}")


def is_removable(drift: Drift) -> bool:
    """Whether it is taken away by itself, where the rules want that: access, and that nobody granted it."""
    if drift.kind is not Kind.UNGRANTED:
        return False
    return drift.held is not None or (drift.right is not None and drift.right.removable)


def seen_twice(first: Iterable[Drift], second: Iterable[Drift]) -> list[Drift]:
    """What both looks found, as the second did."""
    ids = {each.id for each in first}
    return [each for each in second if each.id in ids]


SETTLES = timedelta(seconds=6)
"""Between the two looks: what is late by no more than this is ended meanwhile (`workers.timekeeper.inspection`)."""
