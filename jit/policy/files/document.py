"""One YAML file as plain values, with the line of everything, and without YAML's traps.

Built straight from the parser's events: aliases, tags and deep nesting are refused before anything
grows, a key given twice is noticed, and a bare word that some reader would take for something else
than text is never guessed at.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml
from yaml import events as yaml_events

from jit.policy.files.mistakes import MOST_MISTAKES, Mistake

Path = tuple[str | int, ...]

LARGEST = 4 * 1024 * 1024
"""Bytes in one file."""
MOST_VALUES = 500_000
"""Keys and values in all files together: 10,000 accesses of three rules take 450,000, and are read in 3 s."""
TOO_MANY = f"more than {MOST_VALUES:,} keys and values, the most that all policy files together may hold"

_DEEPEST = 12
_KEY = "?"
_BOM = b"\xef\xbb\xbf"
_UNSEEN = re.compile("[\x85\u2028\u2029\ufeff]")
"""Line breaks to some YAML readers and nothing to the eye: a rule could hide behind a comment."""
_TRAPS = frozenset({"y", "n", "yes", "no", "on", "off"})
_EMPTY = frozenset({"", "~", "null"})
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:e[-+]?[0-9]+)?|[-+]?0[xob][0-9a-f_]+|[-+]?\.inf|\.nan",
    re.IGNORECASE | re.ASCII,
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?")


@dataclass(frozen=True, slots=True)
class NotText:
    """A bare word that YAML readers do not take for text; ``what`` says what they see in it, ``bare`` is the word."""

    what: str
    bare: str = field(default="", compare=False)


@dataclass(slots=True)
class Document:
    """``content`` of dicts, tuples, text, whole numbers, booleans, None and `NotText`."""

    file: str
    content: object = None
    lines: dict[Path, int] = field(default_factory=lambda: {(): 0})
    mistakes: list[Mistake] = field(default_factory=list)
    readable: bool = True
    size: int = 0
    """Keys and values."""


class _Unreadable(Exception):
    def __init__(self, line: int, problem: str, path: Path = ()) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.path = path


def field_name(path: Path) -> str:
    """`access.orders-db/read.approve[0].all_of`"""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if part != _KEY)
    return "".join(parts).removeprefix(".")


def read_document(file: str, data: bytes) -> Document:
    """Never raises: what is wrong is in ``mistakes``; ``readable`` is False if the rest is unknown."""
    document = Document(file)
    try:
        _Reader(document).read(_text(data))
    except _Unreadable as error:
        document.readable = False
        document.mistakes.append(Mistake(file, error.line, field_name(error.path), error.problem))
    return document


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise _Unreadable(0, f"larger than {LARGEST // 1024 // 1024} MB; split it")
    if data.startswith(_BOM):
        raise _Unreadable(1, "begins with a byte order mark; save it as plain UTF-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "is not UTF-8") from None
    if unseen := _UNSEEN.search(text):
        line = text.count("\n", 0, unseen.start()) + 1
        raise _Unreadable(line, f"holds the unseen character U+{ord(unseen[0]):04X}; take it out")
    return text


def _events(text: str) -> Iterator[yaml_events.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unreadable(mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        raise _Unreadable(line, "not YAML: a character that cannot stand in a text file") from None
    except (ValueError, LookupError, AttributeError, AssertionError, TypeError):
        raise _Unreadable(0, "not YAML") from None


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._events: Iterator[yaml_events.Event] = iter(())

    def read(self, text: str) -> None:
        self._events = _events(text)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml_events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Unreadable(_line(event), "a second YAML document; use a file of its own")
                if event.version or event.tags:
                    raise _Unreadable(_line(event), "%-directives are not used here")
            elif isinstance(event, yaml_events.NodeEvent):
                self._document.content = self._node(event, ())

    def _node(self, event: yaml_events.Event, path: Path) -> object:
        self._document.lines.setdefault(path, _line(event))
        self._document.size += 1
        if self._document.size > MOST_VALUES:
            raise _Unreadable(_line(event), TOO_MANY)
        if len(path) > _DEEPEST:
            raise _Unreadable(_line(event), "nested too deeply", path)
        if isinstance(event, yaml_events.AliasEvent):
            self._mistake(event, path, "aliases (*name) are not used here; write it out")
            return None
        if getattr(event, "tag", None) not in (None, "!"):
            self._mistake(event, path, "tags (!name) are not used here")
        if isinstance(event, yaml_events.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml_events.SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, yaml_events.ScalarEvent):
            return self._scalar(event, path)
        raise _Unreadable(_line(event), "not YAML", path)

    def _mapping(self, path: Path) -> Mapping[str, object]:
        content: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml_events.MappingEndEvent):
            key = self._node(event, (*path, _KEY))
            line = _line(event)
            self._document.lines.pop((*path, _KEY), None)
            if not isinstance(key, str):
                self._mistake(event, path, "a key must be text; put it in quotes")
                self._node(next(self._events), (*path, _KEY))
            elif key in content:
                first = self._document.lines[*path, key]
                self._mistake(event, (*path, key), f"defined twice; first in line {first}")
                self._node(next(self._events), (*path, key))
            else:
                self._document.lines[*path, key] = line
                content[key] = self._node(next(self._events), (*path, key))
        return content

    def _sequence(self, path: Path) -> tuple[object, ...]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml_events.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return tuple(items)

    def _scalar(self, event: yaml_events.ScalarEvent, path: Path) -> object:
        text: str = event.value
        if event.style:
            return text
        if text.lower() in _TRAPS:
            self._mistake(event, path, f'put "{text}" in quotes: some YAML readers take it for true or false')
            return text
        return _plain(text)

    def _mistake(self, event: yaml_events.Event, path: Path, problem: str) -> None:
        if len(self._document.mistakes) < MOST_MISTAKES:
            self._document.mistakes.append(Mistake(self._document.file, _line(event), field_name(path), problem))


def _plain(text: str) -> object:
    if text.lower() in _EMPTY:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return NotText("a number")
    if _DATE.fullmatch(text):
        return NotText("a date", text)
    return text


def _line(event: yaml_events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
