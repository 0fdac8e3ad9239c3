"""What the stage looks for on a card is what the bot writes there, in every state."""

from datetime import timedelta

import pytest

from bot.views.card import draw
from demo.promises import SAYS
from jit.requests.lifecycle import State
from jit.testing import InMemoryLedger, Story
from tests.world.stage_scene import CARD

STEPS = {
    State.PENDING: (),
    State.APPROVED: ("approval", "approved"),
    State.GRANTING: ("approval", "approved", "intent"),
    State.ACTIVE: ("approval", "approved", "intent", "granted"),
    State.ENDING: ("approval", "approved", "intent", "granted", "ending"),
    State.ENDED: ("approval", "approved", "intent", "granted", "ending", "ended"),
    State.DENIED: ("denied",),
    State.WITHDRAWN: ("withdrawn",),
    State.LAPSED: ("lapsed",),
    State.FAILED: ("approval", "approved", "intent", "failed"),
}


def first_line(state, late=timedelta()):
    """Of the card in a state."""
    ledger = InMemoryLedger()
    story = Story(ledger, ledger.clock)
    story.asked()
    for step in STEPS[state]:
        getattr(story, step)()
    assert story.request.state is state
    return draw(story.request, lambda _: "Alice", now=ledger.clock.now() + late).text


@pytest.mark.parametrize("state", State)
def test_the_stage_knows_a_card_by_the_words_that_it_has(state):
    line = first_line(state)
    assert {says for says, *_ in SAYS.values() if says in line} == {SAYS[state][0]}


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.GRANTING, State.ACTIVE])
def test_the_stage_knows_a_card_of_what_is_late_by_the_words_that_it_has(state):
    line = first_line(state, late=timedelta(days=1))
    assert any(says in line for says in SAYS[state])


@pytest.mark.parametrize("state", CARD)
def test_the_cards_of_a_scene_begin_as_real_ones_do(state):
    words = CARD[state].rstrip("0123456789:")
    assert first_line(State(state)).startswith(words)
