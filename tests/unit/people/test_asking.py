import asyncio
from collections.abc import Iterator

import pytest

from jit.people.answers import Because
from jit.people.providers.asking import Asking
from jit.people.providers.http import NotAnswered
from tests.world.waiting import HUNG


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    made.close()


def test_a_question_ends_at_its_deadline(asking: Asking) -> None:
    with pytest.raises(NotAnswered) as ended:
        asking.ask(forever, 0.01)
    assert ended.value.because is Because.NO_ANSWER


def test_what_is_under_way_at_the_end_is_not_answered(asking: Asking) -> None:
    asked = asking.begin(forever)
    asking.close()
    with pytest.raises(NotAnswered):
        asking.wait(asked, HUNG)


def test_a_fault_is_no_answer_and_its_words_are_not_passed_on(asking: Asking) -> None:
    async def failing() -> None:
        raise LookupError("s3cret")

    with pytest.raises(NotAnswered) as ended:
        asking.ask(failing, HUNG)
    assert ended.value.because is Because.UNREADABLE
    assert "s3cret" not in str(ended.value)
    assert ended.value.__cause__ is None
