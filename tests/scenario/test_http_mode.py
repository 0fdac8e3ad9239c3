"""The bot in HTTP mode, and what it says of itself to whoever watches over it."""

import json
import socket
import sqlite3
import threading
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import structlog

from bot.followers.cards import Cards
from bot.main import run
from bot.manifest import REQUEST_PATH
from jit.clock import SystemClock
from jit.facts import Alert, Refused
from jit.ledger import Ledger, Question, StoredDirectory, connect
from jit.requests.lifecycle import State
from jit.runtime.settings import Address, CannotStart
from playground.faults import Fault, Outage
from playground.http_mode import RequestUrl
from playground.person import Person
from playground.sample import ALICE, APP_TOKEN, BOB, EVE, REQUESTS, SIGNING_SECRET, TEAM
from tests.scenario.bot_thread import BotThread
from tests.world.waiting import HUNG, wait_until
from tests.world.web import FORM, JSON, ask, free_port, send

pytestmark = pytest.mark.scenario

WHY = "need to look at stuck orders"
READY = {"slack": True, "ledger": True, "groups": True, "policies": True}


class Bot(BotThread):
    """In HTTP mode unless told otherwise."""

    def __init__(self, stage, folder, **ways_in):
        self.stage = stage
        self.port = free_port()
        ways_in = ways_in or {"slack_app_token": None, "slack_signing_secret": SIGNING_SECRET}
        super().__init__(stage.slack, folder, listen=Address("127.0.0.1", self.port), **ways_in)
        self.ledger = Ledger(connect(self.settings.ledger_url.get_secret_value()), SystemClock())
        self.url = stage.slack.deliver_to(f"http://127.0.0.1:{self.port}{REQUEST_PATH}")
        self.url.patience = HUNG

    def __enter__(self):
        super().__enter__()
        wait_until(self.answers)
        return self

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.ledger.engine.dispose()

    def answers(self):
        try:
            return ask(self.port, "GET", "/healthz").status
        except OSError:
            return False

    def says(self, path):
        """The status, and what is said of each part."""
        answer = ask(self.port, "GET", path)
        return answer.status, json.loads(answer.body)["parts"]

    def ready(self):
        return self.says("/readyz") == (200, READY)

    def requests(self):
        return self.ledger.requests(Question())

    def facts(self, kind):
        return [entry.fact for entry in self.ledger.read() if isinstance(entry.fact, kind)]

    def asked(self):
        """A request of Alice's, through the form."""
        before = len(self.requests())
        alice = Person(self.stage, ALICE)
        assert alice.command("/jit", "request", channel=REQUESTS).ok
        alice.form().fill(Access="orders-db/read", Duration="30m", Reason=WHY)
        answer = alice.form().submit()
        assert (answer.ok, answer.errors) == (True, {})
        wait_until(lambda: len(self.requests()) > before)
        return self.requests()[0]

    def reaches(self, request, state):
        wait_until(lambda: self.ledger.request(request.id).state is state)


def card(person, request, button):
    """The card of a request, once it has this button."""

    def shown():
        cards = [seen for seen in person.sees(REQUESTS) if request.id in seen.text and not seen.ephemeral]
        return next((seen for seen in cards if any(each.startswith(button) for each in seen.buttons)), None)

    return person.wait_for(shown)


@contextmanager
def ready(stage, folder, **ways_in):
    with Bot(stage, folder, **ways_in) as bot:
        wait_until(bot.ready)
        yield bot


