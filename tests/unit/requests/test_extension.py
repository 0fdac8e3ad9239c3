"""Extensions as their facts tell them: see `jit.requests.extension`."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.facts import Extended, ExtensionIntent, Source
from jit.ledger import Conflict
from jit.requests.due import GRANT_NUDGE, GRANT_STUCK, Action, action_at, next_action
from jit.requests.extension import MAY_FOLLOW
from jit.requests.lifecycle import CannotFollow, State, apply, may_follow
from jit.testing import T0, InMemoryLedger, ManualClock, Story

HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def story():
    clock = ManualClock()
    return Story(InMemoryLedger(clock), clock).active()


STEPS = {
    "asked": Story.extension_asked,
    "approved": Story.extension_approved,
    "denied": Story.extension_denied,
    "lapsed": Story.extension_lapsed,
    "extending": Story.extending,
    "extended": Story.extended,
    "failed": Story.extension_failed,
    "withdrawn": Story.extension_withdrawn,
}


AFTER = {
    (): {"asked"},
    ("asked",): {"approved", "denied", "lapsed", "withdrawn"},
    ("asked", "withdrawn"): {"asked"},
    ("asked", "approved"): {"extending", "failed", "lapsed"},
    ("asked", "approved", "extending"): {"extended", "failed"},
    ("asked", "denied"): {"asked"},
    ("asked", "lapsed"): {"asked"},
    ("asked", "approved", "failed"): {"asked"},
    ("asked", "approved", "extending", "extended"): {"asked"},
}


@pytest.mark.parametrize("before", AFTER, ids="-".join)
def test_what_may_follow_what(before):
    for name, tell in STEPS.items():
        clock = ManualClock()
        story = Story(InMemoryLedger(clock), clock).active()
        for each in before:
            STEPS[each](story)
        try:
            tell(story)
            followed = True
        except (Conflict, AssertionError, TypeError, ValueError):
            followed = False
        assert followed == (name in AFTER[before]), (before, name)


def test_the_end_stays_as_it_is_until_the_target_has_the_later_one(story):
    for tell in (story.extension_asked, story.extension_approved, story.extending):
        tell()
        request = story.request
        assert (request.state, request.ends_at) == (State.ACTIVE, T0 + HALF_HOUR)
        assert len(request.fixed_ends) == 1
    entry = story.extended("an order")
    request = story.request
    assert (request.state, request.ends_at, request.extension) == (State.ACTIVE, T0 + 2 * HALF_HOUR, None)
    assert request.fixed_ends[-1] == (entry.fact.id, "an order")


@pytest.mark.parametrize("end", ["released", "revoked", "left", "ending", "ended"])
def test_whatever_ends_the_access_closes_its_extension(story, end):
    story.extension_asked()
    story.extension_approved()
    story.extending()
    getattr(story, end)()
    assert story.request.extension is None
    assert story.request.ends_at == T0 + HALF_HOUR
    with pytest.raises(CannotFollow):
        apply(story.request, Extended.about(story.request, at=T0, actor="w", source=Source.WORKER, ends_at=T0,
                                            end_order="", read_back=()))  # fmt: skip


def test_nothing_is_asked_for_or_extended_once_its_time_is_over(story):
    story.clock.time = T0 + HALF_HOUR
    with pytest.raises(Conflict, match="is over"):
        story.extension_asked()
    story.clock.time = T0
    story.extension_asked()
    story.extension_approved()
    story.extending()
    story.clock.time = T0 + HALF_HOUR
    with pytest.raises(Conflict, match="is over"):
        story.extended()


@pytest.mark.parametrize("kind", [ExtensionIntent, Extended])
def test_it_is_never_longer_than_it_was_asked_for(story, kind):
    story.extension_asked()
    story.extension_approved()
    if kind is Extended:
        story.extending()
    more = {"ends_at": T0 + 2 * HALF_HOUR + timedelta(seconds=1)}
    more |= {"end_order": "", "read_back": ()} if kind is Extended else {}
    with pytest.raises(CannotFollow, match="at most"):
        apply(story.request, kind.about(story.request, at=T0, actor="w", source=Source.WORKER, **more))


def test_its_digest_is_another_than_that_of_the_request_and_of_another_extension(story):
    story.extension_asked()
    first = story.request.undecided
    assert first.digest != story.request.digest
    assert replace(first, duration=timedelta(hours=1)).digest != first.digest
    assert replace(first, why="for fun").digest != first.digest
    story.extension_denied()
    story.extension_asked()
    assert story.request.undecided.digest != first.digest


def test_what_is_due_when(story):
    at = story.clock.now
    assert next_action(story.request) == (T0 + HALF_HOUR, Action.END)
    story.extension_asked()
    assert next_action(story.request)[1] in {Action.END, Action.LAPSE_EXTENSION}  # both at the end
    story.extension_approved()
    assert next_action(story.request) == (at() + GRANT_NUDGE, Action.EXTEND)
    assert action_at(story.request, at() + GRANT_NUDGE) is Action.EXTEND
    assert action_at(story.request, at() + timedelta(minutes=15)) is Action.LAPSE_EXTENSION
    story.extending()
    assert next_action(story.request) == (at() + GRANT_STUCK, Action.EXTEND)
    assert action_at(story.request, T0 + HALF_HOUR) is Action.END


def test_all_of_it_follows_while_the_access_is_active_alone(story):
    assert all(may_follow(story.request, kind) for kind in MAY_FOLLOW)
    story.released()
    assert not any(may_follow(story.request, kind) for kind in MAY_FOLLOW)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["asked", "approved", "denied", "lapsed", "extending", "extended", "failed", "released",
                                 "ending", "ended", "wait"]), max_size=25))  # fmt: skip
def test_an_end_moves_by_what_was_approved_and_before_it_has_come(names):
    clock = ManualClock()
    story = Story(InMemoryLedger(clock), clock).active()
    tell = STEPS | {"released": Story.released, "ending": Story.ending, "ended": Story.ended}
    tell["wait"] = lambda story: story.clock.move(minutes=20)
    for name in names:
        before = story.request
        try:
            tell[name](story)
        except (Conflict, AssertionError, TypeError, ValueError):
            continue
        after = story.request
        if after.ends_at != before.ends_at:
            assert name == "extended"
            assert before.extension is not None
            assert before.extension.approved_at is not None
            assert clock.now() < before.ends_at
            assert after.ends_at == before.ends_at + before.extension.duration
