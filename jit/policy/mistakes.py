"""What is wrong with a policy, said so that it can be mended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """``line`` counts from 1, 0 where no line is to blame; ``field`` is the path of keys to it."""

    file: str
    line: int
    field: str
    problem: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        field = f" {self.field}" if self.field else ""
        hint = f'; did you mean "{self.suggestion}"?' if self.suggestion else ""
        return f"{place}{field}: {self.problem}{hint}"


class PolicyError(Exception):
    """The policy files cannot be used. ``mistakes`` holds every one found, in order of file and line."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class NotReadNow(PolicyError):
    """The process could not read the files for the moment, which says nothing of them: nothing is decided, and the
    rules have not changed.
    """
