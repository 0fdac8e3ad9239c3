"""What an end may believe of a grant: what its role shows, and what the worker itself wrote on it.

Others may rename roles, take them from each other, drop logins, and, some of them, rewrite a note. So what counts is
told by oids, and a note counts only as long as it is the one that was written with the rights.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from workers.targets.postgres.catalog import JitRole
from workers.targets.postgres.note import Before


@dataclass(frozen=True, slots=True)
class KnownGrant:
    """Of one role of ours. ``before`` is None if nobody knows how things stood before the grant.

    ``reached`` are the oids of all that came with it, as far as is known; ``since`` is the transaction that gave it.
    ``owned_nothing`` says that none of these owned anything then.
    """

    role: JitRole
    before: Before | None
    reached: frozenset[int]
    since: int | None
    owned_nothing: bool

    @property
    def over_since(self) -> int | None:
        """What was written by older transactions was over when it was given."""
        return self.before.since % 2**32 if self.before else self.since


def known_grants(roles: Iterable[JitRole], *, allow_owners: bool) -> list[KnownGrant]:
    """``allow_owners`` as in the target's settings: without it nothing is given that owns anything."""
    return [_known(role, allow_owners=allow_owners) for role in roles]


def _known(role: JitRole, *, allow_owners: bool) -> KnownGrant:
    note = role.own_note
    before = note.before if note else None
    reached = frozenset([*role.gives_now, *(before.reached if before else ())])
    owned_nothing = not before.owned if before else role.certain and not allow_owners
    return KnownGrant(role, before, reached, role.since, owned_nothing and role.since is not None)
