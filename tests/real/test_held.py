"""What is held now, of ten thousand: a page of it is found by an index, on both databases of the ledger."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from jit.ledger import HeldQuestion, Ledger, Question, connect
from jit.ledger.database import reading, writing
from jit.ledger.readmodel import EMERGENCY, STANDARD, find, held, row, save
from jit.ledger.schema import entries
from jit.requests.lifecycle import State
from jit.testing import CAROL, T0, ManualClock, Story
from tests.world.tamper import past_the_guards

pytestmark = pytest.mark.real
MANY = 10_000


def many(connection: Connection, like: dict[str, object]) -> None:
    """Rows of the read model as the facts of so many would have them, the last to end first."""
    ends = int(str(like["ends_at"]))
    rows = [
        like
        | {
            "id": f"R-{10_000 + each}",
            "access": f"a/{each}",
            "ends_at": ends + (MANY - each) * 1_000_000,
            "kind": EMERGENCY if each == MANY // 2 else STANDARD,
            "state": State.ENDED if each % 10 == 0 and each != MANY // 2 else State.ACTIVE,
        }
        for each in range(MANY)
    ]
    save(connection, rows)


def asked_for(each: int) -> dict[str, Any]:
    """What a row of the read model is worth nothing without."""
    about = {"recorded_at": T0, "kind": "requested", "request_id": f"R-{10_000 + each}", "body": b"", "hash": ""}
    return {"index": 100 + each, "id": str(each), **about}


def plan_of(engine: Engine, ask: Callable[[Connection], object]) -> str:
    """How the database finds what is asked, as it says itself."""
    how = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN (ANALYZE, TIMING OFF)"
    asked = []

    def explained(_connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        cursor.execute(f"{how} {statement}", values)
        asked.extend(str(line) for line in cursor.fetchall())

    event.listen(engine, "before_cursor_execute", explained)
    with reading(engine) as connection:
        ask(connection)
    event.remove(engine, "before_cursor_execute", explained)
    return "\n".join(asked)


def test_a_page_of_ten_thousand_is_found_by_an_index_and_nothing_is_sorted(ledger_url: str) -> None:
    engine = connect(ledger_url)
    ledger = Ledger(engine, ManualClock())
    story = Story(ledger, ledger.clock).active()
    with writing(engine) as connection:
        many(connection, row(story.request, 5))
        with past_the_guards(connection):
            connection.execute(insert(entries), [asked_for(each) for each in range(MANY)])
        connection.execute(text("ANALYZE"))
    plan = plan_of(engine, lambda connection: held(connection, HeldQuestion(but=CAROL)))
    assert "requests_held" in plan, plan
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "requests_emergency" in plan_of(engine, lambda connection: find(connection, Question(unreviewed=True)))
    assert ledger.held(HeldQuestion(limit=3)) == ["R-15000", story.id, "R-19999"]
    assert ledger.count_held(HeldQuestion(), 1001) == 1001
    engine.dispose()


def test_break_glass_comes_before_what_ends_first(ledger_url: str) -> None:
    engine = connect(ledger_url)
    ledger = Ledger(engine, ManualClock())
    for number, hours in enumerate((3, 1, 2)):
        about = {"access": f"a/{number}", "duration": timedelta(hours=hours)}
        Story(ledger, ledger.clock, f"R-000{number}", about).active()
    emergency = {"access": "a/9", "duration": timedelta(hours=5), "basis": "emergency", "rested_on": "INC-42"}
    Story(ledger, ledger.clock, "R-0009", emergency).active()
    assert ledger.held(HeldQuestion()) == ["R-0009", "R-0001", "R-0002", "R-0000"]
    assert ledger.held(HeldQuestion(skip=1, limit=2)) == ["R-0001", "R-0002"]
    engine.dispose()
