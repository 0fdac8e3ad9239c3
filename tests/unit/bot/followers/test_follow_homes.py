"""Whose App Home is drawn and when, step by step, by a clock that the test moves."""

from dataclasses import replace
from urllib.error import URLError

import pytest

from bot.buttons import ASK_FOR, LIFT, read_value
from bot.followers.follower import SlackTools
from bot.followers.homes import AT_ONCE, Homes, look_again, open_home
from bot.followers.outbox import NotLeading, Outbox, Unreached, Unsure
from bot.views.home import CANNOT_TELL, NOT_OURS, draw_home
from jit.facts import LockdownBegun, PolicyChanged, Quorum, Source
from jit.ledger import Notes, StoredDirectory
from jit.people.person import Person
from jit.policy import load_policy
from jit.testing import ALICE, BOB, CAROL, EVE, WORKSPACE
from playground.blocks import view_problems
from playground.text import rendered
from tests.world.base import RULES, SAM
from tests.world.face import Face
from tests.world.fake_slack import refusal
from tests.world.tamper import past_the_guards

SCHEDULE = 'schedules:\n  sre: {kind: icalendar, url: "file:sre.ics"}\n'
"""By whose names two accounts can be one person."""


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


@pytest.fixture
def homes(house):
    return begin(house)


def begin(house):
    return house.start(Homes, house.visibility())


def opens(house, *people):
    for person in people:
        open_home(Notes(house.engine, Homes.name), person)


def home(house, person):
    """What stands on somebody's Home; nothing if it was never drawn."""
    drawn = {key: value for key, value in house.slack.homes.get(person, {}).items() if key != "hash"}
    if not drawn:
        return ""
    assert view_problems(drawn, ("home",)) == []
    return rendered(drawn, lambda who: who)


def buttons(house, person):
    return [
        (element["action_id"], element["value"])
        for block in house.slack.homes[person]["blocks"]
        for element in [*block.get("elements", []), block.get("accessory", {})]
        if element.get("type") == "button"
    ]


def test_nobody_has_a_home_who_has_not_opened_it(house, homes):
    house.story().active()
    house.work(homes, 1)
    assert house.slack.homes == {}


def test_a_home_is_drawn_as_it_is_opened_and_again_when_it_is_opened_again(house, homes):
    opens(house, ALICE)
    house.work(homes)
    assert "/jit request" in home(house, ALICE)
    house.slack.homes.clear()
    homes = begin(house)
    opens(house, ALICE)
    house.work(homes)
    assert home(house, ALICE)


def test_a_request_comes_to_those_who_may_decide_and_to_its_requester(house, homes):
    opens(house, ALICE, BOB, CAROL, EVE)
    house.work(homes, 1)
    story = house.story()
    story.asked()
    house.work(homes, 1)
    for person in (BOB, CAROL):
        assert "*Alice* asks for *orders-db/read* for *30 min*" in home(house, person)
        assert [read_value(value) for action, value in buttons(house, person) if action == "jit.approve"] == [
            (story.id, story.request.digest)
        ]
    assert "Waiting: *orders-db/read*" in home(house, ALICE)
    assert "jit.approve" not in dict(buttons(house, ALICE))
    assert story.id not in home(house, EVE)
    assert house.slack.publications.count(EVE) == 1


def test_a_home_follows_its_requests_from_asking_to_the_end(house, homes):
    opens(house, ALICE, BOB)
    story = house.story()
    story.asked()
    house.work(homes, 1)
    story.approval()
    story.approved()
    house.work(homes, 2)
    assert story.id not in home(house, BOB)
    assert "Approved, not given yet: *orders-db/read*\n[Withdraw]" in home(house, ALICE)
    story.intent()
    story.granted()
    house.work(homes, 2)
    assert "14:30: *orders-db/read*\n[Release]\nConnect to orders-db as *alice*" in home(house, ALICE)
    story.released()
    story.ended()
    house.work(homes, 2)
    assert "[Release]" not in home(house, ALICE)
    assert "Before\nEnded" in home(house, ALICE)


