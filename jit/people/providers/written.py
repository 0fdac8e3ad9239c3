"""What may be written in a policy about a provider, with what is wrong with it in words; no value is repeated."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_SECRET_FILE = re.compile(r"file:/\S+")
_OURS = re.compile(r"env:(?:(?:SLACK|AWS)_.*|REDIS_URL|JIT_.*)")
"""Variables that hold secrets of jit's own, which no provider is told."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,74}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9]{0,9}[-_#]?")


def secret_name(text: str) -> str:
    if _OURS.fullmatch(text):
        raise ValueError("names a secret of jit's own; give the provider's token a variable of its own")
    if not _ENVIRONMENT.fullmatch(text) and not _SECRET_FILE.fullmatch(text):
        raise ValueError("a secret is named, never written down: use env:NAME or file:/path")
    return text


def address(text: str) -> str:
    """Where a provider is asked. Only this machine is spoken to without TLS."""
    parts = split_address(text)
    if parts.query or parts.fragment:
        raise ValueError("an address without ? and #")
    return text.rstrip("/")


def split_address(text: str) -> SplitResult:
    """Raises ValueError."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address; write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or " " in text or "\\" in text:
        raise ValueError("is no address; write https://host/path")
    if "@" in parts.netloc:
        raise ValueError("holds a login; a secret is named, never written down")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise ValueError("must begin with https://: who answers without TLS could be anybody")
    return parts


def zone_name(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("is no time zone; write it like Europe/Berlin")
    ZoneInfo(text)
    return text


def words_for_ids(words: dict[str, str]) -> dict[str, str]:
    if any(not _WORD.fullmatch(word) or not _ID.fullmatch(id_) for word, id_ in words.items()):
        raise ValueError("maps words, like orders, to ids of the provider")
    if len(set(words.values())) < len(words):
        raise ValueError("gives two words to one id")
    return words


def written_like(pattern: str, problem: str) -> Callable[[str], str]:
    """A check that gives the text back, or raises ValueError with the problem."""
    matches = re.compile(pattern).fullmatch

    def checked(text: str) -> str:
        if matches(text) is None:
            raise ValueError(problem)
        return text

    return checked


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(address)]
SecretName = Annotated[str, AfterValidator(secret_name)]
Prefix = Annotated[str, AfterValidator(written_like(_PREFIX.pattern, "is what stands before the number, like INC-"))]
Severities = Mapping[str, Annotated[int, Field(ge=1, le=5)]]
