"""The rules: every mistake, and what is easily not meant."""

import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jit.doctor.line import Line, Part, fine, mend, note
from jit.policy.conditions import BadCondition, Inputs, Unknown, compile_condition
from jit.policy.files.check import MENTION, NOBODY_MENTIONED, Checked
from jit.policy.files.load import policy_files

UNTIL_THEN = (
    "Mend it: until then the rules of before stay in force, or where none are known nothing is decided. Access ends."
)
_NOON = Inputs(
    requester="U01ALICE0",
    groups=(),
    access="orders-db/read",
    target="orders-db",
    risk="low",
    duration=timedelta(hours=1),
    reason="",
    now=datetime(2026, 7, 1, 12, tzinfo=UTC),
)


def look_at_policies(checked: Checked) -> Iterator[Line]:
    """As `jit policy check` says it."""
    remedy = UNTIL_THEN if checked.policy is None else "Mend it: the rest is in force."
    for mistake in checked.mistakes:
        yield mend(Part.POLICIES, str(mistake), remedy)
    if checked.policy is not None and not checked.mistakes:
        yield fine(Part.POLICIES, checked.found[0].removeprefix("Fine: "))
    for remark in checked.remarks:
        yield note(Part.POLICIES, str(remark), "If that is not meant, change it there.")
    for said in checked.about_people:
        yield note(Part.POLICIES, said, "If that is not meant, name other people there.")
    if checked.mentions_nobody:
        yield note(Part.POLICIES, NOBODY_MENTIONED, MENTION)


def look_at_writers(folder: Path) -> Iterator[Line]:
    """Whoever can write the rules decides who decides."""
    with suppress(OSError):  # what cannot be read is a mistake already
        for path in (folder, *policy_files(folder)):
            if path.stat().st_mode & stat.S_IWOTH:
                mended = f"chmod o-w {shlex.quote(str(path))}"
                yield mend(Part.POLICIES, f"every login of this machine may write {path}, and so decide", mended)


def look_at_conditions() -> Iterator[Line]:
    """Evaluates one that needs a time zone: an image may have been built without any, or without CEL."""
    try:
        answer = compile_condition('now.hour("Europe/Berlin") == 13').holds(_NOON)
        why = answer.why if isinstance(answer, Unknown) else ""
    except (BadCondition, ImportError) as error:
        why = str(error)
    if why:
        what = f"conditions in the rules cannot be evaluated ({why}), so people decide instead"
        yield mend(Part.POLICIES, what, "Install jit with all that it depends on, tzdata and cel-expr-python too.")
