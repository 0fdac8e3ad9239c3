"""The text of a condition, read word by word before CEL sees it.

Conditions are a part of CEL, in which nothing goes through a list (no `exists`, `all`, `map`, so no variables of one's
own) and nothing grows (no `+`). So each name in the text is a word of `jit.policy.words` or a function, what has to be
looked up before deciding stands in the text, and the work of an evaluation grows with the length of the text alone.

A word with parentheses, `now.hour("Europe/Berlin")`, is handed to CEL as the entry of a table,
`now.hour["Europe/Berlin"]`, with what is known then in the table. So no function of ours runs inside of CEL: what is
not known is an entry that is not there, which CEL counts as an error. If this reading of the text ever differed from
CEL's, there would be no such function, or no such entry: never a yes.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jit.policy.calendars import Calendar, known_zones
from jit.policy.files.merge import nearest
from jit.policy.words import MOST_DAYS, WORDS, Argument, Kind, Word

LONGEST = 1000
"""Characters of a condition."""
MOST_MATCHES = 5
"""Regular expressions in one condition: nothing else in it takes long."""
FUNCTIONS = ("duration", "has", "size")
METHODS = ("contains", "endsWith", "matches", "size", "startsWith", "getHours", "getMinutes", "getSeconds")
_THROUGH_LISTS = ("all", "exists", "exists_one", "existsOne", "filter", "map")
_NO_NAMES = ("true", "false", "in")
_LITERAL_ONLY = {"duration": "a length of time", "matches": "a regular expression"}
_OF_LABELS = ["access", ".", "labels", "."]
_INSTEAD = {"and": "&&", "or": "||", "not": "!", "&": "&&", "|": "||", "=": "=="}
_PRINTED_QUOTES = "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}"
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<sign>&&|\|\||[=!<>]=|[<>!?:()\[\],.*/%-])""",
    re.VERBOSE | re.ASCII,
)


class BadCondition(ValueError):
    """A condition that cannot be used. ``problem`` says why in words for its author, ``suggestion`` what was perhaps
    meant.
    """

    def __init__(self, problem: str, suggestion: str | None = None) -> None:
        super().__init__(f'{problem}; did you mean "{suggestion}"?' if suggestion else problem)
        self.problem = problem
        self.suggestion = suggestion


class Use(NamedTuple):
    """A word as a condition uses it. ``key`` is what stands in its parentheses, ``calendar`` the one of that name."""

    word: Word
    key: str | int | None = None
    calendar: Calendar | None = None

    @property
    def spelled(self) -> str:
        if self.key is None:
            return self.word.name
        return self.word.called(self.key if isinstance(self.key, int) else f'"{self.key}"')


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a policy knows. Of ``groups`` None is not known, and none is missed."""

    schedules: Collection[str]
    calendars: Mapping[str, Calendar]
    groups: Collection[str] | None


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition as it was read. ``for_cel`` has the same length as the text; ``literals`` are what stands in the
    parentheses of `duration` and `matches`.
    """

    for_cel: str
    in_words: str
    uses: tuple[Use, ...]
    literals: tuple[tuple[str, str], ...]


class Token(NamedTuple):
    kind: str
    text: str
    start: int


_END = Token("end", "", -1)
_OPENS, _CLOSES = frozenset("(["), frozenset(")]")


def read_expression(text: str, names: Names) -> Expression:
    """Raises BadCondition."""
    if len(text) > LONGEST:
        raise BadCondition(f"has {len(text):,} characters; a condition has {LONGEST:,} at most")
    tokens = [*tokens_of(text)]
    in_words = "".join(" " if token.kind == "space" else token.text for token in tokens).strip()
    if not in_words:
        raise BadCondition("says nothing")
    reader = _Reader([token for token in tokens if token.kind != "space"], names)
    reader.read()
    letters = [*text]
    for at, bracket in reader.brackets.items():
        letters[at] = bracket
    return Expression("".join(letters), in_words, tuple(dict.fromkeys(reader.uses)), tuple(reader.literals))


def tokens_of(text: str) -> Iterator[Token]:
    """Blanks too. Raises BadCondition."""
    at = 0
    while at < len(text):
        if text.startswith("//", at):
            raise BadCondition("holds a comment, which YAML may make go on over the next line; write it with # outside")
        found = _TOKEN.match(text, at)
        if found is None:
            raise _not_understood(text[at:])
        if not all(letter.isprintable() or letter in "\t\r\n" for letter in found[0]):
            raise BadCondition(f"holds a letter that cannot be seen: {excerpt(found[0])}")
        yield Token(str(found.lastgroup), found[0], at)
        at = found.end()


