"""What somebody typed to give less than was asked, and everything that may be wrong with it."""

from collections.abc import Iterable

from jit.durations import BadDuration, parse_duration, say_duration
from jit.requests.intake import DURATION, REASON, BadInput, reason_trouble
from jit.requests.terms import Terms

PERMISSIONS = "permissions"
"""The field in which those are chosen that stay."""


def read_less(duration: str, permissions: Iterable[str], reason: str, more: Terms) -> Terms:
    """What was typed and chosen in the form, as less than ``more``. The reason may be empty. Raises BadInput."""
    chosen = set(permissions)
    problems: dict[str, str] = {}
    try:
        given = parse_duration(duration)
    except BadDuration as bad:
        problems[DURATION], given = str(bad), more.duration
    if given > more.duration:
        problems[DURATION] = f"At most {say_duration(more.duration)}: more than was asked cannot be given."
    if not chosen:
        problems[PERMISSIONS] = "Leave at least one. To give nothing, press Deny."
    elif not chosen <= set(more.permissions):
        problems[PERMISSIONS] = "More than was asked cannot be given."
    if reason.strip() and (trouble := reason_trouble(reason)):
        problems[REASON] = trouble
    less = Terms(given, tuple(name for name in more.permissions if name in chosen))
    if not problems and not less.is_less_than(more):
        problems[DURATION] = "That is all that was asked. Shorten it or leave something out, or press Approve instead."
    if problems:
        raise BadInput(problems)
    return less
