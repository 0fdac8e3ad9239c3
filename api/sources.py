"""Who may hand in what was done: a file with a line for each source. Tokens stand there as their hashes."""

import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jit.detect.activity.parsers import KINDS
from jit.runtime.settings import CannotStart

LARGEST = 1_000_000
"""Bytes of the file."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


class Source(BaseModel):
    """What one source may speak of: one target, in one format."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    target: Annotated[str, Field(min_length=1, max_length=80)]
    format: str = "json"
    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


_FILE = TypeAdapter(dict[str, Source])


class Sources:
    """The sources of a file, read again when it changes. One that cannot be read any more leaves those that were."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = _stamp(file)
        self._by_token = _by_token(read_sources(file))

    def of_token(self, token: str) -> tuple[str, Source] | None:
        """Which source it is that has this token."""
        return self._by_token.get(_hash(token))

    def look_again(self) -> bool:
        """Whether it changed. Raises CannotStart where it cannot be read: then it is as before."""
        if (stamp := _stamp(self._file)) == self._stamp:
            return False
        self._stamp = stamp
        self._by_token = _by_token(read_sources(self._file))
        return True


def read_sources(file: Path) -> Mapping[str, Source]:
    """By their names. Raises CannotStart, with what is to be mended."""
    try:
        with file.open("rb") as opened:
            told = yaml.safe_load(opened.read(LARGEST))
        sources = _FILE.validate_python(told or {})
    except OSError as wrong:
        raise CannotStart(f"{file} cannot be read: {wrong.strerror}. Set JIT_SOURCES to the file of sources.") from None
    except yaml.YAMLError:
        raise CannotStart(f"{file} is not YAML.") from None
    except (ValidationError, RecursionError) as wrong:
        raise CannotStart(f"{file} is not as it must be: {_said(wrong)}. Look at docs/activity.md.") from None
    for name, source in sources.items():
        if not _NAME.fullmatch(name):
            raise CannotStart(f"{file}: a source is called by small letters, digits, dots, - and _, not {name!r}.")
        if source.format not in KINDS:
            raise CannotStart(f"{file}: {name} has no format that is known: {', '.join(KINDS)}.")
    return sources


def new_token() -> tuple[str, str]:
    """A token, and its hash for the file."""
    token = f"jit_{secrets.token_urlsafe(32)}"
    return token, _hash(token)


def _said(wrong: Exception) -> str:
    if not isinstance(wrong, ValidationError):
        return "too deep"
    first = wrong.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _by_token(sources: Mapping[str, Source]) -> Mapping[str, tuple[str, Source]]:
    """Raises CannotStart where two have the same one: nobody could tell who speaks."""
    found = {source.token_sha256: (name, source) for name, source in sources.items()}
    if len(found) < len(sources):
        raise CannotStart("Two sources have the same token. Give each its own: jit api --new-token NAME.")
    return found


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
