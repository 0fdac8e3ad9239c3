"""Getting access, keeping it, or getting more of it, by way of what begins later and what is given less."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from bot.followers.reached import stood_in
from jit.facts import BEGIN_WITHIN, Away, EndCause, RefusalReason, Source
from jit.ledger.entry import hash_of
from jit.people.away import Absence
from jit.requests.decision import Outcome, before_effect
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, CAROL, T0
from jit.use_cases.extend import extend
from tests.unit.use_cases.test_races import at_once, reasons
from tests.world.base import RULES, SAM
from tests.world.end_orders import carry_out, lying
from tests.world.hands import KEY, Hands
from tests.world.office import ADMIN, READ, WHY, LessForm, Office, actor
from tests.world.tamper import past_the_guards
from workers.end_orders.signed import verify

HALF_HOUR, TEN_MINUTES = timedelta(minutes=30), timedelta(minutes=10)
START = T0 + timedelta(days=2)
DBA = "      - all_of: [{from: [group:dba]}]\n  orders-db/admin"
TWO_OF_DBA = (DBA, DBA.replace("}]", ", count: 2}]", 1))
AUTOMATIC = (DBA, "      - automatic: true\n  orders-db/admin")
READS = "grants: [orders_read]\n    max_duration: 8h"
THREE = (READS, READS.replace("orders_read", "orders_read, orders_write, orders_all"))
SHARED = ("security: [group", f"shared: [{CAROL}]\nsecurity: [group")
NO_CAROL = RULES.replace("dba: [U02BOB000, U03CAROL0]", "dba: [U02BOB000, 'slack:S0DBA0001']").replace(
    "security: [U03CAROL0, U05SAM000]", "security: [U05SAM000]"
)
NO_DURATION = ["-5m", "0m", "NaN", "inf", "1e3m", "31m", "0x10m", "99999999d", "30m1s", "0.5h", "+5m", "5 m", ""]
NO_DIGITS = ["\u0663\u0660m", "\uff19m", "5\u00b2m", "5m\x00", "9" * 41 + "s"]
NO_PERMISSIONS = [
    (),
    ("orders_admin",),
    ("orders_read", "orders_admin"),
    ("ORDERS_READ",),
    ("orders_read ",),
    ("orders_re\u0430d",),
    ("",),
    ("orders_read,orders_write",),
]


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def later(office, access=READ, **typed):
    form = {"duration": "30m", "reason": WHY, "incident": "INC-42", "start": "2026-11-23 22:00 UTC"} | typed
    return office.use_cases.request(actor(ALICE), RequestForm(access, **form))


def less(office, request, by, duration="10m", permissions=None):
    form = LessForm(duration, request.permissions if permissions is None else permissions)
    return office.use_cases.narrow(actor(by), request.id, request.digest, form)


def when_it_starts(office, request):
    """What the workers make of it by then."""
    office.clock.time = max(request.start_at, office.clock.time + timedelta(seconds=2))
    return before_effect(office.request(request.id), office.policies, office.directory, office.clock.now())


class TestTwoPressAtOnce:
    def test_who_both_give_less_make_one_decision_and_the_second_is_shown_the_new_card(self, office):
        request = office.asked()
        outcomes = at_once(office, lambda: less(office, request, BOB), lambda: less(office, request, CAROL, "20m"))
        assert reasons(outcomes) == [RefusalReason.NOT_POSSIBLE_NOW]
        assert office.kinds().count("narrowed") == office.kinds().count("approved") == 1
        assert office.request(request.id).duration < HALF_HOUR

    def test_who_both_give_less_where_both_are_needed_approve_no_terms_that_one_never_saw(self, office):
        office.rules(TWO_OF_DBA)
        request = office.asked()
        outcomes = at_once(office, lambda: less(office, request, BOB), lambda: less(office, request, CAROL, "20m"))
        assert reasons(outcomes) == [RefusalReason.CARD_CHANGED]
        after = office.request(request.id)
        assert (after.state, len(after.approvals)) == (State.PENDING, 1)

    def test_one_who_approves_all_and_one_who_gives_less_never_add_up(self, office):
        office.rules(TWO_OF_DBA)
        request = office.asked()
        outcomes = at_once(office, lambda: office.approve(request, BOB), lambda: less(office, request, CAROL))
        after = office.request(request.id)
        assert (after.state, after.duration, after.approvers) == (State.PENDING, TEN_MINUTES, (CAROL,))
        assert reasons(outcomes) in ([], [RefusalReason.CARD_CHANGED])
        assert office.approve(after, BOB).state is State.APPROVED

    def test_the_yes_to_an_older_card_is_none_to_what_it_became(self, office):
        office.rules(TWO_OF_DBA)
        request = office.asked()
        after = less(office, request, CAROL).request
        office.refused(RefusalReason.CARD_CHANGED, lambda: office.approve(after, BOB, request.digest), about=after)
        deny = lambda: office.use_cases.deny(actor(BOB), request.id, request.digest, "not like this")  # noqa: E731
        office.refused(RefusalReason.CARD_CHANGED, deny, about=after)

    def test_who_withdraws_as_it_is_narrowed_has_withdrawn(self, office):
        request = later(office)
        withdraw = lambda: office.use_cases.withdraw(actor(ALICE), request.id)  # noqa: E731
        outcomes = at_once(office, withdraw, lambda: less(office, request, BOB))
        assert office.request(request.id).state is State.WITHDRAWN
        assert reasons(outcomes) in ([], [RefusalReason.NOT_POSSIBLE_NOW])


class TestTwoAccountsOfOnePerson:
    @pytest.fixture
    def office(self, tmp_path):
        rules = RULES.replace(*TWO_OF_DBA).replace("dba: [U02BOB000, U03CAROL0]", f"dba: [{BOB}, {CAROL}, {SAM}]")
        office = Office(tmp_path, rules=rules)
        for account in (BOB, CAROL):
            office.directory.change(account, email="bob@example.com", first_email="bob@example.com")
        return office

    def test_give_less_with_one_and_approve_that_with_the_other_once(self, office):
        after = less(office, office.asked(), BOB).request
        office.refused(RefusalReason.ALREADY_APPROVED, lambda: office.approve(after, CAROL), about=after)
        again = less(office, after, CAROL, "5m").request
        assert (again.state, again.approvers) == (State.PENDING, (CAROL,))
        office.refused(RefusalReason.ALREADY_APPROVED, lambda: office.approve(again, BOB), about=again)

    def test_who_become_one_before_it_starts_are_counted_once_then(self, office):
        office.directory.change(CAROL, email="carol@example.com", first_email="carol@example.com")
        request = later(office)
        office.approve(request, BOB)
        decided = office.approve(request, CAROL)
        assert decided.state is State.APPROVED
        office.directory.change(CAROL, first_email="bob@example.com", email="bob@example.com")
        assert when_it_starts(office, decided).reason is RefusalReason.QUORUM_GONE


@pytest.mark.parametrize("duration", [*NO_DURATION, *NO_DIGITS])
def test_no_duration_that_is_typed_gives_more_or_falls_over(office, duration):
    request = office.asked()
    office.refused(RefusalReason.BAD_INPUT, lambda: less(office, request, BOB, duration), about=request)
    assert office.kinds() == ["requested", "refused"]


@pytest.mark.parametrize("permissions", NO_PERMISSIONS)
def test_no_permissions_that_are_chosen_give_others(tmp_path, permissions):
    office = Office(tmp_path, rules=RULES.replace(*THREE))
    request = office.asked()
    office.refused(RefusalReason.BAD_INPUT, lambda: less(office, request, BOB, "30m", permissions), about=request)
    assert less(office, request, BOB, "30m", ("orders_all",) * 3).request.permissions == ("orders_all",)


def test_the_form_of_one_request_narrows_no_other(office):
    request, other = office.asked(), office.asked(ADMIN)
    pressed = (actor(BOB), other.id, request.digest, LessForm("1m", request.permissions))
    office.refused(RefusalReason.CARD_CHANGED, lambda: office.use_cases.narrow(*pressed), about=other)


class TestUntilItStarts:
    def test_there_is_no_second_request_for_it_and_a_break_glass_beside_it(self, tmp_path):
        glass = (
            "    break_glass: {who: [U01ALICE0], max_duration: 30m, review_by: [group:security], review_within: 1d}\n"
        )
        office = Office(tmp_path, rules=RULES.replace("  orders-db/admin:\n", f"{glass}  orders-db/admin:\n"))
        request = office.approve(later(office), BOB)
        for start in ("", "23:00 UTC"):
            office.refused(RefusalReason.ALREADY_OPEN, lambda start=start: later(office, start=start), about=request)
        office.incidents.open = {"INC-42": True}
        broken = office.use_cases.break_glass(actor(ALICE), RequestForm(READ, "30m", WHY, "INC-42"))
        assert broken.id != request.id
        office.give(broken)
        assert when_it_starts(office, request).outcome is Outcome.HOLDS

    def test_it_is_neither_extended_nor_given_back_and_ended_by_who_may_revoke_it_it_never_begins(self, office):
        request = office.approve(later(office), BOB)
        more = lambda: extend(office.core, by=actor(ALICE), request_id=request.id, duration="30m", reason=WHY)  # noqa: E731
        office.refused(RefusalReason.NOT_POSSIBLE_NOW, more, about=request)
        release = lambda: office.use_cases.release(actor(ALICE), request.id)  # noqa: E731
        office.refused(RefusalReason.NOT_POSSIBLE_NOW, release, about=request)
        office.use_cases.revoke(actor(SAM), request.id, "not this weekend")
        assert when_it_starts(office, request).reason is RefusalReason.NOT_POSSIBLE_NOW

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda o: o.rules(SHARED, text=NO_CAROL), "quorum_gone"),
            (lambda o: o.rules(TWO_OF_DBA), "rules_changed"),
            (lambda o: o.rules(("max_duration: 8h", "max_duration: 20m")), "rules_changed"),
            (lambda o: o.rules(("request: [U01ALICE0, ", "request: [")), "not_allowed_to_ask"),
            (lambda o: o.directory.change(CAROL, deleted=True), "quorum_gone"),
            (lambda o: o.directory.change(CAROL, first_email="c@x", email="d@x"), "quorum_gone"),
            (
                lambda o: [o.directory.change(each, first_email="a@x", email="a@x") for each in (ALICE, CAROL)],
                "quorum_gone",
            ),
            (lambda o: o.directory.change(ALICE, guest=True), "not_allowed_to_ask"),
        ],
        ids=["shared", "quorum raised", "shorter", "may not ask", "deactivated", "e-mail", "one person", "guest"],
    )
    def test_what_changes_by_then_is_asked_anew(self, office, change, reason):
        office.directory.members = {}
        request = office.approve(later(office), CAROL)
        assert request.state is State.APPROVED
        assert when_it_starts(office, request).outcome is Outcome.HOLDS
        change(office)
        assert when_it_starts(office, request).reason == reason

    @pytest.mark.parametrize("condition", ["!history.break_glass_open", "history.grants(7) < 3"])
    def test_no_rule_decides_alone_by_what_they_may_have_done_by_then(self, tmp_path, condition):
        """A break-glass, or a tenth access, in the days between."""
        rule = f"      - {{when: '{condition}', automatic: true}}\n{DBA}"
        office = Office(tmp_path, rules=RULES.replace(DBA, rule))
        now = later(office, start="")
        assert now.by_rule
        office.use_cases.withdraw(actor(ALICE), now.id)
        assert [need.label for need in later(office).needs] == ["dba"]

    def test_a_rule_that_decided_alone_does_not_for_whose_email_changed_by_then(self, tmp_path):
        office = Office(tmp_path, rules=RULES.replace(*AUTOMATIC))
        request = later(office)
        assert request.state is State.APPROVED
        office.directory.change(ALICE, first_email="a@x", email="m@x")
        assert when_it_starts(office, request).reason is RefusalReason.EMAIL_CHANGED


EDITS = {
    "begins sooner": (b'"start_at":"2026-11-23T', b'"start_at":"2026-11-21T'),
    "begins at once": (b'"start_at":"2026-11-23T14:00:00Z"', b'"start_at":null'),
    "lasts longer": (b'"duration":"PT30M"', b'"duration":"PT8H"'),
    "was narrowed to more": (b'"duration":"PT10M"', b'"duration":"PT29M"'),
    "may begin for longer": (b'"begin_by":"2026-11-23T', b'"begin_by":"2026-12-23T'),
}


class TestWhoWritesTheLedgersDatabase:
    """Entries as they leave them, each with the hash that belongs to it."""

    @pytest.fixture
    def house(self, tmp_path):
        return Hands(tmp_path)

    def narrowed(self, house):
        story = house.story("R-TEST", **self.terms(house), start_at=START)
        story.asked()
        story.narrowed(duration=TEN_MINUTES)
        story.approval()
        story.approved()
        return story.request

    def terms(self, house):
        rules = house.policies.current()
        access = rules.accesses["orders-db/read"]
        return {"incident": None, "policy_version": rules.version, "needs": access.rules[0].quorums}

    def heard(self, house):
        for person in (ALICE, BOB):
            house.directory.confirm(person, house.clock.now())

    @pytest.mark.parametrize("edit", EDITS)
    def test_begins_nothing_sooner_later_or_for_longer(self, house, edit):
        self.narrowed(house)
        old, new = EDITS[edit]
        changed = 0
        with house.engine.begin() as connection, past_the_guards(connection):
            for index, body in connection.execute(sql('SELECT "index", body FROM entries')).all():
                edited = bytes(body).replace(old, new)
                changed += edited != bytes(body)
                told = {"body": edited, "hash": hash_of(edited), "index": index}
                connection.execute(sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = :index'), told)
        assert changed, edit
        too_late = START + BEGIN_WITHIN + timedelta(minutes=1)
        for moment in (too_late,) if edit == "may begin for longer" else (T0, START - timedelta(seconds=1), START):
            house.clock.time = moment
            self.heard(house)
            house.granter.grant("R-TEST")
            house.timekeeper.sweep()
            assert house.target.gives == {}, moment

    @pytest.mark.parametrize("gone", ["narrowed", "requested", "approval"])
    def test_takes_no_fact_out_of_what_begins_later(self, house, gone):
        self.narrowed(house)
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(sql("DELETE FROM entries WHERE kind = :gone"), {"gone": gone})
        house.clock.time = START
        self.heard(house)
        house.granter.grant("R-TEST")
        assert house.target.gives == {}

    def test_makes_what_was_narrowed_last_no_longer_once_it_is_given(self, house):
        """The order that lies in the queue has the terms that were given, and no fact explains a later one."""
        self.narrowed(house)
        house.clock.time = START
        self.heard(house)
        house.granter.grant("R-TEST")
        order = lying(house)
        assert verify(KEY, order).ends_at == START + TEN_MINUTES
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(sql("DELETE FROM entries WHERE kind = 'narrowed'"))
        house.clock.time = START + TEN_MINUTES
        carry_out(house, order)
        assert house.target.gives == {}

    def test_ends_it_no_later_by_an_order_for_all_that_was_asked(self, house):
        """That lies in the queue, signed, in the place of the one that counts."""
        self.narrowed(house)
        house.clock.time = START
        self.heard(house)
        house.granter.grant("R-TEST")
        request, order = house.request(), lying(house)
        longer = house.orders.make(replace(request, fixed_ends=()), START + HALF_HOUR, fact=request.fixed_ends[0].fact)
        house.queue.end_orders["R-TEST"] = (START, longer.text)
        house.clock.time = START + TEN_MINUTES
        carry_out(house, order)
        assert house.target.gives == {}
        assert house.request().end_cause is EndCause.EXPIRED


def away_fact(office, person, substitute):
    """As whoever has the bot's login can record it."""
    signed = {"at": office.clock.now(), "actor": person, "source": Source.SLACK}
    return Away(**signed, until=START, substitute=substitute)


