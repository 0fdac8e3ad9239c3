"""More time is asked for, decided and given, for access that somebody has. Its steps are told in the life of the
request, one extension at a time; ``why`` is what was typed for the extension.
"""

from datetime import timedelta
from typing import Annotated, Literal

from jit.facts.fact import Digest, FreeText, Moment, Personal, Room, Said, SignedEnd, Who, Words
from jit.facts.life import Checked, Life
from jit.facts.ocsf import ASSIGN, BEGUN, FAILED, OTHER, UPDATE, Class, Event, Severity
from jit.facts.requests import LAPSED, Counted, Escalation, Quorum
from jit.facts.sentence import Access, Name, Part, Person, Several, Text, Time, Told, names, quote, target_said


class OfExtension(Life):
    """A step of an extension, which follows while its access is active alone."""


class ExtensionAsked(OfExtension):
    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["extension.asked"] = "extension.asked"
    duration: timedelta
    """How much more."""
    ends_at: Moment
    """The end that is asked for."""
    needs: tuple[Quorum, ...]
    pending_until: Moment
    rule: Annotated[str, Said()] = ""
    different_people: bool = False
    denials_needed: int = 1
    escalation: Escalation | None = None
    inputs: Annotated[str, Personal()] | None = None

    def told(self) -> Told:
        needs: Part = ("needs ", Several(tuple((f"{need.count} of ", need.audience) for need in self.needs), 3))
        by_rule: Part = ("by rule: ", Name(self.rule, 200)) if self.rule else ""
        until = (" for ", self.duration, " more, until ", Time(self.ends_at, self.at))
        about = (Access(self.access), " by ", Person(self.requester), *until)
        return Told("extension asked for", about, (needs if self.needs else "", by_rule, quote(self.why)))


class ExtensionApproval(OfExtension):
    """One person's yes; it decides nothing by itself."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["extension.approval"] = "extension.approval"
    approver: Who
    digest: Digest
    """The digest of what was shown of the extension when the button was pressed."""
    quorums: tuple[str, ...]
    groups_as_of: Moment | None
    proof: str | None = None

    def told(self) -> Told:
        as_of: Part = ("groups as of ", Time(self.groups_as_of, self.at)) if self.groups_as_of else ""
        return Told("extension approval", _by_whom(self), (("counts for ", names(self.quorums)),), (as_of,))


class ExtensionDenial(OfExtension):
    """One person's no where more than one are needed; it takes back their yes, and decides nothing by itself."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["extension.denial"] = "extension.denial"
    approver: Who
    digest: Digest
    reason: FreeText

    def told(self) -> Told:
        return Told("extension denial", _by_whom(self), (quote(self.reason),))


class ExtensionApproved(OfExtension):
    """The decision: every quorum is met by approvals that all counted at this moment, or a rule decides alone."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["extension.approved"] = "extension.approved"
    digest: Digest
    counted: tuple[Counted, ...]
    begin_by: Moment
    by_rule: Annotated[str, Personal(), Said()] = ""

    def told(self) -> Told:
        by = ((Person(each.approver), " (", Name(each.quorum, 80), ")") for each in self.counted)
        who: Part = ("by rule: ", Text(self.by_rule, 200)) if self.by_rule else ("by ", Several(tuple(by)))
        return Told("extension approved", _for_whom(self), (who,))


class ExtensionDenied(OfExtension):
    """The access goes on until its end."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Deny"))

    kind: Literal["extension.denied"] = "extension.denied"
    approver: Who
    digest: Digest
    reason: FreeText

    def told(self) -> Told:
        return Told("extension denied", _by_whom(self), (quote(self.reason),))


class ExtensionLapsed(Checked, OfExtension):
    """The access goes on until its end."""

    recorded_by = (Room.BOT, Room.WORKERS)
    ocsf = Event(Class.ENTITY, (OTHER, "Lapse"))

    kind: Literal["extension.lapsed"] = "extension.lapsed"
    because: Annotated[Literal["unanswered", "not_begun", "no_longer_approved", "rules_changed", "left_rules"], Said()]

    def told(self) -> Told:
        return Told("extension lapsed", _for_whom(self), (LAPSED[self.because], self.other_rules))


class ExtensionWithdrawn(OfExtension):
    """By whom it was asked for. The access goes on until its end."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Withdraw"))

    kind: Literal["extension.withdrawn"] = "extension.withdrawn"

    def told(self) -> Told:
        return Told("extension withdrawn", _by_whom(self))


class ExtensionEscalated(OfExtension):
    """As `Escalated`, of an extension."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["extension.escalated"] = "extension.escalated"
    escalation: Escalation

    def told(self) -> Told:
        late: Part = ("nobody had decided for ", self.escalation.after)
        return Told("extension escalated", _for_whom(self), (("asked as well: ", self.escalation.audience), late))


class ExtensionIntent(Checked, OfExtension):
    """The target is about to be told of a later end. The one so far stays in force."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN, BEGUN)

    kind: Literal["extension.intent"] = "extension.intent"
    ends_at: Moment

    def told(self) -> Told:
        return Told("extending", _until(self), (self.other_rules,))


class Extended(Checked, OfExtension):
    """The target has the later end, and was read back. Fixes the end."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN)

    kind: Literal["extended"] = "extended"
    ends_at: Moment
    end_order: SignedEnd
    """Names this fact and its end: what stands beside it here explains no other end."""
    read_back: tuple[str, ...]

    def told(self) -> Told:
        return Told("extended", _until(self), (self.other_rules,), (("read back ", names(self.read_back)),))


class ExtensionFailed(OfExtension):
    """The target did not take the later end. The access goes on until the one so far."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN, FAILED, Severity.LOW)

    kind: Literal["extension.failed"] = "extension.failed"
    reason: Words

    def told(self) -> Told:
        return Told("not extended", _for_whom(self), (target_said(self.target, self.reason),))


def _for_whom(fact: Life) -> tuple[Part, ...]:
    return ("of ", Access(fact.access), " for ", Person(fact.requester))


def _by_whom(fact: Life) -> tuple[Part, ...]:
    return (*_for_whom(fact), " by ", Person(fact.actor))


def _until(fact: ExtensionIntent | Extended) -> tuple[Part, ...]:
    return (Access(fact.access), " of ", Person(fact.requester), " until ", Time(fact.ends_at, fact.at))
