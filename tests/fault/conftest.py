"""One house for each file of fault tests: whole before each test, and the promises checked after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import POLICIES, House, house


@pytest.fixture(scope="module")
def policies() -> Path:
    """A file with rules of its own has a fixture of this name."""
    return POLICIES


@pytest.fixture(scope="module")
def kept_house(tmp_path_factory: pytest.TempPathFactory, policies: Path) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house"), policies=policies, workers=2) as kept:
        yield kept


@pytest.fixture
def it(kept_house: House) -> Iterator[House]:
    kept_house.make_whole()
    yield kept_house
    kept_house.mend()
    kept_house.settled()