def test_five_of_what_is_asked_for_most_and_not_held_stand_in_home(house, homes):
    opens(house, ALICE)
    names = [f"db/a{number}" for number in range(8)]
    like = house.last_good.accesses["orders-db/read"]
    there = {name: replace(like, name=name) for name in names if name != "db/a5"}
    house.last_good = replace(house.last_good, accesses=house.last_good.accesses | there)
    for number, name in enumerate(names):
        for time in range(number + 1):
            story = house.story(f"R-{number}{time}AB", access=name)
            story.asked()
            if (name, time) != ("db/a7", 7):
                story.withdrawn()
    house.work(homes)
    offered = [value for action, value in buttons(house, ALICE) if action.startswith(ASK_FOR)]
    assert offered == ["db/a6", "db/a4", "db/a3", "db/a2", "db/a1"]


def test_what_one_of_two_has_approved_no_longer_waits_for_them(house, homes):
    opens(house, BOB, CAROL)
    story = house.story()
    story.asked()
    house.work(homes, 1)
    story.approval(BOB)
    house.work(homes, 2)
    assert story.id not in home(house, BOB)
    assert story.id in home(house, CAROL)


def test_an_extension_waits_for_those_who_decide_and_goes_when_it_is_over(house, homes):
    opens(house, BOB)
    story = house.story().active()
    house.work(homes, 1)
    assert "asks for" not in home(house, BOB)
    story.extension_asked()
    house.work(homes, 2)
    said = home(house, BOB)
    assert "asks for *30 min* more" in said
    assert [action for action, _ in buttons(house, BOB) if action != "jit.ask"] == ["jit.approve", "jit.deny"]
    assert story.id in home(house, BOB)
    assert house.visibility().waiting(BOB)
    story.extension_denied()
    house.work(homes, 2)
    assert "asks for" not in home(house, BOB)
    story.extension_asked()
    house.work(homes, 2)
    assert "asks for" in home(house, BOB)
    story.released()
    house.work(begin(house), 2)
    assert "asks for" not in home(house, BOB)


def test_after_an_outage_each_home_is_published_once_however_much_has_come(house, homes, monkeypatch):
    opens(house, ALICE, BOB)
    house.work(homes, 1)
    house.slack.publications.clear()
    house.story("R-1111", access="orders-db/write").asked()
    monkeypatch.setattr("bot.followers.homes.BATCH", 20)
    story = house.story("R-2000", requester=EVE)
    story.asked()
    story.approvals(f"U{number:08}" for number in range(50))
    story.withdrawn()
    last = house.story("R-9999")
    last.asked()
    house.work(homes, 2)
    assert sorted(house.slack.publications) == [ALICE, BOB]
    assert "R-1111" in home(house, BOB)
    assert last.id in home(house, BOB)


def test_one_request_with_many_steps_costs_few_publications(house, homes):
    opens(house, ALICE)
    story = house.story()
    story.asked()
    for step in (story.approval, story.approved, story.intent, story.granted, story.released, story.ending):
        step()
        house.work(homes)
    assert len(house.slack.publications) <= 3
    story.ended()
    house.work(homes, 5)
    assert "Ended" in home(house, ALICE)


def test_of_many_homes_those_of_who_asked_and_who_decide_come_before_all_others(house, homes):
    crowd = [f"U{number:08}" for number in range(AT_ONCE + 5)]
    house.directory.people |= dict.fromkeys(crowd, house.directory.people[EVE])
    opens(house, *crowd[:9], ALICE, BOB, CAROL, *crowd[9:])
    house.work(homes, 30)
    homes = begin(house)
    house.slack.publications.clear()
    policy = {"policy_version": "new", "before": "old"}
    house.ledger.append([PolicyChanged(at=house.clock.now(), actor="bot@host", source=Source.BOT, **policy)])
    house.story().asked()
    house.work(homes)
    first, *others = house.slack.publications[:3]
    assert (first, sorted(others)) == (ALICE, [BOB, CAROL])
    opens(house, EVE)
    house.work(homes, 1)
    assert house.slack.publications[-1] == EVE


