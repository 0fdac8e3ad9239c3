"""What security sees in their Home of all that others hold, and how often that is drawn."""

from datetime import timedelta

import pytest

from bot.followers.homes import ACTIVITY_EVERY, HELD_EVERY, Homes, look_at, open_home
from bot.held import MOST_COUNTED, PAGE, Look
from bot.views.held import TITLE
from jit.facts import BreakGlassReviewed, PersonErased, PolicyChanged, Quorum, Source
from jit.ledger import Notes
from jit.policy import load_policy
from jit.testing import ALICE, BOB, CAROL, EVE
from playground.blocks import view_problems
from playground.text import elements, rendered
from tests.world.activity import collect, collector, json_line
from tests.world.base import RULES, SAM
from tests.world.face import NAMES, Face
from tests.world.tamper import past_the_guards

ONE_DECIDES = f"      - all_of: [{{from: [{ALICE}]}}]"
"""The last line of `orders-db/lone`."""


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


@pytest.fixture
def homes(house):
    follower = house.start(Homes, house.visibility())
    opens(house, SAM)
    house.work(follower, 2)
    return follower


def opens(house, *people):
    for person in people:
        open_home(Notes(house.engine, Homes.name), person)


def home(house, person=SAM):
    drawn = {key: value for key, value in house.slack.homes[person].items() if key != "hash"}
    assert view_problems(drawn, ("home",)) == []
    return rendered(drawn, lambda who: NAMES.get(who, who))


def held(house, person=SAM):
    """What stands below the title."""
    return home(house, person).partition(TITLE)[2]


def ids(house, person=SAM):
    """In the order in which they stand there."""
    return [line.split(" · ")[-1] for line in held(house, person).splitlines() if " · R-" in line]


def revocable(house, person=SAM):
    found = elements(house.slack.homes[person])
    return [element["value"].split()[0] for _, element in found if element.get("action_id") == "jit.end"]


def glass(house, request_id, **fields):
    fields |= {"basis": "emergency", "needs": (), "rested_on": "INC-42 open", "requester": EVE}
    fields |= {"review_by": ("group:security",), "review_within": timedelta(hours=24)}
    fields |= {"skipped": (Quorum(label="dba", who=("group:dba",), count=1),)}
    story = house.story(request_id, **fields)
    story.asked()
    story.approved(by=EVE, by_rule="break-glass: INC-42 open")
    story.intent()
    story.granted()
    return story


def reviewed(house, story):
    about = {"reviewer": CAROL, "verdict": "justified", "reason": "orders was down"}
    fact = BreakGlassReviewed.about(
        story.request, at=house.clock.now(), actor=CAROL, source=Source.SLACK, policy_version="ab" * 32, **about
    )
    house.ledger.append([fact])


def test_security_sees_who_holds_what_until_when_and_on_what_it_stands(house, homes):
    house.story("R-1111").active()
    by_rule = house.story("R-2222", requester=EVE, access="orders-db/night", needs=(), rule="on call")
    by_rule.asked()
    by_rule.approved(by=EVE, by_rule="on call for orders")
    by_rule.intent()
    by_rule.granted()
    past = house.story("R-3333", requester=BOB, access="orders-db/admin", basis="exception")
    past.active()
    house.work(homes, 2)
    said = held(house)
    assert "*Alice* holds *orders-db/read* until" in said
    assert "approved by Bob (dba, 1/1) · R-1111" in said
    assert "pre-approved by rule: on call for orders · R-2222" in said
    assert "exception · approved by Bob (dba, 1/1) · R-3333" in said
    assert sorted(revocable(house)) == ["R-1111", "R-2222", "R-3333"]


def test_each_line_says_what_was_done_with_it_so_far_or_that_no_log_shows_it(house, homes, tmp_path):
    log = tmp_path / "postgresql.json"
    reader = collector(house, log)
    house.story("R-1111").active()
    house.story("R-2222", requester=EVE, principal="eve", access="orders-db/write").active()
    house.work(homes, 2)
    assert "statement" not in held(house)
    log.write_text(json_line("statement: SELECT 1", user="nobody", at=house.clock.now()))
    collect(reader)
    house.work(homes, ACTIVITY_EVERY)
    assert "no statement so far · R-1111" in held(house)
    with log.open("a") as more:
        more.writelines(json_line(f"statement: SELECT {each}", at=house.clock.now()) for each in (1, 2))
    collect(reader)
    house.work(homes, ACTIVITY_EVERY)
    assert "2 statements, last 14:00 · R-1111" in held(house)
    assert "no statement so far · R-2222" in held(house)


