"""A world that is told once, and another like it for each test that changes something there."""

from copy import deepcopy
from pathlib import Path
from typing import Any


def again(told: Any, folder: Path) -> Any:
    """Its record, its channels, its time and its key, in a world of its own."""
    world = type(told)(folder)
    with told.engine.connect() as source, world.engine.connect() as target:
        source.connection.driver_connection.backup(target.connection.driver_connection)
    world.clock.time = told.clock.time
    world.slack.messages = deepcopy(told.slack.messages)
    world.slack.given = told.slack.given
    world.key = told.key
    return world
