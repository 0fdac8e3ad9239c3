"""Everything that can be recorded. A kind of fact is one class, and says everything about its kind.

A fact is immutable and stands for itself: it repeats who, what and why of its request, so that one line of the
ledger can be read without the others. Fields that tell something about a person are marked `Personal`.

A new kind is a class in the file of its subject. A line of `tests/unit/entries.jsonl` holds it to what it was, and
`jit ledger init --print` brings it into `deploy/postgresql/ledger.sql`. One that changes a request has lines in
`jit.requests.lifecycle` too.
"""

from jit.facts.alerts import Alert, AlertName
from jit.facts.ends import (
    ENDED_BY_ITSELF,
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
    FreeText,
    Moment,
    Personal,
    Room,
    Said,
    Source,
    Who,
    Words,
    model_of,
    personal,
    personal_fields,
    read_fact,
    said_fields,
    write_fact,
)
from jit.facts.grants import Granted, GrantFailed, GrantIntent
from jit.facts.life import AboutRequest, Life, life_kinds
from jit.facts.processes import NO_POLICY, PolicyChanged, Started
from jit.facts.record import KeyChanged, PersonErased, RecordRead, SpoolTaken
from jit.facts.refused import RefusalReason, Refused
from jit.facts.requests import (
    BEGIN_WITHIN,
    LAPSED,
    Approval,
    Approved,
    Counted,
    Denied,
    Lapsed,
    Quorum,
    Requested,
    Withdrawn,
)
