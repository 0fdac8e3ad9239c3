"""Who is a person and who a process, and what is read where a person was erased."""

import re

ERASED_TEXT = "[erased]"
CLOSED_TEXT = "[sealed]"
"""Stands for what is closed where nobody looked for the key: in a copy of the entries alone."""

_PROCESS = re.compile(r"(?:bot|worker|timekeeper|signer|collector)@.*", re.DOTALL)
_PLACEHOLDER = re.compile(r"(?:erased|sealed):[0-9a-f]{8}")


def is_person(who: str) -> bool:
    """Whether this names somebody: no process, and nobody who was erased."""
    return bool(who) and _PROCESS.fullmatch(who) is None and not is_nobody(who)


def is_nobody(who: str) -> bool:
    """Whether this stands for somebody who was erased, or whose key was not there."""
    return _PLACEHOLDER.fullmatch(who) is not None


def erased_person(key_id: str) -> str:
    """The same for all entries of one person, and nothing that leads to them."""
    return f"erased:{key_id[:8]}"


def closed_person(key_id: str) -> str:
    return f"sealed:{key_id[:8]}"


def is_closed(text: str) -> bool:
    """Whether this stands for a text that nobody can read here."""
    return text in {ERASED_TEXT, CLOSED_TEXT}


def known_as(principal: str) -> str:
    """Whose the fields are that tell of somebody of whom nothing but the name in a target is known."""
    return f"principal:{principal}"
