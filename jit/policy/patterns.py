"""Which incident patterns are safe to match against what strangers type.

Python's matcher backtracks, so a careless pattern can take for ever on a short text. Only patterns
whose work is bounded on `LONGEST_INCIDENT` characters are let in; the bound is coarse, on the safe side.
"""

import re
from dataclasses import dataclass

from jit.policy.model import LONGEST_INCIDENT

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
    """What one pair of brackets holds: choices between alternatives, alternatives of its own, repeats; and how often
    something in it is written to come, one such number times the next around it.
    """

    ways: int = 1
    bars: int = 0
    repeats: int = 0
    times: int = 1

    def take(self, inner: "_Group") -> None:
        self.repeats += inner.repeats
        self.times = max(self.times, inner.times)
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
    if problem := _why_slow(pattern):
        return problem
    if compiled.fullmatch(""):
        return "this pattern accepts an empty text, so it asks for nothing"
    return None


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
        times = _times(text) * (just_ended.times if just_ended else 1) if kind in ("repeat", "exact") else 1
        if times > LONGEST_INCIDENT:
            return f"repeats something {times:,} times; an incident has {LONGEST_INCIDENT} characters at most"
        stack[-1].times = max(stack[-1].times, times)
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


def _times(braces: str) -> int:
    """The larger number in `{2}` or `{2,5}`. What matches nothing, like a word's edge, is repeated all the same,
    however often that is, and no other thread gets on meanwhile.
    """
    return max((int(number) for number in re.findall("[0-9]+", braces)), default=1)


def _why_barred(kind: str | None, text: str, rest: str) -> str | None:
    if kind == "open" and text == "(" and rest.startswith("(?"):
        return "of the (?...) forms only (?:...) is allowed here"
    if kind == "escape" and text[1] in "123456789":
        return "a back-reference is not allowed here"
    return None
