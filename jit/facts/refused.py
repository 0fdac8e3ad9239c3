"""What was not let through."""

from enum import StrEnum
from typing import Annotated, Literal

from jit.facts.fact import Fact, Room, Said, Who
from jit.facts.life import other_rules
from jit.facts.ocsf import FAILED, OTHER, Class, Event, Severity
from jit.facts.sentence import Access, Loud, Part, Person, Text, Told, in_words


class RefusalReason(StrEnum):
    """Why an attempt was refused."""

    UNKNOWN_REQUEST = "unknown_request"
    NOT_ALLOWED_TO_ASK = "not_allowed_to_ask"
    NOT_ALLOWED_TO_DECIDE = "not_allowed_to_decide"
    NOT_ALLOWED_TO_END = "not_allowed_to_end"
    NOT_YOURS = "not_yours"
    OWN_REQUEST = "own_request"
    ALREADY_APPROVED = "already_approved"
    ALREADY_DENIED = "already_denied"
    ALREADY_OPEN = "already_open"
    NOT_POSSIBLE_NOW = "not_possible_now"
    LAPSED = "lapsed"
    CARD_CHANGED = "card_changed"
    RULES_CHANGED = "rules_changed"
    NOBODY_COULD_APPROVE = "nobody_could_approve"
    NO_PRINCIPAL = "no_principal"
    BAD_INPUT = "bad_input"
    WRONG_WORKSPACE = "wrong_workspace"
    BAD_STANDING = "bad_standing"
    CANNOT_LOOK_UP = "cannot_look_up"
    STALE_GROUPS = "stale_groups"
    POLICY_BROKEN = "policy_broken"
    QUORUM_GONE = "quorum_gone"
    NOT_NEEDED = "not_needed"
    """Those who count for the same quorums said yes already."""
    NOT_YET = "not_yet"
    """The people of an earlier stage decide first."""
    NO_RULE = "no_rule"
    """No rule of the access holds."""
    CONDITION_GONE = "condition_gone"
    """The condition of the rule that decides by itself holds no more."""
    CONDITION_UNKNOWN = "condition_unknown"
    """It cannot be told whether it holds."""
    NOT_LISTED = "not_listed"
    """Not among those who may break the glass."""
    NO_OPEN_INCIDENT = "no_open_incident"
    """The provider answered that the incident of a break-glass is none, or over."""
    NOT_ALLOWED_TO_REVIEW = "not_allowed_to_review"
    OWN_REVIEW = "own_review"
    """Whoever broke the glass, or co-signed, does not review that."""
    ALREADY_REVIEWED = "already_reviewed"
    NO_EXTENSION = "no_extension"
    """The rules let nobody have it longer."""
    PAST_CEILING = "past_ceiling"
    """It would be held for longer than it may be in all."""
    EXTENSION_WAITS = "extension_waits"
    """Another extension of it is not settled."""
    LOCKED_DOWN = "locked_down"
    """A lockdown stops it."""
    NOT_ALLOWED_TO_LOCK = "not_allowed_to_lock"
    """Not among those who may lock down, and lift."""
    UNKNOWN_LOCKDOWN = "unknown_lockdown"
    SAME_PERSON = "same_person"
    """Two different people lift a lockdown, and neither is the one who is locked."""
    MALFORMED = "malformed"
    BUSY = "busy"
    TOO_MANY = "too_many"
    """One person used up their share: what comes after it within a while is recorded once, by this."""
    EMAIL_CHANGED = "email_changed"
    """Somebody's e-mail in Slack is another than the one seen first, and nobody has said that it is them."""
    SHARED_ACCOUNT = "shared_account"
    BAD_TICKET = "bad_ticket"


class Refused(Fact):
    """An attempt that was not let through. Holds nothing that was typed."""

    recorded_by = (Room.BOT, Room.WORKERS, Room.AUDITOR)
    ocsf = Event(Class.API, (OTHER, "Refused"), FAILED, Severity.LOW)

    kind: Literal["refused"] = "refused"
    attempted: Annotated[str, Said()]
    reason: Annotated[RefusalReason, Said()]
    request_id: str | None = None
    requester: Who | None = None
    access: str | None = None
    target: str | None = None
    permissions: tuple[str, ...] = ()
    policy_version: str | None = None
    checked_version: str | None = None
    """Of the rules that were in force as it was refused, where ``policy_version`` is that of the request. None before
    this was recorded.
    """

    def told(self) -> Told:
        on: Part = (" on ", Access(self.access)) if self.access else ""
        whose: Part = (" for ", Person(self.requester)) if on and self.requester not in {None, self.actor} else ""
        what = (Loud("REFUSED"), " ", Text(self.attempted, 40))
        return Told(what, ("by ", Person(self.actor), on, whose), (in_words(self.reason), self._other_rules()))

    def _other_rules(self) -> Part:
        changed = self.reason is RefusalReason.RULES_CHANGED
        return other_rules(self.checked_version, self.policy_version) if changed else ""
