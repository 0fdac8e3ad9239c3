"""What others hold now, as security looks at it: a part of it at a time, however much there is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jit.detect.activity.so_far import Done
from jit.requests.lifecycle import Request

PAGE = 10
"""As many are shown at once."""
MOST_COUNTED = 1000
"""Of more it is said that there are more."""


class Look(NamedTuple):
    """What somebody looks at: what one person holds, or on one target, and which page of it. Empty is all."""

    person: str = ""
    target: str = ""
    page: int = 0


class Held(NamedTuple):
    """A page of what others hold, the most pressing first.

    Attributes:
        number: how many there are in all, counted no further than one more than `MOST_COUNTED`.
        changed: ids of those on the page whose record was changed in the database.
        done: what was done so far with each, by its id.
    """

    shown: list[Request]
    number: int
    look: Look = Look()
    changed: tuple[str, ...] = ()
    done: Mapping[str, Done] = MappingProxyType({})