class TestSubstitutes:
    WHO = ("group:dba",)

    def absent(self, *pairs, until=START):
        return {person: Absence(person, substitute, until) for person, substitute in pairs}

    @pytest.mark.parametrize(
        "pairs", [[(BOB, CAROL), (CAROL, BOB)], [(BOB, CAROL), (CAROL, SAM), (SAM, BOB)], [(BOB, BOB)]]
    )
    def test_who_stand_in_for_each_other_in_a_ring_stand_in_for_nobody(self, pairs):
        assert stood_in([BOB, CAROL, SAM], self.WHO, self.absent(*pairs)) == []

    def test_who_left_the_group_neither_is_stood_in_for_nor_stands_in(self):
        away = self.absent((BOB, CAROL))
        assert stood_in([BOB, CAROL], self.WHO, away) == [away[BOB]]
        assert stood_in([CAROL], self.WHO, away) == stood_in([BOB], self.WHO, away) == []

    def test_a_substitute_decides_nothing_by_being_one(self, office):
        request = office.asked()
        office.ledger.append([away_fact(office, BOB, SAM)])
        office.refused(RefusalReason.NOT_ALLOWED_TO_DECIDE, lambda: office.approve(request, SAM), about=request)
        office.ledger.append([away_fact(office, BOB, ALICE)])
        office.refused(RefusalReason.OWN_REQUEST, lambda: office.approve(request, ALICE), about=request)
