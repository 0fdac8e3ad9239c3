"""What the tests of the audit channel share: a world of each test's own, in which all that their file's `told` has
recorded is shown.
"""

import pytest

from bot.mirror.audit_channel import AuditChannel
from tests.world.again import again


@pytest.fixture
def house(told, tmp_path):
    return again(told, tmp_path)


@pytest.fixture
def channel(house):
    """What keeps the channel true, and has looked through it once."""
    channel = house.start(AuditChannel)
    house.work(channel)
    assert not house.alerts()
    return channel
