from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.facts import (
    MODELS,
    ActivitySummed,
    Approval,
    Approved,
    BreakGlassEscalated,
    BreakGlassReviewed,
    Counted,
    Denial,
    Denied,
    EndCause,
    Ended,
    Escalated,
    Escalation,
    Exceeded,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    Life,
    Narrowed,
    OfExtension,
    Quorum,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    Source,
    Withdrawn,
    life_kinds,
)
from jit.requests.due import GRANT_GIVEN_UP, GRANT_NUDGE, GRANT_STUCK, REVOKE_STUCK, Action, action_at, next_action
from jit.requests.lifecycle import CannotFollow, Request, State, apply, replay
from tests.world.raised import raised

T0 = datetime(2026, 11, 21, 14, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
LATE = Escalation(after=timedelta(hours=9), to=("group:leads",))
"""Nobody is asked by it: it lapses before."""


def asked(**changes: object) -> Requested:
    fields: dict[str, object] = {
        "at": T0,
        "actor": "U01ALICE0",
        "source": Source.SLACK,
        "request_id": "R-7F3K",
        "requester": "U01ALICE0",
        "access": "orders-db/read",
        "target": "orders-db",
        "permissions": ("orders_read",),
        "principal": "alice",
        "why": "INC-42: db down",
        "incident": "INC-42",
        "policy_version": "v1",
        "duration": HALF_HOUR,
        "channel": "C0ACCESS1",
        "risk": "medium",
        "needs": (Quorum(label="dba", who=("group:dba",), count=1),),
        "pending_until": T0 + timedelta(hours=8),
        "escalation": LATE,
    }
    return Requested(**(fields | changes))


def step(request: Request, kind: type[Life], *, at: datetime = T0) -> Life:
    """A step of this kind, with what it needs."""
    rest: dict[type, dict[str, object]] = {
        Approval: {"approver": "U02BOB000", "digest": request.digest, "quorums": ("dba",), "groups_as_of": None},
        Denial: {"approver": "U02BOB000", "digest": request.digest, "reason": "not today"},
        Escalated: {"escalation": LATE},
        Narrowed: {
            "digest": request.digest,
            "duration": request.duration / 2,
            "asked_duration": request.duration,
            "asked_permissions": request.permissions,
        },
        Approved: {"digest": request.digest, "counted": (), "begin_by": at + timedelta(minutes=15)},
        Denied: {"approver": "U02BOB000", "digest": request.digest, "reason": "no"},
        Lapsed: {"because": "unanswered"},
        GrantIntent: {"ends_at": at + HALF_HOUR, "held_before": ()},
        Granted: {"ends_at": at + HALF_HOUR, "read_back": ("orders_read",)},
        GrantFailed: {"reason": "refused"},
        Revoked: {"reason": "enough"},
        RequesterLeft: {"because": "deactivated"},
        BreakGlassReviewed: {"reviewer": "U05SAM000", "verdict": "justified", "reason": "it burned"},
        BreakGlassEscalated: {"due": at},
        RevokeIntent: {"cause": EndCause.EXPIRED},
        RevokeFailed: {"reason": "unreachable", "attempts": 1},
        Ended: {"cause": EndCause.EXPIRED, "existed": True, "sessions": 1, "left_behind": ()},
        Exceeded: {"limit": "rows", "activity": UUID(int=7)},
        ActivitySummed: {"log": "log", "sessions": 0, "tallies": (), "coverage": "complete"},
    }
    return kind.about(request, at=at, actor="U02BOB000", source=Source.SLACK, **rest.get(kind, {}))


PATHS: dict[State, tuple[type[Life], ...]] = {
    State.PENDING: (),
    State.APPROVED: (Approval, Approved),
    State.GRANTING: (Approval, Approved, GrantIntent),
    State.ACTIVE: (Approval, Approved, GrantIntent, Granted),
    State.ENDING: (Approval, Approved, GrantIntent, Granted, RevokeIntent),
    State.ENDED: (Approval, Approved, GrantIntent, Granted, RevokeIntent, Ended),
    State.DENIED: (Denied,),
    State.WITHDRAWN: (Withdrawn,),
    State.LAPSED: (Lapsed,),
    State.FAILED: (Approval, Approved, GrantIntent, GrantFailed),
}

STEPS: dict[type[Life], dict[State, State]] = {
    Approval: {State.PENDING: State.PENDING},
    Denial: {State.PENDING: State.PENDING},
    Escalated: {State.PENDING: State.PENDING},
    Narrowed: {State.PENDING: State.PENDING},
    Approved: {State.PENDING: State.APPROVED},
    Denied: {State.PENDING: State.DENIED},
    Withdrawn: {State.PENDING: State.WITHDRAWN, State.APPROVED: State.WITHDRAWN},
    Lapsed: {State.PENDING: State.LAPSED, State.APPROVED: State.LAPSED},
    GrantIntent: {State.APPROVED: State.GRANTING},
    Granted: {State.GRANTING: State.ACTIVE},
    GrantFailed: {State.APPROVED: State.FAILED, State.GRANTING: State.FAILED},
    Released: {State.GRANTING: State.ENDING, State.ACTIVE: State.ENDING},
    Revoked: {State.APPROVED: State.ENDING, State.GRANTING: State.ENDING, State.ACTIVE: State.ENDING},
    RequesterLeft: {State.GRANTING: State.ENDING, State.ACTIVE: State.ENDING},
    Exceeded: {State.GRANTING: State.ENDING, State.ACTIVE: State.ENDING},
    BreakGlassReviewed: {state: state for state in (State.ACTIVE, State.ENDING, State.ENDED)},
    BreakGlassEscalated: {state: state for state in (State.ACTIVE, State.ENDING, State.ENDED)},
    RevokeIntent: {
        state: state
        if state in {State.ENDED, State.DENIED, State.WITHDRAWN, State.LAPSED, State.FAILED}
        else State.ENDING
        for state in State
    },
    RevokeFailed: {state: state for state in State},
    Ended: dict.fromkeys(State, State.ENDED),
    ActivitySummed: {State.ENDED: State.ENDED},
}


def in_state(state: State) -> Request:
    request = apply(None, asked())
    for kind in PATHS[state]:
        request = apply(request, step(request, kind))
    assert request.state is state
    return request


def test_what_may_follow_what():
    """Every kind of step in every state."""
    others = {MODELS[kind] for kind in life_kinds() if not issubclass(MODELS[kind], OfExtension)}
    assert STEPS.keys() == others - {Requested}
    for request in map(in_state, State):
        for kind, leads in STEPS.items():
            if request.state in leads:
                after = apply(request, step(request, kind))
                assert (after.state, after.version) == (leads[request.state], request.version + 1), (request, kind)
            else:
                assert raised(CannotFollow, apply, request, step(request, kind)), (request.state, kind)


def test_nothing_follows_what_was_never_asked():
    with pytest.raises(CannotFollow):
        apply(None, step(in_state(State.PENDING), Approved))


def test_a_request_is_asked_once():
    with pytest.raises(CannotFollow):
        replay([asked(), asked()])


@given(st.lists(st.sampled_from([*STEPS]), max_size=12))
def test_access_is_never_active_without_a_decision_and_an_intent(kinds: list[type[Life]]):
    request = apply(None, asked())
    for kind in kinds:
        try:
            request = apply(request, step(request, kind))
        except CannotFollow:
            continue
        if request.state in {State.GRANTING, State.ACTIVE}:
            assert request.approved_at is not None
            assert request.intent_at is not None
            assert request.ends_at == request.intent_at + HALF_HOUR


def test_the_digest_changes_with_everything_the_card_shows():
    changes: dict[str, object] = {
        "requester": "U04EVE000",
        "access": "orders-db/write",
        "target": "other-db",
        "permissions": ("orders_read", "orders_write"),
        "principal": "root",
        "duration": timedelta(hours=8),
        "why": "INC-42: db down ",
        "incident": "INC-43",
        "risk": "low",
        "needs": (Quorum(label="dba", who=("group:dba",), count=2),),
    }
    for name, value in changes.items():
        assert apply(None, asked()).digest != apply(None, asked(**{name: value})).digest, name


def test_the_digest_survives_another_approval():
    request = in_state(State.PENDING)
    assert apply(request, step(request, Approval)).digest == request.digest


def test_one_person_who_says_yes_twice_is_one_approver():
    request = in_state(State.PENDING)
    request = apply(request, step(request, Approval))
    request = apply(request, step(request, Approval))
    assert request.approvers == ("U02BOB000",)


def test_the_first_end_counts_and_a_later_one_adds_what_it_found():
    ended = in_state(State.ENDED)
    later = apply(ended, step(ended, Ended, at=T0 + timedelta(minutes=5)))
    assert later.over_at == ended.over_at
    assert later.sessions == 2
    assert later.end_cause is EndCause.EXPIRED


def test_duties_fall_due_and_not_a_moment_before():
    for state, after, action in (
        (State.PENDING, timedelta(hours=8), Action.LAPSE),
        (State.APPROVED, GRANT_NUDGE, Action.GRANT),
        (State.APPROVED, timedelta(minutes=15), Action.LAPSE),
        (State.GRANTING, GRANT_STUCK, Action.GRANT),
        (State.GRANTING, GRANT_GIVEN_UP, Action.ROLL_BACK),
        (State.ACTIVE, HALF_HOUR, Action.END),
        (State.ENDING, REVOKE_STUCK, Action.END),
    ):
        request = in_state(state)
        assert action_at(request, T0 + after) is action, state
        assert action_at(request, T0 + after - timedelta(microseconds=1)) is not action, state


def test_a_grant_that_is_not_finished_by_its_own_end_is_taken_back():
    short = replace(in_state(State.GRANTING), ends_at=T0 + timedelta(seconds=6))
    assert action_at(short, T0 + timedelta(seconds=6)) is Action.ROLL_BACK


def test_a_clock_set_back_keeps_nobody_from_taking_up_an_end_that_was_begun():
    assert action_at(in_state(State.ENDING), T0 - timedelta(hours=1)) is Action.END


def test_an_end_that_nobody_has_begun_is_due_at_once():
    request = in_state(State.ACTIVE)
    assert action_at(apply(request, step(request, Released)), T0) is Action.END


def test_what_is_over_has_no_action():
    assert {state for state in State if next_action(in_state(state)) is None} == {
        state for state in State if state.over
    }


def test_a_decision_counts_named_approvals():
    request = in_state(State.PENDING)
    yes = step(request, Approval)
    assert isinstance(yes, Approval)
    request = apply(request, yes)
    decided = step(request, Approved)
    assert isinstance(decided, Approved)
    counted = (Counted(approval=yes.id, approver=yes.approver, quorum="dba"),)
    assert apply(request, decided.model_copy(update={"counted": counted})).counted == counted
