"""Which lockdowns are in force, by the facts alone: whoever could record one, two people lift it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from jit.facts import LockdownBegun, LockdownLifted, LockdownLiftProposed, Source
from jit.requests.lockdown import in_force
from jit.testing import BOB, CAROL, T0

SAME = {"source": Source.SLACK, "lockdown_id": "L-7F3K", "scope": "everything", "reason": "as it was"}
BEGUN = LockdownBegun(**SAME, at=T0, actor=CAROL)
PROPOSED = LockdownLiftProposed(**SAME, at=T0 + timedelta(hours=1), actor=CAROL)


def lifted(**changes: object) -> LockdownLifted:
    told = {"actor": BOB, "proposal": PROPOSED.id, "proposed_by": CAROL, "at": T0 + timedelta(hours=2)}
    return LockdownLifted(**SAME | told | changes)


def test_it_is_over_once_two_people_lifted_it() -> None:
    assert [each.id for each in in_force([BEGUN, PROPOSED])] == ["L-7F3K"]
    assert in_force([BEGUN, PROPOSED, lifted()]) == ()


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([lifted()], "nobody proposed it"),
        ([PROPOSED, lifted(actor=CAROL, proposed_by=BOB)], "the same person did both"),
        ([PROPOSED, lifted(proposal=uuid4())], "it names another proposal"),
        ([lifted(), PROPOSED], "it came before the proposal"),
        ([PROPOSED, lifted(lockdown_id="L-8888")], "it is about another"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_lift_is_none(facts: list[LockdownLiftProposed | LockdownLifted], why: str) -> None:
    assert [each.id for each in in_force([BEGUN, *facts])] == ["L-7F3K"], why


def test_another_fact_of_the_same_id_changes_nothing() -> None:
    narrower = LockdownBegun(**SAME | {"scope": "target"}, target="orders-db", at=T0, actor=BOB)
    assert [each.scope for each in in_force([BEGUN, narrower])] == ["everything"]
