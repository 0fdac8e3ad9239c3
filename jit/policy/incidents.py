"""The regular expression that incidents of an access are written like, matched by RE2.

RE2 does not backtrack: its work grows with the length of the text alone, whatever the pattern. It knows no look-around
and no back-references, which need backtracking.
"""

import re

import re2

LONGEST_INCIDENT = 100
"""Characters."""
_LONGEST_PATTERN = 200
_MEMORY = 1 << 20
"""Bytes for one compiled pattern. A pattern that needs more is refused."""
_TAKEN_LITERALLY = re.compile(r"\{(?:,[0-9]|[0-9,]*[0-9]{4})")
"""Braces of Python's that RE2 does not count by, and takes as the letters that they are."""

_OPTIONS = re2.Options()
_OPTIONS.max_mem = _MEMORY
_OPTIONS.log_errors = False


def require_pattern(pattern: str) -> str:
    """The pattern. Raises ValueError with what speaks against it, in words for its author."""
    if not pattern.isascii():
        raise ValueError("a pattern must be ASCII")
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"a pattern of more than {_LONGEST_PATTERN} characters")
    if _TAKEN_LITERALLY.search(pattern):
        raise ValueError("a count in braces is like {5}, {0,5} or {5,}, of three digits at most")
    try:
        accepts_empty = re2.fullmatch(pattern, "", _OPTIONS) is not None
    except re2.error as error:
        raise ValueError(_why_refused(error.args[0].decode("ascii", "replace"))) from None
    if accepts_empty:
        raise ValueError("this pattern accepts an empty text, so it asks for nothing")
    return pattern


def accepts(pattern: str, incident: str) -> bool:
    """Whether the pattern matches the whole incident, which is short and ASCII."""
    return (
        len(incident) <= LONGEST_INCIDENT
        and incident.isascii()
        and re2.fullmatch(pattern, incident, _OPTIONS) is not None
    )


def _why_refused(says: str) -> str:
    if "too large" in says or "repetition size" in says:
        return "this regular expression is too big: it repeats too much, too often"
    return f"this regular expression cannot be used (RE2 says: {says}); it may not look around or refer back"
