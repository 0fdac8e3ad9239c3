"""What people press, and what they are told, through the playground and a real Bolt app in Socket Mode."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from bot.buttons import APPROVE, ASK_AGAIN, EXTEND, REVOKE, value_of
from bot.forms import CHOOSE_ACCESS, DENY_FORM, END_FORM, EXTEND_FORM, REQUEST_FORM, TAKE_OFFERED
from bot.listeners import acts
from bot.pool import Pool
from jit.facts import BEGIN_WITHIN, EndCause, RefusalReason
from jit.ledger import LedgerUnavailable, StoredDirectory
from jit.requests.lifecycle import State
from playground.faults import Fault
from playground.sample import ALICE, BOB, CAROL, EVE, MALLORY, REQUESTS, TEAM
from playground.socket_mode import Unanswered
from tests.world.outsiders import STRANGER
from tests.world.played_office import PlayedOffice, active_request, by, opened, rules_of_its_own

pytestmark = pytest.mark.scenario


def test_an_access_that_one_waits_for_or_holds_is_told_at_its_field(office: PlayedOffice) -> None:
    request = office.ask()
    form = office.form(ALICE, "request orders-db/read 30m again and again")
    said = form.submit().errors
    assert said == {
        "Access": "You asked for this already; it waits for an answer. To change it, withdraw it and ask again. "
        + request.id
    }
    assert form.value("Reason") == "again and again"
    office.wait(lambda: office.refusals() == [(ALICE, "request", RefusalReason.ALREADY_OPEN)])
    (fact,) = office.facts("refused")
    assert fact.request_id == request.id
    office.use_cases.approve(by(BOB), request.id, request.digest)
    office.make_active(request)
    assert "You have this access now." in form.submit().errors["Access"]
    form.fill({"Access": "orders-db/write"})
    assert form.submit().ok
    office.told(ALICE, "Asked.")


def test_a_reason_that_says_nothing_is_told_at_the_field_and_stays(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m")
    for reason in (".", "asdf", "xxx", "orders-db/read", "Qwertz qwertz"):
        form.fill({"Reason": reason})
        assert "Say why, in a few words" in form.submit(checked=False).errors["Reason"], reason
        assert form.value("Reason") == reason
    assert office.facts("refused") == []


def test_a_guest_is_refused_before_the_form(office: PlayedOffice) -> None:
    assert office.jit(MALLORY, "request orders-db/read 30m db down").ok
    office.told(MALLORY, "Only full members")
    assert not office.person(MALLORY).has_form()
    assert office.refusals() == [(MALLORY, "request", RefusalReason.BAD_STANDING)]
    office.stage.slack.world.change_user(MALLORY, guest=False)
    office.wait(lambda: office.jit(MALLORY, "request").ok and office.person(MALLORY).has_form())


def test_approve_is_answered_to_everybody_who_presses(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    world = office.stage.slack.world
    for actor, reason, says in (
        (ALICE, RefusalReason.OWN_REQUEST, "so somebody else of @dba has to decide. 2 people were asked."),
        (EVE, RefusalReason.NOT_ALLOWED_TO_DECIDE, "not among those who decide"),
        (MALLORY, RefusalReason.BAD_STANDING, "Only full members"),
        (STRANGER, RefusalReason.WRONG_WORKSPACE, "another workspace"),
    ):
        assert office.person(actor).press(shown, "Approve").ok
        assert request.id in office.told(actor, says)
        assert office.refusals()[-1] == (actor, "approve", reason)
    world.change_user(CAROL, deleted=True)
    office.person(CAROL).press(shown, "Approve")
    office.told(CAROL, "Only full members")
    office.person(BOB).press(shown, "Approve")
    assert office.told(BOB, "Approved.") == f"Approved. {request.id} is to be granted; its card says when it is."
    assert office.queue.grants == [request.id]
    office.person(BOB).press(shown, "Approve")
    assert request.id in office.told(BOB, "approved already")
    assert office.request(request.id).state is State.APPROVED


def test_first_of_two_approvals_says_what_is_still_needed(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/admin 30m INC-42 drop a column")
    form.submit()
    office.told(ALICE, "waits for 1 of @dba and 1 of @security")
    request = office.requests()[0]
    office.person(BOB).press(office.card(request), "Approve")
    said = f"Your approval counts; 1 more of @security is needed. {request.id}"
    assert office.told(BOB, "counts") == said


def test_deny_asks_why_and_tells(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    office.person(BOB).press(shown, "Deny")
    form = office.person(BOB).form()
    assert form.labels == ["Reason"]
    form.fill({"Reason": "token=abcdef123456"})
    assert "leave it out" in form.submit().errors["Reason"]
    form.fill({"Reason": "use the replica"})
    assert form.submit().ok
    assert request.id in office.told(BOB, "Denied.")
    denied = office.request(request.id)
    assert (denied.state, denied.closed_because) == (State.DENIED, "use the replica")


def test_approve_less_gives_less_and_whoever_said_yes_to_more_is_asked_again(tmp_path: Path) -> None:
    folder = rules_of_its_own(tmp_path)
    for rules in folder.glob("*.policy.yml"):
        rules.write_text(rules.read_text().replace("grants: [orders_read]", "grants: [orders_read, orders_look]"))
    with opened(tmp_path, folder) as office:
        request, bob = office.ask(duration="2h"), office.person(BOB)
        shown = office.card(request)
        bob.press(shown, "Approve less…")
        form = bob.form()
        assert form.labels == ["Duration", "Permissions", "Reason"]
        assert form.value("Duration") == "2h"
        assert "all that was asked" in form.submit().errors["Duration"]
        assert "At most 2 h" in form.fill({"Duration": "3h"}).submit().errors["Duration"]
        assert (
            "Leave at least one"
            in form.fill({"Duration": "1h", "Permissions": []}).submit(checked=False).errors["Permissions"]
        )
        assert form.fill({"Permissions": ["orders_read"], "Reason": "reading will do"}).submit().ok
        office.told(BOB, "Approved.")
        given = office.request(request.id)
        assert (given.state, given.duration, given.permissions) == (
            State.APPROVED,
            timedelta(hours=1),
            ("orders_read",),
        )
        (fact,) = office.facts("narrowed")
        assert (fact.asked_duration, fact.asked_permissions) == (timedelta(hours=2), ("orders_read", "orders_look"))
        assert fact.reason == "reading will do"


def test_who_may_not_decide_gets_no_form_to_give_less(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    for actor, says in ((ALICE, "so somebody else"), (EVE, "not among those"), (STRANGER, "another workspace")):
        office.person(actor).press(shown, "Approve less…")
        office.told(actor, says)
        assert not office.person(actor).has_form()
    office.person(BOB).press(shown, "Approve less…")
    form = office.person(BOB).form()
    assert form.labels == ["Duration", "Reason"], "of one permission none can be left out"
    office.use_cases.approve(by(CAROL), request.id, request.digest)
    form.fill({"Duration": "5m"}).submit()
    assert "approved already" in office.told(BOB, request.id)


def test_what_begins_later_is_approved_now_and_told_to_wait(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m at 0:01 need to look at stuck orders")
    assert form.value("Start") == "0:01"
    assert "At most 7 days" in form.fill({"Start": "2099-01-01 08:00"}).submit().errors["Start"]
    assert "like 22:00" in form.fill({"Start": "soon"}).submit(checked=False).errors["Start"]
    assert office.facts() == []
    assert form.fill({"Start": "tomorrow 8:00"}).submit().ok
    office.told(ALICE, "Asked.")
    request = office.requests()[0]
    assert request.start_at is not None
    office.person(BOB).press(office.card(request), "Approve")
    assert "if it is still approved by then" in office.told(BOB, f"Approved. {request.id} begins ")
    approved = office.request(request.id)
    assert (approved.state, approved.begins_at) == (State.APPROVED, request.start_at)
    assert approved.begin_by == request.start_at + BEGIN_WITHIN
    assert office.queue.grants == []
    office.person(ALICE).press(office.card(approved), "End access")
    assert "nothing was given" in office.told(ALICE, "Withdrawn.")


def test_denial_by_those_who_may_not_is_refused_before_a_reason_is_asked_for(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    for actor, says in (
        (ALICE, "press Withdraw to take it back"),
        (EVE, "not among those"),
        (STRANGER, "another workspace"),
    ):
        office.person(actor).press(shown, "Deny")
        office.told(actor, says)
        assert not office.person(actor).has_form()
    reasons = [reason for _, _, reason in office.refusals()]
    assert reasons == [RefusalReason.OWN_REQUEST, RefusalReason.NOT_ALLOWED_TO_DECIDE, RefusalReason.WRONG_WORKSPACE]


def test_denial_by_somebody_who_lost_their_say_meanwhile_is_refused_when_it_is_sent(office: PlayedOffice) -> None:
    request = office.ask()
    office.person(BOB).press(office.card(request), "Deny")
    form = office.person(BOB).form()
    office.person(CAROL).press(office.card(request), "Approve")
    office.told(CAROL, "Approved.")
    form.fill({"Reason": "no"}).submit()
    assert "approved already" in office.told(BOB, request.id)


def test_withdraw_is_for_the_requester_alone(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    office.person(BOB).press(shown, "Withdraw")
    office.told(BOB, "Only the person who asked")
    office.person(ALICE).press(shown, "Withdraw")
    office.told(ALICE, "Withdrawn.")
    assert office.request(request.id).state is State.WITHDRAWN


def test_end_access_revokes_with_a_reason_for_whoever_may(office: PlayedOffice) -> None:
    active = active_request(office)
    shown = office.card(active)
    assert shown.buttons == ["End access"]
    office.person(EVE).press(shown, "End access")
    office.told(EVE, "Only security")
    assert not office.person(EVE).has_form()
    office.person(CAROL).press(shown, "End access")
    form = office.person(CAROL).form()
    assert "Alice loses orders-db/read, and open sessions are cut." in form.text
    assert "leave it out" in form.fill({"Reason": "token=abcdef123456"}).submit().errors["Reason"]
    form.fill({"Reason": "seen where it should not be"}).submit()
    assert active.id in office.told(CAROL, "Revoked.")
    ending = office.request(active.id)
    assert (ending.end_cause, ending.closed_because) == (EndCause.REVOKED, "seen where it should not be")
    assert office.queue.revokes == [active.id]


def test_end_access_releases_for_its_holder_and_takes_back_what_was_not_given_yet(office: PlayedOffice) -> None:
    active = active_request(office)
    office.person(ALICE).press(office.card(active), "End access")
    office.told(ALICE, f"Released. {active.id}")
    assert office.request(active.id).end_cause is EndCause.RELEASED
    request = office.ask()
    office.use_cases.approve(by(BOB), request.id, request.digest)
    office.person(ALICE).press(office.card(request), "End access")
    office.told(ALICE, f"Withdrawn. {request.id}")
    assert office.request(request.id).state is State.WITHDRAWN
    assert office.facts("refused") == []


def test_the_buttons_of_earlier_cards_still_work(office: PlayedOffice) -> None:
    active = active_request(office)
    shown = office.card(active)
    office.person(CAROL).press_raw(shown, shown.action("End access") | {"action_id": REVOKE})
    assert active.id in office.told(CAROL, "Revoked.")
    assert office.request(active.id).closed_because == "revoked from the card"


def test_release_and_revoke_from_the_command_in_any_spelling(office: PlayedOffice) -> None:
    active = active_request(office)
    bare = active.id.removeprefix("R-").lower()
    office.jit(BOB, f"release {bare}")
    office.told(BOB, "Only the person who asked")
    office.jit(ALICE, f"RELEASE “r\u2013{bare}”")
    assert office.told(ALICE, "Released.") == f"Released. {active.id} is ending; its card says when it is gone."
    office.jit(CAROL, f"revoke {bare} seen in the wild")
    assert active.id in office.told(CAROL, "This access is ending already;")
    office.jit(CAROL, "show R-2222")
    office.told(CAROL, "There is no such request.")


def test_release_that_names_none_is_of_the_only_one_or_asks_which(office: PlayedOffice) -> None:
    office.jit(ALICE, "release")
    office.told(ALICE, "You hold no access now.")
    first = active_request(office)
    office.jit(ALICE, "release")
    office.told(ALICE, f"Released. {first.id}")
    second = active_request(office)
    third = active_request(office, access="orders-db/write")
    office.jit(ALICE, "release")
    assert second.id in office.told(ALICE, "Which one? You hold:")
    office.jit(ALICE, "release R-2222")
    said = office.told(ALICE, "There is no such request.")
    assert "orders-db/read" in said
    assert "orders-db/write" in said
    office.jit(EVE, f"release {third.id}")
    assert "You hold" not in office.told(EVE, "Only the person who asked")
    which = next(shown for shown in reversed(office.person(ALICE).sees(REQUESTS)) if "There is no" in shown.text)
    assert which.buttons == ["Release", "Release"]
    refused = len(office.facts("refused"))
    for other in ("admin", "asap"):
        office.jit(ALICE, f"release {other}")
    office.wait(lambda: str(office.person(ALICE).sees(REQUESTS)).count("Which one?") >= 3)
    assert len(office.facts("refused")) == refused
    office.jit(ALICE, "release write")
    office.told(ALICE, f"Released. {third.id}")
    office.person(ALICE).press_raw(which, which.content["blocks"][2]["accessory"] | {"block_id": "b"})
    office.told(ALICE, "Released.")
    office.wait(lambda: len(office.facts("released")) == 3)
    office.jit(STRANGER, "release")
    office.told(STRANGER, "another workspace")


def test_list_shows_ones_own_what_waits_and_to_security_all(office: PlayedOffice) -> None:
    office.jit(ALICE, "list")
    office.told(ALICE, "You have asked for nothing yet, and nothing waits for you.")
    active = active_request(office)
    pending = office.ask(access="orders-db/write")
    office.jit(ALICE, "list")
    said = office.told(ALICE, "Open")
    assert f"{active.id}  active   orders-db/read   until " in said
    assert f"{pending.id}  pending  orders-db/write  lapses " in said
    office.jit(EVE, "list")
    office.told(EVE, "You have asked for nothing yet, and nothing waits for you.")
    office.jit(CAROL, "list")
    said = office.told(CAROL, "Waiting for you")
    waiting, _, others = said.partition("Others")
    assert f"{pending.id}  pending  Alice  orders-db/write" in waiting
    assert active.id in others
    office.jit(BOB, "list")
    said = office.told(BOB, "Waiting for you")
    assert pending.id in said
    assert active.id not in said
    office.jit(MALLORY, "list")
    office.told(MALLORY, "Only full members")


def test_show_is_for_requester_approvers_and_security(office: PlayedOffice) -> None:
    active = active_request(office)
    for allowed in (ALICE, BOB, CAROL):
        office.jit(allowed, f"show {active.id}")
        said = office.told(allowed, "asked for")
        assert f"*{active.id}* · active · until" in said
        assert "approved by Bob" in said
    office.jit(EVE, f"show {active.id}")
    office.told(EVE, "There is no such request.")
    office.jit(STRANGER, f"show {active.id}")
    office.told(STRANGER, "another workspace")
    assert office.refusals() == [
        (EVE, "show", RefusalReason.UNKNOWN_REQUEST),
        (STRANGER, "show", RefusalReason.WRONG_WORKSPACE),
    ]


def test_changed_button_value_is_turned_away_and_recorded(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    action = shown.action("Approve")
    changed: list[tuple[dict[str, object], str, RefusalReason]] = [
        *(
            ({"value": value}, "does not look like ours", RefusalReason.MALFORMED)
            for value in ("", f"{request.id} {'0' * 63}", "R-7F3K'; drop", None, {"a": 1})
        ),
        (
            {"value": value_of(request.id, "0" * 64)},
            "does not belong to what the card shows now",
            RefusalReason.CARD_CHANGED,
        ),
        ({"value": value_of("R-2222", request.digest)}, "There is no such request.", RefusalReason.UNKNOWN_REQUEST),
        ({"action_id": "jit.of.old"}, "does not look like ours", RefusalReason.MALFORMED),
    ]
    for before, (change, says, reason) in enumerate(changed):
        office.person(BOB).press_raw(shown, action | change)
        office.told(BOB, says)
        office.wait(lambda before=before: len(office.refusals()) > before)
        assert office.refusals()[-1][2] is reason, change
    assert office.request(request.id).state is State.PENDING


def test_forged_denial_form_is_turned_away(office: PlayedOffice) -> None:
    request = office.ask()
    office.person(BOB).press(office.card(request), "Deny")
    form = office.person(BOB).form()
    office.client.views_update(
        view_id=form.view["id"],
        view={key: form.view[key] for key in ("type", "callback_id", "title", "submit", "blocks")}
        | {"private_metadata": f"{request.id} forged"},
    )
    form.fill({"Reason": "no"})
    assert form.submit().ok
    assert office.person(BOB).finds("does not look like ours").text
    assert office.request(request.id).state is State.PENDING


def test_full_pool_tells_the_presser_at_once_and_records_it(tmp_path: Path) -> None:
    pool = Pool(threads=1, waiting=1)
    blocked, free = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        free.wait()

    with opened(tmp_path, pool=pool) as office:
        request = office.ask()
        office.told(ALICE, "Asked.")
        shown = office.card(request)
        form = office.form(ALICE, "request orders-db/write 30m also this")
        office.wait(lambda: pool.submit(block))
        blocked.wait()
        assert pool.submit(lambda: None)
        try:
            office.person(BOB).press(shown, "Approve")
            office.told(BOB, "Too much is going on right now.")
            assert form.submit().errors == {
                "Access": "Too much is going on right now. Nothing was changed; please press again."
            }
            office.wait(lambda: len(office.refusals()) == 2)
        finally:
            free.set()
        assert {*office.refusals()} == {(BOB, "approve", RefusalReason.BUSY), (ALICE, "request", RefusalReason.BUSY)}
        assert office.request(request.id).state is State.PENDING


def test_ledger_that_cannot_be_written_decides_nothing_and_says_so(
    office: PlayedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.ask()
    shown = office.card(request)

    def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("disk I/O error")

    monkeypatch.setattr(office.ledger, "append", away)
    office.person(BOB).press(shown, "Approve")
    assert office.told(BOB, "record") == (
        "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
    )
    office.person(EVE).press(shown, "Approve")
    office.told(EVE, "nothing was done")


@pytest.mark.parametrize("where", ["pool", "listener"])
def test_unexpected_fault_is_told_with_an_id_that_is_in_the_log(
    office: PlayedOffice, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(*{"pool": (acts, "release", broken), "listener": (office.policies, "current", broken)}[where])
    with structlog.testing.capture_logs() as logs:
        assert office.jit(ALICE, {"pool": "release R-7F3K", "listener": "request"}[where]).ok
        said = office.told(ALICE, "Something went wrong on our side")
        fault = next(line for line in logs if line["event"] == "fault.unexpected")
    assert said.endswith(f"Error {fault['error_id']}.")
    assert "hunter2" not in str(logs)


def test_fault_before_the_acknowledgement_still_acknowledges(
    office: PlayedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = office.form(ALICE, "request orders-db/read 30m db down")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(office.policies, "current", broken)
    assert form.submit(checked=False).ok
    assert "Error E-" in office.person(ALICE).finds("Something went wrong").text


def test_form_that_slack_does_not_open_is_said(office: PlayedOffice) -> None:
    office.stage.slack.faults.plan("views.open", Fault.SERVER_ERROR)
    assert office.jit(ALICE, "request").ok
    office.told(ALICE, "Slack did not open the form")


def test_stale_groups_are_said_in_the_form_and_refuse_it(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m db down")
    office.clock.advance(timedelta(seconds=60))
    assert "not known freshly enough" in form.submit(checked=False).errors["Access"]
    office.wait(lambda: office.refusals() == [(ALICE, "request", RefusalReason.STALE_GROUPS)])
    form.close()
    again = office.form(ALICE)
    assert "not known freshly enough" in again.text
    assert again.options("Access") == []


def test_broken_policy_is_said_in_the_form_and_refuses_it(tmp_path: Path) -> None:
    folder = rules_of_its_own(tmp_path)
    with opened(tmp_path, folder) as office:
        form = office.form(ALICE, "request orders-db/read 30m db down")
        next(folder.glob("*.policy.yml")).write_text("access: [")
        office.clock.advance(timedelta(seconds=2))
        office.policies.last_good = None  # as for a bot that never read others
        assert "jit policy check" in form.submit(checked=False).errors["Access"]
        office.wait(lambda: office.refusals() == [(ALICE, "request", RefusalReason.POLICY_BROKEN)])
        form.close()
        assert "jit policy check" in office.form(ALICE).text


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        (("request: [group:engineering]", "request: [group:dba]"), RefusalReason.NOT_ALLOWED_TO_ASK, "no such access"),
        (("from: [group:dba]", "from: [U01ALICE0]"), RefusalReason.NOBODY_COULD_APPROVE, "Nobody but you"),
        (
            ("U01ALICE0: {postgres: alice}", "U02BOB000: {postgres: bob}"),
            RefusalReason.NO_PRINCIPAL,
            "Nobody has written",
        ),
    ],
    ids=["not offered", "nobody could approve", "no principal"],
)
def test_form_that_the_rules_refuse_is_on_the_record(
    tmp_path: Path, change: tuple[str, str], reason: RefusalReason, says: str
) -> None:
    folder = rules_of_its_own(tmp_path)
    with opened(tmp_path, folder) as office:
        form = office.form(ALICE, "request orders-db/read 30m db down")
        file = next(folder.glob("*.policy.yml"))
        rules = file.read_text()
        if reason is RefusalReason.NO_PRINCIPAL:
            rules = rules.replace("  U02BOB000: {postgres: bob}\n", "")
        file.write_text(rules.replace(*change))
        office.clock.advance(timedelta(seconds=2))
        assert says in form.submit(checked=False).errors["Access"]
        office.wait(lambda: office.refusals() == [(ALICE, "request", reason)])
        (fact,) = office.facts("refused")
        assert fact.access == "orders-db/read"


def test_slip_in_the_form_is_mended_there_and_not_on_the_record(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m db down")
    for slip in (
        {"Duration": "9h"},
        {"Duration": "soon"},
        {"Reason": " "},
        {"Reason": "n/a"},
        {"Reason": "token=abcdef123456"},
    ):
        form.fill({"Duration": "30m", "Reason": "db down"} | slip)
        assert form.submit(checked=False).errors, slip
    form.fill({"Duration": "30m", "Reason": "db down"}).submit()
    office.told(ALICE, "Asked.")
    assert office.facts("refused") == []


def test_presser_who_cannot_be_looked_up_is_refused(office: PlayedOffice) -> None:
    request = office.ask()
    shown = office.card(request)
    office.clock.advance(timedelta(seconds=2))
    office.stage.slack.faults.plan("users.info", Fault.SERVER_ERROR, times=10)
    office.person(BOB).press(shown, "Approve")
    assert request.id in office.told(BOB, "Slack did not say in time who you are.")
    assert office.refusals() == [(BOB, "approve", RefusalReason.CANNOT_LOOK_UP)]


def test_change_of_a_group_counts_at_once(office: PlayedOffice) -> None:
    world = office.stage.slack.world
    world.set_members("S0ENGIN01", [BOB])
    office.wait(lambda: office.directory.groups().members["S0ENGIN01"] == frozenset({BOB}))
    assert office.form(ALICE).options("Access") == []
    world.disable_group("S0ENGIN01")
    office.wait(lambda: "S0ENGIN01" not in office.directory.groups().members)


def test_deleted_person_is_known_to_the_workers_at_once(office: PlayedOffice) -> None:
    office.ask()
    office.stage.slack.world.change_user(ALICE, deleted=True)
    stored = StoredDirectory(office.ledger.engine)
    office.wait(lambda: stored.look_up(ALICE).deleted)


def test_payload_with_missing_fields_is_acknowledged(office: PlayedOffice) -> None:
    for payload in (
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "user": {"id": ALICE}, "actions": []},
        {"type": "block_actions", "user": {"id": ALICE}, "actions": [{"action_id": APPROVE, "block_id": "b"}]},
        {"type": "block_actions", "user": {"id": 5}, "team": {"id": 7}, "actions": [{"action_id": APPROVE}]},
        {"type": "view_submission", "user": {"id": ALICE}, "view": {"callback_id": REQUEST_FORM}},
        {"type": "view_submission", "user": {"id": ALICE}, "view": {"callback_id": "old"}},
        {"type": "view_submission", "user": {"id": ALICE}, "view": {"callback_id": DENY_FORM, "state": []}},
        {"type": "block_suggestion", "user": {"id": ALICE}, "action_id": CHOOSE_ACCESS},
        {"type": "block_suggestion", "user": {"id": ALICE}, "action_id": "old"},
        {"type": "shortcut", "user": {"id": ALICE}, "callback_id": "old"},
        {"command": "/jit", "user_id": ALICE},
        {"command": "/jit", "user_id": ALICE, "text": "request"},
        {"command": "/jit", "user_id": ALICE, "text": None, "team_id": TEAM},
        {"type": "event_callback", "event": {"type": "subteam_members_changed"}},
        {"type": "event_callback", "event": {"type": "subteam_updated", "subteam": {"id": "S1", "users": 3}}},
        {"type": "event_callback", "event": {"type": "user_change", "user": []}},
        {"type": "event_callback", "event": {"type": "of_tomorrow"}},
        {"type": "event_callback", "event": {"type": "app_mention"}},
        {"type": "event_callback", "event": {"type": "app_mention", "user": ALICE, "text": 5, "channel": []}},
        {"type": "event_callback", "event": {"type": "message", "channel_type": "im", "user": 7}},
        {"type": "block_actions", "user": {"id": ALICE}, "actions": [{"action_id": TAKE_OFFERED, "value": {}}]},
        {"type": "block_actions", "user": {"id": ALICE}, "actions": [{"action_id": ASK_AGAIN}]},
        {"type": "view_submission", "user": {"id": ALICE}, "view": {"callback_id": END_FORM, "state": []}},
        {"type": "block_actions", "user": {"id": ALICE}, "actions": [{"action_id": EXTEND, "value": {}}]},
        {"type": "view_submission", "user": {"id": ALICE}, "view": {"callback_id": EXTEND_FORM, "state": []}},
    ):
        try:
            office.stage.slack.hub.ask("slash_commands" if "command" in payload else "interactive", payload)
        except Unanswered:
            pytest.fail(str(payload))
