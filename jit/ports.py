"""What the core needs from outside. Each port has one real implementation and a fake in `tests`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from jit.people import incidents, on_call
from jit.people.person import Groups, Person


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC. Somebody may set it, forwards and back."""

    def ticks(self) -> float:
        """Seconds from no particular moment, which only go on, for whatever waits: nobody can set them."""


class DirectoryUnavailable(Exception):
    """The directory could not be asked in time. Who cannot be looked up cannot decide."""


class UnknownPerson(DirectoryUnavailable):
    """The directory answered: there is nobody of this id."""


class Directory(Protocol):
    """Who people are and which groups they are in."""

    @property
    def workspace(self) -> str:
        """The Slack team id of the one workspace whose people may act; empty if not known yet."""

    def look_up(self, person: str) -> Person:
        """Ask now, within a second or so.

        Raises:
            DirectoryUnavailable: no answer.
            UnknownPerson: no such person.
        """

    def recall(self, person: str, within: timedelta) -> Person:
        """What was answered no longer than ``within`` ago, else `look_up`: for what decides nothing."""

    def groups(self) -> Groups:
        """The newest snapshot, which may be stale: ask `Groups.fresh`."""


class OnCall(Protocol):
    """Who is on call. Thread-safe."""

    def who(self, schedule: str, at: datetime) -> on_call.Shift | on_call.NotKnown:
        """Those on call at ``at`` for a schedule of the policy: what was answered lately, or asked anew, within two
        seconds unless the maker says otherwise. Never raises: what goes wrong is not known, with its reason.
        """


class Incidents(Protocol):
    """The company's incidents. Thread-safe."""

    def find(self, incident: str) -> incidents.Incident | incidents.NoSuchIncident | incidents.NotKnown:
        """What the provider says of the incident that somebody names, within two seconds unless the maker says
        otherwise. Never raises: what goes wrong is not known, with its reason.
        """


LONGEST_END_ORDER = 64 * 1024
"""Characters of a signed order to end access: with as many permissions as fit on a card."""


class QueueUnavailable(Exception):
    """The queue took nothing."""


