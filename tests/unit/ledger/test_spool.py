"""Whoever can write the spool's file can tell of ends, and of nothing else; and stops nothing."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jit.facts import Alert, AlertName, Approval, Approved, Counted, Fact, RefusalReason, Refused, Source
from jit.ledger import Entry, Ledger, SpoolFailed
from jit.ledger.opened import opened
from jit.ledger.spool_files import append, load_chain, transaction
from jit.ledger.unavailable import NotTaken
from jit.requests.lifecycle import State
from jit.testing import BOB, T0
from tests.world.hands import Hands
from tests.world.spooling import rows_in


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def inject(house: Hands, *facts: Fact, spooled: bool) -> None:
    """As somebody does who can write the file, and knows how its chain is made."""
    (house.folder / "spool").mkdir(exist_ok=True)
    with transaction(spool_of(house)) as connection:
        chain = load_chain(connection, had_one=False)
        append(connection, chain, [fact.model_copy(update={"spooled": spooled}) for fact in facts])


def spool_of(house: Hands) -> Path:
    return house.folder / "spool" / "spool.db"


def taken_out(house: Hands) -> list[Fact]:
    """What waits; afterwards nothing does."""
    waiting = [opened(*row, {}).fact for row in rows_in(spool_of(house))]
    shutil.rmtree(house.folder / "spool")
    return waiting


def put_aside(house: Hands) -> str:
    return (house.folder / "spool" / "spool.unreadable").read_text()


def press() -> Refused:
    return Refused(at=T0, actor=BOB, source=Source.SLACK, attempted="approve", reason=RefusalReason.BUSY)


@pytest.mark.parametrize("spooled", [False, True])
def test_a_decision_in_the_spool_decides_nothing_and_is_told(house: Hands, *, spooled: bool) -> None:
    request = house.asked()
    about = {"at": T0, "actor": BOB, "source": Source.SLACK, "digest": request.digest}
    yes = Approval.about(request, approver=BOB, quorums=("dba",), groups_as_of=None, **about)
    counted = (Counted(approval=yes.id, approver=BOB, quorum="dba"),)
    inject(
        house, yes, Approved.about(request, counted=counted, begin_by=request.pending_until, **about), spooled=spooled
    )
    house.timekeeper.sweep()
    assert house.request().state is State.PENDING
    assert put_aside(house).count("approv") >= 2
    assert [alert.name for alert in house.alerts()] == [AlertName.SPOOL_REFUSED]
    house.timekeeper.sweep()
    assert len(house.alerts()) == 1


@pytest.mark.parametrize("spooled", [False, True])
def test_a_fact_that_is_recorded_already_blocks_nothing(house: Hands, *, spooled: bool) -> None:
    house.active(minutes=30)
    house.ledger.append([press()])
    house.clock.move(minutes=30)
    request = house.request()
    house.ledger.cut = True
    house.revoker.end([request])
    house.ledger.cut = False
    known = [entry.fact for entry in house.ledger.read()]
    waiting = taken_out(house)
    inject(house, *known, spooled=spooled)
    inject(house, *waiting, spooled=True)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED
    assert rows_in(spool_of(house)) == []
    assert house.kinds().count("ended") == 1


def test_what_is_no_end_is_not_written(house: Hands) -> None:
    with pytest.raises(SpoolFailed):
        house.spool.write([press()])
    assert not (house.folder / "spool").exists()


def test_a_fact_that_the_database_will_never_take_keeps_no_other_waiting(
    house: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.active(minutes=30)
    house.clock.move(minutes=30)
    request = house.request()
    house.ledger.cut = True
    house.revoker.end([request])
    house.ledger.cut = False
    never = Alert(at=T0, actor="x", source=Source.BOT, name=AlertName.END_LATE, says="never", spooled=True)
    waiting = taken_out(house)
    inject(house, never, *waiting, spooled=True)
    append = Ledger.append

    def guarded(ledger: Ledger, facts: Sequence[Fact], **more: Any) -> list[Entry]:
        if never in facts:
            raise NotTaken("it holds no fact")
        return append(ledger, facts, **more)

    monkeypatch.setattr(Ledger, "append", guarded)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED
    assert "never" in put_aside(house)
