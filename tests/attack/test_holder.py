"""No trick of a holder keeps access, or it is told: on the oldest PostgreSQL and the newest."""

from collections.abc import Iterator

import pytest

from jit.embedded import EmbeddedPostgres
from tests.attack.shop import Shop, shop, shops
from tests.attack.tricks import TRICKS

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with shops(postgres):
        yield postgres


@pytest.fixture
def at(server: EmbeddedPostgres) -> Iterator[Shop]:
    with shop(server) as made:
        yield made


def test_the_eye_sees_what_is_reached_and_that_nothing_is(at: Shop) -> None:
    """Or no test below could fail."""
    assert at.reached() == []
    at.give()
    at.alice("CREATE VIEW v AS SELECT * FROM orders; GRANT SELECT ON v TO PUBLIC")
    assert {"select", "v", "writes"} <= set(at.reached())


@pytest.mark.parametrize("says", TRICKS)
def test_no_access_is_left_by(says: str, at: Shop) -> None:
    at.give()
    way = TRICKS[says](at)
    taken = at.take()
    reached = at.reached(*[way] * (way is not None))
    assert not reached or taken.left_behind, f"{says}: {reached}"
    assert at.target.held("R-ATTK") is None