def test_commands_menus_forms_presses_and_events_come_in_over_http(stage, tmp_path):
    with ready(stage, tmp_path) as bot:
        alice, bob, eve = (Person(stage, who) for who in (ALICE, BOB, EVE))
        assert alice.command("/jit", "request", channel=REQUESTS).ok
        assert "orders-db/read" in " ".join(alice.form().options("Access", "orders"))
        alice.form().fill(Access="orders-db/read", Duration="3 weeks", Reason=WHY)
        assert alice.form().submit().errors.keys() == {"Duration"}
        alice.form().fill(Duration="30m")
        assert not alice.form().submit().errors
        assert not alice.has_form()
        wait_until(bot.requests)
        [request] = bot.requests()

        assert eve.press(card(eve, request, "Approve"), "Approve").ok
        eve.finds("not among those who decide", channel=REQUESTS)
        assert bob.press(card(bob, request, "Approve"), "Approve").ok
        bot.reaches(request, State.APPROVED)

        assert alice.press(card(alice, request, "Withdraw"), "Withdraw").ok
        bot.reaches(request, State.WITHDRAWN)
        second = bot.asked()
        assert bob.press(card(bob, second, "Deny"), "Deny").ok
        bob.form().fill(Reason="no, as it is too late")
        assert bob.form().submit().ok
        bot.reaches(second, State.DENIED)

        stage.slack.faults.plan("usergroups.list", Fault.SERVER_ERROR, times=1_000_000)
        stage.set_members("S0DBA0001", [EVE])
        wait_until(lambda: StoredDirectory(bot.ledger.engine).groups().members["S0DBA0001"] == {EVE})
        assert stage.failures() == []


def test_slacks_question_whether_the_address_is_ours_is_answered_if_it_is_signed(stage, tmp_path):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    with ready(stage, tmp_path) as bot:
        answer = send(bot.port, bot.url.signed(body, JSON))
        assert (answer.status, json.loads(answer.body)) == (200, {"challenge": "3eZbrw1aB"})
        assert ask(bot.port, "POST", REQUEST_PATH, body, [("Content-Type", JSON)]).status == 401


def press(person, action):
    """What Slack posts when somebody presses a button."""
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "jit-playground"},
        "user": {"id": person.id, "team_id": TEAM},
        "channel": {"id": REQUESTS},
        "trigger_id": "1.2.3",
        "actions": [action],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def test_a_press_that_somebody_replays_is_refused_and_recorded_once(stage, tmp_path):
    with ready(stage, tmp_path) as bot:
        request, eve = bot.asked(), Person(stage, EVE)
        posted = bot.url.signed(press(eve, card(eve, request, "Approve").action("Approve")), FORM)
        assert send(bot.port, posted).status == 200
        wait_until(lambda: bot.facts(Refused))
        for _ in range(3):
            assert send(bot.port, posted).status == 401
        approved(bot, request)
        assert len(bot.facts(Refused)) == 1


def approved(bot, request):
    """By Bob, after all that was to be in vain."""
    bob = Person(bot.stage, BOB)
    assert bob.press(card(bob, request, "Approve"), "Approve").ok
    bot.reaches(request, State.APPROVED)


def test_a_press_that_slack_did_not_sign_now_decides_nothing_and_is_not_in_the_log(stage, tmp_path):
    with ready(stage, tmp_path) as bot:
        request, bob = bot.asked(), Person(stage, BOB)
        action = card(bob, request, "Approve").action("Approve")
        signed = bot.url.signed(press(bob, action), FORM)
        ago = RequestUrl(stage.slack.world.workspace, "", lambda: stage.slack.world.clock() - 301, lambda: False)
        late = ago.signed(signed.body, FORM)
        forged = {**signed.headers, "X-Slack-Signature": f"v0={'0' * 64}"}
        before = bot.ledger.last_index()
        with structlog.testing.capture_logs() as log:
            for headers in (forged, late.headers, {"Content-Type": FORM}):
                answer = ask(bot.port, "POST", REQUEST_PATH, signed.body, list(headers.items()))
                assert (answer.status, answer.body) == (401, b"")
        reasons = [line["reason"] for line in log if line["event"] == "http.refused"]
        assert reasons == ["forged", "not_of_now", "unsigned"]
        assert action["value"] not in str(log)
        assert late.headers["X-Slack-Signature"] not in str(log)
        assert bot.ledger.last_index() == before
        approved(bot, request)


