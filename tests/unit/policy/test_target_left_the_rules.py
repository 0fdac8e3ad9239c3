"""A target that was renamed in the policy files, or taken out of them, while somebody has access there."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from jit.cli.environment import environment
from jit.cli.main import cli
from jit.doctor import Check, Line, Part, examine
from jit.doctor import State as Said
from jit.policy import TargetConfig, load_policy
from jit.ports import TargetUnreachable
from jit.requests.lifecycle import State
from jit.runtime.settings import WorkerSettings
from tests.world.base import in_a_file
from tests.world.hands import RULES, Hands
from tests.world.waiting import HUNG, wait_until
from workers.doctor import look_at_departed
from workers.main import run_timekeeper
from workers.targets.departed import forget_departed
from workers.targets.known import FILE, KnownTargets
from workers.targets.registry import TargetRegistry

WITH_SECRET = RULES.replace("orders-db: {kind: fake}", 'orders-db: {kind: fake, dsn: "env:ORDERS_DSN"}')
RENAMED = WITH_SECRET.replace("orders-db:", "shop-db:").replace("orders-db/", "shop-db/")
REMOVED = RENAMED[: RENAMED.index("  shop-db:")] + RENAMED[RENAMED.index("  ledger-db:") :].replace(
    RENAMED[RENAMED.index("  shop-db/read") : RENAMED.index("  ledger-db/read")], ""
)
CHANGES = pytest.mark.parametrize("left", [RENAMED, REMOVED], ids=["renamed", "removed"])


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    made = Hands(tmp_path, rules=WITH_SECRET, ledger=in_a_file(tmp_path))
    made.active(minutes=30)
    return made


def restarted(house: Hands) -> TargetRegistry:
    """Of a process that begins anew."""
    house.policies.current()
    return TargetRegistry(house.policies, KnownTargets(house.folder), lambda config: house.targets[config.name])


@CHANGES
def test_its_access_ends_after_a_restart(house: Hands, left: str) -> None:
    house.targets["shop-db"] = house.targets["ledger-db"]
    house.rules(text=left)
    house.clock.move(minutes=30)
    stop = Event()
    settings = WorkerSettings(data=house.folder, policies=house.policy_file.parent)
    how = {"clock": house.clock, "stop": stop, "open_target": lambda name, *_: house.targets[name]}
    keeper = Thread(target=run_timekeeper, args=(settings,), kwargs=how, daemon=True)
    keeper.start()
    try:
        wait_until(lambda: house.request().state is State.ENDED)
    finally:
        stop.set()
        keeper.join(HUNG)

    assert house.target.gives == {}


@CHANGES
def test_it_is_known_until_neither_ledger_nor_target_holds_anything(house: Hands, left: str) -> None:
    house.targets["shop-db"] = house.targets["ledger-db"]
    house.rules(text=left)
    registry = restarted(house)
    held = dict(house.target.gives)

    def known() -> bool:
        forget_departed(registry, house.ledger)
        return "orders-db" in registry.names() and "orders-db" in (house.folder / FILE).read_text()

    assert known(), "the ledger says it is active"
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    house.target.gives = held
    assert known(), "the target holds something"
    house.target.gives = {}
    house.target.trouble = TargetUnreachable("silent")
    assert known(), "the target does not say"
    house.target.trouble = None
    assert not known()


def test_what_one_process_knew_another_keeps(house: Hands) -> None:
    other = KnownTargets(house.folder)
    other.recall()
    KnownTargets(house.folder).keep({"third": TargetConfig("third", "fake")})
    other.keep({"fourth": TargetConfig("fourth", "fake")})

    assert {"third", "fourth", "orders-db"} <= KnownTargets(house.folder).recall().keys()


def test_its_secret_reaches_the_hands_and_nobody_else(house: Hands) -> None:
    house.rules(text=REMOVED)
    everything = {"ORDERS_DSN": "there"}
    before = {name for target in KnownTargets(house.folder).recall().values() for name in target.variables}
    rules = load_policy(house.policy_file.parent)

    assert environment("timekeeper", everything, rules, before) == everything
    assert environment("worker", everything, rules, before) == everything
    assert environment("bot", everything, rules, before) == {}


@pytest.fixture
def check(house: Hands) -> Callable[[], Result]:
    env = {
        "JIT_DATA": str(house.folder),
        "JIT_POLICIES": str(house.policy_file.parent),
        "JIT_LEDGER_URL": f"sqlite:///{house.folder / 'ledger.db'}",
    }
    return lambda: CliRunner().invoke(cli, ["policy", "check"], env=env)


def doctor(house: Hands) -> list[Line]:
    url = SecretStr(f"sqlite:///{house.folder / 'ledger.db'}")
    rules = load_policy(house.policy_file.parent)
    look = Check(Part.TARGETS, "departed", lambda: look_at_departed(rules, url, house.folder, house.clock))
    return examine([look], HUNG)


def test_policy_check_and_doctor_name_what_is_active(house: Hands, check: Callable[[], Result]) -> None:
    assert "R-TEST" not in check().output
    assert doctor(house) == []
    house.rules(text=REMOVED)
    says = "R-TEST, orders-db/read, is active until 2026-11-21 14:30 UTC on orders-db, which is in no policy file"

    assert f"Note: {says}" in check().output
    (line,) = doctor(house)
    assert (line.state, says in line.what) == (Said.NOTE, True)

    (house.folder / FILE).unlink()
    told = check()
    assert f"Mend: {says}" in told.output
    assert told.exit_code == 1
    (line,) = doctor(house)
    assert (line.state, "Put orders-db back" in line.remedy) == (Said.MEND, True)
