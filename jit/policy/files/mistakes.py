"""What is wrong with a policy, said so that it can be mended."""

from dataclasses import dataclass

from jit.errors import Expected

MOST_MISTAKES = 200
"""As many are told of at once."""
_LONGEST = 500
"""Characters of what stands in the files, where it is said again."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """``line`` counts from 1, 0 where no line is to blame; ``field`` is the path of keys to it."""

    file: str
    line: int
    field: str
    problem: str
    suggestion: str | None = None

    def __str__(self) -> str:
        file, problem = _sayable(self.file), _sayable(self.problem)
        place = f"{file}:{self.line}" if self.line else file
        field = f" {_sayable(self.field)}" if self.field else ""
        hint = f'; did you mean "{_sayable(self.suggestion)}"?' if self.suggestion else ""
        return f"{place}{field}: {problem}{hint}"


def _sayable(text: str) -> str:
    """Names of files and keys may hold anything, and what is wrong with them has to be recorded and shown."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in short)


class TooManyMistakes(Exception):
    """More than `MOST_MISTAKES`: nobody reads on, and looking for more could take for ever."""


class Mistakes(list[Mistake]):
    """Those found so far."""

    def note(self, *more: Mistake) -> None:
        """Raises TooManyMistakes."""
        self.extend(more[: MOST_MISTAKES - len(self)])
        if len(self) >= MOST_MISTAKES:
            raise TooManyMistakes


class PolicyError(Expected):
    """The policy files cannot be used. ``mistakes`` holds every one found, in order of file and line."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class NotReadNow(PolicyError):
    """The process could not read the files for the moment, which says nothing of them: nothing is decided, and the
    rules have not changed.
    """
