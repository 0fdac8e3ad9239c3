"""One database for each attack, in a cluster that all of a file share."""

from collections.abc import Iterator

import pytest

from jit.runtime.embedded import EmbeddedPostgres
from tests.attack.shop import Shop, shop, shops


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with shops(postgres):
        yield postgres


@pytest.fixture
def at(server: EmbeddedPostgres) -> Iterator[Shop]:
    with shop(server) as made:
        yield made
