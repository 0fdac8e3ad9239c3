"""One product for each process of the run, kept from file to file: whole before each test, and the promises checked
after it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from playground.faults import PostRate
from tests.world.product import POLICIES, Product, product

HERE = Path(__file__).parent
A_MESSAGE = timedelta(seconds=1)
"""The audit channel is written to as often as this."""
ANOTHER_WAY_TO_READ = """
groups:
  analysts: [slack:S0DBA0001]
access:
  orders-db/report:
    describe: Read orders for a report
    grants: [orders_read]
    max_duration: 2h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - all_of: [{from: [group:analysts]}]
"""


class Kept:
    """The product as the last test left it."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._house: Product | None = None

    def by(self, policies: Path, folder: pytest.TempPathFactory) -> Product:
        if self._house is None:
            self._house = self._open.enter_context(product(folder.mktemp("house"), policies=policies, workers=2))
            self._house.stage.stage.slack.rate = PostRate(self._house.clock.ticks)
        return self._house

    def close(self) -> None:
        self._house = None
        self._open.close()


kept = Kept()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Nothing runs any more where nobody looks."""
    if nextitem is None or not nextitem.path.is_relative_to(HERE):
        kept.close()


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As always, and one more access that gives the same as another. Who approves that is what Slack says."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "orders.policy.yml").write_text((POLICIES / "orders.policy.yml").read_text())
    (folder / "report.policy.yml").write_text(ANOTHER_WAY_TO_READ)
    return folder


@pytest.fixture
def it(policies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = kept.by(policies, tmp_path_factory)
    product.make_whole()
    yield product
    product.mend()
    product.until(lambda: not product.behind() or product.pass_time(A_MESSAGE))
    product.settled()
