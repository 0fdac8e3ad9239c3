"""What to try beside the chat: a step is ticked off by what the record has seen, and stays so."""

from dataclasses import replace

import pytest

from demo.parts import REDIS, WORKERS
from demo.tutorial import STEPS, Tutorial
from jit.facts import AlertName, EndCause, RefusalReason
from tests.world.stage_scene import Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def done(scene):
    guide = Tutorial()
    return lambda **seen: {step["name"] for step in guide.show(scene.look(**seen)) if step["done"]}


def test_at_first_nothing_is_done_and_every_step_can_be_begun(scene):
    steps = Tutorial().show(scene.look())
    assert not any(step["done"] for step in steps)
    assert all(step["does"] for step in steps)


def test_asking_approving_and_ending_are_ticked_off_one_by_one(scene, done):
    scene.story.asked()
    assert done() == {"Ask"}
    scene.story.approval()
    scene.story.approved()
    scene.story.intent()
    scene.story.granted()
    assert done() == {"Ask", "Approve"}
    scene.story.ending()
    scene.story.ended()
    assert done() == {"Ask", "Approve", "Let it end", "Read the record"}


def test_a_denial_and_a_refusal_are_ticked_off(scene, done):
    scene.story.asked()
    scene.story.refused(reason=RefusalReason.NOT_ALLOWED_TO_DECIDE)
    assert "Be refused" in done()
    scene.story.denied()
    assert "Say no" in done()


def test_breaking_something_counts_once_the_access_has_ended(scene, done):
    last = STEPS[-1].name
    scene.story.active()
    assert last not in done()
    scene.parts[WORKERS] = replace(scene.parts[WORKERS], up=False)
    assert last not in done()
    scene.story.ending()
    scene.story.ended()
    assert last in done()


def ended(scene):
    scene.story.ending()
    scene.story.ended()


def test_what_fell_and_was_back_between_two_slow_looks_counts(scene, done):
    scene.story.active()
    done()
    scene.passes(1)
    scene.up(WORKERS)
    scene.passes(7)
    done()
    ended(scene)
    assert STEPS[-1].name in done()


def test_redis_wiped_between_two_slow_looks_counts(scene, done):
    scene.story.active()
    done()
    scene.passes(1)
    wiped = scene.tick
    scene.passes(7)
    done(wiped=wiped)
    ended(scene)
    assert STEPS[-1].name in done(wiped=wiped)


def test_what_was_broken_before_the_access_counts_for_nothing(scene, done):
    scene.up(WORKERS)
    wiped = scene.tick
    done(wiped=wiped)
    scene.story.active()
    done(wiped=wiped)
    ended(scene)
    assert STEPS[-1].name not in done(wiped=wiped)


def test_what_is_broken_after_the_end_counts_for_nothing(scene, done):
    scene.story.active()
    scene.story.ending()
    scene.story.ended()
    scene.parts[REDIS] = replace(scene.parts[REDIS], up=False)
    assert STEPS[-1].name not in done()


def test_what_the_crowd_asks_ticks_nothing_off(scene, done):
    scene.story.fields = {"requester": "U1CROWD01"}
    scene.story.active()
    assert done() == set()


def test_use_outside_of_what_it_is_for_is_ticked_off_once_it_is_revoked(scene, done):
    scene.story.active()
    scene.story.alert(name=AlertName.END_LATE)
    scene.story.revoked()
    assert "See what is done with it" not in done()
    scene.story.alert(name=AlertName.OUTSIDE_PURPOSE)
    scene.story.ending(EndCause.REVOKED)
    assert "See what is done with it" in done()
