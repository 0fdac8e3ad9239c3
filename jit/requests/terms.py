"""What is to be given, and when that is less: narrowing never widens."""

from datetime import timedelta
from typing import NamedTuple


class Terms(NamedTuple):
    """How long, and exactly what."""

    duration: timedelta
    permissions: tuple[str, ...]

    def is_less_than(self, more: "Terms") -> bool:
        """Whether this is something, and less: no longer, and nothing that is not in ``more``, in its order."""
        kept = tuple(name for name in more.permissions if name in self.permissions)
        fewer = bool(kept) and kept == self.permissions
        return fewer and timedelta(0) < self.duration <= more.duration and self != more
