"""The lights beside the chat: red for a broken promise, amber while a part is down, green otherwise."""

from datetime import timedelta

import pytest

from demo.debounce import Debounce
from demo.held import Role
from demo.observer import Failure
from demo.parts import BOT, LEDGER, REDIS, SLACK, TARGET, TIMEKEEPER, WORKERS
from demo.promise_lights import PromiseLights
from demo.promises import (
    CARD_STILL,
    SHOWN,
    STARTING,
    UNFINISHED,
    answered,
    decided,
    on_time,
    recorded,
    unchanged,
)
from tests.world.stage_scene import Scene

HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def debounce():
    return Debounce()


@pytest.mark.parametrize("judge", [decided, on_time, recorded, unchanged, answered])
def test_every_light_is_green_from_asking_to_the_end(scene, debounce, judge):
    assert judge(scene.look(roles=()), debounce).state == "ok"
    scene.story.active()
    scene.passes(60)
    assert judge(scene.look(), debounce).state == "ok"
    scene.passes(HALF_HOUR.total_seconds() - 60)
    scene.story.ending()
    scene.story.ended()
    assert judge(scene.look(roles=()), debounce).state == "ok"


@pytest.mark.parametrize(
    ("role", "finding"),
    [
        (Role("jit_r_made", ["eve"], ["orders_admin"]), "jit_r_made belongs to no request"),
        (Role("jit_r_7f3k", ["alice", "eve"], ["orders_read"]), "R-7F3K is for alice, and alice, eve has it"),
        (Role("jit_r_7f3k", ["alice"], ["orders_admin", "orders_read"]), "R-7F3K gives orders_admin, orders_read"),
    ],
)
def test_a_role_that_nobody_decided_on_is_red(scene, debounce, role, finding):
    scene.story.active()
    verdict = decided(scene.look(roles=(role,)), debounce)
    assert verdict.state == "broken"
    assert finding in verdict.says


def test_a_role_given_before_its_time_is_red(scene, debounce):
    scene.story.fields["start_at"] = scene.story.clock.now() + timedelta(hours=1)
    scene.story.active()
    verdict = decided(scene.look(), debounce)
    assert (verdict.state, verdict.says) == ("broken", "R-7F3K was begun before its time.")


def test_a_role_given_before_the_decision_is_red(scene, debounce):
    scene.story.asked()
    verdict = decided(scene.look(), debounce)
    assert (verdict.state, verdict.says) == ("broken", "R-7F3K was given without a decision before it.")


def test_a_role_given_before_its_intent_is_red(scene, debounce):
    scene.story.asked()
    scene.story.approval()
    scene.story.approved()
    assert decided(scene.look(), debounce).state == "broken"


@pytest.mark.parametrize("part", [TARGET, LEDGER])
def test_what_cannot_be_seen_is_waited_for(scene, debounce, part):
    scene.story.active()
    scene.down(part)
    assert decided(scene.look(roles=(Role("jit_r_made", [], []),)), debounce).state == "waiting"


def test_access_held_for_longer_than_the_stated_lag_is_red(scene, debounce):
    scene.story.active()
    scene.passes(HALF_HOUR.total_seconds() + 4)
    assert on_time(scene.look(), debounce).state == "ok"
    scene.passes(2)
    verdict = on_time(scene.look(), debounce)
    assert verdict.state == "broken"
    assert "R-7F3K should have ended 6 s ago and is still held" in verdict.says


def test_access_that_is_held_again_after_its_end_is_red(scene, debounce):
    scene.story.active()
    scene.story.ending()
    scene.story.ended()
    assert on_time(scene.look(), debounce).state == "ok"
    scene.passes(6)
    assert on_time(scene.look(), debounce).state == "broken"


def test_a_release_that_is_not_carried_out_is_red(scene, debounce):
    scene.story.active()
    scene.story.released()
    assert on_time(scene.look(), debounce).state == "ok"
    scene.passes(6)
    assert on_time(scene.look(), debounce).state == "broken"


@pytest.mark.parametrize("clock_left", [[WORKERS], [REDIS], [WORKERS, REDIS], [TIMEKEEPER], [LEDGER], [SLACK], [BOT]])
def test_one_alarm_clock_is_enough_to_be_held_to_the_promise(scene, debounce, clock_left):
    scene.story.active()
    scene.down(*clock_left)
    scene.passes(HALF_HOUR.total_seconds() + 6)
    assert on_time(scene.look(), debounce).state == "broken"


@pytest.mark.parametrize("down", [[TIMEKEEPER, WORKERS], [TIMEKEEPER, REDIS], [TARGET]])
def test_with_nobody_there_to_end_it_the_light_waits_and_is_strict_again_afterwards(scene, debounce, down):
    scene.story.active()
    scene.down(*down)
    scene.passes(HALF_HOUR.total_seconds() + 60)
    assert on_time(scene.look(), debounce).state == "waiting"
    scene.up(*down)
    assert on_time(scene.look(), debounce).state in ("ok", "waiting")
    scene.passes(STARTING + 6)
    assert on_time(scene.look(), debounce).state == "broken"


