"""People and groups from a Slack on loopback."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from slack_sdk import WebClient

from bot.directory import ASKED_FOR_AT_MOST, POLL_EVERY, AnotherWorkspace, SlackDirectory, read_person
from jit.ledger import StoredDirectory
from jit.people.person import NO_GROUPS, Standing
from jit.ports import DirectoryUnavailable, UnknownPerson
from jit.requests.intake import RequestForm as Asking
from jit.requests.refusal import Refusal
from jit.testing import InMemoryLedger, ManualClock
from jit.use_cases.request import request_access
from playground.faults import Fault
from playground.sample import ALICE, BOB, BOT, BOT_TOKEN, CAROL, EVE, MALLORY, TEAM, sample_workspace
from playground.slack import Slack
from tests.world.office import Office, actor
from tests.world.played_office import POLICIES
from tests.world.playgrounds import Playgrounds
from tests.world.raised import raised

ENGINEERING = "S0ENGIN01"
Asked = list[str]


@dataclass
class Setting:
    slack: Slack
    directory: SlackDirectory
    stored: StoredDirectory
    clock: ManualClock

    def calls_fail(self, method: str, fault: Fault, times: int = 1, retry_after: int = 1) -> None:
        self.slack.faults.plan(method, fault, times, retry_after)

    def later(self, **by: float) -> None:
        self.clock.move(**by)


@pytest.fixture
def setting(playgrounds: Playgrounds) -> Iterator[Setting]:
    slack, clock, stored = sample_workspace(), ManualClock(), StoredDirectory(InMemoryLedger().engine)
    with playgrounds.running(slack):
        client = WebClient(token=BOT_TOKEN, base_url=f"{slack.url}/api/")
        yield Setting(slack, SlackDirectory(client, stored, clock), stored, clock)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Those for whom Slack was asked from now on."""
    people: list[str] = []
    ask = WebClient.users_info

    def counted(client: WebClient, *, user: str) -> object:
        people.append(user)
        return ask(client, user=user)

    monkeypatch.setattr(WebClient, "users_info", counted)
    return people


def members(setting: Setting) -> frozenset[str]:
    return setting.directory.groups().members[ENGINEERING]


def test_workspace_is_learned_and_kept(setting: Setting) -> None:
    assert setting.directory.workspace == ""
    setting.directory.connect()
    assert setting.directory.workspace == setting.stored.workspace == TEAM


def test_a_token_of_another_workspace_is_refused_and_makes_nobody_a_stranger(setting: Setting) -> None:
    """Everybody who holds access would count as gone, and lose it within seconds."""
    setting.stored.keep_workspace("T0ELSEWHERE", setting.clock.now())
    with pytest.raises(AnotherWorkspace, match=f"is of the workspace {TEAM}, and this ledger of T0ELSEWHERE"):
        setting.directory.connect()
    assert setting.directory.workspace == ""
    assert setting.stored.workspace == "T0ELSEWHERE"


def test_answer_about_a_person_is_reused_for_a_second_and_kept_for_the_workers(setting: Setting) -> None:
    assert setting.directory.look_up(ALICE).name == "Alice"
    setting.slack.world.change_user(ALICE, deleted=True)
    setting.later(milliseconds=999)
    assert not setting.directory.look_up(ALICE).deleted
    setting.later(milliseconds=1)
    assert setting.directory.look_up(ALICE).standing(TEAM) is Standing.DELETED
    assert setting.stored.look_up(ALICE).deleted


def test_clock_set_back_reuses_nothing(setting: Setting) -> None:
    setting.directory.look_up(ALICE)
    setting.slack.world.change_user(ALICE, deleted=True)
    setting.later(hours=-1)
    assert setting.directory.look_up(ALICE).deleted


def test_changed_account_is_looked_up_again_if_the_workers_know_it(setting: Setting) -> None:
    setting.directory.look_up(ALICE)
    for person in (ALICE, BOB):
        setting.slack.world.change_user(person, guest=True)
        setting.directory.changed(person)
    assert setting.stored.look_up(ALICE).guest
    with pytest.raises(DirectoryUnavailable):
        setting.stored.look_up(BOB)


def test_changed_account_that_cannot_be_looked_up_is_asked_about_again_with_the_next_poll(setting: Setting) -> None:
    setting.directory.look_up(ALICE)
    setting.slack.world.change_user(ALICE, deleted=True)
    setting.calls_fail("users.info", Fault.SERVER_ERROR)
    setting.directory.changed(ALICE)
    assert not setting.stored.look_up(ALICE).deleted

    class StopAfterOne:
        waits = iter([False, True])

        def wait(self, seconds: float) -> bool:
            return next(self.waits)

    setting.directory.keep_polling(StopAfterOne())
    assert setting.stored.look_up(ALICE).deleted


