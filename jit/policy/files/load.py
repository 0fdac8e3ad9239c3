"""From a folder of `*.policy.yml` to a `Policy`, or to every mistake in it."""

import errno
import hashlib
import os
import stat
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import structlog

from jit.facts import ActivityClass, Escalation, Quorum, label_of
from jit.policy.files.document import LARGEST, MOST_VALUES, TOO_MANY, read_document
from jit.policy.files.form import AccessForm, LimitsForm, QuorumForm, RuleForm, TargetForm
from jit.policy.files.merge import Merged
from jit.policy.files.mistakes import MOST_MISTAKES, Mistake, NotReadNow, PolicyError, TooManyMistakes
from jit.policy.files.sense import check_sense, target_of
from jit.policy.files.shape import Forms, fill_in
from jit.policy.model import (
    Access,
    BreakGlass,
    Channels,
    Exceptional,
    Extend,
    Limits,
    Purpose,
    Reconcile,
    Rule,
    StandingAccess,
    TargetConfig,
)
from jit.policy.policy import Policy

log = structlog.get_logger(__name__)

SUFFIX = ".policy.yml"
_LOOK_ALIKES = (SUFFIX, ".policy.yaml")
MOST_FILES = 1000
LARGEST_TOGETHER = 4 * LARGEST
"""Bytes in all files together."""
NOT_ORDINARY = "is no ordinary file"
_OF_THE_PROCESS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
"""Of reading, and not of what is read: too many files are open, for instance."""


Further = Callable[[Mapping[str, Mapping[str, object]]], Iterable[tuple[tuple[str | int, ...], str]]]
"""Where something is wrong in the sections, by its keys, and what."""


def load_policy(folder: Path, more: Further | None = None) -> Policy:
    """As `read_policy`, without the places."""
    return read_policy(folder, more)[0]


def read_policy(folder: Path, more: Further | None = None) -> tuple[Policy, Merged]:
    """Read and check every policy file of the folder; files in folders below it are not looked at. Beside the policy
    stands where in the files its parts are.

    Raises:
        NotReadNow: too much else is under way to read them.
        PolicyError: with all mistakes found, or as nobody foresaw what stands there: no process is to fall over it.
    """
    sources, mistakes = _read(folder)
    if not sources:
        if not mistakes:
            mistakes.append(Mistake(str(folder), 0, "", f"holds no file called *{SUFFIX}"))
        raise PolicyError(tuple(mistakes))
    try:
        return _policy_and_places(sources, mistakes, more)
    except PolicyError:
        raise
    except Exception as fault:
        where = [f"{Path(each.filename).name}:{each.lineno}" for each in traceback.extract_tb(fault.__traceback__)[-6:]]
        log.error("policy.not_understood", fault=type(fault).__name__, where=where)  # noqa: TRY400  it may say a value
        problem = f"cannot be understood ({type(fault).__name__}), which is a fault of jit's own to report"
        raise PolicyError((Mistake(str(folder), 0, "", problem),)) from fault


def policy_of(
    sources: Iterable[tuple[str, bytes]], mistakes: Iterable[Mistake] = (), more: Further | None = None
) -> Policy:
    """What files with these names and bytes say; ``mistakes`` are those made in reading them. ``more`` finds further
    ones in the sections as they were read.

    Raises:
        PolicyError: with all mistakes found.
    """
    return _policy_and_places(sources, mistakes, more)[0]


def _policy_and_places(
    sources: Iterable[tuple[str, bytes]], mistakes: Iterable[Mistake], more: Further | None
) -> tuple[Policy, Merged]:
    sources = list(sources)
    merged = Merged(whole=not mistakes)
    try:
        merged.mistakes.note(*mistakes)
        forms = _checked(merged, sources, more)
    except TooManyMistakes:
        last = Mistake(sources[-1][0], 0, "", f"and more: {MOST_MISTAKES} mistakes are told of at once")
        raise PolicyError((*in_order(merged.mistakes), last)) from None
    if merged.mistakes or forms.channels is None:
        raise PolicyError(in_order(merged.mistakes))
    return _build(policy_text(sources), forms, forms.channels.audit, forms.channels.alerts), merged


