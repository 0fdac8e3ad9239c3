"""Everything that can be recorded. A kind of fact is one class, and says everything about its kind.

A fact is immutable and stands for itself: it repeats who, what and why of its request, so that one line of the
ledger can be read without the others. Fields that tell something about a person are marked `Personal`.

A new kind is a class in the file of its subject:

1. A subclass of `Fact`, which ``request_id`` may put into the history of a request. Of `Life`, where it is a step that
   changes a request: what is pressed meanwhile is then judged again, and `jit.requests.lifecycle` has lines for it.
2. A line of `tests/unit/entries.jsonl`, which holds it to what it was; `tests/unit/ledger/test_stored_entries.py` says
   which.
3. A row of `docs/siem/README.md`; `tests/unit/proof/test_ocsf.py` says which.
4. `jit ledger init --print > deploy/postgresql/ledger.sql`. A database takes the kind after `jit ledger init`, from the
   logins of ``recorded_by``.
"""

from jit.facts.activity import (
    SESSION,
    ActivityClass,
    ActivityLog,
    ActivityRecorded,
    ActivitySummed,
    Coverage,
    Item,
    Tally,
    TiedBy,
    in_numbers,
)
from jit.facts.alerts import SAME, Alert, AlertName
from jit.facts.break_glass import BreakGlassEscalated, BreakGlassReviewed, Verdict
from jit.facts.ends import (
    ENDED_BY_ITSELF,
    EndCause,
    Ended,
    Exceeded,
    OrdersEnd,
    Released,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    TakesAway,
)
from jit.facts.extensions import (
    Extended,
    ExtensionApproval,
    ExtensionApproved,
    ExtensionAsked,
    ExtensionDenial,
    ExtensionDenied,
    ExtensionEscalated,
    ExtensionFailed,
    ExtensionIntent,
    ExtensionLapsed,
    ExtensionWithdrawn,
    OfExtension,
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
from jit.facts.lockdown import Account, LockdownBegun, LockdownLifted, LockdownLiftProposed, OfLockdown, Scope
from jit.facts.people import Away, Back, PersonRebound
from jit.facts.processes import NO_POLICY, PolicyChanged, Started
from jit.facts.reconciled import Reconciled, RemovalIntent, Removed
from jit.facts.record import KeyChanged, PersonErased, RecordRead, SpoolTaken
from jit.facts.refused import RefusalReason, Refused
from jit.facts.requests import (
    BEGIN_WITHIN,
    LAPSED,
    Approval,
    Approved,
    Basis,
    Counted,
    Denial,
    Denied,
    Escalated,
    Escalation,
    Lapsed,
    Narrowed,
    Quorum,
    Requested,
    Withdrawn,
    label_of,
)
