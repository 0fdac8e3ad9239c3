"""Several policy files as one, with the place of everything in them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from jit.policy.files.document import Document, Path, field_name
from jit.policy.files.mistakes import Mistake, Mistakes

SECTIONS = (
    "channels",
    "alerts",
    "groups",
    "people",
    "directory",
    "schedules",
    "incidents",
    "calendars",
    "targets",
    "access",
)
LISTS = ("security", "shared", "lockdown", "standing")
KEYS = (*SECTIONS, *LISTS)
MOST_COMPARED = 200_000
"""Names that are looked at for one that was perhaps meant: a second or two."""


@dataclass(slots=True)
class Merged:
    """``sections`` maps each section to its entries, and ``lists`` holds the keys that stand for a list.

    ``whole`` is False if a file could not be read, so that what seems to be missing may only be unseen.
    """

    sections: dict[str, dict[str, object]] = field(default_factory=lambda: {key: {} for key in SECTIONS})
    lists: dict[str, object] = field(default_factory=lambda: dict.fromkeys(LISTS, ()))
    whole: bool = True
    mistakes: Mistakes = field(default_factory=Mistakes)
    _homes: dict[Path, Document] = field(default_factory=dict)
    _compared: int = 0

    def has(self, key: str) -> bool:
        """Whether some file has this key."""
        return (key,) in self._homes

    def blame(self, path: Path, problem: str, suggestion: str | None = None) -> None:
        """Note a mistake at ``path``. Raises TooManyMistakes."""
        self.mistakes.note(self.mistake(path, problem, suggestion))

    def mistake(self, path: Path, problem: str, suggestion: str | None = None) -> Mistake:
        """At ``path``, or at the nearest thing around it that has a line."""
        home = self._homes.get(path[:2]) or self._homes.get(path[:1]) or self._homes[()]
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in home.lines)
        return Mistake(home.file, home.lines[known], field_name(path), problem, suggestion)

    def suggest(self, word: str, known: Collection[str]) -> str | None:
        """What was perhaps meant, unless too much was compared already."""
        self._compared += len(known)
        return nearest(word, known) if self._compared <= MOST_COMPARED else None

    def take(self, document: Document) -> None:
        """Raises TooManyMistakes."""
        self._homes.setdefault((), document)
        self.mistakes.note(*document.mistakes)
        self.whole = self.whole and document.readable
        if document.content is None:
            return
        if not isinstance(document.content, dict):
            self.mistakes.note(Mistake(document.file, 1, "", f"must hold keys like {', '.join(KEYS)}"))
            return
        for key, value in document.content.items():
            if key in SECTIONS:
                self._take_section(document, key, value)
            elif key in LISTS:
                if self._is_new(document, (key,)):
                    self.lists[key] = value
            else:
                self._homes.setdefault((key,), document)
                self.blame((key,), "unknown key", nearest(key, KEYS))

    def _take_section(self, document: Document, section: str, content: object) -> None:
        self._homes.setdefault((section,), document)
        if not isinstance(content, dict):
            line = document.lines[section,]
            self.mistakes.note(Mistake(document.file, line, section, "must hold keys and values"))
            return
        for key, value in content.items():
            if self._is_new(document, (section, key)):
                self.sections[section][key] = value

    def _is_new(self, document: Document, path: Path) -> bool:
        if path in self._homes:
            first = self._homes[path]
            problem = f"defined twice; first in {first.file}:{first.lines[path]}"
            self.mistakes.note(Mistake(document.file, document.lines[path], field_name(path), problem))
            return False
        self._homes[path] = document
        return True


def nearest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)
