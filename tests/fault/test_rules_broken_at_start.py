"""Everything is killed, and started again with a policy file that is broken."""

from datetime import timedelta
from pathlib import Path

import pytest

from jit.facts import PolicyChanged
from jit.requests.lifecycle import State
from playground.sample import ALERTS
from tests.world.product import READ, Product
from workers.rules import FILE

pytestmark = [pytest.mark.fault, pytest.mark.real]


def test_what_is_due_ends_and_people_decide_by_the_rules_of_before(it: Product, policies: Path) -> None:
    active = it.granted(it.stage.alice, READ)
    waiting = it.ask(it.stage.eve, "orders-db/write 30m INC-2 mend an order")
    broken = policies / "broken.policy.yml"
    it.until((it.stage.folder / FILE).exists)
    it.kill()
    broken.write_text("access: [")
    try:
        it.start()
        it.approve(it.stage.bob, waiting)
        it.reaches(waiting, State.ACTIVE)
        it.until(lambda: any("stay in force" in shown.text for shown in it.stage.carol.sees(ALERTS)))
        it.expire(active)
        it.reaches(active, State.ENDED)
    finally:
        broken.unlink()
        it.pass_time(timedelta(seconds=2))
    assert not it.gives(active)
    assert not [fact for fact in it.facts(PolicyChanged) if "broken" in {fact.policy_version, fact.before}]
