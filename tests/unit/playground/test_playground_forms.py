"""Forms as a person fills them in; the app on the other side is a stub that acknowledges as told."""

from types import SimpleNamespace

import pytest

from playground.interaction import Stage
from playground.person import NotThere, Person
from playground.sample import ALICE, REQUESTS, sample_workspace
from playground.world import Missing


def plain(text):
    return {"type": "plain_text", "text": text}


def option(name):
    return {"text": plain(name), "value": name.lower()}


def field(name, element, **more):
    return {"type": "input", "block_id": name.lower(), "label": plain(name), "element": element, **more}


ACCESS = {"type": "external_select", "action_id": "access", "min_query_length": 0}
DURATION = {"type": "static_select", "action_id": "duration", "options": [option("30m"), option("1h")]}
REASON = {"type": "plain_text_input", "action_id": "reason", "min_length": 3, "max_length": 10}
FORM = {
    "type": "modal",
    "callback_id": "request",
    "private_metadata": "kept",
    "title": plain("Request"),
    "submit": plain("Ask"),
    "blocks": [
        field("Access", ACCESS, dispatch_action=True),
        field("Duration", DURATION),
        field("Reason", REASON),
        field("Incident", {"type": "plain_text_input", "action_id": "incident"}, optional=True),
    ],
}
FOUND = {"options": [option("orders-db/read"), option("orders-db/admin")]}


@pytest.fixture
def slack():
    return sample_workspace()


@pytest.fixture
def app(slack, monkeypatch):
    """What the app got, and by type what it acknowledges with."""

    stub = SimpleNamespace(got=[], says={"block_suggestion": FOUND})

    def ask(_kind, payload):
        stub.got.append(payload)
        return stub.says.get(payload["type"], {})

    monkeypatch.setattr(slack.hub, "ask", ask)
    return stub


@pytest.fixture
def stage(slack, app):
    return Stage(slack)


@pytest.fixture
def alice(stage):
    return Person(stage, ALICE)


@pytest.fixture
def form(slack, alice):
    slack.views.open(ALICE, FORM)
    return alice.form()


def filled(form):
    return form.fill(Access="orders-db/read", Duration="30m", Reason="stuck")


def test_a_form_is_read_by_its_labels(form):
    assert form.labels == ["Access", "Duration", "Reason", "Incident"]
    assert form.text.splitlines()[0] == "Request"
    assert form.text.splitlines()[-1] == "[Ask]"


def test_what_is_entered_is_seen(form):
    assert "Reason: […]" in form.text
    assert "Duration: [Duration ▾]" in form.text
    filled(form)
    assert "Reason: [stuck]" in form.text
    assert "Duration: [30m ▾]" in form.text


def test_a_submission_carries_what_was_entered(form, app):
    filled(form).submit()
    sent = app.got[-1]
    assert (sent["type"], sent["view"]["callback_id"], sent["view"]["private_metadata"]) == (
        "view_submission",
        "request",
        "kept",
    )
    values = sent["view"]["state"]["values"]
    assert values["access"]["access"]["selected_option"] == option("orders-db/read")
    assert values["duration"]["duration"]["selected_option"] == option("30m")
    assert values["reason"]["reason"] == {"type": "plain_text_input", "value": "stuck"}
    assert values["incident"]["incident"]["value"] is None


def test_a_submission_without_an_answer_closes_the_form(form, alice):
    answer = filled(form).submit()
    assert (answer.ok, answer.errors) == (True, {})
    assert not alice.has_form()


def test_a_menu_that_searches_asks_the_app(form, app):
    assert form.options("Access", "ord") == ["orders-db/read", "orders-db/admin"]
    asked = app.got[-1]
    assert (asked["type"], asked["action_id"], asked["value"]) == ("block_suggestion", "access", "ord")
    assert asked["view"]["callback_id"] == "request"


