"""Requests that were asked in one go: what ties them is that each of them names all of them. That decides nothing: it
says what is shown on one card and told in one message.
"""

from collections.abc import Callable

from jit.requests.request import Request

MOST_TOGETHER = 5
"""Accesses that one asking names."""


def asked_together(request: Request, find: Callable[[str], Request | None]) -> tuple[Request, ...]:
    """``request`` and those that were asked with it, in the order in which they were named; it alone, where what it
    says of the others is not what they say.
    """
    named = request.together
    fits = 1 < len(named) <= MOST_TOGETHER and len(set(named)) == len(named) and request.id in named
    if not fits or request.emergency is not None:
        return (request,)
    found = [request if each == request.id else find(each) for each in named]
    told = tuple(each for each in found if each is not None and _is_of_one_asking(each, request))
    return told if len(told) == len(named) else (request,)


def _is_of_one_asking(one: Request, other: Request) -> bool:
    """Whether both are somebody's same words of the same moment, by which their card can speak of both at once."""
    return _asking(one) == _asking(other)


def _asking(request: Request) -> tuple[object, ...]:
    return (
        request.together,
        request.requester,
        request.asked_at,
        request.asked.duration,
        request.start_at,
        request.why,
        request.incident,
        request.basis,
    )
