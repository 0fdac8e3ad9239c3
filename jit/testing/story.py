"""A request's life, recorded step by step."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from jit.facts import (
    Alert,
    AlertName,
    Approval,
    Approved,
    Counted,
    Denial,
    Denied,
    EndCause,
    Ended,
    Escalated,
    Extended,
    ExtensionApproval,
    ExtensionApproved,
    ExtensionAsked,
    ExtensionDenied,
    ExtensionEscalated,
    ExtensionFailed,
    ExtensionIntent,
    ExtensionLapsed,
    ExtensionWithdrawn,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    Life,
    Narrowed,
    Quorum,
    RefusalReason,
    Refused,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    Source,
    Withdrawn,
)
from jit.ledger import Entry, Ledger
from jit.ports import Clock
from jit.requests.due import begin_by
from jit.requests.lifecycle import Request

ALICE, BOB, CAROL, EVE = "U01ALICE0", "U02BOB000", "U03CAROL0", "U04EVE000"
DBA = Quorum(label="dba", who=("group:dba",), count=1)
SECURITY = Quorum(label="security", who=("group:security",), count=1)


@dataclass
class Story:
    """One request. Every step is recorded when it is told, and is by whoever usually takes it."""

    ledger: Ledger
    clock: Clock
    id: str = "R-7F3K"
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        request = self.ledger.request(self.id)
        assert request is not None
        return request

    def asked(self) -> Entry:
        fields: dict[str, Any] = {
            "requester": ALICE,
            "access": "orders-db/read",
            "target": "orders-db",
            "permissions": ("orders_read",),
            "principal": "alice",
            "why": "INC-42: db down, need to look at stuck orders",
            "incident": "INC-42",
            "policy_version": "ab" * 32,
            "duration": timedelta(minutes=30),
            "channel": "C0ACCESS1",
            "risk": "medium",
            "needs": (DBA,),
            "pending_until": self.clock.now() + timedelta(hours=8),
        }
        fields |= self.fields
        return self._tell(
            Requested(at=self.clock.now(), actor=fields["requester"], source=Source.SLACK, request_id=self.id, **fields)
        )

    def approval(self, by: str = BOB, quorum: str = "") -> Entry:
        """For the first quorum, unless said."""
        label = quorum or (self.request.needs[0].label if self.request.needs else "dba")
        rest = {"approver": by, "digest": self.request.digest, "quorums": (label,), "groups_as_of": None}
        return self._step(Approval, by, Source.SLACK, **rest)

    def approvals(self, people: Iterable[str], quorum: str = "dba") -> list[Entry]:
        """Many at once."""
        rest = {"source": Source.SLACK, "digest": self.request.digest, "quorums": (quorum,), "groups_as_of": None}
        request, at = self.request, self.clock.now()
        facts = [Approval.about(request, at=at, actor=person, approver=person, **rest) for person in people]
        return list(self.ledger.append(facts).entries)

    def approved(self, *, by: str = BOB, by_rule: str = "") -> Entry:
        """The decision, counting every approval so far, or of a rule."""
        given = self.request.approvals
        counted = tuple(Counted(approval=each.id, approver=each.approver, quorum=each.quorums[0]) for each in given)
        until = begin_by(self.request, self.clock.now())
        rest = {"digest": self.request.digest, "counted": counted, "begin_by": until, "by_rule": by_rule}
        return self._step(Approved, by, Source.SLACK, **rest)

    def narrowed(self, by: str = BOB, *, reason: str | None = None, **less: Any) -> Entry:
        """Somebody gives less; their own yes to it is told apart."""
        asked = self.request.asked
        rest = {"asked_duration": asked.duration, "asked_permissions": asked.permissions, "reason": reason}
        rest |= {"digest": self.request.digest, "duration": self.request.duration} | less
        return self._step(Narrowed, by, Source.SLACK, **rest)

    def denial(self, reason: str = "not now", by: str = BOB) -> Entry:
        """A no that alone decides nothing."""
        return self._step(Denial, by, Source.SLACK, approver=by, digest=self.request.digest, reason=reason)

    def denied(self, reason: str = "not now", by: str = BOB) -> Entry:
        return self._step(Denied, by, Source.SLACK, approver=by, digest=self.request.digest, reason=reason)

    def withdrawn(self) -> Entry:
        return self._step(Withdrawn, self.request.requester, Source.SLACK)

    def escalated(self) -> Entry:
        return self._step(Escalated, "timekeeper@host", Source.TIMEKEEPER, escalation=self.request.escalation)

    def lapsed(self, because: str = "unanswered") -> Entry:
        return self._step(Lapsed, "timekeeper@host", Source.TIMEKEEPER, because=because)

    def intent(self) -> Entry:
        ends_at = self.clock.now() + self.request.duration
        return self._step(GrantIntent, "worker@host", Source.WORKER, ends_at=ends_at, held_before=())

    def granted(self, how_to_connect: str | None = None) -> Entry:
        read = {"ends_at": self.request.ends_at, "read_back": self.request.permissions}
        return self._step(Granted, "worker@host", Source.WORKER, **read, how_to_connect=how_to_connect)

    def failed(self, reason: str = "role is missing") -> Entry:
        return self._step(GrantFailed, "worker@host", Source.WORKER, reason=reason)

    def released(self) -> Entry:
        return self._step(Released, self.request.requester, Source.SLACK)

    def revoked(self, reason: str = "enough", by: str = CAROL) -> Entry:
        return self._step(Revoked, by, Source.SLACK, reason=reason)

    def left(self, because: str = "deactivated") -> Entry:
        return self._step(RequesterLeft, "bot@host", Source.BOT, because=because)

    def ending(self, cause: EndCause = EndCause.EXPIRED, **more: Any) -> Entry:
        return self._step(RevokeIntent, "timekeeper@host", Source.TIMEKEEPER, cause=cause, **more)

    def not_ended(self, reason: str = "no answer") -> Entry:
        return self._step(RevokeFailed, "worker@host", Source.WORKER, reason=reason, attempts=3)

    def ended(self, cause: EndCause = EndCause.EXPIRED, **more: Any) -> Entry:
        rest = {"existed": True, "sessions": 1, "left_behind": ()} | more
        return self._step(Ended, "timekeeper@host", Source.TIMEKEEPER, cause=cause, **rest)

    def active(self) -> "Story":
        """Told up to where the access is there."""
        self.asked()
        self.approval()
        self.approved()
        self.intent()
        self.granted()
        return self

    def extension_asked(self, minutes: float = 30, why: str = "still at it", *, pending_for: float = 480) -> Entry:
        """``pending_for`` is in minutes, too."""
        request, now = self.request, self.clock.now()
        assert request.ends_at is not None
        more = timedelta(minutes=minutes)
        rest = {"why": why, "duration": more, "ends_at": request.ends_at + more, "needs": request.needs}
        rest |= {"pending_until": min(now + timedelta(minutes=pending_for), request.ends_at)}
        rest |= {"escalation": request.escalation}
        return self._step(ExtensionAsked, request.requester, Source.SLACK, **rest)

    def extension_approved(self, by: str = BOB, quorum: str = "dba") -> Entry:
        """One approval, and the decision with it."""
        waiting = self.request.undecided
        rest = {"approver": by, "digest": waiting.digest, "quorums": (quorum,), "groups_as_of": None}
        yes = ExtensionApproval.about(waiting, at=self.clock.now(), actor=by, source=Source.SLACK, **rest)
        counted = (Counted(approval=yes.id, approver=by, quorum=quorum),)
        self._tell(yes)
        begin_by = self.clock.now() + timedelta(minutes=15)
        decision = {"digest": waiting.digest, "counted": counted, "begin_by": begin_by}
        return self._of_extension(ExtensionApproved, by, Source.SLACK, **decision)

    def extension_denied(self, reason: str = "not now", by: str = BOB) -> Entry:
        rest = {"approver": by, "digest": self.request.undecided.digest, "reason": reason}
        return self._of_extension(ExtensionDenied, by, Source.SLACK, **rest)

    def extension_withdrawn(self) -> Entry:
        return self._of_extension(ExtensionWithdrawn, self.request.requester, Source.SLACK)

    def extension_escalated(self) -> Entry:
        said = {"escalation": self.request.undecided.escalation}
        return self._of_extension(ExtensionEscalated, "timekeeper@host", Source.TIMEKEEPER, **said)

    def extension_lapsed(self, because: str = "unanswered") -> Entry:
        return self._of_extension(ExtensionLapsed, "timekeeper@host", Source.TIMEKEEPER, because=because)

    def extending(self) -> Entry:
        ends_at = self.request.undecided.longest_end
        return self._of_extension(ExtensionIntent, "worker@host", Source.WORKER, ends_at=ends_at)

    def extended(self, end_order: str = "none") -> Entry:
        waiting = self.request.undecided
        rest = {"ends_at": waiting.ends_at, "end_order": end_order, "read_back": waiting.permissions}
        return self._of_extension(Extended, "worker@host", Source.WORKER, **rest)

    def extension_failed(self, reason: str = "role is missing") -> Entry:
        return self._of_extension(ExtensionFailed, "worker@host", Source.WORKER, reason=reason)

    def refused(self, by: str = EVE, reason: RefusalReason = RefusalReason.NOT_ALLOWED_TO_DECIDE) -> Entry:
        about = {"request_id": self.id, "requester": ALICE, "access": "orders-db/read"}
        return self._tell(
            Refused(at=self.clock.now(), actor=by, source=Source.SLACK, attempted="approve", reason=reason, **about)
        )

    def alert(self, says: str = "orders-db does not answer", name: AlertName = AlertName.END_LATE) -> Entry:
        about = {"request_id": self.id, "requester": ALICE, "access": "orders-db/read", "target": "orders-db"}
        return self._tell(
            Alert(
                at=self.clock.now(),
                actor="timekeeper@host",
                source=Source.TIMEKEEPER,
                name=name,
                says=says,
                **about,
            )
        )

    def _of_extension(self, kind: type[Life], actor: str, source: Source, **rest: Any) -> Entry:
        about = self.request.undecided
        return self._tell(kind.about(about, at=self.clock.now(), actor=actor, source=source, **rest))

    def _step(self, kind: type[Life], actor: str, source: Source, **rest: Any) -> Entry:
        return self._tell(kind.about(self.request, at=self.clock.now(), actor=actor, source=source, **rest))

    def _tell(self, fact: Any) -> Entry:
        return self.ledger.append([fact]).entries[0]
