"""In an organisation of several workspaces, whoever Slack says is in ours is one of us, and nobody else is."""

from types import SimpleNamespace

import pytest

from bot.directory import read_person
from bot.doctor.app import look_at_app
from bot.doctor.workspace import Welcome
from bot.listeners.caller import NO_TEAM, read_caller
from jit.clock import SystemClock
from jit.facts import RefusalReason
from jit.ledger import StoredDirectory
from jit.people.person import Person, Standing
from jit.ports import DirectoryUnavailable
from jit.runtime.settings import SLACK
from jit.testing import ALICE, BOB, WORKSPACE, InMemoryLedger
from jit.use_cases.actor import membership_trouble
from tests.world.fake_slack import answer
from tests.world.office import Office, actor

OURS, SISTER, ORGANISATION, ELSEWHERE = WORKSPACE, "T0SISTER1", "E0ACME001", "T0OTHER01"
IN_BOTH = {"enterprise_id": ORGANISATION, "teams": [SISTER, OURS]}
COLLEAGUE = {"id": "W0COLLEAG", "name": "cole", "enterprise_user": IN_BOTH}


def standing(**said):
    return read_person(COLLEAGUE | said).standing(OURS)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_a_full_member_of_ours_among_others_is_one_of_us_whatever_team_slack_names_first():
    for said in ({"team_id": SISTER}, {"team_id": None}, {}, {"team_id": OURS}, {"team_id": ORGANISATION}):
        assert standing(**said) is Standing.GOOD, said


def test_who_is_not_in_our_workspace_or_no_full_member_stays_out():
    alone = {"enterprise_id": ORGANISATION, "teams": [SISTER]}
    for said, is_seen_as in (
        ({"enterprise_user": alone}, Standing.EXTERNAL),
        ({"enterprise_user": {}, "team_id": SISTER}, Standing.EXTERNAL),
        ({"enterprise_user": None}, Standing.EXTERNAL),
        ({"enterprise_user": {"teams": OURS}}, Standing.EXTERNAL),
        ({"enterprise_user": [OURS]}, Standing.EXTERNAL),
        ({"enterprise_user": {"teams": [[OURS], None, 1]}}, Standing.EXTERNAL),
        ({"is_stranger": True}, Standing.EXTERNAL),
        ({"is_restricted": True}, Standing.GUEST),
        ({"is_ultra_restricted": True}, Standing.GUEST),
        ({"deleted": True}, Standing.DELETED),
        ({"is_bot": True}, Standing.BOT),
    ):
        assert standing(**said) is is_seen_as, said


def test_nobody_is_one_of_us_before_our_workspace_is_known():
    assert read_person(COLLEAGUE).standing("") is Standing.UNKNOWN


def test_a_colleague_whose_press_names_another_workspace_acts_as_one_of_ours(office):
    request = office.asked()
    office.directory.change(BOB, team=SISTER, teams=(SISTER, OURS, ORGANISATION))
    for team in (SISTER, OURS, ORGANISATION):
        assert membership_trouble(actor(BOB, team), OURS, office.directory.look_up) is None, team
    office.use_cases.approve(actor(BOB, SISTER), request.id, request.digest)
    assert office.request(request.id).approvers == (BOB,)


def test_a_press_of_elsewhere_is_none_of_ours_even_with_the_id_of_one_of_us(office):
    office.directory.change(BOB, team=SISTER, teams=(SISTER, OURS, ORGANISATION))
    office.directory.change(ALICE, team=SISTER, teams=(SISTER, ORGANISATION))
    of_no_team_of_his = ((BOB, ELSEWHERE), (BOB, NO_TEAM), (BOB, ""), (BOB, None))
    for person, team in (*of_no_team_of_his, (ALICE, SISTER), (ALICE, ORGANISATION)):
        trouble = membership_trouble(actor(person, team), OURS, office.directory.look_up)
        assert trouble is RefusalReason.WRONG_WORKSPACE, (person, team)


def test_a_colleague_who_is_a_guest_here_or_gone_does_not_act(office):
    for how in ({"guest": True}, {"deleted": True}, {"bot": True}):
        office.directory.people[BOB] = Person(id=BOB, team=SISTER, name="Bob", teams=(SISTER, OURS), **how)
        trouble = membership_trouble(actor(BOB, SISTER), OURS, office.directory.look_up)
        assert trouble is RefusalReason.BAD_STANDING, how


def test_where_slack_does_not_answer_a_press_of_elsewhere_is_one_of_elsewhere():
    def away(_person):
        raise DirectoryUnavailable("silent")

    assert membership_trouble(actor(BOB, SISTER), OURS, away) is RefusalReason.WRONG_WORKSPACE
    assert membership_trouble(actor(BOB), OURS, away) is RefusalReason.CANNOT_LOOK_UP


def test_payloads_of_an_installation_in_the_whole_organisation_are_read():
    organisation = {"is_enterprise_install": True, "enterprise": {"id": ORGANISATION, "name": "Acme"}, "team": None}
    for body, person, team in (
        ({**organisation, "user": {"id": "W0COLLEAG", "team_id": SISTER}}, "W0COLLEAG", SISTER),
        ({**organisation, "user": {"id": "W0COLLEAG", "team_id": None}}, "W0COLLEAG", ORGANISATION),
        ({**organisation, "user": {"id": "W0COLLEAG"}}, "W0COLLEAG", ORGANISATION),
        ({"user_id": "W0COLLEAG", "team_id": None, "enterprise_id": ORGANISATION}, "W0COLLEAG", ORGANISATION),
        ({"user_id": "W0COLLEAG", "team_id": SISTER, "enterprise_id": ORGANISATION}, "W0COLLEAG", SISTER),
        ({"user": {"id": "W0COLLEAG"}, "team": None, "enterprise": None}, "W0COLLEAG", NO_TEAM),
    ):
        caller = read_caller(body)
        assert (caller.by.id, caller.by.team) == (person, team), body


def test_workers_know_in_which_workspaces_somebody_is_and_read_what_was_kept_before():
    ledger = InMemoryLedger()
    stored, now = StoredDirectory(ledger.engine), SystemClock().now()
    cole = read_person(COLLEAGUE | {"team_id": SISTER})
    plain = Person(id=BOB, team=OURS, name="Bob")
    for person in (cole, plain):
        stored.keep_person(person, now)
        assert stored.look_up(person.id) == person
        assert stored.look_up(person.id).standing(OURS) is Standing.GOOD
    with ledger.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT value FROM directory").scalars().all()
    assert ["teams" in each for each in kept] == [SISTER in each for each in kept]


def test_the_doctor_says_what_does_not_work_in_an_installation_in_the_whole_organisation():
    said = {"user": "jit", "bot_id": "B1", "team": "acme", "team_id": ORGANISATION, "is_enterprise_install": True}
    now = SystemClock().now()
    welcome = Welcome(answer(said), {}, now, now)
    visit = SimpleNamespace(welcome=lambda: welcome, where="slack.com", api_url=SLACK, welcomed=True)
    (line,) = [line for line in look_at_app(visit) if "whole organisation" in line.what]
    assert line.ok is False
    assert "Install the app in one workspace" in line.remedy
