"""Policy files that cannot be used keep nobody's access alive, also over a restart."""

import json
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from jit.facts import Started
from jit.policy import BROKEN, PolicyError
from jit.requests.lifecycle import State
from jit.runtime.settings import WorkerSettings
from tests.world.base import in_a_file
from tests.world.hands import Hands
from tests.world.raised import raised
from tests.world.waiting import HUNG, wait_until
from workers.main import run_timekeeper
from workers.targets.known import FILE


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path, ledger=in_a_file(tmp_path))


def run(house: Hands, stop: Event) -> None:
    run_timekeeper(
        WorkerSettings(data=house.folder, policies=house.folder / "policies"),
        clock=house.clock,
        stop=stop,
        open_target=lambda name, *_: house.targets[name],
    )


def call_wrongly(house: Hands) -> None:
    house.policy_file.rename(house.policy_file.with_suffix(".yaml"))


def break_a_line(house: Hands) -> None:
    house.policy_file.write_text("access: [")


@pytest.mark.parametrize("broken", [call_wrongly, break_a_line])
def test_a_timekeeper_started_with_broken_rules_ends_what_is_due(house: Hands, broken: object) -> None:
    house.active(minutes=30)
    broken(house)  # type: ignore[operator]
    house.clock.time += timedelta(minutes=30)
    stop = Event()
    keeper = Thread(target=run, args=(house, stop), daemon=True)
    keeper.start()
    try:
        wait_until(lambda: house.request().state is State.ENDED)
    finally:
        stop.set()
        keeper.join(HUNG)

    assert house.target.gives == {}
    (started,) = [entry.fact for entry in house.ledger.read() if isinstance(entry.fact, Started)]
    assert started.policy_version == BROKEN
    assert "nothing is granted" in started.warnings[0]


def test_a_first_start_with_broken_rules_is_refused_and_says_why(house: Hands) -> None:
    call_wrongly(house)

    with pytest.raises(PolicyError, match=r"call it \*\.policy\.yml"):
        run(house, Event())


def test_what_was_kept_and_is_no_list_of_targets_is_as_none(house: Hands) -> None:
    call_wrongly(house)
    for kept in ("", "[]", "no json", '[{"name": 7}]'):
        (house.folder / FILE).write_text(kept)
        assert raised(PolicyError, run, house, Event()), kept


def test_targets_are_kept_with_the_names_of_secrets_alone(house: Hands) -> None:
    named = house.policy_file.read_text().replace("{kind: fake}", '{kind: fake, dsn: "env:ORDERS_DSN"}', 1)
    house.policy_file.write_text(named)
    house.clock.move(seconds=2)

    house.registry.open_all()

    path = house.folder / FILE
    assert json.loads(path.read_text()) == [
        {"name": "ledger-db", "kind": "fake", "settings": {}},
        {"name": "orders-db", "kind": "fake", "settings": {"dsn": "env:ORDERS_DSN"}},
    ]
    assert path.stat().st_mode & 0o077 == 0
