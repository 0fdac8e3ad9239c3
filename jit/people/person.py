"""Who somebody is: bound to a Slack id, never to an e-mail or a name, which can be edited."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from jit.clock import SKEW_LIMIT
from jit.people.directory import NOTHING_READ, DirectorySnapshot, Members
from jit.people.on_call import NOTHING_KNOWN, OnCallSnapshot

DIRECTORY = "directory:"
GROUPS_FRESH_FOR = timedelta(seconds=30)
"""A group snapshot older than this decides nothing."""


_SHOWS_NOTHING = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks and fillers that are drawn as nothing, and that directories leave out when they compare (RFC 4518, 2.2)."""


class Standing(StrEnum):
    """Whether somebody may act here at all. Anything but GOOD refuses."""

    GOOD = "good"
    DELETED = "deleted"
    BOT = "bot"
    GUEST = "guest"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """One Slack account, as `users.info` tells it.

    ``team`` is the workspace the account belongs to; ``teams`` are, in an organisation of several, all that it is in,
    and the organisation itself. ``tz`` is an IANA zone name. ``email`` is the one seen last, and ``first_email`` the
    one that this person is known by: seen first, or said to be theirs since. Both are empty where Slack never told any.
    """

    id: str
    team: str
    name: str
    handle: str = ""
    tz: str = "UTC"
    deleted: bool = False
    bot: bool = False
    guest: bool = False
    external: bool = False
    teams: tuple[str, ...] = ()
    email: str = field(default="", repr=False)
    first_email: str = field(default="", repr=False)

    def seen_after(self, before: "Person | None") -> "Person":
        """As Slack tells it now, with what is known from ``before``: an e-mail that is hidden now was seen then."""
        if before is None:
            return replace(self, first_email=self.email)
        email = self.email or before.email
        return replace(self, email=email, first_email=before.first_email or email)

    @property
    def email_changed(self) -> bool:
        """Whether the account may be somebody else's by now: nobody has said that the e-mail is still theirs."""
        return bool(self.first_email) and alike(self.email) != alike(self.first_email)

    def is_also(self, other: "Person") -> bool:
        """Whether both are accounts of one person: they have, or had, one e-mail."""
        mine = {alike(each) for each in (self.email, self.first_email) if each}
        return self.id == other.id or any(alike(each) in mine for each in (other.email, other.first_email) if each)

    def is_in(self, workspace: str) -> bool:
        return workspace in (self.team, *self.teams)

    def standing(self, workspace: str) -> Standing:
        """The first thing that speaks against this person acting in ``workspace`` (a Slack team id; empty if it is
        not known yet, and then nobody may act).
        """
        if self.deleted:
            return Standing.DELETED
        if self.bot:
            return Standing.BOT
        if not workspace:
            return Standing.UNKNOWN
        if self.external or not self.is_in(workspace):
            return Standing.EXTERNAL
        if self.guest:
            return Standing.GUEST
        return Standing.GOOD


def alike(email: str) -> str:
    """What two spellings of one e-mail have in common."""
    return "".join(email.casefold().split())


def alike_name(name: str) -> str:
    """What two names have in common that a target, or a reader, may take for one."""
    return " ".join(_SHOWS_NOTHING.sub("", unicodedata.normalize("NFKC", name)).casefold().split())


@dataclass(frozen=True, slots=True)
class Groups:
    """Slack's user groups as they were at ``as_of``: group id to the ids of its members; who was on call, and who in
    groups of the directory, each answer of which has an age of its own.
    """

    as_of: datetime
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    handles: Mapping[str, str] = field(default_factory=dict)
    on_call: OnCallSnapshot = NOTHING_KNOWN
    directory: DirectorySnapshot = NOTHING_READ

    def fresh(self, now: datetime) -> bool:
        """Young enough to decide by. One from the future, beyond what clocks may differ by, is not."""
        return -SKEW_LIMIT <= now - self.as_of <= GROUPS_FRESH_FOR

    def held(self, group: str, now: datetime) -> frozenset[str] | None:
        """Who is in a Slack group, by its id, or in one of the directory, `directory:dba`; None where not known."""
        if not group.startswith(DIRECTORY):
            return self.members.get(group, frozenset()) if self.fresh(now) else None
        answer = self.directory.who(group.removeprefix(DIRECTORY), now)
        return answer.people if isinstance(answer, Members) else None

    def in_emergency(self) -> "Groups":
        """The same, with who is on call as `OnCallSnapshot.in_emergency` has it."""
        return replace(self, on_call=self.on_call.in_emergency())


NO_GROUPS = Groups(as_of=datetime.min.replace(tzinfo=UTC))
"""What is known before the first snapshot: nobody is in any group, and it is stale."""
