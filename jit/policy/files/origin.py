"""Where a version of the rules comes from, as a file beside them says: `policy.version.yml`, written by whatever brings
the files there. It is a claim, and told as one: whoever may write the rules may write it.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = "policy.version.yml"
_LARGEST = 4096
"""Bytes."""
_LONGEST = 200
"""Characters of one word in it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit, who wrote it and who reviewed it; empty where the file does not say."""

    commit: str = ""
    author: str = ""
    reviewed_by: str = ""


UNKNOWN = Origin()


def read_origin(folder: Path) -> Origin:
    """What the file in the folder says; nothing where there is none, or it is not as it should be. Raises nothing."""
    try:
        with (folder / FILE).open("rb") as file:
            said = yaml.safe_load(file.read(_LARGEST))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return UNKNOWN
    if not isinstance(said, dict):
        return UNKNOWN
    return Origin(*(_word(said.get(key)) for key in ("commit", "author", "reviewed_by")))


def _word(value: object) -> str:
    """A line of text, of a number too: `4711e5` is one for YAML."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return text if text.isprintable() and len(text) <= _LONGEST else ""
