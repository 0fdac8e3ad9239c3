"""No trick of a holder keeps access, or it is told: on the oldest PostgreSQL and the newest."""

import pytest

from tests.attack.shop import Shop
from tests.attack.tricks import TRICKS
from tests.world.exhaustive import distinct

pytestmark = pytest.mark.real


def test_the_eye_sees_what_is_reached_and_that_nothing_is(at: Shop) -> None:
    """Or no test below could fail."""
    assert at.reached() == []
    at.give()
    at.alice("CREATE VIEW v AS SELECT * FROM orders; GRANT SELECT ON v TO PUBLIC")
    assert {"select", "v", "writes"} <= set(at.reached())


ALIKE = {
    "a view of a view for everybody",
    "a view that lets write",
    "a view in a schema of her own",
    "a recursive view",
    "a copy that stays as it was",
    "a function that runs as her and writes",
    "a procedural function that runs as her",
    "a view over a function that runs as her",
    "a trigger of her own table that runs as her",
    "a default that runs as her",
    "an operator that runs as her",
    "a policy on her own table that looks into the other",
    "a view made as the permission",
    "a view given to the permission",
    "a session that calls itself the worker's",
    "twenty sessions, each in a transaction",
    "a large object with a copy",
    "a snapshot given to a colleague",
    "a statement that she prepared",
    "a cursor that outlives its transaction",
}
"""Each has one that is much like it among the others."""


@pytest.mark.parametrize("says", distinct(list(TRICKS), lambda says: says not in ALIKE, "tricks much like others"))
def test_no_access_is_left_by(says: str, at: Shop) -> None:
    at.give()
    way = TRICKS[says](at)
    taken = at.take()
    reached = at.reached(*[way] * (way is not None))
    assert not reached or taken.left_behind, f"{says}: {reached}"
    assert at.target.held("R-ATTK") is None
