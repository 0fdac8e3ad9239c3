"""What `jit doctor` looks at and says: each room brings its checks, and they are looked into side by side."""

from jit.doctor.examine import Check, NotLookedAt, examine, needed
from jit.doctor.line import Line, Part, State, fine, mend, not_looked_at, note, of_finding

__all__ = [
    "Check",
    "Line",
    "NotLookedAt",
    "Part",
    "State",
    "examine",
    "fine",
    "mend",
    "needed",
    "not_looked_at",
    "note",
    "of_finding",
]
