"""What a condition compares its words with, so that both sides of every comparison can be tried."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jit.policy.conditions import constant
from jit.policy.expression import Token, tokens_of
from jit.policy.words import WORDS, Kind, Word

_EQUAL = frozenset({"==", "!="})
_ORDER = frozenset({"<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"*", "/", "%", "-"})
_IN_TEXT = frozenset({"startsWith", "contains", "endsWith", "matches"})
_NOTHING = Token("end", "", -1)
Literal = str | int | timedelta


@dataclass(slots=True)
class Compared:
    """Of several conditions, by the name of a word: what it is compared with.

    ``parts`` are texts that are looked for in it, each with the method that looks; ``sizes`` are what its length is
    compared with. ``loose`` are words of which more is asked than whether they are equal to a literal, or before it:
    their cases cannot all be tried.
    """

    literals: dict[str, set[Literal]] = field(default_factory=lambda: defaultdict(set))
    parts: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    sizes: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    loose: set[str] = field(default_factory=set)

    def texts(self, word: str) -> list[str]:
        return sorted(each for each in self.literals[word] if isinstance(each, str))

    def numbers(self, word: str) -> list[int]:
        return sorted(each for each in self.literals[word] if isinstance(each, int))

    def lengths(self, word: str) -> list[timedelta]:
        return sorted(each for each in self.literals[word] if isinstance(each, timedelta))


def compared_in(texts: Iterable[str]) -> Compared:
    """Of conditions that were compiled."""
    found = Compared()
    for text in texts:
        _Reader([token for token in tokens_of(text) if token.kind != "space"], found).read()
    return found


class _Reader:
    def __init__(self, tokens: Sequence[Token], found: Compared) -> None:
        self._tokens = tokens
        self._found = found

    def _at(self, place: int) -> Token:
        return self._tokens[place] if 0 <= place < len(self._tokens) else _NOTHING

    def read(self) -> None:
        for word, begin, end in self._words():
            if word.kind is Kind.YES_NO or word.name.startswith("access."):
                continue
            if word.kind is Kind.TEXTS:
                self._member(word, begin)
            elif not self._compared(word, begin, end):
                self._found.loose.add(word.name)

    def _words(self) -> Iterator[tuple[Word, int, int]]:
        """Each with its place and the one behind it and its parentheses."""
        for place, token in enumerate(self._tokens):
            if token.kind != "name" or self._at(place - 1).text == ".":
                continue
            word, end = WORDS.get(token.text), place + 1
            if word is None:
                word, end = WORDS.get(f"{token.text}.{self._at(place + 2).text}"), place + 3
            if word is None or (word.argument is None and self._at(end).text == "("):
                continue
            yield word, place, end if word.argument is None else end + 3

    def _member(self, word: Word, begin: int) -> None:
        before = self._at(begin - 2)
        if self._at(begin - 1).text == "in" and before.kind == "text":
            self._found.literals[word.name].add(_text(before))
        else:
            self._found.loose.add(word.name)

    def _compared(self, word: Word, begin: int, end: int) -> bool:
        """Whether it is only compared with a literal here, which is noted either way."""
        signs = _EQUAL if word.kind is Kind.TEXT else _EQUAL | _ORDER
        if self._at(begin - 1).text not in _ARITHMETIC:
            if self._at(end).text in signs and (right := self._literal(end + 1)):
                value, after = right
                self._found.literals[word.name].add(value)
                return self._at(after).text not in _ARITHMETIC
            if self._at(end).text == "in" and (listed := self._list(end + 1)):
                self._found.literals[word.name] |= listed
                return True
        if self._at(begin - 1).text in signs and (left := self._literal_before(begin - 2)) is not None:
            self._found.literals[word.name].add(left)
            return self._at(end).text not in _ARITHMETIC
        return word.kind is Kind.TEXT and self._in_text(word, begin, end)

    def _in_text(self, word: Word, begin: int, end: int) -> bool:
        """Whether only its length is compared."""
        method = self._at(end + 1).text
        if self._at(end).text == "." and method in _IN_TEXT and self._at(end + 3).kind == "text":
            self._found.parts[word.name].add((method, _text(self._at(end + 3))))
            return False
        after = end + 1 if self._at(begin - 2).text == "size" else end + 4 if method == "size" else -1
        size = self._literal(after + 1) if after > 0 and self._at(after).text in _EQUAL | _ORDER else None
        if size is None or not isinstance(size[0], int):
            return False
        self._found.sizes[word.name].add(size[0])
        return self._at(size[1]).text not in _ARITHMETIC

    def _literal(self, place: int) -> tuple[Literal, int] | None:
        """What stands there, and the place behind it."""
        token = self._at(place)
        if token.kind == "text":
            return _text(token), place + 1
        if token.kind == "number":
            return _number(token.text, place + 1)
        if token.text == "-" and self._at(place + 1).kind == "number":
            return _number(f"-{self._at(place + 1).text}", place + 2)
        if token.text == "duration" and self._at(place + 1).text == "(":
            length = constant(f"duration({self._at(place + 2).text})")
            return (length, place + 4) if isinstance(length, timedelta) else None
        return None

    def _literal_before(self, place: int) -> Literal | None:
        """What ends there; with arithmetic before it, it is none."""
        begin = place - 3 if self._at(place).text == ")" else place
        literal = self._literal(begin)
        if literal is None or literal[1] != place + 1 or self._at(begin - 1).text in _ARITHMETIC:
            return None
        return literal[0]

    def _list(self, place: int) -> set[Literal]:
        """Of literals alone; empty if it is another, or none."""
        found: set[Literal] = set()
        if self._at(place).text != "[":
            return found
        place += 1
        while literal := self._literal(place):
            value, place = literal
            found.add(value)
            if self._at(place).text != ",":
                break
            place += 1
        return found if self._at(place).text == "]" else set()


def _text(token: Token) -> str:
    return str(constant(token.text))


def _number(text: str, after: int) -> tuple[int, int] | None:
    value = constant(text)
    return (value, after) if isinstance(value, int) else None