def _checked(merged: Merged, sources: Iterable[tuple[str, bytes]], more: Further | None) -> Forms:
    """Raises TooManyMistakes; PolicyError for what is too much to be looked at."""
    room = MOST_VALUES
    for name, data in sources:
        document = read_document(name, data)
        room -= document.size
        if room < 0:
            raise PolicyError((Mistake(name, 0, "", TOO_MANY),))
        merged.take(document)
    forms = fill_in(merged)
    check_sense(merged, forms)
    for path, problem in more(merged.sections) if more else ():
        merged.blame(path, problem)
    return forms


def policy_files(folder: Path) -> list[Path]:
    """What looks like a policy file, rightly called or not, sorted by name. Raises OSError."""
    return sorted(
        path for path in folder.iterdir() if path.name.lower().endswith(_LOOK_ALIKES) and not path.name.startswith(".")
    )


def _read(folder: Path) -> tuple[list[tuple[str, bytes]], list[Mistake]]:
    sources: list[tuple[str, bytes]] = []
    mistakes: list[Mistake] = []
    try:
        files = policy_files(folder)
    except OSError as error:
        return [], [_unread(str(folder), error)]
    if len(files) > MOST_FILES:
        return [], [Mistake(str(folder), 0, "", f"holds {len(files):,} policy files; {MOST_FILES:,} are read at most")]
    room = LARGEST_TOGETHER
    for path in files:
        try:
            real = path.resolve(strict=True)
            if problem := _why_not(path.name, real, folder):
                mistakes.append(Mistake(path.name, 0, "", problem))
            else:
                sources.append((path.name, bytes_of(real)))
                room -= len(sources[-1][1])
                if room < 0:
                    largest = f"the policy files together are larger than {LARGEST_TOGETHER // 1024 // 1024} MB"
                    return [], [Mistake(path.name, 0, "", f"with this one {largest}; take out what is no rule")]
        except OSError as error:
            mistakes.append(_unread(path.name, error))
        except RuntimeError:
            mistakes.append(Mistake(path.name, 0, "", "cannot be read: its links lead nowhere"))
    return sources, mistakes


