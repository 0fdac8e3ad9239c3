from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world.played_office import PlayedOffice, opened


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PlayedOffice]:
    with opened(tmp_path) as made:
        yield made