def parts_of(text: str) -> list[str]:
    """What has to hold together for a condition to hold: what stands between its outermost `&&`."""
    tokens = [token for token in tokens_of(text) if token.kind != "space"]
    depth, begin, parts = 0, 0, []
    for token in tokens:
        depth += (token.text in _OPENS) - (token.text in _CLOSES)
        if depth == 0 and token.text in {"||", "?"}:
            return [text]
        if depth == 0 and token.text == "&&":
            parts.append(text[begin : token.start])
            begin = token.start + len(token.text)
    return [*parts, text[begin:]]


def _not_understood(rest: str) -> BadCondition:
    if rest[0] in _PRINTED_QUOTES:
        return BadCondition(f'quotes are written like "this", not like {excerpt(rest)}')
    if rest[0] in "\"'":
        return BadCondition(f"a text is not closed: {excerpt(rest)}")
    if rest[0] == "+":
        return BadCondition(f"nothing is added up in a condition; write the sum instead of {excerpt(rest)}")
    return BadCondition(f"stops making sense at {excerpt(rest)}", _INSTEAD.get(rest[0]))


def excerpt(text: str) -> str:
    """The beginning of a text, in one line of letters that can be seen."""
    short = text if len(text) <= 30 else f"{text[:29]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in short)


class _Reader:
    """Goes through the tokens once. ``brackets`` are those to put in place of parentheses, by where they stand."""

    def __init__(self, tokens: list[Token], names: Names) -> None:
        self.uses: list[Use] = []
        self.brackets: dict[int, str] = {}
        self.literals: list[tuple[str, str]] = []
        self._tokens = tokens
        self._names = names
        self._labels_end = -1

    def read(self) -> None:
        """Raises BadCondition."""
        place = 0
        while place < len(self._tokens):
            place = self._read_at(place)

    def _at(self, place: int) -> Token:
        return self._tokens[place] if 0 <= place < len(self._tokens) else _END

    def _three(self, place: int) -> tuple[Token, Token, Token]:
        return self._at(place), self._at(place + 1), self._at(place + 2)

    def _read_at(self, place: int) -> int:
        """The place after what stands at ``place``."""
        token, before = self._at(place), self._at(place - 1)
        if token.kind == "text" and before.kind == "text":
            raise BadCondition(f"two texts stand side by side: {excerpt(before.text + token.text)}")
        if token.text == "." and not _may_be_asked(before):
            raise _not_understood(excerpt("".join(each.text for each in self._tokens[place:])))
        if token.kind != "name" or token.text in _NO_NAMES:
            return place + 1
        if before.text == ".":
            self._asked(place)
            return place + 1
        if self._at(place + 1).text == "(":
            self._function(place)
            return place + 1
        return self._word(place)

    def _asked(self, place: int) -> None:
        """What stands behind a dot: a method, or the name of a label."""
        name = self._at(place).text
        if self._at(place + 1).text != "(":
            if place - 1 != self._labels_end:
                raise BadCondition(f"nothing is called .{name}", _near(name, METHODS))
            return
        if name in _THROUGH_LISTS:
            raise BadCondition(f'a condition does not go through lists with {name}; write "a" in … || "b" in …')
        if name not in METHODS:
            raise BadCondition(f"nothing can be asked with .{name}(…)", _near(name, METHODS))
        self._literal_of(place)

    def _function(self, place: int) -> None:
        name = self._at(place).text
        if name == "matches":
            raise BadCondition("matches stands behind the text that it looks at", "reason.matches")
        if name not in FUNCTIONS:
            raise BadCondition(f"there is no function {name}", _near(name, FUNCTIONS) or _near_word(name))
        if name == "has" and [each.text for each in self._tokens[place + 2 : place + 6]] != _OF_LABELS:
            raise BadCondition("has asks whether there is a label", "has(access.labels.team)")
        self._literal_of(place)

    def _literal_of(self, place: int) -> None:
        """Notes what stands in the parentheses, where a mistake in it would show only while deciding."""
        name = self._at(place).text
        opens, argument, closes = self._three(place + 1)
        if name not in _LITERAL_ONLY:
            return
        if opens.text != "(" or argument.kind != "text" or closes.text != ")":
            raise BadCondition(f"{name} wants {_LITERAL_ONLY[name]} in quotes, and nothing else")
        self.literals.append((name, argument.text))
        if [each for each, _ in self.literals].count("matches") > MOST_MATCHES:
            raise BadCondition(f"a condition has {MOST_MATCHES} regular expressions at most")

    def _word(self, place: int) -> int:
        """The place after the word that begins at ``place``."""
        first, dot, second = self._three(place)
        dotted = f"{first.text}.{second.text}" if dot.text == "." and second.kind == "name" else first.text
        word = WORDS.get(dotted) or WORDS.get(first.text)
        if word is None:
            raise _no_such_word(dotted)
        after = place + (1 if word.name == first.text else 3)
        use, end = self._used(word, after)
        self.uses.append(use)
        if word.kind is Kind.LABELS:
            self._labels_end = end
        self._check_comparison(use, place, end)
        return end

    def _used(self, word: Word, place: int) -> tuple[Use, int]:
        opens, argument, closes = self._three(place)
        if word.argument is None:
            if opens.text == "(":
                raise BadCondition(f"{word.name} is written without parentheses", word.name)
            return Use(word), place
        wanted = "number" if word.argument is Argument.DAYS else "text"
        if opens.text != "(" or argument.kind != wanted or closes.text != ")":
            quotes = "" if word.argument is Argument.DAYS else " in quotes"
            raise BadCondition(f"{word.name} wants {word.argument}{quotes}, as it stands: {word.spelled}")
        self.brackets |= {opens.start: "[", closes.start: "]"}
        return self._resolved(word, word.argument, argument.text), place + 3

    def _resolved(self, word: Word, argument: Argument, written: str) -> Use:
        if argument is Argument.DAYS:
            if written not in map(str, range(1, MOST_DAYS + 1)):
                raise BadCondition(f"{word.name} looks back 1 to {MOST_DAYS} days, in whole numbers")
            return Use(word, int(written))
        name = _plain(written)
        known: dict[Argument, tuple[str, Collection[str]]] = {
            Argument.SCHEDULE: ("schedule of the policy", self._names.schedules),
            Argument.CALENDAR: ("calendar of the policy", self._names.calendars),
            Argument.ZONE: ("time zone", known_zones()),
        }
        what, names = known[argument]
        if name not in names:
            raise BadCondition(f"no {what} is called {excerpt(name)}", _near(name, names))
        return Use(word, name, self._names.calendars[name] if argument is Argument.CALENDAR else None)

    def _check_comparison(self, use: Use, begin: int, end: int) -> None:
        """A word is not compared with a text that it can never be: with != or ! that would always hold."""
        if use.word.name == "requester.groups" and self._names.groups is not None:
            if self._at(begin - 1).text == "in" and self._at(begin - 2).kind == "text":
                self._require_one_of(use, self._names.groups, [self._at(begin - 2)])
        elif use.word.one_of:
            self._require_one_of(use, use.word.one_of, self._compared(begin, end))

    def _require_one_of(self, use: Use, known: Collection[str], compared: Iterable[Token]) -> None:
        for token in compared:
            if (text := _plain(token.text)) not in known:
                problem = f"{excerpt(token.text)} is none of what {use.spelled} can be"
                if not use.word.one_of:
                    problem = f"no group of the policy is called {excerpt(text)}"
                raise BadCondition(problem, _near(text.lower(), known))

    def _compared(self, begin: int, end: int) -> Iterator[Token]:
        if self._at(end).text in {"==", "!="} and self._at(end + 1).kind == "text":
            yield self._at(end + 1)
        if self._at(begin - 1).text in {"==", "!="} and self._at(begin - 2).kind == "text":
            yield self._at(begin - 2)
        if self._at(end).text == "in" and self._at(end + 1).text == "[":
            place = end + 2
            while (token := self._at(place)).kind == "text" or token.text == ",":
                if token.kind == "text":
                    yield token
                place += 1


