"""Grants in systems that know nothing but who is in which group: directories, GitHub, Okta, SCIM.

One membership is one membership, however many grants want it. So beside the groups the system keeps a note of each
grant, in whatever it has room for: who, what, until when, and which of it the person had before. By the notes another
process knows what is given and when it is due, and that is all it needs, also while the ledger is silent.

1. A note is written before its first membership, and outlives its last one.
2. A membership is taken when no active note wants it, and none says that the person had it before.
3. A note can be made once: its end leaves it there, ended, for `WATCHED`. A worker that stood still since before the
   end cannot give again, and what it has added meanwhile is found by the ended note, and taken.

So two ends at once do not leave what each saw the other need, and nothing has to hold a lock over the network.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from jit.clock import SystemClock
from jit.ports import Clock, Grant, Held, Holder, Inventory, RevokeResult, Right, TargetRefused, TargetUnreachable
from jit.requests.lifecycle import REQUEST_ID
from workers.targets.by_holders import by_holders

WATCHED = timedelta(minutes=10)
"""As long after an end a membership that it took is taken again if it comes back, by whose hand ever."""
TRIES = 5
"""How often a note is changed behind what somebody else changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Note:
    """``member`` is how the person stands in the groups, ``had`` what they were in before."""

    request_id: str
    principal: str
    member: str
    permissions: tuple[str, ...]
    ends_at: datetime
    had: tuple[str, ...] = ()
    ended_at: datetime | None = None

    @property
    def active(self) -> bool:
        return self.ended_at is None

    def gives(self, member: str, permission: str) -> bool:
        return self.member == member and permission in self.permissions

    def write(self) -> str:
        return json.dumps(asdict(self), default=datetime.isoformat, sort_keys=True)

    @classmethod
    def read(cls, text: str) -> "Note":
        """Raises ValueError, KeyError, TypeError: it is no note."""
        told = json.loads(text)
        told |= {key: tuple(map(str, told[key])) for key in ("permissions", "had")}
        ended_at = told["ended_at"]
        told |= {"ends_at": _utc(told["ends_at"]), "ended_at": _utc(ended_at) if ended_at else None}
        return cls(**told)


class Groups(Protocol):
    """A system that only knows membership. Every call may raise TargetError."""

    def member_of(self, principal: str) -> str:
        """How somebody stands in the groups. Raises TargetRefused: there is nobody of this name."""

    def principal_of(self, member: str) -> str:
        """The other way round; what stands there if it is nobody's."""

    def members(self, permission: str) -> Sequence[str]:
        """Everybody in the group; nobody if there is none."""

    def is_member(self, permission: str, member: str) -> bool:
        """True, too, where there is no such group by now and this cannot be told."""

    def add(self, permission: str, member: str) -> None:
        """No change if they are in it. Raises TargetRefused: there is no such group."""

    def remove(self, permission: str, member: str) -> None:
        """No change if they are not in it. Raises TargetRefused: it cannot be told whether they still are."""

    def notes(self) -> Sequence[Note]:
        """All there are. What cannot be read as a note is somebody else's, and left out."""

    def note(self, request_id: str) -> Note | None:
        """Of this request; None if there is none."""

    def make_note(self, note: Note) -> bool:
        """False, and no change, if there is one of this request."""

    def change_note(self, old: Note, new: Note) -> bool:
        """False, and no change, if it is not ``old`` any more."""

    def drop_note(self, request_id: str) -> None: ...


