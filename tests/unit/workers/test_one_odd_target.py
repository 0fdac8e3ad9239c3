"""One target that cannot be opened, or fails in a way nobody foresaw, stops nobody else's end, and is named."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from jit.facts import AlertName
from jit.ports import Target
from jit.requests.lifecycle import State
from jit.runtime.settings import MissingSecret, WorkerSettings
from jit.testing import InMemoryTarget
from tests.world.base import in_a_file
from tests.world.hands import Hands
from tests.world.waiting import HUNG, wait_until
from workers.main import run_timekeeper
from workers.targets import TargetSetupError
from workers.targets.known import KnownTargets
from workers.targets.registry import TargetRegistry

ODD = "ledger-db"
CANNOT_BE_OPENED = {
    "its variable is unset": (MissingSecret("BOOKS_DSN is not set."), "BOOKS_DSN is not set"),
    "its kind is not installed": (TargetSetupError("ledger-db: no kind of target is called 'x'"), "no kind of target"),
    "its dsn is none": (ValueError("ledger-db: its dsn is not a connection string"), "not a connection string"),
    "its kind falls over": (TypeError("hunter2"), "TypeError"),
    "its kind cannot be imported": (ImportError("hunter2"), "ImportError"),
    "its socket is gone": (OSError("hunter2"), "OSError"),
}
CALLS = ("check", "list_grants", "held", "revoke")


class OddTarget(InMemoryTarget):
    """Falls over in the call ``odd``, as psycopg's bytes made ours do."""

    odd = ""

    def _ask(self, call: str, about: str) -> None:
        super()._ask(call, about)
        if call == self.odd:
            raise TypeError("hunter2")

    def check(self, permissions: Any = (), principals: Any = ()) -> Any:
        self._ask("check", "")
        return super().check(permissions)


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path, ledger=in_a_file(tmp_path))


def opener(house: Hands, wrong: Exception) -> Callable[..., Target]:
    def opened(name: str, *_: object) -> Target:
        if name == ODD:
            raise wrong
        return house.targets[name]

    return opened


def start(house: Hands, opened: Callable[..., Target], *, until: Callable[[], bool]) -> list[Any]:
    """As a timekeeper that begins anew; returns what it logged."""
    stop = Event()
    settings = WorkerSettings(data=house.folder, policies=house.policy_file.parent)
    how = {"clock": house.clock, "stop": stop, "open_target": opened}
    with capture_logs() as logged:
        keeper = Thread(target=run_timekeeper, args=(settings,), kwargs=how, daemon=True)
        keeper.start()
        try:
            wait_until(until)
        finally:
            stop.set()
            keeper.join(HUNG)
    return logged


def ended(house: Hands) -> Callable[[], bool]:
    return lambda: house.request().state is State.ENDED


@pytest.mark.parametrize("odd", CANNOT_BE_OPENED)
def test_a_target_that_cannot_be_opened_stops_no_end_elsewhere_and_is_named(house: Hands, odd: str) -> None:
    wrong, says = CANNOT_BE_OPENED[odd]
    house.active(minutes=30)
    house.clock.time += timedelta(minutes=30)
    logged = start(house, opener(house, wrong), until=ended(house))

    assert house.target.gives == {}
    (warning,) = house.facts("started")[0].warnings
    assert warning.startswith(f"{ODD}: ")
    (alert,) = [alert for alert in house.alerts() if alert.name is AlertName.TARGET_UNUSABLE]
    for told in (warning, alert.says, *(line["because"] for line in logged if line["event"] == "target.unusable")):
        assert says in told
        assert "hunter2" not in told
    assert alert.target == ODD
    assert [line for line in logged if line["event"] == "target.unusable"]


def test_access_on_it_is_never_called_ended(house: Hands) -> None:
    house.active(minutes=30)
    house.active("R-ODD7", access="ledger-db/read", minutes=30)
    house.clock.time += timedelta(minutes=31)
    tried = lambda: house.request("R-ODD7").revoke_trouble is not None  # noqa: E731  one line
    start(house, opener(house, MissingSecret("BOOKS_DSN is not set.")), until=lambda: ended(house)() and tried())

    assert house.request("R-ODD7").state is State.ENDING
    assert "BOOKS_DSN is not set" in str(house.request("R-ODD7").revoke_trouble)


def test_many_processes_that_start_tell_of_it_once(house: Hands) -> None:
    house.clock.time += timedelta(minutes=30)
    for times in (1, 2):
        until = lambda times=times: len(house.facts("started")) == times  # noqa: E731
        start(house, opener(house, MissingSecret("BOOKS_DSN is not set.")), until=until)

    assert len(house.alerts()) == 1


def test_a_grant_on_it_is_refused_with_the_reason(house: Hands) -> None:
    unusable = opener(house, MissingSecret("BOOKS_DSN is not set."))
    registry = TargetRegistry(house.policies, KnownTargets(house.folder), lambda config: unusable(config.name))
    house.approved("R-ODD7", access="ledger-db/read")
    house.make_granter(registry).grant("R-ODD7")

    refused = house.request("R-ODD7")
    assert (refused.state, refused.closed_because) == (State.FAILED, "BOOKS_DSN is not set.")
    assert [alert.name for alert in house.alerts()] == [AlertName.GRANT_FAILED]


@pytest.mark.parametrize("call", CALLS)
def test_a_target_that_falls_over_stops_no_end_elsewhere(house: Hands, call: str) -> None:
    house.targets[ODD] = OddTarget(ODD)
    house.active(minutes=30)
    house.active("R-ODD7", access="ledger-db/read", minutes=30)
    house.targets[ODD].odd = call  # type: ignore[attr-defined]
    house.clock.time += timedelta(minutes=30)
    start(house, lambda name, *_: house.targets[name], until=ended(house))

    assert house.target.gives == {}
    if call == "check":
        (warning,) = house.facts("started")[0].warnings
        assert warning.startswith(f"{ODD}: a fault in the target: TypeError")