def test_many_homes_come_no_faster_than_slack_takes_them(house, homes):
    crowd = [f"U{number:08}" for number in range(AT_ONCE + 15)]
    house.directory.people |= dict.fromkeys(crowd, house.directory.people[EVE])
    opens(house, *crowd)
    house.work(homes)
    assert len(house.slack.homes) <= AT_ONCE
    house.work(homes, 5)
    opens(house, BOB)
    house.work(homes, 2)
    assert BOB in house.slack.homes
    assert len(house.slack.homes) < len(crowd)
    house.work(homes, 10)
    assert len(house.slack.homes) == len(crowd) + 1


class TestTrouble:
    def test_an_outage_of_slack_stops_the_step_and_loses_nothing(self, house, homes):
        opens(house, ALICE)
        house.work(homes, 1)
        house.story().asked()
        house.slack.fates = [(URLError(ConnectionRefusedError()), False)]
        with pytest.raises(Unreached):
            house.work(homes)
        house.work(begin(house), 1)
        assert "R-7F3K" in home(house, ALICE)

    def test_a_publication_of_unknown_fate_is_made_again(self, house, homes):
        opens(house, ALICE)
        house.work(homes, 1)
        story = house.story()
        story.asked()
        house.slack.fates = [(TimeoutError(), True)]
        with pytest.raises(Unsure):
            house.work(homes)
        story.withdrawn()
        house.work(begin(house), 1)
        assert "Withdrawn" in home(house, ALICE)

    def test_slack_asking_to_wait_is_given_the_time(self, house, homes):
        opens(house, ALICE)
        house.slack.fates = [(refusal("ratelimited", 429, {"Retry-After": "30"}), False)]
        house.work(homes, 29)
        assert house.slack.homes == {}
        house.work(homes, 1.5)
        assert home(house, ALICE)

    def test_somebody_whose_home_slack_refuses_holds_up_nobody(self, house, homes):
        house.slack.refusing[ALICE] = refusal("not_enabled")
        opens(house, ALICE, BOB)
        house.work(homes, 1)
        assert list(house.slack.homes) == [BOB]
        house.slack.refusing.clear()
        house.work(homes, 10)
        assert home(house, ALICE)

    def test_a_restart_forgets_nobody_who_was_put_off_while_others_were_shown(self, house, homes):
        opens(house, ALICE, BOB)
        house.work(homes, 1)
        house.slack.refusing[ALICE] = refusal("fatal")
        house.story().asked()
        house.work(homes, 1)
        assert "R-7F3K" in home(house, BOB)
        house.slack.refusing.clear()
        house.work(begin(house), 1)
        assert "R-7F3K" in home(house, ALICE)

    def test_a_bot_that_no_longer_leads_overwrites_nothing_newer(self, house, homes):
        """It was stopped between looking and publishing; another one has drawn since."""
        opens(house, ALICE)
        house.work(homes, 1)
        house.story().asked()

        def lost():
            house.work(begin(house), 1)
            raise NotLeading

        notes = Notes(house.engine, Homes.name)
        outbox = Outbox(house.slack, notes, lost)
        tools = SlackTools(
            ledger=house.ledger, notes=notes, outbox=outbox, policies=house, names=lambda who: who, clock=house.clock
        )
        stopped = Homes(tools, house.visibility())
        stopped.begin()
        before = len(house.slack.publications)
        with pytest.raises(NotLeading):
            house.work(stopped)
        assert len(house.slack.publications) == before + 1

    def test_what_was_looked_up_before_another_bot_drew_is_never_shown(self, house, homes, monkeypatch):
        opens(house, ALICE)
        house.work(homes, 1)
        story, publish, shown = house.story(), house.slack.views_publish, []
        story.asked()

        def noted(**call):
            done = publish(**call)
            shown.append("Withdrawn" in str(call["view"]))
            return done

        def stalled(overview, names, now):
            monkeypatch.setattr("bot.followers.homes.draw_home", draw_home)
            story.withdrawn()
            house.work(begin(house), 1)
            return draw_home(overview, names, now)

        house.slack.views_publish = noted
        monkeypatch.setattr("bot.followers.homes.draw_home", stalled)
        house.work(homes, 2)
        assert shown
        assert all(shown)

    def test_people_who_may_not_act_any_more_are_shown_nothing_new(self, house, homes):
        opens(house, BOB)
        house.work(homes, 1)
        house.directory.change(BOB, guest=True)
        house.story().asked()
        house.work(homes, 5)
        assert "R-7F3K" not in home(house, BOB)

    def test_who_is_not_one_of_us_any_more_keeps_no_home(self, house, homes):
        """Guests, as others who are none of us."""
        opens(house, BOB)
        house.story().asked()
        house.work(homes, 1)
        assert "R-7F3K" in home(house, BOB)
        house.directory.change(BOB, guest=True)
        look_again(Notes(house.engine, Homes.name), BOB)
        house.work(homes, 2)
        assert home(house, BOB) == NOT_OURS
        assert buttons(house, BOB) == []
        published = len(house.slack.publications)
        look_again(Notes(house.engine, Homes.name), BOB)
        house.work(begin(house), 2)
        assert len(house.slack.publications) == published

    def test_who_becomes_one_of_us_again_has_their_home_again(self, house, homes):
        opens(house, BOB)
        house.directory.change(BOB, guest=True)
        house.work(homes, 2)
        house.directory.change(BOB, guest=False)
        house.story().asked()
        opens(house, BOB)
        house.work(homes, 2)
        assert "R-7F3K" in home(house, BOB)

    def test_a_home_is_not_emptied_because_slack_does_not_answer(self, house, homes):
        opens(house, BOB)
        house.story().asked()
        house.work(homes, 1)
        for trouble in ({"gone": True}, {"gone": False, "workspace": ""}):
            for name, value in trouble.items():
                setattr(house.directory, name, value)
            look_again(Notes(house.engine, Homes.name), BOB)
            house.work(homes, 2)
            assert "R-7F3K" in home(house, BOB)

    def test_while_it_cannot_be_told_what_waits_it_is_said_and_comes_by_itself(self, house, homes):
        house.last_good, kept = None, house.last_good
        house.story().asked()
        opens(house, ALICE, BOB)
        house.work(homes, 12)
        assert CANNOT_TELL in home(house, BOB)
        assert "Waiting: *orders-db/read*" in home(house, ALICE)
        assert house.slack.publications.count(BOB) == 1
        house.last_good = kept
        house.work(homes, 6)
        assert "R-7F3K" in home(house, BOB)
        assert CANNOT_TELL not in home(house, BOB)

    def test_a_record_that_was_changed_stops_no_home(self, house, homes):
        opens(house, BOB)
        house.work(homes, 1)
        house.story().asked()
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.exec_driver_sql("UPDATE entries SET body = replace(body, 'orders_read', 'orders_admin')")
        house.story("R-9999", requester=CAROL).asked()
        house.work(homes, 2)
        assert "R-9999" in home(house, BOB)
        assert "R-7F3K" not in home(house, BOB)