def test_break_glass_comes_first_and_unreviewed_before_reviewed_then_what_ends_first(house, homes, tmp_path):
    break_glass = f"{{who: [{EVE}], max_duration: 1h, review_within: 24h, review_by: [{BOB}]}}"
    glass_there = f"{ONE_DECIDES}\n    break_glass: {break_glass}"
    (tmp_path / "a.policy.yml").write_text(RULES.replace(ONE_DECIDES, glass_there))
    house.last_good = load_policy(tmp_path)
    long, short = house.story("R-1111", duration=timedelta(hours=4)), house.story("R-2222", access="orders-db/write")
    long.active()
    short.active()
    closed = glass(house, "R-3333", access="orders-db/night")
    reviewed(house, closed)
    glass(house, "R-4444", access="orders-db/lone", duration=timedelta(hours=1))
    house.work(homes, 2)
    assert ids(house) == ["R-4444", "R-3333", "R-2222", "R-1111"]
    assert "*BREAK-GLASS* · *Eve* holds *orders-db/lone* until" in held(house)
    assert "INC-42 open · not reviewed, due" in held(house)
    assert "INC-42 open · reviewed: justified · R-3333" in held(house)


def test_what_is_to_be_reviewed_by_them_stands_once_on_the_screen_and_can_be_revoked_there(house, homes):
    story = glass(house, "R-4444")
    house.work(homes, 2)
    assert home(house).count("R-4444") == 1
    assert revocable(house) == ["R-4444"]
    story.ending()
    house.work(homes, 2)
    assert revocable(house) == []


def test_an_extension_that_waits_for_them_stands_once_on_the_screen_and_can_be_ended_there(house, homes):
    opens(house, CAROL)
    story = house.story().active()
    story.extension_asked()
    house.work(homes, 2)
    assert ids(house, CAROL) == []
    assert home(house, CAROL).count("until") == home(house, CAROL).partition(TITLE)[0].count("until")
    assert revocable(house, CAROL) == [story.id]
    assert ids(house, SAM) == [story.id]


def test_how_many_there_are_says_how_many_of_them_are_shown_above(house, homes):
    glass(house, "R-4444")
    house.work(homes, 2)
    assert "1 access · 1 shown above" in held(house)
    house.story("R-1111").active()
    house.work(homes, 2)
    assert "2 accesses · 1 shown above" in held(house)
    assert ids(house) == ["R-1111"]


def test_what_is_held_is_ended_by_one_name_all_over_the_home_of_security(house, homes):
    opens(house, CAROL)
    story = house.story("R-1111").active()
    story.extension_asked()
    house.story("R-2222", requester=EVE).active()
    house.work(homes, 2)
    assert "[Approve] [Deny]\n[Revoke]\n" in home(house, CAROL)
    assert home(house, CAROL).count("[Revoke]") == 2
    assert "End access" not in home(house, CAROL)


def test_whoever_holds_nothing_is_told_what_to_type_beside_what_others_hold(house, homes):
    house.story().active()
    house.work(homes, 2)
    assert "press *Ask for access*" in home(house)


def test_it_follows_the_record_within_two_seconds(house, homes):
    story = house.story().active()
    house.work(homes, 2)
    assert ids(house) == [story.id]
    story.released()
    house.work(homes, 2)
    assert "*Alice* still holds *orders-db/read*: ending, it is being taken away" in held(house)
    assert revocable(house) == []
    story.ended()
    house.work(homes, 2)
    assert "No access" in held(house)


def test_others_than_security_see_nothing_of_it_nor_who_was(house, homes, tmp_path):
    opens(house, ALICE, BOB, EVE)
    house.story().active()
    house.work(homes, 2)
    for person in (ALICE, BOB, EVE):
        assert TITLE not in home(house, person)
    (tmp_path / "a.policy.yml").write_text(RULES.replace("security: [U03CAROL0, U05SAM000]", "security: [U03CAROL0]"))
    house.last_good = load_policy(tmp_path)
    version = {"policy_version": "new", "before": "old"}
    house.ledger.append([PolicyChanged(at=house.clock.now(), actor="bot@host", source=Source.BOT, **version)])
    house.work(homes, 2)
    assert TITLE not in home(house)


def test_what_they_hold_themselves_stands_under_open_alone(house, homes):
    house.story("R-1111", requester=SAM).active()
    house.work(homes, 2)
    assert home(house).count("R-1111") == 1
    assert "No access" in held(house)