def test_one_account_that_nobody_can_look_up_keeps_no_other_from_being_looked_up_again(setting: Setting) -> None:
    gone = replace(setting.directory.look_up(ALICE), id="U0GONE0000")
    setting.stored.keep_person(gone, setting.clock.now())
    setting.directory.look_up(BOB)
    setting.slack.world.change_user(BOB, deleted=True)
    for person in (gone.id, "", BOB):
        setting.calls_fail("users.info", Fault.SERVER_ERROR)
        setting.directory.changed(person)
    setting.slack.faults.clear()
    setting.directory.changed(CAROL)
    assert setting.stored.look_up(BOB).deleted


def test_whoever_presses_or_changes_all_the_time_does_not_use_up_what_slack_answers(
    setting: Setting, asked: Asked
) -> None:
    for _ in range(60):
        with suppress(DirectoryUnavailable):
            setting.directory.look_up(EVE)
        setting.directory.changed(EVE)
        setting.later(seconds=1)
    assert len(asked) <= 12


def test_whoever_asks_for_access_all_the_time_has_approvers_looked_up_once(
    setting: Setting, asked: Asked, tmp_path: Path
) -> None:
    office = Office(tmp_path, clock=setting.clock, rules=POLICIES)
    setting.directory.connect()
    setting.directory.poll()
    office.directory = setting.directory
    core = office.another_core()
    for _ in range(20):
        with suppress(Refusal):
            asking = Asking("orders-db/admin", "30m", "look at stuck orders", "INC-1")
            request_access(core, by=actor(ALICE, TEAM), asked=asking)
        setting.later(seconds=1)
    assert len(office.facts("requested")) == 1
    assert asked.count(BOB) == 1
    assert len(asked) <= 10


def test_nobody_is_not_asked_for_all_the_time_either(setting: Setting, asked: Asked) -> None:
    for _ in range(60):
        assert raised(DirectoryUnavailable, setting.directory.look_up, "U0NOBODY00")
        setting.later(seconds=1)
    assert len(asked) <= 12


def test_whoever_was_asked_for_often_counts_as_ten_seconds_ago_and_as_unknown_once_they_changed(
    setting: Setting,
) -> None:
    for _ in range(ASKED_FOR_AT_MOST + 1):
        setting.later(seconds=1)
        setting.directory.look_up(ALICE)
    setting.slack.world.change_user(ALICE, deleted=True)
    setting.later(seconds=9)
    assert not setting.directory.look_up(ALICE).deleted
    setting.directory.changed(ALICE)
    assert raised(DirectoryUnavailable, setting.directory.look_up, ALICE)
    setting.later(seconds=1)
    assert setting.directory.look_up(ALICE).deleted


def test_person_who_cannot_be_asked_about_is_unavailable(setting: Setting) -> None:
    for fault in (Fault.SERVER_ERROR, Fault.DROPPED, Fault.RATE_LIMITED, Fault.LOST_BY_RESET):
        setting.calls_fail("users.info", fault)
        assert raised(DirectoryUnavailable, setting.directory.look_up, ALICE), fault
    for person in ("U0NOBODY00", "", "cli:alice@host", "U01ALICE0?x", "USLACK BOT"):
        assert raised(DirectoryUnavailable, setting.directory.look_up, person), person


def test_nobody_of_an_id_is_another_thing_than_no_answer(setting: Setting) -> None:
    assert isinstance(raised(DirectoryUnavailable, setting.directory.look_up, "U0NOBODY00"), UnknownPerson)
    setting.calls_fail("users.info", Fault.SERVER_ERROR)
    assert not isinstance(raised(DirectoryUnavailable, setting.directory.look_up, ALICE), UnknownPerson)


def test_every_bad_standing_is_read_from_what_slack_says() -> None:
    good = {"id": "U1", "team_id": "T1", "name": "al"}

    def standing(**said: object) -> Standing:
        return read_person(good | said).standing("T1")

    assert standing() is Standing.GOOD
    assert standing(deleted=True) is Standing.DELETED
    assert standing(is_bot=True) is standing(is_app_user=True) is standing(id="USLACKBOT") is Standing.BOT
    assert standing(is_restricted=True) is standing(is_ultra_restricted=True) is Standing.GUEST
    assert standing(is_stranger=True) is standing(team_id="T2") is Standing.EXTERNAL


def test_names_of_people_and_groups_and_of_what_is_neither(setting: Setting) -> None:
    setting.directory.poll()
    assert setting.directory.name(BOB) == "Bob"
    assert setting.directory.name(ENGINEERING) == "engineering"
    assert setting.directory.name("cli:root@host") == "cli:root@host"
    assert setting.directory.name("U0NOBODY00") == "U0NOBODY00"


