"""The buttons of cards, messages and App Home: what they are called on the wire, and what their value says.

A value is only a hint to which request somebody means. It is shaped and checked here, and decides nothing.
"""

import re
from typing import NamedTuple

from jit.requests.lifecycle import REQUEST_ID

JUSTIFIED, NOT_JUSTIFIED = "jit.justified", "jit.not_justified"
APPROVE, LESS, DENY, WITHDRAW, END, RELEASE, REVOKE, ASK, ASK_AGAIN, EXTEND = (
    "jit.approve",
    "jit.approve.less",
    "jit.deny",
    "jit.withdraw",
    "jit.end",
    "jit.release",
    "jit.revoke",
    "jit.ask",
    "jit.ask.again",
    "jit.extend",
)
LIFT = "jit.lift"
"""Of a lockdown."""

_SHAPE = re.compile(rf"({REQUEST_ID.pattern}) ([0-9a-f]{{64}})")


class BadValue(Exception):
    """Not a value of ours."""


class Pressed(NamedTuple):
    """Which request, and the digest of what its card showed."""

    request_id: str
    digest: str


def value_of(request_id: str, digest: str) -> str:
    return f"{request_id} {digest}"


def read_value(value: object) -> Pressed:
    """Raises BadValue."""
    found = _SHAPE.fullmatch(value) if isinstance(value, str) and value.isascii() else None
    if found is None:
        raise BadValue
    return Pressed(*found.groups())