def test_a_wiped_queue_leaves_the_timekeeper_alone_and_no_one_without_it(scene, debounce):
    scene.story.active()
    scene.passes(10)
    wiped = scene.tick
    scene.passes(HALF_HOUR.total_seconds())
    assert on_time(scene.look(wiped=wiped), debounce).state == "broken"
    scene.down(TIMEKEEPER)
    assert on_time(scene.look(wiped=wiped), debounce).state == "waiting"


def test_the_latest_end_is_told(scene, debounce):
    scene.story.active()
    scene.passes(HALF_HOUR.total_seconds() + 1.5)
    scene.story.ending()
    scene.story.ended()
    assert "1 end, the latest 1.5 s after its time" in on_time(scene.look(roles=()), debounce).checked


def test_active_by_the_record_and_not_there_is_red_if_it_lasts(scene, debounce):
    scene.story.active()
    assert recorded(scene.look(roles=()), debounce).state == "ok"
    scene.passes(11)
    assert "orders-db holds nothing of it" in recorded(scene.look(roles=()), debounce).says


def test_a_grant_that_gets_no_outcome_is_red(scene, debounce):
    scene.story.asked()
    scene.story.approval()
    scene.story.approved()
    scene.story.intent()
    assert recorded(scene.look(), debounce).state == "ok"
    scene.passes(UNFINISHED + 1)
    verdict = recorded(scene.look(), debounce)
    assert (verdict.state, verdict.says) == ("broken", "R-7F3K is held, and no outcome of it is recorded.")


def test_an_end_without_an_intent_is_red(scene, debounce):
    scene.story.active()
    scene.story.ended()
    assert recorded(scene.look(roles=()), debounce).says == "R-7F3K: ended without revoke.intent before it."


def test_what_waits_in_the_spool_is_counted_and_waited_for(scene, debounce):
    verdict = recorded(scene.look(roles=(), waiting=2), debounce)
    assert (verdict.state, "2 facts in the spool" in verdict.checked) == ("waiting", True)


def test_a_broken_chain_is_red_and_says_where(scene, debounce):
    verdict = unchanged(scene.look(broken="entry 4: it is gone"), debounce)
    assert (verdict.state, verdict.says) == ("broken", "Entry 4: it is gone.")


def test_a_press_that_failed_is_red_for_a_minute(scene, debounce):
    failed = (Failure(scene.tick, "operation_timeout", excused=False),)
    assert "operation_timeout" in answered(scene.look(roles=(), failures=failed), debounce).says
    scene.passes(SHOWN + 1)
    assert answered(scene.look(roles=(), failures=failed), debounce).state == "ok"


def test_a_press_while_slack_was_away_is_no_broken_promise(scene, debounce):
    failed = (Failure(scene.tick, "dispatch_failed", excused=True),)
    assert answered(scene.look(roles=(), failures=failed), debounce).state == "ok"


def test_a_card_that_stands_still_is_red(scene, debounce):
    scene.story.asked()
    late = {"roles": (), "cards": {}}
    assert answered(scene.look(**late), debounce).state == "ok"
    scene.passes(5)
    assert answered(scene.look(**late), debounce).state == "waiting"
    scene.passes(CARD_STILL)
    verdict = answered(scene.look(**late), debounce)
    assert (verdict.state, verdict.says) == ("broken", "The card of R-7F3K is not as the record says.")


def test_a_card_that_says_another_state_is_not_true(scene, debounce):
    scene.story.active()
    lying = {"cards": {"R-7F3K": ("*Alice* asks for orders-db/read",)}}
    answered(scene.look(**lying), debounce)
    scene.passes(CARD_STILL + 1)
    assert answered(scene.look(**lying), debounce).state == "broken"


@pytest.mark.parametrize("part", [SLACK, BOT, LEDGER])
def test_cards_wait_for_what_draws_them(scene, debounce, part):
    scene.story.asked()
    scene.down(part)
    answered(scene.look(roles=(), cards={}), debounce)
    scene.passes(CARD_STILL + 10)
    assert answered(scene.look(roles=(), cards={}), debounce).state == "waiting"


def test_a_light_that_was_red_goes_on_saying_so(scene):
    lights = PromiseLights()
    stray = Role("jit_r_made", ["eve"], ["orders_admin"])
    assert lights.show(scene.look(roles=(stray,)))[0]["state"] == "broken"
    scene.passes(7)
    shown = lights.show(scene.look(roles=()))[0]
    assert shown["state"] == "ok"
    assert shown["past"]["says"] == "The role jit_r_made belongs to no request."
    assert shown["past"]["to"] - shown["past"]["from"] == 7
