"""What a target holds, by what every kind can tell: its grants, and who holds each permission."""

from collections.abc import Collection
from typing import Protocol

from jit.ports import Held, Holder, Inventory, Right


class TellsHolders(Protocol):
    """What is asked of a `jit.ports.Target`."""

    def list_grants(self) -> list[Held]: ...
    def holders(self, permission: str) -> list[Holder]: ...


def by_holders(target: TellsHolders, permissions: Collection[str], *, removable: bool = False) -> Inventory:
    """Whoever holds a permission without a grant of ours, and whoever holds it by a grant that is another's. Raises
    TargetError.
    """
    holders = {permission: target.holders(permission) for permission in sorted(permissions)}
    grants = {held.request_id: held for held in target.list_grants()}
    rights = list[Right]()
    for permission, found in holders.items():
        for holder in dict.fromkeys(found):
            held = grants.get(holder.request_id or "")
            if holder.request_id is None:
                rights.append(Right(holder.principal, permission, removable=removable))
            elif held and held.principal != holder.principal:
                rights.append(Right(holder.principal, permission, grant=holder.request_id))
    return Inventory(tuple(grants.values()), tuple(rights), len(grants) + len(rights))
