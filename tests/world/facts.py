"""Facts of no request, each as the process records it that usually does."""

from datetime import datetime
from typing import Any

from jit.facts import Alert, AlertName, RefusalReason, Refused, Source, Started
from jit.testing import EVE


def refused(at: datetime, **changes: Any) -> Refused:
    """A press in vain."""
    pressed = {"actor": EVE, "source": Source.SLACK, "attempted": "approve"}
    return Refused(at=at, **{**pressed, "reason": RefusalReason.NOT_ALLOWED_TO_DECIDE, **changes})


def late(at: datetime, **changes: Any) -> Alert:
    told = {"actor": "timekeeper@host", "source": Source.TIMEKEEPER, "name": AlertName.END_LATE, "says": "late"}
    return Alert(at=at, **told | changes)


def started(at: datetime, **changes: Any) -> Started:
    told = {"actor": "bot@host", "source": Source.BOT, "process": "bot", "version": "1", "policy_version": "none"}
    return Started(at=at, **told | changes)