def test_new_rules_bring_what_waits_to_those_who_decide_now(house, homes, tmp_path):
    opens(house, EVE)
    house.story().asked()
    house.work(homes, 1)
    (tmp_path / "a.policy.yml").write_text(RULES.replace(BOB, EVE))
    house.last_good = load_policy(tmp_path)
    version = {"policy_version": "new", "before": "old"}
    house.ledger.append([PolicyChanged(at=house.clock.now(), actor="bot@host", source=Source.BOT, **version)])
    house.work(homes, 1)
    assert "R-7F3K" in home(house, EVE)


def test_a_first_start_beside_a_long_record_reads_none_of_it(house):
    house.story().active()
    homes, read, seen = begin(house), house.ledger.read, []
    house.ledger.read = lambda **which: seen.extend(read(**which)) or []
    house.work(homes, 1)
    assert seen == []


def test_what_happens_while_a_home_is_drawn_is_drawn_next(house, homes, monkeypatch):
    opens(house, BOB)
    house.work(homes)
    house.story().asked()
    publish = house.slack.views_publish

    def meanwhile(**view):
        shown = publish(**view)
        monkeypatch.setattr(house.slack, "views_publish", publish)
        house.directory.change(BOB, guest=True)
        look_again(Notes(house.engine, Homes.name), BOB)
        return shown

    monkeypatch.setattr(house.slack, "views_publish", meanwhile)
    house.work(homes, 3)
    assert home(house, BOB) == NOT_OURS


