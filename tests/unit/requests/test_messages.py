"""Every refusal has a sentence, and that of a step that cannot follow fits the state it cannot follow in."""

import pytest

from jit.facts import Approval, Denied, RefusalReason, Released, Revoked, Withdrawn
from jit.requests.lifecycle import MAY_FOLLOW, State
from jit.requests.messages import CANNOT_FOLLOW, SAYS

STEPS = {"approve": Approval, "deny": Denied, "withdraw": Withdrawn, "release": Released, "revoke": Revoked}


def test_every_reason_has_a_sentence():
    assert set(SAYS) == set(RefusalReason)


@pytest.mark.parametrize("attempted", STEPS)
def test_a_step_that_cannot_follow_is_told_of_by_the_state_in_its_way(attempted):
    assert set(CANNOT_FOLLOW[attempted]) == set(State) - MAY_FOLLOW[STEPS[attempted]]
