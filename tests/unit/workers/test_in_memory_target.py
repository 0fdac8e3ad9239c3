"""The target in memory does what every target must: what is tested with it holds for others."""

import pytest

from jit.ports import TargetUnreachable
from jit.testing import InMemoryTarget
from jit.testing.targets import TargetCase, TargetTests


class TestInMemory(TargetTests):
    @pytest.fixture
    def case(self) -> TargetCase:
        target, gone = InMemoryTarget("orders-db"), InMemoryTarget("orders-db")
        target.missing = frozenset({"no-such", ""})
        gone.trouble = TargetUnreachable("orders-db: does not answer")

        def give(principal: str, permission: str) -> None:
            target.standing[permission] = (*target.standing.get(permission, ()), principal)

        def take(principal: str, permission: str) -> None:
            target.standing.pop(permission, None)
            for held in target.list_grants():
                if held.principal == principal and permission in held.permissions:
                    del target.gives[held.request_id]

        return TargetCase(
            target=target,
            anew=lambda: target,
            unreachable=gone,
            permissions=("orders_read", "orders_write"),
            principals=("alice", "eve"),
            has=lambda principal, permission: principal in {each.principal for each in target.holders(permission)},
            give_by_hand=give,
            take_by_hand=take,
            no_names=("no-such", ""),
        )