def _near(word: str, known: Iterable[str]) -> str | None:
    """Looking for what is like a long text takes long, and finds nothing."""
    return nearest(word, known) if len(word) <= 75 else None


def _near_word(name: str) -> str | None:
    """First among the words of its family, and those that end as it does."""
    family = [word for word in WORDS if word.partition(".")[0] == name.partition(".")[0]]
    ending = [word for word in WORDS if word.endswith(f".{name}")]
    return _near(name, family) or next(iter(ending), None) or _near(name, WORDS)


def _may_be_asked(token: Token) -> bool:
    """Whether a dot may follow: CEL takes one that begins a name for a name from further out."""
    return token.text in {")", "]"} or token.kind == "text" or (token.kind == "name" and token.text not in _NO_NAMES)


def _plain(literal: str) -> str:
    """What is between the quotes. A name holds nothing that would have to be escaped."""
    return literal.lstrip("rR")[1:-1]


def _no_such_word(dotted: str) -> BadCondition:
    root = dotted.partition(".")[0]
    family = [name for name in WORDS if name.startswith(f"{root}.")]
    if dotted == root and family:
        return BadCondition(f"{root} alone says nothing; there is {', '.join(family)}")
    if dotted in _INSTEAD:
        return BadCondition(f"{dotted} is written as a sign", _INSTEAD[dotted])
    return BadCondition(
        f"nothing is called {excerpt(dotted)}", nearest(dotted, family or WORDS) or nearest(dotted, WORDS)
    )
