"""The rules: every mistake, and what is easily not meant."""

from collections.abc import Iterator

from jit.doctor.line import Line, Part, fine, mend, note
from jit.policy.check import Checked


def look_at_policies(checked: Checked) -> Iterator[Line]:
    """As `jit policy check` says it."""
    for mistake in checked.mistakes:
        yield mend(Part.POLICIES, str(mistake), "Mend it: until then nothing is decided.", stops_all=True)
    if checked.policy is not None:
        yield fine(Part.POLICIES, checked.lines[0].removeprefix("Fine: "))
    for remark in checked.notes:
        yield note(Part.POLICIES, remark, "If that is not meant, name other people there.")
