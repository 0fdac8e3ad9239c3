"""Who is away, and who stands in. It gives nobody anything: a substitute decides on the same things already."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Absence:
    """``group`` is a group of the policy, where ``substitute`` stands in for that alone."""

    person: str
    substitute: str
    until: datetime
    group: str = ""

    def covers(self, who: Iterable[str], meant: Iterable[str]) -> bool:
        """Whether the substitute stands in where the who-expressions ``who`` decide, which mean ``meant`` now: both
        have to be among these.
        """
        return (not self.group or f"group:{self.group}" in who) and {self.person, self.substitute} <= set(meant)
