"""What people type and fill in, through the playground and a real Bolt app in Socket Mode."""

import pytest

from bot.refusals import Shown
from jit.facts import RefusalReason
from jit.ledger import Notes
from jit.ledger.undelivered import REFUSED, Undelivered
from jit.requests.refusal import Refusal
from playground import person as played
from playground.sample import ALICE, BOB, CAROL, EVE, MALLORY, REQUESTS
from playground.world import Channel
from tests.world.played_office import PlayedOffice, by

pytestmark = pytest.mark.scenario


COMMANDS = {
    "": "/jit request",
    "help": "/jit list",
    "  HeLp ": "/jit list",
    "“help”": "/jit list",
    "@jit help": "/jit list",
    "reqest": "Did you mean `/jit request`?",
    "requst Orders-DB/read  1h <why> *not*": "/jit request Orders-DB/read  1h <why> *not*",
    "relase R-7F3K": "/jit release R-7F3K",
    "orders-db/read 1h db down": "/jit request orders-db/read 1h db down",
    "1h orders-db/read": "/jit request 1h orders-db/read",
    "end orders-db/read": "/jit release orders-db/read",
    "cancel R-7F3K": "*Withdraw*",
    "<!channel>  x": "/jit <!channel> x",
    "reqest orders-db/read 1h password=hunter2hunter2": "looks like it holds a password",
    "<!channel>": "There is no `/jit &lt;!channel&gt;`.",
    "show": "Say which request",
    "revoke yesterday!": "Say which request",
}


def test_command_that_needs_nothing_looked_up_is_answered_in_the_acknowledgement(office: PlayedOffice) -> None:
    for typed, answer in COMMANDS.items():
        given = office.jit(ALICE, typed)
        assert given.ok, typed
        assert answer in str(given.ack), typed
        assert "hunter2" not in str(given.ack), typed
    assert office.ledger.read() == []


def test_form_opens_with_what_was_typed(office: PlayedOffice) -> None:
    form = office.form(ALICE, "Request  Orders-DB/Read 30 min inc-42 db down: need shell")
    assert form.labels == ["Access", "Also", "Duration", "Reason", "Incident", "Start"]
    typed = ["orders-db/read", [], "30m", "db down: need shell", "INC-42", None]
    assert [form.value(label) for label in form.labels] == typed
    assert "At most 8 h · decided by 1 of dba" in form.text


def test_who_asks_is_told_at_once_that_slack_takes_no_cards_there(office: PlayedOffice) -> None:
    before = Undelivered("cards", "R-7F3K", Shown.CARD, REQUESTS, "restricted_action", office.clock.now())
    Notes(office.engine, "cards").put({REFUSED + before.key: before.as_note()})
    request = office.ask()
    says = "waits for 1 of @dba, but Slack takes no cards in #access-requests now. Security is told; whoever may decide"
    assert office.told(ALICE, f"Asked. {request.id} {says} finds it in this app's Home.")


