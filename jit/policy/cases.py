"""Cases that a policy has to decide as they say: `*.test.yml` beside its files, for `jit policy test`.

```yaml
slack: {S0ENGIN01: [U01ALICE0]}       # who is in Slack's groups, in all cases of the file
cases:
  - name: whoever is on call gets in while it burns
    who: U01ALICE0
    access: orders-db/read
    duration: 30m                     # the longest there may be unless said
    at: "2026-11-24 10:00 Europe/Berlin"
    incident: {id: INC-42, open: true}
    on_call: [orders-primary]
    expect: automatic
  - name: a DBA decides for everybody else
    who: U01ALICE0
    access: orders-db/read
    approve: [U02BOB000]
    expect: approved
```
``expect`` is one of `automatic`, `approved`, `pending` and `refused`; ``needs`` may say what people are asked for, as
`[1 of dba, 1 of security]`, and ``rule`` the name of the rule that decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from jit.durations import BadDuration, parse_duration
from jit.people.directory import DirectorySnapshot, Members
from jit.people.membership import StaleGroups
from jit.people.on_call import NOTHING_KNOWN, Shift
from jit.people.person import Groups
from jit.policy.calendars import known_zones
from jit.policy.choosing import choose
from jit.policy.conditions import IncidentInputs
from jit.policy.explain import Supposed, supposed_inputs
from jit.policy.files.document import read_document
from jit.policy.files.merge import nearest
from jit.policy.files.mistakes import Mistake
from jit.policy.files.shape import say_problem
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy

SUFFIX = ".test.yml"
Outcome = Literal["automatic", "approved", "pending", "refused"]


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except BadDuration as bad:
        raise ValueError(str(bad)) from None
    return text


def _moment(text: str) -> str:
    moment_of(text)
    return text


def moment_of(text: str) -> datetime:
    """`2026-11-24 10:00`, in UTC unless a zone's name follows. Raises ValueError, in words."""
    when, _, zone = text.rpartition(" ")
    if zone[:1].isdigit() or not when:
        when, zone = text, ""
    if zone and zone not in known_zones():
        raise ValueError(f"no time zone is called {zone}")
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        raise ValueError("a moment is written like 2026-11-24 10:00 Europe/Berlin") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class IncidentForm(_Form):
    id: str
    open: bool = True
    severity: int | None = None
    service: str | None = None
    responder: bool | None = None


class CaseForm(_Form):
    name: str
    who: str
    access: str
    expect: Outcome
    duration: Annotated[str, AfterValidator(_duration)] | None = None
    at: Annotated[str, AfterValidator(_moment)] | None = None
    incident: IncidentForm | None = None
    on_call: tuple[str, ...] = ()
    reason: str = "a case of the policy's tests"
    approve: tuple[str, ...] = ()
    needs: tuple[str, ...] | None = None
    rule: str | None = None


class FileForm(_Form):
    cases: tuple[CaseForm, ...]
    slack: dict[str, tuple[str, ...]] = {}
    directory: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case: where it stands, and what was otherwise than it says; empty if nothing was."""

    file: str
    name: str
    wrong: str = ""


def case_files(folder: Path) -> list[Path]:
    """Those beside the policy's files, sorted by name. Raises OSError."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and not path.name.startswith("."))


def run_cases(policy: Policy, name: str, data: bytes, now: datetime) -> Iterator[Verdict]:
    """The cases of one file, each decided by ``policy``; ``now`` is the moment of those that name none."""
    document = read_document(name, data)
    if document.mistakes:
        yield from (Verdict(name, "", str(mistake)) for mistake in document.mistakes)
        return
    try:
        form = FileForm.model_validate(document.content)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            line = next(
                (
                    document.lines[each["loc"][:n]]
                    for n in range(len(each["loc"]), -1, -1)
                    if each["loc"][:n] in document.lines
                ),
                0,
            )
            yield Verdict(name, "", str(Mistake(name, line, ".".join(map(str, each["loc"])), say_problem(each))))
        return
    for case in form.cases:
        yield Verdict(name, case.name, _wrong(policy, case, form, now))


def _wrong(policy: Policy, case: CaseForm, file: FileForm, now: datetime) -> str:
    access = policy.accesses.get(case.access)
    if access is None:
        near = nearest(case.access, policy.accesses)
        return f"no access is called {case.access}" + (f"; did you mean {near}?" if near else "")
    at = moment_of(case.at) if case.at else now
    told = NOTHING_KNOWN
    for schedule in policy.schedules:
        people = frozenset({case.who}) if schedule in case.on_call else frozenset({""})
        told = told.with_answer(Shift(schedule, people, at, "a case", 0.0))
    listed = policy.directory.groups if policy.directory else {}
    read = {name: Members(name, entry, frozenset(file.directory.get(name, ())), at) for name, entry in listed.items()}
    groups = Groups(
        at,
        {group: frozenset(people) for group, people in file.slack.items()},
        on_call=told,
        directory=DirectorySnapshot(read),
    )
    try:
        outcome, rule = _decided(policy, access, case, groups, at)
    except StaleGroups:
        return "who is in which group is not known"
    wrong = []
    if outcome != case.expect:
        wrong.append(f"is {outcome}, and {case.expect} is expected")
    needs = tuple(f"{need.count} of {need.label}" for need in rule.quorums) if rule else ()
    if case.needs is not None and set(needs) != set(case.needs):
        wrong.append(f"needs {' and '.join(needs) or 'nobody'}, and {' and '.join(case.needs) or 'nobody'} is expected")
    if case.rule is not None and (rule is None or rule.called != case.rule):
        wrong.append(f"goes by {rule.called if rule else 'no rule'}, and {case.rule} is expected")
    return "; ".join(wrong)


def _decided(
    policy: Policy, access: Access, case: CaseForm, groups: Groups, at: datetime
) -> tuple[Outcome, Rule | None]:
    """Raises StaleGroups."""
    duration = parse_duration(case.duration) if case.duration else access.max_duration
    asks = policy.may_ask(access, case.who, groups, at) and policy.principal(case.who, access.target) is not None
    fits = duration <= access.max_duration and access.accepts_incident(case.incident.id if case.incident else "")
    if not asks or not fits:
        return "refused", None
    incident = IncidentInputs(known=True, **case.incident.model_dump()) if case.incident else None
    supposed = Supposed(
        now=at,
        duration=duration,
        incident=incident,
        reason=case.reason,
        grants_by_day=(0,) * 90,
        zone="UTC",
    )
    rule = choose(access, supposed_inputs(policy, access, case.who, groups, supposed)).rule
    if rule is None or not policy.decidable(rule, case.who, groups, at):
        return "refused", rule
    if rule.automatic is not None:
        return "automatic", rule
    complete = policy.evaluate(rule, case.approve, case.who, groups, at).complete
    return ("approved" if complete else "pending"), rule