def test_a_menu_that_searches_waits_for_three_letters_unless_told(slack, alice, app):
    patient = {key: value for key, value in ACCESS.items() if key != "min_query_length"}
    slack.views.open(ALICE, FORM | {"blocks": [field("Access", patient)]})
    assert alice.form().options("Access", "or") == []
    assert app.got == []
    assert alice.form().options("Access", "ord") != []


def test_a_choice_that_is_not_offered_cannot_be_made(form):
    with pytest.raises(NotThere, match="2h"):
        form.fill(Duration="2h")
    with pytest.raises(NotThere, match="Colour"):
        form.fill(Colour="red")


def test_a_choice_may_be_forged(form, app):
    form.fill(Access=option("secrets/all"))
    chosen = form.view["state"]["values"]["access"]["access"]["selected_option"]
    assert chosen["value"] == "secrets/all"


def test_the_app_hears_of_a_choice_where_it_asked_to(form, app):
    form.fill(Duration="1h")
    assert app.got == []
    form.fill(Access="orders-db/read")
    heard = app.got[-1]
    assert heard["type"] == "block_actions"
    assert heard["actions"][0]["selected_option"] == option("orders-db/read")
    assert heard["container"] == {"type": "view", "view_id": form.view["id"]}


def test_errors_stand_at_their_fields_and_the_form_stays(form, app, alice):
    app.says["view_submission"] = {"response_action": "errors", "errors": {"reason": "say more"}}
    answer = filled(form).submit()
    assert answer.errors == form.errors == {"Reason": "say more"}
    assert alice.has_form()


def test_errors_for_a_field_that_is_not_there_are_a_failure(form, app, alice):
    app.says["view_submission"] = {"response_action": "errors", "errors": {"colour": "no"}}
    answer = filled(form).submit()
    assert (answer.ok, answer.error, answer.problems) == (False, "invalid_errors", ["colour"])


def test_a_client_sends_nothing_while_a_field_is_wrong(form, app):
    answer = form.fill(Duration="30m", Reason="no").submit()
    assert set(answer.errors) == {"Access", "Reason"}
    assert app.got == []
    form.fill(Reason="x" * 11)
    assert "at most 10" in form.submit().errors["Reason"]
    form.submit(checked=False)
    assert app.got[-1]["type"] == "view_submission"


COUNT = {"type": "number_input", "action_id": "a", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}
MAIL = {"type": "email_text_input", "action_id": "a"}
PLACE = {"type": "url_text_input", "action_id": "a"}


def entered(slack, alice, element, typed):
    """What comes of a form with one field of this kind."""
    slack.views.open(ALICE, FORM | {"blocks": [field("Entry", element)]})
    return alice.form().fill(Entry=typed).submit()


@pytest.mark.parametrize(
    ("element", "typed", "said"),
    [
        (COUNT, "many", "a number"),
        (COUNT, "NaN", "a number"),
        (COUNT, "1.5", "a whole number"),
        (COUNT, "0", "at least 1"),
        (COUNT, "10", "at most 9"),
        (MAIL, "a@b", "an e-mail address"),
        (PLACE, "a.example", "begins with https"),
    ],
)
def test_what_is_typed_must_have_the_form_its_field_asks_for(slack, alice, element, typed, said):
    assert said in entered(slack, alice, element, typed).errors["Entry"]


def test_only_what_has_that_form_is_sent(slack, alice, app):
    fine = [(COUNT, "1"), (COUNT, "9"), (COUNT | {"is_decimal_allowed": True}, "1.5")]
    for element, typed in (*fine, (MAIL, "a@b.example"), (PLACE, "http://a.example/x")):
        assert entered(slack, alice, element, typed).ok
        assert app.got.pop()["type"] == "view_submission", typed
    entered(slack, alice, COUNT, "many")
    assert app.got == []


def test_a_form_replaced_by_the_answer_keeps_its_place(form, app, alice):
    app.says["view_submission"] = {"response_action": "update", "view": FORM | {"title": plain("Again")}}
    filled(form).submit()
    assert alice.form().text.startswith("Again")


