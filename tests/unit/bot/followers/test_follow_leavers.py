"""Who is deactivated or leaves the rules loses what they hold; what is not known ends nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.followers.follower import Tools
from bot.followers.leavers import ASKED_EVERY, LOOK_EVERY, SILENT_FOR, UNKNOWN_FOR, Leavers
from jit.facts import BEGIN_WITHIN, Alert, Lapsed, RequesterLeft, Source
from jit.ledger import Notes, StoredDirectory
from jit.runtime.settings import process_name
from jit.testing import ALICE, BOB, EVE
from tests.world.base import ENGINEERS, RULES, World
from tests.world.tamper import past_the_guards

ONLY_ENGINEERS = ('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: ["slack:S0ENGIN01"]')
ALICE_OUT = ('request: [U01ALICE0, "slack:S0ENGIN01"]', "request: [U04EVE000]")
MINUTE = 60.0


class House(World):
    def __init__(self, folder):
        super().__init__(folder)
        self.stored = StoredDirectory(self.engine)
        self.restart()

    def restart(self):
        notes = Notes(self.engine, Leavers.name)
        tools = Tools(ledger=self.ledger, notes=notes, policies=self.policies, clock=self.clock)
        self.leavers = Leavers(tools, self.directory, self.queue)
        self.leavers.begin()

    def passes(self, seconds=MINUTE):
        """Time in which the bot runs and looks."""
        until = self.clock.time + timedelta(seconds=seconds)
        while self.clock.time < until:
            self.leavers.step()
            self.clock.move(seconds=LOOK_EVERY)
        self.leavers.step()

    def active(self, request_id="R-7F3K", **fields):
        """By the rules as they are, so that nothing but the leaving speaks against it."""
        return self.story(request_id, **fields).active()

    def pending(self, request_id="R-7F3K", **fields):
        story = self.story(request_id, **fields)
        story.asked()
        return story

    def left(self):
        return [fact for fact in self.facts() if isinstance(fact, RequesterLeft)]

    def lapsed(self):
        return [fact.because for fact in self.facts() if isinstance(fact, Lapsed)]


def team(house, many, *more):
    """So many who hold an access by the group of engineers alone; each is looked at once."""
    people = [f"U0TEAM{number:03}" for number in range(many)]
    names = "".join(f"\n  {person}: {{fake: {person}}}" for person in people)
    house.rules(ONLY_ENGINEERS, ("U01ALICE0: {fake: alice}", "U01ALICE0: {fake: alice}" + names), *more)
    house.directory.members = {ENGINEERS: frozenset(people)}
    for number, person in enumerate(people):
        house.directory.people[person] = replace(house.directory.people[ALICE], id=person)
        house.active(f"R-TEA{number}", requester=person, principal=person)
    house.passes(LOOK_EVERY)
    return frozenset(people)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


class TestDeactivatedWhileActive:
    def test_ends_within_a_minute_and_stands_on_the_record_as_what_it_is(self, house):
        house.active()
        house.directory.change(ALICE, deleted=True)
        house.passes(MINUTE)
        (left,) = house.left()
        assert (left.because, left.actor, left.source) == ("deactivated", process_name("bot"), Source.BOT)
        assert house.request("R-7F3K").state == "ending"
        assert house.request("R-7F3K").end_cause == "deactivated"
        assert house.queue.revokes == ["R-7F3K"]

    def test_ends_at_the_next_look_once_any_bot_has_heard_of_it(self, house):
        house.active()
        house.passes(0)
        house.directory.change(ALICE, deleted=True)
        house.stored.keep_person(house.directory.look_up(ALICE), house.clock.now())
        house.clock.move(seconds=LOOK_EVERY)
        house.leavers.step()
        assert len(house.left()) == 1

    def test_ends_also_where_the_rules_only_tell_of_who_leaves_them(self, house):
        house.rules(("max_duration: 8h", "max_duration: 8h\n    on_leave: alert"))
        house.active()
        house.directory.change(ALICE, deleted=True)
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["deactivated"]

    def test_ends_while_the_rules_cannot_be_read(self, house):
        house.active()
        house.rules(("access:", "acess:"))
        house.directory.change(ALICE, deleted=True)
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["deactivated"]

    def test_ends_when_a_bot_that_was_down_comes_back(self, house):
        house.active()
        house.directory.change(ALICE, deleted=True)
        house.clock.move(minutes=20)
        house.restart()
        house.passes(MINUTE)
        assert len(house.left()) == 1

    def test_what_was_kept_of_them_does_not_count_until_slack_says_it_again(self, house):
        house.active()
        house.directory.change(ALICE, deleted=True)
        house.stored.keep_person(house.directory.look_up(ALICE), house.clock.now())
        house.directory.gone = True
        house.passes(MINUTE)
        assert house.left() == []
        house.directory.gone = False
        house.passes(LOOK_EVERY)
        assert len(house.left()) == 1

    def test_who_was_and_is_back_keeps_what_they_got_since(self, house):
        story = house.active()
        house.directory.change(ALICE, deleted=True)
        house.passes(0)
        house.directory.change(ALICE, deleted=False)
        story.ended()
        house.active("R-8888")
        house.passes(MINUTE)
        assert [fact.request_id for fact in house.left()] == ["R-7F3K"]

    def test_many_with_access_are_each_asked_for_within_a_minute(self, house):
        people = [f"U{number:08}" for number in range(50)]
        for number, person in enumerate(people):
            house.active(f"R-{number:04}", requester=person, principal=person)
            house.directory.people[person] = house.directory.people[ALICE]
        house.passes(MINUTE)
        for person in people:
            house.directory.change(person, deleted=True)
        house.passes(MINUTE)
        assert len(house.left()) == 50


class TestLeavingTheRules:
    def test_by_a_changed_file_ends_it(self, house):
        house.active()
        house.rules(ALICE_OUT)
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["left_rules"]
        assert house.request("R-7F3K").end_cause == "left_rules"

    def test_by_a_changed_slack_group_ends_it(self, house):
        house.rules(ONLY_ENGINEERS)
        house.active()
        house.directory.members[ENGINEERS] = frozenset({EVE})
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["left_rules"]

    def test_by_being_denied_ends_it(self, house):
        house.active()
        house.rules(("    request: [U01ALICE0, ", "    deny: [U01ALICE0]\n    request: [U01ALICE0, "))
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["left_rules"]

    def test_by_becoming_a_guest_ends_it(self, house):
        house.active()
        house.directory.change(ALICE, guest=True)
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["left_rules"]

    def test_for_as_long_as_it_takes_to_put_files_in_ends_nothing(self, house):
        house.active()
        house.passes(0)
        house.rules(ALICE_OUT)
        house.leavers.step()
        house.rules()
        house.passes(MINUTE)
        assert house.left() == []

    def test_makes_one_alert_where_the_rules_say_so(self, house):
        house.rules(("max_duration: 8h", "max_duration: 8h\n    on_leave: alert"))
        house.active()
        house.rules(ALICE_OUT, ("max_duration: 8h", "max_duration: 8h\n    on_leave: alert"))
        house.passes(MINUTE)
        house.restart()
        house.passes(MINUTE)
        (alert,) = house.alerts()
        assert (alert.name, alert.request_id) == ("requester_left", "R-7F3K")
        assert "revoke it" in alert.says
        assert house.left() == []
        assert house.request("R-7F3K").state == "active"

    def test_other_changes_of_the_rules_end_nothing_that_was_given(self, house):
        house.active()
        house.rules(("max_duration: 8h", "max_duration: 1m"), ("grants: [orders_read]", "grants: [orders_other]"))
        house.passes(MINUTE)
        assert house.left() == []
        assert house.alerts() == []

    def test_an_access_that_is_gone_is_told_of_and_goes_on(self, house):
        house.active()
        house.rules(("  orders-db/read:", "  orders-db/look:"))
        house.passes(MINUTE)
        (alert,) = house.alerts()
        assert "No policy file has this access" in alert.says
        assert house.left() == []

    def test_by_losing_the_login_in_the_rules_is_told_of_and_goes_on(self, house):
        """Nobody can ask without one; but a file that lacks everybody's must not end everybody's access."""
        house.active()
        house.rules(("U01ALICE0: {fake: alice}", "U03CAROL0: {fake: carol}"))
        house.passes(MINUTE)
        (alert,) = house.alerts()
        assert "name no login of its holder" in alert.says
        assert house.left() == []

    def test_is_told_also_after_something_else_was_told_of_it(self, house):
        told = ("max_duration: 8h", "max_duration: 8h\n    on_leave: alert")
        house.active()
        house.rules(("  orders-db/read:", "  orders-db/look:"))
        house.passes(MINUTE)
        house.rules(ALICE_OUT, told)
        house.passes(MINUTE)
        assert [alert.says.partition(",")[0] for alert in house.alerts()][1:] == [
            "Its holder may not ask for it any more"
        ]


class TestWhatIsNotKnown:
    """Ends nothing."""

    def test_who_cannot_be_looked_up(self, house):
        house.active()
        house.directory.gone = True
        house.passes(5 * MINUTE)
        assert house.left() == []
        assert house.request("R-7F3K").state == "active"

    def test_groups_that_are_stale(self, house):
        house.rules(ONLY_ENGINEERS)
        house.active()
        house.directory.members[ENGINEERS] = frozenset({EVE})
        house.directory.groups_age = timedelta(seconds=31)
        house.passes(5 * MINUTE)
        assert house.left() == []
        assert house.request("R-7F3K").state == "active"

    @pytest.mark.parametrize("silent", ["accounts", "groups"])
    def test_is_told_once_where_it_lasts_and_again_when_it_comes_back(self, house, silent):
        house.rules(ONLY_ENGINEERS)
        house.active()

        def is_silent(so):
            house.directory.gone = so and silent == "accounts"
            house.directory.groups_age = timedelta(seconds=31 if so and silent == "groups" else 0)

        for told in (1, 2):
            is_silent(True)
            house.passes(SILENT_FOR / 2)
            assert len(house.alerts()) == told - 1
            house.passes(SILENT_FOR)
            house.restart()
            house.passes(5 * MINUTE)
            assert len(house.alerts()) == told
            is_silent(False)
            house.passes(MINUTE)
        assert "Slack has not told" in house.alerts()[0].says
        assert "R-7F3K" in house.alerts()[0].says

    def test_is_told_of_for_many_at_once(self, house):
        """They are asked for one after the other, and an outage must not be an alert for each."""
        people = [f"U{number:08}" for number in range(40)]
        for number, person in enumerate(people):
            house.active(f"R-{number:04}", requester=person, principal=person)
            house.directory.people[person] = house.directory.people[ALICE]
        house.directory.members[ENGINEERS] = frozenset(people)
        house.directory.gone = True
        house.passes(3 * SILENT_FOR)
        told = [alert.says for alert in house.alerts() if "Slack has not told" in alert.says]
        assert 1 <= len(told) <= 3

    def test_everybody_who_may_be_let_only_by_an_empty_group_is_named(self, house):
        """One group that is never filled must not hide who leaves another one later."""
        house.rules(('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: ["slack:S0ENGIN01", "slack:S0NOBODY1"]'))
        house.active("R-0001")
        house.active("R-0002", requester=EVE, principal="eve")
        house.directory.members[ENGINEERS] = frozenset({EVE, BOB})
        house.passes(MINUTE)
        house.directory.members[ENGINEERS] = frozenset({BOB})
        house.restart()
        house.passes(MINUTE)
        told = [alert.says for alert in house.alerts() if "empty or gone" in alert.says]
        assert [("R-0001" in says, "R-0002" in says) for says in told] == [(True, False), (False, True)]

    def test_one_snapshot_alone(self, house):
        house.rules(ONLY_ENGINEERS)
        house.active()
        house.directory.members[ENGINEERS] = frozenset({EVE})
        for _ in range(10):
            house.leavers.step()
            house.clock.move(seconds=LOOK_EVERY)
            house.directory.groups_age += timedelta(seconds=LOOK_EVERY)
        assert house.kinds()[-1] == "granted"

    def test_rules_that_cannot_be_read(self, house):
        house.active()
        house.rules(("access:", "acess:"))
        house.passes(MINUTE)
        assert house.kinds()[-1] == "granted"

    @pytest.mark.parametrize("groups", [{}, {ENGINEERS: frozenset()}])
    def test_a_group_that_is_empty_or_gone_all_of_a_sudden(self, house, groups):
        house.rules(ONLY_ENGINEERS)
        for number in range(3):
            house.active(f"R-000{number}", requester=(ALICE, EVE, BOB)[number], principal="x")
        house.directory.members = groups
        house.passes(MINUTE)
        house.restart()
        house.passes(MINUTE)
        (alert,) = house.alerts()
        assert alert.name == "requester_left"
        assert "S0ENGIN01 is empty or gone" in alert.says
        assert "R-0000, R-0001, R-0002" in alert.says
        assert house.left() == []

    def test_a_group_that_comes_back_ends_what_those_hold_who_are_not_in_it(self, house):
        house.rules(ONLY_ENGINEERS)
        house.active()
        house.directory.members = {}
        house.passes(MINUTE)
        house.directory.members = {ENGINEERS: frozenset({EVE})}
        house.passes(MINUTE)
        assert [fact.because for fact in house.left()] == ["left_rules"]

    def test_a_group_that_is_cut_to_one_wrong_person_is_told_of_and_ends_nothing(self, house):
        team(house, 4)
        house.directory.members = {ENGINEERS: frozenset({EVE})}
        house.passes(MINUTE)
        house.restart()
        house.passes(MINUTE)
        assert house.left() == []
        (alert,) = house.alerts()
        assert "The Slack group S0ENGIN01 was changed so that most of those who hold access by it" in alert.says
        assert all(f"R-TEA{number}" in alert.says for number in range(4))

    def test_a_group_that_denies_and_is_filled_with_all_is_told_of_and_ends_nothing(self, house):
        denied = ('    request: ["slack:S0ENGIN01"]', '    deny: ["slack:S0BARRED1"]\n    request: ["slack:S0ENGIN01"]')
        people = team(house, 3, denied)
        house.directory.members = {ENGINEERS: people, "S0BARRED1": people}
        house.passes(MINUTE)
        assert house.left() == []
        assert "The Slack group S0BARRED1 was changed" in house.alerts()[0].says

    def test_those_who_lost_a_cut_group_keep_what_they_hold_also_when_they_get_fewer(self, house):
        team(house, 4)
        house.directory.members = {ENGINEERS: frozenset({EVE})}
        house.passes(MINUTE)
        for number in range(3):
            house.story(f"R-TEA{number}", requester=f"U0TEAM{number:03}", principal=f"U0TEAM{number:03}").released()
        house.passes(MINUTE)
        assert house.left() == []

    def test_a_cut_group_that_is_mended_ends_what_the_one_holds_who_is_still_out(self, house):
        people = team(house, 4)
        house.directory.members = {ENGINEERS: frozenset({EVE})}
        house.passes(MINUTE)
        house.directory.members = {ENGINEERS: people}
        house.passes(MINUTE)
        house.directory.members = {ENGINEERS: people - {"U0TEAM002"}}
        house.passes(MINUTE)
        assert [fact.request_id for fact in house.left()] == ["R-TEA2"]

    @pytest.mark.parametrize("many", [2, 5])
    def test_few_who_leave_a_group_lose_what_they_hold(self, house, many):
        """Two of two; and two of five."""
        people = team(house, many)
        house.directory.members = {ENGINEERS: (people - {"U0TEAM000", "U0TEAM001"}) | {EVE}}
        house.passes(MINUTE)
        assert sorted(fact.request_id for fact in house.left()) == ["R-TEA0", "R-TEA1"]

    def test_all_whom_an_edit_of_the_rules_takes_out_lose_what_they_hold(self, house):
        team(house, 4)
        house.rules(('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: ["slack:S0OTHERS1"]'))
        house.directory.members |= {"S0OTHERS1": frozenset({EVE})}
        house.passes(MINUTE)
        assert len(house.left()) == 4

    def test_nobody_of_this_id_makes_one_alert(self, house):
        house.active()
        del house.directory.people[ALICE]
        house.passes(UNKNOWN_FOR + 2 * ASKED_EVERY)
        house.passes(MINUTE)
        (alert,) = house.alerts()
        assert isinstance(alert, Alert)
        assert "nobody of its holder's id" in alert.says
        assert house.left() == []


def test_one_request_whose_record_was_changed_keeps_nobody_elses_from_being_closed(house):
    """It cannot be closed itself, as only ends are recorded behind a changed entry."""
    house.pending("R-0001").approval()
    house.active("R-0002", requester=EVE, principal="eve")
    with house.engine.begin() as connection, past_the_guards(connection):
        connection.exec_driver_sql("UPDATE entries SET body = body || ' ' WHERE kind = 'approval' AND \"index\" = 2")
    house.directory.change(ALICE, deleted=True)
    house.directory.change(EVE, deleted=True)
    house.passes(MINUTE)
    assert [fact.request_id for fact in house.left()] == ["R-0002"]
    assert house.queue.revokes == ["R-0002"]


def test_what_waits_of_nobody_is_not_looked_up_all_the_time(house):
    house.pending()
    del house.directory.people[ALICE]
    asked, look_up = [], house.directory.look_up
    house.directory.look_up = lambda person: asked.append(person) or look_up(person)
    house.passes(10 * MINUTE)
    assert len(asked) <= 10 * MINUTE / ASKED_EVERY + 1


def test_ended_already_is_left_alone(house):
    story = house.active()
    story.released()
    house.directory.change(ALICE, deleted=True)
    house.passes(MINUTE)
    assert house.left() == []


def test_order_is_recorded_also_where_the_queue_does_not_answer(house):
    house.active()
    house.queue.gone = True
    house.directory.change(ALICE, deleted=True)
    house.passes(MINUTE)
    assert len(house.left()) == 1


def test_rules_of_the_world_let_alice_go_on(house):
    house.active()
    house.passes(5 * MINUTE)
    assert house.kinds()[-1] == "granted"
    assert "orders-db/read" in RULES


class TestWaitingWhileTheRulesChange:
    @pytest.mark.parametrize(
        "changes",
        [
            [("  orders-db/read:", "  orders-db/look:")],
            [("max_duration: 8h", "max_duration: 29m")],
            [("grants: [orders_read]\n    max_duration: 8h", "grants: [orders_all]\n    max_duration: 8h")],
            [
                ("orders-db: {kind: fake}", "orders: {kind: fake}"),
                ("  orders-db/read:", "  orders-db/read:\n    target: orders"),
            ],
            [("all_of: [{from: [group:dba]}]", "all_of: [{from: [group:dba], count: 2}]")],
            [("{fake: alice}", "{fake: alice2}")],
            [("max_duration: 8h", "max_duration: 8h\n    risk: critical")],
            [("max_duration: 8h", "max_duration: 8h\n    incident: 'CHG-[0-9]+'")],
        ],
        ids=["taken out", "shorter", "gives else", "other target", "more approvals", "other name", "risk", "incident"],
    )
    def test_is_closed_when_nobody_could_approve_it_any_more(self, house, changes):
        house.pending()
        house.rules(*((old, new) for old, new in changes), text=_all_on(changes))
        house.passes(MINUTE)
        assert house.lapsed() == ["rules_changed"]
        assert house.request("R-7F3K").state == "lapsed"
        (lapsed,) = house.facts("lapsed")
        asked_under = house.request("R-7F3K").policy_version
        assert (lapsed.policy_version, lapsed.checked_version) == (asked_under, house.policies.current().version)

    @pytest.mark.parametrize(
        "change",
        [
            ("max_duration: 8h", "max_duration: 1h"),
            ("describe: Read every table of orders", "describe: Look at orders"),
            ("max_duration: 8h\n    channel: C0ACCESS1", "max_duration: 8h\n    channel: C0ACCESS2"),
            ("max_duration: 8h", "max_duration: 8h\n    pending_for: 1h"),
            ("dba: [U02BOB000, U03CAROL0]", "dba: [U03CAROL0]"),
        ],
        ids=["still long enough", "words", "channel", "lapses sooner", "approvers"],
    )
    def test_goes_on_waiting_where_it_can_still_be_decided(self, house, change):
        house.pending()
        house.rules(change)
        house.passes(MINUTE)
        assert house.lapsed() == []

    def test_is_closed_when_its_requester_may_not_ask_any_more(self, house):
        house.pending()
        house.rules(ALICE_OUT)
        house.passes(MINUTE)
        assert house.lapsed() == ["left_rules"]

    def test_is_closed_when_its_requester_is_deactivated(self, house):
        house.pending()
        house.directory.change(ALICE, deleted=True)
        house.passes(MINUTE)
        assert house.lapsed() == ["deactivated"]

    def test_is_closed_when_it_is_approved_and_not_begun(self, house):
        story = house.pending()
        story.approval()
        story.approved()
        house.rules(("max_duration: 8h", "max_duration: 29m"))
        house.passes(MINUTE)
        assert house.lapsed() == ["rules_changed"]

    def test_goes_on_while_files_are_put_in_or_cannot_be_read(self, house):
        house.pending()
        house.passes(0)
        house.rules(("  orders-db/read:", "  orders-db/look:"))
        house.leavers.step()
        house.rules(("access:", "acess:"))
        house.passes(MINUTE)
        assert house.lapsed() == []

    def test_is_closed_after_a_restart(self, house):
        house.pending()
        house.rules(("max_duration: 8h", "max_duration: 29m"))
        house.restart()
        house.passes(MINUTE)
        assert house.lapsed() == ["rules_changed"]


def _all_on(changes):
    """The rules with what else has to change for them to stay whole."""
    if any("orders: {kind" in new for _, new in changes):
        other = ("orders-db/admin:", "orders-db/lone:", "orders-db/night:")
        text = RULES
        for name in other:
            text = text.replace(f"  {name}", f"  {name}\n    target: orders")
        return text
    return RULES


def test_who_approved_what_begins_later_is_looked_up_until_then(house, monkeypatch):
    """The workers weigh them by what was heard of them last."""
    story = house.story(start_at=house.clock.now() + timedelta(days=1))
    story.asked()
    story.approval(BOB)
    asked = []
    look_up = house.directory.look_up
    monkeypatch.setattr(house.directory, "look_up", lambda person: asked.append(person) or look_up(person))
    house.passes(ASKED_EVERY * 2)
    assert BOB not in asked
    story.approved()
    house.passes(ASKED_EVERY * 2)
    assert {ALICE, BOB} <= set(asked)
    house.directory.change(BOB, deleted=True)
    house.passes(ASKED_EVERY * 2)
    assert house.lapsed() == [], "who approved is weighed when it begins"


def test_that_slack_told_of_them_lately_is_kept_for_what_begins_later_and_only_for_that(house):
    kept_at, started = house.clock.now(), house.clock.now() + timedelta(days=1)
    for person in (ALICE, BOB):
        house.stored.keep_person(house.directory.look_up(person), kept_at)
    at_once = house.pending("R-SOON")
    house.passes(MINUTE * 20)
    assert not house.stored.heard_within([ALICE], timedelta(minutes=19), house.clock.now())
    at_once.withdrawn()
    story = house.story(start_at=started)
    story.asked()
    story.approval(BOB)
    story.approved()
    house.passes(MINUTE * 10)
    lately = BEGIN_WITHIN / 2
    assert house.stored.heard_within([ALICE, BOB], lately, house.clock.now())
    del house.directory.people[BOB]  # Slack says that there is no such person
    house.passes(MINUTE * 10)
    assert house.stored.heard_within([ALICE], lately, house.clock.now())
    assert not house.stored.heard_within([BOB], lately, house.clock.now())
