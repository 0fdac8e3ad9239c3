"""Whose grant something was done with, and how that is known.

What a log says decides little: who writes a log could write anybody's request into it. A grant explains what was done
where the target is its target, the name is its principal's, and the time is within it; that a role or a request is
named only says which of those that would.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jit.clock import SKEW_LIMIT
from jit.detect.activity.model import Activity
from jit.facts import TiedBy
from jit.requests.lifecycle import Request

MOST_SESSIONS = 20_000
"""Sessions whose role is remembered."""
_ROLE = re.compile(r"[a-z][a-z0-9]{0,20}_r_([0-9a-z]{4,12})")


@dataclass(frozen=True, slots=True)
class Tie:
    """``request`` is None where no grant explains it; ``others`` would explain it as well."""

    request: Request | None
    by: TiedBy
    others: tuple[str, ...] = ()


NOBODYS = Tie(None, "none")


@dataclass(slots=True)
class Ties:
    """The grants of one target, and which roles its sessions are in."""

    target: str
    _grants: dict[str, Request] = field(default_factory=dict)
    _by_principal: dict[str, list[Request]] = field(default_factory=dict)
    _roles: "OrderedDict[tuple[str, str], str]" = field(default_factory=OrderedDict)

    def learn(self, requests: Iterable[Request]) -> None:
        """How these requests are now."""
        for request in requests:
            if request.target == self.target and request.intent_at is not None:
                self._grants[request.id] = request
        self._by_principal = {}
        for request in self._grants.values():
            self._by_principal.setdefault(request.principal, []).append(request)

    def tie(self, done: Activity, at: datetime) -> Tie:
        """``at`` is when it was done, as far as that can be believed."""
        role = self._role(done)
        of_login = _request_of(done.principal)
        if of_login in self._grants and _within(self._grants[of_login], at):
            return Tie(self._grants[of_login], "login")
        held = [each for each in self._by_principal.get(done.principal, ()) if _within(each, at)]
        if not held:
            return NOBODYS
        held.sort(key=lambda each: (each.intent_at or at, each.id), reverse=True)
        ways: Sequence[tuple[TiedBy, str]] = (("role", _request_of(role)), ("named", done.request or ""))
        for by, named in ways:
            if found := next((each for each in held if each.id == named), None):
                return Tie(found, by, _others(held, found))
        return Tie(held[0], "principal_and_time", _others(held, held[0]))

    def _role(self, done: Activity) -> str:
        session = done.principal, done.session
        if done.role is not None:
            self._roles[session] = done.role
            if len(self._roles) > MOST_SESSIONS:
                self._roles.popitem(last=False)
        return self._roles.get(session, "")


def takes_own_role(done: Activity, tie: Tie) -> bool:
    """Whether it is the switch to the role of the grant itself, which is what the role is for."""
    return tie.request is not None and bool(done.role) and _request_of(done.role or "") == tie.request.id


def _others(held: Sequence[Request], found: Request) -> tuple[str, ...]:
    return tuple(each.id for each in held if each is not found)[:10]


def _request_of(role: str) -> str:
    """`jit_r_7f3k` is the role of R-7F3K."""
    found = _ROLE.fullmatch(role)
    return f"R-{found[1].upper()}" if found else ""


def _within(request: Request, at: datetime) -> bool:
    begins, ends = request.intent_at, request.over_at
    return begins is not None and begins - SKEW_LIMIT <= at and (ends is None or at <= ends + SKEW_LIMIT)