def test_a_form_put_on_top_goes_away_alone(form, app, alice):
    app.says["view_submission"] = {"response_action": "push", "view": FORM | {"title": plain("Sure?")}}
    filled(form).submit()
    assert alice.form().text.startswith("Sure?")
    form.close()
    assert alice.form().text.startswith("Request")
    app.says["view_submission"] = {"response_action": "clear"}
    form.submit()
    assert not alice.has_form()


def test_a_bad_view_in_the_answer_is_a_failure(form, app, alice):
    app.says["view_submission"] = {"response_action": "update", "view": {"type": "modal", "blocks": []}}
    answer = filled(form).submit()
    assert (answer.ok, answer.error) == (False, "invalid_view")
    assert "title" in answer.problems[0]


def test_what_was_entered_outlives_an_update_of_the_form(form, slack):
    filled(form)
    slack.views.update(form.view["id"], FORM | {"title": plain("Drawn anew")})
    assert form.value("Reason") == "stuck"
    assert form.value("Duration") == "30m"


def test_a_first_value_stands_in_the_form(slack, alice):
    duration = DURATION | {"initial_option": option("1h")}
    reason = REASON | {"initial_value": "INC-42"}
    slack.views.open(ALICE, FORM | {"blocks": [field("Duration", duration), field("Reason", reason)]})
    assert (alice.form().value("Duration"), alice.form().value("Reason")) == ("1h", "INC-42")


def test_closing_is_told_only_to_an_app_that_asked(slack, alice, app):
    slack.views.open(ALICE, FORM)
    alice.form().close()
    assert app.got == []
    slack.views.open(ALICE, FORM | {"notify_on_close": True})
    alice.form().close()
    assert (app.got[-1]["type"], app.got[-1]["is_cleared"]) == ("view_closed", False)


@pytest.mark.parametrize("answer", [{"options": [option("x")] * 101}, {"options": [option("")]}, {}])
def test_suggestions_slack_would_not_take_are_a_failure(stage, form, app, answer):
    app.says["block_suggestion"] = answer
    assert form.options("Access", "x") == []
    assert stage.failures()[-1]["error"] == "invalid_options"


def test_nothing_is_entered_into_a_form_that_is_closed(form, slack):
    form.close()
    with pytest.raises(Missing, match="no_form"):
        slack.views.enter(ALICE, "reason", "reason", {})


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"view": {"id": "V1"}}, {"type": "view", "view_id": "V1"}),
        (
            {"channel": REQUESTS, "message": {"ts": "1.000100"}, "ephemeral": False},
            {"type": "message", "message_ts": "1.000100", "channel_id": REQUESTS, "is_ephemeral": False},
        ),
    ],
)
def test_a_menu_says_where_it_stands_when_it_searches(stage, app, seen, told):
    stage.suggest(ALICE, "access", "access", "ord", seen)
    assert app.got[-1]["container"] == told


def test_a_closed_form_is_no_longer_there(form):
    form.close()
    with pytest.raises(NotThere):
        _ = form.text


def test_a_home_is_seen_and_its_buttons_pressed(slack, alice, app):
    button = {"type": "button", "action_id": "new", "text": plain("New request")}
    slack.views.publish(ALICE, {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]})
    home = alice.home()
    assert home.buttons == ["New request"]
    alice.press(home, "New")
    assert app.got[-1]["container"]["type"] == "view"
    assert app.got[-1]["view"]["type"] == "home"


@pytest.mark.parametrize(("clear", "left"), [(False, True), (True, False)])
def test_closing_the_top_form_may_close_those_below(slack, alice, app, clear, left):
    slack.views.open(ALICE, FORM)
    slack.views.push(ALICE, FORM | {"clear_on_close": clear})
    alice.form().close()
    assert alice.has_form() is left
