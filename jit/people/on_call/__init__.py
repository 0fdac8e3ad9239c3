"""Who is on call for a schedule of the policy, as a provider said it, and when."""

from jit.people.on_call.shift import NotKnown, Shift
from jit.people.on_call.snapshot import NOTHING_KNOWN, OnCallSnapshot

__all__ = ["NOTHING_KNOWN", "NotKnown", "OnCallSnapshot", "Shift"]
