"""No access without a decision, without an end scheduled, or off the record."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jit.facts import EndCause, Granted, GrantIntent, Lapsed, Released, Revoked, Source
from jit.ledger import ClockSkew
from jit.people.person import Person
from jit.ports import Held, TargetRefused, TargetUnreachable
from jit.requests.due import GRANT_STUCK
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, T0, WORKSPACE
from tests.world.hands import KEY, RULES, Hands
from workers.end_orders.queue import TIMEKEEPER_FIRST
from workers.end_orders.signed import verify
from workers.queue.job import Payload


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def test_an_approved_request_is_given_and_recorded(house: Hands) -> None:
    house.target.standing = {"orders_read": ("alice", "eve")}
    house.approved(minutes=30)
    house.granter.grant("R-TEST")
    assert house.target.gives["R-TEST"] == Held("R-TEST", "alice", ("orders_read",), T0 + timedelta(minutes=30))
    *_, intent, granted = [entry.fact for entry in house.ledger.history("R-TEST")]
    assert isinstance(intent, GrantIntent)
    assert intent.ends_at == T0 + timedelta(minutes=30)
    assert intent.held_before == ("orders_read",)
    assert isinstance(granted, Granted)
    assert granted.read_back == ("orders_read",)
    assert granted.how_to_connect == "come in as alice"
    assert house.request().how_to_connect == "come in as alice"


def test_what_was_narrowed_is_all_that_is_given(house: Hands) -> None:
    house.policy_file.write_text(RULES.replace("[orders_read]", "[orders_read, orders_all]"))
    house.clock.move(seconds=2)
    story = house.story("R-TEST")
    house.asked(minutes=120)
    story.approval()
    story.narrowed(duration=timedelta(minutes=20), permissions=("orders_read",))
    story.approval()
    story.approved()
    began = house.clock.now()
    house.granter.grant("R-TEST")
    ends_at = began + timedelta(minutes=20)
    assert house.target.gives["R-TEST"] == Held("R-TEST", "alice", ("orders_read",), ends_at)
    intent, granted = [entry.fact for entry in house.ledger.history("R-TEST")][-2:]
    assert isinstance(intent, GrantIntent)
    assert isinstance(granted, Granted)
    assert granted.read_back == granted.permissions == intent.permissions == ("orders_read",)
    order = verify(KEY, intent.end_order or "")
    assert (order.permissions, order.ends_at) == (("orders_read",), ends_at)
    house.clock.move(minutes=20)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED
    assert house.target.gives == {}


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        (lambda _: "", None),
        (lambda _: 1 / 0, None),
        (lambda _: None, None),
        (lambda who: f"\x00come in \ud800as {who}\nnow" + "!" * 500, ("come in as alice\nnow" + "!" * 500)[:500]),
    ],
    ids=["nothing", "a fault", "no text", "more than fits, and no text either"],
)
def test_whatever_a_target_says_of_how_to_connect_what_it_gave_is_recorded(
    house: Hands, monkeypatch: pytest.MonkeyPatch, said: Callable[[str], str], recorded: str | None
) -> None:
    monkeypatch.setattr(house.target, "how_to_connect", said)
    house.approved()
    house.granter.grant("R-TEST")
    assert house.request().state is State.ACTIVE
    assert house.request().how_to_connect == recorded


def test_the_end_is_scheduled_before_anything_is_given(house: Hands) -> None:
    scheduled: list[int] = []
    house.target.within_lock = lambda: scheduled.append(len(house.queue.ends))
    house.approved(minutes=30)
    house.granter.grant("R-TEST")
    assert scheduled == [1]
    when, text = house.queue.ends[0]
    order = verify(KEY, text)
    assert (order.request_id, order.ends_at) == ("R-TEST", T0 + timedelta(minutes=30))
    assert when == order.ends_at + TIMEKEEPER_FIRST


def test_no_end_scheduled_no_grant(house: Hands) -> None:
    house.approved()
    house.queue.gone = True
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    assert house.request().state is State.APPROVED


@pytest.mark.parametrize("kind", ["grant.intent"])
def test_no_record_no_grant(house: Hands, kind: str) -> None:
    house.approved()
    house.ledger.cut_before = frozenset({kind})
    house.granter.grant("R-TEST")
    assert house.target.gives == {}


def test_a_ledger_that_goes_while_the_lock_is_waited_for_stops_the_grant(house: Hands) -> None:
    house.approved()
    house.target.within_lock = lambda: setattr(house.ledger, "cut", True)
    house.granter.grant("R-TEST")
    assert house.target.gives == {}


@pytest.mark.parametrize("request_id", ["R-NONE", "R-TEST"])
def test_what_was_not_approved_is_not_given(house: Hands, request_id: str) -> None:
    house.asked("R-TEST")
    house.granter.grant(request_id)
    assert house.target.calls == []
    assert house.kinds("R-TEST") == ["requested"]


def lose_the_approver(house: Hands) -> None:
    house.keep(Person(id=BOB, team=WORKSPACE, name="Bob", deleted=True))


def lose_the_requester(house: Hands) -> None:
    house.keep(Person(id=ALICE, team=WORKSPACE, name="Alice", guest=True))


def change_what_is_given(house: Hands) -> None:
    house.policy_file.write_text(house.policy_file.read_text().replace("orders_read", "orders_admin"))
    house.clock.move(seconds=2)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lose_the_approver, "no_longer_approved"),
        (lose_the_requester, "left_rules"),
        (change_what_is_given, "rules_changed"),
    ],
)
def test_a_decision_that_holds_no_longer_is_dropped(
    house: Hands, change: Callable[[Hands], None], because: str
) -> None:
    house.approved()
    change(house)
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    last = house.ledger.history("R-TEST")[-1].fact
    assert isinstance(last, Lapsed)
    assert last.because == because


def test_an_approval_not_begun_in_time_lapses(house: Hands) -> None:
    house.approved()
    house.clock.move(minutes=15)
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    last = house.ledger.history("R-TEST")[-1].fact
    assert isinstance(last, Lapsed)
    assert last.because == "not_begun"


def test_what_cannot_be_judged_now_waits(house: Hands) -> None:
    house.approved()
    house.policy_file.write_text("access: [")
    house.policies.last_good = None
    house.clock.move(seconds=2)
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    assert house.request().state is State.APPROVED


def test_clocks_that_disagree_grant_nothing(house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def disagree() -> None:
        raise ClockSkew("3 s ahead")

    monkeypatch.setattr(house.ledger, "require_clocks_agree", disagree)
    house.approved()
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    assert house.request().state is State.APPROVED


def test_a_revocation_while_the_lock_is_waited_for_stops_the_grant(house: Hands) -> None:
    house.approved()

    def revoke() -> None:
        request = house.request()
        house.ledger.append([Revoked.about(request, at=T0, actor="cli:x@y", source=Source.CLI, reason="stop")])

    house.target.within_lock = revoke
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    assert house.request().state is State.ENDING


def test_a_worker_stalled_past_the_end_gives_nothing(house: Hands) -> None:
    house.approved(minutes=30)
    house.target.within_lock = lambda: house.clock.move(minutes=30)
    house.granter.grant("R-TEST")
    assert house.target.gives == {}


def test_a_grant_already_begun_is_left_to_who_began_it(house: Hands) -> None:
    house.approved()
    house.target.after_effect = lambda: house.granter.grant("R-TEST")
    house.granter.grant("R-TEST")
    assert house.kinds().count("grant.intent") == 1
    assert house.kinds().count("granted") == 1


def test_a_refusal_by_the_target_is_recorded_with_its_reason(house: Hands) -> None:
    house.approved()
    house.target.grant_trouble = TargetRefused("role orders_read is missing")
    house.granter.grant("R-TEST")
    assert house.request().state is State.FAILED
    assert house.request().closed_because == "role orders_read is missing"
    assert [alert.name for alert in house.alerts()] == ["grant_failed"]


def give_instead(house: Hands, permissions: list[str]) -> None:
    house.rules(("[orders_read]", json.dumps(permissions, ensure_ascii=False)), text=RULES)


def test_as_many_permissions_as_fit_on_a_card_leave_an_order_that_a_worker_takes(house: Hands) -> None:
    give_instead(house, [f"{number:0200}" for number in range(100)])
    house.active(minutes=30)
    house.clock.move(minutes=30)
    (_, text) = house.queue.ends[0]
    assert house.jobs.perform(Payload("end", text)) is None
    assert house.request().end_cause is EndCause.EXPIRED


def test_what_no_order_could_end_is_not_given(house: Hands) -> None:
    give_instead(house, [f"{number:04}".rjust(200, "\U00010400") for number in range(100)])
    house.active(minutes=30)
    assert house.target.gives == {}
    assert house.request().state is State.FAILED
    (alert,) = house.alerts()
    assert "too many for one order to end it; split the access into several" in alert.says


def test_an_unreachable_target_leaves_the_outcome_open(house: Hands) -> None:
    house.approved()
    house.target.grant_trouble = TargetUnreachable("no route")
    house.granter.grant("R-TEST")
    assert house.request().state is State.GRANTING


def test_a_target_that_gives_something_else_is_taken_back(house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    house.approved()
    give = house.target.grant
    monkeypatch.setattr(
        house.target, "grant", lambda grant, due: replace(give(grant, due), permissions=("everything",))
    )
    house.granter.grant("R-TEST")
    assert house.target.gives == {}
    assert house.request().state is State.ENDED
    assert "granted" not in house.kinds()


class TestAnUnfinishedGrant:
    """A worker died after the intent, before or after the effect; another takes it up."""

    def leave(self, house: Hands, *, after_effect: bool) -> None:
        def die() -> None:
            raise KeyboardInterrupt

        house.approved(minutes=30)
        if after_effect:
            house.target.after_effect = die
        else:
            house.target.within_lock = die
        with pytest.raises(KeyboardInterrupt):
            house.granter.grant("R-TEST")
        house.target.after_effect = house.target.within_lock = lambda: None

    @pytest.mark.parametrize("after_effect", [False, True])
    def test_is_finished_with_its_first_end(self, house: Hands, *, after_effect: bool) -> None:
        self.leave(house, after_effect=after_effect)
        house.queue.end_orders.clear()
        house.clock.time += GRANT_STUCK
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE
        assert house.request().ends_at == T0 + timedelta(minutes=30)
        assert [when for when, _ in house.queue.ends] == [T0 + timedelta(minutes=30) + TIMEKEEPER_FIRST]

    @pytest.mark.parametrize("after_effect", [False, True])
    def test_is_taken_back_if_it_is_no_longer_approved(self, house: Hands, *, after_effect: bool) -> None:
        self.leave(house, after_effect=after_effect)
        house.clock.time += GRANT_STUCK
        lose_the_approver(house)
        house.granter.grant("R-TEST")
        assert house.target.gives == {}
        assert house.request().state is (State.ENDED if after_effect else State.FAILED)

    def test_released_meanwhile_is_not_given(self, house: Hands) -> None:
        self.leave(house, after_effect=False)
        house.ledger.append([Released.about(house.request(), at=T0, actor=ALICE, source=Source.SLACK)])
        house.clock.time += GRANT_STUCK
        house.granter.grant("R-TEST")
        assert house.target.gives == {}


def test_the_record_holds_the_order_and_closes_it_with_the_requesters_key(house: Hands) -> None:
    house.active()
    (_, text) = house.queue.ends[0]
    (intent,) = [entry for entry in house.ledger.history("R-TEST") if isinstance(entry.fact, GrantIntent)]
    assert intent.fact.end_order == text  # type: ignore[union-attr]
    assert verify(KEY, text).fact == intent.fact.id
    assert text.encode() not in intent.body


def test_the_queue_holds_no_text_of_people(house: Hands) -> None:
    house.active()
    (_, text) = house.queue.ends[0]
    assert "free text" not in verify(KEY, text).model_dump_json()


def test_an_approver_whose_email_changed_since_the_press_lets_nothing_be_given(tmp_path):
    house = Hands(tmp_path)
    bob = Person(id=BOB, team=WORKSPACE, name="Bob", email="bob@example.com").seen_after(None)
    house.keep(bob)
    house.approved()
    house.keep(replace(bob, email="mallory@example.com"))
    house.granter.grant("R-TEST")
    assert house.kinds()[-1] == "lapsed"
    assert house.target.list_grants() == []
