"""Targets that the policy files name no longer, while somebody may still have access there."""

from collections.abc import Collection, Iterator

from jit.ledger import Ledger, LedgerUnavailable, Question
from jit.ports import TargetError
from jit.requests.lifecycle import LIVE, Request
from workers.targets.registry import TargetRegistry

MOST = 1000


def forget_departed(registry: TargetRegistry, ledger: Ledger) -> None:
    """Those of which neither the ledger nor the target says that anything is active."""
    for name in registry.departed():
        try:
            if (
                not ledger.requests(Question(states=LIVE, target=name, limit=1))
                and not registry.get(name).list_grants()
            ):
                registry.forget(name)
        except (LedgerUnavailable, TargetError):
            continue


def left_active(ledger: Ledger, targets: Collection[str]) -> list[Request]:
    """What is active where none of these is the target. Raises LedgerUnavailable."""
    return [one for one in ledger.requests(Question(states=LIVE, limit=MOST)) if one.target not in targets]


def said_of(left: Collection[Request], known: Collection[str]) -> Iterator[tuple[bool, str, str]]:
    """Of each: whether it can be ended, what is so, and what to do. ``known`` are the targets kept in JIT_DATA."""
    for one in left:
        until = f" until {one.ends_at:%Y-%m-%d %H:%M} UTC" if one.ends_at else ""
        what = f"{one.id}, {one.access}, is active{until} on {one.target}, which is in no policy file any more"
        if one.target in known:
            yield True, what, "It ends by what the workers remember of it. Keep its secret until then."
        else:
            yield False, what, f"It cannot be ended. Put {one.target} back until it is over."