def test_before_slack_answers_it_is_alive_and_not_ready(stage, tmp_path):
    stage.slack.break_down(Outage.UNAVAILABLE)
    with Bot(stage, tmp_path) as bot:
        wait_until(lambda: bot.says("/readyz")[1] == {**READY, "slack": False, "groups": False})
        assert ask(bot.port, "GET", "/readyz").status == 503
        assert ask(bot.port, "GET", "/healthz").status == 200
        assert send(bot.port, bot.url.signed(b"{}", JSON)).status == 503
        stage.slack.mend()
        wait_until(bot.ready)
        assert stage.command(ALICE, "/jit", "help", REQUESTS)["ok"]


def test_before_groups_are_known_it_is_not_ready(stage, tmp_path):
    stage.slack.faults.plan("usergroups.list", Fault.RATE_LIMITED, times=1)
    stage.slack.faults.plan("usergroups.list", Fault.SERVER_ERROR, times=1_000_000)
    with Bot(stage, tmp_path) as bot:
        wait_until(lambda: bot.says("/readyz") == (503, {**READY, "groups": False}))


def test_while_the_ledger_takes_nothing_it_is_alive_and_not_ready(stage, tmp_path, monkeypatch):
    monkeypatch.setattr("jit.ledger.database.BUSY_SECONDS", 1)
    with ready(stage, tmp_path) as bot:
        with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            wait_until(lambda: bot.says("/readyz") == (503, {**READY, "ledger": False}))
            status, parts = bot.says("/healthz")
            assert (status, set(parts.values())) == (200, {True})
            other.execute("ROLLBACK")
        wait_until(bot.ready)


def test_rules_that_cannot_be_read_take_no_presses_from_it(stage, tmp_path, monkeypatch):
    """Those of before decide, and an alert says so."""
    monkeypatch.setattr("jit.policy.files.folder.LOOK_EVERY", timedelta(0))
    with ready(stage, tmp_path) as bot:
        (tmp_path / "a.policy.yml").write_text("acess: {}\n")
        wait_until(lambda: any("acess" in fact.says for fact in bot.facts(Alert)))
        assert bot.says("/readyz") == (200, READY)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_makes_it_unwell(stage, tmp_path, monkeypatch):
    die = threading.Event()
    step = Cards.step

    def until_it_dies(self):
        if die.is_set():
            raise SystemExit
        return step(self)

    monkeypatch.setattr(Cards, "step", until_it_dies)
    with ready(stage, tmp_path) as bot:
        status, parts = bot.says("/healthz")
        assert (status, set(parts.values())) == (200, {True})
        assert {"cards", "messages", "mirror", "watch", "rules", "groups"} <= parts.keys()
        die.set()
        wait_until(lambda: bot.says("/healthz") == (503, {**parts, "cards": False}))


def test_an_address_that_is_taken_ends_the_start_before_it_is_recorded(stage, tmp_path):
    bot = Bot(stage, tmp_path)
    with socket.create_server(("127.0.0.1", bot.port)), pytest.raises(CannotStart, match="JIT_LISTEN"):
        run(bot.settings, stop=bot.stop)
    assert bot.ledger.last_index() == 0
    bot.ledger.engine.dispose()


def test_in_socket_mode_it_tells_how_it_is_and_takes_nothing(stage, tmp_path, monkeypatch):
    monkeypatch.setattr("bot.socket_mode.PING_EVERY", 1)
    with ready(stage, tmp_path, slack_app_token=APP_TOKEN) as bot:
        assert send(bot.port, bot.url.signed(b"{}", JSON)).status == 404
        stage.slack.hub.refusing = True
        stage.slack.hub.hang_up()
        wait_until(lambda: bot.says("/readyz") == (503, {**READY, "slack": False}))
        stage.slack.hub.refusing = False
        wait_until(bot.ready)
