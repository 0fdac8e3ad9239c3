"""What people did with the access while it lasted, as the logs of its targets tell it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jit.facts.fact import Fact, Moment, Personal, Principal, Room, Said, Who
from jit.facts.life import Life
from jit.facts.ocsf import OTHER, UPDATE, Class, Entity, Event, Severity
from jit.facts.sentence import Access, Loud, Name, Part, Person, Several, Text, Time, Told, quote


class ActivityClass(StrEnum):
    """What kind of thing was done, from the least serious to the most. What cannot be told is the more serious."""

    LOGIN = "login"
    LOGOUT = "logout"
    READ = "read"
    WRITE = "write"
    EXPORT = "export"
    CONFIG = "config"
    DDL = "ddl"
    EXEC = "exec"
    PRIVILEGE = "privilege"
    ACCOUNT = "account"


SESSION = frozenset({ActivityClass.LOGIN, ActivityClass.LOGOUT})
"""What begins and ends a session, and is no statement."""
TiedBy = Literal["role", "login", "named", "principal_and_time", "none"]
"""How it is known whose grant it is: the session took the grant's own role; its login is the grant's; the log names the
request; by the principal and the time alone; or nobody's grant explains it.
"""
TIED = {
    "role": "by the grant's own role",
    "login": "by the grant's own login",
    "named": "as its log names the request",
    "principal_and_time": "by principal and time",
    "none": "and no grant explains it",
}
Coverage = Literal["complete", "partial", "none"]
_VERBS = {
    ActivityClass.READ: ("read", "reads"),
    ActivityClass.WRITE: ("change", "changes"),
    ActivityClass.EXPORT: ("export", "exports"),
    ActivityClass.CONFIG: ("change of settings", "changes of settings"),
    ActivityClass.DDL: ("change of the schema", "changes of the schema"),
    ActivityClass.EXEC: ("run of code", "runs of code"),
    ActivityClass.PRIVILEGE: ("change of rights", "changes of rights"),
    ActivityClass.ACCOUNT: ("change of accounts", "changes of accounts"),
}
_SHOWN = 5
"""Kinds of things done that a line names."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Part):
    """One thing done. ``objects`` and ``statement`` are places in the fact's lists, which are closed as a whole."""

    at: Moment
    seq: Annotated[str, Field(max_length=100)]
    activity: ActivityClass
    objects: tuple[int, ...] = ()
    rows: int | None = None
    statement: int | None = None


class Tally(_Part):
    """How often something was done with these objects, which are places in the fact's list."""

    activity: ActivityClass
    objects: tuple[int, ...] = ()
    number: int
    rows: int = 0


class ActivityRecorded(Fact):
    """What one session did, as many things as one look at the log found.

    Attributes:
        log, file, begins, ends, digest: where it was read: the log, the file by a hash over its beginning, and from
            which byte to which, with SHA-256 over these bytes. All facts of one look say the same there, and the newest
            says from where to read on.
        raw: SHA-256 over the original lines of this fact, each with its newline, in their order.
        items: each thing done; past the stated rate only some of them, and all are counted in ``sampled``.
        counted: the log's own numbers of those that are counted and not kept, where they are whole ones: `5-204`.
        also_held: other requests of the same person that would explain it as well.
        hides: the session turned its log off, as far as it could.
        remarks: what is odd about the log itself.
    """

    recorded_by = (Room.COLLECTOR,)
    ocsf = Event(Class.ENTITY, (OTHER, "Session activity"), entity=Entity("session", "Session", "session"))

    kind: Literal["activity"] = "activity"
    request_id: str | None = None
    requester: Who | None = None
    access: str | None = None
    target: str
    principal: Principal
    session: str
    client: Annotated[str, Personal()] = ""
    tied_by: Annotated[TiedBy, Said()]
    also_held: tuple[str, ...] = ()
    log: str
    file: str
    begins: int
    ends: int
    digest: str
    raw: str
    items: tuple[Item, ...]
    sampled: tuple[Tally, ...] = ()
    counted: tuple[str, ...] = ()
    statements: Annotated[tuple[str, ...], Personal(), Said()] = ()
    objects: Annotated[tuple[str, ...], Personal(), Said()] = ()
    hides: bool = False
    remarks: tuple[str, ...] = ()

    def tallies(self) -> tuple[Tally, ...]:
        """All that was done, counted: of the items, or of all where only some of them are kept."""
        return self.sampled or tally(self.items)

    def statement_of(self, item: Item) -> str:
        return at_place(self.statements, item.statement)

    def told(self) -> Told:
        whose: Part = ("of ", Person(self.requester)) if self.requester else ("of ", Text(self.principal, 60))
        where = (" in ", Name(self.target, 80), ", session ", Text(self.session, 60))
        about: tuple[Part, ...] = (Access(self.access), " ", whose, *where) if self.access else (whose, *where)
        loud: Part = (Loud("LOG TURNED OFF"), " ") if self.hides else ""
        what = Text(in_numbers(self.tallies(), self.objects), 500)
        kept: Part = f"{len(self.items)} of them kept" if self.sampled else ""
        remarks = Several(tuple(Text(each, 100) for each in self.remarks))
        return Told("activity", about, (loud, what, kept, TIED[self.tied_by], remarks), tuple(self._each()))

    def _each(self) -> Iterable[Part]:
        for item in self.items:
            rows = f", {item.rows} rows" if item.rows is not None else ""
            what = quote(self.statement_of(item), 500)
            yield (Time(item.at, self.at), f" {item.activity}{rows} ", what)


