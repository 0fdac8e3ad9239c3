"""The buttons of cards, messages and App Home: what they are called on the wire, and what their value says.

A value is only a hint to which request somebody means. It is shaped and checked here, and decides nothing.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from jit.requests.lifecycle import REQUEST_ID
from jit.requests.together import MOST_TOGETHER

JUSTIFIED, NOT_JUSTIFIED = "jit.justified", "jit.not_justified"
APPROVE, LESS, DENY, WITHDRAW, END, RELEASE, REVOKE, ASK, ASK_AGAIN, EXTEND, ALONE = (
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
    "jit.alone",
)
LIFT = "jit.lift"
"""Of a lockdown."""

ASK_FOR = "jit.ask.for"
"""Opens the form for an access: one of several side by side, each with its place behind this."""
HELD_PERSON, HELD_TARGET, HELD_ALL, HELD_BACK, HELD_ON = (
    "jit.held.person",
    "jit.held.target",
    "jit.held.all",
    "jit.held.back",
    "jit.held.on",
)
"""What security looks at of all that is held."""

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


def values_of(pressed: Iterable[Pressed]) -> str:
    """Of a button for several requests."""
    return " ".join(value_of(*each) for each in pressed)


def read_values(value: object) -> tuple[Pressed, ...]:
    """One or several, each request once. Raises BadValue."""
    parts = value.split(" ") if isinstance(value, str) else []
    if not 0 < len(parts) <= 2 * MOST_TOGETHER or len(parts) % 2:
        raise BadValue
    found = [read_value(f"{request_id} {digest}") for request_id, digest in zip(parts[::2], parts[1::2], strict=True)]
    return tuple({each.request_id: each for each in found}.values())
