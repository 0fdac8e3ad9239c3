"""What somebody has to look at."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from jit.facts.fact import Fact, Principal, Room, Said, Who, Words
from jit.facts.ocsf import CREATE, Class, Event, Severity, Status
from jit.facts.sentence import Access, Loud, Person, Text, Told, in_words

SAME = UUID("5f0d3c1e-7b64-4f0a-9b5e-2f6c8e1a7d40")
"""Of alerts that several processes make of one thing the id is made under this one, so that the ledger takes one."""


class AlertName(StrEnum):
    """What somebody has to look at."""

    END_LATE = "end_late"
    END_AT_RISK = "end_at_risk"
    """What is active in a target could not be ended if that were due now."""
    END_NOT_BEGUN = "end_not_begun"
    """Nobody takes away what is due: no timekeeper and no worker says anything."""
    NOT_BEGUN = "not_begun"
    """Nobody gives what was approved."""
    POLICY_BROKEN = "policy_broken"
    GRANT_LATE = "grant_late"
    LEFT_BEHIND = "left_behind"
    GRANT_FAILED = "grant_failed"
    REQUESTER_LEFT = "requester_left"
    """Somebody may not ask any more for what they hold, or that cannot be told, and it goes on."""
    BREAK_GLASS = "break_glass"
    """Somebody let themselves in, without those who decide."""
    REVIEW_OVERDUE = "review_overdue"
    """Nobody has said in time whether a break-glass was justified."""
    OUTSIDE_PURPOSE = "outside_purpose"
    """Access is used for something else than it is for."""
    LOG_TURNED_OFF = "log_turned_off"
    """Somebody turned off the log of what they do, or tried to."""
    TARGET_UNUSABLE = "target_unusable"
    """Nothing can be given or ended in a target until its set-up is mended."""
    FOREIGN_SLACK = "foreign_slack"
    FOREIGN_GRANT = "foreign_grant"
    """A target holds something in our name that the ledger knows nothing of."""
    DRIFT = "drift"
    """What a target holds is not what the record says."""
    RECORD_BROKEN = "record_broken"
    """Entries do not say any more what was recorded, or are not where they were."""
    SPOOL_REFUSED = "spool_refused"
    """Something was put into the spool that has no business there."""
    SPOOL_BROKEN = "spool_broken"
    """Facts that waited in a spool are gone, or were changed."""
    SPOOL_FULL = "spool_full"
    """A host has no room for facts that have to wait."""
    AUDIT_CHANGED = "audit_changed"
    """Somebody deleted or edited what the audit channel showed."""
    NOT_SHOWN = "not_shown"
    """The chat refuses for good what people were to see."""
    CHECKPOINT_MISSING = "checkpoint_missing"
    """The record goes on and nobody signs it."""
    EMAIL_CHANGED = "email_changed"
    """Somebody's e-mail in Slack is another than the one seen first, and decides nothing until security has looked."""
    CHECKPOINT_REFUSED = "checkpoint_refused"
    """The signer or a witness will not sign: the record is not what it was."""

    @classmethod
    def _missing_(cls, value: object) -> "AlertName | None":
        """Names that facts of earlier versions bear. Nothing is written under them any more."""
        return {"head_missing": cls.CHECKPOINT_MISSING, "head_refused": cls.CHECKPOINT_REFUSED}.get(str(value))


CRITICAL = frozenset(
    {
        AlertName.RECORD_BROKEN,
        AlertName.AUDIT_CHANGED,
        AlertName.CHECKPOINT_REFUSED,
        AlertName.SPOOL_REFUSED,
        AlertName.SPOOL_BROKEN,
        AlertName.FOREIGN_GRANT,
        AlertName.TARGET_UNUSABLE,
        AlertName.END_LATE,
        AlertName.END_NOT_BEGUN,
    }
)
"""Alerts that tell of access which may be there and should not, or of a record that is not what it was."""


class Alert(Fact):
    """Somebody has to look at this."""

    recorded_by = (Room.BOT, Room.WORKERS, Room.SIGNER, Room.AUDITOR)
    ocsf = Event(Class.FINDING, CREATE, (Status.SUCCESS, "New"), Severity.HIGH)
    waits = True

    kind: Literal["alert"] = "alert"
    name: Annotated[AlertName, Said()]
    says: Words
    request_id: str | None = None
    requester: Who | None = None
    access: str | None = None
    target: str | None = None
    principal: Principal | None = None

    def event(self) -> Event:
        return self.ocsf._replace(severity=Severity.CRITICAL) if self.name in CRITICAL else self.ocsf

    def told(self) -> Told:
        whose = (" of ", Person(self.requester)) if self.requester else ()
        about = (", ", Access(self.access), *whose) if self.access and whose else whose
        return Told((Loud("ALERT"), f" {in_words(self.name)}"), about, (Text(self.says, 500),))