def test_name_is_drawn_from_what_is_kept_while_slack_is_away(setting: Setting) -> None:
    setting.directory.look_up(BOB)
    again = SlackDirectory(WebClient(token=BOT_TOKEN, base_url="http://127.0.0.1:9/"), setting.stored, setting.clock)
    assert again.name(BOB) == "Bob"


def test_groups_are_stale_until_polled_and_dated_by_when_the_poll_began(setting: Setting) -> None:
    assert setting.directory.groups() is NO_GROUPS
    assert setting.directory.poll() == POLL_EVERY
    assert members(setting) == {ALICE, BOB, EVE}
    assert setting.directory.groups().as_of == setting.clock.now()
    assert setting.stored.groups() == setting.directory.groups()


def test_rate_limited_poll_waits_as_long_as_slack_asks_and_leaves_the_snapshot_old(setting: Setting) -> None:
    setting.directory.poll()
    before = setting.directory.groups()
    setting.later(seconds=10)
    setting.calls_fail("usergroups.list", Fault.RATE_LIMITED, retry_after=17)
    assert setting.directory.poll() == timedelta(seconds=17)
    setting.calls_fail("usergroups.list", Fault.SERVER_ERROR)
    assert setting.directory.poll() == POLL_EVERY
    assert setting.directory.groups() is before


def test_event_changes_the_members_but_not_the_age(setting: Setting) -> None:
    setting.directory.poll()
    as_of = setting.directory.groups().as_of
    setting.later(seconds=5)
    setting.directory.members_changed(ENGINEERING, frozenset({CAROL}), frozenset({EVE}), 20)
    assert members(setting) == setting.stored.groups().members[ENGINEERING] == {ALICE, BOB, CAROL}
    assert setting.directory.groups().as_of == setting.stored.groups().as_of == as_of


def test_older_event_that_comes_late_changes_nothing(setting: Setting) -> None:
    setting.directory.poll()
    setting.directory.group_changed(ENGINEERING, frozenset({ALICE}), "engineering", 20)
    setting.directory.members_changed(ENGINEERING, frozenset({MALLORY}), frozenset(), 19)
    assert members(setting) == {ALICE}


def test_event_heard_while_polling_survives_the_older_answer(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.directory.poll()
    ask = WebClient.usergroups_list

    def slow(client: WebClient, **arguments: object) -> object:
        answer = ask(client, **arguments)
        setting.directory.members_changed(ENGINEERING, frozenset(), frozenset({EVE}), 20)
        return answer

    monkeypatch.setattr(WebClient, "usergroups_list", slow)
    setting.directory.poll()
    assert members(setting) == {ALICE, BOB}
    monkeypatch.undo()
    setting.later(seconds=10)
    setting.directory.poll()
    assert members(setting) == {ALICE, BOB, EVE}


def test_disabled_and_unknown_groups(setting: Setting) -> None:
    setting.directory.poll()
    setting.directory.group_changed(ENGINEERING, None, "engineering", 20)
    assert ENGINEERING not in setting.directory.groups().members
    setting.directory.members_changed("S0UNKNOWN", frozenset({ALICE}), frozenset(), 20)
    assert "S0UNKNOWN" not in setting.directory.groups().members
    setting.directory.group_changed("S0NEW", frozenset({BOT}), "new", 20)
    assert setting.directory.groups().members["S0NEW"] == {BOT}


def test_event_before_the_first_poll_makes_no_snapshot(setting: Setting) -> None:
    setting.directory.group_changed(ENGINEERING, frozenset({ALICE}), "engineering", 20)
    assert setting.directory.groups() is NO_GROUPS


def test_a_changed_email_is_noticed_at_once_and_is_theirs_once_security_says_so(setting: Setting) -> None:
    said: dict[str, str] = {}
    client = WebClient(token=BOT_TOKEN, base_url=f"{setting.slack.url}/api/")
    setting.directory = SlackDirectory(
        client, setting.stored, setting.clock, rebound=lambda person: said.get(person, "")
    )
    first = setting.directory.look_up(BOB)
    assert (first.email_changed, setting.stored.look_up(BOB).first_email) == (False, first.email)
    setting.slack.world.change_user(BOB, name="mallory")
    setting.directory.changed(BOB)
    assert setting.stored.look_up(BOB).email_changed
    setting.later(seconds=2)
    said[BOB] = setting.stored.look_up(BOB).email.upper()
    assert not setting.directory.look_up(BOB).email_changed
    assert not setting.stored.look_up(BOB).email_changed
