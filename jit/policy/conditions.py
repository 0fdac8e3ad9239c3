"""Conditions: `when` of a rule, in CEL, checked when a policy is loaded and asked while deciding.

Compiling goes in four steps, each of which refuses in words for the author of the policy:
1. The text is read word by word (`jit.policy.expression`), against the words there are and the names of the policy.
2. What stands in `duration("…")` and `matches("…")` is tried: CEL would find a mistake there only while deciding.
3. CEL parses the text and checks its types.
4. It must be a yes or no.

What comes of a condition is never more than one of `Holds.YES`, `Holds.NO` and `Unknown`, and Unknown is what people
decide on.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache
from typing import Any

import re2

from jit.policy.calendars import Calendar
from jit.policy.expression import BadCondition, Names, Use, excerpt, parts_of, read_expression
from jit.policy.inputs import IncidentInputs, Inputs
from jit.policy.words import WORDS, Argument, Kind, Word

__all__ = ["BadCondition", "Condition", "Holds", "IncidentInputs", "Inputs", "Unknown", "compile_condition"]

_LONGEST_PATTERN = 200
_PATTERN = re2.Options()
_PATTERN.max_mem = 1 << 15  # bytes; so small that 2,000 characters are gone through in 3 ms, whatever the pattern
_PATTERN.log_errors = False

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'")
_UNDECLARED = re.compile(r"undeclared reference to '(\w+)'")
_KIND = re.compile(r"[\w.]+(?:\([^)]*\))?")
_KINDS = {
    "bool": "a yes or no",
    "string": "a text",
    "int": "a number",
    "double": "a number with a point",
    "duration": "a length of time",
    "google.protobuf.Duration": "a length of time",
    "list(string)": "a list of texts",
    "map(string,string)": "texts by name",
}
_ASKED = {"requester.responder"} | {name for name in WORDS if name.startswith("incident.")}
_ASKED -= {"incident.id", "incident.given"}
"""The words that the provider of incidents knows."""
_ALWAYS_KNOWN = ("requester.id", "access.", "duration", "reason", "incident.id", "incident.given", "now.")
_ERRORS = {"NOT_FOUND": "it reads a label that is not there"}
"""What CEL calls an error, in words. The rest of what it says may hold what somebody wrote, and stays here."""


class Holds(Enum):
    """Whether a condition holds. Only a yes is true."""

    YES = "yes"
    NO = "no"

    def __bool__(self) -> bool:
        return self is Holds.YES


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told whether a condition holds, so people decide. ``why`` holds no value of anybody."""

    why: str

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was compiled. Threads may share it. Two of the same text are equal if their calendars are.

    ``in_words`` is the text in one line. ``uses`` are the words that it reads.
    """

    text: str
    in_words: str
    uses: tuple[Use, ...]
    _program: Any = field(compare=False, repr=False)

    def holds(self, inputs: Inputs) -> Holds | Unknown:
        """Never raises. Takes less than 30 ms of one core and 16 MB, whatever the text and the inputs."""
        not_known: list[str] = []
        says = ""
        try:
            found = self._program.eval(data=self._data(inputs, not_known))
            if found.type() == _cel().Type.BOOL:
                return Holds.YES if found.value() is True else Holds.NO
            says = str(found.value())
        except Exception:  # noqa: BLE001, S110  CEL returns some errors and raises others
            pass
        if not_known:
            return Unknown(f"not known: {', '.join(not_known)}")
        return Unknown(_ERRORS.get(says.partition(":")[0], "it could not be evaluated"))

    @property
    def parts(self) -> "tuple[Condition, ...]":
        """What has to hold together for it to hold, each a condition: itself alone, where that is not so."""
        texts = parts_of(self.text)
        if len(texts) == 1:
            return (self,)
        calendars = {str(use.key): use.calendar for use in self.uses if use.calendar is not None}
        return tuple(compile_condition(text, schedules=self.schedules, calendars=calendars) for text in texts)

    @property
    def schedules(self) -> frozenset[str]:
        """Those to look up before deciding."""
        return frozenset(str(use.key) for use in self.uses if use.word.argument is Argument.SCHEDULE)

    @property
    def asks_incident(self) -> bool:
        """Whether the provider of incidents is to be asked before deciding."""
        return any(use.word.name in _ASKED for use in self.uses)

    @property
    def reads_groups(self) -> bool:
        return self._reads("requester.groups")

    @property
    def reads_history(self) -> bool:
        return self._reads("history.")

    @property
    def history_days(self) -> int:
        """So many days of `Inputs.grants_by_day` are needed."""
        return max((use.key for use in self.uses if isinstance(use.key, int)), default=0)

    @property
    def reads_access(self) -> bool:
        return self._reads("access.")

    @property
    def reads_time(self) -> bool:
        """Whether it may answer otherwise at another moment, all else being equal."""
        return self._reads("now.")

    @property
    def hangs_on_others(self) -> bool:
        """Whether it cannot be answered where somebody outside, or the ledger, does not say what it reads."""
        return any(not use.word.name.startswith(_ALWAYS_KNOWN) for use in self.uses)

    def _reads(self, family: str) -> bool:
        return any(use.word.name.startswith(family) for use in self.uses)

    def _data(self, inputs: Inputs, not_known: list[str]) -> dict[str, object]:
        """What CEL reads. What is not known is left out, which CEL takes for an error, and its name noted."""
        data: dict[str, object] = {}
        tables: dict[str, dict[str | int, object]] = {}
        for use in self.uses:
            if (value := _value(use, inputs)) is None:
                not_known.append(use.spelled)
            elif use.key is None:
                data[use.word.name] = value
            else:
                tables.setdefault(use.word.name, {})[use.key] = value
        return data | tables


def _value(use: Use, inputs: Inputs) -> object:
    """None if it is not known."""
    try:
        return use.word.read(inputs, use.calendar or use.key)
    except Exception:  # noqa: BLE001  no time zones here, a year without holidays: not known, whatever the reason
        return None


def compile_condition(
    text: str,
    *,
    schedules: Collection[str] = (),
    calendars: Mapping[str, Calendar] | None = None,
    groups: Collection[str] | None = None,
) -> Condition:
    """Raises BadCondition. With ``groups``, those that a condition names have to be among them."""
    read = read_expression(text, Names(schedules, calendars or {}, groups))
    for function, literal in read.literals:
        _try_literal(function, literal)
    return Condition(text, read.in_words, read.uses, _program(read.for_cel))


def _try_literal(function: str, literal: str) -> None:
    """Raises BadCondition."""
    if function == "duration":
        if constant(f"duration({literal})") is None:
            problem = f"{excerpt(literal)} is no length of time, which is written in hours, minutes and seconds"
            raise BadCondition(problem, 'duration("1h30m")')
        return
    pattern = constant(literal)
    if not isinstance(pattern, str) or len(pattern) > _LONGEST_PATTERN:
        raise BadCondition(f"a regular expression is a text of {_LONGEST_PATTERN} characters at most")
    try:
        re2.compile(pattern, _PATTERN)
    except re2.error as error:
        says = error.args[0].decode("ascii", "replace")
        raise BadCondition(f"{excerpt(literal)} cannot be used as a regular expression (RE2 says: {says})") from None


def constant(text: str) -> object:
    """What a text without words is in CEL; None if that is an error."""
    found = _compiled(text).eval()
    return None if found.type() == _cel().Type.ERROR else found.value()


@lru_cache(maxsize=1000)
def _program(text: str) -> Any:
    """Most accesses of a policy, and most versions of it, share their conditions. Raises BadCondition."""
    program = _compiled(text)
    if (kind := program.return_type()) != _cel().Type.BOOL:
        raise BadCondition(
            f"must be a yes or no, and is {_in_words(kind.name().lower().replace('<', '(').replace('>', ')'))}"
        )
    return program


def _compiled(text: str) -> Any:
    """Raises BadCondition."""
    try:
        return _engine().compile(text)
    except RuntimeError as error:
        raise _refused(str(error), text) from None


@cache
def _cel() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415  16 MB that a process without conditions does not need

    return cel


@cache
def _engine() -> Any:
    """All words as variables; those with parentheses as tables, by what stands in them."""
    return _cel().NewEnv(variables={word.name: _type(word) for word in WORDS.values()})


def _type(word: Word) -> Any:
    kinds = _cel().Type
    kind = {
        Kind.YES_NO: kinds.BOOL,
        Kind.TEXT: kinds.STRING,
        Kind.NUMBER: kinds.INT,
        Kind.DURATION: kinds.DURATION,
        Kind.TEXTS: kinds.List(kinds.STRING),
        Kind.LABELS: kinds.Map(kinds.STRING, kinds.STRING),
    }[word.kind]
    if word.argument is None:
        return kind
    return kinds.Map(kinds.INT if word.argument is Argument.DAYS else kinds.STRING, kind)


def _refused(says: str, text: str) -> BadCondition:
    """What CEL says of a text, in words for its author."""
    if "recursion" in says:
        return BadCondition("goes too deep: at most about 30 parentheses in each other, or signs like - in a row")
    place = _PLACE.search(says)
    if place is None:
        return BadCondition("cannot be understood")
    line, column, problem = int(place[1]), int(place[2]), place[3]
    rest = "\n".join(text.split("\n")[line - 1 :])[column - 1 :].strip()
    if overload := _OVERLOAD.match(problem):
        return _misfit(overload[1], overload[2])
    if unfit := _UNDECLARED.match(problem):
        return BadCondition(f"{unfit[1]} wants something else in its parentheses")
    if problem.startswith("Syntax error"):
        return BadCondition(f"stops making sense at {excerpt(rest)}" if rest else "ends too early")
    return BadCondition(f"{problem}, at {excerpt(rest)}" if rest else problem)


def _misfit(operation: str, kinds: str) -> BadCondition:
    sign = operation.removeprefix("@").replace("_", " ").strip()
    what = _in_words(kinds)
    named = sign.isalpha() and sign != "in"
    problem = f"{sign} cannot be asked of {what}" if named else f"{sign} does not go with {what}"
    return BadCondition(problem, 'duration("4h")' if "google.protobuf.Duration" in kinds else None)


def _in_words(kinds: str) -> str:
    found = [kind.replace(" ", "") for kind in _KIND.findall(kinds)]
    return " and ".join(_KINDS.get(kind, "a list" if kind.startswith("list") else kind) for kind in found)