class Queue(Protocol):
    """Where work is announced. A hint: what must happen is in the ledger."""

    def grant(self, request_id: str) -> None:
        """Ask a worker to look at an approved request. Raises QueueUnavailable."""

    def revoke(self, request_id: str) -> None:
        """Ask a worker to look at a request that is ending. Raises QueueUnavailable."""

    def end_at(self, when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
        """Put a signed order to end this request's access at ``when`` where nothing lies, or ``instead_of`` does.

        Returns the one order that lies there for this request then: this one, or another that was left there.
        Raises QueueUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Grant:
    """One access to give, an object of its own in the target.

    ``request_id`` as people see it (`R-7F3K`), ``principal`` the person's name in the target,
    ``permissions`` exactly what the approvers saw, ``ends_at`` the deadline, aware UTC.
    """

    request_id: str
    principal: str
    permissions: tuple[str, ...]
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What the target says a grant gives right now; the read-back.

    ``ends_at`` is None where the target's note about it cannot be read.
    """

    request_id: str
    principal: str
    permissions: tuple[str, ...]
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class RevokeResult:
    """The end of a grant, as read back: ``existed`` says whether there was anything to take away,
    ``sessions`` how many live sessions were cut, ``left_behind`` what the target could not undo
    (objects made, for example), in words for people.
    """

    existed: bool
    sessions: int = 0
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a target's self-check: ``ok``, what was checked, and what to do if it is not.

    ``is_sql`` says that this is SQL, for a superuser there.
    """

    ok: bool
    what: str
    remedy: str = ""
    is_sql: bool = False


class TargetError(Exception):
    """The target did not do it. The message says why in a few words and holds no secret."""


class TargetUnreachable(TargetError):
    """Nothing is known about what the target did: read back before saying anything."""


class TargetRefused(TargetError):
    """The target answered, and refused."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of target can do beside giving and taking away; nothing that is not said here."""

    cuts_sessions: bool = False
    """An end closes whatever is open with the access, and is proven only when that is closed."""
    expires_alone: bool = False
    """The system itself ends a grant at its deadline, with no worker alive."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who has a permission now: by a grant of ours, or standing (``request_id`` is None)."""

    principal: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """Something in a target by which somebody has, or can bring about, what no grant of ours gives them.

    ``principal`` has it. ``permission`` and ``how`` say what, in the target's words, and are the same at each look:
    `orders_read`, `member`, or `tables in schema orders`, `owner`. Any of them may be whatever a holder typed.

    ``grant`` is the request id of the grant of ours by means of which it is there, or whose object was changed; None
    where it is standing. ``lasting`` says that it outlives the grant, ``changed`` that it is no right, but something
    done to the grant's object. ``detail`` says more about it and may be another at the next look. ``removable`` is what
    `ListsRights.remove` takes away.
    """

    principal: str
    permission: str
    how: str = "member"
    grant: str | None = None
    lasting: bool = False
    changed: bool = False
    detail: str = ""
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a target holds, at one look: grants of ours, and what else there is of what can be given. ``read`` is
    how many entries were looked at.
    """

    grants: tuple[Held, ...]
    rights: tuple[Right, ...]
    read: int


class Target(Protocol):
    """One system that access is given to. Thread-safe; every call is bounded in time.

    A kind that can do more has the methods of `TakesRightsFirst`, `EndsMany`, `LooksAhead` or `ListsRights`, too, and
    one that keeps connections has ``close()``. `jit.testing.targets` tests all of it.
    """

    name: str
    kind: str
    capabilities: Capabilities

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        """Give exactly this, or nothing; giving it again is no change, but that another deadline takes the place of the
        one before: so it is extended. Ends with a read-back.

        Takes the principal's lock in the target, then calls ``still_due``, which raises if the deadline
        has passed or the ledger no longer wants this; whatever it raises comes through, nothing given.

        Raises:
            TargetRefused: nothing was given, the message says why. What was given before is as it was.
            TargetUnreachable: something may have been given.
        """

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        """Take this grant away and cut the principal's sessions, wait until they are gone, read back.

        Works if nothing was given. A grant in progress is waited for briefly, then broken off.

        Raises:
            TargetError: the end is not proven.
        """

    def held(self, request_id: str) -> Held | None:
        """What this grant gives now; None if nothing. Raises TargetError."""

    def list_grants(self) -> list[Held]:
        """Every grant of ours the target knows of. Raises TargetError."""

    def holders(self, permission: str) -> list[Holder]:
        """Everybody who has this permission, through whatever groups or roles: once for each grant of ours that gives
        it, and once if they would have it without any. Raises TargetError.
        """

    def how_to_connect(self, principal: str) -> str:
        """What whoever was given something does to use it, in a line or two without a secret, which go into the record
        and to them as they stand. Asks nobody; never raises.
        """

    def description_of(self, request_id: str) -> str:
        """What the target calls this grant, for whoever has to take it away by hand. Asks nobody; never raises."""

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        """Whether the worker's login can do what it must, and no more. Never raises.

        ``permissions`` are those that policies give here; each must be there to be given. ``principals`` are those
        whom they name; each must be there, and somebody who may be given something.
        """


@runtime_checkable
class TakesRightsFirst(Protocol):
    """A target whose `Target.revoke` may wait, for sessions to end, and that can take the rights away before."""

    def take_rights(self, request_id: str, principal: str) -> None:
        """So that from now on nothing can be begun with them. Waits for nobody; `Target.revoke` follows and does the
        rest, telling all that it would have told without this. Raises TargetError.
        """


@runtime_checkable
class EndsMany(Protocol):
    """A target that ends many grants with few words. ``principals`` are by request id.

    What either call leaves out, or all where it raises TargetError, is ended one by one, as if it had not been called:
    what is in the way of one grant is in the way of no other.
    """

    def take_rights_of_many(self, principals: Mapping[str, str]) -> Collection[str]:
        """As `TakesRightsFirst.take_rights`. Returns the request ids of those whose rights are gone."""

    def revoke_many(self, principals: Mapping[str, str]) -> Mapping[str, RevokeResult]:
        """As `Target.revoke`, of those whose rights were taken, with as much read back of each. Returns those whose end
        is proven.
        """


@runtime_checkable
class LooksAhead(Protocol):
    """A target that can tell what would keep an end from working by less than a whole `Target.check`."""

    def obstacles(self, permissions: Sequence[str]) -> list[Finding]:
        """What would keep the end of a grant of these from working if it were due now, with the remedy; nothing if all
        is well. Asked again and again while something is active: it changes nothing, and finds out by a connection
        of its own whether the worker's login is still let in. Never raises.
        """


@runtime_checkable
class ListsRights(Protocol):
    """A target that can tell more than `Target.list_grants` and `Target.holders` do, or take away by itself what nobody
    granted.
    """

    def inventory(self, permissions: Collection[str], principals: Collection[str]) -> Inventory:
        """What it holds, for a comparison with the ledger. ``permissions`` are those that policies give here,
        ``principals`` the people whom they name. By few questions, however much there is. It changes nothing. Raises
        TargetError.
        """

    def remove(self, right: Right) -> None:
        """Take away one that is ``removable``, and read back that it is gone. Raises TargetError."""
