from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.office import Office, opened


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """For attempts that leave nothing behind."""
    with opened(tmp_path_factory.mktemp("shared")) as made:
        yield made
