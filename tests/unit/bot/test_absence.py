"""`/jit away` and `/jit back`, as typed."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from bot.listeners.absence import away, back
from jit.requests.refusal import Refusal
from jit.testing import BOB, CAROL
from tests.world.office import Office, actor

BY_BOB = SimpleNamespace(by=actor(BOB))


@pytest.fixture
def ctx(tmp_path):
    office = Office(tmp_path)
    office.directory.change(BOB, handle="bob", name="Bob", tz="Europe/Berlin")
    office.directory.change(CAROL, handle="carol", name="Carol C. Long")
    office.directory.name = lambda who: office.directory.people[who].name
    return SimpleNamespace(core=office.core, directory=office.directory, office=office)


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("until 2026-12-01 @carol", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("until 2026-12-01 09:30 <@U03CAROL0|carol> for dba", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("2026-12-01 9:30 Carol C. Long for @dba", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("3d U03CAROL0", None),
    ],
)
def test_a_day_a_time_or_a_length_and_a_name(ctx, typed, until):
    answer = away(ctx, BY_BOB, typed)
    fact = ctx.office.facts("away")[0]
    assert (fact.substitute, fact.until) == (CAROL, until or ctx.core.clock.now() + timedelta(days=3))
    assert fact.group == ("dba" if "dba" in typed else "")
    assert "Carol C. Long is asked instead of you" in answer
    assert "Carol C. Long stands in" in away(ctx, BY_BOB, "")
    assert "asked again" in back(ctx, BY_BOB)
    assert "You were not away" in back(ctx, BY_BOB)


@pytest.mark.parametrize(
    "typed", ["@carol", "until", "until tomorrow @carol", "until 2026-13-01 @carol", "3d", "0d @carol"]
)
def test_what_is_not_understood_is_answered_with_an_example_and_nothing_is_recorded(ctx, typed):
    assert "`/jit away until 2026-12-01 @carol`" in away(ctx, BY_BOB, typed)
    assert ctx.office.facts() == []


def test_what_was_typed_pings_nobody(ctx):
    assert "<!channel>" not in away(ctx, BY_BOB, "<!channel>")


def test_a_day_that_is_over_is_refused_in_words(ctx):
    with pytest.raises(Refusal) as refused:
        away(ctx, BY_BOB, "until 2020-01-01 @carol")
    assert "Say until when" in str(refused.value.problems)
