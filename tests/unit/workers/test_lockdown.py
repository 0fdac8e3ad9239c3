"""A lockdown ends what is there and lets nothing new be given."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from jit.facts import LockdownBegun, LockdownLifted, LockdownLiftProposed, RevokeIntent, Source, write_fact
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.database import writing
from jit.ledger.lockdown_orders import LockdownOrders
from jit.requests.scope import What
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.lockdown import ordered
from tests.world.hands import TEST, Hands
from tests.world.office import TERMINAL
from tests.world.tamper import past_the_guards
from workers.provision.locked_ends import LEFT_TO_THE_TIMEKEEPER, LockedEnds


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def lock(house: Hands, scope: str = "everything", **what: str) -> None:
    fact = LockdownBegun(
        at=house.clock.now(),
        actor=CAROL,
        source=Source.SLACK,
        lockdown_id="L-TEST",
        scope=scope,
        reason="stop it",
        **what,
    )
    house.ledger.append_lockdown(fact, house.ledger.lockdowns())


def lift(house: Hands, fact: LockdownBegun) -> None:
    same = {"at": house.clock.now(), "source": Source.SLACK, "lockdown_id": fact.lockdown_id, "scope": fact.scope}
    first = LockdownLiftProposed(**same, actor=CAROL, reason="it is over")
    both = LockdownLifted(**same, actor=BOB, proposal=first.id, proposed_by=CAROL, reason="it is")
    house.ledger.append([first, both])


def test_what_is_active_ends_and_names_the_lockdown(house: Hands) -> None:
    house.active()
    lock(house)
    house.timekeeper.sweep()
    ended = house.request()
    assert (ended.state, ended.end_cause, ended.lockdown) == ("ended", "lockdown", "L-TEST")
    assert house.target.list_grants() == []


EVERY_SCOPE = [
    ("everything", {}),
    ("person", {"requester": ALICE}),
    ("access", {"access": "orders-db/read"}),
    ("target", {"target": "orders-db"}),
]


@pytest.mark.parametrize(("scope", "what"), EVERY_SCOPE, ids=[scope for scope, _ in EVERY_SCOPE])
def test_each_scope_ends_what_it_names_in_any_state_and_nothing_else(house: Hands, scope: str, what: Any) -> None:
    house.active("R-ACTIVE")
    house.active("R-OTHER", access="ledger-db/read")
    house.story("R-WAITS", requester=EVE).asked()
    lock(house, scope, **what)
    house.timekeeper.sweep()
    assert house.request("R-ACTIVE").state == "ended"
    assert house.request("R-OTHER").state == ("ended" if scope in {"everything", "person"} else "active")
    waiting = house.request("R-WAITS")
    if scope != "person":
        assert (waiting.state, waiting.closed_because, waiting.lockdown) == ("lapsed", "lockdown", "L-TEST")
    else:
        assert waiting.state == "pending"


def test_what_is_approved_is_not_given_and_lapses(house: Hands) -> None:
    house.approved()
    lock(house)
    house.granter.grant(TEST)
    assert house.kinds()[-1] == "approved"
    house.timekeeper.sweep()
    assert (house.kinds()[-1], house.request().lockdown) == ("lapsed", "L-TEST")
    assert house.target.list_grants() == []


def test_what_was_approved_to_begin_later_lapses_and_does_not_begin_at_its_time(house: Hands) -> None:
    start = house.clock.now() + timedelta(hours=1)
    house.approved(start_at=start)
    lock(house)
    house.timekeeper.sweep()
    lapsed = house.request()
    assert (lapsed.state, lapsed.closed_because, lapsed.lockdown) == ("lapsed", "lockdown", "L-TEST")
    house.clock.move(seconds=3600)
    house.granter.grant(TEST)
    assert house.target.list_grants() == []


def test_what_begins_at_its_time_is_not_given_though_no_timekeeper_has_seen_the_lockdown(house: Hands) -> None:
    start = house.clock.now() + timedelta(hours=1)
    house.approved(start_at=start)
    house.clock.move(seconds=3600)
    lock(house)
    house.granter.grant(TEST)
    assert house.kinds()[-1] == "approved"


def test_an_extension_on_its_way_goes_with_its_access(house: Hands) -> None:
    house.active()
    story = house.story(TEST)
    story.extension_asked()
    story.extension_approved()
    lock(house)
    house.granter.grant(TEST)
    assert house.kinds()[-1] == "extension.approved"
    house.timekeeper.sweep()
    ended = house.request()
    assert (ended.state, ended.end_cause, ended.lockdown, ended.extension) == ("ended", "lockdown", "L-TEST", None)


def test_a_grant_in_flight_is_not_given(house: Hands) -> None:
    """The lockdown comes after the intent, before the target asks in its lock whether it is still due."""
    house.approved()
    house.target.within_lock = lambda: lock(house)
    house.granter.grant(TEST)
    assert house.kinds()[-1] == "grant.intent"
    assert house.target.list_grants() == []
    house.target.within_lock = lambda: None
    house.timekeeper.sweep()
    ended = house.request()
    assert (ended.state, ended.end_cause, ended.lockdown) == ("ended", "lockdown", "L-TEST")


def test_it_holds_for_whoever_starts_in_the_middle(house: Hands) -> None:
    """Nothing of it is kept in a process: one that starts reads it, and goes on."""
    house.active()
    lock(house)
    later = house.make_timekeeper(holder="another")
    house.clock.move(seconds=10)
    later.sweep()
    assert house.request().state == "ended"
    house.approved("R-LATER")
    house.granter.grant("R-LATER")
    assert house.kinds("R-LATER")[-1] == "approved"


def test_what_changed_meanwhile_ends_by_the_lockdown_as_well(house: Hands) -> None:
    """Somebody else recorded a step between the look and the end: it is looked at again, and names the lockdown."""
    seen = house.active()
    house.story(TEST).extension_asked()
    house.revoker.end([replace(seen, lockdown="L-TEST")])
    [intent] = house.facts("revoke.intent")
    assert isinstance(intent, RevokeIntent)
    assert (intent.cause, intent.lockdown) == ("lockdown", "L-TEST")


def test_one_that_was_changed_in_the_database_stops_everything_new(house: Hands) -> None:
    house.approved()
    lock(house, "target", target="ledger-db")
    narrower = "replace(CAST(body AS TEXT), 'ledger-db', 'ledger-dc')"
    with writing(house.engine) as connection, past_the_guards(connection):
        connection.execute(text(f"UPDATE entries SET body = {narrower} WHERE kind = 'lockdown.begun'"))
    house.lockdowns.ledger = Ledger(house.engine, house.clock)  # of a process that has not read it before
    with pytest.raises(TamperedEntry):
        house.lockdowns.now()
    house.granter.grant(TEST)
    assert house.kinds()[-1] == "approved"


def test_one_that_was_changed_keeps_nothing_from_ending_and_frees_nothing(house: Hands) -> None:
    """Another lockdown ends what it stops, what is due ends on the record, and what nobody approved in time lapses."""
    house.active("R-LOCKED")
    house.active("R-EXPIRED", access="ledger-db/read", minutes=1)
    lock(house, "target", target="orders-db")
    lock(house, "access", access="nothing/here")
    elsewhere = "replace(CAST(body AS TEXT), 'nothing/here', 'nothing/hera')"
    with writing(house.engine) as connection, past_the_guards(connection):
        connection.execute(text(f"UPDATE entries SET body = {elsewhere} WHERE kind = 'lockdown.begun'"))
    house.clock.move(seconds=61)
    house.lockdowns.ledger = Ledger(house.engine, house.clock)
    with capture_logs() as told:
        house.timekeeper.sweep()
        house.timekeeper.sweep()
    assert [house.request(each).end_cause for each in ("R-LOCKED", "R-EXPIRED")] == ["lockdown", "expired"]
    assert not any(fact.spooled for fact in house.facts("ended"))
    assert [line["event"] for line in told].count("lockdown.changed") == 1


def test_without_a_timekeeper_a_worker_ends_it_after_a_while(house: Hands) -> None:
    house.active("R-HERS")
    house.active("R-OTHER", access="ledger-db/read")
    ends = LockedEnds(ledger=house.ledger, lockdowns=house.lockdowns, revoker=house.revoker, clock=house.clock)
    lock(house, "person", requester=ALICE, target=None)
    ends.look()
    assert house.request("R-HERS").state == "active"
    house.clock.move(seconds=LEFT_TO_THE_TIMEKEEPER.total_seconds())
    ends.look()
    for request_id in ("R-HERS", "R-OTHER"):
        ended = house.request(request_id)
        assert (ended.state, ended.end_cause, ended.lockdown) == ("ended", "lockdown", "L-TEST")


class TestWithoutTheLedger:
    """The order lies on the host's own disk."""

    def order(self, house: Hands, **what: Any) -> LockdownBegun:
        scope = what.pop("scope", "everything")
        fact = ordered(None, by=TERMINAL, at=house.clock.now(), what=What(scope, **what), reason="stop it")
        house.lockdowns.orders.write(fact)
        return fact

    def test_what_is_remembered_ends_and_is_recorded_later(self, house: Hands) -> None:
        house.active()
        house.timekeeper.sweep()
        house.ledger.cut = True
        fact = self.order(house)
        house.timekeeper.sweep()
        assert house.target.list_grants() == []
        house.ledger.cut = False
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        ended = house.request()
        assert (ended.state, ended.end_cause, ended.lockdown) == ("ended", "lockdown", fact.lockdown_id)
        assert [each.id for each in house.facts("lockdown.begun")] == [fact.id]
        assert [each.id for each in house.ledger.lockdowns()] == [fact.lockdown_id]
        assert house.lockdowns.orders.read() == ()

    def test_after_a_start_what_the_target_holds_ends(self, house: Hands) -> None:
        house.active()
        house.ledger.cut = True
        self.order(house, scope="target", name="orders-db")
        house.make_timekeeper(holder="another").sweep()
        assert house.target.list_grants() == []

    def test_nothing_is_given_before_it_is_recorded(self, house: Hands) -> None:
        house.approved()
        self.order(house)
        house.granter.grant(TEST)
        assert house.kinds()[-1] == "approved"

    def test_an_order_that_is_put_back_after_it_was_lifted_is_none_any_more(self, house: Hands) -> None:
        fact = self.order(house)
        house.timekeeper.sweep()
        lift(house, fact)
        house.lockdowns.orders.write(fact)
        house.timekeeper.sweep()
        assert house.ledger.lockdowns() == ()
        assert house.lockdowns.orders.read() == ()
        house.active()
        assert house.request().state == "active"

    def test_only_what_jit_lockdown_writes_is_an_order(self, house: Hands) -> None:
        """Another name of the file would keep it there after it was recorded, and so in force after it was lifted; of
        Slack's people nobody types at a terminal.
        """
        fact, orders = self.order(house, scope="target", name="orders-db"), house.lockdowns.orders
        (orders.folder / "copy.json").write_bytes(write_fact(fact))
        for forged in (
            {"actor": CAROL, "source": Source.SLACK},
            {"actor": CAROL},
            {"actor": "cli:root@\x1b[2J"},
            {"lockdown_id": "L-1 C0OTHER01"},
            {"lockdown_id": "../../x"},
            {"target": None},
            {"target": "orders-db\x1b[2J"},
            {"access": "orders-db/read"},
            {"scope": "everything"},
        ):
            odd = fact.model_copy(update={"id": uuid4()} | forged)
            (orders.folder / f"{odd.id}.json").write_bytes(write_fact(odd))
        assert [each.id for each in orders.read()] == [fact.id]
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        assert [each.id for each in house.facts("lockdown.begun")] == [fact.id]

    def test_an_order_that_the_ledger_chokes_on_is_obeyed_and_holds_up_nothing(self, house: Hands) -> None:
        """Nor does a folder that nobody can read."""
        house.active()
        self.order(house)
        append = house.ledger.append

        def chokes(facts: Any, **how: Any) -> Any:
            if any(isinstance(fact, LockdownBegun) for fact in facts):
                raise ValueError("no such year")
            return append(facts, **how)

        house.ledger.append = chokes  # type: ignore[method-assign]
        house.timekeeper.sweep()
        assert house.request().state == "ended"
        folder = house.lockdowns.orders.folder
        folder.rename(folder.with_name("aside"))
        folder.write_text("no folder")
        assert house.lockdowns.orders.read() == ()
        house.timekeeper.sweep()

    def test_what_others_could_have_written_and_what_lifts_is_not_obeyed(self, house: Hands) -> None:
        fact, orders = self.order(house), house.lockdowns.orders
        lifts = LockdownLifted(
            at=fact.at,
            actor=BOB,
            source=Source.SLACK,
            lockdown_id=fact.lockdown_id,
            scope="everything",
            proposal=uuid4(),
            proposed_by=CAROL,
            reason="no",
        )
        (orders.folder / "lift.json").write_bytes(write_fact(lifts))
        (orders.folder / "junk.json").write_bytes(b"{")
        (orders.folder / "far.json").symlink_to(house.policy_file)
        assert [each.id for each in orders.read()] == [fact.id]
        [place] = orders.folder.glob(f"{fact.id}*")
        place.chmod(0o666)
        assert LockdownOrders(house.folder).read() == ()
        place.chmod(0o600)
        orders.folder.chmod(0o777)
        assert LockdownOrders(house.folder).read() == ()