class ActivityLog(Fact):
    """What is known of a log itself: it is read from here on, something of it is missing, or it spoke for another one,
    which is not heard.
    """

    recorded_by = (Room.COLLECTOR,)
    ocsf = Event(Class.ENTITY, UPDATE, entity=Entity("log", "Log", "log"))

    kind: Literal["activity.log"] = "activity.log"
    target: str
    log: str
    state: Annotated[Literal["began", "gap", "refused"], Said()]
    since: Moment
    """From when on it is read whole; of a gap when that began."""
    until: Moment | None = None
    """When the gap was over."""
    says: Annotated[str, Said(), Field(max_length=500)] = ""

    def told(self) -> Told:
        what = _OF_LOGS[self.state]
        when: Part = (" from ", Time(self.since, self.at), *((" to ", Time(self.until, self.at)) if self.until else ()))
        return Told(what, (": ", Text(self.log, 100), " of ", Name(self.target, 80), when), (Text(self.says),))


class ActivitySummed(Life):
    """All that one log shows of what was done with an access, once it is over. A later one of the same log counts.

    Attributes:
        coverage: whether the log shows all of it, and ``gaps`` says why not.
        tallies: how often what was done, by the first object; ``objects`` are those they name.
    """

    recorded_by = (Room.COLLECTOR,)
    ocsf = Event(Class.ENTITY, (OTHER, "Session activity summed"), severity=Severity.INFORMATIONAL)

    kind: Literal["activity.summed"] = "activity.summed"
    log: str
    sessions: int
    tallies: tuple[Tally, ...]
    objects: Annotated[tuple[str, ...], Personal(), Said()] = ()
    coverage: Annotated[Coverage, Said()]
    gaps: tuple[str, ...] = ()

    @property
    def log_says(self) -> str:
        """`log complete`, or `log partial: it is read since 14:02 only`."""
        return f"log {self.coverage}" + (f": {'; '.join(self.gaps)}" if self.gaps else "")

    def told(self) -> Told:
        about = (Access(self.access), " of ", Person(self.requester))
        return Told("used", about, (Text(in_numbers(self.tallies, self.objects), 500), Text(self.log_says, 500)))


_OF_LOGS: dict[str, Part] = {
    "began": "log is read",
    "gap": (Loud("GAP"), " in a log"),
    "refused": (Loud("REFUSED"), " lines of a log"),
}


def tally(items: Iterable[Item]) -> tuple[Tally, ...]:
    """What was done, counted."""
    counted: dict[tuple[ActivityClass, tuple[int, ...]], tuple[int, int]] = {}
    for item in items:
        number, rows = counted.get((item.activity, item.objects), (0, 0))
        counted[item.activity, item.objects] = number + 1, rows + (item.rows or 0)
    return tuple(
        Tally(activity=activity, objects=objects, number=number, rows=rows)
        for (activity, objects), (number, rows) in counted.items()
    )


def at_place(listed: tuple[str, ...], place: int | None) -> str:
    """What stands there; where the list was erased with its person, that."""
    if place is None or not listed:
        return ""
    return listed[place] if 0 <= place < len(listed) else listed[0]


def in_numbers(tallies: Iterable[Tally], objects: tuple[str, ...]) -> str:
    """`12 statements: 11 reads of orders, 1 change of orders (3 rows)`"""
    counted: dict[tuple[ActivityClass, str], tuple[int, int]] = {}
    for each in tallies:
        if each.activity not in SESSION:
            key = each.activity, at_place(objects, next(iter(each.objects), None))
            number, rows = counted.get(key, (0, 0))
            counted[key] = number + each.number, rows + each.rows
    whole = sum(number for number, _ in counted.values())
    if not whole:
        return "no statement"
    by_weight = sorted(counted.items(), key=lambda one: (-one[1][0], one[0]))
    said = [_said(*key, *numbers) for key, numbers in by_weight[:_SHOWN]]
    if more := len(by_weight) - _SHOWN:
        said += [f"{more} more kinds" if more > 1 else "1 more kind"] if more > 0 else []
    return f"{whole} {'statement' if whole == 1 else 'statements'}: {', '.join(said)}"


def _said(activity: ActivityClass, named: str, number: int, rows: int) -> str:
    changed = f" ({rows} {'row' if rows == 1 else 'rows'})" if rows else ""
    if activity is ActivityClass.READ and not named:
        return f"{number} {'other' if number == 1 else 'others'}{changed}"
    verb = _VERBS[activity][number != 1]
    return f"{number} {verb}{f' of {named[:60]}' if named else ''}{changed}"
