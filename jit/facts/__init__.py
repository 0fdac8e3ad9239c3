"""Everything that can be recorded. A kind of fact is one class, and says everything about its kind.

A fact is immutable and stands for itself: it repeats who, what and why of its request, so that one line of the
ledger can be read without the others. Fields that tell something about a person are marked `Personal`.
"""

from jit.facts.alerts import Alert, AlertName
from jit.facts.ends import (
    EndCause,
    Ended,
    OrdersEnd,
    Released,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    TakesAway,
)
from jit.facts.fact import (
    MODELS,
    Fact,
    Moment,
    Personal,
    Room,
    Source,
    model_of,
    personal,
    personal_fields,
    read_fact,
    write_fact,
)
from jit.facts.grants import Granted, GrantFailed, GrantIntent
from jit.facts.life import AboutRequest, Life, life_kinds
from jit.facts.processes import NO_POLICY, PolicyChanged, Started
from jit.facts.record import KeyChanged, PersonErased, RecordRead, SpoolTaken
from jit.facts.refused import Refusal, Refused
from jit.facts.requests import BEGIN_WITHIN, Approval, Approved, Counted, Denied, Lapsed, Need, Requested, Withdrawn

__all__ = [
    "BEGIN_WITHIN",
    "MODELS",
    "NO_POLICY",
    "AboutRequest",
    "Alert",
    "AlertName",
    "Approval",
    "Approved",
    "Counted",
    "Denied",
    "EndCause",
    "Ended",
    "Fact",
    "GrantFailed",
    "GrantIntent",
    "Granted",
    "KeyChanged",
    "Lapsed",
    "Life",
    "Moment",
    "Need",
    "OrdersEnd",
    "PersonErased",
    "Personal",
    "PolicyChanged",
    "RecordRead",
    "Refusal",
    "Refused",
    "Released",
    "Requested",
    "RequesterLeft",
    "RevokeFailed",
    "RevokeIntent",
    "Revoked",
    "Room",
    "Source",
    "SpoolTaken",
    "Started",
    "TakesAway",
    "Withdrawn",
    "life_kinds",
    "model_of",
    "personal",
    "personal_fields",
    "read_fact",
    "write_fact",
]
