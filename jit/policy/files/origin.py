"""Where a version of the rules comes from, as a file beside them says: `policy.version.yml`, written by whatever brings
the files there. It is a claim, and told as one: whoever may write the rules may write it.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from jit.policy.files.load import bytes_of

FILE = "policy.version.yml"
_LARGEST = 4096
"""Bytes."""
_LONGEST = 200
"""Characters of one word in it."""
_WORDS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float")}


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit, who wrote it and who reviewed it; empty where the file does not say."""

    commit: str = ""
    author: str = ""
    reviewed_by: str = ""


UNKNOWN = Origin()


def read_origin(folder: Path) -> Origin:
    """What the file in the folder says; nothing where there is none, or it is not as it should be. Raises nothing: a
    change of the rules is recorded whatever stands here, so nothing is made of it but its texts.
    """
    try:
        real = (folder / FILE).resolve(strict=True)
        if not real.is_relative_to(folder.resolve()):
            return UNKNOWN
        said = yaml.compose(bytes_of(real)[:_LARGEST], Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RuntimeError):
        return UNKNOWN
    if not isinstance(said, yaml.MappingNode):
        return UNKNOWN
    words = {str(key.value): _word(value) for key, value in said.value}
    return Origin(*(words.get(key, "") for key in ("commit", "author", "reviewed_by")))


def _word(node: yaml.Node) -> str:
    """A line of text, of a number too: `4711e5` is one for YAML."""
    text = node.value if isinstance(node, yaml.ScalarNode) and node.tag in _WORDS else ""
    return text if text.isprintable() and len(text) <= _LONGEST else ""
