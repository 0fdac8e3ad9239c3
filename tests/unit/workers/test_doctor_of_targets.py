"""What the doctor says of a target beside what the target says of itself."""

from pathlib import Path

import pytest

import workers.doctor
from jit.doctor import Line, Part
from jit.ports import Capabilities
from jit.testing import InMemoryTarget
from tests.world.hands import Hands


def told_of(house: Hands, monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities) -> list[Line]:
    target = InMemoryTarget("orders-db")
    target.capabilities = capabilities
    monkeypatch.setattr(workers.doctor, "open_target", lambda *_: target)
    looks = workers.doctor.checks(house.policies.current(), None, house.folder)
    return [line for check in looks if check.part is Part.TARGETS for line in check.look()]


def test_where_an_end_cuts_nothing_the_doctor_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = Hands(tmp_path)
    for capabilities, says in ((Capabilities(cuts_sessions=True), False), (Capabilities(), True)):
        told = told_of(house, monkeypatch, capabilities)
        assert told
        assert any("cuts nothing that is open" in line.what for line in told) is says