def test_form_says_what_it_could_not_use(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/raed 1.5h db down")
    assert "“orders-db/raed” is not among the accesses you may ask for." in form.text
    assert "“1.5h” was not used as a duration." in form.text
    assert form.value("Reason") == "db down"


def test_a_slip_is_taken_by_a_press_and_what_was_typed_stays(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request db down orders-db/raed for 1h INC-42")
    assert form.value("Access") is None
    form.fill({"Reason": "db down: orders are stuck"})
    assert form.press("Use orders-db/read").ok
    office.wait(lambda: form.value("Access") == "orders-db/read")
    assert "Did you mean" not in form.text
    assert "At most 8 h · decided by 1 of dba" in form.text
    assert [form.value(each) for each in ("Duration", "Reason", "Incident")] == [
        "1h",
        "db down: orders are stuck",
        "INC-42",
    ]
    assert "orders-db/write" in form.options("Access", "write")
    assert form.submit().ok
    assert office.wait(office.requests)[0].access == "orders-db/read"


def test_an_offer_for_what_one_may_not_ask_for_is_not_taken(office: PlayedOffice) -> None:
    form = office.form(CAROL, "request orders-db/raed 1h db down")
    assert "Did you mean" not in form.text
    form = office.form(ALICE, "request orders-db/raed 1h db down")
    button = next(block["accessory"] for block in form.view["blocks"] if "accessory" in block)
    office.person(ALICE).press_raw(played.Shown({"view": form.view}), button | {"block_id": "note", "value": "no/such"})
    office.person(ALICE).press_raw(played.Shown({"view": form.view}), button | {"block_id": "note", "value": None})
    office.ask()
    assert form.value("Access") is None


def test_secret_in_the_command_never_reaches_the_form(office: PlayedOffice) -> None:
    form = office.form(ALICE, "request orders-db/read 30m password=hunter2hunter2")
    assert "hunter2" not in str(form.view)
    assert "leave it out" in form.text


def test_access_list_holds_what_this_person_may_ask_for_and_is_searched(office: PlayedOffice) -> None:
    form = office.form(ALICE)
    assert form.options("Access") == ["orders-db/admin", "orders-db/read", "orders-db/write"]
    assert form.options("Access", "ROWS read") == []
    assert form.options("Access", "ORDERS every") == ["orders-db/read"]
    assert form.options("Access", "no such thing") == []
    assert office.form(CAROL).options("Access") == []
    office.stage.slack.world.set_members("S0ENGIN01", [ALICE, BOB, EVE, MALLORY])
    office.wait(lambda: MALLORY in office.directory.groups().members["S0ENGIN01"])
    office.jit(MALLORY, "request")
    office.told(MALLORY, "Only full members")


def test_access_asked_for_most_comes_first(office: PlayedOffice) -> None:
    for _ in range(2):
        request = office.ask(access="orders-db/write")
        office.use_cases.withdraw(by(ALICE), request.id)
    assert office.form(ALICE).options("Access")[0] == "orders-db/write"


def test_choosing_an_access_says_what_it_wants_and_keeps_what_was_typed(office: PlayedOffice) -> None:
    form = office.form(ALICE)
    form.fill({"Duration": "45m", "Access": "orders-db/admin"})
    office.wait(lambda: "At most 1 h · decided by 1 of dba and 1 of security" in form.text)
    assert "Needed here: an incident or ticket like INC-4711." in form.text
    assert "(INC|CHG)" not in str(form.view)
    assert form.value("Duration") == "45m"
    form.fill({"Reason": "drop a column"})
    wanted = "an incident or ticket like INC-4711."
    assert form.submit(checked=False).errors == {"Incident": f"orders-db/admin needs {wanted}"}
    form.fill({"Incident": "JIRA-1"})
    assert form.submit(checked=False).errors == {"Incident": f"This is not {wanted}"}


def test_bad_duration_is_said_at_the_field(office: PlayedOffice) -> None:
    form = office.form(EVE).fill({"Access": "orders-db/read", "Reason": "db down"})
    for duration in ("0", "-1h", "1.5m", "abc", "", "9h", "\u0663\u0660m", "30", "1h1h", " "):
        form.fill({"Duration": duration})
        assert list(form.submit(checked=False).errors) == ["Duration"], duration
    assert office.requests() == []


def test_reason_that_may_not_be_kept_is_refused_at_the_field(office: PlayedOffice) -> None:
    form = office.form(EVE).fill({"Access": "orders-db/read", "Duration": "30m"})
    for reason, says in (
        ("", "Say why"),
        ("down\0", "NUL"),
        ("half \ud83d", "lone surrogate"),
        ("x" * 2001, "at most 2000"),
        ("password: hunter2hunter2", "leave it out"),
        ("AKIAIOSFODNN7EXAMPLE", "leave it out"),
    ):
        form.fill({"Reason": reason})
        assert says in form.submit(checked=False).errors["Reason"], reason
    assert office.requests() == []


def test_reason_is_kept_byte_for_byte_and_pings_nobody(office: PlayedOffice) -> None:
    reason = "<!channel> *now*\nUntil: forever\n> `x` <@U02BOB000> & \u202egnitirw 🔥"
    form = office.form(ALICE)
    form.fill({"Access": "orders-db/read", "Duration": "1h30m", "Reason": reason})
    assert not form.submit().errors
    office.told(ALICE, "Asked.")
    assert office.requests()[0].why == reason
    office.jit(ALICE, f"show {office.requests()[0].id}")
    office.told(ALICE, "asked for")
    assert all(not shown.pings & {"channel", BOB} for shown in office.person(ALICE).sees(REQUESTS))


def test_answer_to_a_form_goes_to_where_the_command_was_typed_or_else_to_the_dm(office: PlayedOffice) -> None:
    request = office.ask()
    said = f"Asked. {request.id} waits for 1 of @dba in #access-requests."
    assert office.told(ALICE, request.id) == said
    private = Channel("C0PRIVATE", "private", {EVE}, private=True)
    office.stage.slack.world.add_channel(private)
    office.jit(EVE, "request orders-db/read 30m db down", channel=private.id)
    assert office.person(EVE).form().submit().ok
    assert office.person(EVE).finds("Asked.").text


def test_who_is_away_names_who_stands_in_by_a_command(office: PlayedOffice) -> None:
    office.jit(BOB, "away 3d @carol for dba")
    assert "For what dba decides, Carol is asked instead of you." in office.told(BOB, "You are away until")
    office.jit(BOB, "away 3d @alice")
    office.told(BOB, "A substitute is of the same group")
    office.jit(BOB, "back")
    office.told(BOB, "You are back, and asked again.")
    assert [fact.kind for fact in office.facts() if fact.kind != "refused"] == ["away", "back"]


def test_a_press_of_somebody_whose_email_changed_is_refused_in_words(office: PlayedOffice) -> None:
    request = office.ask()
    office.directory.look_up(BOB)
    office.stage.slack.world.change_user(BOB, name="mallory")
    office.wait(lambda: office.directory.look_up(BOB).email_changed)
    with pytest.raises(Refusal) as refused:
        office.use_cases.approve(by(BOB), request.id, request.digest)
    assert refused.value.reason is RefusalReason.EMAIL_CHANGED
