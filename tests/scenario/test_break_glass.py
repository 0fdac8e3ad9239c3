"""Break-glass as it is typed and pressed, through the playground and a real Bolt app in Socket Mode."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.views.alert import draw_alert
from bot.views.break_glass import draw_break_glass
from jit.facts import Alert, RefusalReason
from jit.requests.lifecycle import Request, State
from playground.person import Shown
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from tests.world.played_office import PlayedOffice, by, opened, rules_of_its_own

pytestmark = pytest.mark.scenario

GLASS = (
    "    break_glass: {who: [U01ALICE0, U04EVE000], max_duration: 30m, review_within: 24h, review_by: [group:dba]}\n"
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PlayedOffice]:
    rules = rules_of_its_own(tmp_path)
    file = rules / "orders.policy.yml"
    file.write_text(file.read_text().replace("    incident: '(INC|CHG)", f"{GLASS}    incident: '(INC|CHG)", 1))
    with opened(tmp_path, rules) as made:
        made.incidents.open = {"INC-42": True, "INC-41": False}
        yield made


def breaks(office: PlayedOffice, typed: str = "break-glass INC-42 orders are stuck") -> Request:
    before = len(office.requests())
    assert office.form(ALICE, typed).submit().ok
    office.wait(lambda: len(office.requests()) > before)
    return office.requests()[0]


def alert(office: PlayedOffice, request: Request) -> Shown:
    """As the follower would post it."""
    [fact] = [fact for fact in office.facts("alert") if isinstance(fact, Alert) and fact.request_id == request.id]
    drawn = draw_break_glass(fact, office.request(request.id), office.directory.name)
    posted = office.client.chat_postMessage(channel=REQUESTS, text=drawn.text, blocks=drawn.blocks)
    return next(shown for shown in office.person(BOB).sees(REQUESTS) if shown.ts == posted["ts"])


def test_form_says_what_happens_and_lets_in_at_once(office: PlayedOffice) -> None:
    form = office.form(ALICE, "break-glass INC-42 orders are stuck")
    assert "You get in at once, without anybody's approval." in form.text
    assert "@dba reviews it within 1 d" in form.text, form.text
    assert [form.value(label) for label in ("Duration", "Reason", "Incident")] == ["30m", "orders are stuck", "INC-42"]
    assert form.labels == ["Access", "Duration", "Reason", "Incident"]
    assert form.submit().ok
    assert "You are let in" in office.told(ALICE, "let in")
    [request] = office.requests()
    assert (request.state, request.access, request.basis) == (State.APPROVED, "orders-db/admin", "emergency")
    assert office.queue.grants == [request.id]
    card = office.card(request)
    assert card.text.startswith("BREAK-GLASS") or "BREAK-GLASS" in card.text
    assert "Not asked: @dba and @security" in str(card)


def test_slips_are_mended_in_the_form_and_a_closed_incident_is_told(office: PlayedOffice) -> None:
    form = office.form(ALICE, "break-glass 45m")
    form.fill({"Reason": "orders are stuck", "Incident": "soon"})
    errors = form.submit(checked=False).errors
    assert errors["Duration"] == "At most 30 min for orders-db/admin in an emergency."
    assert "Incident" in errors
    form.fill({"Duration": "20m", "Incident": "INC-41"})
    assert form.submit().ok
    told = office.told(ALICE, "INC-41 is not open")
    assert "What you typed: `/jit break-glass orders-db/admin 20m INC-41 orders are stuck`" in told
    assert office.requests() == []
    assert office.refusals() == [(ALICE, "break_glass", RefusalReason.NO_OPEN_INCIDENT)]


def test_who_is_not_listed_is_told_at_once_and_sees_no_form(office: PlayedOffice) -> None:
    office.jit(BOB, "break-glass INC-42 db down")
    assert "`/jit request` asks people" in office.told(BOB, "nothing for which you may break the glass")
    assert not office.person(BOB).has_form()


def test_a_slip_in_the_name_takes_nothing_and_nothing_that_asks_people_is_offered_in_its_place(
    office: PlayedOffice,
) -> None:
    form = office.form(ALICE, "break-glass orders-db/admn INC-42 orders are stuck")
    assert [form.value(label) for label in ("Reason", "Incident")] == ["orders are stuck", "INC-42"]
    assert form.value("Access") == "orders-db/admin", "there is only this"
    assert "not among" not in form.text
    assert "Use orders-db" not in form.text


def test_groups_that_are_not_known_now_are_told_of_and_not_taken_for_nobody_is_listed(
    office: PlayedOffice, tmp_path: Path
) -> None:
    file = tmp_path / "policies" / "orders.policy.yml"
    file.write_text(file.read_text().replace("who: [U01ALICE0, U04EVE000]", "who: [group:engineering]"))
    office.clock.advance(timedelta(minutes=1))
    office.jit(ALICE, "break-glass INC-42 orders are stuck")
    assert "Who is in which group is not known" in office.told(ALICE, "Nothing was changed")


def test_a_silent_record_gives_back_what_was_typed(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m INC-42 orders are `stuck` now")
    office.ledger.cut = True
    assert form.submit().ok
    told = office.told(ALICE, "cannot be reached")
    assert "What you typed: `/jit request orders-db/read 30m INC-42 orders are 'stuck' now`" in told


def test_a_verdict_needs_a_reason_and_somebody_who_took_no_part(office: PlayedOffice) -> None:
    request = office.make_active(breaks(office))
    shown = alert(office, request)
    assert {"Revoke", "Justified", "Not justified"} <= set(shown.buttons)
    for person, says, reason in (
        (ALICE, "You took part", RefusalReason.OWN_REVIEW),
        (EVE, "not among those who review", RefusalReason.NOT_ALLOWED_TO_REVIEW),
    ):
        assert office.person(person).press(shown, "Justified").ok
        assert request.id in office.told(person, says)
        assert office.refusals()[-1] == (person, "review", reason)
    assert office.person(BOB).press(shown, "Not justified").ok
    form = office.person(BOB).form()
    form.fill({"Reason": "."})
    assert "Say why" in str(form.submit().errors)
    form.fill({"Reason": "there was time to ask"})
    assert form.submit().ok
    office.wait(lambda: office.request(request.id).reviewed is not None)
    reviewed = office.request(request.id).reviewed
    assert reviewed is not None
    assert (reviewed.verdict, reviewed.reviewer, reviewed.reason) == ("not_justified", BOB, "there was time to ask")
    office.person(CAROL).press(shown, "Justified")
    assert "reviewed already" in office.told(CAROL, "reviewed already")
    again = alert(office, request)
    assert again.buttons == ["Revoke"]
    assert draw_alert(office.alerts()[0], office.request(request.id), office.directory.name).blocks


def test_while_a_review_is_open_the_next_one_waits_for_a_co_signer(office: PlayedOffice) -> None:
    request = office.make_active(breaks(office))
    office.use_cases.revoke(by(CAROL), request.id, "enough")
    second = breaks(office)
    assert "waits for a co-signer" in office.told(ALICE, "co-signer")
    shown = office.card(second)
    assert office.person(ALICE).press(shown, "Approve").ok
    office.told(ALICE, "You asked for this yourself")
    office.person(EVE).press(shown, "Approve")
    office.told(EVE, "Approved.")
    assert "co-signed by eve" in office.card(second).text.lower()
