"""Something a target holds that nothing but the target tells of."""

from dataclasses import dataclass

from jit.ports import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownGrant:
    """Has what a fact repeats of a request, as far as a target knows it."""

    id: str
    target: str
    principal: str
    permissions: tuple[str, ...]
    requester: str = ""
    access: str = ""
    why: str = ""
    incident: str | None = None
    policy_version: str = ""


def unknown_grant(target: str, held: Held) -> UnknownGrant:
    return UnknownGrant(id=held.request_id, target=target, principal=held.principal, permissions=held.permissions)