class Membership:
    """All of `Target` but its words for people, and `ListsRights`, of a system of groups. The rest is the
    subclass's, which keeps its hands off ``_name``, ``_groups`` and ``_clock``.
    """

    def __init__(self, name: str, groups: Groups, clock: Clock | None = None) -> None:
        self._name = name
        self._groups = groups
        self._clock = clock or SystemClock()

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        if not REQUEST_ID.fullmatch(grant.request_id):
            raise TargetRefused(f"{self._name}: {grant.request_id!r} is no request id")
        if not grant.permissions:
            raise TargetRefused(f"{self._name}: nothing to give")
        member = self._groups.member_of(grant.principal)
        there = [permission for permission in grant.permissions if self._groups.is_member(permission, member)]
        still_due()
        before = self._groups.note(grant.request_id)
        note = self._noted(grant, member, there)
        try:
            for permission in note.permissions:
                self._groups.add(permission, member)
        except TargetRefused:
            if before is None or len(there) < len(grant.permissions):
                self.revoke(grant.request_id, grant.principal)
            else:  # given whole before: it goes on as it was
                self._groups.change_note(note, before)
            raise
        return self._read_back(note)

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        """Also of what was never given, which cannot be given from then on."""
        note, existed = self._end_note(request_id, principal)
        for permission in note.permissions:
            existed = self._take(note.member, permission) or existed
        return RevokeResult(existed)

    def held(self, request_id: str) -> Held | None:
        note = self._groups.note(request_id)
        return self._given(note, self._groups.notes()) if note else None

    def list_grants(self) -> list[Held]:
        """Drops the notes that have been watched for long enough."""
        notes, now = self._groups.notes(), self._clock.now()
        given = [(note, self._given(note, notes)) for note in notes]
        for note, held in given:
            if held is None and note.ended_at and now - note.ended_at > WATCHED:
                self._groups.drop_note(note.request_id)
        return [held for _, held in given if held is not None]

    def holders(self, permission: str) -> list[Holder]:
        members = self._groups.members(permission)
        notes = self._groups.notes()  # after who is in it, for each note was there before
        found: list[Holder] = []
        for member in members:
            ours = [note for note in notes if note.gives(member, permission)]
            if not ours or any(permission in note.had for note in ours):
                found.append(Holder(ours[0].principal if ours else self._groups.principal_of(member)))
            found += [
                Holder(note.principal, note.request_id) for note in ours if self._accounts(note, permission, ours)
            ]
        return found

    def inventory(self, permissions: Collection[str], principals: Collection[str]) -> Inventory:  # noqa: ARG002
        """Of all that there is it knows who is in which group."""
        return by_holders(self, permissions, removable=True)

    def remove(self, right: Right) -> None:
        """A membership that no note wants."""
        there = self._groups.members(right.permission)
        for member in [each for each in there if self._groups.principal_of(each) == right.principal]:
            if self._wanted(member, right.permission, self._groups.notes()):
                raise TargetRefused(f"{self._name}: {right.principal} has a grant of {right.permission} by now")
            self._groups.remove(right.permission, member)
            if self._groups.is_member(right.permission, member):
                raise TargetRefused(
                    f"{self._name}: {member} is in {right.permission} again as soon as it is taken away"
                )

    def _noted(self, grant: Grant, member: str, there: Iterable[str]) -> Note:
        """The active note of this grant. ``there`` was read before the notes: what is there and ours has one by now."""
        note = Note(grant.request_id, grant.principal, member, grant.permissions, grant.ends_at.astimezone(UTC))
        others = [other for other in self._groups.notes() if other.request_id != grant.request_id]
        note = replace(note, had=tuple(each for each in there if self._was_there(member, each, others)))
        for _ in range(TRIES):
            if self._groups.make_note(note):
                return note
            known = self._groups.note(grant.request_id)
            if known is None:
                continue
            if not known.active:
                raise TargetRefused(f"{self._name}: {grant.request_id} has ended and cannot be given again")
            if (known.member, set(known.permissions)) != (member, set(grant.permissions)):
                raise TargetRefused(f"{self._name}: {grant.request_id} is there already, with something else")
            later = replace(known, ends_at=note.ends_at)
            if later == known or self._groups.change_note(known, later):
                return later
        raise TargetUnreachable(f"{self._name}: somebody else changes the note of {grant.request_id} again and again")

    @staticmethod
    def _was_there(member: str, permission: str, notes: Iterable[Note]) -> bool:
        """Of a membership that is there: whether it was before any of ours."""
        ours = [note for note in notes if note.gives(member, permission)]
        return not ours or any(permission in note.had for note in ours)

    def _end_note(self, request_id: str, principal: str) -> tuple[Note, bool]:
        """Ended, and whether it was active."""
        now = self._clock.now()
        for _ in range(TRIES):
            known = self._groups.note(request_id)
            if known is None:
                never = Note(request_id, principal, "", (), now, ended_at=now)
                if self._groups.make_note(never):
                    return never, False
            elif not known.active:
                return known, False
            else:
                ended = replace(known, ended_at=now)
                if self._groups.change_note(known, ended):
                    return ended, True
        raise TargetUnreachable(f"{self._name}: somebody else changes the note of {request_id} again and again")

    def _take(self, member: str, permission: str) -> bool:
        """Whether there was something to be taken."""
        if self._wanted(member, permission, self._groups.notes()) or not self._groups.is_member(permission, member):
            return False
        self._groups.remove(permission, member)
        if any(note.active and note.gives(member, permission) for note in self._groups.notes()):
            self._groups.add(permission, member)  # begun meanwhile, and found it there
        elif self._groups.is_member(permission, member):
            raise TargetRefused(f"{self._name}: {member} is in {permission} again as soon as it is taken away")
        return True

    @staticmethod
    def _wanted(member: str, permission: str, notes: Iterable[Note]) -> bool:
        ours = [note for note in notes if note.gives(member, permission)]
        return any(note.active or permission in note.had for note in ours)

    def _accounts(self, note: Note, permission: str, notes: Iterable[Note]) -> bool:
        """Whether this note is why its member is in the group; an ended one if nothing else is."""
        return note.active or not self._wanted(note.member, permission, notes)

    def _given(self, note: Note, notes: Iterable[Note]) -> Held | None:
        given = tuple(
            permission
            for permission in note.permissions
            if self._accounts(note, permission, notes) and self._groups.is_member(permission, note.member)
        )
        return Held(note.request_id, note.principal, given, note.ends_at) if given else None

    def _read_back(self, note: Note) -> Held:
        """An end that came between takes what was added after it."""
        known = self._groups.note(note.request_id)
        if known is None or not known.active:
            for permission in set(note.permissions) - set(note.had):
                self._take(note.member, permission)
            raise TargetRefused(f"{self._name}: {note.request_id} was ended while it was given")
        held = self._given(known, [known])
        if held is None or set(held.permissions) != set(note.permissions):
            raise TargetUnreachable(f"{self._name}: given to {note.principal}, and not there when it was read back")
        return held


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
