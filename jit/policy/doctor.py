"""The rules: every mistake, and what is easily not meant."""

import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jit.doctor.line import Line, Part, fine, mend, note
from jit.policy.files.check import Checked
from jit.policy.files.load import policy_files


def look_at_policies(checked: Checked) -> Iterator[Line]:
    """As `jit policy check` says it."""
    for mistake in checked.mistakes:
        yield mend(Part.POLICIES, str(mistake), "Mend it: until then nothing is decided.", stops_all=True)
    if checked.policy is not None:
        yield fine(Part.POLICIES, checked.lines[0].removeprefix("Fine: "))
    for remark in checked.notes:
        yield note(Part.POLICIES, remark, "If that is not meant, name other people there.")


def look_at_writers(folder: Path) -> Iterator[Line]:
    """Whoever can write the rules decides who decides."""
    with suppress(OSError):  # what cannot be read is a mistake already
        for path in (folder, *policy_files(folder)):
            if path.stat().st_mode & stat.S_IWOTH:
                mended = f"chmod o-w {shlex.quote(str(path))}"
                yield mend(Part.POLICIES, f"every login of this machine may write {path}, and so decide", mended)