class TestNothingIsOfferedThatAPressRefuses:
    """As far as that is known without asking anybody."""

    def known(self, house, person, **more):
        kept = Person(id=person, team=WORKSPACE, name=person, **more)
        StoredDirectory(house.engine).keep_person(kept, house.clock.now())

    def one_person(self, house, folder, first, second):
        names = "".join(
            f"  {each}: {{fake: name{at}, icalendar: the same}}\n" for at, each in enumerate((first, second))
        )
        people = RULES.replace("  U01ALICE0: {fake: alice}\n", names)
        file = folder / "a.policy.yml"
        file.write_text(people.replace("targets:\n", f"{SCHEDULE}targets:\n"))
        house.last_good = load_policy(folder)

    def sees_it(self, house, homes, person):
        opens(house, person)
        house.work(homes, 2)
        return "jit.approve" in dict(buttons(house, person))

    def test_to_a_second_account_of_whoever_asks(self, house, homes, tmp_path):
        self.one_person(house, tmp_path, ALICE, BOB)
        house.story().asked()
        assert not self.sees_it(house, homes, BOB)
        assert self.sees_it(house, homes, CAROL)

    def test_to_an_account_with_the_e_mail_of_whoever_asks(self, house, homes):
        for person in (ALICE, BOB):
            self.known(house, person, email="alice@example.com")
        house.story().asked()
        assert not self.sees_it(house, homes, BOB)
        assert self.sees_it(house, homes, CAROL)

    def test_to_whose_e_mail_changed(self, house, homes):
        self.known(house, BOB, email="bob@example.com", first_email="robert@example.com")
        house.story().asked()
        assert not self.sees_it(house, homes, BOB)

    def test_to_whose_other_account_has_said_yes(self, house, homes, tmp_path):
        self.one_person(house, tmp_path, BOB, CAROL)
        story = house.story(needs=(Quorum(label="dba", who=("group:dba",), count=2),))
        story.asked()
        assert self.sees_it(house, homes, CAROL)
        story.approval(BOB)
        house.work(homes, 2)
        assert not self.sees_it(house, homes, CAROL)

    def test_before_it_is_their_turn(self, house, homes):
        later = Quorum(label="security", who=("group:security",), count=1, stage=2)
        story = house.story(needs=(Quorum(label="dba", who=(BOB,), count=1), later))
        story.asked()
        assert self.sees_it(house, homes, BOB)
        assert not self.sees_it(house, homes, SAM)
        story.approval(BOB)
        house.work(homes, 2)
        assert "jit.approve" in dict(buttons(house, SAM)), "it comes by itself"


def test_a_lockdown_stands_first_for_whom_it_concerns_and_its_button_for_whoever_may_lift(house, homes):
    opens(house, ALICE, CAROL)
    house.work(homes, 5)
    signed = {"at": house.clock.now(), "actor": CAROL, "source": Source.SLACK, "reason": "*rows* <!channel> vanish"}
    house.ledger.append([LockdownBegun(**signed, lockdown_id="L-7F3K", scope="target", target="orders-db")])
    house.ledger.append([LockdownBegun(**signed, lockdown_id="L-8F3K", scope="person", requester=EVE)])
    house.work(homes, 5)
    for person, concerned in ((ALICE, {"L-7F3K"}), (CAROL, {"L-7F3K", "L-8F3K"})):
        assert home(house, person).startswith("*LOCKDOWN* *orders-db* is stopped")
        assert {each for each in ("L-7F3K", "L-8F3K") if each in home(house, person)} == concerned
    assert not any(action == LIFT for action, _ in buttons(house, ALICE))
    assert [value for action, value in buttons(house, CAROL) if action == LIFT] == ["L-7F3K", "L-8F3K"]