def bytes_of(path: Path) -> bytes:
    """Waits for nobody, and goes nowhere else, whatever was put in its place since it was looked at. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, NOT_ORDINARY)
        return file.read(LARGEST + 1)


def _unread(name: str, error: OSError) -> Mistake:
    """Raises NotReadNow."""
    if error.errno in _OF_THE_PROCESS:
        raise NotReadNow((Mistake(name, 0, "", f"cannot be read just now: {error.strerror}"),)) from None
    return Mistake(name, 0, "", f"cannot be read: {error.strerror or 'its links lead nowhere'}")


def _why_not(name: str, real: Path, folder: Path) -> str | None:
    if not name.endswith(SUFFIX):
        return f"would be passed over; call it *{SUFFIX}"
    if not real.is_relative_to(folder.resolve()):
        return "is a link to outside the policies folder"
    return None if stat.S_ISREG(real.stat().st_mode) else NOT_ORDINARY


def policy_text(sources: Iterable[tuple[str, bytes]]) -> bytes:
    """All files as one text, whose SHA-256 is the version: of each its name and its bytes, before each of these
    its length in 8 bytes, so that no bytes can pass for a name.
    """
    parts = (part for name, data in sources for part in (name.encode("utf-8", "surrogateescape"), data))
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def in_order(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """By file and line; the first word said about a field stands for all."""
    first: dict[tuple[str, int, str], Mistake] = {}
    for mistake in mistakes:
        first.setdefault((mistake.file, mistake.line, mistake.field), mistake)
    return tuple(first[key] for key in sorted(first))


def _build(text: bytes, forms: Forms, audit: str, alerts: str | None) -> Policy:
    targets = {
        name: TargetConfig(name, target.kind, MappingProxyType(dict(target.model_extra or {})), _reconcile(target))
        for name, target in sorted(forms.targets.items())
    }
    return Policy(
        version=hashlib.sha256(text).hexdigest(),
        text=text,
        channels=Channels(audit, alerts or audit),
        accesses=MappingProxyType({name: _access(name, entry, forms) for name, entry in sorted(forms.access.items())}),
        targets=MappingProxyType(targets),
        security=forms.security,
        lockdown=forms.lockdown or forms.security,
        shared=frozenset(forms.shared),
        standing=tuple(StandingAccess(**dict(entry)) for entry in forms.standing),
        notify=forms.alerts.notify,
        groups=MappingProxyType(forms.groups),
        schedules=MappingProxyType(forms.schedules),
        incidents=forms.incidents,
        directory=forms.directory,
        people=MappingProxyType({person: MappingProxyType(names) for person, names in forms.people.items()}),
    )


def _reconcile(target: TargetForm) -> Reconcile | None:
    said = target.reconcile
    return Reconcile(said.every, said.on_drift) if said else None


def _access(name: str, entry: AccessForm, forms: Forms) -> Access:
    return Access(
        name=name,
        describe=entry.describe,
        target=target_of(name, entry),
        owner=entry.owner or forms.targets[target_of(name, entry)].owner or "",
        grants=entry.grants,
        max_duration=entry.max_duration,
        channel=entry.channel,
        request=entry.request,
        rules=tuple(_rule(rule, entry, forms) for rule in entry.approve),
        deny=entry.deny,
        risk=entry.risk,
        pending_for=entry.pending_for,
        incident=entry.incident,
        on_leave=entry.on_leave,
        labels=MappingProxyType(entry.labels),
        incident_example=entry.incident_example,
        break_glass=BreakGlass(**dict(entry.break_glass)) if entry.break_glass else None,
        extend=_extend(entry, forms),
        purpose=_purpose(entry),
        on_exceed=entry.on_exceed or "alert",
        exception=_exception(entry, forms),
    )


def _extend(entry: AccessForm, forms: Forms) -> Extend | None:
    if entry.extend is None:
        return None
    rules = tuple(_rule(rule, entry, forms) for rule in entry.extend.approve or entry.approve)
    return Extend(entry.extend.each, entry.extend.ceiling, rules)


def _purpose(entry: AccessForm) -> Purpose | None:
    if (purpose := entry.purpose) is None:
        return None
    classes = tuple(map(ActivityClass, purpose.classes or ()))
    return Purpose(purpose.objects or (), classes, purpose.rows, purpose.commands or ())


def _exception(entry: AccessForm, forms: Forms) -> Exceptional | None:
    """Nobody else is asked, however late it is."""
    if entry.exception is None:
        return None
    rules = (_rule(rule, entry, forms) for rule in entry.exception.approve)
    return Exceptional(entry.exception.max_duration, tuple(replace(rule, escalation=None) for rule in rules))


def _rule(entry: RuleForm, access: AccessForm, forms: Forms) -> Rule:
    """Where the risk is critical, different people decide unless said."""
    limits = entry.limits or LimitsForm()
    different, escalate = entry.different_people, entry.escalate or access.escalate
    return Rule(
        tuple(_quorum(quorum, stage) for _, stage, quorum in entry.quorums),
        when=forms.conditions[entry.when] if entry.when else None,
        automatic=Limits(limits.per_person, limits.per_access, limits.max_duration) if entry.automatic else None,
        name=entry.name or "",
        different_people=not entry.automatic and (access.risk == "critical" if different is None else different),
        denials_needed=entry.denials_needed,
        escalation=Escalation(after=escalate.after, to=escalate.to) if escalate and not entry.automatic else None,
    )


def _quorum(entry: QuorumForm, stage: int) -> Quorum:
    label = " or ".join(map(label_of, entry.who))
    return Quorum(label=label, who=entry.who, count=entry.count, stage=stage)