def test_whom_somebody_looks_for_is_forgotten_with_an_erasure(house, homes):
    notes = Notes(house.engine, Homes.name)
    look_at(notes, SAM, Look(EVE))
    house.work(homes, 2)
    assert EVE in str(notes.all("look:"))
    signed = {"at": house.clock.now(), "actor": "cli:root@host", "source": Source.CLI}
    house.ledger.append([PersonErased(**signed, key="ab" * 16, legal_basis="Art. 17")])
    house.work(homes, 2)
    assert notes.all("look:") == {}


def test_many_entries_draw_each_home_of_security_once_and_the_homes_of_others_come_first(house, homes):
    opens(house, CAROL, ALICE)
    house.work(homes, 2)
    house.slack.publications.clear()
    stories = [house.story(f"R-{1000 + each}", access=f"orders-db/{each}", requester=EVE) for each in range(30)]
    for story in stories:
        story.active()
    mine = house.story("R-9999", access="orders-db/mine").active()
    house.work(homes)
    assert house.slack.publications[0] == ALICE
    assert sorted(house.slack.publications) == sorted([ALICE, CAROL, SAM])
    mine.released()
    stories[0].released()
    house.work(homes, HELD_EVERY - 0.5)
    assert house.slack.publications.count(SAM) == 1
    house.work(homes, 1)
    assert house.slack.publications.count(SAM) == 2


def test_a_change_that_is_not_on_the_page_publishes_nothing(house, homes):
    for each in range(PAGE):
        house.story(f"R-{1000 + each}", access=f"orders-db/{each}", requester=EVE).active()
    last = house.story("R-2000", access="orders-db/last", duration=timedelta(hours=2)).active()
    house.work(homes, 3)
    house.slack.publications.clear()
    last.extension_asked()
    house.work(homes, 3)
    assert house.slack.publications == []


def test_a_restart_draws_what_has_changed_meanwhile(house, homes):
    house.story().active()
    house.work(house.start(Homes, house.visibility()), 2)
    assert ids(house) == ["R-7F3K"]


def test_pages_and_filters_are_said_and_gone_when_home_is_opened_anew(house, homes):
    notes = Notes(house.engine, Homes.name)
    for each in range(PAGE + 2):
        minutes = timedelta(minutes=30 + each)
        requester, target = (ALICE, "orders-db") if each else (EVE, "shop-db")
        house.story(
            f"R-{1000 + each}", access=f"a/{each}", duration=minutes, requester=requester, target=target
        ).active()
    house.work(homes, 2)
    assert f"{PAGE + 2} accesses · 1 to {PAGE}" in held(house)
    assert ids(house) == [f"R-{1000 + each}" for each in range(PAGE)]
    look_at(notes, SAM, Look(page=7))
    house.work(homes, 2)
    assert ids(house) == ["R-1010", "R-1011"], "the last page there is"
    look_at(notes, SAM, Look(EVE))
    house.work(homes, 2)
    assert ids(house) == ["R-1000"]
    assert "1 access of Eve" in held(house)
    look_at(notes, SAM, Look(EVE, "orders-db"))
    house.work(homes, 2)
    assert "No access of Eve on orders-db" in held(house)
    opens(house, SAM)
    house.work(homes, 2)
    assert f"{PAGE + 2} accesses" in held(house)


def test_of_ten_thousand_a_page_is_read_and_the_rest_is_counted_no_further_than_needed(house, homes, monkeypatch):
    monkeypatch.setattr("bot.visibility.MOST_COUNTED", 15)
    monkeypatch.setattr("bot.views.held.MOST_COUNTED", 15)
    assert MOST_COUNTED == 1000
    for each in range(20):
        house.story(f"R-{1000 + each}", access=f"a/{each}").active()
    house.work(homes, 2)
    assert "More than 15 accesses · 1 to 10" in held(house)
    read = []
    by_id = house.ledger.requests_by_id
    monkeypatch.setattr(house.ledger, "requests_by_id", lambda ids: read.extend(ids) or by_id(ids))
    house.story("R-1000").released()
    house.work(homes, 2)
    assert len(read) <= PAGE


def test_one_whose_record_was_changed_is_named_and_can_be_revoked_by_its_id(house, homes):
    house.story("R-1111").active()
    house.story("R-2222", access="orders-db/write").active()
    with house.engine.begin() as connection, past_the_guards(connection):
        connection.exec_driver_sql(
            "UPDATE entries SET body = replace(body, 'orders_read', 'orders_own') "
            "WHERE request_id = 'R-1111' AND kind = 'granted'"
        )
    house.work(homes, 3)
    assert "*The record was changed* of R-1111." in held(house)
    assert ids(house) == ["R-2222"]
