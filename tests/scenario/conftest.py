from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.interaction import Stage
from playground.sample import sample_workspace
from playground.server import running
from tests.world.base import RULES
from tests.world.played_office import PlayedOffice, opened


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PlayedOffice]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """For a bot that is run in ``tmp_path``, where its rules are."""
    (tmp_path / "a.policy.yml").write_text(RULES)
    with running(sample_workspace(), {}) as stage:
        yield stage
