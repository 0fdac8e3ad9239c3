"""What a text of SQL does: its class, what it is about, and its text without secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from jit.detect.activity.model import LONGEST_TEXT, MORE, clean
from jit.detect.activity.secrets import MASK, SENSITIVE, masked
from jit.detect.activity.sql.classes import class_of
from jit.detect.activity.sql.found import Found, find
from jit.detect.activity.sql.words import NotSure, Word, words
from jit.facts import ActivityClass

LONGEST_READ = 32_000
"""Characters of a statement that are looked at; what comes behind may be anything."""
_CACHED = 2_000


@dataclass(frozen=True, slots=True)
class Statement:
    """``role`` is the role it takes on, empty for the session's own, None where it takes on none."""

    class_: ActivityClass
    objects: tuple[str, ...]
    text: str
    role: str | None = None
    hides: bool = False


def read_statement(text: str) -> Statement:
    """What is sent in one text, which may hold several statements: the most serious class, and all their objects."""
    return _remembered(text) if len(text) <= _CACHED else _read(text)


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Statement:
    return _read(text)


def _read(text: str) -> Statement:
    found: list[Word] = []
    sure = len(text) <= LONGEST_READ
    text = text[:LONGEST_READ]
    try:
        for word in words(text):
            found.append(word)  # noqa: PERF402  what was read before NotSure is kept
    except NotSure:
        sure = False
    each = [_one(statement) for statement in _statements(found)]
    class_ = max((one.class_ for one in each), key=list(ActivityClass).index, default=ActivityClass.READ)
    if not sure:
        class_ = max(class_, ActivityClass.EXEC, key=list(ActivityClass).index)
    objects = tuple(dict.fromkeys(name for one in each for name in one.objects))
    if not sure:
        objects = (*objects, MORE)
    roles = [one.role for one in each if one.role is not None]
    said = clean(_without_secrets(text, found, sure=sure), LONGEST_TEXT)
    return Statement(class_, objects, said, roles[-1] if roles else None, any(one.hides for one in each))


def _statements(found: Sequence[Word]) -> list[Sequence[Word]]:
    """Cut at semicolons, wherever they stand: within the body of a function in SQL too, which is then read as well."""
    cut: list[list[Word]] = [[]]
    for word in found:
        if word.word == ";" and word.kind == "sign":
            cut.append([])
        else:
            cut[-1].append(word)
    return [statement for statement in cut if statement]


def _one(statement: Sequence[Word]) -> Found:
    found = find(statement)
    return class_of(statement, found)


def _without_secrets(text: str, found: Sequence[Word], *, sure: bool) -> str:
    """Where anything in it is called like a secret, no text in it is kept: a value stands far from its column."""
    names = [word for word in found if word.kind in {"name", "quoted"}]
    secret = any(SENSITIVE.search(word.word) or word.word in _SECRET_ARGUMENTS for word in names)
    if secret:
        parts, at = [], 0
        for word in found:
            if word.kind == "text":
                parts += [text[at : word.begins], f"'{MASK}'"]
                at = word.ends
        parts.append(MASK if not sure else text[at:])
        text = "".join(parts)
    return masked(text)


_SECRET_ARGUMENTS = frozenset(
    {"identified", "crypt", "hmac", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "pgp_sym_encrypt"}
    | {"pgp_sym_decrypt", "pgp_sym_encrypt_bytea", "pgp_sym_decrypt_bytea", "pgp_pub_decrypt", "dblink_connect"}
)
