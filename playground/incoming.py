"""JSON as it comes in: what could not be told on to a page or an app is refused here."""

import json
from typing import Any


class HalfCharacter(ValueError):
    """Text holds half of a surrogate pair: JSON can write it, UTF-8 cannot."""


def parsed(text: str | bytes) -> Any:
    """What the JSON says.

    Raises:
        HalfCharacter: see there.
        ValueError: it is no JSON, nested without end, or holds a number that is none.
    """
    try:
        value = json.loads(text)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not is_text(written):
        raise HalfCharacter("half of a surrogate pair is no character")
    return value


def is_text(text: str) -> bool:
    """Whether it can be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
