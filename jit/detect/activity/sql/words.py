"""A text of SQL cut into words as PostgreSQL cuts it."""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Word(NamedTuple):
    """``kind`` is `name` (as PostgreSQL folds it), `quoted` (a name in quotation marks), `text`, `number` or `sign`.

    ``begins`` and ``ends`` say where it stands.
    """

    kind: str
    word: str
    begins: int
    ends: int


class NotSure(ValueError):
    """It cannot be said for certain where its words begin and end, in every setting of a session."""


_WORD = re.compile(
    r"""
    (?P<blank>[ \t\n\r\f\v]+|--[^\n\r]*)
    |(?P<comment>/\*)
    |(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    |(?P<text>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    |(?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")
    |(?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w]*)?)\$)
    |(?P<number>\$?[0-9][\w.]*)
    |(?P<name>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    |(?P<sign>::|:=|=>|[^'"])
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = re.compile(r"/\*|\*/")
_SPACES = re.compile(r"[\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]")


def words(text: str) -> Iterator[Word]:  # noqa: C901  a case for each kind of word
    """The words of a text, without comments. Raises NotSure, where what comes before has been given already."""
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise NotSure("a text is not closed")
        kind, word, begins = found.lastgroup or "", found[0], at
        at = found.end()
        match kind:
            case "blank":
                continue
            case "comment":
                at = _after_comment(text, at)
                continue
            case "tag" | "dollar":
                ends = text.find(word, at)
                if ends < 0:
                    raise NotSure("a text in dollars is not closed")
                kind, at = "text", ends + len(word)
                word = text[begins:at]
            case "escaped":
                kind = "text"
            case "text" if "\\" in word:
                raise NotSure("a backslash in a text means one thing or the other, by a setting of the session")
            case "quoted":
                if word[0] != '"':
                    raise NotSure("a name written by numbers of letters")
                word = word[1:-1].replace('""', '"')
            case "name":
                word = word.lower()
                if _SPACES.search(word):
                    raise NotSure("a blank that is none for PostgreSQL")
        yield Word(kind, word, begins, at)


def _after_comment(text: str, at: int) -> int:
    depth = 1
    while depth:
        found = _COMMENTS.search(text, at)
        if found is None:
            raise NotSure("a comment is not closed")
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return at
