"""The comment on a role of ours: the target itself knows whose it is, until when, and what was so before."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import LiteralString

from jit.ports import Grant

NOTES_ITSELF: LiteralString = """EXISTS (
    SELECT FROM pg_shdescription n WHERE n.classoid = 'pg_authid'::regclass AND n.objoid = r.oid
    AND starts_with(n.description, 'jit {"oid": ' || r.oid || ', "request": "'))"""
"""The condition under which row `r` of pg_roles has a note that names its own oid: not one copied from another role."""

NOTED: LiteralString = """SELECT n.objoid FROM pg_shdescription n WHERE n.classoid = 'pg_authid'::regclass
    AND starts_with(n.description, 'jit {"oid": ' || n.objoid || ', "request": "' || %(request)s::text || '", ')"""
"""The roles whose note names themselves and this request."""
NOTED_MANY: LiteralString = """SELECT n.objoid
    FROM pg_shdescription n, split_part(left(n.description, 100), '"', 6) noted
    WHERE n.classoid = 'pg_authid'::regclass AND noted = ANY(%(requests)s::text[])
    AND starts_with(n.description, 'jit {"oid": ' || n.objoid || ', "request": "' || noted || '", ')"""
"""As `NOTED`, of many requests."""


@dataclass(frozen=True, slots=True)
class Before:
    """How things stood just before a grant; what is new at its end may have been done by means of it.

    Roles are told by their oids, since names are changed. ``holder`` is the principal's login, and ``reached`` all that
    comes with the grant; ``had`` of these were held anyway; ``owned`` is how many objects they own, and ``named`` the
    places of privileges given to the principal by name, None if too many to note. What was written by a transaction
    before ``since`` was there; whoever had begun an older one may have gone on in it. ``makes`` says that by means of
    the grant something can be made that stays.
    """

    holder: int
    reached: tuple[int, ...]
    had: tuple[int, ...]
    owned: int
    named: tuple[str, ...] | None
    since: int
    makes: bool


@dataclass(frozen=True, slots=True)
class Note:
    """``before`` is None if the note says nothing of it, as those of older versions."""

    oid: int
    request: str
    target: str
    principal: str
    permissions: tuple[str, ...]
    ends_at: datetime
    before: Before | None

    @classmethod
    def read(cls, comment: str | None) -> "Note | None":
        """None if there is none, or it is not as we wrote it."""
        try:
            told = json.loads((comment or "").removeprefix("jit "))
            ends_at = datetime.fromisoformat(told["ends_at"])
            ends_at.astimezone(UTC)
            request, target, principal = (str(told[key]) for key in ("request", "target", "principal"))
            permissions, before = tuple(map(str, told["permissions"])), _before(told.get("before"))
            note = cls(int(told["oid"]), request, target, principal, permissions, ends_at, before)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        return note if ends_at.tzinfo else None


def write_note(oid: int, target: str, grant: Grant, before: Before | None) -> str:
    """The oid and the request come first: they are looked for."""
    told = {
        "oid": oid,
        "request": grant.request_id,
        "target": target,
        "principal": grant.principal,
        "ends_at": grant.ends_at.isoformat(),
        "permissions": sorted(grant.permissions),
        "before": before and asdict(before),
    }
    return f"jit {json.dumps(told, ensure_ascii=False)}"


def _before(told: object) -> Before | None:
    match told:
        case {
            "holder": int(holder),
            "reached": [*reached],
            "had": [*had],
            "owned": int(owned),
            "named": [*_] | None as named,
            "since": int(since),
            "makes": bool(makes),
        }:
            places = None if named is None else tuple(map(str, named))
            return Before(holder, tuple(map(int, reached)), tuple(map(int, had)), owned, places, since, makes)
        case _:
            return None
