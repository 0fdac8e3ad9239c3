"""Which incident patterns are safe to match against what strangers type.

Python's matcher backtracks, so a careless pattern can take for ever on a short text. Only patterns
whose work is bounded on `LONGEST_INCIDENT` characters are let in; the bound is coarse, on the safe side.
"""

import re
from dataclasses import dataclass

_LONGEST = 200
_MOST_REPEATS = 4
_MOST_WAYS = 64
_TOKENS = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<exact>\{[0-9]+\})|(?P<optional>\?)|(?P<repeat>[*+]|\{[0-9]*,[0-9]*\})|(?P<other>.)",
    re.DOTALL,
)


@dataclass
class _Group:
    """What one pair of brackets holds: choices between alternatives, alternatives of its own, repeats."""

    ways: int = 1
    bars: int = 0
    repeats: int = 0

    def take(self, inner: "_Group") -> None:
        self.repeats += inner.repeats
        self.ways *= inner.ways + inner.bars

    def varies(self) -> bool:
        return bool(self.bars or self.repeats or self.ways > 1)


def why_unsafe(pattern: str) -> str | None:
    """What speaks against an incident pattern, in words for its author; None if nothing does."""
    if not pattern.isascii():
        return "a pattern must be ASCII"
    if len(pattern) > _LONGEST:
        return f"a pattern of more than {_LONGEST} characters"
    try:
        compiled = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        return f"this regular expression does not compile: {getattr(error, 'msg', error)}"
    if compiled.fullmatch(""):
        return "this pattern accepts an empty text, so it asks for nothing"
    return _why_slow(pattern)


def _why_slow(pattern: str) -> str | None:
    stack = [_Group()]
    ended: _Group | None = None
    for token in _TOKENS.finditer(pattern):
        just_ended, ended = ended, None
        kind, text = token.lastgroup, token.group()
        if problem := _why_barred(kind, text, pattern[token.start() :]):
            return problem
        if kind in ("repeat", "exact") and just_ended and just_ended.varies():
            return "a repeated group that holds a repeat or an alternative can take for ever to match"
        if kind == "open":
            stack.append(_Group())
        elif kind == "close":
            ended = stack.pop()
            stack[-1].take(ended)
        stack[-1].bars += kind == "bar"
        stack[-1].repeats += kind in ("repeat", "optional")
    whole = _Group()
    whole.take(stack[0])
    if whole.repeats > _MOST_REPEATS:
        return f"more than {_MOST_REPEATS} repeats (*, +, ?, {{m,n}}) can take for ever to match"
    if whole.ways > _MOST_WAYS:
        return f"more than {_MOST_WAYS} combinations of alternatives can take for ever to match"
    return None


def _why_barred(kind: str | None, text: str, rest: str) -> str | None:
    if kind == "open" and text == "(" and rest.startswith("(?"):
        return "of the (?...) forms only (?:...) is allowed here"
    if kind == "escape" and text[1] in "123456789":
        return "a back-reference is not allowed here"
    return None
